"""Four mono tracks that are one B-format, as editors export it, or two stereo tracks: by name, or by being alike.

Names say which track is which component. Without names exactly four tracks that agree in codec, rate, start, gaps and
end are put together in their order and judged like any four channels, and whoever reads the result is told so. Two
stereo tracks are nearly always two languages: they are only an offer, which counts where their sound is ambisonics.
"""

from __future__ import annotations

import re
from dataclasses import replace

from yt360.media.packets import sound_time
from yt360.media.probe import AudioStream, MediaInfo

_WANTED = 4
_SAME_S = 0.001
_MOST_TRACKS = 64
_COMPONENTS = "WYZX"
_BY_LETTER = re.compile(r"(?:^|[^A-Za-z0-9])([WXYZwxyz])(?:$|[^A-Za-z0-9])")
_BY_NUMBER = re.compile(r"(?:acn|ambisonics?|ambix|hoa)[ _-]*(?:acn[ _-]*)?([0-3])(?![0-9])", re.IGNORECASE)
"""A component in the name of a track: a letter by itself, or its number."""

NAMED = "ambisonic 1 of 4 mono tracks, by their names"
IN_ORDER = "4 mono tracks in their order"
"""How they were put together, as the layout of the sound: the first states ambisonics, the second states nothing."""

PAIRS_IN_ORDER = "2 stereo tracks in their order"
"""How two stereo tracks (W Y and Z X) were put together."""

FLAG = "mono-tracks"
"""Flag of a verdict on tracks that nothing but their likeness put together."""


def put_tracks_together(info: MediaInfo) -> AudioStream | None:
    """One sound of four mono tracks; None where they are not plainly one."""
    tracks = [audio for audio in info.audios if audio.channels == 1 and not audio.parts][:_MOST_TRACKS]
    named = _by_name(tracks)
    if named is not None and _alike(info, named):
        return _one(named, NAMED)
    if named is None and len(tracks) == _WANTED and _alike(info, tracks):
        return _one(tracks, IN_ORDER)
    return None


def pair_tracks(info: MediaInfo) -> AudioStream | None:
    """One sound of two stereo tracks, if there are no others and they are alike."""
    tracks = list(info.audios)
    if len(tracks) != 2 or any(track.channels != 2 or track.parts for track in tracks) or not _alike(info, tracks):
        return None
    return _one(tracks, PAIRS_IN_ORDER)


def _one(tracks: list[AudioStream], layout: str) -> AudioStream:
    first = min(tracks, key=lambda track: track.index)
    return replace(first, channels=_WANTED, layout=layout, parts=tuple(track.index for track in tracks))


def _component(name: str) -> int:
    """Number of the component that a name says; -1 for none."""
    number = _BY_NUMBER.search(name)
    if number:
        return int(number[1])
    letters = {letter.upper() for letter in _BY_LETTER.findall(name)}
    return _COMPONENTS.index(letters.pop()) if len(letters) == 1 else -1


def _by_name(tracks: list[AudioStream]) -> list[AudioStream] | None:
    """The tracks of W, Y, Z and X, if each is named by exactly one."""
    found: dict[int, AudioStream] = {}
    for track in tracks:
        component = _component(track.name)
        if component in found:
            return None
        if component >= 0:
            found[component] = track
    return [found[k] for k in range(_WANTED)] if len(found) == _WANTED else None


def _alike(info: MediaInfo, tracks: list[AudioStream]) -> bool:
    """Whether tracks agree in codec, rate, edits and in the times of their packets."""
    first = tracks[0]
    edits = info.metadata.sound(first.index).edits
    for track in tracks[1:]:
        if (track.codec, track.sample_rate_hz) != (first.codec, first.sample_rate_hz):
            return False
        if abs(track.start_s - first.start_s) > _SAME_S or info.metadata.sound(track.index).edits != edits:
            return False
    times = [sound_time(info, track) for track in tracks]
    ends = [time.end_s for time in times]
    if any(end is None for end in ends) or any(time.splices != times[0].splices for time in times):
        return False
    known = [end for end in ends if end is not None]
    return max(known) - min(known) <= _SAME_S
