from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from tests.stages.fakes import context
from yt360 import ambisonics, sphere
from yt360.engine.stage import Blob, Done, Filtered, Item
from yt360.errors import ItemError
from yt360.filters.placement import Placement
from yt360.media.clips import ClipVideoWriter, check_clip_sound, check_clip_video
from yt360.stages.chunk import Chunk, _all_numbers
from yt360.stages.chunk_settings import ChunkParams, VariantSettings
from yt360.stages.clip_cutting import clip_name
from yt360.stages.validate import Validate, ValidateParams
from yt360.synth import VideoSpec, VideoTruth, render_video

_ROOM = tempfile.TemporaryDirectory(prefix="yt360-test-chunk-")


@functools.cache
def _made(defect: str, seed: int, duration_s: float) -> tuple[VideoTruth, dict[str, Path], bytes]:
    """A small video, rendered once, and validate's facts of it."""
    folder = Path(tempfile.mkdtemp(dir=_ROOM.name))
    truth = render_video(VideoSpec(seed, 0, defect, duration_s, 224, 448, 16.0), folder)
    media = [folder / "media" / name for name in truth.files]
    files = {"video": media[0]} | ({"sound": media[1]} if len(media) > 1 else {})
    out = folder / "validate"
    out.mkdir()
    said = ValidateParams(convention="fuma" if defect == "fuma_order" else "auto")
    outcome = Validate(said).process(item(files), context(out))
    assert isinstance(outcome, Done)
    return truth, files, (out / outcome.outputs["facts"]).read_bytes()


def make(tmp_path: Path, defect: str, seed: int = 21, duration_s: float = 4.0) -> tuple[VideoTruth, dict[str, Path]]:
    """A small video with validate's facts, which a test may change; the inputs of chunk."""
    truth, files, facts = _made(defect, seed, duration_s)
    (tmp_path / "facts.json").write_bytes(facts)
    return truth, files | {"facts": tmp_path / "facts.json"}


def item(files: dict[str, Path], **meta: Any) -> Item:
    return Item("v", "v", inputs={name: Blob(str(path), "", 1) for name, path in files.items()}, files=files, meta=meta)


SMALL = ChunkParams(clip_s=2.0, min_clip_s=1.8, height=64, width=128, preset="ultrafast")


def chunk(files: dict[str, Path], out: Path, params: ChunkParams = SMALL, **meta: Any) -> Any:
    out.mkdir(parents=True, exist_ok=True)
    return Chunk(params).process(item(files, **meta), context(out))


def frames_of(path: Path) -> Iterator[Any]:
    with av.open(str(path), "r") as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def sound_of(out: Path, name: str) -> np.ndarray:
    return np.asarray(soundfile.read(out / f"{name}.foa.flac", dtype="float32")[0].T)


@pytest.mark.parametrize(
    ("segment", "span", "cut"),
    [
        ([5.0, 15.0], (0.0, 60.0), (5.0, 10.0)),
        ([0.0, 10.0], (0.0, 10.0), (0.0, 10.0)),
        ([0.0, 10.0], (0.0, 9.5), (0.0, 9.5)),  # as much as min_clip_s is enough
        ([0.0, 10.0], (0.0, 9.49), None),
        ([0.0, 10.0], (0.5, 60.0), (0.0, 10.0)),  # and where the picture begins late
        ([0.0, 10.0], (0.51, 60.0), None),
        ([3.0, 5.0], (0.0, 4.9), (3.0, 1.9)),  # 95 % of what is listed, where that is less
        ([3.0, 5.0], (0.0, 4.89), None),
        ([0.0, 700.0], (0.0, 800.0), (0.0, 600.0)),  # no clip is longer than ten minutes
        ([90.0, 100.0], (0.0, 60.0), None),
    ],
)
def test_a_listed_segment_is_cut_where_nearly_all_of_it_is_there(
    segment: list[float], span: tuple[float, float], cut: tuple[float, float] | None
) -> None:
    found = Chunk()._given([segment], *span)
    assert [(place.start_s, round(place.duration_s, 6)) for place in found] == ([cut] if cut else [])


