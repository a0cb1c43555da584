"""The real files beside the checkout: what is said of each in ``truth.tsv`` must come out."""

from __future__ import annotations

import csv

import pytest

from tests import SHARED
from yt360 import sphere
from yt360.media.inspect import inspect_media
from yt360.media.inspection import Inspection

MEDIA = SHARED / "media"
pytestmark = pytest.mark.skipif(not MEDIA.is_dir(), reason=f"real media are not there ({MEDIA})")

DIRECTIONS_DEG = {
    "G8pABGosD38l_17.webm": -7,
    "NdE7uYVaynQl_0.webm": 9,
    "KVvDejzzQjM_6.webm": 4,
    "0FB9jMXMP8A_19.webm": 9,
    "aieThfuvmtY_151.webm": 36,
}
SILENT_Z = {"NdE7uYVaynQl_0.webm", "V5IVN81wYrI_60.webm"}


def rows() -> list[dict[str, str]]:
    if not MEDIA.is_dir():
        return []
    with (MEDIA / "truth.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def codes(inspection: Inspection) -> set[str]:
    return {code for code, _ in inspection.reasons()}


@pytest.mark.parametrize("row", [r for r in rows() if r["verdict"] == "keep"], ids=lambda r: r["file"])
def test_kept(row: dict[str, str]) -> None:
    name = row["file"]
    inspection = inspect_media(MEDIA / name)
    assert inspection.verdict == "keep", inspection.reasons()
    assert inspection.picture is not None
    assert (inspection.picture.projection, inspection.picture.stereo) == ("equirectangular", "mono")
    assert inspection.ambisonic is not None
    assert inspection.ambisonic.verdict is not None
    if name in SILENT_Z:
        assert inspection.ambisonic.verdict.horizontal_only
    if name in DIRECTIONS_DEG:
        found = inspection.loudest_direction()["azimuth_deg"]
        assert found is not None
        assert abs(sphere.wrap_angle((found - DIRECTIONS_DEG[name]) * 3.141592653589793 / 180)) < 0.1745


def test_picture_and_itag_327_sound_as_a_pair() -> None:
    pair = inspect_media(MEDIA / "kqAZkf5Odyw_80.mp4", MEDIA / "kqAZkf5Odyw_80.f327.m4a")
    assert pair.verdict == "keep", pair.reasons()
    assert pair.ambisonic is not None
    assert pair.ambisonic.convention == "itag327"


@pytest.mark.parametrize("row", [r for r in rows() if r["verdict"].startswith("reject")], ids=lambda r: r["file"])
def test_rejected(row: dict[str, str]) -> None:
    inspection = inspect_media(MEDIA / row["file"])
    assert inspection.verdict == "reject"
    wanted = {
        "no ambisonics": {"no-ambisonics", "no-sound"},
        # Music in 4.0 whose channels have hardly anything in common may be in doubt.
        "not ambisonics": {"invalid-ambisonics"} | ({"uncertain-ambisonics"} if "4.0" in row["file"] else set()),
        "not 360": {"not-360", "vr180"},
    }[row["verdict"].removeprefix("reject: ")]
    assert codes(inspection) & wanted, inspection.reasons()


def test_sound_only() -> None:
    fuma = inspect_media(MEDIA / "fuma_soundscape.ogg").ambisonic
    assert fuma is not None
    assert fuma.convention == "fuma"
    for name in ("fuma_soundscape.ogg", "foa_horizontal_aac.mp4"):
        found = inspect_media(MEDIA / name)
        # Nothing but its silent channel says that the second is W X Y Z: it may be in doubt.
        assert codes(found) - {"uncertain-ambisonics"} == {"no-picture"}


def test_stated_projection() -> None:
    topbottom = inspect_media(MEDIA / "topbottom_testroom.mp4").picture
    assert topbottom is not None
    assert (topbottom.projection, topbottom.stereo) == ("equirectangular", "top-bottom")
    tiled = inspect_media(MEDIA / "tiled_equirect_sv3d.mp4").picture
    assert tiled is not None
    assert (tiled.yaw_deg, tiled.pitch_deg, tiled.roll_deg) == (45, 30, 15)
    assert tiled.bounds.width < 0.9
