"""What counts as right, uncertain and wrong when an answer is held against the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.media_judging import gives_ambix, judge_picture, judge_sound
from benchmarks.other_hands.conventions import CONVENTIONS
from yt360.media.inspection import Inspection
from yt360.media.sound import SILENT, FoaDecodeSpec
from yt360.media.sound_facts import SoundFacts

ROOT_3 = 3**-0.5
READINGS = {
    "AmbiX": FoaDecodeSpec(4, 48_000),
    "FuMa": FoaDecodeSpec(4, 48_000, order=(0, 2, 3, 1), gains=(2**0.5, 1, 1, 1), convention="fuma"),
    "N3D": FoaDecodeSpec(4, 48_000, gains=(1, ROOT_3, ROOT_3, ROOT_3), convention="n3d"),
    "X Y W Z": FoaDecodeSpec(4, 48_000, order=(2, 1, 3, 0), gains=(1, 1, 2**0.5, 1), convention="xywz"),
    "itag 327": FoaDecodeSpec(6, 48_000, order=(2, 1, 4, 0), convention="itag327"),
}


def _heard(reading: FoaDecodeSpec | None, reason: str = "") -> Inspection:
    return Inspection(None, Path("x.wav"), ambisonic=SoundFacts(None, reading, reason, reason))


def _matrix(reading: FoaDecodeSpec) -> np.ndarray:
    return reading.ambisonic(np.eye(reading.channels, dtype=np.float32)).astype(np.float64)


@pytest.mark.parametrize("kind", READINGS)
def test_a_convention_is_read_rightly_by_its_own_reading_alone(kind: str) -> None:
    mixing = CONVENTIONS[kind].mixing
    right = {
        name
        for name, reading in READINGS.items()
        if reading.channels == len(mixing) and gives_ambix(mixing, _matrix(reading))
    }
    assert right == {kind}


def test_w_left_3_db_low_is_no_fault_but_exchanged_axes_are() -> None:
    low = CONVENTIONS["AmbiX, W 3 dB low"]
    assert gives_ambix(low.mixing, _matrix(READINGS["AmbiX"]), any_w=True)
    assert not gives_ambix(low.mixing, _matrix(READINGS["AmbiX"]))
    assert not gives_ambix(low.mixing, _matrix(READINGS["FuMa"]), any_w=True)


def test_a_silent_height_may_be_left_out() -> None:
    flat = FoaDecodeSpec(4, 48_000, order=(0, 1, SILENT, 3))
    assert gives_ambix(np.eye(4), _matrix(flat))


@pytest.mark.parametrize(
    ("reading", "reason", "truth", "doubt", "outcome"),
    [
        (READINGS["AmbiX"], "", "AmbiX", False, "right"),
        (READINGS["FuMa"], "", "AmbiX", False, "wrong"),
        (READINGS["AmbiX"], "", None, False, "wrong"),
        (None, "invalid-ambisonics", None, False, "right"),
        (None, "invalid-ambisonics", "N3D", True, "wrong"),
        (None, "uncertain-ambisonics", "N3D", True, "right"),
        (None, "uncertain-ambisonics", "AmbiX", False, "uncertain"),
        (None, "uncertain-ambisonics", None, False, "uncertain"),
    ],
)
def test_doubt_is_right_where_nothing_can_be_told_and_nowhere_wrong(
    reading: FoaDecodeSpec | None, reason: str, truth: str | None, doubt: bool, outcome: str
) -> None:
    accepts = None if truth is None else lambda taken: gives_ambix(CONVENTIONS[truth].mixing, taken)
    assert judge_sound(_heard(reading, reason), accepts, doubt=doubt).outcome == outcome


def test_no_picture_is_a_wrong_answer() -> None:
    assert judge_picture(Inspection(Path("x.mp4"), None), "equirectangular mono").outcome == "wrong"
