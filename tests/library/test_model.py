"""Both networks against PyTorch's own operations."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from unetlib.checks import UnetlibError
from unetlib.model import Denoiser, SkipUnet, Unet, count_parameters
from unetlib.noise import add_gaussian_noise


def article_network(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The article's table, written out in functional form: an independent oracle."""

    def conv(name: str, value: Tensor) -> Tensor:
        return F.conv2d(
            value, state[f"{name}.weight"], state[f"{name}.bias"], padding=1
        )

    def double(value: Tensor) -> Tensor:
        return value.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    x = F.max_pool2d(F.gelu(conv("first_block_down.0", x)), 2)
    x = F.max_pool2d(F.gelu(conv("second_block_down.0", x)), 2)
    x = F.gelu(conv("latent_space_block.0", x))
    x = F.gelu(conv("second_block_up.1", double(x)))
    x = F.gelu(conv("first_block_up.1", double(x)))
    return conv("convUP_end.0", x).tanh()


ARTICLE_SHAPES = {
    "first_block_down.0": (32, 1),
    "second_block_down.0": (64, 32),
    "latent_space_block.0": (128, 64),
    "second_block_up.1": (64, 128),
    "first_block_up.1": (32, 64),
    "convUP_end.0": (1, 32),
}


def test_a_checkpoint_of_the_article_loads_and_gives_the_same_outputs():
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, (out, into) in ARTICLE_SHAPES.items():
        scale = 1 / (9 * into) ** 0.5
        weight = torch.randn(out, into, 3, 3, generator=generator) * scale
        state |= {f"{name}.weight": weight, f"{name}.bias": torch.randn(out) * 0.1}
    model = Unet()
    assert list(model.state_dict()) == list(state)
    model.load_state_dict(state)
    x = torch.rand(5, 1, 28, 28, generator=generator)
    assert torch.allclose(model(x), article_network(state, x), atol=1e-6)


def test_shapes_after_every_block():
    seen = []
    model = Unet()
    for block in model.children():
        block.register_forward_hook(lambda _m, _i, out: seen.append(tuple(out.shape)))
    model(torch.rand(5, 1, 28, 28))
    assert seen == [
        (5, 32, 14, 14),
        (5, 64, 7, 7),
        (5, 128, 7, 7),
        (5, 64, 14, 14),
        (5, 32, 28, 28),
        (5, 1, 28, 28),
    ]


def test_the_two_networks_have_about_the_same_size():
    assert count_parameters(Unet()) == 185_217
    assert count_parameters(SkipUnet()) == 177_185
    frozen = Unet().requires_grad_(False)
    assert count_parameters(frozen) == 0


@pytest.mark.parametrize("network", [Unet, SkipUnet])
@pytest.mark.parametrize("shape", [(0, 1, 28, 28), (1, 1, 4, 8), (2, 1, 64, 32)])
def test_output_has_the_shape_of_the_input(network, shape):
    assert network()(torch.rand(shape)).shape == shape


@pytest.mark.parametrize("network", [Unet, SkipUnet])
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, 30, 28), r"\(30, 28\)"),
        ((1, 1, 28, 27), r"\(28, 27\)"),
        ((1, 1, 0, 0), r"\(0, 0\)"),
        ((1, 3, 28, 28), r"\(1, 3, 28, 28\)"),
        ((28, 28), r"\(28, 28\)"),
    ],
)
def test_wrong_inputs_are_named(network, shape, message):
    with pytest.raises(UnetlibError, match=message):
        network()(torch.rand(shape))


def test_skips_carry_single_pixels_past_the_bottleneck():
    """With the decoder's deep inputs cut off, the picture still comes through."""
    model = SkipUnet(width=4)
    x = torch.rand(1, 1, 28, 28)
    with torch.no_grad():
        model.up1[0].weight[:, :8] = 0  # what comes from below
    y = x.clone()
    y[0, 0, 3, 3] += 1
    difference = (model(y) - model(x)).abs()[0, 0]
    # three 3×3 convolutions lie on the way over the top: three pixels each way
    assert difference[:7, :7].max() > 0
    assert difference[7:].max() == 0 and difference[:, 7:].max() == 0


def test_every_parameter_learns():
    for model in (Unet(), SkipUnet()):
        model(torch.rand(2, 1, 28, 28)).square().sum().backward()
        assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("model", [Unet(), SkipUnet(4), Denoiser(SkipUnet(4))])
def test_sparse_pictures(model):
    with pytest.raises(UnetlibError, match=r"got torch.sparse_coo; .*\.to_dense\(\)"):
        model(torch.ones(1, 1, 28, 28).to_sparse())


@pytest.mark.parametrize("options", [{"width": 1025}, {"width": 4, "channels": 10**6}])
def test_networks_wider_than_any_memory(options):
    with pytest.raises(
        UnetlibError, match=f"from 1 to 1024, got {max(options.values())}"
    ):
        SkipUnet(**options)
    with pytest.raises(UnetlibError, match="from 1 to 1024, got 1025"):
        Unet(channels=1025)


def test_a_denoiser_can_be_exported_and_mapped(clean):
    denoiser = Denoiser(SkipUnet(4)).requires_grad_(False)
    expected = denoiser(clean[:2])
    exported = torch.export.export(denoiser, (clean[:2],)).module()
    assert torch.allclose(exported(clean[:2]), expected, atol=1e-6)
    mapped = torch.func.vmap(lambda x: denoiser(x[None])[0])(clean[:2])
    assert torch.allclose(mapped, expected, atol=1e-6)


@pytest.mark.parametrize("white", [255, 65535])
def test_a_denoiser_sees_pictures_on_another_scale(white, clean):
    denoiser, pictures = Denoiser(SkipUnet(4)), clean * white
    with pytest.raises(UnetlibError, match=f"; scale it first: noisy / {white}"):
        denoiser(pictures)
    noisy = add_gaussian_noise(clean, 10.0, torch.Generator().manual_seed(0))
    assert noisy.max() > 20  # bright by noise is another thing
    assert denoiser(noisy).shape == denoiser(pictures / white).shape
