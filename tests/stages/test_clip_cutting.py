"""Clips cut out of a film whose every frame is known: what is read, how long each is, and what is said of it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import soundfile

from tests.filters.shots.films import FPS, Film, place
from yt360.engine.stage import Blob, Child, Item
from yt360.filters.placement import Placement
from yt360.filters.shots.transitions import ShotDetector
from yt360.media.clips import check_clip_video
from yt360.stages import clip_cutting
from yt360.stages.chunk_settings import ChunkParams
from yt360.stages.clip_cutting import ClipCutter, clip_name

RATE = 8000
PARAMS = ChunkParams(clip_s=1.0, min_clip_s=0.75, height=32, width=64, sample_rate_hz=RATE, preset="ultrafast")


def small(film: Film) -> Film:
    return np.stack([cv2.resize(frame, (64, 32), interpolation=cv2.INTER_AREA) for frame in film])


MOVING, OTHER = small(place(5, 64)), small(place(6, 64))
STILL = np.repeat(MOVING[:1], 64, axis=0)


class Cut:
    """One call of the cutter over a film; ``asked`` are start and length of each reading, in seconds."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        film: Film,
        *,
        meta: Any = None,
        gain: float = 1.0,
        **params: Any,
    ) -> None:
        self.asked: list[tuple[float, float]] = []
        self.folder, self.film = folder, film
        folder.mkdir(parents=True, exist_ok=True)

        def read_frames(*_: Any, start_s: float, duration_s: float, fps: int, **size: int) -> Iterator[Any]:
            self.asked.append((start_s, duration_s))
            assert (size["height"], size["width"]) == (32, 64)
            first = round(start_s * fps)
            yield from film[first : first + math.floor(duration_s * fps + 1e-6)]

        monkeypatch.setattr(clip_cutting, "read_frames", read_frames)
        self.sound = 0.1 * np.sin(np.arange(6 * RATE) / 9)[:, None] * np.array([1.0, 0.0, 0.0, 1.0])
        facts: Any = SimpleNamespace(
            picture=None, horizontal_only=False, sound=SimpleNamespace(convention="fuma", repaired="")
        )
        item = Item("v", "the video", {"video": Blob("x", "", 1)}, files={"video": folder / "x"}, meta=meta or {})
        self.params = PARAMS.model_copy(update=params)
        self.cutter = ClipCutter(self.params, item, facts, self.sound.astype(np.float32), gain, folder)

    def __call__(self, *starts_s: float, duration_s: float = 1.0, after: Any = None) -> list[Child]:
        placed = [Placement(start_s, duration_s) for start_s in starts_s]
        return list(self.cutter.cut(placed, after or (lambda at_s: [])))

    def lengths(self, clips: list[Child]) -> dict[float, int]:
        """Frames of each clip by its start; each file holds as many."""
        for clip in clips:
            assert check_clip_video(self.folder / clip.outputs["video"]) == clip.meta["frames"]
        return {clip.meta["start_s"]: clip.meta["frames"] for clip in clips}


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def of(film: Film, **more: Any) -> Cut:
        return Cut(tmp_path / "out", monkeypatch, film, **more)

    return of


@pytest.mark.parametrize(
    ("start_s", "name"),
    [(0.0, "v-00000"), (1.0, "v-00001"), (12.5, "v-00012_500"), (0.0004, "v-00000"), (0.0006, "v-00000_001"),
     (99999.9996, "v-100000")],
)  # fmt: skip
def test_clips_are_named_by_their_start_to_a_thousandth(start_s: float, name: str) -> None:
    assert clip_name("v", start_s) == name


def test_the_picture_is_read_once_from_the_first_clip_until_the_last_one_is_known_to_hold_no_cut(cut: Any) -> None:
    made = cut(MOVING)
    assert made.lengths(made(0.5, 1.5)) == {0.5: 16, 1.5: 16}
    ahead = (ShotDetector(FPS, PARAMS).lookahead + 1) / FPS
    assert made.asked == [(0.5, pytest.approx(2.0 + ahead))]
    assert {path.name for path in made.folder.iterdir()} == {
        f"{name}.{kind}" for name in ("v-00000_500", "v-00001_500") for kind in ("video.mp4", "foa.flac", "json")
    }


