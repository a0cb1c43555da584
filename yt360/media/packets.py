"""The time that packets state, read without decoding: where sound has gaps, and where each stream really ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import av
import numpy as np
from av.stream import Discard
from numpy.typing import NDArray

from yt360.media.clock_drift import drift_ppm, samples_of, tells_samples
from yt360.media.medians import median
from yt360.media.probe import AudioStream, MediaInfo, VideoStream, open_media, stream_at
from yt360.media.timeline import STEP_S, TOLERANCE_S, Layout, SoundNotes, Splice

_MOST_PACKETS = 50_000_000
_VORBIS_BLOCK_S = 0.05
"""Only the end of a page of Vorbis has a time in Ogg, and the lengths of the packets in it are guessed."""

_MOST_ROUNDING = 2.1
"""Ticks by which the time of a packet may differ from the end of the one before it though nothing is missing."""

_CONSTANT = frozenset({"aac", "mp2", "mp3", "mp3float", "ac3", "eac3"})
"""Codecs all packets of which decode to the same number of samples, whatever length a container states."""

_LEAST_DRIFT_PPM, _ALIKE = 20.0, 0.1
_LEAST_HOLD_S, _HOLD_FRAMES = 0.5, 4.0
"""A frame is held where it is on show for so long and for so many times the usual length."""

_LEAST_STAMPS = 3
_HEAD_BYTES = 32
"""What of a packet is looked at for its length."""

_MOV = "mov"
"""In libav's name of MP4 and QuickTime, which keep an index of all packets apart from them."""

_MOST_TOLD = 100
"""Places that are written down."""


@dataclass(frozen=True)
class SoundTime:
    """Times of a sound stream's packets in seconds from the start of the file's clock.

    ``end_s`` is None where there is no packet. ``splices`` are the gaps (> 0) and overlaps (< 0) that reading will
    fill and leave out; decoding errors make more. ``drift_ppm`` is how much longer the clock of the file is than that
    of the samples, in millionths; ``steady_ppm`` is it where it is known well enough to lay sound by it.
    """

    end_s: float | None = None
    splices: tuple[Splice, ...] = field(default=())
    drift_ppm: float = 0.0
    steady_ppm: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """For ``facts.json``: how much is inserted and left out, the largest gap, and the first of the places."""
        notes = SoundNotes(list(self.splices))
        return {
            "inserted_s": round(notes.inserted_s, 6),
            "largest_s": round(notes.largest_s, 6),
            "dropped_s": round(notes.dropped_s, 6),
            "drift_ppm": round(self.drift_ppm, 1),
            "places": [[splice.at_s, splice.seconds] for splice in self.splices[:_MOST_TOLD]],
        }


