"""What two denoisers without parameters reach: they look answers up in the digits."""

import torch
from denoising import SEED, quality, with_noise
from experiment import SIGMAS, Experiment

from unetlib.baselines import LocalPosteriorMean, PosteriorMean
from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.metrics import psnr
from unetlib.pretrained import load_pretrained

SIDES = (3, 5, 7, 9, 11, 13, 15, 19)


@Experiment
def posteriors(
    digits: int = 2000, local: int = 250, world: int = 20_000, tune_on: int = 20
) -> dict:
    """PSNR and SSIM of the posterior mean over the training digits, whole and local.

    The whole one over all 55,000 of them; the local one, whose square is chosen on
    validation digits at each sigma, over `world` of them and on the first `local` of
    the test digits. These are the first of the random order that all methods get.
    `behind_db` is how far the local one is behind the network that ships, paired, on
    these; `agreement_db` is the PSNR between the two answers.
    """
    train, test = load_mnist()
    learning, validation = split(train)
    everything = to_tensor(learning.images, "cpu") / 255
    some = to_tensor(learning.sample(world).images, "cpu") / 255
    tune = to_tensor(validation.sample(tune_on).images, "cpu") / 255
    clean = to_tensor(test.sample(digits).images, "cpu") / 255
    network = load_pretrained("skip")
    result: dict = {
        "seed": SEED,
        "n": {"posterior_mean": len(clean), "local_posterior_mean": local},
        "world": {"posterior_mean": len(everything), "local_posterior_mean": world},
        "side": {},
        "validation_psnr_db": {},
        "psnr_db": {},
        "psnr_db_se": {},
        "ssim": {},
        "ssim_se": {},
        "behind_db": {},
        "behind_db_se": {},
        "agreement_db": {},
    }
    for sigma in SIGMAS:
        noisy, tuning = with_noise(clean, sigma), with_noise(tune, sigma, seed=1)
        scores = {
            side: psnr(LocalPosteriorMean(some, side)(tuning, sigma), tune)
            .mean()
            .item()
            for side in SIDES
        }
        side = max(SIDES, key=scores.get)
        result["side"][str(sigma)] = side
        result["validation_psnr_db"][str(sigma)] = {
            str(s): round(db, 2) for s, db in scores.items()
        }
        answers = {
            "posterior_mean": PosteriorMean(everything)(noisy, sigma),
            "local_posterior_mean": LocalPosteriorMean(some, side)(
                noisy[:local], sigma
            ),
        }
        for name, denoised in answers.items():
            found = quality(denoised, clean[: len(denoised)])
            for key, value in found.items():
                row = result[key].setdefault(name, {})
                row[str(sigma)] = round(value, 3)
        ours = answers["local_posterior_mean"]
        theirs = torch.cat([network(part) for part in noisy[:local].split(500)])
        behind = psnr(theirs, clean[:local]) - psnr(ours, clean[:local])
        result["behind_db"][str(sigma)] = round(behind.mean().item(), 3)
        spread = behind.std().item() / local**0.5
        result["behind_db_se"][str(sigma)] = round(spread, 3)
        agreement = psnr(ours, theirs.clamp(0, 1)).mean().item()
        result["agreement_db"][str(sigma)] = round(agreement, 2)
        print(sigma, side, {n: r[str(sigma)] for n, r in result["psnr_db"].items()})
    return result
