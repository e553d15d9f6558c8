"""What goes on inside a network. Introduced in chapter 02."""

from torch import Tensor, nn

from unetlib.model import evaluating


def feature_maps(
    model: nn.Module, x: Tensor, around: nn.Module | None = None
) -> dict[str, Tensor]:
    """What each direct child of `model` puts out for `x`: {name: output}.

    A child that is used more than once (pooling) shows its last output.
    around: a `Denoiser` around the network, which is then called in its place.
    """
    seen: dict[str, Tensor] = {}
    hooks = [
        child.register_forward_hook(
            lambda _module, _input, output, name=name: seen.update({name: output})
        )
        for name, child in model.named_children()
    ]
    try:
        with evaluating(model):
            (around or model)(x)
    finally:
        for hook in hooks:
            hook.remove()
    return seen
