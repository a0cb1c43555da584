"""Stretches of further pictures and sounds of a clip, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile

from yt360.dataset.members import MemberReader
from yt360.dataset.variant import Variant
from yt360.errors import ItemError, UsageError

RATE_HZ, SAMPLES = 8000, 16_000
HEARD = (np.random.default_rng(0).integers(-(2**15), 2**15, (2, SAMPLES)) / 2**15).astype(np.float32)
SOUND = {
    "clip": "c", "member": "stereo.flac", "shard": "s.tar", "offset": 0, "size": 1, "digest": "",
    "frames": None, "height": None, "width": None, "fps": None,
    "samples": SAMPLES, "sample_rate_hz": RATE_HZ, "channels": 2,
}  # fmt: skip
PICTURE = SOUND | {"member": "large.video.mp4", "frames": 32, "height": 64, "width": 128, "fps": 16.0, "samples": None}


class Held(MemberReader):
    """A shard in memory."""

    def __init__(self) -> None:
        super().__init__("nowhere")
        file = io.BytesIO()
        soundfile.write(file, HEARD.T, RATE_HZ, "PCM_16", format="FLAC")
        self.file = file.getvalue()

    def member(self, *_: Any) -> bytes:
        return self.file


def sound(**changes: Any) -> Variant:
    return Variant(SOUND | changes, Held())


@pytest.mark.parametrize(
    ("start_s", "duration_s", "first", "end"),
    [
        (0.0, None, 0, SAMPLES),
        (0.5, None, 4000, SAMPLES),
        (0.5, 0.25, 4000, 6000),
        (0.0, 2.0, 0, SAMPLES),
        (1.5, 0.5, 12_000, SAMPLES),
        (1.99999, None, SAMPLES - 1, SAMPLES),
        (0.5, 1e-9, 4000, 4001),
        (1.0, 1.0 + 9e-7, 8000, SAMPLES),
    ],
)
def test_a_stretch_of_sound(start_s: float, duration_s: float | None, first: int, end: int) -> None:
    np.testing.assert_array_equal(sound().sound(start_s, duration_s), HEARD[:, first:end])


@pytest.mark.parametrize(
    ("start_s", "duration_s"), [(-0.001, None), (2.0, None), (0.5, 0.0), (0.5, -0.1), (1.0, 1.01), (1.0, 1.0 + 3e-6)]
)
def test_a_stretch_outside_is_refused_with_the_times(start_s: float, duration_s: float | None) -> None:
    with pytest.raises(UsageError, match=f"{start_s:g} to .* s is not inside of its 2 s"):
        sound().sound(start_s, duration_s)


def test_frames_of_a_stretch_are_those_that_begin_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[range] = []

    def decode(_data: bytes, _facts: object, numbers: range) -> None:
        asked.append(numbers)

    monkeypatch.setattr("yt360.dataset.variant.decode_frames", decode)
    large = Variant(PICTURE, Held())
    large.frames()
    large.frames(0.5, 0.25)
    large.frames(1.97, 0.03)
    assert asked == [range(32), range(8, 12), range(31, 32)]


def test_a_picture_is_no_sound_and_a_sound_no_picture() -> None:
    with pytest.raises(UsageError, match="is no picture"):
        sound().frames()
    with pytest.raises(UsageError, match="is no sound"):
        Variant(PICTURE, Held()).sound()
    assert repr(sound()) == "Variant('c', 'stereo.flac', 2 channels, 8000 Hz)"
    assert repr(Variant(PICTURE, Held())) == "Variant('c', 'large.video.mp4', 128x64 at 16 fps)"


@pytest.mark.parametrize("changes", [{"samples": SAMPLES + 1}, {"channels": 4}])
def test_a_file_that_is_not_what_the_table_says_is_damaged(changes: dict[str, int]) -> None:
    with pytest.raises(ItemError, match=r"expected .* samples of . channels, found 16000 of 2; run yt360 verify"):
        sound(**changes).sound()


@pytest.mark.parametrize("name", ["samples", "sample_rate_hz", "channels"])
@pytest.mark.parametrize("value", [None, 0, -1, 1 << 40])
def test_numbers_that_cannot_be_are_refused(name: str, value: int | None) -> None:
    with pytest.raises(UsageError, match=r"stereo\.flac of clip c has no samples, sample_rate_hz, channels"):
        sound(**{name: value})


@pytest.mark.parametrize("name", ["frames", "height", "width", "fps"])
@pytest.mark.parametrize("value", [0, -1, 1 << 40])
def test_pictures_that_cannot_be_are_refused(name: str, value: int) -> None:
    with pytest.raises(UsageError, match=r"large\.video\.mp4 of clip c has no frames, height, width, fps"):
        Variant(PICTURE | {name: value}, Held())
