"""What denoisers without training reach: filters, wavelets, total variation, BM3D."""

import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context

import numpy as np
from denoising import SEED, quality, with_noise
from experiment import SIGMAS, Experiment, version_of
from scipy.ndimage import gaussian_filter, median_filter
from skimage.restoration import (
    calibrate_denoiser,
    cycle_spin,
    denoise_nl_means,
    denoise_tv_chambolle,
    denoise_wavelet,
)
from torch import Tensor

from unetlib.batcher import to_tensor
from unetlib.data import load_mnist, split
from unetlib.metrics import psnr

Picture = np.ndarray  # (28, 28) float, white is 1


def median(noisy: Picture, sigma: float, size: int) -> Picture:
    return median_filter(noisy, size)


def total_variation(noisy: Picture, sigma: float, weight: float) -> Picture:
    return denoise_tv_chambolle(noisy, weight * sigma, eps=1e-5, max_num_iter=500)


def wavelet(noisy: Picture, sigma: float, factor: float, basis: str) -> Picture:
    """Coefficients shrunk by BayesShrink, as if sigma were `factor` times as large."""
    return denoise_wavelet(noisy, sigma=factor * sigma, wavelet=basis)


def shifted_wavelet(noisy: Picture, sigma: float, factor: float, basis: str) -> Picture:
    """The mean of what `wavelet` makes of the picture shifted by 0 to 3 pixels."""
    options = {"sigma": sigma, "factor": factor, "basis": basis}
    return cycle_spin(noisy, wavelet, max_shifts=3, func_kw=options, workers=1)


def nonlocal_means(noisy: Picture, sigma: float, h: float, patch: int) -> Picture:
    window = {"patch_size": patch, "patch_distance": 9, "fast_mode": False}
    return denoise_nl_means(noisy, h=h * sigma, sigma=sigma, **window)


def bm3d(noisy: Picture, sigma: float, factor: float) -> Picture:
    """Block matching, told `factor` times sigma: the free program `bmnd`.

    Its authors' own, `bm3d`, may be used for experiments only. On ten digits the two
    differ by -0.02 to 0.13 dB in the mean, standard error 0.07 to 0.09, at each sigma
    and factor of the table (bmnd 0.3.0, bm3d 4.0.3).
    """
    from bmnd import BM3DProfile, bmnd

    return bmnd(noisy, BM3DProfile(), sigma=factor * sigma)


@dataclass(frozen=True)
class Method:
    """A denoiser, the settings to choose from, and how many test digits it can afford.

    A setting in units of sigma is multiplied by it.
    """

    denoise: Callable[..., Picture]
    settings: dict[str, tuple]
    digits: int

    def choices(self) -> list[dict]:
        names, values = self.settings.keys(), product(*self.settings.values())
        return [dict(zip(names, chosen, strict=True)) for chosen in values]


FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5)
WAVELETS = {"factor": FACTORS, "basis": ("haar", "db2", "sym4")}
METHODS = {
    # windows of an even side would shift the picture by half a pixel
    "median": Method(median, {"size": (1, 3, 5, 7)}, 10_000),
    "total_variation": Method(
        total_variation,
        {"weight": (0.3, 0.45, 0.6, 0.75, 0.9, 1.1, 1.3, 1.6, 2.0)},
        2000,
    ),
    "wavelet": Method(wavelet, WAVELETS, 10_000),
    "shifted_wavelet": Method(shifted_wavelet, WAVELETS, 2000),
    # patches of three pixels were tried, and never best
    "nonlocal_means": Method(
        nonlocal_means,
        {"h": (0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0), "patch": (5, 7, 9, 11)},
        2000,
    ),
    "bm3d": Method(bm3d, {"factor": (0.7, 0.85, 1.0, 1.15, 1.3, 1.5)}, 500),
}
# Without clean pictures: Noise2Self hides each sixteenth of the pixels in turn from the
# filter and takes the setting that foretells them best, for each picture anew.
BLIND = {
    "gaussian_noise2self": (
        gaussian_filter,
        {"sigma": [0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6]},
    ),
    "total_variation_noise2self": (
        denoise_tv_chambolle,
        {"weight": [0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.6, 0.8, 1.1, 1.5]},
    ),
}
BLIND_DIGITS = 200


