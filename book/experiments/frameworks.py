"""The same task in other frameworks, each as its own documentation would have it.

What a framework does on the side (progress bars, logs, checkpoints) is switched off.
Where one has mixed precision, it races in that too. Lightning races once more with
the settings that our step has: what the others lack is these, not a framework. The
packages are named in requirements-peers.txt; one that is missing stands in the result
as not installed.
"""

from contextlib import nullcontext
from functools import partial

import torch
from frameworks_jax import jax, keras
from race import Loop, Track, Turns
from training_loops import loader, seeded

from unetlib.recipe import ARTICLE
from unetlib.speed.options import keep_memory
from unetlib.speed.upsampling import composed


def lightning(
    track: Track,
    turns: Turns,
    bfloat16: bool = False,
    settings: bool = False,
    merged: bool = False,
) -> None:
    """settings: memory kept and channels last, a line each. merged: upsampling, too."""
    import pytorch_lightning as pl

    if settings and track.device == "cpu":
        keep_memory()

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = seeded()
            if settings:
                self.model.to(memory_format=torch.channels_last)

        def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
            (x,) = batch
            with composed(self.model) if merged else nullcontext():
                return ARTICLE.loss(self.model(x), x)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=ARTICLE.lr)

    class TakeTurns(pl.Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, index) -> None:
            turns(outputs["loss"])

    trainer = pl.Trainer(
        accelerator="gpu" if track.device == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if bfloat16 else "32-true",
        max_epochs=1,
        callbacks=[TakeTurns()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), loader(track))


def deepinv(track: Track, turns: Turns, bfloat16: bool = False) -> None:
    import deepinv

    class SquaredError(deepinv.loss.Loss):
        def forward(self, x_net, x, y, physics, model, **_) -> torch.Tensor:
            return ARTICLE.loss(x_net, x)

    class Reconstructor(deepinv.models.Reconstructor):
        def __init__(self) -> None:
            super().__init__(device=track.device)
            self.network = seeded().to(track.device)

        def forward(self, y, physics, **_) -> torch.Tensor:
            return self.network(y)

    class Trainer(deepinv.Trainer):
        def compute_loss(self, *arguments, **options) -> tuple:
            result = super().compute_loss(*arguments, **options)
            turns(result[0].detach())
            return result

    model = Reconstructor()
    trainer = Trainer(
        model=model,
        physics=deepinv.physics.Denoising(deepinv.physics.ZeroNoise()),
        optimizer=torch.optim.Adam(model.parameters(), lr=ARTICLE.lr),
        train_dataloader=loader(track, pairs=True),
        losses=SquaredError(),
        metrics=[],
        compute_train_metrics=False,
        optimizer_step_multi_dataset=False,
        mixed_precision="bfloat16" if bfloat16 else False,
        device=track.device,
        epochs=1,
        save_path=None,
        verbose=False,
        show_progress_bar=False,
    )
    trainer.train()


def fastai(track: Track, turns: Turns, bfloat16: bool = False) -> None:
    from fastai.callback.core import Callback
    from fastai.callback.fp16 import AMPMode, MixedPrecision
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    if bfloat16 and track.device != "cuda":
        raise RuntimeError("fastai's mixed precision is for CUDA only")

    class TakeTurns(Callback):
        def after_batch(self) -> None:
            turns(self.loss.detach())

    batches = loader(track, pairs=True)
    learner = Learner(
        DataLoaders(batches, batches, device=track.device),
        seeded().to(track.device),
        loss_func=ARTICLE.loss,
        opt_func=partial(OptimWrapper, opt=torch.optim.Adam),
        lr=ARTICLE.lr,
        cbs=[TakeTurns()] + [MixedPrecision(AMPMode.BF16)] * bfloat16,
    )
    with learner.no_bar(), learner.no_logging():
        learner.fit(1)


PEERS: dict[str, Loop] = {
    "lightning": lightning,
    "lightning bfloat16": partial(lightning, bfloat16=True),
    "lightning + settings": partial(lightning, settings=True),
    "lightning + settings + composed": partial(lightning, settings=True, merged=True),
    "lightning + settings + composed + bfloat16": partial(
        lightning, settings=True, merged=True, bfloat16=True
    ),
    "deepinv": deepinv,
    "deepinv bfloat16": partial(deepinv, bfloat16=True),
    "keras": keras,
    "keras bfloat16": partial(keras, bfloat16=True),
    "fastai": fastai,
    "fastai bfloat16": partial(fastai, bfloat16=True),
    "jax": jax,
}
PACKAGES = ("pytorch-lightning", "deepinv", "keras", "fastai", "jax")
