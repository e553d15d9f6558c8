"""Exports the networks that ship for the page, to book/web/live/models/*.onnx.

    python book/tools/export_models.py          (make models)

Each model takes `noisy` (1, 1, 28, 28) in [0, 1] and gives `denoised` on the same
scale, as `load_pretrained` does, and besides the feature maps after each block, named
as the block. The digits to choose from, the first of each class among the test digits,
go to book/web/live/digits.bin: uint8, one after another.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from unetlib.data import load_mnist
from unetlib.display.feature_maps import feature_maps
from unetlib.model import Denoiser
from unetlib.pretrained import OFFERED, load_pretrained

LIVE = Path(__file__).resolve().parents[1] / "web" / "live"
SHAPE = (1, 1, 28, 28)


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
        (torch.zeros(SHAPE),),
        input_names=["noisy"],
        output_names=["denoised", *model.blocks],
        opset_version=20,  # the first with Gelu
        dynamo=True,
        verbose=False,
    )
    proto = program.model_proto
    for node in proto.graph.node:  # where in torch each came from: a third of the text
        node.ClearField("metadata_props")
    onnx.checker.check_model(proto)
    target = LIVE / "models" / f"{name}.onnx"
    target.write_bytes(proto.SerializeToString(deterministic=True))
    return target


def digits() -> np.ndarray:
    """(10, 28, 28) uint8: 0 to 9, the first of each among the test digits."""
    _, test = load_mnist()
    return np.stack([test.images[test.labels == label][0] for label in range(10)])


def main() -> None:
    (LIVE / "models").mkdir(parents=True, exist_ok=True)
    for name in OFFERED:
        target = export(name)
        print(f"{target.name}: {target.stat().st_size:,} bytes")
    (LIVE / "digits.bin").write_bytes(digits().tobytes())


if __name__ == "__main__":
    main()
