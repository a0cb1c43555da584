"""What is said of a stage while it runs, where nobody watches a terminal."""

from __future__ import annotations

import io

import pytest

from yt360.engine import progress
from yt360.engine.progress import StageProgress


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_a_line_every_ten_seconds_says_how_far_it_is_and_how_long_it_takes(clock: Clock) -> None:
    out = io.StringIO()
    shown = StageProgress("chunk", 14, stream=out)
    shown.add("done", 3)
    clock.now += 10.0
    shown.add("filtered")
    clock.now += 0.5
    shown.add("failed")
    clock.now += 10.0
    shown.add("done", 0)
    said = [line.strip() for line in out.getvalue().splitlines()]
    assert said == [
        "chunk: 14 items …",
        "chunk: 5/14 items, 0.48/s, 19 s left, 3 kept, 1 filtered, 1 failed",
    ]


def test_nothing_is_said_of_nothing_nor_by_the_quiet(clock: Clock) -> None:
    out = io.StringIO()
    StageProgress("chunk", 0, stream=out)
    quiet = StageProgress("chunk", 5, stream=out, quiet=True)
    clock.now += 60
    quiet.add("done")
    quiet.say("words")
    assert out.getvalue() == ""
