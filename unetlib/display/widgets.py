"""Drag the noise and watch a network repair the digit.

Introduced in chapter 00, used again in 02 and 05. Every change sends one message: the
pictures as PNG bytes and the numbers beneath them. No figure is drawn, so it is fast;
the old message is replaced, so nothing accumulates.
"""

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape

import ipywidgets
import matplotlib.pyplot as plt
import torch
from matplotlib.image import imsave
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from unetlib.checks import UnetlibError, check_floats, check_whole
from unetlib.data import load_mnist
from unetlib.display.feature_maps import feature_maps
from unetlib.display.labels import label
from unetlib.display.noises import NOISES
from unetlib.display.plots import draw_digits
from unetlib.metrics import psnr, ssim
from unetlib.model import Denoiser, evaluating
from unetlib.pretrained import OFFERED, load_pretrained

MAPS = 8  # channels shown of each block
ROW = "display: flex; flex-wrap: wrap; gap: 12px"
IMAGE = (
    "display: block; width: 100%; image-rendering: pixelated; outline: 1px solid #8888"
)


class NoiseExplorer(ipywidgets.VBox):
    """Sliders and choices; beneath them clean, noisy, denoised and the error.

    denoisers: {key of LABELS or any text: function on (1, 1, H, W) in [0, 1]}, for
        instance a `Denoiser`, or a network of your own, on any device.
    clean: (N, 1, H, W) float in [0, 1], the digits to choose from.
    features: also show the feature maps inside the networks; none may then be a mere
        function.
    Where no kernel runs, a picture of the same digit at five noise levels stands in.
    Raises UnetlibError for other denoisers and digits.
    """

    def __init__(
        self,
        denoisers: Mapping[str, Callable[[Tensor], Tensor]],
        clean: Tensor,
        features: bool = False,
    ) -> None:
        _check(denoisers, clean, features)
        self.denoisers = {key: _as_denoiser(one) for key, one in denoisers.items()}
        self.clean, self.features = clean.cpu(), features
        self.sigma = ipywidgets.FloatSlider(0.5, min=0.0, max=1.0, step=0.01)
        self.digit = ipywidgets.IntSlider(0, min=0, max=len(clean) - 1)
        self.noise = _dropdown(NOISES)
        self.model = _dropdown(denoisers)
        self.model.value = list(denoisers)[-1]
        self.seed = 0
        self.new_noise = ipywidgets.Button(description=label("new_noise"))
        self.new_noise.layout.margin = "2px 2px 8px calc(7em + 10px)"  # in line
        self.view = ipywidgets.HTML()
        controls = {
            key: getattr(self, key) for key in ("sigma", "digit", "noise", "model")
        }
        super().__init__([*controls.values(), self.new_noise, self.view])
        for key, control in controls.items():
            control.description = label(key)
            control.style.description_width = "7em"
            control.layout.width, control.layout.max_width = "36em", "100%"
            control.observe(self._update, names="value")
        self.new_noise.on_click(self._draw_new_noise)
        self._update()

    def panels(self, sigma: float) -> dict[str, Tensor]:
        """{"clean", "noisy", "denoised"}: (1, 1, H, W) each, for the chosen digit.

        The noise keeps its pattern while sigma moves: only its strength changes.
        """
        clean = self.clean[self.digit.value : self.digit.value + 1]
        generator = torch.Generator().manual_seed(self.seed)
        noisy = NOISES[self.noise.value](clean, sigma, generator)
        denoised = _denoised(self.denoisers[self.model.value], noisy)
        return {"clean": clean, "noisy": noisy, "denoised": denoised}

    def _draw_new_noise(self, _button: ipywidgets.Button) -> None:
        self.seed += 1
        self._update()

    def _update(self, _change: dict | None = None) -> None:
        with _one_thread():
            panels = self.panels(self.sigma.value)
            html = _pictures(panels)
            if self.features:
                html += _feature_rows(self.denoisers[self.model.value], panels["noisy"])
        self.view.value = html  # at once: pictures and numbers never disagree

    _ipython_display_ = None  # ipywidgets 7 has one, which would leave out the picture

    def _repr_mimebundle_(self, **kwargs) -> dict:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {
            "text/plain": type(self).__name__,
            "application/vnd.jupyter.widget-view+json": view,
            "image/png": self._still(),
        }

    def _still(self) -> bytes:
        """The chosen digit at five noise levels, as a PNG."""
        sigmas = (0.1, 0.3, 0.5, 0.7, 1.0)
        panels = [self.panels(sigma) for sigma in sigmas]
        rows = {key: torch.cat([panel[key] for panel in panels]) for key in panels[0]}
        titles = [f"σ = {sigma}" for sigma in sigmas]
        figure = draw_digits(rows, rows["clean"], titles, size=1.1)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=2 * figure.dpi)  # sharp on any screen
        plt.close(figure)
        return file.getvalue()


