"""Spherical video V1: the XML in an MP4 ``uuid`` box.

It is read with expat and entities refused: an XML from outside may try to expand without end.
Source: google/spatial-media, docs/spherical-video-rfc.md.
"""

from __future__ import annotations

from xml.parsers import expat

from yt360.media.containers.spatial import Bounds, PictureMetadata, Stereo

MAX_XML = 256 << 10
"""Bytes of metadata beyond which they are refused."""

_MAX_DEPTH = 16
"""Elements inside elements that are followed."""

_MAX_VALUE = 200
"""Characters of a value that are kept."""

_STEREO: dict[str, Stereo] = {"mono": "mono", "top-bottom": "top-bottom", "left-right": "left-right"}
"""Words of the metadata for layouts."""


class _RefusedError(ValueError):
    pass


def _values(xml: bytes) -> dict[str, str]:
    """Text of each element by its local name. Raises ValueError for anything hostile or malformed."""
    if len(xml) > MAX_XML:
        raise _RefusedError(f"{len(xml)} bytes of XML, expected at most {MAX_XML}")
    values: dict[str, str] = {}
    path: list[str] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        path.append(name.rsplit(":", 1)[-1])
        if len(path) > _MAX_DEPTH:
            raise _RefusedError(f"elements nested deeper than {_MAX_DEPTH}")

    def end(_name: str) -> None:
        path.pop()

    def text(data: str) -> None:
        if path:
            values[path[-1]] = (values.get(path[-1], "") + data)[:_MAX_VALUE]

    def refuse(*_: object) -> None:
        raise _RefusedError("a document type or an entity, expected plain elements")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(xml.rstrip(b"\0 \r\n\t"), True)
    except expat.ExpatError as error:
        raise _RefusedError(f"not well-formed XML: {error}") from None
    return {name: value.strip() for name, value in values.items()}


def _pixels(values: dict[str, str], name: str) -> float:
    value = float(values.get(name, "nan"))
    if not 0 <= value < 1e6:
        raise ValueError(f"{name} is {values.get(name)!r}, expected pixels")
    return value


def read_spherical_xml(xml: bytes, picture: PictureMetadata) -> None:
    """Read V1 metadata into ``picture``; what is wrong with it is noted as a problem."""
    try:
        values = _values(xml)
    except ValueError as error:
        picture.problems.append(f"spherical XML: {error}")
        return
    if values.get("Spherical", "").lower() != "true":
        return
    kind = values.get("ProjectionType", "").lower()
    if kind != "equirectangular":
        picture.problems.append(f"spherical XML: projection {kind!r}, expected 'equirectangular'")
        return
    picture.projection = "equirectangular"
    stereo = values.get("StereoMode", "mono").lower()
    if stereo in _STEREO:
        picture.stereo = _STEREO[stereo]
    else:
        picture.problems.append(f"spherical XML: stereo mode {stereo!r}, expected one of {sorted(_STEREO)}")
    if "CroppedAreaImageWidthPixels" not in values:
        return
    try:
        full_width, full_height = _pixels(values, "FullPanoWidthPixels"), _pixels(values, "FullPanoHeightPixels")
        left, top = _pixels(values, "CroppedAreaLeftPixels"), _pixels(values, "CroppedAreaTopPixels")
        width = _pixels(values, "CroppedAreaImageWidthPixels")
        height = _pixels(values, "CroppedAreaImageHeightPixels")
    except ValueError as error:
        picture.problems.append(f"spherical XML: {error}")
        return
    if not (0 < width <= full_width - left and 0 < height <= full_height - top):
        picture.problems.append(
            f"spherical XML: crop {width:g}x{height:g}+{left:g}+{top:g} lies outside {full_width:g}x{full_height:g}"
        )
        return
    picture.bounds = Bounds(
        left=left / full_width,
        top=top / full_height,
        right=1 - (left + width) / full_width,
        bottom=1 - (top + height) / full_height,
    )
