"""Arguments of every kind for the tests of properties, and what a refusal must be."""

import math
from contextlib import contextmanager, nullcontext
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from unetlib.checks import UnetlibError

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
PRECISE = [torch.float32, torch.float64]
WHOLE = [torch.bool, torch.uint8, torch.int16, torch.int64]
HUGE = 10**400
ODD = [None, "1", "", (), b"1", 1j, [0.5], math.nan, math.inf, -math.inf, HUGE, -HUGE]
NUMBERS = [True, 1, np.int64(1), np.float16(0.5), np.float32(0.3), Fraction(1, 3)]

one_of = st.sampled_from
seeds = st.integers(0, 2**32 - 1)
sides = st.integers(0, 9)
batches = st.tuples(st.integers(0, 3), st.just(1), sides, sides)
layouts = one_of(["plain", "transposed", "every other", "one repeated", "learning"])
array_layouts = one_of(["plain", "read-only", "backwards", "columns", "every other"])
numbers = st.floats() | one_of(ODD + NUMBERS) | st.integers()
counts = st.integers(-2, 9) | st.floats() | one_of([*ODD, *NUMBERS, 2.0])
devices = one_of(["meta", "graphics", "", "cpu:x", torch.device("meta")])


def arguments(odd: dict[str, st.SearchStrategy], **sensible: st.SearchStrategy):
    """One of each; half of the time one of them is replaced by an odd one."""
    replaced = [value.map(lambda v, n=name: {n: v}) for name, value in odd.items()]
    replacement = st.booleans().flatmap(
        lambda yes: st.one_of(replaced) if yes else st.just({})
    )
    pair = st.tuples(st.fixed_dictionaries(sensible), replacement)
    return pair.map(lambda both: tuple((both[0] | both[1])[name] for name in sensible))


def pictures(shape, dtype=torch.float32, layout="plain", seed=0) -> Tensor:
    """Uniform in [0, 1), or 0 to 4 where `dtype` holds whole numbers; laid out so."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(shape, generator=generator, dtype=torch.float64)
    values = (values if dtype.is_floating_point else values * 5).to(dtype)
    if layout == "transposed":
        return values.transpose(0, -1).contiguous().transpose(0, -1)
    if layout == "every other":
        return values.repeat_interleave(2, dim=-1)[..., ::2]
    if layout == "one repeated" and shape[0]:
        return values[:1].expand(shape)
    return values.requires_grad_(layout == "learning" and dtype.is_floating_point)


def changed(x: Tensor, how: str) -> Tensor | np.ndarray:
    """`x` as it is where `how` is empty; else it no longer is what it was."""
    return {
        "": lambda: x,
        "meta": lambda: x.to("meta"),  # a device that holds no values
        "flat": lambda: x.flatten(),
        "fewer": lambda: x[1:],
        "array": lambda: x.detach().float().numpy(),
    }[how]()


def arrays(shape, dtype=np.uint8, layout="plain", seed=0) -> np.ndarray:
    """Bytes, as `dtype`; laid out so."""
    values = np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)
    if layout == "backwards":
        return values[::-1].copy()[::-1]
    if layout == "columns":
        return np.asfortranarray(values)
    if layout == "every other":
        return np.repeat(values, 2, axis=0)[::2]
    values.flags.writeable = layout != "read-only"
    return values


def is_number(value: object, low: float, high: float) -> bool:
    if isinstance(value, np.number) and np.isrealobj(value):
        value = value.item()
    return isinstance(value, (int, float, Fraction)) and low <= value <= high


def is_whole(value: object, low: int, high: int = 2**31 - 1) -> bool:
    return isinstance(value, (int, np.integer)) and low <= value <= high


def exact(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def close(found: Tensor, expected: np.ndarray, roundings: float = 4) -> None:
    """Alike up to so many roundings in the dtype of `found`; NaN where NaN is due."""
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    tolerance = roundings * torch.finfo(found.dtype).eps * largest
    np.testing.assert_allclose(exact(found), expected, rtol=0, atol=tolerance)


@contextmanager
def refusal(*named: object):
    """What is done within must be refused by an error of unetlib that names these."""
    with pytest.raises(UnetlibError) as caught:
        yield
    for value in named:
        assert str(value) in str(caught.value)


def answered(sensible: bool, *named: object):
    """What is done within must work where it is sensible, and be refused elsewhere."""
    return nullcontext() if sensible else refusal(*named)
