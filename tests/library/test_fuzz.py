"""Ten thousand damaged files: each loads as what it holds, or unetlib refuses it.

Each kind is read by a process of its own, so that a crash is seen as one. `fuzz.py`
sees that nothing is unpickled, that no file takes half a minute or twice the memory of
MNIST, and that there is no other error; `damage.py` says what is done to the files.
"""

import gzip
import io
import itertools
import json
import pickle
import subprocess
import sys
from pathlib import Path

import fuzz
import numpy as np
import pytest
from damage import foreign

FILES = 2_500  # of each kind
SOME = 200  # of which these are read each time, and the others once a week


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, SOME), pytest.param(SOME, FILES - SOME, marks=pytest.mark.weekly)],
)
@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_damaged_files_are_refused_or_loaded_as_what_they_hold(
    kind, first, count, tmp_path
):
    command = [sys.executable, fuzz.__file__, kind, str(first), str(count), tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    *lines, last = done.stdout.splitlines() or [""]
    assert done.returncode == 0, f"file {last}: {done.stderr}"
    assert not done.stderr  # not even a warning
    tally = json.loads(last)
    assert sum(tally.values()) == len(lines) == count
    assert tally["refused"] > count / 2
    # A checksum refuses whatever is not exactly what was shipped, or saved.
    with_checksum = kind in ("npz", "checkpoint")
    assert tally["loaded"] == 0 if with_checksum else tally["loaded"] > count / 200


def test_there_are_ten_thousand():
    assert FILES * len(fuzz.KINDS) >= 10_000


def test_the_damage_is_the_same_every_time():
    raw = bytes(range(256)) * 4
    files = {Path("x.npy"): raw, Path("y.gz"): gzip.compress(raw, mtime=0)}
    once, again = (
        [fuzz.damaged_file(n, "npy", files, [b"strange"]) for n in range(50)]
        for _ in range(2)
    )
    assert once == again and len({content for _, content in once}) > 40


def test_whoever_unpickles_leaves_a_trace(tmp_path):
    marker = tmp_path / "marker"
    *pickles, array = itertools.islice(foreign(marker), 7)
    for raw in pickles:
        pickle.loads(raw)
        assert marker.exists()
        marker.unlink()
    np.load(io.BytesIO(array), allow_pickle=True)
    assert marker.exists()
