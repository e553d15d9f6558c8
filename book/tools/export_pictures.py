"""A picture for each chapter, eight squares, digits as it sees them; and the cover.

    python book/tools/export_pictures.py          (make models)

To book/web/static/chapters/NAME.png; what is on each, pages/LANGUAGE/pictures.yml says.
"""

from dataclasses import replace
from pathlib import Path

import torch
from export_stills import grid, noisy, pictures
from torch import Tensor
from torch.nn.functional import interpolate

from unetlib.baselines import blur
from unetlib.data import Digits, load_mnist, split
from unetlib.display.feature_maps import feature_maps
from unetlib.fit import fit
from unetlib.generation import noise_levels, sample
from unetlib.model import SkipUnet, evaluating
from unetlib.noise import add_gaussian_noise
from unetlib.pretrained import load_pretrained
from unetlib.recipe import BOOK

FOLDER = Path(__file__).resolve().parents[1] / "web" / "static" / "chapters"


def half_denoised(digits: Tensor) -> Tensor:
    left = noisy(digits)
    right = load_pretrained("skip")(left)
    return torch.cat([left[..., :14], right[..., 14:]], dim=-1)


def drowning(digits: Tensor) -> Tensor:
    """One digit in ever more noise."""
    generator = torch.Generator().manual_seed(0)
    sigmas = torch.linspace(0, 1.4, 8).tolist()
    return torch.cat([add_gaussian_noise(digits[:1], s, generator) for s in sigmas])


def through_the_network(digits: Tensor) -> Tensor:
    """A noisy digit, a map of each block at its own resolution, the denoised digit."""
    network, x = load_pretrained("skip"), noisy(digits[:1])
    blocks = feature_maps(network.network, x)
    order = ("down1", "down2", "bottleneck", "up2", "up1")
    shown = [_contrast(_liveliest(blocks[name])) for name in order]
    shown = [x, *shown, network(x), digits[:1]]
    return torch.cat([interpolate(one, 28) for one in shown])


def _liveliest(maps: Tensor) -> Tensor:
    """The channel that varies most, (1, 1, H, W)."""
    channel = int(maps.var(dim=(0, 2, 3)).argmax())
    return maps[:, channel : channel + 1]


def _contrast(x: Tensor) -> Tensor:
    return (x - x.amin()) / (x.amax() - x.amin())


def squared_errors(digits: Tensor) -> Tensor:
    return 4 * (load_pretrained("skip")(noisy(digits)) - digits).square()


def learning(digits: Tensor, train: Digits) -> Tensor:
    """One digit, denoised by a small network after so many steps."""
    x, shown = noisy(digits[:1]), []
    for steps in (2, 8, 16, 32, 64, 128, 256):
        recipe = replace(BOOK, sigma=(0.5, 0.5), batch_size=32, epochs=1, lr=1e-2)
        torch.manual_seed(0)
        pupil = SkipUnet(8)
        fit(pupil, train.sample(32 * steps).images, recipe)
        with evaluating(pupil):
            shown.append(pupil(x))
    return torch.cat([x, *shown])


def eight_maps(digits: Tensor) -> Tensor:
    """One noisy digit in the channels of the second block that vary most."""
    maps = feature_maps(load_pretrained("skip").network, noisy(digits[:1]))["down2"][0]
    varied = maps.var(dim=(1, 2)).topk(8).indices
    return interpolate(torch.stack([_contrast(maps[n])[None] for n in varied]), 28)


def rivals(digits: Tensor) -> Tensor:
    """One digit: noisy, ever more blurred, denoised by two networks, clean."""
    x = noisy(digits[:1])
    blurred = [blur(x, width) for width in (0.5, 0.8, 1.1, 1.5)]
    denoised = [load_pretrained(name)(x) for name in ("article-noise", "skip")]
    return torch.cat([x, *blurred, *denoised, digits[:1]])


def influences(digits: Tensor) -> Tensor:
    """How strongly each noisy pixel changes the one in the middle that is denoised."""
    x = noisy(digits).requires_grad_()
    load_pretrained("skip").network(x)[..., 14, 14].sum().backward()
    found = x.grad.abs()
    return (found / found.amax(dim=(1, 2, 3), keepdim=True)).sqrt()


def with_a_hole(digits: Tensor) -> Tensor:
    """Four digits, each with a piece cut out, then whole."""
    cut = digits[:4].clone()
    cut[..., 9:19, 9:19] = 0.5
    return torch.stack([cut, digits[:4]], dim=1).flatten(0, 1)


def emerging(learning: Digits) -> Tensor:
    """(40, 1, 28, 28): five digits on their way out of noise, eight moments of each."""
    seen: list[Tensor] = []
    network, levels = load_pretrained("mixer"), noise_levels(3.0, 20)

    def denoise(y: Tensor) -> Tensor:
        seen.append(y)
        return network(y)

    generator = torch.Generator().manual_seed(25)
    mean = pictures(learning).mean(dim=0)
    start = mean + 3 * torch.randn(5, 1, 28, 28, generator=generator)
    options = {"eta": 1.0, "gamma": 1.3, "generator": generator}
    seen.append(sample(denoise, start, levels, **options))
    moments = [0, 5, 8, 10, 12, 14, 16, 20]
    # Where noise is strong, a scale that shows it.
    shown = [0.5 + (seen[m] - 0.5) / max(1.0, 2 * levels[m]) for m in moments]
    return torch.stack(shown, dim=1).flatten(0, 1)


def ever_more(digits: Tensor) -> Tensor:
    """1, 4, 9 … 64 digits in the same room."""
    squares = []
    for n in range(1, 9):
        rows = digits[torch.arange(n * n) % len(digits)].reshape(n, n, 28, 28)
        whole = rows.permute(0, 2, 1, 3).reshape(1, 1, 28 * n, 28 * n)
        squares.append(interpolate(whole, (28, 28), mode="area"))
    return torch.cat(squares)


def rows() -> dict[str, Tensor]:
    """(8, 1, 28, 28) for each chapter; and the cover, five times as much."""
    train, test = load_mnist()
    train, _ = split(train)
    digits = pictures(test.sample(8))
    return {
        "00_welcome": half_denoised(digits),
        "01_data": drowning(digits),
        "02_architecture": through_the_network(digits),
        "03_loss": squared_errors(digits),
        "04_training": learning(digits, train),
        "05_visualisation": eight_maps(digits),
        "06_evaluation": rivals(digits),
        "07_understanding": influences(digits),
        "08_applications": with_a_hole(digits),
        "09_generation": emerging(train)[:8],
        "cover": emerging(train),
        "10_speed": ever_more(digits),
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, shown in rows().items():
        target = FOLDER / f"{name}.png"
        with torch.no_grad():
            grid(shown).save(target, optimize=True)
        print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
