"""The training loops that need nothing but PyTorch: the article's, a tutorial's, ours.

All train `Unet` on one task, the article's: the same pictures in batches of 320, the
target is the input, loss and Adam as in `ARTICLE`. All see the same batch in their
first two steps, so that the two losses, before and after one update, can be compared
between frameworks and with `expected_losses`.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from race import Loop, Track, Turns
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

from unetlib.batcher import Batcher
from unetlib.data import load_mnist
from unetlib.fit import fit
from unetlib.model import Unet
from unetlib.recipe import ARTICLE
from unetlib.speed.cuda_graph import GraphedSteps
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import FAST, PLAIN, Speed, keep_memory

STEPS_WITHOUT_END = 10**6  # as many as no race has
SWITCHES = ["keep_memory", "channels_last", "composed", "fused", "bfloat16"]
SWITCHES += ["graph"] if torch.cuda.is_available() else ["threads"]


def digits() -> np.ndarray:
    """The 60,000 training digits, (N, 28, 28) uint8."""
    return load_mnist()[0].images


def scaled(images: np.ndarray) -> np.ndarray:
    """(N, 28, 28) uint8 as the article keeps them: (N, 1, 28, 28) float32."""
    return np.multiply(images[:, None], ARTICLE.scale, dtype=np.float32)


def seeded(network: Callable[[], nn.Module] = Unet) -> nn.Module:
    """The network with the weights that every loop begins from."""
    torch.manual_seed(0)
    return network()


def draws(batch_size: int, seed: int = 0) -> Iterator[int]:
    """Which pictures to take: the first batch twice, then at random without end."""
    yield from range(batch_size)
    yield from range(batch_size)
    rng = np.random.default_rng(seed)
    while True:
        yield from rng.integers(60_000, size=10_000).tolist()


class Draws(Sampler):
    """`draws` for a DataLoader, as one endless epoch."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size

    def __len__(self) -> int:
        return STEPS_WITHOUT_END * self.batch_size

    def __iter__(self) -> Iterator[int]:
        return draws(self.batch_size)


def loader(track: Track, pairs: bool = False) -> DataLoader:
    """A DataLoader of (clean,) or, for frameworks that want both, (input, target)."""
    images = torch.from_numpy(scaled(digits()))
    dataset = TensorDataset(images, images) if pairs else TensorDataset(images)
    sampler = Draws(track.batch_size)
    return DataLoader(dataset, batch_size=track.batch_size, sampler=sampler)


def expected_losses(batch_size: int) -> tuple[float, float]:
    """The first batch's loss before and after one update, in float64 on the CPU.

    Written without the library's step, in parts of 32 pictures: the loss is a sum.
    """
    clean = torch.from_numpy(scaled(digits()[:batch_size])).double()
    model = seeded().double()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-5)
    totals = []
    for _ in range(2):
        optimizer.zero_grad()
        total = 0.0
        for part in clean.split(32):
            loss = 100 * (model(part) - part).square().sum()
            loss.backward()
            total += loss.item()
        optimizer.step()
        totals.append(total)
    return totals[0], totals[1]


def build_batch(images: np.ndarray, chosen: Iterator[int], batch_size: int) -> Tensor:
    """A batch as the article builds it: pictures picked one by one into a list."""
    batch = []
    for _ in range(batch_size):
        batch.append(images[next(chosen)])
    return torch.tensor(batch)  # (B, 1, 28, 28); PyTorch warns: extremely slow


def article(
    track: Track, turns: Turns, add_noise: Callable[[Tensor], Tensor] = lambda x: x
) -> None:
    """The article's loop, `loss.item()` at every step and all; it adds no noise."""
    images = scaled(digits())
    model = seeded().to(track.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-5)
    loss_function = nn.MSELoss(reduction="sum")
    chosen = draws(track.batch_size)
    total = 0.0
    while True:
        x = build_batch(images, chosen, track.batch_size).to(track.device)
        loss = loss_function(model(add_noise(x)), x) * 100
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        turns(loss.detach())


def tutorial(
    track: Track,
    turns: Turns,
    bfloat16: bool = False,
    add_noise: Callable[[Tensor], Tensor] = lambda x: x,
) -> None:
    """What PyTorch's own tutorials do: a DataLoader and the eager step."""
    model = seeded().to(track.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=ARTICLE.lr)
    kind = torch.device(track.device).type
    for (x,) in loader(track):
        x = x.to(track.device)
        with torch.autocast(kind, torch.bfloat16, enabled=bfloat16):
            loss = ARTICLE.loss(model(add_noise(x)), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        turns(loss.detach())


def ours(
    track: Track,
    turns: Turns,
    speed: Speed,
    network: Callable[[], nn.Module] = Unet,
    batch_size: int | None = None,
) -> None:
    """The library's step with its batches, as fast as `speed` says."""
    batch_size = batch_size or track.batch_size
    if speed.keep_memory and torch.device(track.device).type == "cpu":
        keep_memory()
    step = FastStep(seeded(network).to(track.device), ARTICLE, STEPS_WITHOUT_END, speed)
    images = digits()
    batcher = Batcher(images, batch_size, ARTICLE.scale, device=track.device)
    first = torch.from_numpy(scaled(images[:batch_size])).to(track.device)
    for _ in range(2):
        turns(step(first, first))
    graphed = GraphedSteps(step, batcher)
    while not graphed.fallback_reason:
        turns(graphed()[-1], graphed.count)
    while True:
        turns(step(*next(batcher)))


def fitted(track: Track, turns: Turns, steps: int) -> None:
    """`fit` with all that it does besides, epochs of `steps` steps, one after another.

    Every one writes its picture and its checkpoint, as the article's last epoch does.
    """
    model = seeded().to(track.device)
    recipe = replace(ARTICLE, epochs=1, draws_per_image=1, batch_size=track.batch_size)
    images = digits()[: steps * track.batch_size]
    with tempfile.TemporaryDirectory() as folder:
        while True:
            history = fit(
                *(model, images, recipe),
                device=track.device,
                folder=folder,
                overwrite=True,
            )
            turns(history.loss[-1], steps)


def ladder() -> dict[str, Loop]:
    """Ours, from the plain step up, one switch of `Speed` after another.

    bfloat16 is switched on whether it pays or not; FAST takes it where it pays.
    """
    speed = PLAIN
    rungs = {"batcher": speed}
    for switch in SWITCHES:
        speed = replace(speed, **{switch: True})
        rungs[f"+ {switch}"] = speed
    rungs |= {"fast": FAST, "fast + compile": replace(FAST, compile=True)}
    return {name: partial(ours, speed=speed) for name, speed in rungs.items()}
