"""Several sizes and rates out of one decode are what each is alone."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stages.test_chunk import make
from yt360.media.facts import Facts
from yt360.media.reading_picture import read_frames, read_frames_in_sizes
from yt360.media.reading_sound import read_sound, read_sound_at_rates


@pytest.mark.parametrize(
    ("defect", "start_s"),
    [
        ("", 0.0),
        ("eac", 1.5),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in (("", 1.5), ("eac", 0.0))),
        *(pytest.param("side_by_side", start_s, marks=pytest.mark.slow) for start_s in (0.0, 1.5)),
    ],
)
def test_each_size_is_what_it_is_alone(tmp_path: Path, defect: str, start_s: float) -> None:
    _, files = make(tmp_path, defect, duration_s=3.0)
    picture = Facts.load(files["facts"]).picture
    sizes = [(64, 128), (112, 224), (90, 300)]
    span: dict[str, Any] = {"fps": 8.0, "start_s": start_s, "duration_s": 1.0}
    together = list(read_frames_in_sizes(files["video"], picture, sizes, **span))
    assert len(together) == 8
    for number, (height, width) in enumerate(sizes):
        alone = list(read_frames(files["video"], picture, height=height, width=width, **span))
        np.testing.assert_array_equal([frames[number] for frames in together], alone)


def test_each_rate_is_what_it_is_alone(tmp_path: Path) -> None:
    _, files = make(tmp_path, "fuma_order", duration_s=3.0)
    reading = Facts.load(files["facts"]).sound
    source = files[reading.source]
    rates = [24000, reading.sample_rate_hz, 44100]
    blocks = list(zip_longest(*read_sound_at_rates(source, reading, rates, block_s=0.5)))
    for number, rate in enumerate(rates):
        alone = np.concatenate(list(read_sound(source, reading, sample_rate_hz=rate)), axis=1)
        found = np.concatenate([each[number] for each in blocks if each[number] is not None], axis=1)
        np.testing.assert_allclose(found, alone, atol=1e-6)
