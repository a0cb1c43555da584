"""Samples stay what they are: the requests of a plan, and what is drawn for each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.training.world import tiny
from yt360.dataset import decoding
from yt360.dataset.manifest import ClipRow, ClipSplit
from yt360.dataset.members import MemberReader
from yt360.hashing import digest_json
from yt360.training.batch_plan import BatchPlan, Request
from yt360.training.samples import make_sample

RATE = 24000
AVTS = {"name": "avts", "objective": "avts", "views": 2, "batch": 4, "translators": False, "steps": 2}


def split(name: str, videos: int) -> ClipSplit:
    """Two clips of 1.5 s a video."""
    clips = tuple(
        ClipRow(f"{name}{video}-{clip}", f"{name}{video}", "s.tar", 0, 1, "", 0, 1, "", 24, 16.0, 32, 64, 36000, RATE)
        for video in range(videos)
        for clip in range(2)
    )
    groups = tuple(np.arange(2 * video, 2 * video + 2) for video in range(videos))
    return ClipSplit(name, clips, tuple(f"{name}{video}" for video in range(videos)), groups, ())


DIRECTIONS = [[0.573807, -0.816451, -0.064442], [0.811078, -0.323571, 0.487292]]
EXPECTED = ((True, [[125, 124, 194], [121, 95, 119]], 9675), (False, [[110, 100, 140]] * 2, 9675))
"""``augment``, first pixel of each view and first sample, as commit ac3c3dc made them."""


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> MemberReader:
    """Members that need no codec: frames that turn from red to blue with their number, sound that is a ramp."""

    def frames(data: bytes, clip: ClipRow, indices: list[int], *, pad: int = 0) -> np.ndarray:
        made = np.zeros((len(indices), clip.height + 2 * pad, clip.width + 2 * pad, 3), np.uint8)
        for slot, index in enumerate(indices):
            made[slot] = [250 - 10 * index, 100, 10 * index]
        return made

    def sound(data: bytes, clip: ClipRow, start: int, count: int) -> np.ndarray:
        return np.tile(np.arange(start, start + count, dtype=np.float32) / 36000, (4, 1))

    monkeypatch.setattr(decoding, "each_decoded_frame", frames)
    monkeypatch.setattr(decoding, "decode_sound", sound)
    monkeypatch.setattr(MemberReader, "_read", lambda *_: b"")
    return MemberReader("nowhere")


@pytest.mark.parametrize(
    ("changes", "digest"),
    [({}, "44bbf0c204627bc8276e"), ({"seed": 7}, "d16ccaeddbc46ecaf0c2"), ({"phases": [AVTS]}, "cdc8656af70edc8a519a")],
    ids=["curriculum", "seed 7", "avts"],
)
def test_a_plan_asks_for_the_same_clips_with_the_same_seeds_as_ever(changes: dict[str, Any], digest: str) -> None:
    plan = BatchPlan(tiny(**changes), split("train", 6), split("test", 4))
    rows = [[r.split, r.clip, r.phase, r.step, [int(n) for n in r.seed]] for batch in plan.requests() for r in batch]
    assert digest_json(rows) == digest


def test_a_request_says_its_video_and_whether_to_augment() -> None:
    train, test = split("train", 6), split("test", 4)
    for request in (r for batch in BatchPlan(tiny(), train, test).requests() for r in batch):
        part = train if request.split == "train" else test
        assert part.videos[request.video] == part.clips[request.clip].video
        assert request.augment == (request.split == "train")


def test_what_is_drawn_for_a_request_is_what_it_ever_was(decoded: MemberReader) -> None:
    recipe = tiny()
    clip = split("train", 6).clips[3]
    for augment, pixels, start in EXPECTED:
        settings = recipe.sample_settings(1) if augment else recipe.held_out_settings()
        made = make_sample(Request("train", 3, 1, (0, 1, 1, 2, 3), augment=augment), clip, settings, decoded)
        np.testing.assert_allclose(made.pictures[:, 0, 0, 0], pixels, atol=1)
        assert made.sound[0, 0, 0] * 36000 == pytest.approx(start, abs=0.5)
        np.testing.assert_allclose(made.directions, DIRECTIONS, atol=1e-5)
