"""Train the judge of chapter 06, and write it to unetlib/pretrained.

    python book/experiments/run.py classifier

A plain training of a plain network: Adam, one cycle, batches of 128 clean digits, each
shifted by up to two pixels, so that it does not mind where exactly a digit lies.
"""

import torch
from experiment import Experiment
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from unetlib.batcher import to_tensor
from unetlib.classifier import WEIGHTS, Classifier
from unetlib.data import Digits, load_mnist, split
from unetlib.model import count_parameters, evaluating

SEED = 0


@Experiment
def classifier(epochs: int = 6, lr: float = 3e-3) -> dict:
    """Share of digits that the judge names rightly, and how sure it is.

    It learns from the 55,000 digits for learning; the rest only reports. `confident` is
    the share to which it gives a probability above 0.9, be it right or wrong.
    """
    train, test = load_mnist()
    learning, validation = split(train)
    torch.manual_seed(SEED)
    model = Classifier()
    fit_classifier(model, learning, epochs, lr)
    save_file(model.state_dict(), WEIGHTS)
    reports = {"validation": validation, "test": test}
    judged = {name: judge(model, digits) for name, digits in reports.items()}
    return {
        "seed": SEED,
        "epochs": epochs,
        "lr": lr,
        "parameters": count_parameters(model),
        "n": {name: len(digits) for name, digits in reports.items()},
        "accuracy": {name: right for name, (right, _) in judged.items()},
        "confident": {name: sure for name, (_, sure) in judged.items()},
    }


def fit_classifier(model: Classifier, digits: Digits, epochs: int, lr: float) -> None:
    generator = torch.Generator().manual_seed(SEED)
    pictures, labels = to_tensor(digits.images, "cpu"), torch.tensor(digits.labels)
    steps = epochs * len(pictures) // 128
    adam = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, lr, steps)
    for _ in range(steps):
        chosen = torch.randint(len(pictures), (128,), generator=generator)
        x = shifted(pictures[chosen].float() / 255, generator)
        loss = cross_entropy(model(x), labels[chosen].long())
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    print(f"{steps} steps, last loss {loss.item():.4f}")


def shifted(pictures: Tensor, generator: torch.Generator, most: int = 2) -> Tensor:
    """All of a batch by the same number of pixels, what leaves on one side lost."""
    down, right = torch.randint(-most, most + 1, (2,), generator=generator).tolist()
    moved = pictures.roll((down, right), dims=(2, 3))
    for dim, by in ((2, down), (3, right)):
        if by:
            start = 0 if by > 0 else moved.shape[dim] + by
            moved.narrow(dim, start, abs(by)).zero_()
    return moved


def judge(model: Classifier, digits: Digits) -> tuple[float, float]:
    """The share that it names rightly, and the share that it is sure of."""
    with evaluating(model):
        sure = model(to_tensor(digits.images, "cpu") / 255).softmax(dim=1)
    right = sure.argmax(dim=1) == torch.tensor(digits.labels)
    confident = sure.amax(dim=1) > 0.9
    return tuple(round(x.float().mean().item(), 4) for x in (right, confident))
