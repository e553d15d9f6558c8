"""unetlib: the small library behind the book "From Noise to Digits".

Read it in this order: data, noise, metrics; model; batcher, recipes, speed,
distributed, step, graph; checkpoints, safeguards, run, loop, train; then pretrained,
labels, plots, diagram and widgets.
"""

from unetlib.display.labels import use_language
from unetlib.pretrained import load_pretrained

__version__ = "0.2.2"
__all__ = ["load_pretrained", "use_language"]
