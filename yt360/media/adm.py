"""The Audio Definition Model in BW64 files: which tracks are which components of ambisonics.

Sources: ITU-R BS.2088 (``chna``, ``axml``), BS.2076 (the model), BS.2094 (the numbers of common definitions).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from yt360.media.reader import MalformedError, Window
from yt360.media.spatial import FUMA_ORDERING, SoundMetadata

_KINDS = {"0001": "loudspeakers", "0002": "a matrix", "0003": "objects", "0004": "ambisonics", "0005": "binaural"}
"""Type label of a pack to what it holds."""

_MOST_TRACKS, _ENTRY = 1024, 40
_MOST_XML = 8 << 20
_MAX_DEPTH, _MAX_VALUE = 32, 64
_OWN = 0x1000
"""Numbers from here on are defined by the file itself."""

_WEIGHTS = ("SN3D", "N3D", "FuMa")
"""Weights of the common definitions by the upper byte of their number."""


@dataclass
class AudioModel:
    """``tracks`` are (track from 1, number of its channel format, type label); ``own`` what the file defines itself:
    number to ACN and weights."""

    tracks: list[tuple[int, int, str]] = field(default_factory=list)
    own: dict[int, tuple[int, str]] = field(default_factory=dict)


def read_chna(content: Window, model: AudioModel) -> None:
    """The table of tracks. Raises :class:`MalformedError`."""
    count = int.from_bytes(content.read(2, 2), "little")
    if count > _MOST_TRACKS:
        raise MalformedError(f"{count} tracks of the audio model, expected at most {_MOST_TRACKS}")
    for k in range(count):
        entry = content.read(4 + k * _ENTRY, _ENTRY)
        track, reference = int.from_bytes(entry[:2], "little"), entry[14:28].decode("latin-1")
        if track and reference[3:7] in _KINDS:
            try:
                model.tracks.append((track, int(reference[7:11], 16), reference[3:7]))
            except ValueError:
                raise MalformedError(f"a reference {reference!r} in chna, expected one to a track format") from None


def read_axml(content: Window, model: AudioModel) -> None:
    """Channel formats of ambisonics that the file defines itself. Raises :class:`MalformedError`."""
    if content.size > _MOST_XML:
        raise MalformedError(f"{content.size} bytes of XML, expected at most {_MOST_XML}")
    path: list[str] = []
    number = -1
    values: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal number
        path.append(name.rsplit(":", 1)[-1])
        if len(path) > _MAX_DEPTH:
            raise MalformedError(f"elements nested deeper than {_MAX_DEPTH}")
        if path[-1] == "audioChannelFormat":
            values.clear()
            identifier = attributes.get("audioChannelFormatID", "")
            number = -1
            if identifier.startswith("AC_0004"):
                try:
                    number = int(identifier[7:11], 16)
                except ValueError:
                    raise MalformedError(f"an identifier {identifier[:_MAX_VALUE]!r}") from None

    def end(_name: str) -> None:
        if path.pop() == "audioChannelFormat" and number >= 0 and "order" in values and "degree" in values:
            try:
                order, degree = int(values["order"]), int(values["degree"])
            except ValueError:
                return
            if 0 <= order < 64 and abs(degree) <= order:
                model.own[number] = (order * order + order + degree, values.get("normalization", "SN3D").strip())

    def text(data: str) -> None:
        if path and path[-1] in ("order", "degree", "normalization"):
            values[path[-1]] = (values.get(path[-1], "") + data)[:_MAX_VALUE]

    def refuse(*_: object) -> None:
        raise MalformedError("a document type or an entity, expected plain elements")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content.all().rstrip(b"\0 \r\n\t"), True)
    except expat.ExpatError as error:
        raise MalformedError(f"not well-formed XML: {error}") from None


def apply_model(model: AudioModel, sound: SoundMetadata) -> None:
    """Note what the model says about the channels."""
    if not model.tracks:
        return
    kinds = sorted({kind for _, _, kind in model.tracks})
    sound.speakers = "ADM: " + ", ".join(_KINDS[kind] for kind in kinds)
    components: dict[int, tuple[int, str]] = {}
    for track, number, kind in model.tracks:
        acn, weights = _component(number, model) if kind == "0004" else (-1, "")
        if acn >= 0 and 0 < track <= sound.channels:
            components.setdefault(acn, (track - 1, weights))
    named = {weights for acn, (_, weights) in components.items() if 0 < acn < 4}
    if any(acn not in components for acn in range(4)) or len(named) != 1:
        return
    weights = named.pop()
    sound.order = max(1, int(len(components) ** 0.5) - 1)
    sound.components = (components[0][0], components[1][0], components[2][0], components[3][0])
    sound.normalization = int(weights == "N3D")
    sound.channel_ordering = FUMA_ORDERING if weights == "FuMa" else 0
    sound.speakers = f"ADM: ambisonics of order {sound.order}, {weights}"


def _component(number: int, model: AudioModel) -> tuple[int, str]:
    """ACN and weights of a channel format; ACN -1 where nobody knows."""
    if number in model.own:
        return model.own[number]
    family, place = number >> 8, number & 0xFF
    return (place - 1, _WEIGHTS[family]) if number < _OWN and family < len(_WEIGHTS) and place else (-1, "")
