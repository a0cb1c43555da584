"""Pictures and sound out of a clip's members, and what is refused."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from av import VideoFrame
from av.video.reformatter import ColorRange
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.world import encode_sound, encode_video
from yt360.dataset.decoding import _is_usual, _new_context, decode_frames, decode_sound, each_decoded_frame
from yt360.dataset.manifest import ClipRow
from yt360.errors import ItemError


def clip(frames: int = 40, height: int = 32, width: int = 64, samples: int = 60000, fps: float = 16.0) -> ClipRow:
    return ClipRow("c", "v", "s.tar", 0, 1, "", 0, 1, "", frames, fps, height, width, samples, 24_000)


def frames_with_numbers(count: int, height: int = 32, width: int = 64) -> np.ndarray:
    """Frames whose brightness is their number."""
    return np.stack([np.full((height, width, 3), 20 + 5 * number, np.uint8) for number in range(count)])


MP4 = encode_video(frames_with_numbers(40))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 39), min_size=1, max_size=8))
def test_the_frames_asked_for_are_the_frames_that_come(indices: list[int]) -> None:
    indices = sorted(indices)
    decoded = decode_frames(MP4, clip(), indices, pad=1)
    assert decoded.shape == (len(indices), 34, 66, 3)
    numbers = (decoded[:, 1:-1, 1:-1].mean(axis=(1, 2, 3)) - 20) / 5
    np.testing.assert_allclose(numbers, indices, atol=0.4)


def test_a_picture_with_fewer_frames_than_the_manifest_says() -> None:
    with pytest.raises(ItemError, match="frame 45 is not in the picture, the manifest says 50"):
        decode_frames(MP4, clip(frames=50), [38, 45])


def test_a_picture_of_another_size() -> None:
    with pytest.raises(ItemError, match="64x32, the manifest says 128x64"):
        decode_frames(MP4, clip(height=64, width=128), [0])


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400), st.integers(0, len(MP4)))
def test_garbage_is_an_item_error(garbage: bytes, cut: int) -> None:
    for data in (garbage, MP4[:cut] + garbage):
        with contextlib.suppress(ItemError):
            decode_frames(data, clip(), [0, 30])
        with pytest.raises(ItemError):
            decode_sound(data, clip(), 0, 100)


def test_sound_is_exact_to_the_sample() -> None:
    ramp = np.tile(np.arange(30000) / 32768, (4, 1)) * np.array([[1], [-1], [0.5], [0.25]])
    flac = encode_sound(ramp)
    found = decode_sound(flac, clip(samples=30000), 12345, 777)
    assert found.shape == (4, 777)
    np.testing.assert_allclose(found, ramp[:, 12345 : 12345 + 777], atol=1 / 32768)
    with pytest.raises(ItemError, match="ends before"):
        decode_sound(flac, clip(samples=40000), 29999, 2)


def test_sound_with_other_channels_is_refused() -> None:
    with pytest.raises(ItemError, match="2 channels"):
        decode_sound(encode_sound(np.zeros((2, 1000))), clip(), 0, 10)


@pytest.mark.parametrize(
    ("width", "height", "form", "colours", "full_range", "usual"),
    [
        (64, 48, "yuv420p", 2, False, True),
        (64, 48, "yuv420p", 5, False, True),
        (64, 48, "yuv420p", 6, False, True),
        (64, 48, "yuv420p", 0, False, True),
        (64, 48, "yuv420p", 1, False, False),
        (64, 48, "yuv420p", 2, True, False),
        (64, 48, "yuv444p", 2, False, False),
        (63, 48, "yuv420p", 2, False, False),
        (64, 47, "yuv420p", 2, False, False),
        (63, 47, "yuv420p", 2, False, False),
    ],
)
def test_planes_are_taken_of_even_pictures_in_bt601_of_limited_range(
    width: int, height: int, form: str, colours: int, full_range: bool, usual: bool
) -> None:
    frame = VideoFrame(width, height, form)
    frame.colorspace = colours
    frame.color_range = ColorRange.JPEG if full_range else ColorRange.MPEG
    assert _is_usual(frame) == usual


@pytest.mark.parametrize("pad", [0, 1, 2])
def test_frames_one_after_the_other_are_those_of_all_at_once(pad: int) -> None:
    indices = [3, 3, 17, 39]
    together = decode_frames(MP4, clip(), indices, pad=pad)
    held = slice(pad, -pad or None)
    for frame, expected in zip(each_decoded_frame(MP4, clip(), indices, pad=pad), together, strict=True):
        assert frame.shape == (*expected.shape[:2], 4)
        np.testing.assert_array_equal(frame[held, held, :3], expected[held, held])
        assert (frame[held, held, 3] == 255).all()


def test_a_clip_is_decoded_by_one_thread() -> None:
    """A loader has as many workers as there are cores; threads of each would only wait for one another."""
    assert _new_context(b"").thread_count == 1
