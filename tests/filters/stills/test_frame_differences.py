from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest

from tests.filters.pictures import film, scenery
from tests.filters.stills.test_decision import steps_of
from yt360.filters.stills import decision, frame_differences
from yt360.filters.stills.limits import LIMITS


def test_columns_survive_json_exactly() -> None:
    steps = steps_of(film(lambda index: scenery(index // 6)))
    assert (
        frame_differences.from_columns(json.loads(json.dumps(frame_differences.to_columns(steps), allow_nan=False)))
        == steps
    )


def test_packed_steps_are_the_same_to_the_last_digit_and_decide_alike() -> None:
    for frames in (film(lambda index: scenery(index // 6)), film(lambda index: scenery(1), 1.0)):
        steps = steps_of(frames)
        unpacked = frame_differences.unpack(frame_differences.pack(steps))
        for name, values in frame_differences.to_columns(steps).items():
            np.testing.assert_array_equal(unpacked[name], values)
        assert decision.judge(unpacked, LIMITS) == decision.judge(steps, LIMITS)


@pytest.mark.parametrize("count", [0, 5, 14, 28])
def test_records_that_lack_the_newest_columns_are_read(count: int) -> None:
    steps = (steps_of(film(lambda index: scenery(1), 1.0)) * 2)[:count]
    told, _, packed = frame_differences.pack(steps).partition(":")
    assert told == "36"
    counts = np.frombuffer(zlib.decompress(base64.b64decode(packed)), "<i4")
    whole = frame_differences.unpack(frame_differences.pack(steps))
    for columns, prefix in ((24, ""), (28, "28:")):
        former = base64.b64encode(zlib.compress(counts[: columns * len(steps)].tobytes())).decode()
        read = frame_differences.unpack(prefix + former)
        assert list(read) == list(whole)
        for number, (name, values) in enumerate(read.items()):
            np.testing.assert_equal(values, whole[name] if number < columns else np.zeros(len(steps)))


def test_a_comparison_over_the_lag_stands_for_the_steps_at_the_end_of_its_window() -> None:
    steps = steps_of(film(lambda index: scenery(index // 12)))
    rows = frame_differences.columns(steps)
    over = frame_differences.over_lag(rows, "later")
    missing = rows["later"] < 0
    assert missing.sum() == frame_differences.LAG_STEPS - 1
    np.testing.assert_array_equal(
        over[missing], rows["later"][np.flatnonzero(missing) - frame_differences.LAG_STEPS + 1]
    )
    short = frame_differences.columns(steps[:5])
    assert (frame_differences.over_lag(short, "later") == short["later"]).all()
