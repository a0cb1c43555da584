"""The sample table, held against libav's demuxer, and against damage."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dataset.test_decoding import MP4, clip, frames_with_numbers
from tests.training.world import encode_video
from yt360.dataset import decoding
from yt360.dataset.decoding import decode_frames, decode_planes
from yt360.dataset.mp4_samples import SampleTableError, read_sample_table
from yt360.errors import ItemError
from yt360.media.clips import ClipVideoWriter


def written(path: Path, frames: np.ndarray, gop: int = 8) -> bytes:
    height, width = frames.shape[1:3]
    with ClipVideoWriter(path, width, height, 16, gop=gop, crf=20, preset="veryfast") as writer:
        for frame in frames:
            writer.write(frame)
    return path.read_bytes()


def as_libav_sees_it(data: bytes) -> list[tuple[int, int, int, bool]]:
    with av.open(io.BytesIO(data), "r") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    stamps = [packet.pts for packet in packets if packet.pts is not None]
    order = np.argsort(np.argsort(stamps)).tolist()
    found = zip(packets, order, strict=True)
    return [(int(packet.pos or 0), packet.size, place, bool(packet.is_keyframe)) for packet, place in found]


def test_it_is_what_libav_reads_with_and_without_reordered_frames(tmp_path: Path) -> None:
    for data in (MP4, written(tmp_path / "clip.mp4", frames_with_numbers(40))):
        table = read_sample_table(data)
        columns = (table.offsets.tolist(), table.sizes.tolist(), table.shown.tolist(), table.keys.tolist())
        assert list(zip(*columns, strict=True)) == as_libav_sees_it(data)


def test_only_the_frames_since_the_key_frame_are_decoded(tmp_path: Path) -> None:
    table = read_sample_table(written(tmp_path / "clip.mp4", frames_with_numbers(40)))
    assert table.span([13, 14, 18]) == range(8, 19)
    assert table.span([8]) == range(8, 9)


@pytest.mark.parametrize("data", [b"", b"ftyp", b"\0\0\0\1moov" + b"\xff" * 24, MP4[:200], MP4[len(MP4) // 2 :]])
def test_what_is_no_clip_is_refused(data: bytes) -> None:
    with pytest.raises(SampleTableError):
        read_sample_table(data)


def test_another_codec_is_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        track = container.add_stream("mpeg4", rate=16)
        track.height, track.width, track.pix_fmt = 32, 64, "yuv420p"
        for frame in frames_with_numbers(4):
            container.mux(track.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(track.encode())
    with pytest.raises(SampleTableError, match="mp4v"):
        read_sample_table(stream.getvalue())


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damage_ends_in_frames_or_in_an_item_error(data: st.DataObject) -> None:
    damaged = bytearray(MP4)
    moov = MP4.index(b"moov")
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(moov - 4, len(MP4) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ItemError):
        assert decode_frames(bytes(damaged), clip(), [3, 20]).shape == (2, 32, 64, 3)


def test_frames_of_a_long_clip_come_at_once(tmp_path: Path) -> None:
    """A clip as the pipeline writes it: the frames asked for, whatever the place of the key frames."""
    frames = encode_video(frames_with_numbers(40)), written(tmp_path / "clip.mp4", frames_with_numbers(40), gop=16)
    for data in frames:
        found = decode_frames(data, clip(), [15, 16, 39])
        np.testing.assert_allclose((found.mean(axis=(1, 2, 3)) - 20) / 5, [15, 16, 39], atol=0.4)


def test_a_decoder_that_is_used_again_remembers_nothing(tmp_path: Path) -> None:
    """Neither of another clip nor of one that is damaged; fresh decoders say what is right."""
    numbers = frames_with_numbers(40)
    clips = [written(tmp_path / f"{number}.mp4", frames) for number, frames in enumerate((numbers, 255 - numbers))]
    windows = [(clips[which], indices) for indices in ([3, 4], [0, 39], [15, 16, 30]) for which in (0, 1)]
    fresh = []
    for data, indices in windows:
        decoding._IDLE.clear()
        fresh.append(decode_planes(data, clip(), indices))
    table = read_sample_table(clips[0])
    damaged = bytearray(clips[0])
    for place in range(int(table.offsets[5]) + 6, int(table.offsets[5] + table.sizes[5]), 3):
        damaged[place] ^= 0x55
    decoding._IDLE.clear()
    for (data, indices), expected in zip(windows, fresh, strict=True):
        with contextlib.suppress(ItemError):
            decode_planes(bytes(damaged), clip(), [4, 7])
        np.testing.assert_array_equal(decode_planes(data, clip(), indices), expected)
    assert len(decoding._IDLE) == 1  # both clips were set up alike


def test_a_decoder_that_a_clip_set_up_anew_is_not_used_again() -> None:
    """NAL units behind lengths of four bytes: a picture's slice (5), and before it parameters of its own (7)."""
    setup = bytes([1, 66, 0, 10, 0xFF, 0xE0, 0])
    slice_unit, parameters = b"\0\0\0\3\x65\1\2", b"\0\0\0\2\x67\1"
    assert not decoding._sets_up(slice_unit * 2, setup)
    assert decoding._sets_up(parameters + slice_unit, setup)
    assert decoding._sets_up(slice_unit + parameters, setup)
    # What looks like parameters inside of a slice is none, wherever a step of another length would come upon it.
    assert not decoding._sets_up(b"\0\0\0\x20\x65" + b"\x67" * 31, setup)
