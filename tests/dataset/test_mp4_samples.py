"""The sample table, held against libav's demuxer, and against damage."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

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


def box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def table(kind: bytes, *numbers: int, count: int | None = None, columns: int = 1, width: int = 4) -> bytes:
    entries = len(numbers) // columns if count is None else count
    return box(kind, bytes(4), entries.to_bytes(4, "big"), *(number.to_bytes(width, "big") for number in numbers))


def sizes(*numbers: int, every: int = 0, count: int | None = None) -> bytes:
    stated = len(numbers) if count is None else count
    head = bytes(4) + every.to_bytes(4, "big") + stated.to_bytes(4, "big")
    return box(b"stsz", head, *(number.to_bytes(4, "big") for number in numbers))


ENTRY = box(b"avc1", bytes(78), box(b"pasp", bytes(8)), box(b"avcC", b"how to decode"))
BOXES = {
    b"stsd": box(b"stsd", bytes(4), (1).to_bytes(4, "big"), ENTRY),
    b"stsz": sizes(10, 20, 30, 40, 50),
    b"stco": table(b"stco", 100, 500),
    b"stsc": table(b"stsc", 1, 2, 1, 2, 3, 1, columns=3),
    b"stts": table(b"stts", 5, 4, columns=2),
    b"ctts": table(b"ctts", 1, 4, 1, 12, 1, 4, 1, 2**32 - 4, 1, 4, columns=2),
    b"stss": table(b"stss", 1, 4),
}
"""Five frames, two in one chunk and three in another, of which the third is shown before the second's neighbours."""


def file_of(length: int = 700, handler: bytes = b"vide", **other: bytes) -> bytes:
    """A file of ``length`` bytes whose one track has these boxes, and :data:`BOXES` for the rest (empty: without)."""
    boxes = BOXES | {name.encode(): body for name, body in other.items()}
    stbl = box(b"stbl", *boxes.values())
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(12)), box(b"minf", stbl)))
    sound = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"soun", bytes(12))))
    head = box(b"ftyp", b"isom") + box(b"moov", sound, track)
    assert length >= len(head) + 8
    return head + box(b"mdat", bytes(length - len(head) - 8))


def test_every_number_of_a_table_stands_where_it_belongs() -> None:
    found = read_sample_table(file_of())
    assert found.offsets.tolist() == [100, 110, 500, 530, 570]
    assert found.sizes.tolist() == [10, 20, 30, 40, 50]
    # Shown at 4, 16, 12, 8 and 20: times of decoding 0, 4, … 16 and what is added to them.
    assert found.stored.tolist() == [0, 3, 2, 1, 4]
    assert found.shown.tolist() == [0, 3, 2, 1, 4]
    assert found.keys.tolist() == [True, False, False, True, False]
    assert found.setup == b"how to decode"
    assert found.span([0]) == range(1)
    assert found.span([2, 1]) == range(4)
    assert found.span([4]) == range(3, 5)


def test_a_table_may_leave_out_shifts_and_keys_and_say_one_size_and_far_places() -> None:
    plain = read_sample_table(file_of(ctts=b"", stss=b"", stsz=sizes(every=7, count=5)))
    assert plain.shown.tolist() == [0, 1, 2, 3, 4]
    assert plain.keys.all()
    assert plain.sizes.tolist() == [7] * 5
    far = read_sample_table(file_of(stco=table(b"co64", 100, 500, width=8)))
    assert far.offsets.tolist() == [100, 110, 500, 530, 570]
    later = read_sample_table(file_of(stsc=table(b"stsc", 1, 1, 1, 2, 4, 1, columns=3)))
    assert later.offsets.tolist() == [100, 500, 520, 550, 590]
    four: dict[str, Any] = {"stsz": sizes(1, 2, 3, 4), "stts": table(b"stts", 4, 1, columns=2), "ctts": b""}
    alike = read_sample_table(file_of(stsc=table(b"stsc", 1, 2, 1, columns=3), **four))
    assert alike.offsets.tolist() == [100, 101, 500, 503], "one entry holds for all chunks that follow"


