"""What of a decoder's frames goes to the device as it is."""

from __future__ import annotations

import pytest
from av import VideoFrame
from av.video.reformatter import ColorRange

from yt360.dataset.decoding import _is_usual


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
