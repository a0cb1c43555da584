"""IAMF (Eclipsa Audio): which substreams of a file are first-order ambisonics, and by which matrix.

The descriptors are read, never an audio frame: in an ``.iamf`` file they stand in front, in MP4 in the ``iacb`` box of
the sample entry. libav shows each substream as an audio stream of its own and does not put them together.
Source: "Immersive Audio Model and Formats" (Alliance for Open Media, v1.1), sections 3.2 to 3.6; RFC 8486, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import ContainerMetadata, SoundMetadata, StreamGroup

MAGIC = b"iamf"
"""Code of the sequence header, which begins every sequence, and of the sample entry in MP4."""

_CODEC, _ELEMENT, _MIX, _FIRST_OF_AUDIO, _SEQUENCE = 0, 1, 2, 3, 31
"""Types of OBU: descriptors, and the first of those that belong to a moment of the sound."""

_MOST_OBUS, _MOST_SUBSTREAMS, _MOST_PARAMETERS = 1000, 255, 64
"""What is read of one file, which may be hostile."""

_LONGEST_NUMBER = 8
"""Bytes of a number of variable length (LEB128)."""

_SILENT_CHANNEL = 255
"""In a channel mapping: this component is not in the file."""

_ONE = 32768.0
"""Unity in the matrix's fixed-point numbers with 15 binary places."""

_SCENE, _STEREO_LAYOUT = 1, 1

_LAYOUTS = ("mono", "stereo", "5.1", "5.1.2", "5.1.4", "7.1", "7.1.2", "7.1.4", "3.1.2", "binaural")
"""Loudspeaker layouts by number."""


@dataclass(frozen=True)
class AudioElement:
    """Substreams that are one sound. ``columns`` are the decoded channels of each substream (1 or 2).

    ``matrix`` ``(components, decoded channels)`` makes ambisonics (ACN order, SN3D) of them; it is empty for
    loudspeaker feeds, whose ``layout`` says which.
    """

    columns: tuple[int, ...]
    matrix: tuple[tuple[float, ...], ...] = ()
    layout: str = ""


class _Cursor:
    """Reads a window from its start on."""

    def __init__(self, window: Window) -> None:
        self.window, self.at = window, 0

    def byte(self) -> int:
        return self.fixed("B")

    def fixed(self, layout: str) -> int:
        (value,) = self.window.unpack(layout, self.at)
        self.at += {"B": 1, "h": 2, "H": 2}[layout]
        return value

    def number(self) -> int:
        """LEB128: seven bits a byte, the lowest first."""
        value = 0
        for k in range(_LONGEST_NUMBER):
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * k)
            if not byte & 0x80:
                return value
        raise MalformedError(f"a number of more than {_LONGEST_NUMBER} bytes at {self.window.start + self.at}")

    def skip(self, size: int) -> None:
        if size > self.window.size - self.at:
            raise MalformedError(f"{size} bytes at {self.window.start + self.at} do not fit before {self.window.end}")
        self.at += size


def _descriptors(window: Window) -> Iterator[tuple[int, Window]]:
    """(type, content) of each OBU in front of the sound."""
    cursor = _Cursor(window)
    for _ in range(_MOST_OBUS):
        if cursor.at >= window.size:
            return
        head = cursor.byte()
        kind, trims, extends = head >> 3, head & 2, head & 1
        size = cursor.number()
        begin = cursor.at
        if kind >= _FIRST_OF_AUDIO and kind != _SEQUENCE:
            return
        cursor.skip(size)
        inside = _Cursor(Window(window.file, window.start + begin, window.start + begin + size))
        if trims:
            inside.number(), inside.number()
        if extends:
            inside.skip(inside.number())
        yield kind, Window(window.file, inside.window.start + inside.at, inside.window.end)
    raise MalformedError(f"more than {_MOST_OBUS} descriptors")


def read_elements(window: Window) -> list[AudioElement]:
    """The audio elements, in the order of their streams. Raises :class:`MalformedError`."""
    return [_read_element(content) for kind, content in _descriptors(window) if kind == _ELEMENT]


def _read_element(content: Window) -> AudioElement:
    cursor = _Cursor(content)
    cursor.number()
    kind = cursor.byte() >> 5
    cursor.number()
    substreams = cursor.number()
    if not 0 < substreams <= _MOST_SUBSTREAMS:
        raise MalformedError(f"an audio element of {substreams} substreams, expected 1 to {_MOST_SUBSTREAMS}")
    for _ in range(substreams):
        cursor.number()
    parameters = cursor.number()
    if parameters > _MOST_PARAMETERS:
        raise MalformedError(f"an audio element of {parameters} parameters, expected at most {_MOST_PARAMETERS}")
    for _ in range(parameters):
        _skip_parameter(cursor)
    if kind == _SCENE:
        return _read_scene(cursor, substreams)
    if kind == 0:
        return _read_loudspeakers(cursor, substreams)
    return AudioElement((1,) * substreams, layout=f"objects (type {kind})")


def _skip_parameter(cursor: _Cursor) -> None:
    kind = cursor.number()
    if kind not in (1, 2):
        cursor.skip(cursor.number())
        return
    cursor.number(), cursor.number()
    if not cursor.byte() & 0x80:
        cursor.number()
        constant = cursor.number()
        if constant == 0:
            count = cursor.number()
            if count > _MOST_PARAMETERS:
                raise MalformedError(f"{count} parts of a parameter, expected at most {_MOST_PARAMETERS}")
            for _ in range(count):
                cursor.number()
    if kind == 1:  # the mode of demixing, and its weight
        cursor.skip(2)


