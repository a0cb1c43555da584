"""Where frames break off inside, and where they only look so."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from benchmarks.media_pictures import both_eyes
from benchmarks.media_scenes import smooth_noise
from yt360 import sphere
from yt360.media.projection.breaks import LINES, Line, line_evidence, torn_lines
from yt360.media.projection.evidence import seam_odds
from yt360.media.projection.layouts import half_equirectangular, known_layouts

HALF = Fraction(1, 2)
MIDDLE_ROW = [k for k, line in enumerate(LINES) if not line.upright and line.place == HALF]
MIDDLE_COLUMN = [k for k, line in enumerate(LINES) if line.upright and line.place == HALF]


def torn(name: str) -> set[str]:
    lines = [LINES[number] for number in torn_lines(known_layouts()[name])]
    return {f"{'column' if line.upright else 'row'} {line.place}" for line in lines}


def test_each_layout_breaks_off_where_its_faces_do_not_meet() -> None:
    assert torn("equirectangular") == set()
    assert torn("equirectangular-tb") == {"row 1/2"}
    # Where the left eye ends the right one begins, with the same place of the sphere.
    assert torn("equirectangular-lr") == set()
    assert torn("eac") == {"row 1/2"}
    assert torn("cubemap-3x2") == {"row 1/2", "column 1/3", "column 2/3"}
    assert torn("cubemap-1x6") == {f"row {place}" for place in ("1/6", "1/3", "1/2", "2/3", "5/6")}


def test_two_eyes_of_180_degrees_break_off_between_them() -> None:
    assert list(torn_lines(half_equirectangular("left-right"))) == MIDDLE_COLUMN
    assert list(torn_lines(half_equirectangular("top-bottom"))) == MIDDLE_ROW


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """A few gray frames (2, 360, 640) of smooth noise."""
    smooth = smooth_noise(np.random.default_rng(0), sphere.pixel_vectors(360, 640), 9, 3)
    return np.repeat(np.clip(110 + 50 * smooth, 0, 255).astype(np.uint8)[None], 2, axis=0)


def test_breaks_are_seen_where_they_are(scene: np.ndarray) -> None:
    assert seam_odds(line_evidence(scene)).min() > 0
    eac = np.stack([both_eyes(known_layouts()["eac"], frame, 360, 640, 0) for frame in scene])
    found = seam_odds(line_evidence(eac))
    assert found[MIDDLE_ROW].max() < -0.3
    assert found[MIDDLE_COLUMN].min() > 0


def test_a_level_horizon_is_no_break(scene: np.ndarray) -> None:
    sea = scene.astype(int) // 4 + 20
    sea[:, :180] += 150
    assert seam_odds(line_evidence(sea.astype(np.uint8)))[MIDDLE_ROW].min() > 0


def test_plain_caps_between_two_eyes_tell_nothing(scene: np.ndarray) -> None:
    both = np.concatenate([scene[:, ::2], scene[:, ::2]], axis=1)
    both[:, 160:200] = 90
    assert np.abs(seam_odds(line_evidence(both))[MIDDLE_ROW]).max() < 0.3


def test_lines_are_told_apart() -> None:
    assert len(set(LINES)) == len(LINES) == 28
    assert Line(upright=True, place=HALF, begin=Fraction(0), end=HALF) in LINES