def test_listed_segments_come_in_their_order_each_start_once_and_as_many_as_wanted() -> None:
    listed = [[30.0, 40.0], [0.0, 10.0], [30.0, 38.0], [15.5, 25.5]]
    found = Chunk()._given(listed, 0.0, 100.0)
    assert [(place.start_s, place.duration_s) for place in found] == [(0.0, 10.0), (15.5, 10.0), (30.0, 8.0)]
    first = Chunk(ChunkParams(max_clips=2))._given(listed, 0.0, 100.0)
    assert [place.start_s for place in first] == [0.0, 15.5]
    sounding = np.ones(350, bool)
    assert [place.start_s for place in Chunk()._placed(sounding, 0.0, 35.0)] == [0.0, 10.0, 20.0]
    assert [place.start_s for place in Chunk(ChunkParams(max_clips=1))._placed(sounding, 0.0, 35.0)] == [0.0]


@pytest.mark.parametrize(
    ("at_s", "whole"), [(9.849, True), (9.851, False), (15.0, False), (20.049, False), (20.051, True)]
)
def test_samples_that_are_no_numbers_spoil_a_clip_as_far_as_a_resampler_carries_them(at_s: float, whole: bool) -> None:
    """The clip from 10 to 20 s; a place is the beginning of a tenth of a second."""
    assert _all_numbers(Placement(10.0, 10.0), [at_s]) is whole
    assert _all_numbers(Placement(10.0, 10.0), [1.0, at_s, 50.0]) is whole
    assert _all_numbers(Placement(10.0, 10.0), [])


@pytest.mark.parametrize(
    ("shots", "stills", "placed", "given", "spoiled", "end_s", "reason", "words"),
    [
        (3, [], 1, None, None, 60.0, "short-shots", "none of its 3 shots has 9.5 s"),
        (1, [], 0, None, [1.5, 2.0], 60.0, "not-numbers", "at second 1.5, 2 are not numbers"),
        (1, [], 0, None, [1.0, 2.0, 3.0], 60.0, "not-numbers", "at second 1, 2, 3 are not"),
        (1, [], 0, None, [1.0, 2.0, 3.0, 4.0], 60.0, "not-numbers", "at second 1, 2, 3 and more are not"),
        (3, [0.0, 10.0], 2, None, None, 60.0, "still", "in any of its 2 clips"),
        (1, [], 0, [[0, 10], [20, 30]], None, 60.0, "too-short", "none of its 2 listed segments fits"),
        (1, [], 1, None, None, 60.0, "too-short", "no clip of 9.5 s from a whole second fits"),
        (1, [], 0, None, None, 9.4, "too-short", "from 0.00 to 9.40 s; no clip of 9.5 s"),
        (1, [], 0, None, None, 60.0, "silent", "57 of 60 s are below -61 dBFS"),
        (2, [], 0, None, None, 60.0, "silent", "no clip has enough sound"),
    ],
)
def test_a_video_without_a_clip_says_why(
    shots: int, stills: list[float], placed: int, given: Any, spoiled: Any, end_s: float, reason: str, words: str
) -> None:
    measures: dict[str, Any] = {"shots": shots, "still_clips_s": stills, "silent_s": 57.4, "open_db": -60.6}
    if spoiled:
        measures["not_numbers_s"] = spoiled
    found = Chunk()._nothing(item({}), given, [Placement(0.0, 10.0)] * placed, 0.0, end_s, measures)
    assert found.reason == reason
    assert words in found.detail
    assert found.measures == measures


def test_of_a_cut_video_it_says_how_many_clips_and_shots_and_how_much_is_silent() -> None:
    measures = {"clips": 3, "shots": 2, "silent_s": 5.0, "duration_s": 50.0}
    assert Chunk().summary(measures) == "3 clips from 2 shots; 10% of the video is silent"
    assert Chunk().summary({**measures, "clips": 1, "shots": 1}).startswith("1 clip from 1 shot;")
    assert Chunk().summary({**measures, "clips": 0}) == Chunk().summary({"clips": 2}) == ""


@pytest.mark.parametrize(("start_s", "name"), [(0.0, "v-00000"), (75.0, "v-00075"), (12.5, "v-00012_500")])
def test_clips_are_named_by_their_start(start_s: float, name: str) -> None:
    assert clip_name("v", start_s) == name


