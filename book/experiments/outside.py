"""What denoisers make of noise and of pictures that they have never met."""

from collections.abc import Callable
from functools import partial
from string import ascii_lowercase, ascii_uppercase

import matplotlib
import numpy as np
import torch
from denoising import SEED, with_noise
from experiment import Experiment
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, rotate
from scipy.stats import mannwhitneyu
from torch import Tensor
from torch.nn.functional import pad

from unetlib.baselines import WienerFilter
from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.display.noises import add_salt_and_pepper_noise
from unetlib.metrics import psnr
from unetlib.model import Denoiser
from unetlib.pretrained import load_pretrained

SIGMA = 0.5  # where a kind of noise has no level of its own
PEAK = 4.0  # photons that a white pixel sends
READ = 0.1  # noise of a sensor's electronics, in units of white
NETWORKS = ("no-skip", "skip", "mixer")
JUDGED = "skip"  # whose residual is looked at


def numbers(seed: int = SEED) -> np.random.Generator:
    return np.random.default_rng(seed)


def clipped(clean: Tensor) -> Tensor:
    """As an 8-bit file holds it: nothing below black or above white, 256 steps."""
    return with_noise(clean, SIGMA).clamp(0, 1).mul(255).round().div(255)


def correlated(clean: Tensor) -> Tensor:
    """Noise of the same strength, blurred: neighbours have much of it in common."""
    noise = numbers().standard_normal(clean.shape)
    noise = gaussian_filter(noise, (0, 0, 1, 1))
    return clean + SIGMA * torch.from_numpy(noise / noise.std()).float()


def poisson(clean: Tensor) -> Tensor:
    """Photons are counted, `PEAK` of them for white: bright pixels are noisier."""
    counted = numbers().poisson(PEAK * clean.clamp(0, 1).numpy())
    return torch.from_numpy(counted).float() / PEAK


def poisson_gaussian(clean: Tensor) -> Tensor:
    """And the electronics add to it."""
    return poisson(clean) + READ * torch.from_numpy(
        numbers(1).standard_normal(clean.shape)
    )


def salt_and_pepper(clean: Tensor) -> Tensor:
    return add_salt_and_pepper_noise(clean, 0.3, torch.Generator().manual_seed(SEED))


NOISES: dict[str, Callable[[Tensor], Tensor]] = {
    **{
        f"sigma-{s}": lambda x, s=s: with_noise(x, s)
        for s in (0.05, 0.5, 1.25, 1.5, 2.0)
    },
    "clipped": clipped,
    "correlated": correlated,
    "poisson": poisson,
    "poisson_gaussian": poisson_gaussian,
    "salt_and_pepper": salt_and_pepper,
}


def anscombe(
    denoise: Callable[[Tensor], Tensor], noisy: Tensor, read: float = 0.0
) -> Tensor:
    """Denoise photon counts where their noise is equally strong everywhere.

    2 √(n + 3/8 + r²) of a count n, to which a sensor has added noise of standard
    deviation r, has noise of standard deviation 1; scaled so that white is 1 again,
    sigma is one over the largest value. read: r, but in units of white.
    Source: Mäkitalo and Foi, IEEE TIP 22 (2013), with their unbiased way back.
    """
    own = (PEAK * read) ** 2
    low, high = (2 * (n + 3 / 8 + own) ** 0.5 for n in (0, PEAK))
    root = 2 * (PEAK * noisy + 3 / 8 + own).clamp(min=0).sqrt()
    t = denoise((root - low) / (high - low)) * (high - low) + low
    t, half = t.clamp(min=2 * (3 / 8) ** 0.5), (3 / 2) ** 0.5
    counts = t**2 / 4 + half / (4 * t) - 11 / (8 * t**2) + 5 * half / (8 * t**3)
    return (counts - 1 / 8 - own) / PEAK


def letters(count: int) -> Tensor:
    """Letters of matplotlib's own font, as bold as digits, (count, 1, 28, 28)."""
    folder = f"{matplotlib.get_data_path()}/fonts/ttf"
    font = ImageFont.truetype(f"{folder}/DejaVuSans.ttf", 20)
    drawn = []
    for letter in numbers().choice([*ascii_lowercase, *ascii_uppercase], count):
        picture = Image.new("L", (28, 28))
        ImageDraw.Draw(picture).text((14, 14), letter, 255, font, anchor="mm")
        drawn.append(np.asarray(picture))
    return to_tensor(np.stack(drawn), "cpu") / 255


def shapes(count: int) -> Tensor:
    """Filled boxes and discs of any grey: large flat areas, which no digit has."""
    draw, drawn = numbers(), []
    for _ in range(count):
        picture = Image.new("L", (28, 28))
        left, top, width, height = draw.integers((3, 3, 8, 8), (10, 10, 16, 16))
        kind = draw.choice(["rectangle", "ellipse"])
        box = (left, top, left + width, top + height)
        getattr(ImageDraw.Draw(picture), kind)(box, fill=int(draw.integers(100, 256)))
        drawn.append(np.asarray(picture))
    return to_tensor(np.stack(drawn), "cpu") / 255


