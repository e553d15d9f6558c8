"""A small network that reads digits: the judge of what denoisers make. See chapter 06.

`book/experiments/classifier.py` trains it, on clean digits only.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from unetlib.checks import UnetlibError, check_device, check_scale
from unetlib.model import conv

WEIGHTS = Path(__file__).parent / "pretrained" / "classifier.safetensors"


class Classifier(nn.Module):
    """Two convolutions, each pooled, then two linear layers.

    Input (B, 1, 28, 28) float on [0, 1]. Output (B, 10): logits, whose softmax says how
    probable each digit is. 105,866 parameters.
    Raises UnetlibError for another shape, and for the scale to 255.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features_of = nn.Sequential(
            conv(1, 16), nn.ReLU(), nn.MaxPool2d(2),  # (B, 16, 14, 14)
            conv(16, 32), nn.ReLU(), nn.MaxPool2d(2),  # (B, 32, 7, 7)
            nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(),  # (B, 64)
        )  # fmt: skip
        self.end = nn.Linear(64, 10)

    def features(self, pictures: Tensor) -> Tensor:
        """What it decides by: (B, 1, 28, 28) → (B, 64), none below 0."""
        check_scale("pictures", pictures)
        if pictures.shape[1:] != (1, 28, 28):
            raise UnetlibError(
                f"pictures must be (B, 1, 28, 28), got {tuple(pictures.shape)}"
            )
        return self.features_of(pictures)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.end(self.features(pictures))


def load_classifier(device: str | torch.device = "cpu") -> Classifier:
    """The trained one that ships, in evaluation mode, with gradients off."""
    model = Classifier()
    model.load_state_dict(load_file(WEIGHTS))
    return model.to(check_device(device)).eval().requires_grad_(False)
