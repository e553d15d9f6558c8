"""Weights that other programs and machines wrote: they load, or one is told why not."""

import gzip
import json
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from damage import Bomb
from safetensors.torch import save, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from unetlib.checks import UnetlibError
from unetlib.fit import fit
from unetlib.formats.weights import flat, read_weights
from unetlib.model import Denoiser, SkipUnet, Unet, conv
from unetlib.pretrained import load_network, load_pretrained
from unetlib.recipe import ARTICLE, BOOK, NO_SKIP
from unetlib.saving.checkpoint import CHECKPOINT, checksum, read_checkpoint
from unetlib.saving.files import save_weights
from unetlib.speed.options import FAST

RECIPE = replace(BOOK, batch_size=8, epochs=2)  # 8 steps an epoch on 64 pictures
Saving = Callable[[nn.Module, Path], None]


@pytest.fixture(scope="module")
def network() -> SkipUnet:
    torch.manual_seed(0)
    return SkipUnet(width=4)


def equal(one: nn.Module, other: nn.Module) -> bool:
    states = one.state_dict(), other.state_dict()
    same = (torch.equal(x, states[1][name]) for name, x in states[0].items())
    return type(one) is type(other) and all(same)


def on_a_gpu(model: nn.Module, path: Path, gpu: str = "cuda:0", **options) -> None:
    """As torch.save writes a file on a GPU: there each storage is said to lie on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.serialization.location_tag", lambda _: gpu)
        torch.save(model.state_dict(), path, **options)


def as_(wrap: Callable[[nn.Module], nn.Module]) -> Saving:
    return lambda model, path: torch.save(wrap(model).state_dict(), path)


def within(wrap: Callable[[dict], object]) -> Saving:
    return lambda model, path: torch.save(wrap(model.state_dict()), path)


def compiled_inside(model: nn.Module) -> nn.Module:
    copy = SkipUnet(width=4)
    copy.load_state_dict(model.state_dict())
    copy.up1, copy.up2 = torch.compile(copy.up1), nn.DataParallel(copy.up2)
    return copy


def with_optimizer(state: dict) -> dict:
    parameters = [x.clone().requires_grad_() for x in state.values()]
    optimizer = torch.optim.AdamW(parameters)
    sum(x.sum() for x in parameters).backward()
    optimizer.step()
    return {"epoch": 3, "model_state_dict": state, "opt": optimizer.state_dict()}


def prefixed(prefix: str, state: dict) -> dict:
    return {prefix + name: value for name, value in state.items()}


def by_lightning(state: dict) -> dict:
    others = {"loss.net.weight": torch.rand(3), "metric.total": torch.tensor(1)}
    return {
        "pytorch-lightning_version": "2.5.0",
        "state_dict": prefixed("model.", state) | others,
        "hyper_parameters": {"lr": 1e-3},
        "optimizer_states": [{"state": {}, "param_groups": [{"lr": 1e-3}]}],
    }


SAVED: dict[str, Saving] = {
    "by the book": lambda model, path: save_weights(path, model),
    "plain": within(dict),
    "as parameters": lambda m, path: torch.save(dict(m.named_parameters()), path),
    "before PyTorch 1.6": lambda model, path: torch.save(
        model.state_dict(), path, _use_new_zipfile_serialization=False
    ),
    "on a GPU": on_a_gpu,
    "on another GPU": lambda model, path: on_a_gpu(model, path, "cuda:3"),
    "on an Apple GPU": lambda model, path: on_a_gpu(model, path, "mps"),
    "on a GPU before 1.6": lambda model, path: on_a_gpu(
        model, path, _use_new_zipfile_serialization=False
    ),
    "as float64": within(lambda s: {k: v.double() for k, v in s.items()}),
    "compiled": as_(torch.compile),
    "DataParallel": as_(nn.DataParallel),
    "DataParallel, compiled": as_(lambda m: torch.compile(nn.DataParallel(m))),
    "compiled, DataParallel": as_(lambda m: nn.DataParallel(torch.compile(m))),
    "compiled inside": as_(compiled_inside),
    "averaged": as_(AveragedModel),
    "FSDP": within(lambda s: prefixed("_fsdp_wrapped_module.", s)),
    "a Denoiser": as_(lambda model: Denoiser(model, 1 / 512)),
    "in a larger network": as_(lambda m: nn.ModuleDict({"net": m, "head": conv(1, 1)})),
    "model_state_dict": within(with_optimizer),
    "state_dict": within(lambda s: {"state_dict": s, "best": torch.tensor(1.0)}),
    "nested": within(lambda s: {"a": {"b": {"module": prefixed("module.", s)}}}),
    "Lightning": within(by_lightning),
    "twice the same": within(lambda s: {"last": s, "best": s}),
    "channels last": lambda model, path: torch.save(
        {
            k: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v
            for k, v in model.state_dict().items()
        },
        path,
    ),
    "without checksums": lambda model, path: without_checksums(model, path),
    "safetensors": lambda model, path: save_file(model.state_dict(), path),
    "safetensors, compiled": lambda model, path: save_file(
        prefixed("module._orig_mod.", model.state_dict()), path, {"format": "pt"}
    ),
}


def without_checksums(model: nn.Module, path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(model.state_dict(), path)
    finally:
        torch.serialization.set_crc32_options(True)


@pytest.mark.parametrize("way", SAVED)
def test_weights_load_however_they_were_saved(way, network, tmp_path):
    SAVED[way](network, tmp_path / "weights.pth")
    assert equal(load_network(tmp_path / "weights.pth"), network)


@pytest.mark.parametrize("name", ["unet_model.onnx", "模型 1.safetensors", "noending"])
@pytest.mark.parametrize("way", ["by the book", "safetensors"])
def test_what_a_file_is_its_content_says(way, name, network, tmp_path):
    SAVED[way](network, tmp_path / name)
    assert equal(load_network(str(tmp_path / name)), network)


def test_a_gpu_is_emulated_as_it_is(network, tmp_path):
    on_a_gpu(network, tmp_path / "gpu.pth")
    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load(tmp_path / "gpu.pth", weights_only=True)


def test_the_book_saves_a_gpus_weights_as_a_cpus(network, tmp_path, monkeypatch):
    moved = []
    monkeypatch.setattr(Tensor, "cpu", lambda x: moved.append(x.clone()) or moved[-1])
    monkeypatch.setattr(
        "torch.serialization.location_tag",
        lambda storage: (
            "cpu" if storage.data_ptr() in [x.data_ptr() for x in moved] else "cuda:0"
        ),
    )
    save_weights(tmp_path / "weights.pth", network)
    SkipUnet(4).load_state_dict(torch.load(tmp_path / "weights.pth"))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_halves_load_as_what_they_hold(kind, network, tmp_path):
    state = {name: x.to(kind) for name, x in network.state_dict().items()}
    torch.save(state, tmp_path / "half.pth")
    save_file(state, tmp_path / "half.safetensors")
    for path in tmp_path.iterdir():
        found = load_network(path).state_dict()
        for name, value in state.items():
            assert found[name].dtype == torch.float32
            assert torch.equal(found[name], value.float())


@pytest.mark.parametrize(
    "build",
    [
        Unet,
        SkipUnet,
        lambda: Unet(channels=3),
        lambda: SkipUnet(width=1),
        lambda: SkipUnet(width=64, channels=2),
    ],
)
def test_names_and_shapes_say_which_network_it_is(build, tmp_path):
    network = build()
    save_weights(tmp_path / "weights", network)
    found = load_network(tmp_path / "weights")
    assert equal(found, network) and str(found) == str(network)
    assert all(p.requires_grad for p in found.parameters())


def test_a_state_dict_itself_is_taken_and_not_shared(network, tmp_path):
    state = network.state_dict()
    found = load_network(state)
    with torch.no_grad():
        found.end.bias += 1
    assert not equal(found, network) and equal(load_network(state), network)
    arrays = {name: x.numpy() for name, x in state.items()}
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(UnetlibError, match="what np.load.path. returns"):
        load_network(tmp_path / "weights.npz")
    assert equal(load_network(np.load(tmp_path / "weights.npz")), network)


def test_loading_draws_no_random_numbers(network):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    load_network(network.state_dict())
    load_network("skip")
    assert torch.equal(torch.get_rng_state(), before)


# ---------- what a run writes, and learning on ----------


@pytest.mark.parametrize("ema", [None, 0.9])
def test_a_run_writes_what_loads(ema, few_images, tmp_path):
    network, recipe = SkipUnet(4), replace(RECIPE, ema=ema, scale=1 / 512)
    fit(network, few_images, recipe, folder=tmp_path, stop_after=1)
    assert equal(load_network(tmp_path / "unet_model.pth"), network)
    assert equal(load_network(tmp_path / CHECKPOINT), network)
    found = load_pretrained(tmp_path / CHECKPOINT)
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(found(x), recipe.denoiser(network)(x).detach())
    assert not found.training and not found(x).requires_grad


WRAPPED = {
    "compiled": lambda model: torch.compile(model, backend="eager"),
    "parallel": nn.DataParallel,
    "both": lambda m: nn.DataParallel(torch.compile(m, backend="eager")),
}


@pytest.mark.parametrize("how", WRAPPED)
def test_a_wrapped_network_writes_what_the_network_itself_loads(
    how, few_images, tmp_path
):
    torch.manual_seed(0)
    plain, inner = SkipUnet(2), SkipUnet(2)
    inner.load_state_dict(plain.state_dict())
    options = {"folder": tmp_path, "speed": replace(FAST, threads=False)}
    fit(WRAPPED[how](inner), few_images, RECIPE, stop_after=1, **options)
    SkipUnet(2).load_state_dict(torch.load(tmp_path / "unet_model.pth"))
    resumed = SkipUnet(2)
    fit(resumed, few_images, RECIPE, resume=True, **options)
    fit(plain, few_images, RECIPE, speed=options["speed"])
    for one, other in zip(resumed.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_shipped_weights_learn_on(few_images):
    network = load_network("skip")
    before = network.end.weight.clone()
    fit(network, few_images, replace(RECIPE, epochs=1))
    assert not torch.equal(network.end.weight, before)
    with pytest.raises(UnetlibError, match="frozen ones; .*requires_grad_"):
        fit(load_pretrained("skip").network, few_images, RECIPE)


# ---------- the scale ----------


def test_the_scale_of_bare_weights_is_known_or_asked_for(tmp_path):
    x = torch.rand(2, 1, 28, 28)
    for network, recipe in ((SkipUnet(4), None), (Unet(), ARTICLE), (Unet(), NO_SKIP)):
        save_weights(tmp_path / "weights.pth", network)
        found = load_pretrained(tmp_path / "weights.pth", recipe=recipe)
        assert torch.equal(found(x), (recipe or BOOK).denoiser(network)(x))
    with pytest.raises(UnetlibError, match="recipe=ARTICLE.* else recipe=NO_SKIP"):
        load_pretrained(tmp_path / "weights.pth")
    with pytest.raises(UnetlibError, match="a Recipe, such as BOOK, got 'article'"):
        load_pretrained(tmp_path / "weights.pth", recipe="article")


def test_a_recipe_of_a_later_version_is_no_guess(few_images, tmp_path):
    """Its weights may give the noise, which would be taken for the picture."""
    fit(SkipUnet(2), few_images, RECIPE, folder=tmp_path, stop_after=1)
    path = tmp_path / CHECKPOINT
    about, tensors = read_checkpoint(path)
    about["history"] = asdict(about["history"])
    about["recipe"]["predicts"] = "both"
    text = json.dumps(about)
    metadata = {"unetlib": text, "sha256": checksum(text, tensors)}
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(UnetlibError, match="'predicts'.* Install the newest unetlib"):
        load_pretrained(path)
    assert load_pretrained(path, recipe=RECIPE).white == 1  # said, and no guess
    assert isinstance(load_network(path), SkipUnet)


# ---------- what is refused ----------


def whole(path: Path, content: object) -> bytes:
    torch.save(content, path)
    return path.read_bytes()


class Own(nn.Module):
    pass


def wrong(network: nn.Module, path: Path) -> dict[str, tuple[bytes, str]]:
    """What a file may hold, and what is to be said of it."""
    state = network.state_dict()
    good, adam = whole(path, state), torch.optim.Adam(network.parameters())
    legacy = path.with_name("legacy")
    torch.save(state, legacy, _use_new_zipfile_serialization=False)
    flipped = bytearray(good)
    flipped[good.index(state["down1.0.weight"].numpy().tobytes()) + 5] ^= 1
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("unet_model.pth", good)
    zipped = path.read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1000))
    packed = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:  # as torch.jit.save's
        archive.writestr("archive/data.pkl", good)
        archive.writestr("archive/constants.pkl", b"")
    script = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:  # as torch.export.save's
        archive.writestr("archive/archive_format", b"pt2")
    exported = path.read_bytes()
    tensors = with_optimizer(state)["opt"]
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    nan = state | {"end.bias": torch.tensor([torch.nan])}
    two = {"model": state, "ema": {k: v + 1 for k, v in state.items()}}
    less = {k: v for k, v in state.items() if not k.startswith("end")}
    wide = state | {"up1.0.weight": torch.rand(9, 9, 3, 3)}
    thin = state | {"down1.0.weight": torch.rand(4)}
    bytes_ = {k: (v * 100).to(torch.int8) for k, v in state.items()}
    return {
        "a whole model": (
            whole(path, network),
            r"unetlib.model.SkipUnet.*torch.save\(",
        ),
        "another's model": (whole(path, Own()), r"Own.*torch.save\(model.state_dict"),
        "with an object": (whole(path, {"s": state, "a": Path()}), "holds Python obj"),
        "code": (whole(path, Bomb(path.with_name("ran"))), "holds Python objects"),
        "a pickle": (pickle.dumps(state), "neither torch.save nor safetensors"),
        "code, pickled": (pickle.dumps(Bomb(path.with_name("ran"))), "cannot read"),
        "cut off": (good[: len(good) // 2], "truncated or damaged"),
        "cut off early": (good[:50], "truncated or damaged"),
        "twice in one": (good + good, "truncated or damaged .*within another"),
        "cut off, legacy": (legacy.read_bytes()[:-500], "truncated or damaged"),
        "a wrong bit": (bytes(flipped), "is damaged .*data/0: wrong checksum"),
        "cut off, safe": (save(state)[:-9], "truncated or damaged"),
        "empty": (b"", "is empty"),
        "a page": (b"\r\n<!DOCTYPE html><title>Sign in</title>", "is a web page"),
        "another page": ("\ufeff<html><p>登录".encode(), "is a web page"),
        "an answer": (b'{"error": "Repository not found"}', "text, sent in place"),
        "no answer": (b"404: Not Found", "text, sent in place"),
        "Git LFS": (lfs, "Git LFS pointer.*git lfs pull"),
        "gzip": (gzip.compress(good), "is an archive.*Unpack it"),
        "zip": (zipped, "an archive that holds unet_model.pth. Unpack it first"),
        "packed": (packed, "an archive that holds data.pkl"),
        "a program": (script, r"TorchScript.*torch.jit.load\(path, map_location="),
        "a new program": (exported, r"torch.export.*torch.export.load\(path\)"),
        "Keras": (b"\x89HDF\r\n\x1a\n" + bytes(99), "cannot read"),
        "bytes": (bytes(1000), "cannot read"),
        "ONNX": (b"\x08\x0a\x12\x07pytorch" + bytes(99), "an ONNX file.*package onnx"),
        "optimiser": (whole(path, tensors), "state of an optimiser and no network"),
        "Adam, fresh": (whole(path, adam.state_dict()), "no tensors, expected a state"),
        "a number": (whole(path, 5), "no tensors, expected a state dict"),
        "a list": (whole(path, list(state.values())), "no tensors, expected a state"),
        "a tensor": (whole(path, torch.rand(2)), "no network of this book"),
        "another": (whole(path, nn.Linear(1, 1).state_dict()), "but weight, bias …"),
        "two": (whole(path, two), "holds 2 networks: 'ema', 'model'. Choose"),
        "less": (whole(path, less), "SkipUnet without end.weight, end.bias; expected"),
        "other shapes": (whole(path, wide), r"up1.0.weight is .*\(9, 9, .*\(4, 12, 3,"),
        "no kernels": (whole(path, thin), r"down1.0.weight is .*\(4,\) .*expected fl"),
        "whole numbers": (whole(path, bytes_), "torch.int8 .*expected floats"),
        "diverged": (whole(path, nan), "is spoilt: end.bias has numbers that are not"),
        "no values": (
            whole(path, network.to("meta").state_dict()),
            "on meta, expected",
        ),
    }


def test_what_cannot_be_loaded_is_named_and_nothing_is_run(tmp_path):
    path = tmp_path / "weights.pth"
    for what, (content, message) in wrong(SkipUnet(4), path).items():
        path.write_bytes(content)
        with pytest.raises(UnetlibError, match=message) as caught:
            load_network(path)
        assert "weights.pth" in str(caught.value), what
        assert "\n" not in str(caught.value), what
        assert not (tmp_path / "ran").exists(), what


@pytest.mark.parametrize("start", [b"X", b"\x80\x02X", b"\x80\x04X"])
def test_a_length_that_is_a_lie_takes_no_memory(start, tmp_path):
    (tmp_path / "weights.pth").write_bytes(start + b"\xff\xff\xff\x7f")
    tracemalloc.start()
    with pytest.raises(UnetlibError, match="cannot read"):
        load_network(tmp_path / "weights.pth")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 << 20  # and not 2 GB


def test_a_folder_says_what_it_holds(network, tmp_path):
    with pytest.raises(UnetlibError, match="is a folder. .*it holds none"):
        load_network(tmp_path)
    save_weights(tmp_path / "unet_model.pth", network)
    with pytest.raises(UnetlibError, match="is a folder. .*it holds unet_model.pth"):
        load_network(tmp_path)
    with zipfile.ZipFile(tmp_path / "unet_model.pth") as archive:
        archive.extractall(tmp_path / "unpacked")
    with pytest.raises(UnetlibError, match="unpacked it.*without unpacking"):
        load_network(tmp_path / "unpacked")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("unet_model.pth", "no weights 'unet_model.pth'; there are article, .* in /"),
        (Path("unet_model.pth"), "no file of that name in /"),
        ("nul\0", r"no weights 'nul\\x00'"),
        ("x" * 300, "no weights 'xxx"),
        (None, "a name, a path or a state dict, got None"),
        (SkipUnet(1), "a name, a path or a state dict, got SkipUnet"),
        ({}, "the state dict holds no tensors"),
    ],
)
def test_what_is_no_source_is_refused(source, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnetlibError, match=message):
        load_network(source)


def test_a_damaged_checkpoint_is_refused(few_images, tmp_path):
    fit(SkipUnet(2), few_images, RECIPE, folder=tmp_path, stop_after=1)
    raw = bytearray((tmp_path / CHECKPOINT).read_bytes())
    raw[-3] ^= 1
    (tmp_path / CHECKPOINT).write_bytes(raw)
    with pytest.raises(UnetlibError, match="its checksum is wrong"):
        load_network(tmp_path / CHECKPOINT)


@pytest.mark.parametrize("start", [b"PK\1", b"\x80\2\1", b" <\1", b"\x08\x03\x12"])
def test_the_length_of_a_header_may_look_like_another_format(
    start, few_images, tmp_path
):
    path = tmp_path / CHECKPOINT
    fit(SkipUnet(2), few_images, RECIPE, folder=tmp_path, stop_after=1)
    raw, length = path.read_bytes(), int.from_bytes(start, "little")
    end = 8 + int.from_bytes(raw[:8], "little")
    assert length > end
    header = raw[8:end].ljust(length)  # safetensors pads with spaces, too
    path.write_bytes(length.to_bytes(8, "little") + header + raw[end:])
    assert len(read_weights(path)[0]) == len(read_checkpoint(path)[1])
    history = fit(SkipUnet(2), few_images, RECIPE, folder=tmp_path, resume=True)
    assert len(history.loss) == RECIPE.epochs


def test_metadata_is_that_of_safetensors(network, tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "a", {"made": "by me"})
    tensors, about = read_weights(tmp_path / "a")
    assert list(tensors) == ["a"] and about == {"made": "by me"}


def test_a_dictionary_that_holds_itself_ends():
    endless = OrderedDict(a=torch.zeros(1))
    endless["again"] = endless
    assert list(flat(endless)) == ["a"]


def test_a_home_folder_is_found_and_a_full_one_not_searched(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    torch.save(SkipUnet(2).state_dict(), tmp_path / "weights.pth")
    load_network("~/weights.pth")
    deep = tmp_path / "a/b/c"
    deep.mkdir(parents=True)
    (deep / "data.pkl").touch()  # of something else
    with pytest.raises(UnetlibError, match="folder. Name a file.*holds weights.pth"):
        load_network("~")
