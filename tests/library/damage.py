"""Ways to damage a file, and whole files that are none of ours."""

import gzip
import io
import pickle
import random
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch


class Bomb:
    """Leaves a file behind where somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


NUMBERS = [0, 1, -1, 127, 255, 28, 784, 2**15, 2**31 - 1, -(2**31), 2**32 - 1, 2**62]
WORDS = b"0 1 -1 28 784 4294967295 9223372036854775807 9999999999999999999999 1e9 None "
WORDS += (
    b"() ((((((((( True False |O |V8 <U9 <f2 <f8 >i2 <c16 <M8[s] |b1 |S1 [('a','<i4')]"
)
MEGABYTE = bytes(1 << 20)


def flip(raw: bytes, rng: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(rng.choice([min(128, len(raw)), len(raw)]))
        changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(raw: bytes, rng: random.Random) -> bytes:
    return raw[: rng.randrange(rng.choice([min(200, len(raw)), len(raw)]))]


def extend(raw: bytes, rng: random.Random) -> bytes:
    many = rng.randint(1, 3000)
    return raw + rng.choice([rng.randbytes(many), bytes(many), raw])


def splice(raw: bytes, rng: random.Random) -> bytes:
    start, end, into, upto = (rng.randrange(len(raw) + 1) for _ in range(4))
    return raw[:into] + raw[start:end] + raw[rng.choice([into, upto]) :]


def put_number(raw: bytes, rng: random.Random) -> bytes:
    """An extreme number somewhere in the header, in either byte order."""
    size, place = rng.choice([1, 2, 4, 8]), rng.randrange(min(40, len(raw)))
    number = rng.choice(NUMBERS) % 256**size
    order = rng.choice(["little", "big"])
    return raw[:place] + number.to_bytes(size, order) + raw[place + size :]


def put_word(raw: bytes, rng: random.Random) -> bytes:
    """Another word in a header of text, which mostly keeps its length."""
    words = list(re.finditer(rb"[<>|]\w+|-?\d+|True|False", raw[:300]))
    if not words:
        return flip(raw, rng)
    found, word = rng.choice(words), rng.choice(WORDS.split())
    start, header, rest = raw[: found.start()], raw[found.end() : 300], raw[300:]
    longer = len(word) - len(found[0])
    if longer > 0 and rng.random() < 0.9:
        header = header.replace(b" " * longer, b"", 1)
    return start + word + b" " * -longer + header + rest


WAYS = [flip, cut, extend, splice, put_number, put_word, put_word]


def damaged(raw: bytes, rng: random.Random) -> bytes:
    """`raw` after one to three damages; of a .gz, half of the time what is packed."""
    if raw.startswith(b"\x1f\x8b") and rng.random() < 0.5:
        return gzip.compress(damaged(gzip.decompress(raw), rng), mtime=0)
    result = raw
    while result == raw:
        for way in rng.choices(WAYS, k=rng.choice([1, 1, 2, 3])):
            result = way(result, rng) if result else result
    return result


def foreign(marker: Path) -> Iterator[bytes]:
    """Whole files; whoever unpickles one of the first nine touches `marker`."""
    bomb = Bomb(marker)
    yield from (pickle.dumps(bomb, protocol) for protocol in range(6))
    for save in (np.save, np.savez):
        file = io.BytesIO()
        save(file, np.array([bomb] * 5, dtype=object))
        yield file.getvalue()
    file = io.BytesIO()
    torch.save({"bomb": bomb}, file)
    yield file.getvalue()
    yield from bombs()
    yield from npy_headers()
    yield from (b"", b"\0", bytes(4096), b"\xff" * 4096, b"[]", b"{}", b"\x1f\x8b")
    yield from (b"PK\x03\x04" + bytes(40), b"PK\x05\x06" + bytes(18))
    yield from (b"\x89PNG\r\n\x1a\n", b"%PDF-1.7\n", b"\x7fELF" + bytes(60))
    yield b"<!DOCTYPE html><title>404</title>"


def bombs() -> Iterator[bytes]:
    """About a megabyte each, which unpacks to far more zeros than may be held."""
    pictures, labels = (2051, 60_000, 28, 28), (2049, 60_000)
    for header in ((), pictures, labels):
        start = struct.pack(f">{len(header)}i", *header)
        many = gzip.compress(MEGABYTE, mtime=0) * 900
        yield gzip.compress(start, mtime=0) + many
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            with archive.open(f"{name}.npy", "w") as inside:
                inside.writelines([MEGABYTE] * 75)
    yield file.getvalue()


def npy_headers() -> Iterator[bytes]:
    """Headers that promise, nest or are more than they may."""
    yield b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}"  # 4 GB of header
    yield b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535
    for shape in ("9223372036854775807,", "1073741824,28,28", "-5,28,28", "0,28,28"):
        text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape})}}\n"
        yield b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()
