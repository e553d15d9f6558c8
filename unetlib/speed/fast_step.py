"""The training step with everything that makes it fast. Introduced in chapter 10."""

from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from unetlib.batcher import Batcher
from unetlib.recipe import Recipe
from unetlib.speed.cuda_graph import GraphedSteps
from unetlib.speed.distributed import bare, parallel, rank, world_size
from unetlib.speed.options import FAST, Speed, multiplies_bfloat16
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
        if speed.bfloat16 is None:
            self.bfloat16 = multiplies_bfloat16(self.device)
        self.network = parallel(model)  # what is called, with the model's parameters
        if speed.compile:
            self.network = torch.compile(self.network)
        self.graphed: GraphedSteps | None = None

    def adam(self) -> torch.optim.Adam:
        return torch.optim.Adam(
            self.model.parameters(),
            lr=self.recipe.lr,
            fused=self.speed.fused,
            capturable=self.speed.graph and self.device.type == "cuda",
        )

    def forward(self, noisy: Tensor) -> Tensor:
        bfloat16 = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.bfloat16
        )
        with bfloat16, composed(self.model) if self.speed.composed else nullcontext():
            return self.network(noisy).float()

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
