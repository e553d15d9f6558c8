"""The networks beside the lesson: what they see, what they take, how they load."""

import pytest
import torch
from speeds import EXACT
from torch import Tensor

from unetlib.batcher import Batcher
from unetlib.checks import UnetlibError
from unetlib.classifier import Classifier, load_classifier
from unetlib.model import Denoiser, SkipUnet, count_parameters
from unetlib.networks import NETWORKS, WINDOW, MixerBlock, MixerUnet
from unetlib.pretrained import load_network
from unetlib.recipe import BOOK
from unetlib.speed.fast_step import FastStep
from unetlib.speed.options import PLAIN


@pytest.fixture
def mixer() -> MixerUnet:
    torch.manual_seed(0)
    return MixerUnet(4)


def pictures(count: int, height: int = 28, width: int = 28) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 1, height, width, generator=generator)


def test_every_network_stands_under_the_name_of_its_class():
    assert all(name == kind.__name__ for name, kind in NETWORKS.items())
    assert set(NETWORKS) == {"Unet", "SkipUnet", "MixerUnet"}


def test_it_has_as_many_parameters_as_it_says():
    for kind in (MixerUnet, Classifier):
        assert f"{count_parameters(kind()):,} parameters" in kind.__doc__.replace(
            "\n    ", " "
        )


def test_mixing_is_a_matrix_for_each_group_of_channels():
    """Against plain matrix products, group by group and picture by picture."""
    torch.manual_seed(0)
    block = MixerBlock(16, groups=8)
    x = torch.randn(2, 16, WINDOW, WINDOW)
    seen = block.activation(block.look(block.norm(x)))
    mixed = torch.empty_like(seen)
    for picture in range(2):
        for channel in range(16):
            flat = seen[picture, channel].flatten() @ block.mix[channel // 2]
            mixed[picture, channel] = flat.reshape(WINDOW, WINDOW)
    torch.testing.assert_close(block(x), x + block.end(mixed))


def test_each_output_pixel_sees_the_whole_picture(mixer):
    noisy = pictures(1).requires_grad_()
    for row, column in ((0, 0), (14, 14), (27, 3)):
        noisy.grad = None
        mixer(noisy)[0, 0, row, column].backward()
        assert (noisy.grad != 0).all()


def test_a_larger_picture_is_mixed_window_by_window():
    """Without its convolution, which sees across, a block keeps windows apart."""
    torch.manual_seed(0)
    block = MixerBlock(8)
    block.norm = block.look = torch.nn.Identity()
    x = torch.randn(1, 8, 14, 21, requires_grad=True)
    block(x)[..., 7:, 7:14].sum().backward()  # of two by three windows one
    touched = torch.zeros(14, 21)
    touched[7:, 7:14] = 1
    assert torch.equal((x.grad[0] != 0).all(dim=0).float(), touched)


@pytest.mark.parametrize("size", [(28, 28), (30, 41), (100, 60), (3, 5)])
def test_a_denoiser_takes_any_size(mixer, size):
    noisy = pictures(2, *size)
    assert Denoiser(mixer)(noisy).shape == noisy.shape


def test_a_stronger_input_is_the_same_picture_beside_a_larger_number(mixer):
    """All that the network sees of the strength is one channel, flat."""
    seen = []
    mixer.encode1.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    noisy = pictures(1)
    mixer(noisy), mixer(10 * noisy)
    weak, strong = seen
    torch.testing.assert_close(weak[:, :1], strong[:, :1], rtol=1e-2, atol=1e-3)
    step = strong[:, 1] - weak[:, 1]
    torch.testing.assert_close(
        step, torch.full_like(step, 10.0).log(), rtol=1e-3, atol=1e-3
    )


def test_black_is_no_division_by_zero(mixer):
    assert mixer(torch.zeros(1, 1, 28, 28)).isfinite().all()


@pytest.mark.parametrize("width, channels", [(2, 1), (6, 1), (4, 3)])
def test_its_weights_say_which_network_they_are(width, channels):
    torch.manual_seed(1)
    network = MixerUnet(width, channels)
    loaded = load_network(network.state_dict())
    assert type(loaded) is MixerUnet
    x = pictures(1).expand(1, channels, 28, 28)
    torch.testing.assert_close(loaded(x), network(x), rtol=0, atol=0)


def test_weights_of_the_lessons_networks_are_not_taken_for_it():
    assert type(load_network(SkipUnet(4).state_dict())) is SkipUnet


def test_fast_and_plain_steps_agree(mnist):
    """Upsampling and convolution in one: `Up` is what makes it fast in any network."""
    losses = []
    for speed in (EXACT, PLAIN):
        torch.manual_seed(0)
        step = FastStep(MixerUnet(4), BOOK, 10, speed)
        batcher = Batcher(mnist[0].images[:100], 8, sigma=(0.0, 1.0))
        losses.append(torch.cat(list(step.steps(batcher, 3))))
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "width, x, said",
    [
        (3, None, "even"),
        (0, None, "from 2"),
        (4, torch.rand(1, 1, 32, 32), "28"),
        (4, torch.rand(1, 2, 28, 28), r"\(B, 1, H, W\)"),
        (4, torch.rand(1, 1, 28, 28, dtype=torch.float64), "float64"),
    ],
)
def test_what_it_cannot_take_is_refused(width, x, said):
    with pytest.raises(UnetlibError, match=said):
        MixerUnet(width)(x)


def test_the_judge_reads_clean_digits(mnist):
    digits = mnist[1].sample(500)
    clean = torch.tensor(digits.images).unsqueeze(1) / 255
    judge = load_classifier()
    assert not judge.training
    logits = judge(clean)
    assert logits.shape == (500, 10)
    right = (logits.argmax(dim=1) == torch.tensor(digits.labels)).float().mean()
    assert right > 0.97  # 99 % of all test digits; of 500, four standard errors less
    features = judge.features(clean)
    assert features.shape == (500, 64) and (features >= 0).all()


@pytest.mark.parametrize(
    "wrong", [torch.zeros(2, 1, 32, 32), torch.zeros(2, 28, 28), torch.zeros(28, 28)]
)
def test_the_judge_refuses_other_shapes(wrong):
    with pytest.raises(UnetlibError, match="28, 28"):
        Classifier()(wrong)
