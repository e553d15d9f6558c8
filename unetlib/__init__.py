"""unetlib: the small library behind the book "From Noise to Digits".

The lesson, in the order of the chapters: data, noise, metrics, model, recipe, batcher,
step, fit; what they refuse stands in checks. Around it: `display` (figures and
widgets), `baselines` (denoisers to compare with), `networks` (a larger one),
`classifier` (a judge that reads digits), `generation` (new pictures from a denoiser),
`exercises` (checks of the reader's answers),
`saving` (checkpoints and what guards a run), `speed` (faster steps, several devices),
`pretrained` (trained weights), `formats` (files of MNIST, and pictures of one's own),
`train`, `denoise` and `command` (the command line). What one needs most can be imported
from here: `from unetlib import BOOK, SkipUnet, fit, load_mnist`.
"""

import os

# PyTorch's threads spin while they wait for each other, and where another program keeps
# the cores busy, the one that spins keeps the core from the one it waits for: a step
# takes several times as long. Read once, as PyTorch loads: hence before all else.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from unetlib.batcher import Batcher, to_tensor  # noqa: E402
from unetlib.checks import UnetlibError  # noqa: E402
from unetlib.data import Digits, load_mnist, split  # noqa: E402
from unetlib.display.labels import use_language  # noqa: E402
from unetlib.exercises import check  # noqa: E402
from unetlib.fit import fit, validate  # noqa: E402
from unetlib.metrics import denoising_psnr, mse, psnr, ssim  # noqa: E402
from unetlib.model import Denoiser, SkipUnet, Unet  # noqa: E402
from unetlib.noise import add_gaussian_noise  # noqa: E402
from unetlib.pretrained import load_network, load_pretrained  # noqa: E402
from unetlib.recipe import ARTICLE, ARTICLE_NOISE, BOOK, NO_SKIP, Recipe  # noqa: E402
from unetlib.step import TrainStep  # noqa: E402

__version__ = "0.3.0"
__all__ = [
    "ARTICLE",
    "ARTICLE_NOISE",
    "BOOK",
    "Batcher",
    "Denoiser",
    "Digits",
    "NO_SKIP",
    "Recipe",
    "SkipUnet",
    "TrainStep",
    "Unet",
    "UnetlibError",
    "add_gaussian_noise",
    "check",
    "denoising_psnr",
    "fit",
    "load_mnist",
    "load_network",
    "load_pretrained",
    "mse",
    "psnr",
    "split",
    "ssim",
    "to_tensor",
    "use_language",
    "validate",
]