def _read_scene(cursor: _Cursor, substreams: int) -> AudioElement:
    mode, components = cursor.number(), 0
    if mode > 1:
        return AudioElement((1,) * substreams, layout=f"ambisonics of an unknown mode ({mode})")
    components, count = cursor.byte(), cursor.byte()
    if count != substreams or not components:
        raise MalformedError(
            f"ambisonics of {components} components in {count} substreams, of which {substreams} exist"
        )
    if mode == 0:
        sources = [cursor.byte() for _ in range(components)]
        if any(source >= substreams and source != _SILENT_CHANNEL for source in sources):
            raise MalformedError(f"a channel mapping {sources} to {substreams} substreams")
        rows = tuple(tuple(float(source == k) for k in range(substreams)) for source in sources)
        return AudioElement((1,) * substreams, rows)
    coupled = cursor.byte()
    if coupled > substreams:
        raise MalformedError(f"{coupled} coupled substreams of {substreams}")
    columns = substreams + coupled
    # Column by column, as in channel mapping family 3 of Opus; the bytes are in the other order.
    numbers = [[cursor.fixed("h") / _ONE for _ in range(components)] for _ in range(columns)]
    rows = tuple(tuple(numbers[column][row] for column in range(columns)) for row in range(components))
    return AudioElement((2,) * coupled + (1,) * (substreams - coupled), rows)


def _read_loudspeakers(cursor: _Cursor, substreams: int) -> AudioElement:
    layers = cursor.byte() >> 5
    name, coupled = "", 0
    columns: list[int] = []
    for _ in range(layers):
        head = cursor.byte()
        here, coupled = cursor.byte(), cursor.byte()
        columns += [2] * min(coupled, here) + [1] * max(0, here - coupled)
        if head & 0x08:
            cursor.skip(3)
        number = head >> 4
        if number == 15:
            cursor.skip(1)
        name = _LAYOUTS[number] if number < len(_LAYOUTS) else "an expanded layout"
    if len(columns) != substreams:
        columns = [1] * substreams
    return AudioElement(tuple(columns), layout=name or "unknown loudspeakers")


def add_elements(elements: list[AudioElement], found: ContainerMetadata, sound: SoundMetadata) -> None:
    """Note the streams that libav makes of these elements, and which of them are put together.

    ``sound`` is what the track says; each stream gets it. The first scene that holds all of the first order counts;
    a stereo element beside it is the pair that stays with the head.
    """
    first = len(found.sounds)
    total = sum(len(element.columns) for element in elements)
    if not total:
        found.sounds.append(sound)
        return
    found.sounds += [sound] * total
    scene = next((k for k, element in enumerate(elements) if len(element.matrix) >= 4), None)
    if scene is None:
        kinds = " and ".join(_words(element) for element in elements)
        found.groups.append(StreamGroup(first, total, refused=f"IAMF (Eclipsa Audio): {kinds}"))
        return
    starts = [sum(len(element.columns) for element in elements[:k]) for k in range(len(elements))]
    pair = next(
        (k for k, element in enumerate(elements) if element.columns == (2,) and element.layout == "stereo"), None
    )
    element = elements[scene]
    used, rows = _needed(element)
    used = tuple(starts[scene] + k for k in used)
    if pair is not None:
        used += (starts[pair],)
        width = len(rows[0])
        rows = tuple((*row, 0.0, 0.0) for row in rows)
        rows += tuple(tuple(float(k == width + ear) for k in range(width + 2)) for ear in (0, 1))
    order = int(len(element.matrix) ** 0.5) - 1
    sound.order = order
    sound.head_locked_stereo = pair is not None
    plain = rows == tuple(tuple(float(i == k) for k in range(len(rows))) for i in range(len(rows)))
    name = f"ambisonic {order}" + (" + stereo" if pair is not None else "")
    found.groups.append(StreamGroup(first, total, used, len(rows), () if plain else rows, name))


def _needed(element: AudioElement) -> tuple[tuple[int, ...], tuple[tuple[float, ...], ...]]:
    """The substreams that the first four components are made of, and the matrix over their channels."""
    places: list[int] = [k for k, width in enumerate(element.columns) for _ in range(width)]
    wanted = {places[column] for row in element.matrix[:4] for column, gain in enumerate(row) if gain}
    used = tuple(sorted(wanted)) or (0,)
    kept = [column for column, place in enumerate(places) if place in used]
    return used, tuple(tuple(row[column] for column in kept) for row in element.matrix[:4])


def _words(element: AudioElement) -> str:
    if element.matrix:
        return f"ambisonics of {len(element.matrix)} components"
    return element.layout if "(" in element.layout else f"loudspeaker feeds ({element.layout})"


def read_iamf(file: BinaryIO, file_size: int) -> ContainerMetadata:
    """Read the descriptors in front of an ``.iamf`` file."""
    found = ContainerMetadata(container="iamf")
    try:
        add_elements(read_elements(Window(file, 0, file_size)), found, SoundMetadata(fourcc="iamf"))
    except MalformedError as error:
        found.problems.append(f"iamf: {error}")
    return found


def read_iacb(content: Window) -> list[AudioElement]:
    """The audio elements of an ``iacb`` box. Raises :class:`MalformedError`."""
    cursor = _Cursor(content)
    version, size = cursor.byte(), cursor.number()
    if version != 1:
        raise MalformedError(f"iacb of version {version}, expected 1")
    begin = content.start + cursor.at
    return read_elements(Window(content.file, begin, min(begin + size, content.end)))
