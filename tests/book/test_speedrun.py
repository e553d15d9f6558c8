"""The speedrun holds its records to the rules, and times all that they do."""

import ast
import json
import re
import sys

import pytest
from chapters import ROOT
from languages import LANGUAGES
from standings import read_news, standings

sys.path.append(str(ROOT / "book" / "experiments"))

import speedrun  # noqa: E402
from speedrun import LINES, MARKS, RECORDS, TABLES, Entry  # noqa: E402

FILES = sorted(RECORDS.glob("*/*.py"))
# The Wiener filter is told sigma, and reaches 17.7 dB at 0.5 without any training.
WIENER = """
import time
from unetlib.baselines import WienerFilter
from unetlib.batcher import to_tensor

time.sleep({importing})

def train(images, seed, mark):
    time.sleep({training})
    return WienerFilter(to_tensor(images, "cpu") / 255)
"""
NAMES = ["blind/slow", "blind/quick", "blind/none"]
RETURNING = "def train(images, seed, mark):\n    return lambda noisy, *sigma: {}\n"


def attempted(tmp_path, source: str, mark: float = 17.0, table: str = "told"):
    (tmp_path / table).mkdir()
    path = tmp_path / table / "record.py"
    path.write_text(source, encoding="utf-8")
    return speedrun.attempt(Entry(path, mark), seed=0)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_record_is_one_short_file_for_known_marks(path):
    source = path.read_text(encoding="utf-8")
    assert path.parent.name in TABLES and len(source.splitlines()) <= LINES
    assert ast.get_docstring(ast.parse(source))
    record = speedrun.load(path)
    assert record.MARKS and {*record.MARKS} <= {*MARKS}


def test_importing_a_record_counts_as_training(tmp_path):
    found = attempted(tmp_path, WIENER.format(importing=0.5, training=0.5))
    assert not found.failure and found.seconds > 1
    assert 17.6 < found.validation[0.5] < 17.8 and 17.6 < found.test < 17.8


@pytest.mark.parametrize(
    "source, mark, why",
    [
        (WIENER.format(importing=0, training=0), 19.0, r"17\.6.* dB at sigma 0\.5"),
        (RETURNING.format("noisy"), 9.0, "at sigma 0.1 .* no better"),
        (RETURNING.format("noisy * float('nan')"), 9.0, "at sigma 0.1 .* no better"),
        (RETURNING.format("noisy[:, :, 1:]"), 9.0, "shape"),
        ("def train(images, seed, mark):\n    return [][0]", 9.0, "IndexError"),
        ("import no_such_module", 9.0, "no_such_module"),
    ],
    ids=["below", "nothing done", "no numbers", "too small", "raises", "no module"],
)
def test_what_breaks_a_rule_is_a_failure_and_says_which(tmp_path, source, mark, why):
    found = attempted(tmp_path, source, mark)
    assert re.search(why, found.failure)


def test_only_the_told_are_told(tmp_path):
    source = RETURNING.format("noisy").replace("*sigma", "sigma")
    assert "argument" in attempted(tmp_path, source, table="blind").failure


def test_failures_count_as_runs_and_not_as_times():
    entry = Entry(FILES[0], 19.0)
    reached = dict.fromkeys(speedrun.SIGMAS, 19.5)
    good = [speedrun.Attempt(seconds, reached, 19.4) for seconds in (1.0, 2.0, 4.0)]
    bad = speedrun.Attempt(0.1, dict.fromkeys(speedrun.SIGMAS, 12.0), 12.0, "12.00 dB")
    found = speedrun.summary(entry, [*good, bad])
    assert found["seconds"] == {"median": 2.0, "min": 1.0, "max": 4.0}
    assert found["runs"] == 4 and found["failures"] == ["12.00 dB"]
    assert found["lowest_validation_db"] == 12.0
    nothing = speedrun.summary(entry, [speedrun.Attempt(failure="IndexError: …")] * 2)
    assert nothing["seconds"] is None and nothing["validation_db"] is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_every_record_and_says_what_is_new(language):
    page = standings(language)
    news = read_news(language)
    assert news.keys() == {f"{path.parent.name}/{path.stem}" for path in FILES}
    for record, text in news.items():
        assert f"| `{record}.py` |" in page and text in page


def test_the_fastest_without_failures_comes_first(monkeypatch, tmp_path):
    def record(median: float | None, failures: int = 0) -> dict:
        seconds = median and {"median": median, "min": median, "max": median}
        told = {"runs": 10, "failures": ["19.9 dB"] * failures, "seconds": seconds}
        return told | {"lines": 9, "test_db": [20.0, 21.0]}

    found = {"slow": record(9.0), "quick": record(3.0, 2), "none": record(None, 10)}
    content = {"blind": {"19.0": found, "20.5": {}}, "told": {"19.0": {}}}
    (tmp_path / "speedrun.json").write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setattr("standings.RESULTS", tmp_path)
    monkeypatch.setattr("standings.read_news", lambda _: dict.fromkeys(NAMES, "News"))
    rows = [line for line in standings("en").splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [f"{name}.py" for name in NAMES]
    assert "8/10" in rows[1] and "0/10" in rows[2] and "20.50 ± 0.71" in rows[0]
    assert standings("en").count("There is no record yet for") == 2
