"""Exports training for the page: a whole step of it as one graph, and a look between.

    python book/tools/export_training.py          (make models)

For each of NETWORKS, to book/web/live/training:

NAME-step.onnx  forward, loss, backward and Adam, as `unetlib.step.TrainStep` does it:
    noisy, clean (32, 1, 28, 28), lr, step, skips (); weights, first, second (P,)
    → loss (); new_weights, new_first, new_second (P,)
NAME-look.onnx  noisy (N, 1, 28, 28), weights (P,)
    → denoised, as noisy; features, what the first convolution's block puts out
digits.bin      deflated uint8 pictures: UNSEEN validation digits, then LEARNED others
about.json      {"unseen": UNSEEN, "networks": {NAME: [[key, shape], …]}}: of each
    parameter, in the order of `weights`

step: counts from 1. skips: 1, or 0 to cut the skip connections; `unet` has none.
weights: all parameters in one row, as `parameters_to_vector` puts them; first and
second: Adam's means of their gradients and of the squares, 0 at first.
"""

import json
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto
from torch import Tensor, nn
from torch._decomp import get_decompositions
from torch.func import functional_call
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import pad

from unetlib.data import load_mnist, split
from unetlib.model import SkipUnet, Unet, Up, count_parameters
from unetlib.recipe import BOOK

FOLDER = Path(__file__).resolve().parents[1] / "web" / "live" / "training"
BATCH = 32
UNSEEN, LEARNED = 96, 3000
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "skip-4": lambda: SkipUnet(4),
    "skip-8": lambda: SkipUnet(8),
    "skip-16": lambda: SkipUnet(16),
    "unet": Unet,
}
BETAS, EPS = (0.9, 0.999), 1e-8  # as torch.optim.Adam has them


# ---------- backward passes that ONNX has no operator for ----------


def convolution_backward(grad, x, weight, _bias, *_how) -> tuple[Tensor, ...]:
    """Of the 3×3 convolution with padding 1 that all networks here are made of.

    For the weights: nine shifted pictures, and a matrix product with each.
    """
    (_, channels, height, width), ones = x.shape, [1, 1]
    flipped = weight.transpose(0, 1).flip(2, 3)
    to_x = torch.convolution(grad, flipped, None, ones, ones, ones, False, [0, 0], 1)
    around = pad(x.transpose(0, 1), (1, 1, 1, 1))
    rows = grad.transpose(0, 1).reshape(len(weight), -1)
    to_weight = [
        rows @ around[:, :, i : i + height, j : j + width].reshape(channels, -1).t()
        for i, j in product(range(3), repeat=2)
    ]
    return to_x, torch.stack(to_weight, -1).reshape(weight.shape), grad.sum((0, 2, 3))


def max_pool_backward(grad, x, *_how) -> Tensor:
    """Of MaxPool2d(2): to the largest of each four; of equal ones, to the first."""
    batch, channels, height, width = x.shape
    fours = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
    largest, left, rows = fours.amax((3, 5)), 1.0, []
    for row in range(2):
        columns = []
        for column in range(2):
            chosen = left * (fours[:, :, :, row, :, column] == largest).to(x.dtype)
            left = left - chosen
            columns.append(chosen * grad)
        rows.append(torch.stack(columns, dim=-1).flatten(3))
    return torch.stack(rows, dim=3).reshape(x.shape)


def upsampling_backward(grad, _to, size, *_how) -> Tensor:
    """Of `interpolate` by 2, nearest: each pixel gets from the four that it became."""
    batch, channels, height, width = size
    return grad.reshape(batch, channels, height, 2, width, 2).sum((3, 5))


aten = torch.ops.aten
DECOMPOSED = get_decompositions([aten.gelu_backward, aten.tanh_backward, aten.mse_loss])
DECOMPOSED |= get_decompositions([aten.mse_loss_backward])
DECOMPOSED |= {
    aten.convolution_backward.default: convolution_backward,
    aten.max_pool2d_with_indices_backward.default: max_pool_backward,
    aten.upsample_nearest2d_backward.default: upsampling_backward,
}


# ---------- what is exported ----------