@partial(Experiment, needs=("bmnd", "PyWavelets"))
def classical(digits: int = 10_000, tune_on: int = 60) -> dict:
    """PSNR and SSIM of denoisers that learn nothing, each told sigma and tuned for it.

    Settings are chosen on validation digits at each sigma, two of the methods also
    without any clean picture, by Noise2Self; `at_the_end` names what was chosen at an
    end of its range. Slow methods get a random part of the test digits. Noise is that
    of the experiment `denoising`, picture by picture.
    """
    train, test = load_mnist()
    validation = to_tensor(split(train)[1].sample(tune_on).images, "cpu") / 255
    clean = to_tensor(test.sample(digits).images, "cpu") / 255
    result: dict = {
        "seed": SEED,
        "versions": {p: version_of(p) for p in ("bmnd", "scikit-image", "PyWavelets")},
        "n": {name: min(len(clean), m.digits) for name, m in METHODS.items()}
        | {name: min(len(clean), BLIND_DIGITS) for name in BLIND},
        "setting": {},
        "at_the_end": [],
        "psnr_db": {},
        "psnr_db_se": {},
        "ssim": {},
        "ssim_se": {},
    }
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for sigma in SIGMAS:
            noisy = with_noise(clean, sigma)
            tune = with_noise(validation, sigma, seed=1)
            denoisers = {name: partial(noise2self, name) for name in BLIND}
            for name, method in METHODS.items():
                chosen = best(pool, method, tune, validation, sigma)
                result["setting"].setdefault(name, {})[str(sigma)] = chosen
                if ends(method, chosen):
                    result["at_the_end"].append([name, sigma, chosen])
                denoisers[name] = partial(method.denoise, sigma=sigma, **chosen)
            for name, denoise in denoisers.items():
                n = result["n"][name]
                denoised = each(pool, denoise, noisy[:n])
                for key, value in quality(denoised, clean[:n]).items():
                    row = result[key].setdefault(name, {})
                    row[str(sigma)] = round(value, 3)
                print(sigma, name, result["psnr_db"][name][str(sigma)], flush=True)
    return result


def noise2self(name: str, noisy: Picture) -> Picture:
    """What a denoiser of BLIND makes of one picture, having seen nothing else."""
    denoise, settings = BLIND[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that one picture is few
        calibrated = calibrate_denoiser(
            noisy, denoise, settings, approximate_loss=False
        )
        return calibrated(noisy)


def best(
    pool: ProcessPoolExecutor,
    method: Method,
    noisy: Tensor,
    clean: Tensor,
    sigma: float,
) -> dict:
    """The setting with the highest mean PSNR on these pictures."""

    def score(chosen: dict) -> float:
        denoise = partial(method.denoise, sigma=sigma, **chosen)
        return psnr(each(pool, denoise, noisy), clean).mean().item()

    return max(method.choices(), key=score)


def ends(method: Method, chosen: dict) -> bool:
    """Whether a better setting may lie beyond the numbers that were tried."""
    numbers = {k: v for k, v in method.settings.items() if k != "basis"}
    return any(
        chosen[k] in (min(v), max(v)) and chosen[k] != 1 for k, v in numbers.items()
    )


def each(pool: ProcessPoolExecutor, denoise: Callable, noisy: Tensor) -> Tensor:
    """(N, 1, 28, 28) → the same, denoised one by one on all cores."""
    pictures = list(noisy[:, 0].numpy())
    denoised = pool.map(denoise, pictures, chunksize=max(1, len(pictures) // 40))
    return noisy.new_tensor(np.stack(list(denoised))).unsqueeze(1)