@dataclass(frozen=True)
class PictureTime:
    """Where frames are held because there is no other: (from, for how long) in seconds on the file's clock."""

    holds: tuple[tuple[float, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For ``facts.json``: how long in all, the longest, and the first of the places."""
        lengths = [length for _, length in self.holds]
        return {
            "held_s": round(sum(lengths), 6),
            "largest_s": round(max(lengths, default=0.0), 6),
            "places": [[round(at, 6), round(length, 6)] for at, length in self.holds[:_MOST_TOLD]],
        }


class _Steps:
    """Where the stamps of packets leave the end of the packet before."""

    def __init__(self, rate_hz: int, scale: float, codec: str, frame_size: int) -> None:
        self.coarse, self._tick = scale > STEP_S * rate_hz, scale
        # Times and lengths are rounded to the container's ticks, to a millisecond in Matroska: smaller steps are none.
        self._least = max((_VORBIS_BLOCK_S if codec == "vorbis" else TOLERANCE_S) * rate_hz, _MOST_ROUNDING * scale)
        self._size = frame_size if codec in _CONSTANT else 0
        self.steps: list[tuple[int, int]] = []
        self.samples, self.end = 0.0, None  # type: float, float | None
        self._level, self._following, self._known = 0.0, 0.0, True
        self._at = self._extra = self._length = 0.0
        self._run: list[tuple[float, float, int]] = []
        self._longest = self._run

    def add(self, at: float, length: float, exact: int) -> None:
        """A packet: its stamp and length in samples, and how many it decodes to, 0 where that is not known."""
        if self.coarse:
            self._follow(at, exact or self._size)
        step = at - self._following if self._known else 0.0
        if self.end is None or abs(step) > self._least:
            self._level += step
            self.steps.append((round(self.samples), round(self._level)))
        elif self._known and self._size:
            self._extra += at - self._at - self._size
            self._length += self._size
        self._at, self._following, self._known = at, at + length, bool(length)
        self.samples = self._following - self._level
        self.end = self._following if self.end is None else max(self.end, self._following)

    def add_all(self, at: NDArray[np.float64], length: NDArray[np.float64]) -> None:
        """All packets of a stream whose stamps are fine, as :meth:`add` does: the first even stretch at once."""
        steps = at[1:] - at[:-1] - length[:-1]
        uneven = (np.abs(steps) > self._least) | (length[:-1] == 0)
        even = int(np.argmax(uneven)) if uneven.any() else len(at) - 1
        if even > 0:
            self.add(float(at[0]), float(length[0]), 0)
            if self._size:
                self._extra += float((np.diff(at[: even + 1]) - self._size).sum())
                self._length += float(even * self._size)
            ends = at[: even + 1] + length[: even + 1]
            self._at, self._following, self._known = float(at[even]), float(ends[-1]), bool(length[even])
            self.samples, self.end = self._following - self._level, float(ends.max())
            at, length = at[even + 1 :], length[even + 1 :]
        for one in zip(at.tolist(), length.tolist(), strict=True):
            self.add(*one, 0)

    def _follow(self, at: float, exact: int) -> None:
        """Keep the longest run of packets of known length without a gap."""
        begin, stamp, length = self._run[-1] if self._run else (0.0, at, 0)
        if abs(at - stamp - length) > self._least:
            self._run, begin, length = [], 0.0, 0
        if exact:
            self._run.append((begin + length, at, exact))
        else:
            self._run = []
        if len(self._run) > len(self._longest):
            self._longest = self._run

    @property
    def steady_ppm(self) -> float:
        """The same, by all stamps of the longest stretch together, where their rounding is coarse; 0 if unknown."""
        if not self.coarse:
            return 0.0
        at, stamps, _ = np.array(self._longest, np.float64).reshape(-1, 3).T
        return drift_ppm(at, stamps, self._tick)

    @property
    def drift_ppm(self) -> float:
        """How much longer the stamps are than the samples; 0 where rounding explains it or the two are no measure."""
        if not self._length:
            return 0.0
        drift = self._extra / self._length
        unsure = max(_LEAST_DRIFT_PPM / 1e6, _MOST_ROUNDING * self._tick / self._length)
        return 1e6 * drift if unsure < abs(drift) < _ALIKE else 0.0


def read_times(
    info: MediaInfo, audio: AudioStream, video: VideoStream | None = None
) -> tuple[SoundTime, PictureTime | None]:
    """Read the time stamps of all packets of a sound stream, and of a picture stream of the same file.

    Those of the picture are None where they would cost another pass over the file.
    Raises :class:`yt360.errors.ItemError` (``time-stamps``) where those of the sound contradict them beyond repair.
    """
    rate = audio.sample_rate_hz
    start = info.start_s * rate
    shown: list[int] = []
    with open_media(info.path, info.metadata) as container:
        stream = stream_at(container, "audio", audio.index)
        picture = stream_at(container, "video", video.index) if video is not None else None
        indexed = _MOV in info.container
        wanted = [stream] if picture is None or indexed else [stream, picture]
        for other in container.streams:
            if all(other.index != one.index for one in wanted):
                other.discard = Discard.all
        if stream.time_base is None:
            return SoundTime(), None
        scale = float(stream.time_base * rate)
        context = stream.codec_context
        found = _Steps(rate, scale, audio.codec, (context.frame_size or 0) if context.sample_rate == rate else 0)
        told = found.coarse and tells_samples(audio.codec)
        channels, exact = context.channels or audio.channels, 0
        fine: list[tuple[int, int]] = []
        try:
            for packet in container.demux(wanted):
                if packet.pts is None or packet.is_discard:
                    continue
                if packet.stream_index == stream.index:
                    if told:
                        exact = samples_of(audio.codec, bytes(memoryview(packet)[:_HEAD_BYTES]), packet.size, channels)
                    if found.coarse:
                        found.add(packet.pts * scale - start, (packet.duration or 0) * scale, exact)
                    else:
                        fine.append((packet.pts, packet.duration or 0))
                else:
                    shown.append(packet.pts)
        except (av.FFmpegError, ValueError):
            pass  # what cannot be read any more is judged by those who decode it
        if fine:
            stamps, lengths = (np.array(fine, np.float64) * scale).T
            found.add_all(stamps - start, lengths)
        if picture is not None and indexed:
            shown = [entry.timestamp for entry in picture.index_entries]
        holds = None if picture is None else _holds(shown, picture.time_base, info.start_s)
    if found.end is None:
        return SoundTime(), holds
    notes = SoundNotes()
    layout = Layout(info.path.name, rate, found.steps[0][1], notes=notes, rough=True)
    layout.add(found.steps)
    while layout.next_splice(round(found.samples), ended=True) is not None:
        pass
    steady = found.steady_ppm
    return SoundTime(found.end / rate, tuple(notes.splices), steady or found.drift_ppm, steady), holds


def sound_time(info: MediaInfo, audio: AudioStream) -> SoundTime:
    """Read the time stamps of all packets of a sound stream. Raises as :func:`read_times` does."""
    return read_times(info, audio)[0]


def _holds(stamps: list[int], time_base: Any, start_s: float) -> PictureTime | None:
    if len(stamps) < _LEAST_STAMPS or time_base is None:
        return None
    times = np.sort(np.asarray(stamps, np.float64)) * float(time_base) - start_s
    lengths = np.diff(times)
    long = lengths > max(_LEAST_HOLD_S, _HOLD_FRAMES * float(median(lengths)[0]))
    return PictureTime(tuple((float(times[k]), float(lengths[k])) for k in np.flatnonzero(long)))


def with_length(info: MediaInfo) -> MediaInfo:
    """``info`` with the length of what is in the file, where its header states none (live streams, pipes)."""
    stated = info.duration_s or any(v.duration_s for v in info.videos) or any(a.duration_s for a in info.audios)
    if stated and not info.metadata.never_finished:
        return info
    _, found_s = longest_track_s(info)
    return replace(info, duration_s=found_s) if found_s > 0 else info


def longest_track_s(info: MediaInfo) -> tuple[float, float]:
    """Where the last packet of any track ends: (on the absolute clock of the file, from its start), in seconds."""
    end = 0.0
    with open_media(info.path, info.metadata) as container:
        try:
            for count, packet in enumerate(container.demux()):
                if packet.pts is not None and packet.time_base is not None:
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if count > _MOST_PACKETS:
                    break
        except (av.FFmpegError, ValueError):
            pass
    return end, end - info.start_s
