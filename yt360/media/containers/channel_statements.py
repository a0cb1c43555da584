"""What a container says about the channels of a sound: Apple's ``chan`` (MOV, CAF, AIFF) and ISO's ``chnl`` (MP4).

They are read here for two reasons: they name ambisonics (order, weights, which channel is which component), and libav
derives a channel layout of its own from them, of a kind on which PyAV 18.1 frees memory twice and ends the process.
Sources: "Apple Core Audio Format Specification", Core Audio's ``CoreAudioBaseTypes.h``; ISO/IEC 14496-12, 12.2.4;
ISO/IEC 23091-3 (loudspeaker positions).
"""

from __future__ import annotations

from collections.abc import Sequence

from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import FUMA_ORDERING, SoundMetadata

_BY_LABELS, _BY_BITMAP = 0, 1 << 16
"""Layout tags: the channels are described one by one, or by bits."""

_B_FORMAT, _ACN_SN3D, _ACN_N3D = 107, 190, 191
"""Upper half of the layout tags of ambisonics; the lower half is the number of channels."""

_NATIVE_TAGS = frozenset({100, 101, 102, 103, 108, 112, 113, 115, 117, 121, *range(130, 138)})
"""Upper half of layout tags whose channels stand in libav's own order: these it may see."""

_COMPONENT_LABELS = {200: 0, 202: 1, 203: 2, 201: 3, **{(2 << 16) + k: k for k in range(256)}}
"""Labels of ambisonic components (W X Y Z by name, and by number) to ACN."""

_BY_NAME = range(200, 204)
_LAST_NATIVE_LABEL = 8
_MOST_CHANNELS = 64
_LABELS = "? L R C LFE Ls Rs Lc Rc Cs Lsd Rsd Ts Lvh Cvh Rvh"
_POSITIONS = "L R C LFE Ls Rs Lc Rc Lsr Rsr Cs Lsd Rsd Lss Rss Lw Rw Lv Rv Cv Lvr Rvr Cvr Lvss Rvss Ts LFE2"
"""Names of loudspeakers by number, Apple's and ISO's."""

_EXPLICIT = 126
"""Loudspeaker position that is stated as angles."""

_USUAL: tuple[list[int], ...] = ([], [0], [2], [0, 1])
"""Positions of one and two channels that libav may see."""


def read_chan(window: Window, offset: int, type_at: int, channels: int, sound: SoundMetadata) -> None:
    """Apple's channel layout, which begins at ``offset`` of the window; its type stands at ``type_at`` of the file."""
    tag, _, count = window.unpack("III", offset)
    if count > _MOST_CHANNELS:
        sound.masked_at += (type_at,)
        raise MalformedError(f"{count} channel descriptions, expected at most {_MOST_CHANNELS}")
    if tag == _BY_BITMAP:
        return
    if tag == _BY_LABELS:
        labels = [window.unpack("I", offset + 12 + 20 * k)[0] for k in range(count)]
        if all(0 < label <= _LAST_NATIVE_LABEL for label in labels) and labels == sorted(set(labels)):
            return
        sound.masked_at += (type_at,)
        _read_labels(labels, channels, sound)
        return
    name, stated = tag >> 16, tag & 0xFFFF
    if name in _NATIVE_TAGS:
        return
    sound.masked_at += (type_at,)
    if name == _B_FORMAT and stated == channels == 4:
        sound.order, sound.channel_ordering, sound.speakers = 1, FUMA_ORDERING, "B-format W X Y Z"
    elif name in (_ACN_SN3D, _ACN_N3D) and stated == channels:
        sound.order = int(channels**0.5) - 1
        sound.normalization = int(name == _ACN_N3D)
        sound.speakers = f"ambisonic {sound.order}"
    else:
        sound.speakers = f"layout {name}, {channels} channels"


def _read_labels(labels: Sequence[int], channels: int, sound: SoundMetadata) -> None:
    numbers = [_COMPONENT_LABELS.get(label) for label in labels]
    if len(labels) == channels and all(number in numbers for number in range(4)):
        if all(label in _BY_NAME for label in labels) and list(labels) == list(_BY_NAME):
            sound.order, sound.channel_ordering, sound.speakers = 1, FUMA_ORDERING, "B-format W X Y Z"
            return
        sound.order = max(1, int(sum(number is not None for number in numbers) ** 0.5) - 1)
        w, y, z, x = (numbers.index(number) for number in range(4))
        sound.components = (w, y, z, x)
        sound.speakers = "components " + " ".join("?" if number is None else str(number) for number in numbers)
        return
    sound.speakers = _named(labels, _LABELS)


def read_chnl(content: Window, type_at: int, channels: int, sound: SoundMetadata) -> None:
    """ISO's channel layout box, version 0 or 1."""
    sound.masked_at += (type_at,)
    version, structure = content.unpack("B3xB")
    at = 5
    if version == 1:
        structure, at = structure >> 4, 6
    elif version != 0:
        raise MalformedError(f"chnl of version {version}, expected 0 or 1")
    positions: list[int] = []
    if not structure & 1:
        sound.speakers = f"{channels} objects"
        return
    (defined,) = content.unpack("B", at)
    if defined:
        sound.speakers = f"channel configuration {defined}"
        return
    at, count = at + 1, channels
    if version == 1:
        (count,) = content.unpack("B", at)
        at += 1
    for _ in range(min(count, _MOST_CHANNELS)):
        (position,) = content.unpack("B", at)
        at += 4 if position == _EXPLICIT else 1
        positions.append(position)
    if positions in _USUAL:
        sound.masked_at = sound.masked_at[:-1]
    else:
        sound.speakers = _named(positions, _POSITIONS)


def _named(numbers: Sequence[int], names: str) -> str:
    known = names.split()
    return " ".join(known[number] if number < len(known) else str(number) for number in numbers)
