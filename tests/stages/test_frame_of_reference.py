from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.filters.frame_of_reference.scenes import moving_frames, moving_sound
from tests.filters.frame_of_reference.test_decision import SURE, measures
from tests.media.ffmpeg_calls import ffmpeg_calls
from tests.stages.fakes import context
from yt360.engine.stage import Done, Item
from yt360.errors import ItemError
from yt360.filters.frame_of_reference.decision import Repair
from yt360.filters.frame_of_reference.measurement import HEIGHT, RATE_HZ, WIDTH
from yt360.filters.frame_of_reference.settings import FrameThresholds, StretchSettings
from yt360.filters.frame_of_reference.sound_activity import SAMPLE_RATE_HZ
from yt360.media import ffmpeg
from yt360.stages.chunk import Chunk
from yt360.stages.frame_of_reference import FrameOfReference, repairs, stretches
from yt360.stages.stills import Stills

SECONDS = 13.0


def item(folder: Path, seconds: float = SECONDS, turned_deg: float = 0.0) -> Item:
    """A video of a disc that moves and sounds, and what ``validate`` would have said of it."""
    raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", f"{RATE_HZ:g}"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p"]
    stdin = b"".join(frame.tobytes() for frame in moving_frames(seconds))
    ffmpeg.run([*raw, "-i", "pipe:0", *coding, "-y", str(folder / "v.mp4")], timeout_s=60, stdin=stdin)
    sound = moving_sound(seconds, turned_deg=turned_deg)
    soundfile.write(folder / "v.wav", sound.T, SAMPLE_RATE_HZ, subtype="FLOAT")
    facts = {
        "picture_reading": {"width": WIDTH, "height": HEIGHT, "projection": "equirectangular"},
        "sound_reading": {"channels": 4, "sample_rate_hz": SAMPLE_RATE_HZ, "source": "sound", "codec": "pcm_f32le"},
        "start_s": 0.0,
        "end_s": seconds,
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    return Item("v", "v", files={name: folder / file for name, file in
                                 (("video", "v.mp4"), ("sound", "v.wav"), ("facts", "facts.json"))})  # fmt: skip


def test_a_turned_sound_is_measured_and_named_but_nothing_is_dropped(tmp_path: Path) -> None:
    stage = FrameOfReference()
    outcome = stage.process(item(tmp_path, turned_deg=-80), context(tmp_path))
    assert isinstance(outcome, Done)
    stage.check_output("frame", tmp_path / outcome.outputs["frame"])
    told = json.loads(json.dumps(outcome.measures, allow_nan=False))
    assert told["heading"]["yaw_deg"] == pytest.approx(80, abs=10)
    assert told["turned_deg"] < 2
    assert stage.decide(told) is None
    dropped = FrameOfReference(None, FrameThresholds(quarantine=True, heading_probability=0.6)).decide(told)
    assert dropped is not None
    assert "further to the right" in dropped.detail
    assert stage.summary(told).startswith(("elsewhere: what is seen is heard", "unknown"))
    kept = FrameThresholds(quarantine=True, heading_probability=0.6, repair=True, repair_probability=0.6)
    assert FrameOfReference(None, kept).decide(told) is None
    assert FrameOfReference(None, kept).summary(told).endswith("chunk puts it in place")


def test_what_stills_saw_of_a_short_video_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = item(tmp_path, turned_deg=-80)
    decoded = FrameOfReference().process(video, context(tmp_path))
    looked = Stills().process(video, context(tmp_path))
    assert isinstance(looked, Done)
    Stills().check_output("look", tmp_path / looked.outputs["look"])
    monkeypatch.setattr("yt360.stages.frame_of_reference.read_frames", None)
    told = FrameOfReference().process(
        Item("v", "v", files={**video.files, "look": tmp_path / looked.outputs["look"]}), context(tmp_path)
    )
    assert isinstance(decoded, Done)
    assert isinstance(told, Done)
    assert told.measures["stretches"] == decoded.measures["stretches"] == 2
    assert told.measures["heading"]["yaw_deg"] == pytest.approx(decoded.measures["heading"]["yaw_deg"], abs=1)
    assert told.measures["heading"]["correlation"] == pytest.approx(
        decoded.measures["heading"]["correlation"], abs=0.02
    )


def test_of_a_long_video_in_which_nothing_is_seen_and_heard_one_stretch_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = StretchSettings(window_s=6.0)
    video = item(tmp_path, seconds=20.0)
    told = FrameOfReference(params).process(video, context(tmp_path))
    assert isinstance(told, Done)
    assert told.measures["stretches"] == 3
    noise = 0.1 * np.random.default_rng(0).normal(size=(round(20 * SAMPLE_RATE_HZ), 4))
    soundfile.write(video.files["sound"], noise, SAMPLE_RATE_HZ, subtype="FLOAT")
    told = FrameOfReference(params).process(video, context(tmp_path))
    assert isinstance(told, Done)
    assert told.measures["stretches"] == 1
    course = json.loads((tmp_path / "frame.json").read_text())["stretches"]
    assert [each["start_s"] for each in course] == [pytest.approx(7.0, abs=0.1)]


def test_a_video_that_is_cut_ahead_is_decoded_once_and_measured_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, video = FrameOfReference(StretchSettings(window_s=6.0)), item(tmp_path, seconds=20.0, turned_deg=-80)
    _coded_as(video, "hevc")
    alone = stage.process(video, context(tmp_path))
    assert isinstance(alone, Done)
    assert alone.measures["stretches"] == 3
    course = (tmp_path / "frame.json").read_bytes()
    asked, cut = ffmpeg_calls(monkeypatch), []
    (tmp_path / "clips").mkdir()
    beside = stage.process_ahead(
        video, context(tmp_path), lambda: cut.append(Chunk().process(video, context(tmp_path / "clips")))
    )
    assert beside == alone
    assert (tmp_path / "frame.json").read_bytes() == course
    assert isinstance(cut[0], Done)
    assert len(cut[0].children) == 2
    assert len([words for words in asked if "rawvideo" in words]) == 1


def _coded_as(video: Item, codec: str) -> None:
    """What ``validate`` says of the codec; the file stays as it is."""
    facts = json.loads(video.files["facts"].read_text())
    facts["picture_reading"]["codec"] = codec
    video.files["facts"].write_text(json.dumps(facts))


@pytest.mark.parametrize(("codec", "cut"), [("h264", False), ("vp9", True), ("av1", True), ("hevc", True)])
def test_of_what_is_quick_to_decode_nothing_is_cut_ahead(tmp_path: Path, codec: str, cut: bool) -> None:
    stage, video = FrameOfReference(StretchSettings(window_s=6.0)), item(tmp_path, seconds=8.0)
    _coded_as(video, codec)
    called: list[str] = []
    stage.process_ahead(video, context(tmp_path), lambda: called.append("chunk"))
    assert bool(called) == cut


def test_where_nobody_decodes_ahead_it_does_so_itself(tmp_path: Path) -> None:
    stage, video = FrameOfReference(StretchSettings(window_s=6.0)), item(tmp_path, seconds=20.0)
    _coded_as(video, "vp9")
    alone = stage.process(video, context(tmp_path))
    assert stage.process_ahead(video, context(tmp_path), lambda: None) == alone


def test_what_stills_saw_leaves_nothing_to_share(tmp_path: Path) -> None:
    video = item(tmp_path)
    looked = Stills().process(video, context(tmp_path))
    assert isinstance(looked, Done)
    seen = Item("v", "v", files={**video.files, "look": tmp_path / looked.outputs["look"]})
    called: list[str] = []
    told = FrameOfReference().process_ahead(seen, context(tmp_path), lambda: called.append("chunk"))
    assert told == FrameOfReference().process(seen, context(tmp_path))
    assert called == []


@pytest.mark.parametrize(("limits", "ahead"), [({}, True), ({"repair": True}, False), ({"quarantine": True}, False)])
def test_what_waits_for_its_verdict_is_not_cut_ahead(limits: dict[str, Any], ahead: bool) -> None:
    assert FrameOfReference(None, FrameThresholds(**limits)).works_ahead is ahead


def test_a_video_of_two_seconds_is_unknown(tmp_path: Path) -> None:
    stage = FrameOfReference()
    outcome = stage.process(item(tmp_path, seconds=2.0), context(tmp_path))
    assert isinstance(outcome, Done)
    assert outcome.measures["stretches"] == 0
    assert stage.decide(outcome.measures) is None


@pytest.mark.parametrize(
    ("span", "count", "length"),
    [((0, 0), 0, 0), ((3, 14), 1, 11), ((0, 36), 3, 12), ((0, 36.1), 3, 12), ((0, 600), 3, 12)],
)
def test_stretches_are_equally_long_and_inside(span: Any, count: int, length: int) -> None:
    found = stretches(span[0], span[1], StretchSettings())
    assert len(found) == count
    assert all(one == pytest.approx(length) for _, one in found)
    assert all(span[0] <= at and at + one <= span[1] + 1e-9 for at, one in found)
    assert all(a[0] + a[1] <= b[0] + 1e-9 for a, b in pairwise(found))


def test_a_damaged_output_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "frame.json").write_text('{"stretches": 3}')
    with pytest.raises(ItemError, match="course of a video"):
        FrameOfReference().check_output("frame", tmp_path / "frame.json")