def test_listed_segments_that_overlap_or_lie_between_frames_are_read_anew(cut: Any) -> None:
    meta = {"segments": [[0, 1]]}
    overlapping = cut(MOVING, meta=meta)
    assert overlapping.lengths(overlapping(0.0, 0.5, 1.5)) == {0.0: 16, 0.5: 16, 1.5: 16}
    assert [start_s for start_s, _ in overlapping.asked] == [0.0, 0.5]
    between = cut(MOVING, meta=meta)
    assert between.lengths(between(0.0, 1.53)) == {0.0: 16, 1.53: 16}
    assert [start_s for start_s, _ in between.asked] == [0.0, 1.53]


@pytest.mark.parametrize(("frames", "kept"), [(12, True), (11, False)])
def test_the_last_clip_may_be_as_short_as_the_least_length_and_no_shorter(cut: Any, frames: int, kept: bool) -> None:
    """Twelve frames are 0.75 s."""
    made = cut(MOVING[: 16 + frames])
    clips = made(0.0, 1.0, 2.0)
    assert made.lengths(clips) == ({0.0: 16, 1.0: frames} if kept else {0.0: 16})
    assert not (made.folder / "v-00002.video.mp4").exists()
    assert (made.folder / "v-00001.video.mp4").exists() is kept


@pytest.mark.parametrize(("frames", "kept"), [(8, True), (7, False)])
def test_of_a_short_listed_segment_nearly_all_must_be_there(cut: Any, frames: int, kept: bool) -> None:
    """95 % of half a second are 7.6 frames, less than the least length of other clips."""
    made = cut(MOVING[:frames], meta={"segments": [[0.0, 0.5]]})
    assert made.lengths(made(0.0, duration_s=0.5)) == ({0.0: frames} if kept else {})


def test_as_many_clips_are_made_as_are_wanted(cut: Any) -> None:
    made = cut(MOVING, max_clips=2)
    assert list(made.lengths(made(0.0, 1.0, 2.0))) == [0.0, 1.0]
    assert list(made.folder.glob("v-00002*")) == []


def test_a_clip_in_which_nothing_moves_is_left_out_unless_it_is_listed_or_wanted(cut: Any) -> None:
    film = np.concatenate([MOVING[:32], STILL[:48]])
    made = cut(film, clip_s=2.0, min_clip_s=1.5, one_shot=False)
    assert list(made.lengths(made(0.0, 2.5, duration_s=2.0))) == [0.0]
    assert made.cutter.still_starts_s == [2.5]
    assert list(made.folder.glob("v-00002_500*")) == []
    for more in ({"drop_still": False}, {"meta": {"segments": [[0, 2]]}}):
        kept = cut(film, clip_s=2.0, min_clip_s=1.5, one_shot=False, **more)
        assert list(kept.lengths(kept(0.0, 2.5, duration_s=2.0))) == [0.0, 2.5]
        assert kept.cutter.still_starts_s == []


def test_a_clip_ends_with_its_shot_and_others_go_on_behind_it(cut: Any) -> None:
    """The cut lies behind frame 30: the second clip has 14 frames left, the third begins where it is told to."""
    film = np.concatenate([MOVING[:30], OTHER[:34]])
    asked: list[float] = []

    def after(at_s: float) -> list[Placement]:
        asked.append(at_s)
        return [Placement(2.0, 1.0), Placement(3.0, 1.0)]

    made = cut(film)
    clips = made(0.0, 1.0, 2.5, after=after)
    assert made.lengths(clips) == {0.0: 16, 1.0: 14, 2.0: 16, 3.0: 16}
    assert asked == [30 / 16]
    assert [(clip.meta["shot"], clip.meta["transitions"]) for clip in clips] == [(0, 0), (0, 0), (1, 0), (1, 0)]
    assert [(begin_s, end_s) for begin_s, end_s, _ in made.cutter.transitions_s] == [(29 / 16, 30 / 16)]


