"""A clip out of two files is the clip that lies in a shard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import yt360
from yt360.dataset.loose_clip import loose_clip
from yt360.errors import ItemError, UsageError


@pytest.fixture
def files(root: Path, tmp_path: Path) -> tuple[yt360.Clip, Path, Path]:
    clip = yt360.open(root)[0]
    video, foa = tmp_path / "v.mp4", tmp_path / "a.flac"
    video.write_bytes(clip.decoder.reader.video(clip.row))
    foa.write_bytes(clip.decoder.reader.sound(clip.row))
    return clip, video, foa


def test_it_shows_and_sounds_the_same(files: tuple[yt360.Clip, Path, Path]) -> None:
    clip, video, foa = files
    loose = loose_clip({name: value for name, value in clip.metadata.items() if name != "split"}, video, foa)
    assert (loose.id, loose.split, loose.duration_s) == (clip.id, "", clip.duration_s)
    assert (loose.row.video_size, loose.row.video_offset) == (video.stat().st_size, 0)
    np.testing.assert_array_equal(loose.frames(0.5, 0.25), clip.frames(0.5, 0.25))
    np.testing.assert_array_equal(loose.foa(0.5, 0.25), clip.foa(0.5, 0.25))
    assert loose_clip(clip.metadata, video, foa).split == clip.split


def test_files_that_went_and_facts_that_cannot_be_are_named(files: tuple[yt360.Clip, Path, Path]) -> None:
    clip, video, foa = files
    loose = loose_clip(clip.metadata, video, foa)
    foa.unlink()
    with pytest.raises(ItemError, match=r"a\.flac: No such file"):
        loose.foa()
    foa.write_bytes(b"")
    with pytest.raises(UsageError, match=r"v\.mp4: clip .* has the foa range 0\+0"):
        loose_clip(clip.metadata, video, foa)
