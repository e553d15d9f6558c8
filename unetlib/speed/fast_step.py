"""The training step with everything that makes it fast. Introduced in chapter 10."""

from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.autograd import grad

from unetlib.batcher import Batcher
from unetlib.recipe import Recipe
from unetlib.speed.cuda_graph import GraphedSteps
from unetlib.speed.distributed import average, bare, parallel, rank, world_size
from unetlib.speed.options import FAST, Speed, bfloat16_is_faster
from unetlib.speed.threads import Threads, can_share, shares
from unetlib.speed.upsampling import composed
from unetlib.step import TrainStep


class FastStep(TrainStep):
    """`TrainStep`, as fast as `speed` allows; with `PLAIN` it is the same.

    Under torchrun every process makes one, and they take each step together: each
    gives the loss of its own shard, and their mean is that of the joint batch.
    """

    def __init__(
        self, model: nn.Module, recipe: Recipe, steps: int, speed: Speed = FAST
    ) -> None:
        self.speed = speed
        if speed.channels_last:
            model.to(memory_format=torch.channels_last)
        # Saved and looked at is the network itself, called what a reader put around it.
        super().__init__(bare(model), recipe, steps)
        self.bfloat16 = speed.bfloat16
        if speed.bfloat16 is None:  # several processes compute alike
            faster = torch.tensor(float(bfloat16_is_faster(self.device)))
            self.bfloat16 = average(faster.to(self.device)).item() == 1
        self.network = parallel(model)  # what is called, with the model's parameters
        if speed.compile:
            self.network = torch.compile(self.network)
        self.graphed: GraphedSteps | None = None
        alone = self.device.type == "cpu" and world_size() == 1 and not speed.compile
        self.threads = Threads() if speed.threads and alone else None

    def adam(self) -> torch.optim.Adam:
        return torch.optim.Adam(
            self.model.parameters(),
            lr=self.recipe.lr,
            fused=self.speed.fused,
            capturable=self.speed.graph and self.device.type == "cuda",
        )

    def forward(self, noisy: Tensor) -> Tensor:
        # Not kept from one use of a weight to the next: threads would share it.
        options = {"enabled": self.bfloat16, "cache_enabled": False}
        with (
            torch.autocast(self.device.type, torch.bfloat16, **options),
            composed(self.model) if self.speed.composed else nullcontext(),
        ):
            return self.network(noisy).float()

    def derive(self, noisy: Tensor, clean: Tensor, sigma: Tensor | None) -> Tensor:
        batch = (noisy, clean) if sigma is None else (noisy, clean, sigma)
        if not self.divides(batch):
            return super().derive(noisy, clean, sigma)
        learned = [p for p in self.model.parameters() if p.requires_grad]

        def share(*part: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
            loss = self.loss(*part, *[None] * (3 - len(part)))
            if self.recipe.loss_reduction == "mean":
                loss = loss * (len(part[0]) / len(noisy))
            # Not backward(): two threads at one gradient would lose sums.
            return loss.detach(), grad(loss, learned, allow_unused=True)

        # Entered here, too: the first share to be done would leave it for all.
        with composed(self.model) if self.speed.composed else nullcontext():
            losses, gradients = zip(*self.threads.map(share, *batch), strict=True)
        for parameter, parts in zip(learned, zip(*gradients, strict=True), strict=True):
            if parts[0] is not None:
                # Ordered in memory as the parameter: fused Adam takes them as they lie.
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                for part in parts:
                    parameter.grad += part
        return sum(losses)

    def divides(self, batch: tuple) -> bool:
        """Whether to make shares: not for a subclass whose own loss may draw."""
        own = type(self)
        known = (own.loss, own.forward) == (FastStep.loss, FastStep.forward)
        several = self.threads is not None and shares(batch) > 1
        return known and several and can_share(self.network)

    def load_state_dict(self, state: dict) -> None:
        super().load_state_dict(state)
        self.graphed = None  # it has recorded where the old state lies

    def loss(self, noisy: Tensor, clean: Tensor, sigma: Tensor | None) -> Tensor:
        loss = super().loss(noisy, clean, sigma)
        if self.recipe.loss_reduction == "sum" and world_size() > 1:
            # Averaged over the processes, a sum over a shard has to count so often.
            loss = loss * world_size()
        return loss

    def steps(self, batcher: Batcher, count: int) -> Iterator[Tensor]:
        if not (self.speed.graph and self.device.type == "cuda"):
            yield from super().steps(batcher, count)
            return
        if self.graphed is None or self.graphed.batcher is not batcher:
            self.graphed = GraphedSteps(self, batcher)
            if self.graphed.fallback_reason and rank() == 0:
                print(f"no CUDA graph: {self.graphed.fallback_reason}")
        yield from self.graphed.steps(count)
