"""The Audio Definition Model in BW64 files: which tracks are which components of ambisonics.

Sources: ITU-R BS.2088 (``chna``, ``axml``), BS.2076 (the model), BS.2094 (the numbers of common definitions).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import FUMA_ORDERING, SoundMetadata

_KINDS = {"0001": "loudspeakers", "0002": "a matrix", "0003": "objects", "0004": "ambisonics", "0005": "binaural"}
"""Type label of a pack to what it holds."""

_LEADS_ON = {("AT_", "audioStreamFormatIDRef"), ("AS_", "audioChannelFormatIDRef")}
"""References from a track format to its stream format, and from that to its channel format."""

_AMBISONICS = "0004"
_MOST_TRACKS, _MOST_LINKS, _MOST_ORDERS, _ENTRY = 1024, 20_000, 64, 40
_MOST_XML = 8 << 20
_MAX_DEPTH, _MAX_VALUE = 32, 64
_OWN = 0x1000
"""Numbers from here on are defined by the file itself."""

_WEIGHTS = ("SN3D", "N3D", "FuMa")
"""Weights of the common definitions by the upper byte of their number."""


@dataclass
class AudioModel:
    """``tracks`` are (track from 1, its track or channel format, type label of its pack). ``own`` is what the file
    defines itself: number of a channel format to ACN and weights. ``links`` lead from track formats to stream formats,
    and from those to channel formats.
    """

    tracks: list[tuple[int, str, str]] = field(default_factory=list)
    own: dict[int, tuple[int, str]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def channel_format(self, reference: str) -> int:
        """Number of the channel format of ambisonics that a track refers to; -1 for none."""
        for _ in range(2):
            reference = self.links.get(reference, reference)
        if reference[3:7] != _AMBISONICS:
            return -1
        try:
            return int(reference[7:11], 16)
        except ValueError:
            return -1


def read_chna(content: Window, model: AudioModel) -> None:
    """The table of tracks. Raises :class:`MalformedError`."""
    count = int.from_bytes(content.read(2, 2), "little")
    if count > _MOST_TRACKS:
        raise MalformedError(f"{count} tracks of the audio model, expected at most {_MOST_TRACKS}")
    for k in range(count):
        entry = content.read(4 + k * _ENTRY, _ENTRY)
        track, reference = int.from_bytes(entry[:2], "little"), entry[14:28].rstrip(b"\0").decode("latin-1")
        # The label of the pack is its type; that of a track format may be its coding.
        label = entry[28:39].decode("latin-1")[3:7]
        if track:
            model.tracks.append((track, reference, label if label in _KINDS else reference[3:7]))


class _Reader:
    """Collects channel formats of ambisonics, and which format refers to which."""

    def __init__(self, model: AudioModel) -> None:
        self.model = model
        self.path: list[str] = []
        self.owner, self.said = "", ""
        self.values: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rsplit(":", 1)[-1]
        self.path.append(name)
        self.said = ""
        if len(self.path) > _MAX_DEPTH:
            raise MalformedError(f"elements nested deeper than {_MAX_DEPTH}")
        if name in ("audioChannelFormat", "audioStreamFormat", "audioTrackFormat"):
            self.owner, self.values = attributes.get(f"{name}ID", "")[:_MAX_VALUE], {}

    def text(self, data: str) -> None:
        self.said = (self.said + data)[:_MAX_VALUE]

    def end(self, _name: str) -> None:
        name, said = self.path.pop(), self.said.strip()
        if name in ("order", "degree", "normalization"):
            self.values[name] = said
        elif name == "audioChannelFormat":
            self._define()
        elif len(self.model.links) < _MOST_LINKS and self.owner:
            if (self.owner[:3], name) in _LEADS_ON:
                self.model.links[self.owner] = said
            elif name == "audioTrackFormatIDRef" and self.owner.startswith("AS_"):
                self.model.links.setdefault(said, self.owner)
        if name in ("audioChannelFormat", "audioStreamFormat", "audioTrackFormat"):
            self.owner = ""

    def _define(self) -> None:
        number = AudioModel().channel_format(self.owner)
        try:
            order, degree = int(self.values["order"]), int(self.values["degree"])
        except (KeyError, ValueError):
            return
        if number >= 0 and 0 <= order < _MOST_ORDERS and abs(degree) <= order:
            self.model.own[number] = (order * order + order + degree, self.values.get("normalization") or "SN3D")


def read_axml(content: Window, model: AudioModel) -> None:
    """Formats that the file defines itself. Raises :class:`MalformedError`."""
    if content.size > _MOST_XML:
        raise MalformedError(f"{content.size} bytes of XML, expected at most {_MOST_XML}")

    def refuse(*_: object) -> None:
        raise MalformedError("a document type or an entity, expected plain elements")

    reader, parser = _Reader(model), expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
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
    sound.speakers = "ADM: " + ", ".join(_KINDS.get(kind, "unknown tracks") for kind in kinds)
    components: dict[int, tuple[int, str]] = {}
    for track, reference, kind in model.tracks:
        acn, weights = _component(model.channel_format(reference), model) if kind == _AMBISONICS else (-1, "")
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
    if number < 0:
        return -1, ""
    family, place = number >> 8, number & 0xFF
    return (place - 1, _WEIGHTS[family]) if number < _OWN and family < len(_WEIGHTS) and place else (-1, "")
