"""One training step, on CPU or CUDA. Introduced in chapter 04.

How it gets fast stands in `unetlib.speed.options`.
"""

import torch
from torch import Tensor, nn

from unetlib.recipe import Recipe
from unetlib.speed.distributed import local_loss, parallel
from unetlib.speed.options import (
    FAST,
    Composed,
    Speed,
    keep_memory,
    multiplies_bfloat16,
)


def check_device(device: str | torch.device) -> torch.device:
    """The device, or RuntimeError with advice where it is not there.

    Raises ValueError for what is no device at all.
    """
    try:
        device = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f'no device is called "{device}"; ask for "cpu", "cuda" or "cuda:N"'
        ) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f'device "{device}" was asked for, but PyTorch sees no CUDA GPU here. '
            'Use device="cpu"; or, in Colab, choose Runtime > Change runtime type > '
            "GPU; on your own machine, install a CUDA build of PyTorch and its driver"
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise RuntimeError(
            f'device "{device}" was asked for, but the GPUs here end at '
            f'"cuda:{torch.cuda.device_count() - 1}"'
        )
    return device


class TrainStep:
    """One training step: forward, loss, backward, update.

    model: already on its device. recipe: gives loss, learning rate and schedule.
    steps: how many steps the whole run has (the one-cycle schedule needs it).
    speed: which ways to be fast it takes; `PLAIN` for none.
    Under torchrun every process makes one, and they take each step together.
    """

    def __init__(
        self, model: nn.Module, recipe: Recipe, steps: int, speed: Speed = FAST
    ) -> None:
        self.recipe = recipe
        self.loss = local_loss(recipe)  # the recipe's, save under torchrun
        self.device = next(model.parameters()).device
        self.bfloat16 = speed.bfloat16
        if speed.bfloat16 is None:
            self.bfloat16 = multiplies_bfloat16(self.device)
        if speed.keep_memory and self.device.type == "cpu":
            keep_memory()
        if speed.channels_last:
            model.to(memory_format=torch.channels_last)
        self.forward = parallel(Composed(model) if speed.composed else model)
        if speed.compile:
            self.forward = torch.compile(self.forward)
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=recipe.lr,
            fused=speed.fused,
            capturable=speed.graph and self.device.type == "cuda",
        )
        # Adam's betas stay as they are: a CUDA graph could not follow them.
        self.schedule = (
            torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer,
                max_lr=recipe.lr,
                total_steps=steps,
                cycle_momentum=False,
            )
            if recipe.one_cycle
            else torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)
        )

    def __call__(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Learn from one batch; returns its loss, a scalar still on the device.

        Under torchrun: from this process's share of the batch. The mean of what the
        processes return is then the loss of the joint batch.
        """
        loss = self.learn(noisy, clean)
        self.schedule.step()
        return loss

    def learn(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """The same, but the schedule stays where it is: all that a GPU does."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            output = self.forward(noisy)
        loss = self.loss(output.float(), clean)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()  # no .item(): reading the number would stall a GPU

    def state_dict(self) -> dict:
        """How many steps were taken, the learning rate, and what Adam remembers:
        {index of a parameter: {name: tensor}}."""
        return {
            "steps": self.schedule.last_epoch,
            "lr": self.optimizer.param_groups[0]["lr"],
            "adam": self.optimizer.state_dict()["state"],
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from there. How fast to be stays this step's own choice."""
        own = self.optimizer.state_dict()
        own["param_groups"][0]["lr"] = state["lr"]
        adam = {i: self._laid_out(i, memory) for i, memory in state["adam"].items()}
        self.optimizer.load_state_dict({**own, "state": adam})
        steps, lr = state["steps"], state["lr"]
        self.schedule.load_state_dict(
            {"last_epoch": steps, "_step_count": steps + 1, "_last_lr": [lr]}
        )

    def _laid_out(self, index: int, memory: dict[str, Tensor]) -> dict[str, Tensor]:
        """Each tensor in its parameter's order in memory, as fused Adam wants it."""
        parameter = self.optimizer.param_groups[0]["params"][index]
        return {
            name: torch.empty_like(parameter).copy_(value) if value.dim() else value
            for name, value in memory.items()
        }
