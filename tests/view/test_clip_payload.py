"""What the player is given of a clip, against the clip itself."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import soundfile

import yt360
from tests.evaluation.world import make_labelled_root
from tests.training.world import make_root
from yt360.segmentation.coco import decode_ids
from yt360.view.clip_payload import ABOUT, ClipPayload


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_labelled_root(tmp_path_factory.mktemp("payload") / "root", videos=1, test_videos=1, clips=1)


@pytest.fixture(scope="module")
def payload(root: Path) -> ClipPayload:
    return ClipPayload(yt360.open(root)[0])


def _json(payload: ClipPayload, name: str) -> Any:
    member = payload.read(name)
    assert member.content_type == "application/json"
    return json.loads(member.data)


def test_every_member_that_is_named_can_be_read_and_no_other(payload: ClipPayload) -> None:
    names = payload.names()
    assert names[0] == ABOUT
    assert len(set(names)) == len(names)
    assert all(payload.read(name).data for name in names)
    for other in ("", "..", "video.mp4/..", "maps/9999.png", "maps/0000.PNG", "/etc/passwd", "clip"):
        with pytest.raises(KeyError):
            payload.read(other)


def test_the_description_says_what_the_clip_is(payload: ClipPayload) -> None:
    about, clip = _json(payload, ABOUT), payload.clip
    assert about == json.loads(json.dumps(payload.about()))
    assert about["key"] == clip.id
    assert about["duration_s"] == clip.duration_s
    assert about["picture"] == {
        **{"width": 128, "height": 64, "fps": clip.fps, "frames": clip.row.frames},
        "projection": "equirectangular",
    }
    assert about["sound"]["channels"] == ["W", "Y", "Z", "X"]
    assert about["sound"]["weights"] == "SN3D"
    assert set(about["members"].values()) <= set(payload.names())


def test_the_sound_is_the_clips_in_order(payload: ClipPayload) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(payload.read("sound.wav").data), always_2d=True)
    wanted = payload.clip.foa()
    assert rate_hz == payload.clip.sample_rate_hz
    assert samples.shape == wanted.T.shape
    assert np.abs(samples.T * payload.about()["sound"]["gain"] - wanted).max() < 1e-4


def test_the_picture_is_the_members_bytes(payload: ClipPayload) -> None:
    assert payload.read("video.mp4").data == payload.clip.decoder.reader.video(payload.clip.row)


def test_maps_are_the_clips_with_names_and_colours(payload: ClipPayload) -> None:
    layer, maps = _json(payload, "maps.json"), payload.clip.maps
    assert maps is not None
    assert len(layer["maps"]) == len(maps)
    for number, shown in enumerate(layer["maps"]):
        wanted = maps.read(number)
        assert np.array_equal(decode_ids(payload.read(shown["picture"]).data), wanted.ids)
        assert [each["id"] for each in shown["segments"]] == [segment.id for segment in wanted.segments]
    named = {category["id"]: category["name"] for category in layer["categories"]}
    used = {segment["category_id"] for shown in layer["maps"] for segment in shown["segments"]}
    assert named == {category.id: category.name for category in maps.categories if category.id in used}


def test_a_clip_without_maps_has_no_layer_of_them(tmp_path: Path) -> None:
    payload = ClipPayload(yt360.open(make_root(tmp_path / "root", videos=1, clips=1, seconds=1.5))[0])
    assert "maps" not in payload.about()["members"]
    with pytest.raises(KeyError):
        payload.read("maps.json")


def test_a_root_in_a_store_gives_the_same_bytes(root: Path, payload: ClipPayload) -> None:
    memory = fsspec.filesystem("memory")
    for path in root.rglob("*.*"):
        memory.pipe(f"/payload/{path.relative_to(root)}", path.read_bytes())
    remote = ClipPayload(yt360.open("memory://payload")[0])
    assert remote.names() == payload.names()
    assert all(remote.read(name) == payload.read(name) for name in payload.names())
