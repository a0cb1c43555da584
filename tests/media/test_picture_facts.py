"""What a file says of its picture, held against what the picture shows, and how it is read then."""

from __future__ import annotations

from pathlib import Path

import pytest

from yt360.media.containers.spatial import Bounds, PictureMetadata
from yt360.media.picture_facts import PictureFacts, weigh_picture
from yt360.media.probe import VideoStream
from yt360.media.projection.content import PictureGuess
from yt360.media.projection.hypotheses import hypotheses

NOTHING = dict.fromkeys(hypotheses(), 0.0)
STREAM = VideoStream(index=0, codec="h264", width=1920, height=960, fps=30.0, start_s=0.0, duration_s=10.0)
SPHERE = PictureMetadata(projection="equirectangular", stereo="mono", yaw_deg=30.0)


def weigh(metadata: PictureMetadata, scores: dict[str, float], layout: str = "") -> PictureFacts:
    found = hypotheses().get(layout)
    guess = PictureGuess(
        found.projection if found else "unknown", found.stereo if found else "mono", layout, 0.95, "", NOTHING | scores,
        {"edges": -3.0},
    )  # fmt: skip
    return weigh_picture(Path("x.mp4"), STREAM, metadata, guess, drop_sei=False)


def test_both_say_the_same() -> None:
    facts = weigh(SPHERE, {"equirectangular": 6.0}, "equirectangular")
    assert (facts.projection, facts.source, facts.disagreement) == ("equirectangular", "both", "")
    assert facts.reading is not None
    assert facts.reading.yaw_deg == 30
    assert (facts.stated, facts.taken) == ("equirectangular", "equirectangular")
    assert facts.likeliest[0][1] > 0.99


def test_the_file_alone_is_believed_where_nothing_can_be_seen() -> None:
    facts = weigh(SPHERE, {})
    assert (facts.source, facts.reason) == ("metadata", "")
    assert facts.to_json(STREAM)["likeliest"]["equirectangular"] == pytest.approx(0.96, abs=0.005)


def test_an_overruled_file_is_read_as_the_picture_looks() -> None:
    facts = weigh(SPHERE, {"equirectangular": -6.0, "eac": 9.0}, "eac")
    assert (facts.projection, facts.source, facts.stated, facts.taken) == ("eac", "content", "equirectangular", "eac")
    assert facts.disagreement == "metadata says equirectangular mono, the picture looks eac mono"
    assert facts.reading is not None
    assert facts.reading.yaw_deg == 0


def test_a_refused_picture_says_why() -> None:
    facts = weigh(SPHERE, {"equirectangular": -9.0, "flat-mono": 3.0}, "flat-mono")
    assert (facts.projection, facts.reason, facts.reading) == ("flat", "not-360", None)
    assert "left and right edge do not meet" in facts.words
    assert facts.taken == ""


def test_an_unclear_picture_is_unknown_and_names_both() -> None:
    facts = weigh(PictureMetadata(), {"equirectangular": 1.5})
    assert (facts.projection, facts.source, facts.reason) == ("unknown", "none", "unknown-projection")
    assert "equirectangular (" in facts.words
    assert "plain picture (" in facts.words


def test_two_eyes_of_a_file_that_is_silent_on_stereo_are_found() -> None:
    silent = PictureMetadata(projection="equirectangular", yaw_deg=5.0)
    facts = weigh(silent, {"equirectangular-tb": 5.0})
    assert (facts.stereo, facts.reason, facts.source) == ("top-bottom", "", "metadata")
    assert facts.reading is not None
    assert facts.reading.yaw_deg == 5


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (PictureMetadata(projection="equirectangular", bounds=Bounds(left=0.25, right=0.25)), "vr180"),
        (PictureMetadata(projection="half_equirectangular", stereo="left-right"), "vr180"),
        (PictureMetadata(projection="flat"), "not-360"),
        (PictureMetadata(projection="fisheye"), "unknown-projection"),
    ],
)
def test_what_a_file_says_to_be_no_whole_sphere_is_none(metadata: PictureMetadata, reason: str) -> None:
    assert weigh(metadata, {}).reason == reason


def test_a_cubemap_with_padding_is_taken_at_its_word() -> None:
    facts = weigh(PictureMetadata(projection="cubemap", cubemap_padding=4), {"cubemap-cbmp": -20.0})
    assert facts.reading is not None
    assert (facts.reading.cubemap_layout, facts.reading.cubemap_padding, facts.source) == ("cbmp", 4, "metadata")
    assert weigh(PictureMetadata(projection="cubemap"), {"cubemap-cbmp": -20.0}).reason == "unknown-projection"