def test_what_is_left_of_a_shot_may_be_too_short_and_the_next_shot_goes_on(cut: Any) -> None:
    film = np.concatenate([MOVING[:22], OTHER[:42]])
    made = cut(film)
    assert made.lengths(made(0.0, 1.0, after=lambda at_s: [Placement(2.0, 1.0)])) == {0.0: 16, 2.0: 16}


def test_listed_segments_run_across_cuts_and_count_them(cut: Any) -> None:
    film = np.concatenate([MOVING[:22], OTHER[:42]])
    for more in ({"meta": {"segments": [[0, 1]]}}, {"one_shot": False}):
        made = cut(film, **more)
        clips = made(0.0, 1.0, 2.0)
        assert made.lengths(clips) == {0.0: 16, 1.0: 16, 2.0: 16}
        assert [(clip.meta["shot"], clip.meta["transitions"]) for clip in clips] == [(0, 0), (0, 1), (1, 0)]


def test_a_cut_that_two_readings_see_is_noted_once(cut: Any) -> None:
    film = np.concatenate([MOVING[:22], OTHER[:42]])
    made = cut(film, meta={"segments": [[0, 1]]})
    made(0.0, 1.0, 1.03, 1.2)
    assert len(made.asked) >= 3
    assert len(made.cutter.transitions_s) == 1
    begin_s, end_s, kind = made.cutter.transitions_s[0]
    assert (begin_s, end_s, kind) == (pytest.approx(21 / 16, abs=0.07), pytest.approx(22 / 16, abs=0.07), "cut")


def test_a_clip_s_sound_is_that_of_its_moments_and_as_long_as_its_picture(cut: Any) -> None:
    made = cut(MOVING[:28], gain=0.5)
    first, last = made(0.0, 1.0)
    for clip, start, samples in ((first, 0, RATE), (last, RATE, RATE * 12 // 16)):
        heard, rate = soundfile.read(made.folder / clip.outputs["foa"], dtype="float32")
        assert (rate, clip.meta["samples"], len(heard)) == (RATE, samples, samples)
        np.testing.assert_allclose(heard, 0.5 * made.sound[start : start + samples], atol=1e-6)
        assert json.loads((made.folder / clip.outputs["json"]).read_text()) == clip.meta
    meta = dict(last.meta)
    assert meta.pop("loudness_db") == pytest.approx(10 * math.log10(0.05**2 / 2), abs=0.05)
    assert (meta.pop("azimuth_deg"), meta.pop("elevation_deg")) == (0.0, 0.0)
    assert meta.pop("diffuseness") == pytest.approx(0.0, abs=1e-3)
    assert meta == {
        "clip": "v-00001", "video": "the video", "start_s": 1.0, "duration_s": 0.75, "frames": 12, "fps": 16.0,
        "height": 32, "width": 64, "samples": 6000, "sample_rate_hz": RATE, "convention": "ambix",
        "foa_gain_db": -6.0206, "horizontal_only": False, "shot": 0, "transitions": 0,
    }  # fmt: skip


def test_a_sound_that_was_turned_and_moved_says_so(cut: Any) -> None:
    made = cut(MOVING, meta={"repair": {"yaw_deg": 60.5, "lag_s": 0.2}})
    (clip,) = made(0.0)
    assert (clip.meta["sound_turned_deg"], clip.meta["sound_moved_s"]) == (60.5, -0.2)
    said = (made.folder / clip.outputs["foa"]).read_bytes()
    for words in (b"TURNED_DEG=60.5", b"MOVED_S=-0.2", b"SOURCE_CONVENTION=fuma", b"SOURCE=the video",
                  b"SOURCE_START_S=0", b"GAIN_DB=0.0000", b"SOURCE_REPAIRED=no"):  # fmt: skip
        assert words in said
