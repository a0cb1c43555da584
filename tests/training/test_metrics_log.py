from __future__ import annotations

import math

import pytest

from yt360.training.metrics_log import bar_text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((1.7904, 0.1667, math.nan, 0.0246, 650.4), "loss 1.790  avc 0.17  wait 25 ms  memory 650 MB"),
        ((12.0, 0.5, 0.25, 1.5, 1220.0), "loss 12.000  avc 0.50  avsa 0.25  wait 1500 ms  memory 1.2 GB"),
    ],
)
def test_the_bar_says_plain_units_and_fixed_decimals(numbers: tuple[float, ...], text: str) -> None:
    assert bar_text(*numbers) == text
