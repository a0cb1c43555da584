"""Decode sound with libav in this process, by a header other than the file's: what the ffmpeg program cannot do.

libav may die on a hostile file: call it where a process may die (the engine's workers are such).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import CodecContext
from numpy.typing import NDArray

from yt360.media.probe import open_media, probe, stream_at
from yt360.media.sound import FoaDecodeSpec

_RATE_HZ = 48_000
_NEW_STAMP = 0.0002 * _RATE_HZ
"""Samples by which a stamp must differ from the samples before it to be reported."""


class OpusByHeader:
    """Blocks of an Opus stream after its matrix, and their stamps, as :func:`yt360.media.timeline.lay` takes them.

    Stamps are in samples from ``begin_s`` on the file's clock, which starts at 0. Reading ends after ``length_s``.
    """

    def __init__(self, path: Path, reading: FoaDecodeSpec, block: int, begin_s: float, length_s: float | None) -> None:
        self._reading, self._block = reading, block
        self._found: list[tuple[int, int]] = []
        self._parts: list[NDArray[np.float32]] = []
        self._held = 0
        self._frames = self._decoded(path, reading.stream, begin_s, length_s)

    def new(self) -> list[tuple[int, int]]:
        """Stamps that came since the last call, as (samples before, stamp less samples before)."""
        found, self._found = self._found, []
        return found

    def read(self) -> NDArray[np.float32]:
        """The next block ``(n, channels)``, empty at the end."""
        while self._held < self._block and (frame := next(self._frames, None)) is not None:
            self._parts.append(frame)
            self._held += len(frame)
        whole = (
            np.concatenate(self._parts) if self._parts else np.zeros((0, self._reading.decoded_channels), np.float32)
        )
        samples, rest = whole[: self._block], whole[self._block :]
        self._parts, self._held = [rest], len(rest)
        return self._reading.mixed(samples)

    def _decoded(self, path: Path, index: int, begin_s: float, length_s: float | None) -> Iterator[NDArray[np.float32]]:
        start_s = probe(path).start_s
        decoder = CodecContext.create("opus", "r")
        decoder.extradata = bytes.fromhex(self._reading.opus_header)
        count, level, first = 0, None, True
        with open_media(path) as container:
            stream = stream_at(container, "audio", index)
            if begin_s > 0:
                container.seek(int((start_s + begin_s) / stream.time_base), stream=stream, backward=True)
            for packet in container.demux(stream):
                for frame in _frames(decoder, packet):
                    samples = np.ascontiguousarray(frame.to_ndarray().T, np.float32)
                    at = _begin(packet, len(samples), first) - round((start_s + begin_s) * _RATE_HZ)
                    first = False
                    before = max(0, -at) if begin_s > 0 else 0
                    samples, at = samples[before:], at + before
                    if level is None or abs(at - count - level) > _NEW_STAMP:
                        level = at - count
                        self._found.append((count, level))
                    if length_s is not None and at > length_s * _RATE_HZ:
                        return
                    count += len(samples)
                    if len(samples):
                        yield samples


def _frames(decoder: Any, packet: Any) -> list[Any]:
    """What a packet decodes to; nothing where it is damaged."""
    if packet.pts is None:
        return []
    try:
        return list(decoder.decode(packet))
    except (av.FFmpegError, ValueError):
        return []


def _begin(packet: Any, samples: int, first: bool) -> int:
    """Sample on the absolute clock at which a decoded packet sounds; of the first one, the priming is cut off.

    The stamp of a first packet is the time of its first sound less the priming, in whole ticks: so is this.
    """
    base, stamp = float(packet.time_base), int(packet.pts)
    cut = max(0.0, (packet.duration or 0) * base - samples / _RATE_HZ) if first else 0.0
    return round((stamp + int(cut / base + 0.5)) * base * _RATE_HZ)
