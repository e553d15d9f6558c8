"""Digits that nobody wrote: made by denoisers, and judged."""

from collections.abc import Callable
from copy import deepcopy

import torch
from downstream import SURE
from experiment import Experiment
from torch import Tensor

from unetlib.batcher import to_tensor
from unetlib.classifier import Classifier, load_classifier
from unetlib.data import load_mnist, split
from unetlib.generation import frechet_distance, noise_levels, sample
from unetlib.model import Denoiser
from unetlib.pretrained import load_pretrained

NETWORK = "mixer"
HIGHEST = 3.0  # sigma at which it begins; hardly anything of a digit can be seen
STEPS = 20
SAMPLERS = {
    "ddim": {},
    "accelerated": {"gamma": 1.6},
    "ddpm": {"eta": 1.0},
    "both": {"eta": 1.0, "gamma": 1.3},
}
EVALUATIONS = (5, 10, 20)
# Away from what the network answers without the mixing of one of its three blocks.
GUIDES = [(block, scale) for block in (1, 2, 3) for scale in (1.5, 2.0, 2.5, 3.0)]
SURE_ENOUGH = 0.88  # share of sure readings that a guide must reach
CLOSE = 500  # pictures whose nearest neighbour is looked for


@Experiment
def generation(pictures: int = 10_000, few: int = 1_000) -> dict:
    """How generated digits are judged, by the classifier that ships and by distance.

    `sure`: share that it reads with a probability above 0.9. `frechet`: distance to the
    test digits in its features; `floor`: that of as many training digits. `by_sampler`:
    fewer pictures and their distance to validation digits, on which the sampler is
    chosen; the rest is by the chosen one. All begin around the average digit; `skip` at
    sigma 1, the strongest that it knows, instead of 3. `nearest`: mean distance (root
    mean square of pixels) to the nearest of the training digits; `apart`: between two.
    `guided`: by the chosen sampler in half the steps, each of which evaluates two
    networks; `by_guide`: fewer pictures and their distance to validation digits, of
    which the least is chosen where enough are read with such a probability.
    """
    train, test = load_mnist()
    learning, validation = split(train)
    real = {
        "learning": to_tensor(learning.sample(pictures).images, "cpu") / 255,
        "test": to_tensor(test.sample(pictures).images, "cpu") / 255,
        "validation": to_tensor(validation.images, "cpu") / 255,
    }
    judge = load_classifier()
    seen = {name: features(judge, x) for name, x in real.items()}
    network = load_pretrained(NETWORK).to(memory_format=torch.channels_last)
    around = real["learning"].mean(dim=0)  # (1, 28, 28)
    by_sampler: dict = {}
    for name, options in SAMPLERS.items():
        by_sampler[name] = {"sure": {}, "frechet": {}}
        for steps in EVALUATIONS:
            made = generate(network, around, few, steps, **options)
            found = judged(judge, made, seen["validation"])
            for key in by_sampler[name]:
                by_sampler[name][key][str(steps)] = found[key]
            print(name, steps, found["sure"], found["frechet"], flush=True)
    chosen = min(SAMPLERS, key=lambda s: by_sampler[s]["frechet"][str(STEPS)])
    options = SAMPLERS[chosen]
    made = generate(network, around, pictures, STEPS, **options)
    half = STEPS // 2
    by_guide: dict = {}
    for block, scale in GUIDES:
        denoise = guided(network, block, scale)
        found = judged(
            judge, generate(denoise, around, few, half, **options), seen["validation"]
        )
        row = by_guide.setdefault(str(block), {"sure": {}, "frechet": {}})
        for key in row:
            row[key][str(scale)] = found[key]
        print(block, scale, found["sure"], found["frechet"], flush=True)
    guide = best_guide(by_guide)
    denoise = guided(network, *guide)
    sharper = generate(denoise, around, pictures, half, **options)
    weak = generate(load_pretrained("skip"), around, few, STEPS, 1.0)
    world = to_tensor(learning.images, "cpu") / 255
    return {
        "seed": 0,
        "network": NETWORK,
        "steps": STEPS,
        "chosen": chosen,
        "n": {"made": pictures, "few": few, "close": CLOSE},
        "by_sampler": by_sampler,
        "made": judged(judge, made, seen["test"]),
        "by_guide": by_guide,
        "guide": {"steps": half, "block": guide[0], "scale": guide[1]},
        "guided": judged(judge, sharper, seen["test"]),
        "skip": judged(judge, weak, seen["test"]),
        "real": judged(judge, real["test"], seen["test"]),
        "floor": round(frechet_distance(seen["learning"], seen["test"]), 2),
        "floor_few": round(
            frechet_distance(seen["learning"][:few], seen["validation"]), 2
        ),
        "nearest": {
            "made": nearest(made[:CLOSE], world),
            "guided": nearest(sharper[:CLOSE], world),
            "real": nearest(real["test"][:CLOSE], world),
        },
        "apart": {
            "made": apart(made[:CLOSE]),
            "guided": apart(sharper[:CLOSE]),
            "real": apart(real["test"][:CLOSE]),
        },
    }


def guided(network: Denoiser, block: int, scale: float) -> Callable[[Tensor], Tensor]:
    """`scale` times as far from what it answers without the mixing of one block.

    Source: Karras et al. (NeurIPS 2024), there with a network that learned less; Ahn et
    al. (ECCV 2024), with one whose attention is switched off.
    """
    weak = deepcopy(network)
    weak.network.bottleneck[1 + block].mix.zero_()

    def denoise(noisy: Tensor) -> Tensor:
        without = weak(noisy)
        return without + scale * (network(noisy) - without)

    return denoise


def best_guide(by_guide: dict) -> tuple[int, float]:
    enough = [
        (by_guide[str(block)]["frechet"][str(scale)], (block, scale))
        for block, scale in GUIDES
        if by_guide[str(block)]["sure"][str(scale)] >= SURE_ENOUGH
    ]
    return min(enough)[1]


def generate(
    denoise: Callable[[Tensor], Tensor],
    around: Tensor,
    count: int,
    steps: int,
    highest: float = HIGHEST,
    **options,
) -> Tensor:
    """New pictures (count, 1, 28, 28) on [0, 1]; the same noise at every call."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(count, 1, 28, 28, generator=generator)
    levels = noise_levels(highest, steps)
    parts = [
        sample(denoise, around + highest * part, levels, generator=generator, **options)
        for part in noise.split(500)
    ]
    return torch.cat(parts).clamp(0, 1)


def features(judge: Classifier, pictures: Tensor) -> Tensor:
    return torch.cat([judge.features(part) for part in pictures.split(1000)])


def judged(judge: Classifier, pictures: Tensor, like: Tensor) -> dict:
    """Shares of sure readings and of the ten digits, distance to features `like`."""
    found = features(judge, pictures)
    sure, read = judge.end(found).softmax(dim=1).max(dim=1)
    shares = (read.bincount(minlength=10) / len(read)).tolist()
    return {
        "sure": round((sure > SURE).float().mean().item(), 4),
        "shares": [round(share, 4) for share in shares],
        "rarest": round(min(shares), 4),
        "commonest": round(max(shares), 4),
        "frechet": round(frechet_distance(found, like), 2),
    }


def nearest(pictures: Tensor, world: Tensor) -> float:
    far = torch.cdist(pictures.flatten(1), world.flatten(1)).amin(dim=1)
    return round((far / pictures[0].numel() ** 0.5).mean().item(), 4)


def apart(pictures: Tensor) -> float:
    far = torch.pdist(pictures.flatten(1)) / pictures[0].numel() ** 0.5
    return round(far.mean().item(), 4)
