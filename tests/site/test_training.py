"""The page that trains: its graphs against PyTorch, and what a reader does."""

import io
import json
import zlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from building import ROOT
from export_training import BATCH, LEARNED, NETWORKS, UNSEEN
from languages import FALLBACK
from live_parts import import_modules, without_complaint
from PIL import Image
from playwright.sync_api import Locator, Page
from safetensors.torch import save
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.optim.lr_scheduler import OneCycleLR

from unetlib.data import split
from unetlib.noise import add_gaussian_noise
from unetlib.pretrained import load_network
from unetlib.recipe import BOOK
from unetlib.step import TrainStep

FOLDER = ROOT / "book" / "web" / "live" / "training"
ABOUT = json.loads((FOLDER / "about.json").read_text(encoding="utf-8"))
READY = '.live-trainer[data-state="ready"]'


# ---------- what is exported ----------


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parameters_are_the_networks(name):
    shapes = [[key, [*p.shape]] for key, p in NETWORKS[name]().named_parameters()]
    assert ABOUT["networks"][name] == shapes


def test_no_digit_is_both_learned_from_and_measured_on(mnist):
    learning, validation = split(mnist[0])
    pixels = zlib.decompress((FOLDER / "digits.bin").read_bytes())
    digits = np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28)
    assert len(digits) == UNSEEN + LEARNED and ABOUT["unseen"] == UNSEEN
    ours = {
        part: {image.tobytes() for image in found.images}
        for part, found in (("learning", learning), ("validation", validation))
    }
    assert all(d.tobytes() in ours["validation"] for d in digits[:UNSEEN])
    assert all(d.tobytes() in ours["learning"] for d in digits[UNSEEN:])


# ---------- what the page computes ----------


@pytest.fixture(scope="module")
def modules(browser, served) -> Iterator[Page]:
    """A page that has what trains at hand, and makes runs on demand: live.run().

    On its own thread, which the policy of pages would forbid.
    """
    with without_complaint(browser, bypass_csp=True) as page:
        names = ("runtime", "learning", "png", "random", "weights")
        import_modules(page, served, *names)
        page.evaluate(
            """async () => {
              const about = await whole("training/about.json");
              live.networks = JSON.parse(new TextDecoder().decode(about)).networks;
              let runtime = await whole("ort/ort-wasm-simd-threaded.wasm");
              live.run = async (name, weights, skips) => {
                const graphs = {};
                for (const what of ["step", "look"]) {
                  graphs[what] = await live.open(
                    await whole(`training/${name}-${what}.onnx`), runtime);
                  runtime = undefined;
                }
                const settings = { noise: "none", skips, digits: 1, seed: 0 };
                const black = new Float32Array(784);
                const shapes = live.networks[name];
                const run = new live.Run(graphs, shapes, black, black, settings);
                if (weights) run.weights = Float32Array.from(weights);
                return run;
              };
            }"""
        )
        yield page


def flat(pictures: torch.Tensor) -> list[float]:
    return pictures.flatten().tolist()


