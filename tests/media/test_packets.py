"""Time stamps of packets: all at once is as one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from yt360.media.packets import _Steps

RATE_HZ, FRAME = 48_000, 1024
Samples = NDArray[np.float64]


def stepped(at: Samples, length: Samples, *, at_once: bool, codec: str = "aac") -> _Steps:
    found = _Steps(RATE_HZ, 1.0, codec, FRAME)
    if at_once:
        found.add_all(at, length)
    else:
        for one in zip(at.tolist(), length.tolist(), strict=True):
            found.add(*one, 0)
    return found


def even(count: int) -> tuple[Samples, Samples]:
    return FRAME * np.arange(count, dtype=np.float64) - 2112, np.full(count, FRAME, np.float64)


def gap_first() -> tuple[Samples, Samples]:
    at, length = even(40)
    at[1:] += 9600
    return at, length


def gap_later() -> tuple[Samples, Samples]:
    at, length = even(40)
    at[17:] += 9600
    return at, length


def length_unknown() -> tuple[Samples, Samples]:
    at, length = even(40)
    length[9] = 0
    at[20:] += 4800
    return at, length


def drifting() -> tuple[Samples, Samples]:
    at, length = even(2000)
    return np.round(at * 1.0005), length


def last_is_short() -> tuple[Samples, Samples]:
    at, length = even(40)
    length[-1] = 300
    return at, length


@pytest.mark.parametrize("codec", ["aac", "vorbis", "opus"])
@pytest.mark.parametrize(
    "packets", [lambda: even(1), lambda: even(2), lambda: even(40), gap_first, gap_later, length_unknown, drifting,
                last_is_short]
)  # fmt: skip
def test_all_packets_at_once_are_as_one_by_one(packets: Callable[[], tuple[Samples, Samples]], codec: str) -> None:
    at, length = packets()
    fast, slow = (stepped(at, length, at_once=at_once, codec=codec) for at_once in (True, False))
    assert fast.steps == slow.steps
    assert (fast.samples, fast.end) == (slow.samples, slow.end)
    assert fast.drift_ppm == pytest.approx(slow.drift_ppm, rel=1e-9)


def test_a_drift_is_seen_in_packets_that_are_added_at_once() -> None:
    assert stepped(*drifting(), at_once=True).drift_ppm == pytest.approx(500, rel=0.02)