class Dataset(SimpleNamespace):
    def passing(self, name: str) -> Any:
        return {"v": SimpleNamespace(measures=measures(SURE)), "w": SimpleNamespace(measures=measures())}


def test_only_a_stage_that_repairs_has_repairs() -> None:
    assert repairs(Dataset(stages={})) == {}
    assert repairs(Dataset(stages={"frame_of_reference": FrameOfReference()})) == {}
    stage = FrameOfReference(None, FrameThresholds(repair=True))
    assert repairs(Dataset(stages={"frame_of_reference": stage})) == {"v": Repair(60.0, 0.0)}


def test_only_a_video_that_is_repaired_gets_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yt360.stages.chunk.read_listing", lambda dataset: {"v": {"segments": [[0, 10]]}})
    stage = FrameOfReference(None, FrameThresholds(repair=True))
    items = [Item(name, name) for name in "vw"]
    dataset = Dataset(stages={"frame_of_reference": stage}, items_after=lambda after, inputs: iter(items))
    repaired, left = Chunk().plan(dataset)
    assert repaired.meta == {"segments": [[0, 10]], "repair": {"yaw_deg": 60.0, "lag_s": 0.0}}
    assert left == items[1]


def test_chunk_turns_and_moves_the_sound_and_says_so(tmp_path: Path) -> None:
    plain = item(tmp_path, turned_deg=-80)
    mended = Item("v", "v", files=plain.files, meta={"repair": {"yaw_deg": 80.0, "lag_s": 0.25}})
    sounds, told = [], []
    for each, name in ((plain, "a"), (mended, "b")):
        (tmp_path / name).mkdir()
        outcome = Chunk().process(each, context(tmp_path / name))
        assert isinstance(outcome, Done)
        sounds.append(soundfile.read(tmp_path / name / outcome.children[0].outputs["foa"])[0])
        told.append(outcome.children[0].meta)
    late = round(0.25 * 24000)
    before, after = sounds[0][late:], sounds[1][: len(sounds[0]) - late]
    count = min(len(before), len(after))
    turn = np.radians(80)
    x = before[:count, 3] * np.cos(turn) - before[:count, 1] * np.sin(turn)
    assert np.abs(after[:count, 3] - x).max() < 1e-3
    assert "sound_turned_deg" not in told[0]
    assert (told[1]["sound_turned_deg"], told[1]["sound_moved_s"]) == (80.0, -0.25)


@pytest.mark.parametrize(
    ("duration_s", "looked_at", "told"), [(300.0, 1, True), (300.0, 3, False), (12.0, 1, False), (12.1, 1, True)]
)
def test_a_video_of_which_only_the_middle_was_looked_at_says_so(duration_s: float, looked_at: int, told: bool) -> None:
    nothing = {"heading": None, "lag": None, "turning": None, "duration_s": duration_s, "stretches": looked_at}
    words = FrameOfReference().summary(nothing)
    assert words.startswith("unknown: nothing is seen moving and heard moving alike")
    assert words.endswith("; only the middle was looked at") is told
