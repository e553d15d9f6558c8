"""Train the networks that ship, and write them to unetlib/pretrained/weights.

`make weights`, or `python book/experiments/weights.py book` for one of them. A run
that was interrupted goes on from its checkpoint in runs/.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import torch
from experiment import SIGMAS, circumstances
from safetensors.torch import save_file

from unetlib.data import load_mnist
from unetlib.metrics import denoising_psnr
from unetlib.networks import NETWORKS, RECIPES
from unetlib.pretrained import PRETRAINED, WEIGHTS
from unetlib.recipe import Recipe
from unetlib.saving.checkpoint import CHECKPOINT, read_checkpoint

ROOT = Path(__file__).resolve().parents[2]
SEED = 0
# The article's 30 epochs would take a day on two CPU cores: one is what we afford.
STOP_AFTER = {"article": 1, "article-noise": 1}
NAMES = {"book": "skip"}  # weights are named as their recipe, but for these


def command(recipe: Recipe) -> list[str]:
    """How the weights of `recipe` are trained."""
    arguments = ["--recipe", recipe.name, "--seed", str(SEED)]
    if recipe.name in STOP_AFTER:
        arguments += ["--stop-after", str(STOP_AFTER[recipe.name])]
    return ["-m", "unetlib.train", *arguments]


def train(recipe: Recipe) -> Path:
    """Run its command; returns the folder with its checkpoint."""
    folder = ROOT / "runs" / recipe.name
    arguments = command(recipe)
    if (folder / CHECKPOINT).exists():
        arguments.append("--resume")
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True)
    return folder


def ship(recipe: Recipe, folder: Path) -> None:
    """Checkpoint in `folder` → NAME.safetensors and NAME.json."""
    name = NAMES.get(recipe.name, recipe.name)
    about, _ = read_checkpoint(folder / CHECKPOINT)
    history = about["history"]
    weights = torch.load(
        folder / "unet_model.pth", map_location="cpu", weights_only=True
    )
    network = NETWORKS[recipe.network]()
    network.load_state_dict(weights)
    _, test = load_mnist()
    clean = torch.tensor(test.images).unsqueeze(1).float() / 255
    with torch.no_grad():
        psnr_db = denoising_psnr(recipe.denoiser(network), clean, SIGMAS)
    info = {
        "what": PRETRAINED.get(name, f"{recipe.network} by the recipe {recipe.name}"),
        "command": f"python {' '.join(command(recipe))}",
        "recipe": asdict(recipe),
        "seed": SEED,
        "epochs_run": len(history.loss),
        "steps_run": len(history.loss) * recipe.steps_per_epoch(about["images"]),
        "train_seconds": round(sum(history.seconds)),
        "precision": "bfloat16" if about["bfloat16"] else "float32",
        "train_loss": history.loss,
        "test_psnr_db": {str(s): round(db, 2) for s, db in psnr_db.items()},
        **circumstances(),
    }
    # safetensors takes no other order in memory than the usual one.
    contiguous = {key: value.contiguous() for key, value in weights.items()}
    save_file(contiguous, WEIGHTS / f"{name}.safetensors")
    text = json.dumps(info, indent=2) + "\n"
    (WEIGHTS / f"{name}.json").write_text(text, encoding="utf-8")
    print(name, info["test_psnr_db"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipes", nargs="*", help=f"default: {', '.join(RECIPES)}")
    stopped = ", ".join(f"{name} after {n}" for name, n in STOP_AFTER.items())
    named = ", ".join(f"those of {recipe} are {name}" for recipe, name in NAMES.items())
    parser.epilog = (
        f"Weights are named as their recipe, but {named}. These stop before their "
        f"last epoch: {stopped}. What was interrupted goes on from runs/RECIPE."
    )
    chosen = parser.parse_args().recipes or list(RECIPES)
    for name in set(chosen) - RECIPES.keys():
        parser.error(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
    for name in chosen:
        ship(RECIPES[name], train(RECIPES[name]))


if __name__ == "__main__":
    main()