@pytest.mark.parametrize("defect", ["", "fuma_order", "top_bottom", "side_by_side", "squeezed_16_9"])
def test_whatever_the_form_clips_come_out_canonical(tmp_path: Path, defect: str) -> None:
    truth, files = make(tmp_path, defect)
    outcome = chunk(files, tmp_path / "out")
    assert isinstance(outcome, Done)
    assert [child.meta["start_s"] for child in outcome.children] == [0.0, 2.0]
    for child in outcome.children:
        video, foa, facts = (tmp_path / "out" / child.outputs[name] for name in ("video", "foa", "json"))
        with av.open(str(video), "r") as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.frames) == (128, 64, 32)
            assert stream.average_rate == 16
            packets = [packet for packet in container.demux(stream) if packet.size]
        stamps = [(packet.pts or 0) * (packet.time_base or 0) * 16 for packet in packets]
        assert stamps == list(range(32))
        assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 8, 16, 24]
        assert soundfile.info(foa).channels == 4
        assert soundfile.info(foa).frames == 48000
        assert json.loads(facts.read_text()) == child.meta
        start = child.meta["start_s"]
        heard = ambisonics.sound_direction(sound_of(tmp_path / "out", child.id))
        expected = truth.mean_direction(start, start + 2)
        if np.linalg.norm(expected) > 0.2:
            found = sphere.unit_vector(heard.azimuth, heard.elevation)
            assert np.degrees(sphere.angle_between(found, expected)) < 8


@pytest.mark.parametrize(("rate_hz", "rate"), [(None, 24000), (16000, 16000)])
def test_sound_for_two_ears_is_of_the_same_moments_at_the_rate_that_is_wanted(
    tmp_path: Path, rate_hz: int | None, rate: int
) -> None:
    """At the rate of the clips it is made of their sound, at another one of a second decoding."""
    _, files = make(tmp_path, "")
    variants = VariantSettings(two_channels="stereo", sample_rate_hz=rate_hz)
    outcome = chunk(files, tmp_path / "out", SMALL.model_copy(update={"variants": variants, "max_clips": 1}))
    assert isinstance(outcome, Done)
    (child,) = outcome.children
    stereo, found = soundfile.read(tmp_path / "out" / child.outputs["stereo"], dtype="float32")
    assert (found, stereo.shape) == (rate, (2 * rate, 2))
    foa = sound_of(tmp_path / "out", child.id)
    left = (foa[0] + foa[1]) / 2
    if rate_hz is None:
        np.testing.assert_allclose(stereo[:, 0], left, atol=1e-4)
    else:
        assert np.mean(stereo[:, 0] ** 2) == pytest.approx(np.mean(left**2), rel=0.2)
        assert set(child.outputs) == {"video", "foa", "json", "stereo", "large.foa"}


def test_same_input_same_bytes(tmp_path: Path) -> None:
    _, files = make(tmp_path, "")
    for name in ("one", "two"):
        chunk(files, tmp_path / name)
    for path in (tmp_path / "one").glob("v-*"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_clip_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    _, files = make(tmp_path, "")
    chunk(files, tmp_path / "all")
    chunk(files, tmp_path / "first", SMALL.model_copy(update={"max_clips": 1}))
    for kind in ("video.mp4", "foa.flac", "json"):
        name = f"v-00000.{kind}"
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "first" / name).read_bytes()


def test_silence_is_skipped(tmp_path: Path) -> None:
    truth, files = make(tmp_path, "silence_parts")
    outcome = chunk(files, tmp_path / "out")
    assert isinstance(outcome, Done)
    silent_until = truth.silent[0][1]
    starts = [child.meta["start_s"] for child in outcome.children]
    assert starts
    assert min(starts) >= np.floor(silent_until)
    assert outcome.measures["silent_s"] == pytest.approx(silent_until, abs=0.3)


