"""``facts.json`` as later stages and the report read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from yt360.errors import ItemError
from yt360.media.facts import Facts
from yt360.media.picture import VideoDecodeSpec
from yt360.media.sound import FoaDecodeSpec

PICTURE = VideoDecodeSpec(width=320, height=160, codec="vp9", yaw_deg=3.0)
SOUND = FoaDecodeSpec(channels=4, sample_rate_hz=48_000, source="sound", order=(0, 1, 2, -1))


def written(folder: Path, **values: Any) -> Path:
    path = folder / "facts.json"
    path.write_text(json.dumps({"start_s": 0.25, "end_s": 9.75} | values))
    return path


def test_what_validate_wrote_is_read_as_it_was(tmp_path: Path) -> None:
    audio = {"codec": "opus", "ambisonics": {"horizontal_only": True}}
    told = {"picture_reading": PICTURE.to_json(), "sound_reading": SOUND.to_json(), "video": {"codec": "vp9"}}
    facts = Facts.load(written(tmp_path, audio=audio, **told))
    assert (facts.picture, facts.sound) == (PICTURE, SOUND)
    assert (facts.span, facts.duration_s) == ((0.25, 9.75), 9.5)
    assert (facts.has_picture, facts.has_sound, facts.horizontal_only) == (True, True, True)


def test_what_nobody_knows_how_to_decode_is_said_when_it_is_asked_for(tmp_path: Path) -> None:
    facts = Facts.load(written(tmp_path, picture_reading=None, sound_reading=None, video={}, audio=None))
    assert (facts.has_picture, facts.has_sound, facts.horizontal_only) == (False, False, False)
    with pytest.raises(ItemError, match=r"facts\.json: expected how to decode the picture"):
        _ = facts.picture
    with pytest.raises(ItemError, match=r"facts\.json: expected how to decode the sound"):
        _ = facts.sound


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"start_s": 0, "end_s": "x"}', '{"start_s": 0, "end_s": 1, "picture_reading": {"a": 1}}']
)
def test_something_else_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(text)
    with pytest.raises(ItemError, match=r"facts\.json: expected what validate found out"):
        Facts.load(path)
