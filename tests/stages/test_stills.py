from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import SHARED
from tests.filters.pictures import film, scenery, with_box
from tests.stages.fakes import context
from yt360.engine.stage import Done, Item
from yt360.errors import ItemError
from yt360.filters.evaluation.scores import SCORES
from yt360.filters.stills import frame_differences
from yt360.filters.stills.thresholds import StillsThresholds
from yt360.media import ffmpeg
from yt360.media.inspect import inspect_media
from yt360.stages.stills import Stills, StillsParams, windows

MEDIA = SHARED / "media"


def write_video(path: Path, frames: Iterable[np.ndarray]) -> Path:
    pictures = list(frames)
    height, width = pictures[0].shape
    arguments = ["-f", "rawvideo", "-pix_fmt", "gray", "-video_size", f"{width}x{height}", "-framerate", "2"]
    arguments += ["-i", "pipe:0", "-r", "8", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "18"]
    stdin = b"".join(picture.tobytes() for picture in pictures)
    ffmpeg.run([*arguments, "-pix_fmt", "yuv420p", "-y", str(path)], timeout_s=60, stdin=stdin)
    return path


def item(tmp_path: Path, video: Path, facts: dict[str, Any]) -> Item:
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    return Item("v", "v", files={"video": video, "facts": tmp_path / "facts.json"})


def facts_of(duration_s: float) -> dict[str, Any]:
    reading = {"width": 320, "height": 160, "projection": "equirectangular"}
    return {"picture_reading": reading, "start_s": 0.0, "end_s": duration_s}


def run(tmp_path: Path, video: Path, facts: dict[str, Any]) -> Any:
    stage = Stills()
    outcome = stage.process(item(tmp_path, video, facts), context(tmp_path))
    assert isinstance(outcome, Done)
    stage.check_output("timeline", tmp_path / outcome.outputs["timeline"])
    measures = json.loads(json.dumps(outcome.measures, allow_nan=False))
    return stage.decide(measures), measures


def test_a_still_is_dropped_and_a_moving_thing_kept_after_encoding(tmp_path: Path) -> None:
    picture = scenery()
    verdict, _ = run(tmp_path, write_video(tmp_path / "still.mp4", film(lambda _: picture, 1.0)), facts_of(10.0))
    assert verdict.reason == "still"
    draw = lambda index: with_box(picture, 70, 30 + 12 * index, 32, 14, 240)  # noqa: E731
    verdict, _ = run(tmp_path, write_video(tmp_path / "moving.mp4", film(draw, 1.0)), facts_of(10.0))
    assert verdict is None


def test_of_a_kept_video_it_says_how_much_moves(tmp_path: Path) -> None:
    picture = scenery()
    draw = lambda index: with_box(picture, 70, 30 + 12 * index, 32, 14, 240)  # noqa: E731
    _, measures = run(tmp_path, write_video(tmp_path / "moving.mp4", film(draw, 1.0)), facts_of(10.0))
    assert Stills().summary(measures) == "something moves in 100% of 19 comparisons of two frames"
    score = next(each for each in SCORES if each.stage == "stills")
    assert score.probability is not None
    assert (score.probability(measures, Stills()) or 0.0) < 0.3
    _, measures = run(tmp_path, write_video(tmp_path / "still.mp4", film(lambda _: picture, 1.0)), facts_of(10.0))
    assert Stills().summary(measures) == ""
    assert (score.probability(measures, Stills()) or 0.0) >= 0.9
    assert Stills().summary({}) == ""


def test_a_new_threshold_decides_anew_from_what_was_measured(tmp_path: Path) -> None:
    picture = scenery()
    draw = lambda index: with_box(picture, 70, 30 + 12 * index, 32, 14, 240)  # noqa: E731
    verdict, measures = run(tmp_path, write_video(tmp_path / "moving.mp4", film(draw)), facts_of(10.0))
    assert verdict is None
    verdict = Stills(thresholds=StillsThresholds(still_probability=0.01)).decide(measures)
    assert verdict is not None
    assert verdict.reason == "still"


def test_a_picture_without_frames_is_an_error_that_says_so(tmp_path: Path) -> None:
    video = write_video(tmp_path / "short.mp4", film(lambda _: scenery()))
    with pytest.raises(ItemError, match=r"short\.mp4"):
        Stills().process(item(tmp_path, video, {**facts_of(80.0), "start_s": 79.0}), context(tmp_path))


def test_a_damaged_timeline_is_found(tmp_path: Path) -> None:
    path = tmp_path / "timeline.json"
    path.write_text('{"window": [0')
    with pytest.raises(ItemError, match="timeline"):
        Stills().check_output("timeline", path)


@given(st.floats(0, 100), st.floats(0, 20000))
def test_windows_lie_inside_apart_and_within_the_budget(start_s: float, duration_s: float) -> None:
    params = StillsParams()
    found = windows(start_s, start_s + duration_s, params)
    position = start_s
    for at_s, length_s in found:
        assert at_s >= position - 1e-6
        position = at_s + length_s
    assert position <= start_s + duration_s + 1e-6
    assert (
        sum(length_s for _, length_s in found)
        <= max(params.watch_whole_below_s, params.max_windows * params.window_s) + 1e-6
    )


@pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the real recordings in ../shared/media beside the checkout")
@pytest.mark.parametrize("name", ["KVvDejzzQjM_6.webm", "kqAZkf5Odyw_80.mp4"])
def test_real_fixed_cameras_are_kept(tmp_path: Path, name: str) -> None:
    sound = MEDIA / "kqAZkf5Odyw_80.f327.m4a" if name.endswith(".mp4") else None
    verdict, measures = run(tmp_path, MEDIA / name, inspect_media(MEDIA / name, sound).facts())
    assert verdict is None
    assert np.median(frame_differences.unpack(measures["comparisons"])["residual"]) > 0.02
