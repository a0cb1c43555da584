"""The time that packets state, read without decoding: where sound has gaps, and where each stream really ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import av
from av.stream import Discard

from yt360.media.probe import AudioStream, MediaInfo, open_media, stream_at
from yt360.media.timeline import TOLERANCE_S, Layout, SoundNotes, Splice

_MOST_PACKETS = 50_000_000
_VORBIS_BLOCK_S = 0.05
"""Only the end of a page of Vorbis has a time in Ogg, and the lengths of the packets in it are guessed."""

_MOST_ROUNDING = 2.1
"""Ticks by which the time of a packet may differ from the end of the one before it though nothing is missing."""


@dataclass(frozen=True)
class SoundTime:
    """Times of a sound stream's packets in seconds from the start of the file's clock.

    ``end_s`` is None where there is no packet. ``splices`` are the gaps (> 0) and overlaps (< 0) that reading will
    fill and leave out; decoding errors make more.
    """

    end_s: float | None = None
    splices: tuple[Splice, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """For ``facts.json``: how much was inserted and left out, and the first of the places."""
        notes = SoundNotes(list(self.splices))
        return {
            "inserted_s": round(notes.inserted_s, 6),
            "dropped_s": round(notes.dropped_s, 6),
            "places": [[splice.at_s, splice.seconds] for splice in self.splices[:_MOST_TOLD]],
        }


_MOST_TOLD = 100


def sound_time(info: MediaInfo, audio: AudioStream) -> SoundTime:
    """Read the time stamps of all packets of a sound stream.

    Raises :class:`yt360.errors.ItemError` (``time-stamps``) where they contradict the samples beyond repair.
    """
    rate = audio.sample_rate_hz
    start = info.start_s * rate
    steps: list[tuple[int, int]] = []
    samples, level, end = 0.0, 0.0, None
    with open_media(info.path, info.metadata) as container:
        stream = stream_at(container, "audio", audio.index)
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        if stream.time_base is None:
            return SoundTime()
        scale = float(stream.time_base * rate)
        # Times and lengths are rounded to the container's ticks, to a millisecond in Matroska: smaller steps are none.
        vorbis = audio.codec == "vorbis"
        least = max((_VORBIS_BLOCK_S if vorbis else TOLERANCE_S) * rate, _MOST_ROUNDING * scale)
        following, known = 0.0, True
        try:
            for packet in container.demux(stream):
                if packet.pts is None or packet.is_discard:
                    continue
                at = packet.pts * scale - start
                step = at - following if known else 0.0
                if end is None or abs(step) > least:
                    level += step
                    steps.append((round(samples), round(level)))
                length = (packet.duration or 0) * scale
                following, known = at + length, bool(packet.duration)
                samples = following - level
                end = following if end is None else max(end, following)
        except (av.FFmpegError, ValueError):
            pass  # what cannot be read any more is judged by those who decode it
    if end is None:
        return SoundTime()
    notes = SoundNotes()
    layout = Layout(info.path.name, rate, steps[0][1], notes=notes, rough=True)
    layout.add(steps)
    while layout.next_splice(round(samples), ended=True) is not None:
        pass
    return SoundTime(end / rate, tuple(notes.splices))


def with_length(info: MediaInfo) -> MediaInfo:
    """``info`` with the length of what is in the file, where its header states none (live streams, pipes)."""
    if info.duration_s or any(v.duration_s for v in info.videos) or any(a.duration_s for a in info.audios):
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
