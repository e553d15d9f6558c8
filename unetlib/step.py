"""One training step, on CPU or CUDA. Introduced in chapter 04."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from unetlib.recipes import Recipe


def check_device(device: str | torch.device) -> torch.device:
    """The device, or RuntimeError with advice where it is not there."""
    device = torch.device(device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f'device "{device}" was asked for, but PyTorch sees no CUDA GPU here. '
            'Use device="cpu"; or, in Colab, choose Runtime > Change runtime type > '
            "GPU; on your own machine, install a CUDA build of PyTorch and its driver"
        )
    return device


class TrainStep:
    """One training step: forward, loss, backward, update.

    model: already on its device. recipe: gives loss, learning rate and schedule.
    steps: how many steps the whole run has (the one-cycle schedule needs it).
    bfloat16: compute convolutions in bfloat16, weights and loss stay float32.
    compile: run the network through `torch.compile`.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        steps: int,
        bfloat16: bool = False,
        compile: bool = False,
    ) -> None:
        self.recipe = recipe
        self.device_type = next(model.parameters()).device.type
        self.bfloat16 = bfloat16
        if bfloat16:  # the layout that bfloat16 kernels want
            model.to(memory_format=torch.channels_last)
        self.forward: Callable[[Tensor], Tensor] = (
            torch.compile(model) if compile else model
        )
        self.optimizer = torch.optim.Adam(model.parameters(), lr=recipe.lr)
        self.schedule = (
            torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer, max_lr=recipe.lr, total_steps=steps
            )
            if recipe.one_cycle
            else torch.optim.lr_scheduler.ConstantLR(self.optimizer, factor=1.0)
        )

    def __call__(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Learn from one batch; returns its loss, a scalar still on the device."""
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.bfloat16):
            output = self.forward(noisy)
        loss = self.recipe.loss(output.float(), clean)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return loss.detach()  # no .item(): reading the number would stall a GPU

    def state_dict(self) -> dict:
        return {
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def load_state_dict(self, state: dict) -> None:
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
