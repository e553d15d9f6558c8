"""Pictures that stand where a live part would run, for readers without scripts.

    python book/tools/export_stills.py          (make models)

To book/web/live/stills/PART.png, of digits that the networks themselves made, several
times enlarged. What is on them, the words `still` in book/languages.yml say.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from export_training import NETWORKS
from PIL import Image
from torch import Tensor

from unetlib.batcher import to_tensor
from unetlib.data import Digits, load_mnist, split
from unetlib.fit import fit
from unetlib.generation import noise_levels, sample
from unetlib.noise import add_gaussian_noise
from unetlib.pretrained import load_pretrained
from unetlib.recipe import BOOK

STILLS = Path(__file__).resolve().parents[1] / "web" / "live" / "stills"
COLUMNS, GAP, ENLARGED = 8, 2, 3
GREY = 128


def pictures(digits: Digits) -> Tensor:
    """(N, 1, 28, 28) in [0, 1]"""
    return to_tensor(digits.images, "cpu") / 255


def noisy(clean: Tensor) -> Tensor:
    return add_gaussian_noise(clean, 0.5, torch.Generator().manual_seed(0))


def made(learning: Digits, count: int) -> Tensor:
    """Digits that `mixer` makes from noise, as in chapter 09."""
    generator = torch.Generator().manual_seed(0)
    mean = pictures(learning).mean(dim=0)
    start = mean + 3 * torch.randn(count, 1, 28, 28, generator=generator)
    options = {"eta": 1.0, "gamma": 1.3, "generator": generator}
    return sample(load_pretrained("mixer"), start, noise_levels(3.0, 20), **options)


def trained(learning: Digits, sigma: float, noisy: Tensor) -> Tensor:
    """What a SkipUnet(8) makes of them after 300 steps at this noise level."""
    recipe = replace(BOOK, sigma=(sigma, sigma), batch_size=32, epochs=2, lr=1e-2)
    torch.manual_seed(0)
    network = NETWORKS["skip-8"]()
    fit(network, learning.sample(4800).images, recipe)
    with torch.no_grad():
        return network(noisy)


def stills() -> dict[str, Tensor]:
    """(N, 1, 28, 28) for each live part, eight in a row."""
    train, test = load_mnist()
    learning, validation = split(train)
    unseen = noisy(pictures(validation.sample(8)))
    generated = made(learning, 24)
    mixed = torch.cat([generated[16:], pictures(test.sample(8))])
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))
    seen = pictures(test.sample(8))
    return {
        "train": torch.cat([unseen, *(trained(learning, s, unseen) for s in (0.5, 0))]),
        "generate": generated[:16],
        "guess": mixed[order],
        "duel": torch.cat([noisy(seen), load_pretrained("skip")(noisy(seen)), seen]),
    }


def grid(shown: Tensor) -> Image.Image:
    rows = shown.clamp(0, 1).mul(255).byte().numpy()[:, 0]
    step = 28 + GAP
    lines = len(rows) // COLUMNS
    whole = np.full((lines * step - GAP, COLUMNS * step - GAP), GREY, dtype=np.uint8)
    for n, picture in enumerate(rows):
        y, x = n // COLUMNS * step, n % COLUMNS * step
        whole[y : y + 28, x : x + 28] = picture
    return Image.fromarray(whole.repeat(ENLARGED, 0).repeat(ENLARGED, 1))


def main() -> None:
    STILLS.mkdir(parents=True, exist_ok=True)
    for part, shown in stills().items():
        target = STILLS / f"{part}.png"
        grid(shown).save(target, optimize=True)
        print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
