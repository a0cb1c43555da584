from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.filters.frame_of_reference.scenes import moving_frames, seen, texture
from yt360 import sphere
from yt360.errors import ItemError
from yt360.filters import picture_look
from yt360.filters.duplicates import visual_fingerprint
from yt360.filters.frame_of_reference import picture_course


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = picture_look.look(3.5, moving_frames(5.0))
    assert made is not None
    picture_look.write_look(tmp_path / "look.npz", made)
    found = picture_look.read_look(tmp_path / "look.npz")
    assert found is not None
    assert found.course.start_s == 3.5
    np.testing.assert_allclose(found.course.seen, made.course.seen, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.course.turns, made.course.turns, atol=1e-6)
    np.testing.assert_array_equal(found.described, made.described)
    picture_look.write_look(tmp_path / "again.npz", made)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "look.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"no arrays", b"PK\x03\x04torn"])
def test_a_damaged_look_is_an_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "look.npz").write_bytes(content)
    with pytest.raises(ItemError, match=r"look\.npz"):
        picture_look.read_look(tmp_path / "look.npz")


def test_a_part_of_a_course_is_what_is_seen_of_these_frames_alone() -> None:
    big = texture(height=256)
    turns = [sphere.yaw_rotation(0.02 * index) for index in range(96)]
    frames = [seen(big, turn) for turn in turns]
    whole, alone = picture_course.watch(0.0, frames), picture_course.watch(2.0, frames[32:])
    assert whole is not None
    assert alone is not None
    part = whole.part(32, 64)
    assert (part.start_s, len(part)) == (2.0, 64)
    np.testing.assert_allclose(part.turns, alone.turns, atol=0.01)
    np.testing.assert_allclose(part.seen.sum(axis=1), alone.seen.sum(axis=1), atol=0.2)


def test_pictures_are_described_in_the_middle_of_their_steps() -> None:
    """Of a picture that changes once, at 3 s, the first of two steps of 4 s shows what was before."""
    one, other = (seen(texture(seed), np.eye(3)) for seed in (0, 1))
    made = picture_look.look(0.0, [one] * 48 + [other] * 80)
    assert made is not None
    first, second = made.described_every(4.0)
    small = [picture_look._resized(each, visual_fingerprint.ROWS, visual_fingerprint.COLUMNS) for each in (one, other)]
    np.testing.assert_array_equal(first, visual_fingerprint.describe(small[0]))
    np.testing.assert_array_equal(second, visual_fingerprint.describe(small[1]))
    assert made is not None
    assert len(made.described_every(100.0)) == 1
