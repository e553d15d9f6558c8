"""Exports the networks that ship for the page, to book/web/live/models/*.onnx.

    python book/tools/export_models.py          (make models)

The weights are rounded to half precision, which halves what readers have to load, and
computed with as float32. Each model takes `noisy` (N, 1, 28, 28) in [0, 1] and gives
`denoised` on the same scale, as `load_pretrained` does, and besides the feature maps
after each block, named as the block; `skip` also BLOCK.weight and BLOCK.bias, those of
the block's convolution. The digits to choose from, the first of each class
among the test digits, go to book/web/live/digits.bin: uint8, one after another; REAL
others of them, deflated, to real.bin; the mean of those that the networks learned from
to mean.bin.
"""

import zlib
from pathlib import Path

import numpy as np
import torch
from export_training import save, trace
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from unetlib.data import load_mnist, split
from unetlib.display.feature_maps import feature_maps
from unetlib.model import Denoiser
from unetlib.pretrained import OFFERED, load_pretrained

LIVE = Path(__file__).resolve().parents[1] / "web" / "live"
REAL = 200
SHAPE = (2, 1, 28, 28)


class SeenInside(nn.Module):
    """A denoiser that also gives what each block of its network puts out."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser
        *blocks, _last = denoiser.network.named_children()
        self.blocks = [name for name, m in blocks if isinstance(m, nn.Sequential)]

    def forward(self, noisy: Tensor) -> tuple[Tensor, ...]:
        white = self.denoiser.white
        seen = feature_maps(self.denoiser.network, noisy * white)
        denoised = self.denoiser(noisy)
        return denoised, *(seen[name] for name in self.blocks)


def export(name: str) -> Path:
    """Write one network as ONNX; returns the file."""
    model = SeenInside(load_pretrained(name)).eval()
    program = torch.onnx.export(
        model,
        (torch.zeros(SHAPE),),  # not 1, which would stay 1
        input_names=["noisy"],
        output_names=["denoised", *model.blocks],
        dynamic_shapes={"noisy": {0: torch.export.Dim("pictures")}},
        opset_version=20,  # the first with Gelu
        dynamo=True,
        verbose=False,
    )
    proto = program.model_proto
    if name == "skip":
        show_filters(proto, model.blocks)
    return write(proto, LIVE / "models" / f"{name}.onnx")


def show_filters(model: ModelProto, blocks: list[str]) -> None:
    """Let it put out the filters of its blocks, which costs no byte."""
    for name in (f"{b}.{kind}" for b in blocks for kind in ("weight", "bias")):
        block, kind = name.split(".")
        inside = f"denoiser.network.{block}.0.{kind}"
        model.graph.node.append(helper.make_node("Identity", [inside], [name]))
        dims = [w.dims for w in model.graph.initializer if w.name == inside][0]
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        model.graph.output.append(output)


def export_trace() -> Path:
    """Write how the pixels of `skip`'s answer depend on those of its input.

    noisy, pixel (1, 1, 28, 28) → counts, the same: the derivatives of the pixel where
    `pixel` is 1 and not 0, by backpropagation.
    """
    denoiser = load_pretrained("skip")

    def counts(noisy: Tensor, pixel: Tensor) -> Tensor:
        noisy = noisy.detach().requires_grad_()
        (gradient,) = torch.autograd.grad((denoiser(noisy) * pixel).sum(), noisy)
        return gradient

    inputs = {"noisy": torch.rand(1, 1, 28, 28), "pixel": torch.rand(1, 1, 28, 28)}
    return write(trace(counts, inputs, ["counts"]), LIVE / "models" / "skip-trace.onnx")


def write(model: ModelProto, target: Path) -> Path:
    """Write it with weights in half precision; returns the file."""
    graph = model.graph
    for weight in graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32 and values.size > 1:
            name = f"half {weight.name}"
            graph.node.insert(
                0, helper.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT)
            )
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name))
    save(model, target)
    return target


def digits() -> np.ndarray:
    """(10, 28, 28) uint8: 0 to 9, the first of each among the test digits."""
    _, test = load_mnist()
    return np.stack([test.images[test.labels == label][0] for label in range(10)])


def main() -> None:
    (LIVE / "models").mkdir(parents=True, exist_ok=True)
    for target in (*map(export, OFFERED), export_trace()):
        print(f"{target.name}: {target.stat().st_size:,} bytes")
    (LIVE / "digits.bin").write_bytes(digits().tobytes())
    learning, _ = split(load_mnist()[0])
    mean = learning.images.mean(axis=0).round().astype(np.uint8)
    (LIVE / "mean.bin").write_bytes(mean.tobytes())
    real = load_mnist()[1].sample(REAL).images
    (LIVE / "real.bin").write_bytes(zlib.compress(real.tobytes(), 9))


if __name__ == "__main__":
    main()