def test_listed_segments_are_cut_exactly_there_whatever_they_are(tmp_path: Path) -> None:
    """Also between frames, also where they overlap, also in silence; picture and sound as of that moment."""
    _, files = make(tmp_path, "silence_parts")
    listed = [[0.0, 2.0], [1.3, 3.3], [5.0, 6.5], [600.0, 610.0]]
    outcome = chunk(files, tmp_path / "out", segments=listed)
    assert isinstance(outcome, Done)
    assert [child.id for child in outcome.children] == ["v-00000", "v-00001_300", "v-00005"]
    assert [child.meta["duration_s"] for child in outcome.children] == [2.0, 2.0, 1.5]
    assert outcome.measures["given"] == 4
    everything = {"clip_s": 8.0, "min_clip_s": 7.0, "min_active_share": 0.0, "max_silent_share": 1.0}
    whole = chunk(files, tmp_path / "whole", SMALL.model_copy(update=everything))
    sound = sound_of(tmp_path / "whole", whole.children[0].id)
    assert whole.children[0].meta["start_s"] == 0
    np.testing.assert_allclose(sound_of(tmp_path / "out", "v-00001_300"), sound[:, 31200 : 31200 + 48000], atol=1e-6)
    late = next(frames_of(tmp_path / "out" / "v-00005.video.mp4"))
    same = list(frames_of(tmp_path / "whole" / "v-00000.video.mp4"))[5 * 16]
    assert np.abs(late.astype(int) - same).mean() < 6


def test_a_clip_in_which_nothing_moves_is_left_out(tmp_path: Path) -> None:
    """A title card of four seconds before the scene: its two clips go, the rest stays."""
    _, files = make(tmp_path, "", duration_s=8.0)
    frozen = tmp_path / "frozen.mp4"
    scene = list(frames_of(files["video"]))
    write_clip(frozen, [scene[16]] * 64 + scene[64:])
    facts = json.loads(files["facts"].read_text())
    facts["sound_reading"]["source"] = "sound"
    files["facts"].write_text(json.dumps(facts))
    moved = {**files, "video": frozen, "sound": files.get("sound", files["video"])}
    outcome = chunk(moved, tmp_path / "out")
    assert isinstance(outcome, Done)
    assert [child.meta["start_s"] for child in outcome.children] == [4.0, 6.0]
    assert outcome.measures["still_clips_s"] == [0.0, 2.0]
    kept = chunk(moved, tmp_path / "kept", SMALL.model_copy(update={"drop_still": False}))
    assert [child.meta["start_s"] for child in kept.children] == [0.0, 2.0, 4.0, 6.0]


def joined(tmp_path: Path, cuts_s: tuple[float, ...], duration_s: float = 9.0) -> dict[str, Path]:
    """A video that goes from one world to another and back."""
    _, files = make(tmp_path, "", duration_s=duration_s)
    (tmp_path / "other").mkdir()
    _, others = make(tmp_path / "other", "", seed=77, duration_s=duration_s)
    scenes = [list(frames_of(one["video"])) for one in (files, others)]
    edges = [0, *(round(at * 16) for at in cuts_s), len(scenes[0])]
    shots = [scenes[k % 2][edges[k] : edges[k + 1]] for k in range(len(edges) - 1)]
    write_clip(tmp_path / "joined.mp4", [frame for shot in shots for frame in shot])
    facts = json.loads(files["facts"].read_text())
    facts["sound_reading"]["source"] = "sound"
    files["facts"].write_text(json.dumps(facts))
    return {**files, "video": tmp_path / "joined.mp4", "sound": files.get("sound", files["video"])}


def test_no_clip_holds_a_cut(tmp_path: Path) -> None:
    """A clip ends with its shot, if it is long enough by then; the next one starts in the shot after it."""
    files = joined(tmp_path, (3.9375, 5.5))
    outcome = chunk(files, tmp_path / "out")
    assert isinstance(outcome, Done)
    spans = [(child.meta["start_s"], child.meta["duration_s"], child.meta["shot"]) for child in outcome.children]
    assert spans == [(0.0, 2.0, 0), (2.0, 1.9375, 0), (6.0, 2.0, 2)]
    assert [child.meta["transitions"] for child in outcome.children] == [0, 0, 0]
    assert outcome.measures["shots"] == 3
    assert outcome.measures["transitions_s"] == [(3.875, 3.9375, "cut"), (5.4375, 5.5, "cut")]
    limited = chunk(files, tmp_path / "limited", SMALL.model_copy(update={"max_clips": 3}))
    assert [child.meta["start_s"] for child in limited.children] == [0.0, 2.0, 6.0]
    across = chunk(files, tmp_path / "across", SMALL.model_copy(update={"one_shot": False}))
    assert [child.meta["start_s"] for child in across.children] == [0.0, 2.0, 4.0, 6.0]
    assert [child.meta["transitions"] for child in across.children] == [0, 1, 1, 0]


