"""Fingerprints of clips: what is published is a fixed part, survives a file, and finds its place in a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.rebuild.sounds import RATE, clip_of, melody, video_of
from tests.training.world import make_root
from yt360.dataset.manifest import load_split
from yt360.dataset.members import MemberReader
from yt360.dataset.settings import DataSettings
from yt360.errors import ItemError
from yt360.filters.duplicates.matching import compare
from yt360.release.fingerprints import MOST_LANDMARKS, fingerprint, from_row, joined, thinned, to_row

SOUND = melody(4, 40)


def test_of_a_clips_files(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", videos=1, clips=1, seconds=6.0)
    (clip,) = load_split(str(root), "train", DataSettings(), 24000).clips
    reader = MemberReader(str(root))
    found = fingerprint(clip, reader.video(clip), reader.sound(clip))
    assert (found.frame_s, found.duration_s, found.frames.shape) == (2.5, 6.0, (3, 108))
    assert found.frames.any(axis=1).all()
    again = fingerprint(clip, reader.video(clip), reader.sound(clip))
    assert np.array_equal(found.landmarks, again.landmarks)
    for video, sound in ((b"", reader.sound(clip)), (reader.video(clip), b"fLaC"), (reader.video(clip), b"")):
        with pytest.raises(ItemError):
            fingerprint(clip, video, sound)


def test_what_is_published_is_the_same_part_of_two_copies() -> None:
    clip = SOUND[5 * RATE : 15 * RATE]
    one, other = (video_of(sound.astype(np.float32)) for sound in (clip, 0.5 * clip))
    assert len(one.landmarks) > MOST_LANDMARKS
    few = thinned(one)
    assert len(few.landmarks) == MOST_LANDMARKS
    assert set(map(tuple, few.landmarks)) == set(map(tuple, thinned(other).landmarks)), "level does not count"
    assert set(map(tuple, few.landmarks)) <= set(map(tuple, one.landmarks))
    assert np.array_equal(thinned(few).landmarks, few.landmarks)


def test_a_row_is_read_back() -> None:
    _, print_ = clip_of(SOUND, 5.0)
    row = to_row("a-00005", print_)
    back = from_row(
        {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in row.items()}, 10.0
    )
    assert np.array_equal(back.landmarks, print_.landmarks)
    assert np.array_equal(back.frames, print_.frames)
    assert sum(len(value) if isinstance(value, bytes) else value.nbytes for value in list(row.values())[1:]) < 2100


@pytest.mark.parametrize("change", [{"pictures": b"x" * 107}, {"times": [1, 2]}, {"hashes": [[1], [2]]}])
def test_a_row_that_is_none_is_refused(change: dict[str, object]) -> None:
    row = to_row("a-00005", clip_of(SOUND, 5.0)[1])
    with pytest.raises((ValueError, TypeError)):
        from_row(row | change, 10.0)


def test_clips_of_a_video_are_found_together() -> None:
    parts = [(clip.start_s, print_) for clip, print_ in (clip_of(SOUND, start_s) for start_s in (2.0, 20.0))]
    whole = joined(parts)
    assert whole.duration_s == 30.0
    found = compare(whole, video_of(SOUND[2 * RATE :]))
    assert found is not None
    assert found.offset_s == pytest.approx(-2.0, abs=0.04)
    assert compare(whole, video_of(melody(77, 40), scene=3)) is None
