"""Which network of the book some weights belong to: their names and shapes say so."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from unetlib.checks import UnetlibError
from unetlib.networks import NETWORKS, MixerUnet, SkipUnet, Unet

# What torch.compile, DataParallel, FSDP and checkpointing put into names.
WRAPPERS = r"\b(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."


def recognise(tensors: Mapping[str, Tensor], source: str) -> nn.Module:
    """The network whose state dict is among `tensors`, with these weights, on the CPU.

    Its names may all begin with more ("model.", "state_dict.net."), and other tensors
    may stand beside. Width and channels are those of the shapes.
    source: what errors call it.
    Raises UnetlibError where there is no such network, and where there are several.
    """
    named = {re.sub(WRAPPERS, "", name): value for name, value in tensors.items()}
    whole, partial = [], []
    for kind in NETWORKS.values():
        with torch.device("meta"):
            wanted = list(kind().state_dict())
        for prefix in sorted(_prefixes(named, wanted)):
            missing = [name for name in wanted if prefix + name not in named]
            if not missing:
                whole.append((kind, prefix, {k: named[prefix + k] for k in wanted}))
            elif len(missing) <= len(wanted) / 2:
                partial.append(f"{kind.__name__} without {', '.join(missing)}")
    if len(whole) == 1:
        kind, _, state = whole[0]
        return _filled(kind, state, source)
    if whole:
        held = ", ".join(repr(prefix.rstrip(".")) for _, prefix, _ in whole)
        raise UnetlibError(
            f"{source} holds {len(whole)} networks: {held}. Choose: load_network("
            "torch.load(path, map_location='cpu', weights_only=True)[…])"
        )
    if partial:
        raise UnetlibError(
            f"{source} holds a {partial[0]}; expected all of its weights"
        )
    raise UnetlibError(f"{source} holds {_what_else(list(named))}")


def _prefixes(named: Mapping[str, Tensor], wanted: list[str]) -> set[str]:
    """What stands before names of a network, "" included."""
    return {
        name.removesuffix(ending)
        for name in named
        for ending in wanted
        if name == ending or name.endswith(f".{ending}")
    }


def _filled(kind: type, state: Mapping[str, Tensor], source: str) -> nn.Module:
    first = next(iter(state.values()))
    outputs, inputs = first.shape[:2] if first.dim() == 4 else (2, 2)
    sizes = {
        Unet: {"channels": inputs},
        SkipUnet: {"channels": inputs, "width": outputs},
        MixerUnet: {"channels": inputs - 1, "width": outputs},
    }
    with torch.device("meta"):  # no memory, and no random numbers drawn
        network = kind(**sizes[kind])
    for name, expected in network.state_dict().items():
        value, shape = state[name], tuple(expected.shape)
        usable = value.is_floating_point() and not (value.is_meta or value.is_sparse)
        if value.shape != shape or not usable:
            raise UnetlibError(
                f"{source} holds a {kind.__name__} whose {name} is {value.dtype} "
                f"{tuple(value.shape)} on {value.device}, expected floats {shape}"
            )
        if not value.isfinite().all():
            raise UnetlibError(
                f"{source} is spoilt: {name} has numbers that are not finite. Load "
                "weights from before training diverged, or copy the file again"
            )
    network.to_empty(device="cpu").load_state_dict(state)
    return network


def _what_else(names: list[str]) -> str:
    if any(name.endswith(("exp_avg", "momentum_buffer")) for name in names):
        return "the state of an optimiser and no network; save model.state_dict(), too"
    if not names:
        return "no tensors, expected a state dict: model.state_dict()"
    known = " or ".join(
        f"{next(iter(kind().state_dict()))} … ({name})"
        for name, kind in NETWORKS.items()
    )
    return (
        f"no network of this book, but {', '.join(names[:3])} …; expected {known}. "
        "Build the network that it was saved from, and call its load_state_dict"
    )