def batches(mnist, sigma: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Four, noisy and clean."""
    images = torch.tensor(mnist[0].images[: 4 * BATCH]).unsqueeze(1) / 255
    generator = torch.Generator().manual_seed(0)
    noisy = add_gaussian_noise(images, sigma, generator)
    return list(zip(noisy.split(BATCH), images.split(BATCH), strict=True))


@pytest.mark.parametrize(
    ("name", "steps", "lr", "sigma"),
    [
        ("skip-8", 100, 1e-2, 0.5),
        # Without noise many pixels are equal where the largest of four is looked for.
        ("skip-4", 10, 1e-2, 0.0),
        ("unet", 4, 2e-3, 0.5),
    ],
)
def test_the_step_is_pytorchs(modules, mnist, name, steps, lr, sigma):
    torch.manual_seed(0)
    network = NETWORKS[name]()
    step = TrainStep(network, replace(BOOK, lr=lr), steps)
    start = parameters_to_vector(network.parameters()).tolist()
    some = batches(mnist, sigma)
    losses, weights = modules.evaluate(
        """async ([name, start, batches, steps, lr]) => {
          const run = await live.run(name, start, true);
          const losses = [];
          for (let i = 0; i < steps; i++) {
            const batch = batches[i % batches.length];
            const [noisy, clean] = batch.map((x) => Float32Array.from(x));
            losses.push(await run.update(noisy, clean, live.oneCycle(i, steps, lr)));
          }
          return [losses, [...run.weights]];
        }""",
        [name, start, [[flat(x), flat(y)] for x, y in some], steps, lr],
    )
    expected = [step(*some[i % 4]).item() for i in range(steps)]
    assert losses == pytest.approx(expected, rel=1e-4)
    learned = parameters_to_vector(network.parameters()).detach()
    assert weights == pytest.approx(learned.tolist(), abs=1e-3)


def without_skips(network: nn.Module) -> nn.Module:
    """The same, where what a skip brings counts nothing."""
    with torch.no_grad():
        for up, deep in ((network.up2, network.bottleneck), (network.up1, network.up2)):
            up[0].weight[:, deep[0].out_channels :] = 0
    return network


def test_a_look_is_the_networks(modules, clean):
    torch.manual_seed(1)
    network = NETWORKS["skip-4"]()
    weights = parameters_to_vector(network.parameters()).tolist()
    found = modules.evaluate(
        """async ([weights, noisy]) => {
          const run = await live.run("skip-4", weights, true);
          const { denoised, features } = await run.denoise(Float32Array.from(noisy));
          return [[...denoised], [...features]];
        }""",
        [weights, flat(clean[:40])],
    )
    assert found[0] == pytest.approx(flat(network(clean[:40])), abs=1e-5)
    assert found[1] == pytest.approx(flat(network.down1(clean[:40])), abs=1e-5)


def test_skips_that_are_cut_stay_cut(modules, mnist):
    """Saved after a run without them, the weights do the same in the library."""
    weights, noisy, denoised = modules.evaluate(
        """async ([noisy, clean]) => {
          const run = await live.run("skip-4", null, false);
          const batch = [noisy, clean].map((x) => Float32Array.from(x));
          for (let i = 0; i < 3; i++) await run.update(...batch, 0.01);
          const { denoised } = await run.denoise(batch[0]);
          return [run.weights, batch[0], denoised].map((row) => [...row]);
        }""",
        [flat(x) for x in batches(mnist, 0.5)[0]],
    )
    network = NETWORKS["skip-4"]()
    vector_to_parameters(torch.tensor(weights), network.parameters())
    pictures = torch.tensor(noisy).view(-1, 1, 28, 28)
    expected = flat(without_skips(deepcopy(network))(pictures))
    assert denoised == pytest.approx(expected, abs=1e-5)
    assert denoised == pytest.approx(flat(network(pictures)), abs=1e-5)


def test_the_learning_rate_is_that_of_one_cycle(modules):
    network = nn.Linear(1, 1)
    adam = torch.optim.Adam(network.parameters())
    schedule = OneCycleLR(adam, 0.01, 300, cycle_momentum=False)
    expected = []
    for _ in range(300):
        expected.append(schedule.get_last_lr()[0])
        adam.step()
        schedule.step()
    steps = "(n) => Array.from({ length: n }, (_, i) => live.oneCycle(i, n, 0.01))"
    assert modules.evaluate(steps, 300) == pytest.approx(expected, rel=1e-6)


def test_fresh_weights_are_drawn_as_pytorch_draws_them(modules):
    found = modules.evaluate(
        """[...live.fresh(live.networks["unet"], live.seeded(3))]"""
    )
    network = NETWORKS["unet"]()
    ours = {key: p.clone() for key, p in network.named_parameters()}
    vector_to_parameters(torch.tensor(found), network.parameters())
    for key, theirs in network.named_parameters():
        bound = ours[key.replace("bias", "weight")][0].numel() ** -0.5
        assert theirs.abs().max() <= bound
        if theirs.numel() > 100:
            assert theirs.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)
            assert theirs.mean().item() == pytest.approx(0, abs=0.2 * bound)


def test_noise_is_normal_and_new_each_time(modules):
    found = modules.evaluate("""() => {
      const random = live.seeded(5);
      return [1, 2].map(() => [...live.normals(20001, random)]);
    }""")
    for noise in found:
        assert np.mean(noise) == pytest.approx(0, abs=0.03)
        assert np.std(noise) == pytest.approx(1, abs=0.03)
    assert abs(np.corrcoef(*found)[0, 1]) < 0.03


# ---------- weights as files ----------


def test_saved_weights_are_read_by_the_library(modules, tmp_path):
    torch.manual_seed(2)
    network = NETWORKS["skip-8"]()
    weights = parameters_to_vector(network.parameters()).tolist()
    content = modules.evaluate(
        """([weights]) => [...new Uint8Array(
          live.pack(live.networks["skip-8"], Float32Array.from(weights)))]""",
        [weights],
    )
    (tmp_path / "skip-8.safetensors").write_bytes(bytes(content))
    read = load_network(tmp_path / "skip-8.safetensors").state_dict()
    for key, value in network.state_dict().items():
        assert torch.equal(read[key], value)


UNPACK = """([bytes]) => {
  const file = Uint8Array.from(bytes).buffer;
  const { network, weights } = live.unpack(file, live.networks);
  return [network ?? null, weights ? [...weights] : []];
}"""


@pytest.mark.parametrize("prefix", ["", "model."])
def test_what_the_library_saves_is_read(modules, prefix):
    network = NETWORKS["skip-4"]()
    state = {f"{prefix}{key}": p.detach() for key, p in network.named_parameters()}
    content = save({**state, "optimizer.step": torch.ones(1)})
    name, weights = modules.evaluate(UNPACK, [list(content)])
    assert name == "skip-4"
    assert weights == parameters_to_vector(network.parameters()).tolist()


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "other", "double", "nan"])
def test_other_files_are_refused(modules, kind):
    state = {key: p.detach() for key, p in NETWORKS["skip-4"]().named_parameters()}
    contents = {
        "empty": b"",
        "text": b"PK\x03\x04 " * 20,
        "cut": save(state)[:-100],
        "other": save({"weight": torch.ones(3)}),
        "double": save({key: p.double() for key, p in state.items()}),
        "nan": save({key: p * float("nan") for key, p in state.items()}),
    }
    assert modules.evaluate(UNPACK, [list(contents[kind])]) == [None, []]


def hidden(modules: Page, png: bytes, inside: bytes) -> bytes:
    """The picture, with something inside."""
    return bytes(
        modules.evaluate(
            """async ([png, inside]) => {
              const [a, b] = [png, inside].map((x) => Uint8Array.from(x).buffer);
              return [...new Uint8Array(await live.hide(a, b).arrayBuffer())];
            }""",
            [list(png), list(inside)],
        )
    )


def revealed(modules: Page, file: bytes) -> bytes | None:
    found = modules.evaluate(
        """([file]) => {
          const found = live.reveal(Uint8Array.from(file).buffer);
          return found === undefined ? null : [...new Uint8Array(found)];
        }""",
        [list(file)],
    )
    return None if found is None else bytes(found)


@pytest.fixture
def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).save(file, "PNG")
    return file.getvalue()


def test_a_picture_keeps_what_is_hidden_in_it(modules, png):
    """Pillow, which checks every sum, sees the same picture."""
    inside = bytes(range(256)) * 9
    both = hidden(modules, png, inside)
    with Image.open(io.BytesIO(both)) as picture:
        picture.verify()
    pixels = (np.asarray(Image.open(io.BytesIO(x))) for x in (png, both))
    assert np.array_equal(*pixels)
    assert revealed(modules, both) == inside


@pytest.mark.parametrize("kind", ["plain", "cut", "spoilt", "no picture"])
def test_what_is_not_whole_is_not_revealed(modules, png, kind):
    both = hidden(modules, png, b"weights" * 50)
    at = both.index(b"unEt")
    spoilt = both[: at + 9] + b"?" + both[at + 10 :]
    files = {"plain": png, "cut": both[: at + 90], "spoilt": spoilt}
    if kind == "no picture":
        assert revealed(modules, b"weights") == b"weights"
    else:
        assert revealed(modules, files[kind]) is None


# ---------- what a reader does ----------


@pytest.fixture
def page(browser, served) -> Iterator[Page]:
    """The page that trains."""
    with without_complaint(browser, viewport={"width": 1000, "height": 900}) as page:
        page.served, page.language = served, FALLBACK
        page.goto(f"{served}/{FALLBACK}/train.html")
        load(page)
        yield page


def load(page: Page) -> None:
    """Say that it may: so much is not loaded unasked."""
    page.locator(".live-trainer .live-go").click()
    page.wait_for_selector(READY)


def part(page: Page, name: str) -> Locator:
    return page.locator(f'[data-part="{name}"]')


def quick(page: Page, **settings: str) -> None:
    """Open the page with a small network and few steps."""
    chosen = {"network": "skip-4", "steps": "100", **settings}
    query = "%26".join(f"{key}%3D{value}" for key, value in chosen.items())
    page.goto(f"{page.served}/{page.language}/train.html?train={query}")
    load(page)


def finish(page: Page) -> float:
    """Wait for the end; the PSNR that was reached."""
    page.wait_for_function(
        """() => document.querySelector('[data-part="verdict"]').textContent""",
        timeout=90_000,
    )
    return float(part(page, "now").inner_text().removesuffix(" dB"))


def test_guess_start_pause_go_on_and_compare(page):
    quick(page)
    start, guess = page.locator("[name=start]"), page.locator("[name=guess]")
    assert start.is_disabled()
    guess.focus()
    page.keyboard.press("ArrowRight")
    assert start.is_enabled()
    start.click()
    page.wait_for_function(
        """() => {
          const step = document.querySelector('[data-part="step"]').textContent;
          return Number(/\\d+/.exec(step)) > 5;
        }"""
    )
    start.click()
    page.wait_for_timeout(400)
    stopped = part(page, "step").inner_text()
    page.wait_for_timeout(400)
    assert part(page, "step").inner_text() == stopped
    start.click()
    assert finish(page) > 14
    assert "15.5" in part(page, "verdict").inner_text()
    assert part(page, "before").is_hidden()
    page.locator("[name=restart]").click()
    part(page, "before").wait_for()
    page.locator(".train-before").wait_for()


def test_without_noise_it_learns_to_copy(page):
    quick(page)
    page.locator("[name=unguessed]").click()
    denoised = finish(page)
    quick(page, noise="none")
    page.locator("[name=unguessed]").click()
    assert finish(page) < denoised - 2


def test_an_experiment_sets_what_it_is_about_and_its_address(page):
    page.locator("[name=experiment][value=article]").click()
    assert page.locator("[name=noise]").input_value() == "none"
    page.wait_for_function("() => location.search.includes('noise%3Dnone')")
    page.wait_for_timeout(500)
    question = part(page, "question").inner_text()
    page.goto(page.url)
    load(page)
    assert page.locator("[name=experiment]:checked").input_value() == "article"
    assert part(page, "question").inner_text() == question != ""


def test_an_address_of_nonsense_is_no_harm(page):
    quick(page, network="other", rate="7", steps="x", seed="1", start="2")
    assert page.locator("[name=network]").input_value() == "skip-8"
    assert page.locator("[name=seed]").input_value() == "1"
    assert page.locator("[name=start]").is_disabled()


def test_weights_come_and_go_as_files(page, tmp_path):
    quick(page)
    with page.expect_download() as download:
        page.locator("[name=save]").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "skip-4.safetensors" and load_network(file)
    page.locator("[name=load]").set_input_files(file)
    part(page, "denoised").wait_for()
    (tmp_path / "other.safetensors").write_bytes(b"no weights")
    page.locator("[name=load]").set_input_files(tmp_path / "other.safetensors")
    page.wait_for_function(
        """() => document.querySelector('[data-part="verdict"]').textContent
          .includes('other.safetensors')"""
    )
    assert page.locator(READY).count() == 1


def test_networks_race_that_came_as_pictures(page, tmp_path):
    quick(page, steps="100")
    files = [tmp_path / "other.safetensors"]
    torch.manual_seed(3)
    files[0].write_bytes(save(NETWORKS["skip-8"]().state_dict()))
    page.locator("[name=unguessed]").click()
    reached = finish(page)
    with page.expect_download() as download:
        page.locator("[name=share]").click()
    files.append(tmp_path / download.value.suggested_filename)
    download.value.save_as(files[1])
    assert files[1].name == f"skip-4-{reached:.1f}dB.png"
    assert Image.open(files[1]).size == (8 * 30 - 2, 28)
    assert 14_000 < files[1].stat().st_size < 60_000
    page.locator("[name=race]").set_input_files(files)
    rows = page.locator(".train-race tbody tr")
    page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 3")
    names = rows.locator("th").all_inner_texts()
    scores = [[float(x) for x in row.split("\t")[1:]] for row in rows.all_inner_texts()]
    assert names[2] == files[0].name and files[1].name in names[:2]
    assert scores[0] == scores[1] and scores[0][1] == pytest.approx(reached, abs=0.06)
    assert scores[0][0] > scores[0][1] > scores[0][2]
    page.locator("[name=load]").set_input_files(files[1])
    page.wait_for_function(
        """(reached) => document.querySelector('[data-part="now"]').textContent
          === reached && document.querySelector('[data-part="step"]').textContent
          .includes('0')""",
        arg=f"{reached:.1f} dB",
    )


def test_what_is_dropped_races_too(page, tmp_path):
    quick(page)
    content = save(NETWORKS["skip-4"]().state_dict())
    dropped = page.evaluate_handle(
        """([content]) => {
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(content);
          transfer.items.add(new File([bytes], "theirs.safetensors"));
          return transfer;
        }""",
        [list(content)],
    )
    page.dispatch_event(".live-trainer", "drop", {"dataTransfer": dropped})
    page.wait_for_function("() => document.querySelectorAll('tbody tr').length === 2")
    assert "theirs.safetensors" in page.locator(".train-race").inner_text()


def test_a_network_is_kept_for_the_other_live_parts(page):
    quick(page)
    page.locator("[name=unguessed]").click()
    reached = finish(page)
    page.goto(f"{page.served}/{page.language}/00_welcome.html#explore")
    page.wait_for_selector('.live-denoiser[data-state="ready"]')
    option = page.locator("[name=model] option[value=own]")
    assert f"{reached:.1f} dB" in option.inner_text()
    page.locator("[name=model]").select_option("own")
    page.locator('.live-pictures[aria-busy="false"]').wait_for()
    denoised = page.locator('[data-part="denoised-psnr"]').inner_text()
    assert float(denoised.removesuffix(" dB")) > 12


def test_a_drawing_is_denoised(page):
    page.locator(".train-draw summary").click()
    cleaned = "document.querySelector('[data-part=cleaned]').toDataURL()"
    before = page.evaluate(cleaned)
    part(page, "pad").focus()
    for key in (" ", *["ArrowDown"] * 6):
        page.keyboard.press(key)
    page.wait_for_function(f"(before) => {cleaned} !== before", arg=before)