def rotated(clean: Tensor, degrees: float) -> Tensor:
    turned = rotate(clean.numpy(), degrees, axes=(2, 3), reshape=False, order=1)
    return torch.from_numpy(turned).clamp(0, 1)


PICTURES: dict[str, Callable[[Tensor], Tensor]] = {
    "digits": lambda x: x,
    "shifted-4": lambda x: pad(x, (4, -4, 4, -4)),  # to the right and down
    **{f"rotated-{by}": lambda x, by=by: rotated(x, by) for by in (15, 45, 90)},
    "inverted": lambda x: 1 - x,
    "letters": lambda x: letters(len(x)),
    "shapes": lambda x: shapes(len(x)),
}


@Experiment
def outside(digits: int = 10_000) -> dict:
    """PSNR in dB of networks and the Wiener filter outside what they were made for.

    `noises`: test digits under noise that no training of `skip` had (`mixer` had sigma
    to 10). `pictures`: pictures that no training had, at sigma 0.5. The Wiener filter
    is told sigma 0.5 where the noise has none. `psnr_db_se`: standard errors.
    `anscombe`: photon counts, denoised where their noise is even. `residual`: what
    `skip` took away, its standard deviation and the correlation of neighbours in it,
    means over pictures; `found`: the probability that by these two an unusual picture
    is told from a usual one, which has sigma 0.5 (0.5: not at all).
    """
    train, test = load_mnist()
    learning, validation = split(train)
    clean = to_tensor(test.sample(digits).images, "cpu") / 255
    wiener = WienerFilter(to_tensor(learning.images, "cpu") / 255)
    networks = {name: load_pretrained(name) for name in NETWORKS}
    usual = validation.sample(min(digits, len(validation)))
    usual = to_tensor(usual.images, "cpu") / 255
    noisy = with_noise(usual, SIGMA, seed=1)
    known = traits(noisy - answer(networks[JUDGED], noisy))

    def row(noisy: Tensor, clean: Tensor, sigma: float = SIGMA) -> dict:
        answers = {"noisy": noisy, "wiener": wiener(noisy, sigma)}
        answers |= {name: answer(net, noisy) for name, net in networks.items()}
        seen = traits(noisy - answers[JUDGED])
        strength, together = seen.mean(dim=0).tolist()
        found = {name: psnr(x, clean) for name, x in answers.items()}
        errors = {name: db.std().item() / len(db) ** 0.5 for name, db in found.items()}
        return {
            "psnr_db": {name: round(db.mean().item(), 2) for name, db in found.items()},
            "psnr_db_se": {name: round(error, 3) for name, error in errors.items()},
            "residual": {"sd": round(strength, 3), "correlation": round(together, 3)},
            "found": round(told_apart(known, seen), 3),
        }

    noises, pictures = {}, {}
    for name, spoil in NOISES.items():
        sigma = float(name.split("-")[1]) if name.startswith("sigma") else SIGMA
        noises[name] = row(spoil(clean).float(), clean, sigma)
        print(name, noises[name], flush=True)
    for name, change in PICTURES.items():
        changed = change(clean)
        pictures[name] = row(with_noise(changed, SIGMA), changed)
        print(name, pictures[name], flush=True)

    def evened(counted: Tensor, read: float) -> dict:
        found = {
            name: anscombe(partial(answer, net), counted, read)
            for name, net in networks.items()
        }
        return {n: round(psnr(x, clean).mean().item(), 2) for n, x in found.items()}

    return {
        "seed": SEED,
        "n": digits,
        "peak": PEAK,
        "read": READ,
        "noises": noises,
        "pictures": pictures,
        "anscombe": {
            "poisson": evened(poisson(clean), 0.0),
            "poisson_gaussian": evened(poisson_gaussian(clean).float(), READ),
        },
    }


def answer(network: Denoiser, noisy: Tensor) -> Tensor:
    return torch.cat([network(part) for part in noisy.split(500)])


def traits(residual: Tensor) -> Tensor:
    """Standard deviation, and correlation of neighbours, of each picture: (N, 2)."""
    centred = residual - residual.mean(dim=(2, 3), keepdim=True)
    variance = centred.square().mean(dim=(1, 2, 3))
    beside = (centred[..., 1:] * centred[..., :-1]).mean(dim=(1, 2, 3))
    return torch.stack([variance.sqrt(), beside / variance], dim=1)


def told_apart(usual: Tensor, seen: Tensor) -> float:
    """Probability that a picture of `seen` is further from the usual than a usual one.

    usual, seen: (N, 2) and (M, 2), traits. Far is measured in the usual's spread.
    """
    mean, inverse = usual.mean(dim=0), usual.T.cov().inverse()

    def far(x: Tensor) -> np.ndarray:
        return ((x - mean) @ inverse * (x - mean)).sum(dim=1).numpy()

    wins = mannwhitneyu(far(seen), far(usual)).statistic
    return float(wins) / (len(seen) * len(usual))