def test_listed_segments_that_hold_a_cut_are_marked(tmp_path: Path) -> None:
    outcome = chunk(joined(tmp_path, (3.5,)), tmp_path / "out", segments=[[1.0, 3.0], [2.5, 4.5], [5.0, 7.0]])
    assert [child.meta["transitions"] for child in outcome.children] == [0, 1, 0]
    assert outcome.measures["transitions_s"] == [(3.4375, 3.5, "cut")]


def test_a_video_of_short_shots_has_no_clip_and_says_why(tmp_path: Path) -> None:
    outcome = chunk(joined(tmp_path, (1.5, 3.0, 4.5, 6.0, 7.5)), tmp_path / "out")
    assert isinstance(outcome, Filtered)
    assert outcome.reason == "short-shots"
    assert "none of its 6 shots has 1.8 s" in outcome.detail


def test_loud_recordings_are_turned_down_as_a_whole_and_it_is_recorded(tmp_path: Path) -> None:
    _, files = make(tmp_path, "")
    facts = json.loads(files["facts"].read_text())
    facts["sound_reading"]["gains"] = [gain * 20 for gain in facts["sound_reading"]["gains"]]
    files["facts"].write_text(json.dumps(facts))
    outcome = chunk(files, tmp_path / "out")
    gains = {child.meta["foa_gain_db"] for child in outcome.children}
    assert len(gains) == 1
    assert gains.pop() < -5
    assert max(np.abs(sound_of(tmp_path / "out", child.id)).max() for child in outcome.children) == pytest.approx(
        0.999, abs=0.01
    )


def test_too_short_and_silent_say_so(tmp_path: Path) -> None:
    _, files = make(tmp_path, "")
    outcome = chunk(files, tmp_path / "short", ChunkParams())
    assert isinstance(outcome, Filtered)
    assert outcome.reason == "too-short"
    outcome = chunk(files, tmp_path / "loud", SMALL.model_copy(update={"silence_floor_db": 20.0}))
    assert isinstance(outcome, Filtered)
    assert outcome.reason == "silent"


def write_clip(path: Path, frames: list[np.ndarray], crf: float = 10) -> None:
    height, width = frames[0].shape[:2]
    with ClipVideoWriter(path, width, height, 16, gop=16, crf=crf, preset="ultrafast") as out:
        for frame in frames:
            out.write(frame)


def test_colours_survive(tmp_path: Path) -> None:
    """Written as BT.601 and read as such: a wrong matrix would shift saturated colours by tens of levels."""
    ramp = np.linspace(20, 235, 128).astype(np.uint8)
    frame = np.stack(np.broadcast_arrays(ramp[None, :], ramp[None, ::-1], np.uint8(90)), -1)
    frame = np.ascontiguousarray(np.broadcast_to(frame, (64, 128, 3)))
    write_clip(tmp_path / "c.mp4", [frame] * 4)
    with av.open(str(tmp_path / "c.mp4"), "r") as container:
        decoded = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(decoded.astype(int) - frame).mean() < 2.5


@pytest.mark.parametrize("cut", [10, 400, 3000])
def test_truncated_clips_are_found(tmp_path: Path, cut: int) -> None:
    rng = np.random.default_rng(0)
    write_clip(tmp_path / "c.mp4", [rng.integers(0, 255, (64, 128, 3), dtype=np.uint8) for _ in range(16)])
    assert check_clip_video(tmp_path / "c.mp4") == 16
    os.truncate(tmp_path / "c.mp4", (tmp_path / "c.mp4").stat().st_size - cut)
    with pytest.raises(ItemError, match=r"c\.mp4"):
        check_clip_video(tmp_path / "c.mp4")
    soundfile.write(tmp_path / "c.flac", rng.normal(0, 0.1, (24000, 4)), 24000, subtype="PCM_24")
    assert check_clip_sound(tmp_path / "c.flac") == 24000
    os.truncate(tmp_path / "c.flac", (tmp_path / "c.flac").stat().st_size - cut)
    with pytest.raises(ItemError, match=r"c\.flac"):
        check_clip_sound(tmp_path / "c.flac")


@pytest.mark.parametrize("content", [b"", b"text, renamed"])
def test_files_that_are_no_clips_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(content)
    for check in (check_clip_video, check_clip_sound):
        with pytest.raises(ItemError, match=r"x\.bin"):
            check(path)
