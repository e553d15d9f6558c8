"""What `make models` writes is the same each time it is made."""

import book_live
import export_models
import pytest
from chapters import NAMES
from copies import ROWS
from export_stills import STILLS
from languages import LANGUAGES
from sources import captions


def test_the_digits_to_choose_from_are_those_of_the_page():
    kept = (export_models.LIVE / "digits.bin").read_bytes()
    assert export_models.digits().tobytes() == kept


def test_every_part_has_its_still():
    stills = {still.stem for still in STILLS.glob("*.png")}
    assert stills == book_live.PARTS.keys()


def test_every_chapter_has_its_picture():
    assert {row.stem for row in ROWS.glob("*.png")} == {*NAMES, "cover"}
    assert all(list(captions(code)) == list(NAMES) for code in LANGUAGES)


@pytest.mark.weekly
def test_the_same_weights_make_the_same_model(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.setattr(export_models, "LIVE", tmp_path)
    first, second = (export_models.export("article").read_bytes() for _ in range(2))
    assert first == second