class Exported:
    """A network, its parameters in one row, and its skips switched by a number."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.shapes = {key: p.shape for key, p in network.named_parameters()}
        self.skips = torch.ones(())
        for module in network.modules():
            if isinstance(module, Up):
                module.register_forward_pre_hook(self.switch)

    def switch(self, _module: nn.Module, given: tuple) -> tuple:
        x, *skip = given
        return x, *(s * self.skips for s in skip)

    def parameters(self, weights: Tensor) -> dict[str, Tensor]:
        rows = weights.split([shape.numel() for shape in self.shapes.values()])
        pairs = zip(self.shapes.items(), rows, strict=True)
        return {key: row.reshape(shape) for (key, shape), row in pairs}

    def forward(self, noisy: Tensor, skips: Tensor, weights: Tensor) -> Tensor:
        self.skips = skips
        return functional_call(self.network, self.parameters(weights), (noisy,))

    def step(self, noisy, clean, lr, step, skips, weights, first, second):
        weights = weights.detach().requires_grad_()
        loss = BOOK.loss(self.forward(noisy, skips, weights), clean)
        (gradient,) = torch.autograd.grad(loss, weights)
        first = BETAS[0] * first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient.square()
        mean, square = first / (1 - BETAS[0] ** step), second / (1 - BETAS[1] ** step)
        new = weights.detach() - lr * mean / (square.sqrt() + EPS)
        return loss.detach(), new, first, second


class Look(nn.Module):
    """A network that gets its parameters in one row, and shows its first block."""

    def __init__(self, exported: Exported) -> None:
        super().__init__()
        self.exported = exported

    def forward(self, noisy: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
        seen: list[Tensor] = []
        first_block = next(iter(self.exported.network.children()))
        hook = first_block.register_forward_hook(lambda *a: seen.append(a[-1]))
        denoised = self.exported.forward(noisy, torch.ones(()), weights)
        hook.remove()
        return denoised, *seen


def trace(what: Callable, inputs: dict[str, Tensor], outputs: list[str]) -> ModelProto:
    """`what` as ONNX, gradients and all."""
    traced: GraphModule = make_fx(lambda *given: what(*given), DECOMPOSED)(
        *inputs.values()
    )
    program = torch.onnx.export(
        traced.eval(),
        tuple(inputs.values()),
        input_names=list(inputs),
        output_names=outputs,
        opset_version=20,  # the first with Gelu
        dynamo=True,
        optimize=False,  # it would drop "+ 1e-8" as if it were "+ 0": 0/0 in Adam
        verbose=False,
    )
    return program.model_proto


def save(model: ModelProto, target: Path) -> None:
    for node in model.graph.node:  # where in torch each came from: a third of the text
        node.ClearField("metadata_props")
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString(deterministic=True))


def export(name: str) -> list[Path]:
    """Write the two graphs of one network; returns the files."""
    torch.manual_seed(0)
    network = NETWORKS[name]()
    exported, size = Exported(network), count_parameters(network)
    shape = (BATCH, 1, 28, 28)
    # Each its own: two names of one tensor would become one input.
    learned = {"noisy": torch.rand(shape), "clean": torch.rand(shape)}
    learned |= {key: torch.ones(()) for key in ("lr", "step", "skips")}
    learned |= {key: torch.rand(size) for key in ("weights", "first", "second")}
    new = ["loss", "new_weights", "new_first", "new_second"]
    files = [FOLDER / f"{name}-{what}.onnx" for what in ("step", "look")]
    save(trace(exported.step, learned, new), files[0])
    save(any_number(Look(exported), torch.rand(size)), files[1])
    return files


def any_number(look: Look, weights: Tensor) -> ModelProto:
    """As ONNX, for any number of pictures."""
    program = torch.onnx.export(
        look,
        (torch.rand(2, 1, 28, 28), weights),  # of 1, it would stay 1
        input_names=["noisy", "weights"],
        output_names=["denoised", "features"],
        dynamic_shapes={"noisy": {0: torch.export.Dim("pictures")}, "weights": None},
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    return program.model_proto


def digits() -> np.ndarray:
    """(UNSEEN + LEARNED, 28, 28) uint8."""
    learning, validation = split(load_mnist()[0])
    parts = validation.sample(UNSEEN), learning.sample(LEARNED)
    return np.concatenate([part.images for part in parts])


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    shapes = {}
    for name, build in NETWORKS.items():
        shapes[name] = [[key, [*p.shape]] for key, p in build().named_parameters()]
        for target in export(name):
            print(f"{target.name}: {target.stat().st_size:,} bytes")
    about = json.dumps({"unseen": UNSEEN, "networks": shapes})
    (FOLDER / "about.json").write_text(f"{about}\n", encoding="utf-8")
    packed = zlib.compress(digits().tobytes(), 9)
    (FOLDER / "digits.bin").write_bytes(packed)
    print(f"digits.bin: {len(packed):,} bytes")


if __name__ == "__main__":
    main()
