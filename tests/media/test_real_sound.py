"""Real recordings beside the checkout: what ``TRUTH.tsv`` is sure of is right, what it is less sure of not wrong."""

from __future__ import annotations

import csv
import re
from functools import lru_cache

import pytest

from tests import SHARED
from yt360.media.inspect import inspect_media
from yt360.media.sound_facts import SoundFacts

REAL, MEDIA, CASES = SHARED / "real", SHARED / "media", SHARED / "cases"
pytestmark = [
    pytest.mark.skipif(not REAL.is_dir(), reason=f"real recordings are not there ({REAL})"),
    pytest.mark.slow,
]
WYZX, WXYZ = [0, 1, 2, 3], [0, 2, 3, 1]


def rows(*starts: str) -> list[dict[str, str]]:
    if not REAL.is_dir():
        return []
    with (REAL / "TRUTH.tsv").open(newline="") as file:
        found = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row for row in found if any(row["sound_truth"].startswith(start) for start in starts)]


@lru_cache(maxsize=4)
def heard(path: str, convention: str = "") -> SoundFacts:
    found = inspect_media(SHARED / path, convention=convention).ambisonic
    assert found is not None
    assert found.verdict is not None
    return found


def name(row: dict[str, str]) -> str:
    return row["file"]


N3D = re.compile(r"(?<!S)N3D")
FIELDS = [row for row in rows("valid FOA", "4ch FOA") if not N3D.search(row["sound_truth"])]


@pytest.mark.parametrize("row", FIELDS, ids=name)
def test_real_field_is_usable_in_its_own_order(row: dict[str, str]) -> None:
    found = heard(f"real/{row['file']}")
    assert found.verdict is not None
    if row["confidence"].startswith("high"):
        assert found.verdict.usable, (found.verdict.reason, found.verdict.posterior)
        assert found.channel_map == tuple(WXYZ if "FuMa" in row["sound_truth"] else WYZX)
    assert found.verdict.verdict in ("valid", "repaired", "uncertain")


@pytest.mark.parametrize("row", [row for row in rows("valid FOA") if N3D.search(row["sound_truth"])], ids=name)
def test_undeclared_n3d_is_in_doubt_and_valid_once_declared(row: dict[str, str]) -> None:
    found = heard(f"real/{row['file']}").verdict
    assert found is not None
    assert (found.verdict, found.convention) == ("uncertain", "ambix"), found.reason
    declared = heard(f"real/{row['file']}", "n3d")
    assert declared.verdict is not None
    assert declared.verdict.verdict in ("valid", "uncertain"), declared.verdict.reason
    assert declared.channel_map == tuple(WYZX)


@pytest.mark.parametrize("row", rows("NOT ambisonics", "labelled FOA but not valid"), ids=name)
def test_what_is_no_field_is_never_used(row: dict[str, str]) -> None:
    found = heard(f"real/{row['file']}").verdict
    assert found is not None
    assert not found.usable, found.reason


def test_a_room_in_n3d_is_not_invalid_and_valid_once_declared() -> None:
    assert heard("cases/n3d/n3d_room.flac").reason == "uncertain-ambisonics"
    declared = heard("cases/n3d/n3d_room.flac", "n3d")
    assert declared.reading is not None
    assert declared.reading.gains == pytest.approx((1, 3**-0.5, 3**-0.5, 3**-0.5))


@pytest.mark.parametrize("file", ["six-channels-called-51/wyzx-lr-opus.mkv", "declared-track/sa3d-on-second-sound.mp4"])
def test_cases_are_valid(file: str) -> None:
    found = heard(f"cases/{file}")
    assert found.reading is not None
    assert found.channel_map == tuple(WYZX)


def test_itag_327_keeps_the_order_that_its_sender_fixes() -> None:
    found = heard("media/kqAZkf5Odyw_80.f327.m4a")
    assert found.reading is not None
    assert found.channel_map == (2, 1, 4, 0)
