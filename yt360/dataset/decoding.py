"""Windows of a clip's picture and sound, out of the bytes of its members.

:class:`ClipDecoder` reads them for one clip; :func:`decode_frames` and :func:`decode_sound` do the work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import av.error
import cv2
import numpy as np
from av.codec import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from yt360.dataset.byte_source import ByteSource
from yt360.dataset.flac_window import FlacError, decode_window, read_flac_head
from yt360.dataset.manifest import ClipRow
from yt360.dataset.members import MemberReader
from yt360.dataset.mp4_samples import SampleTable, SampleTableError, read_sample_table
from yt360.dataset.perspective_crop import PAD, continue_sphere
from yt360.dataset.recent import RecentlyUsed
from yt360.errors import ItemError

_REFORMATTER = VideoReformatter()


class PictureFacts(Protocol):
    """What :func:`decode_frames` holds a clip's picture against; a :class:`ClipRow` says it."""

    @property
    def clip(self) -> str: ...
    @property
    def frames(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...


_TABLES = RecentlyUsed[SampleTable](16 << 20, lambda table: 5 * table.sizes.nbytes)
"""Where frames lie in the clips that this process read last."""


def _sample_table(data: ByteSource, clip: PictureFacts) -> SampleTable:
    """Read again only where the manifest does not vouch for the bytes."""
    if isinstance(clip, ClipRow) and clip.video_digest:
        return _TABLES.get((clip.video_digest, len(data)), lambda: read_sample_table(data[:]))
    return read_sample_table(data[:])


Windows = RecentlyUsed[NDArray[Any]]
"""Decoded windows that are kept: several views of one moment decode it once."""


def recent_windows(limit_bytes: int) -> Windows:
    """Room for decoded windows.

    >>> decoder = ClipDecoder(MemberReader(root), row, recent_windows(64 << 20))
    >>> decoder.frames([0]) is decoder.frames([0])
    True
    """
    return RecentlyUsed(limit_bytes, _bytes_of)


def _bytes_of(window: NDArray[Any]) -> int:
    return window.nbytes


class ClipDecoder:
    """Decodes windows of one clip. ``windows``: where they are kept, if anywhere; those are not to be written to.

    Both methods raise :class:`ItemError` where the clip's files are not what the manifest says.

    >>> decoder = ClipDecoder(MemberReader(root), row)
    >>> decoder.sound([0, 24000], 2400).shape, decoder.frames([0, 1]).shape
    ((2, 4, 2400), (2, 66, 130, 3))
    """

    def __init__(self, reader: MemberReader, clip: ClipRow, windows: Windows | None = None) -> None:
        self.reader, self.clip = reader, clip
        self._windows = windows if windows is not None else recent_windows(0)

    def sound(
        self, starts: Sequence[int], samples: int, room: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """``(len(starts), 4, samples)`` AmbiX from each of the samples ``starts`` on; in ``room``, if given."""
        if room is not None:
            return self._decode_sound(starts, samples, room)
        return self._windows.get((self.clip, tuple(starts), samples), lambda: self._decode_sound(starts, samples))

    def frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        """Whole frames ``(len(indices), H + 2, W + 2, 3)`` RGB, the sphere continued by a pixel on each side.

        ``indices`` rise; repeats are allowed.
        """
        return self._windows.get((self.clip, tuple(indices)), lambda: self._decode_frames(indices))

    def each_frame(self, indices: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
        """The same frames ``(H + 2, W + 2, 4)`` one after the other, all in the same memory, with a fourth channel for
        :func:`yt360.dataset.perspective_crop.crop_into`.

        A frame stays in the cache while views are cut out of it; all of a window would not.

        >>> decoder = ClipDecoder(MemberReader(root), row)
        >>> [frame.shape for frame in decoder.each_frame([0, 1])]
        [(66, 130, 4), (66, 130, 4)]
        """
        if self._windows.keeps:
            kept = None
            for frame in self.frames(indices):
                kept = cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA, dst=kept)
                yield kept
            return
        for frame in each_decoded_frame(self.reader.open_video(self.clip), self.clip, indices, pad=PAD):
            continue_sphere(frame[None])
            yield frame

    def planes(self, indices: Sequence[int], room: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """The same frames as they are coded, ``(len(indices), 3 H / 2, W)``: see :func:`decode_planes`."""
        if room is not None:
            return decode_planes(self.reader.open_video(self.clip), self.clip, indices, room)
        key = (self.clip, "planes", tuple(indices))
        return self._windows.get(key, lambda: decode_planes(self.reader.open_video(self.clip), self.clip, indices))

    def _decode_sound(
        self, starts: Sequence[int], samples: int, room: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        flac = self.reader.open_sound(self.clip)
        room = np.empty((len(starts), 4, samples), np.float32) if room is None else room
        for start, into in zip(starts, room, strict=True):
            decode_sound(flac, self.clip, start, samples, into)
        return room

    def _decode_frames(self, indices: Sequence[int]) -> NDArray[np.uint8]:
        frames = decode_frames(self.reader.open_video(self.clip), self.clip, indices, pad=PAD)
        continue_sphere(frames)
        return frames


def decode_frames(data: ByteSource, clip: PictureFacts, indices: Sequence[int], *, pad: int = 0) -> NDArray[np.uint8]:
    """Frames ``indices`` (rising, repeats allowed) of a clip's MP4, as ``(len(indices), H + 2 pad, W + 2 pad, 3)`` RGB.

    ``pad`` pixels around each frame are left for the caller to fill. Decodes from the key frame
    before the first index to the last index, on one thread.

    Raises :class:`ItemError` when the bytes do not decode, or hold other frames than the manifest says.

    >>> decode_frames(MemberReader(root).video(row), row, [0, 5, 5]).shape
    (3, 64, 128, 3)
    """
    found = _decoded(data, clip, indices)
    pictures = np.empty((len(indices), clip.height + 2 * pad, clip.width + 2 * pad, 3), np.uint8)
    for slot, index in enumerate(indices):
        if slot and index == indices[slot - 1]:
            pictures[slot] = pictures[slot - 1]
        else:
            pictures[slot, pad : pad + clip.height, pad : pad + clip.width] = _rgb(found[index])
    return pictures


def each_decoded_frame(
    data: ByteSource, clip: PictureFacts, indices: Sequence[int], *, pad: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """The pictures of :func:`decode_frames` one after the other, all in the same memory; raises before the first.
    They have a fourth channel, of 255.

    >>> [frame.shape for frame in each_decoded_frame(MemberReader(root).video(row), row, [0, 5])]
    [(64, 128, 4), (64, 128, 4)]
    """
    found = _decoded(data, clip, indices)
    picture = np.empty((clip.height + 2 * pad, clip.width + 2 * pad, 4), np.uint8)
    inside = picture[pad : pad + clip.height, pad : pad + clip.width]
    for slot, index in enumerate(indices):
        if not slot or index != indices[slot - 1]:
            # Not by libswscale: it leaves out the last columns of some widths where there are four channels.
            cv2.cvtColor(_rgb(found[index]), cv2.COLOR_RGB2RGBA, dst=inside)
        yield picture


def _rgb(frame: VideoFrame) -> NDArray[np.uint8]:
    """``(H, W, 3)`` of a decoded frame."""
    # One thread: a forked worker would wait for ever for those of its parent.
    rgb = _REFORMATTER.reformat(frame, format="rgb24", threads=1).planes[0]
    return _rows(rgb)[:, : 3 * frame.width].reshape(frame.height, frame.width, 3)


def decode_planes(
    data: ByteSource, clip: PictureFacts, indices: Sequence[int], room: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """What :func:`decode_frames` decodes before it becomes RGB: ``(len(indices), 3 H / 2, W)`` YUV 4:2:0, of each frame
    the planes one after the other in memory; in ``room``, if given.

    Raises :class:`ItemError` as :func:`decode_frames`, and where a picture is not coded as `yt360 chunk` codes it.

    >>> decode_planes(MemberReader(root).video(row), row, [0, 5, 5]).shape
    (3, 96, 128)
    """
    found = _decoded(data, clip, indices)
    shape = (len(indices), clip.height * 3 // 2, clip.width)
    planes = np.empty(shape, np.uint8) if room is None else room
    if planes.shape != shape:
        raise ItemError(
            "other-coding",
            f"clip {clip.clip}: {len(indices)} frames of {clip.width}x{clip.height} where others of a batch are "
            f"{planes.shape[2]} wide and {planes.shape[1] * 2 // 3} high; set run.device_views to false",
        )
    for slot, index in enumerate(indices):
        frame = found[index]
        if not _is_usual(frame):
            raise ItemError(
                "other-coding",
                f"clip {clip.clip}: the picture is {frame.format.name} of {frame.width}x{frame.height} (colour space "
                f"{frame.colorspace}, range {frame.color_range}), expected YUV 4:2:0 of even size in BT.601 and "
                "limited range; set run.device_views to false",
            )
        _copy_planes(frame, planes[slot].reshape(-1))
    return planes


def _copy_planes(frame: VideoFrame, into: NDArray[np.uint8]) -> None:
    """Y, U and V without the room that a decoder leaves at the ends of rows, straight to where they are wanted."""
    first = 0
    for plane in frame.planes:
        held = _rows(plane)[:, : plane.width]
        into[first : first + held.size].reshape(held.shape)[:] = held
        first += held.size


def _rows(plane: VideoPlane) -> NDArray[np.uint8]:
    """``(height, bytes of a row)`` of a plane as it lies in memory."""
    return np.asarray(memoryview(plane)).reshape(plane.height, plane.line_size)


def _is_usual(frame: VideoFrame) -> bool:
    """Whether :func:`yt360.training.device_views.rgb_of_planes` makes the same RGB of it as :func:`decode_frames`."""
    return (
        frame.format.name == "yuv420p"
        and frame.colorspace in _BT601
        and frame.color_range != ColorRange.JPEG
        and frame.height % 2 == frame.width % 2 == 0
    )


_BT601 = frozenset((0, 2, 5, 6))
"""Colour spaces (ISO/IEC 23001-8) that are BT.601, or that libav takes for it because they are not said."""


def _decoded(data: ByteSource, clip: PictureFacts, indices: Sequence[int]) -> dict[int, VideoFrame]:
    """The frames ``indices`` by number, all there and of the right size."""
    wanted = sorted(set(indices))
    found: dict[int, VideoFrame] = {}
    try:
        table = _sample_table(data, clip)
        if wanted[-1] >= len(table.sizes):
            raise ItemError(
                "corrupt-member",
                f"clip {clip.clip}: frame {wanted[-1]} is not in the picture, the manifest says {clip.frames} frames; "
                "run yt360 verify",
            )
        for frame in _decode(data, table, wanted):
            if frame.pts in wanted:
                found[frame.pts] = frame
    except (av.error.FFmpegError, SampleTableError) as error:
        raise ItemError("corrupt-member", f"clip {clip.clip}: the picture does not decode ({error})") from error
    for index in wanted:
        if index not in found:
            raise ItemError("corrupt-member", f"clip {clip.clip}: frame {index} does not decode; run yt360 verify")
        size = (found[index].height, found[index].width)
        if size != (clip.height, clip.width):
            raise ItemError(
                "corrupt-member",
                f"clip {clip.clip}: a frame of {size[1]}x{size[0]}, the manifest says {clip.width}x{clip.height}; "
                "run yt360 verify",
            )
    return found


def _decode(data: ByteSource, table: SampleTable, frames: list[int]) -> Iterator[VideoFrame]:
    """Frames of the span that holds ``frames``; ``pts`` is the frame's number."""
    context = _IDLE.pop(table.setup, None) or _new_context(table.setup)
    as_set_up = True
    span = table.span(frames)
    offsets, ends = table.offsets[span], table.offsets[span] + table.sizes[span]
    first = int(offsets.min())
    stretch = data[first : int(ends.max())]  # one read: the samples of a clip lie one behind the other
    for sample, offset, end in zip(span, (offsets - first).tolist(), (ends - first).tolist(), strict=True):
        coded = stretch[offset:end]
        as_set_up = as_set_up and not _sets_up(coded, table.setup)
        packet = Packet(coded)
        packet.pts = int(table.shown[sample])
        yield from context.decode(packet)
    yield from context.decode(None)
    # One that failed, or was set up anew, is not used again: what it holds might show in another clip.
    if as_set_up and len(_IDLE) < _MOST_IDLE:
        context.flush_buffers()
        _IDLE[table.setup] = context


def _sets_up(coded: bytes, setup: bytes) -> bool:
    """Whether a sample (its NAL units behind their lengths, ISO/IEC 14496-15) holds parameter sets of its own."""
    if len(setup) < 5:
        return True
    width, place = (setup[4] & 3) + 1, 0
    while place + width < len(coded):
        if coded[place + width] & 31 in _PARAMETER_SETS:
            return True
        place += width + int.from_bytes(coded[place : place + width], "big")
    return False


def _new_context(setup: bytes) -> VideoCodecContext:
    context = CodecContext.create("h264", "r")
    assert isinstance(context, VideoCodecContext)
    context.extradata = setup
    context.thread_count = 1
    return context


_PARAMETER_SETS = (7, 8, 13, 15)
"""NAL unit types (ITU-T H.264, table 7-1)."""

_MOST_IDLE = 8
_IDLE: dict[bytes, VideoCodecContext] = {}
"""Decoders to be used again, by what they were set up with: that they have memory for frames saves a tenth of the time.
One is taken out while it is used, so that threads never share it."""


def decode_sound(
    data: ByteSource, clip: ClipRow, start: int, samples: int, room: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """``samples`` of a clip's FLAC from sample ``start`` on, ``(4, samples)`` AmbiX in [-1, 1]; in ``room``, if given.

    Raises :class:`ItemError` when the bytes do not decode or are not the four channels of the manifest.

    >>> decode_sound(MemberReader(root).sound(row), row, start=2400, samples=24000).shape
    (4, 24000)
    """
    try:
        head = read_flac_head(data)
        if head.channels != 4 or head.sample_rate_hz != clip.sample_rate_hz:
            raise ItemError(
                "corrupt-member",
                f"clip {clip.clip}: {head.channels} channels at {head.sample_rate_hz} Hz, expected 4 at "
                f"{clip.sample_rate_hz} Hz; run yt360 verify",
            )
        if start + samples > head.samples:
            raise ItemError(
                "corrupt-member",
                f"clip {clip.clip}: the sound ends before sample {start + samples}, the manifest says {clip.samples}; "
                "run yt360 verify",
            )
        return decode_window(data, head, start, samples, room)
    except (FlacError, av.error.FFmpegError) as error:
        raise ItemError("corrupt-member", f"clip {clip.clip}: the sound does not decode ({error})") from error
