"""unetlib: the small library behind the book "From Noise to Digits".

The lesson, in the order of the chapters: data, noise, metrics, model, recipe, batcher,
step, fit; what they refuse stands in checks. Around it: `display` (figures and
widgets), `baselines` (filters to compare with), `saving` (checkpoints and what guards a
run), `speed` (faster steps, several devices), `pretrained` (trained weights), `formats`
(files of MNIST), `train` (the command line).
"""

import os

# PyTorch's threads spin while they wait for each other, and where another program keeps
# the cores busy, the one that spins keeps the core from the one it waits for: a step
# takes several times as long. Read once, as PyTorch loads: hence before all else.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

from unetlib.display.labels import use_language  # noqa: E402
from unetlib.pretrained import load_pretrained  # noqa: E402

__version__ = "0.3.0"
__all__ = ["load_pretrained", "use_language"]
