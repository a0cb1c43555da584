"""Frames of a file that no output shows, because a later one is there for the same output, and that nothing refers to.

Where an output has fewer frames a second than its source, the filter ``fps`` decodes all and shows the last of those
that fall on the same output. The others need not be decoded where no picture is predicted from them
(:mod:`yt360.media.unreferenced`). They are taken out before the decoder by where they lie in the file.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from yt360.media.probe import open_media, stream_at
from yt360.media.unreferenced import reader

_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Those in which a packet is one picture, lies at one place, and has a time of its own; libav's names."""

_BEYOND_S = 2.0
"""Read behind the end of a span: packets lie in the order in which they are decoded."""

_LAST_KEPT_S = 0.5
"""Frames so close to the end of a span are kept: what is shown last depends on how long ffmpeg takes them to last."""

_ROUNDING_S, _RATE_ROUNDING = 2e-6, 1e-6
"""What ffmpeg's clocks, and the fraction that it makes of a rate, may be off by, besides the units of the stream."""

_LEAST = 8
"""Fewer frames are not worth a filter."""

_MOST_PACKETS = 5_000_000


_Span = tuple[float, float, float | None]
"""What is shown: frames a second, from when on, and for how long (seconds)."""


@dataclass(frozen=True)
class Superseded:
    """Where the packets lie that can be left out, and the times of all that were read, as ffmpeg's filters see them."""

    at: tuple[int, ...]
    times_s: tuple[float, ...]
    unit_s: float

    def filter(self) -> str:
        """A bitstream filter that drops them. It finds a packet by bisection."""
        return f"noise=drop='{_among(self.at)}'"

    def knows(self, time_s: float | None) -> bool:
        """Whether ffmpeg's first frame has the time of one that was read: both then go by the same clock."""
        return time_s is not None and any(abs(time_s - known_s) <= self.unit_s for known_s in self.times_s)


def _among(places: Sequence[int]) -> str:
    if len(places) <= 3:
        return "+".join(f"eq(pos,{place})" for place in places)
    middle = len(places) // 2
    return f"if(lt(pos,{places[middle]}),{_among(places[:middle])},{_among(places[middle:])})"


def superseded(
    path: Path,
    stream: int,
    *,
    fps: float,
    begin_s: float,
    start_s: float,
    duration_s: float | None,
    in_track: bool,
    also: Sequence[_Span] = (),
) -> Superseded | None:
    """What ffmpeg need not decode that seeks to ``begin_s`` and shows ``fps`` frames a second from ``start_s`` on.

    ``also`` are (fps, start_s, duration_s) of what else it shows. Times are on the container's clock, or with
    ``in_track`` on the track's own. None where there is too little to gain or where nothing is known: other containers
    and codecs, packets without a time, another ffmpeg than the wheel's (``$YT360_FFMPEG``), which may not take a filter
    from a file.
    """
    if os.environ.get("YT360_FFMPEG"):
        return None
    try:
        return _superseded(path, stream, (fps, start_s, duration_s), begin_s, in_track, also)
    except (av.FFmpegError, ValueError, IndexError):
        return None  # what cannot be read is judged by those who decode it


def _superseded(
    path: Path, stream: int, asked: _Span, begin_s: float, in_track: bool, also: Sequence[_Span]
) -> Superseded | None:
    fps, start_s, duration_s = asked
    with open_media(path, options={"ignore_editlist": "1"} if in_track else {}) as container:
        if container.format.name not in _CONTAINERS or container.start_time is None:
            return None
        picture = stream_at(container, "video", stream)
        if picture.average_rate is not None and picture.average_rate <= fps:
            return None
        read = reader(picture.codec.canonical_name, picture.codec_context.extradata or b"")
        if read is None or picture.time_base is None:
            return None
        unit_s = float(picture.time_base)
        zero_s = 0.0 if in_track else container.start_time / av.time_base
        end_s = math.inf if duration_s is None else start_s + duration_s
        if begin_s > 0:
            container.seek(int((zero_s + begin_s) / unit_s), stream=picture, backward=True)
        shown: list[tuple[float, int, int]] = []
        places: dict[int, int] = {}
        highest = 0
        for count, packet in enumerate(container.demux(picture)):
            if packet.size == 0:
                continue
            if packet.pts is None or packet.pos is None or packet.pos < 0 or count > _MOST_PACKETS:
                return None
            places[packet.pos] = places.get(packet.pos, 0) + 1
            said = read(memoryview(packet))
            highest = max(highest, said.layer)
            if packet.is_discard:
                continue
            time_s = packet.pts * unit_s - zero_s
            shown.append((time_s, packet.pos, said.layer if said.not_referred_to else -1))
            if time_s > end_s + _BEYOND_S:
                break
    shown.sort()
    times_s = [time_s for time_s, _, _ in shown]
    unseen = np.array([layer == highest and places[place] == 1 for _, place, layer in shown], bool)
    times = np.array(times_s, float)
    for span in (asked, *also):
        unseen &= _replaced(times, span, unit_s)
    found = [place for (_, place, _), gone in zip(shown, unseen, strict=True) if gone]
    if len(found) < _LEAST:
        return None
    sought_s = 0.0 if in_track else begin_s
    return Superseded(tuple(sorted(found)), tuple(time_s - sought_s for time_s in times_s), unit_s + _ROUNDING_S)


def _replaced(times_s: NDArray[np.float64], span: _Span, unit_s: float) -> NDArray[np.bool_]:
    """Which of the frames at ``times_s``, in order, a span does not show: another takes their place, or it ended."""
    fps, start_s, duration_s = span
    end_s = math.inf if duration_s is None else start_s + duration_s
    unsure_s = unit_s + _ROUNDING_S + _RATE_ROUNDING * np.abs(times_s - start_s)
    slots = _slots((times_s - start_s) * fps, unsure_s * fps)
    later_s = np.append(times_s[1:], np.inf)
    same = (slots >= 0) & (slots == np.append(slots[1:], -1)) & (times_s < later_s)
    last_s = min(end_s, float(times_s[-1]) if len(times_s) else 0.0) - _LAST_KEPT_S
    gone: NDArray[np.bool_] = (same & (later_s < last_s)) | (times_s > end_s + _BEYOND_S)
    return gone


def _slots(at: NDArray[np.float64], unsure: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers of the outputs that frames at ``at`` fall on, the first for all before it; -1 if rounding decides."""
    near = np.floor(at + 0.5)
    sure = (near - 0.5 + unsure <= at) & (at <= near + 0.5 - unsure)
    return np.where(at < 0.5 - unsure, 0, np.where(sure, near, -1)).astype(np.int64)
