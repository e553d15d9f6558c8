"""What is published: the library's wheel, and notebooks that install it.

The pages of a published site, with their run buttons: see test_third_language.py.
"""

import re
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from building import ROOT
from chapters import NAMES, committed
from languages import LANGUAGES
from publishing import (
    FIRST,
    MOVED,
    Address,
    build_wheel,
    contents,
    write_notebooks,
)
from website import pages, parse

from unetlib import __version__ as VERSION

WHEEL = "unetlib-{}-py3-none-any.whl"
ADDRESS = Address("reader/fork", "https://book.example/fork")


@pytest.fixture(scope="module")
def stamped(tmp_path_factory) -> Path:
    """The notebooks as a fork publishes them, in a folder for each language."""
    folder = tmp_path_factory.mktemp("stamped")
    for code, language in LANGUAGES.items():
        made = (ROOT / "notebooks", language, folder / code, ADDRESS)
        write_notebooks(*made, WHEEL.format(VERSION))
    return folder


# ---------- old addresses ----------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("old, new", MOVED.items())
def test_an_old_address_leads_on_to_the_same_place(served, browser, language, old, new):
    with browser.new_page() as page:
        page.goto(f"{served}/{language}/{old}.html#summary")
        page.wait_for_url(f"{served}/{language}/{new}.html#summary")
        assert page.locator("#summary").count() == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_old_notebook_leads_on(stamped, language):
    for old, new in MOVED.items():
        path = stamped / language / f"{old}.ipynb"
        (cell,) = nbformat.read(path, as_version=4).cells
        there = f"{ADDRESS.site_url}/{language}/{new}.html"
        assert cell.source == f"[→ {there}]({there})"


def test_no_chapter_stands_at_an_old_address():
    assert not set(MOVED) & set(NAMES) and set(MOVED.values()) <= set(NAMES)


# ---------- addresses ----------


def test_without_an_address_there_is_no_dead_button(site):
    for page in pages(site):
        soup = parse(page)
        assert not soup.select("#book-launches, .book-run, .book-licence a")
        hrefs = [link["href"] for link in soup.select("a[href]")]
        hosts = "github.com/|colab|kaggle|mybinder|modelscope|None/|127.0.0.1"
        assert not [href for href in hrefs if re.search(hosts, href)]


def test_nothing_in_the_sources_names_a_repository():
    known = {"tests/site/test_publishing.py", "book/web/package-lock.json"}
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".npz", ".ttf", ".safetensors", ".onnx", ".png", ".bin"}:
            continue
        text = path.read_text(encoding="utf-8")
        # git-lfs.github.com stands at the head of each file that Git LFS left out.
        address = r"(?<!git-lfs\.)github\.(?:com|io)/([\w.-]+/[\w.-]+)"
        for found in re.findall(address, text):
            if name not in known:
                assert found == "reader/fork", (name, found)


@pytest.mark.parametrize(
    ("repository", "site_url", "message"),
    [
        ("", "https://a.example", r"REPOSITORY must be owner/name, got ''"),
        ("name", "https://a.example", "REPOSITORY must be owner/name, got 'name'"),
        ("a/b/c", "https://a.example", "got 'a/b/c'"),
        ("a/b", "", "SITE_URL must be an address"),
        ("a/b", "a.example", "got 'a.example'"),
        ("a/b", 'https://a.example/"', "SITE_URL"),
        ("a/b", "https://a.example/", "without a slash"),
    ],
)
def test_an_address_that_is_none(repository, site_url, message):
    with pytest.raises(ValueError, match=message):
        Address(repository, site_url)


# ---------- notebooks ----------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_stamped_notebook_is_the_notebook_and_one_cell(stamped, site, language, name):
    notebook = nbformat.read(stamped / language / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.id == FIRST
    address = f"{ADDRESS.site_url}/dist/{WHEEL.format(VERSION)}"
    assert f' else "{address}")\n' in first.source
    assert not re.search("VERSION|WHEEL|FILE|HELP|NEEDED|PYTHON|LEAST", first.source)
    notebook.cells.remove(first)
    for ours, theirs in zip(
        notebook.cells, committed(name, language).cells, strict=True
    ):
        if ours.cell_type == "code":
            assert ours == theirs
            continue
        assert not re.search(r"\]\(\d\d_\w+\.ipynb", ours.source)
        for link in re.findall(rf"\]\({ADDRESS.site_url}/([^)#]+)", ours.source):
            assert (site / link).is_file(), link
        page = rf"\]\({ADDRESS.site_url}/{language}/(\w+)\.html"
        assert re.sub(page, r"](\1.ipynb", ours.source) == theirs.source


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_an_address_notebooks_stay_as_they_are(site, language):
    for name in NAMES:
        copy = site / "notebooks" / language / f"{name}.ipynb"
        original = ROOT / "notebooks" / language / f"{name}.ipynb"
        assert copy.read_bytes() == original.read_bytes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cell_leads_to_help_that_is_there(stamped, site, language):
    path = stamped / language / "00_welcome.ipynb"
    (cell,) = [c for c in nbformat.read(path, as_version=4).cells if c.id == FIRST]
    help_page = f"{ADDRESS.site_url}/{language}/troubleshooting.html"
    anchors = re.findall(rf"{help_page}#([\w-]+)", cell.source)
    page = parse(site / language / "troubleshooting.html")
    assert len(anchors) == 4 and all(page.find(id=anchor) for anchor in anchors)


# ---------- the wheel ----------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build_wheel(folder / "dist", folder / "work", None)


def test_the_wheel_holds_the_whole_library(wheel, site):
    with ZipFile(wheel) as archive:
        found = {n for n in archive.namelist() if n.startswith("unetlib/")}
        for name in found:
            assert archive.read(name) == (ROOT / name).read_bytes(), name
    there = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "unetlib").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert found == there
    assert wheel.name == WHEEL.format(VERSION)
    assert (site / "dist" / wheel.name).read_bytes() == wheel.read_bytes()


def published_with(wheel: Path, folder: Path, name: str = "") -> Path:
    """A folder that was published with this wheel."""
    (folder / "dist").mkdir(parents=True)
    shutil.copy(wheel, folder / "dist" / (name or wheel.name))
    return folder


def test_wheels_of_earlier_versions_stay(wheel, tmp_path):
    earlier = published_with(wheel, tmp_path / "old", WHEEL.format("0.0.9"))
    built = build_wheel(tmp_path / "dist", tmp_path / "work", earlier)
    assert built.name == wheel.name
    assert {path.name for path in (tmp_path / "dist").iterdir()} == {
        WHEEL.format("0.0.9"),
        wheel.name,
    }


def test_a_published_wheel_is_never_replaced(wheel, tmp_path):
    same = published_with(wheel, tmp_path / "same")
    with ZipFile(same / "dist" / wheel.name, "a") as archive:
        archive.writestr("unetlib-0.dist-info/NOTE", "metadata may differ")
    kept = build_wheel(tmp_path / "dist", tmp_path / "work", same)
    assert kept.read_bytes() == (same / "dist" / wheel.name).read_bytes()

    other = published_with(wheel, tmp_path / "other")
    with ZipFile(other / "dist" / wheel.name, "a") as archive:
        archive.writestr("unetlib/more.py", "")
    assert contents(other / "dist" / wheel.name) != contents(wheel)
    with pytest.raises(SystemExit, match="raise the version in unetlib/__init__.py"):
        build_wheel(tmp_path / "new", tmp_path / "work", other)
