"""One training step. Introduced in chapter 04; `unetlib.speed` makes it fast."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import ConstantLR, OneCycleLR

from unetlib.batcher import Batcher
from unetlib.checks import check_step
from unetlib.recipe import Recipe


class TrainStep:
    """One training step: forward, loss, backward, update.

    model: already on its device. recipe: gives loss, learning rate and schedule.
    steps: how many steps the whole run has (the one-cycle schedule needs it).
    Raises UnetlibError for what is none of these.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, steps: int) -> None:
        check_step(model, recipe, steps)
        self.model, self.recipe = model, recipe
        self.device = next(model.parameters()).device
        self.optimizer = self.adam()
        # Adam's betas stay as they are: a CUDA graph could not follow them.
        self.schedule = (
            OneCycleLR(self.optimizer, recipe.lr, steps, cycle_momentum=False)
            if recipe.one_cycle
            else ConstantLR(self.optimizer, factor=1.0)
        )
        averaged = recipe.ema is not None
        self.average = [p.detach().clone() for p in model.parameters() if averaged]

    def adam(self) -> torch.optim.Adam:
        return torch.optim.Adam(self.model.parameters(), lr=self.recipe.lr)

    def __call__(
        self, noisy: Tensor, clean: Tensor, sigma: Tensor | None = None
    ) -> Tensor:
        """Learn from one batch; returns its loss, a scalar still on the device."""
        loss = self.update(noisy, clean, sigma)
        self.schedule.step()
        return loss

    def update(
        self, noisy: Tensor, clean: Tensor, sigma: Tensor | None = None
    ) -> Tensor:
        """The same, but the schedule stays where it is: all that a GPU does."""
        self.optimizer.zero_grad()
        loss = self.derive(noisy, clean, sigma)
        if self.recipe.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.optimizer.step()
        for mean, learned in zip(self.average, self.model.parameters(), strict=False):
            mean.lerp_(learned.detach(), 1 - self.recipe.ema)
        return loss  # no .item(): reading the number would stall a GPU

    def derive(self, noisy: Tensor, clean: Tensor, sigma: Tensor | None) -> Tensor:
        """The batch's loss, after its derivatives have been added to the gradients."""
        loss = self.loss(noisy, clean, sigma)
        loss.backward()
        return loss.detach()

    def loss(self, noisy: Tensor, clean: Tensor, sigma: Tensor | None) -> Tensor:
        """The recipe's loss of the pictures that the network predicts."""
        output = self.forward(noisy)
        denoised = noisy - output if self.recipe.prediction == "residual" else output
        return self.recipe.loss(denoised, clean, sigma)

    def forward(self, noisy: Tensor) -> Tensor:
        """What the network gives, as float32."""
        return self.model(noisy)

    def steps(self, batcher: Batcher, count: int) -> Iterator[Tensor]:
        """Take `count` steps; gives the losses of one or more at a time, (n,)."""
        for _ in range(count):
            yield self(*batcher.draw()).reshape(1)

    def state_dict(self) -> dict:
        """All that the step remembers from one batch to the next."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": self.average,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from there."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        for mean, saved in zip(self.average, state["average"], strict=True):
            mean.copy_(saved)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it, the network has the mean of its weights, where one is kept."""
        self.swap_average()
        try:
            yield
        finally:
            self.swap_average()

    @torch.no_grad()
    def swap_average(self) -> None:
        """Exchange the network's weights and their mean, where they lie."""
        for mean, learned in zip(self.average, self.model.parameters(), strict=False):
            kept = mean.clone()
            mean.copy_(learned)
            learned.copy_(kept)
