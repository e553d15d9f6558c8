"""Sliders that move the noise. Introduced in chapter 01, used again in 05."""

import io
from collections.abc import Callable, Iterable, Mapping

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.image import imsave
from torch import Tensor

from unetlib.data import load_mnist
from unetlib.labels import label
from unetlib.metrics import psnr
from unetlib.noise import add_gaussian_noise
from unetlib.plots import draw_digits
from unetlib.pretrained import PRETRAINED, load_pretrained

ZOOM = 5  # screen pixels per pixel of a digit


class NoiseExplorer(ipywidgets.VBox):
    """Sliders, and beneath them clean, noisy and denoised with their PSNR.

    denoisers: {key of LABELS or any text: function on (1, 1, H, W) in [0, 1]}.
    clean: (N, 1, H, W) float in [0, 1], the digits to choose from.
    Where no kernel runs, a picture of the same digit at five noise levels stands in.
    """

    def __init__(
        self, denoisers: Mapping[str, Callable[[Tensor], Tensor]], clean: Tensor
    ) -> None:
        self.denoisers, self.clean = denoisers, clean
        self.sigma = ipywidgets.FloatSlider(
            0.5, min=0.0, max=1.0, step=0.01, description=label("sigma")
        )
        self.digit = ipywidgets.IntSlider(
            0, min=0, max=len(clean) - 1, description=label("digit")
        )
        self.model = ipywidgets.Dropdown(
            options=[(label(key), key) for key in denoisers],
            value=list(denoisers)[-1],
            description=label("model"),
        )
        self.seed = 0
        self.new_noise = ipywidgets.Button(description=label("new_noise"))
        self.picture = ipywidgets.Image(format="png")
        self.caption = ipywidgets.Label()
        super().__init__(
            [self.sigma, self.digit, self.model, self.new_noise, self.picture]
            + [self.caption]
        )
        for control in (self.sigma, self.digit, self.model):
            control.observe(self._update, names="value")
        self.new_noise.on_click(self._draw_new_noise)
        self._update()

    def panels(self, sigma: float) -> dict[str, Tensor]:
        """{"clean", "noisy", "denoised"}: (1, 1, H, W) each, for the chosen digit.

        The noise keeps its pattern while sigma moves: only its strength changes.
        """
        clean = self.clean[self.digit.value : self.digit.value + 1]
        generator = torch.Generator().manual_seed(self.seed)
        noisy = add_gaussian_noise(clean, sigma, generator)
        with torch.no_grad():
            denoised = self.denoisers[self.model.value](noisy)
        return {"clean": clean, "noisy": noisy, "denoised": denoised}

    def _draw_new_noise(self, _button: ipywidgets.Button) -> None:
        self.seed += 1
        self._update()

    def _update(self, _change: dict | None = None) -> None:
        panels = self.panels(self.sigma.value)
        self.picture.value = _png(panels.values())
        self.caption.value = " | ".join(
            label(key)
            if key == "clean"
            else f"{label(key)} {psnr(image, panels['clean']).item():.1f} dB"
            for key, image in panels.items()
        )

    def _repr_mimebundle_(self, **kwargs) -> dict:
        bundle = super()._repr_mimebundle_(**kwargs)
        if isinstance(bundle, tuple):
            bundle = bundle[0]
        return bundle | {"image/png": self._still()}

    def _still(self) -> bytes:
        """The chosen digit at five noise levels, as a PNG."""
        sigmas = (0.1, 0.3, 0.5, 0.7, 1.0)
        panels = [self.panels(sigma) for sigma in sigmas]
        rows = {key: torch.cat([panel[key] for panel in panels]) for key in panels[0]}
        titles = [f"σ = {sigma}" for sigma in sigmas]
        figure = draw_digits(rows, rows["clean"], titles, size=1.1)
        file = io.BytesIO()
        figure.savefig(file, format="png")
        plt.close(figure)
        return file.getvalue()


def noise_explorer(digits: int = 20) -> NoiseExplorer:
    """The explorer over the first test digits and the three networks of the book."""
    _, test = load_mnist()
    clean = torch.tensor(test.images[:digits]).unsqueeze(1).float() / 255
    return NoiseExplorer({name: load_pretrained(name) for name in PRETRAINED}, clean)


def _png(pictures: Iterable[Tensor]) -> bytes:
    """(1, 1, H, W) pictures, clamped to [0, 1], side by side, as a PNG."""
    pixels = torch.cat(list(pictures), dim=3)[0, 0].clamp(0, 1).numpy()
    pixels = np.kron(pixels, np.ones((ZOOM, ZOOM)))
    file = io.BytesIO()
    imsave(file, pixels, cmap="gray", vmin=0, vmax=1, format="png")
    return file.getvalue()
