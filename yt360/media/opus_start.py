"""Where Opus in Matroska is, which libav takes to be a little later than it is: at its start, and after a seek."""

from __future__ import annotations

from typing import Any

import av

_SKIP_AT, _RATE_HZ = 10, 48_000
"""Byte of an Opus header that holds the samples in front of the sound, and the rate at which they are counted."""

_MOST_PACKETS = 64
"""Packets among which the first one with a time is looked for."""


def opus_late_s(container: Any) -> float:
    """Seconds by which libav lets the clock of a Matroska file of Opus start too late. Reads packets.

    0 in any other file, and beside a picture, which is late by the same.

    The samples in front of the sound are counted at 48 kHz (RFC 7845); libav counts them at the rate that the track
    states, that of what was encoded.
    """
    streams = [s for s in container.streams if s.type in ("audio", "video")]
    if "matroska" not in container.format.name or len(streams) != 1 or container.start_time is None:
        return 0.0
    (stream,) = streams
    header = (stream.codec_context.extradata or b"") if stream.codec_context is not None else b""
    if header[:8] != b"OpusHead" or len(header) <= _SKIP_AT + 1:
        return 0.0
    skipped_s = int.from_bytes(header[_SKIP_AT : _SKIP_AT + 2], "little") / _RATE_HZ
    try:
        for count, packet in enumerate(container.demux(stream)):
            if packet.pts is not None:
                begin = packet.pts + int(skipped_s / packet.time_base + 0.5)  # as libav rounds it
                late_s = container.start_time / av.time_base - float(begin * packet.time_base)
                return late_s if 0 < late_s <= skipped_s else 0.0
            if count > _MOST_PACKETS:
                break
    except (av.FFmpegError, ValueError):
        pass
    return 0.0


def skip_late_s(container: Any, stream: Any) -> float:
    """Seconds by which ffmpeg takes Opus after a seek in a Matroska file to be later than its time stamps say.

    0 in any other file; negative where it takes it to be earlier.

    The 6.5 ms that an encoder puts in front of the sound are cut off the first packet that is read, also of one in the
    middle of the file: its samples exactly, its time stamp by whole ticks. The packets after it follow on.
    """
    context = stream.codec_context
    if "matroska" not in container.format.name or context is None or context.name not in ("opus", "libopus"):
        return 0.0
    cut_s = float(context.delay or 0) / float(context.sample_rate or _RATE_HZ)
    tick_s = float(stream.time_base)
    return int(cut_s / tick_s + 0.5) * tick_s - cut_s