def noise_explorer(digits: int = 20, features: bool = False) -> NoiseExplorer:
    """The explorer over the first test digits and the networks that ship, first `skip`.

    Raises UnetlibError unless `digits` is a whole number from 1 to 10,000.
    """
    _, test = load_mnist()
    digits = check_whole("digits", digits, 1, len(test))
    clean = torch.tensor(test.images[:digits]).unsqueeze(1).float() / 255
    networks = {name: load_pretrained(name) for name in OFFERED}
    explorer = NoiseExplorer(networks, clean, features)
    explorer.model.value = "skip"
    return explorer


def _check(denoisers: object, clean: object, features: bool) -> None:
    if not (isinstance(denoisers, Mapping) and denoisers):
        empty = isinstance(denoisers, Mapping)
        raise UnetlibError(
            'denoisers must be a dictionary such as {"mine": network}, got '
            + ("an empty one" if empty else type(denoisers).__name__)
        )
    for key, one in denoisers.items():
        if not (isinstance(one, nn.Module) if features else callable(one)):
            wanted = "a network, for its feature maps" if features else "a function"
            raise UnetlibError(f"denoiser {key!r} must be {wanted}, got {one!r}")
    check_floats("clean", clean)
    if clean.dim() != 4 or clean.shape[1] != 1 or 0 in clean.shape:
        raise UnetlibError(f"clean must be (N, 1, H, W), got {tuple(clean.shape)}")


def _as_denoiser(one: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    bare = isinstance(one, nn.Module) and not isinstance(one, Denoiser)
    return Denoiser(one) if bare else one


def _denoised(denoiser: Callable[[Tensor], Tensor], noisy: Tensor) -> Tensor:
    """What it makes of `noisy`, where it is a network on its device, in its dtype."""
    if not isinstance(denoiser, nn.Module):
        with torch.no_grad():
            return denoiser(noisy)
    like = next(denoiser.parameters(), noisy)
    with evaluating(denoiser):
        return denoiser(noisy.to(like)).to(noisy)


@contextmanager
def _one_thread() -> Iterator[None]:
    """A second thread gains nothing on one digit, and waits while the browser draws."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _dropdown(keys: Mapping[str, object]) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(options=[(label(key), key) for key in keys])


def _pictures(panels: dict[str, Tensor]) -> str:
    """The four pictures side by side, as HTML: name above, numbers beneath."""
    clean = panels["clean"]
    beneath = {
        key: f"{psnr(panels[key], clean).item():.1f} dB".replace("inf", "∞")
        + f"<br>SSIM {ssim(panels[key], clean).item():z.2f}"
        for key in ("noisy", "denoised")
    }
    figures = [
        _figure(label(key), _image(panel[0, 0], "gray", 0), beneath.get(key, ""))
        for key, panel in panels.items()
    ]
    error = _image((panels["denoised"] - clean)[0, 0], "RdBu_r", -1)
    formula = f"{label('denoised')} − {label('clean')}"
    figures.append(_figure(label("error"), error, formula))
    return f'<div style="{ROW}">{"".join(figures)}</div>'


def _figure(name: str, image: str, beneath: str) -> str:
    return (
        '<figure style="margin: 0; width: 140px; line-height: 1.4; text-align: center">'
        f"{escape(name)}{image}<figcaption>{beneath}</figcaption></figure>"
    )


def _feature_rows(denoiser: Denoiser, noisy: Tensor) -> str:
    """The first channels after each block, as HTML, a row per block."""
    like = next(denoiser.parameters(), noisy)
    maps = feature_maps(denoiser.network, noisy.to(like), around=denoiser)
    rows = []
    for name, block in denoiser.network.named_children():
        learns = list(block.parameters())  # pooling and upsampling learn nothing
        if learns and getattr(maps.get(name), "ndim", 0) == 4:
            _, channels, height, width = maps[name].shape
            shown = maps[name][0, :MAPS].float().cpu()
            rows.append(
                f'<div style="{ROW}; margin-top: 8px; line-height: 1.4">'
                f'<div style="width: 140px"><code>{name}</code><br>'
                f"{channels}×{height}×{width}</div>"
                f'<div style="width: {56 * len(shown) - 4}px; max-width: 100%">'
                f"{_strip(shown)}</div></div>"
            )
    return "".join(rows)


def _strip(maps: Tensor) -> str:
    """(C, H, W) side by side, each on its own gray scale; the NaN between is clear."""
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    scaled = (maps - low) / (high - low).clamp(min=1e-12)
    large = interpolate(scaled[None], size=28)[0]
    spaced = pad(large, (0, 2), value=torch.nan)
    return _image(torch.cat(list(spaced), dim=1)[:, :-2], "gray", 0)


def _image(pixels: Tensor, cmap: str, black: float) -> str:
    """(H, W) pixels as an <img> that holds its PNG; `black` to 1 span the colours."""
    file = io.BytesIO()
    colours = {"cmap": cmap, "vmin": black, "vmax": 1}
    fast = {"compress_level": 1}  # on noise it is the smallest too
    imsave(file, pixels.numpy(), format="png", pil_kwargs=fast, **colours)
    png = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="" style="{IMAGE}" src="data:image/png;base64,{png}">'