def test_a_frame_without_a_key_frame_before_it_cannot_be_decoded() -> None:
    late = read_sample_table(file_of(stss=table(b"stss", 4)))
    assert late.span([4]) == range(3, 5)
    with pytest.raises(SampleTableError, match="no key frame before"):
        late.span([0])


def test_boxes_may_state_their_size_in_eight_bytes_or_end_where_the_file_does() -> None:
    whole = file_of()
    start = whole.index(b"moov") - 4
    size = int.from_bytes(whole[start : start + 4], "big")
    moov = whole[start + 8 : start + size]
    wide = (
        whole[:start] + (1).to_bytes(4, "big") + b"moov" + (size + 8).to_bytes(8, "big") + moov + whole[start + size :]
    )
    assert read_sample_table(wide).offsets.tolist() == [100, 110, 500, 530, 570]
    last = box(b"free", bytes(700)) + bytes(4) + b"moov" + moov
    assert read_sample_table(last).sizes.tolist() == [10, 20, 30, 40, 50]
    for stated in (7, size + len(whole)):
        with pytest.raises(SampleTableError, match=f"states {stated} bytes"):
            read_sample_table(whole[:start] + stated.to_bytes(4, "big") + whole[start + 4 :])


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ({"handler": b"soun"}, "no video track"),
        ({"length": 619}, "5 frames, not all of them inside 619 bytes"),
        ({"stco": table(b"co64", 2**64 - 1, 500, width=8)}, "not all of them inside"),
        ({"stsz": sizes(), "stco": table(b"stco"), "stsc": table(b"stsc", columns=3)}, "0 frames"),
        ({"stts": table(b"stts", 4, 7, columns=2)}, "stts times 4 frames of 5"),
        ({"ctts": table(b"ctts", 6, 4, columns=2)}, "ctts times 6 frames of 5"),
        ({"stsc": table(b"stsc", 1, 2, 1, columns=3)}, "stsc places 4 frames of 5"),
        ({"stsc": table(b"stsc", 2, 2, 1, 1, 3, 1, columns=3)}, "stsc does not rise"),
        ({"stsc": table(b"stsc", 1, 2**20 + 1, 1, 2, 3, 1, columns=3)}, "stsc does not rise"),
        ({"stsc": b""}, "no stsc box"),
        ({"stco": b""}, "no stco box"),
        ({"stsd": box(b"stsd", bytes(8))}, "no sample entry"),
        ({"stsd": box(b"stsd", bytes(8), box(b"hvc1", bytes(90)))}, "first sample entry is b'hvc1'"),
        ({"stsd": box(b"stsd", bytes(8), box(b"avc1", bytes(78)))}, "first sample entry is b'avc1'"),
        ({"stts": table(b"stts", 5, 4, count=2**20 + 1, columns=2)}, "stts states 1048577 entries, at most 1048576"),
        ({"stts": table(b"stts", 5, 4, count=2**20, columns=2)}, "buffer"),
        ({"stsz": sizes(every=1, count=2**20 + 1)}, "stsz states 1048577 frames, at most 1048576"),
        ({"stsz": sizes(every=1, count=2**20)}, "places 5 frames of 1048576"),
        ({"stsz": sizes(10, 20, count=5)}, "buffer"),
    ],
)
def test_tables_that_contradict_themselves_are_refused(boxes: dict[str, Any], said: str) -> None:
    with pytest.raises(SampleTableError, match=said):
        read_sample_table(file_of(**boxes))


def test_frames_may_end_where_the_file_does_and_begin_where_it_begins() -> None:
    assert read_sample_table(file_of(length=620)).offsets[-1] == 570
    assert read_sample_table(file_of(stco=table(b"stco", 0, 500))).offsets[0] == 0
