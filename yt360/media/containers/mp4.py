"""Spatial metadata in MP4 and QuickTime boxes: ``st3d``, ``sv3d``, ``uuid`` V1, ``vexu``, ``SA3D``, ``SAND``, ``iacb``.

libav knows only part of them (nothing of ``mshp``, nothing of a head-locked ``SA3D`` in older
versions). Sizes, depth and counts are bounded: boxes come from outside. A malformed box is noted
as a problem and the rest is still read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from yt360.errors import ItemError
from yt360.media.containers.apple_projection import fill_in, read_vexu
from yt360.media.containers.channel_statements import read_chan, read_chnl
from yt360.media.containers.iamf import MAGIC, AudioElement, add_elements, read_iacb
from yt360.media.containers.opus_projection import box_masks, header_of_box
from yt360.media.containers.projection_payload import PROJECTION_BOXES, read_projection
from yt360.media.containers.reader import MalformedError, Window
from yt360.media.containers.spatial import ContainerMetadata, PictureMetadata, SoundMetadata, Stereo
from yt360.media.containers.spherical_xml import MAX_XML, read_spherical_xml

_SPHERICAL_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
"""Id of the box that carries Spherical Video V1 metadata."""

_MAX_BOXES = 20_000
"""Boxes that are read of one file, which may be hostile."""

_MAX_DEPTH = 12
"""Boxes inside boxes that are followed."""

_MAX_CHANNELS = 64
"""Most channels of an ``SA3D`` box."""

_STEREO: dict[int, tuple[Stereo, bool]] = {
    0: ("mono", False),
    1: ("top-bottom", False),
    2: ("left-right", False),
    4: ("left-right", True),
}
"""Stereo mode of an ``st3d`` box to layout, and whether the right eye comes first."""

_NESTS = frozenset({b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl", b"tref", b"proj", b"sv3d"})
"""Boxes that hold boxes."""

_SHORTEST_DOPS, _LONGEST_DOPS = 11, 4096
"""Bytes of a ``dOps`` box that is looked into."""

_MOST_EDITS = 10_000
"""A longer edit list is not followed."""

_MOST_PICTURE_EDITS = 500
"""Pieces of a picture that are followed: each is decoded for itself."""

_MOST_CHAPTER_TRACKS = 64
"""Tracks of chapters that one track may name."""

_LONGEST_USER_DATA = 4096
"""Bytes of ``udta`` that are kept."""

_TOP_LEVEL = frozenset({b"ftyp", b"moov", b"mdat", b"moof", b"sidx", b"styp"})
"""Boxes at the top of a file that must be there as a whole; of one that pads the end nothing is missed."""


class _Walk:
    """Counts boxes over a whole file, so that no nesting can make the work unbounded."""

    def __init__(self, problems: list[str]) -> None:
        self.left = _MAX_BOXES
        self.problems = problems

    def boxes(self, window: Window, depth: int) -> Iterator[tuple[bytes, Window, int]]:
        """(type, content, size as stated) of each box; a size that overruns is cut to the window and noted."""
        if depth > _MAX_DEPTH:
            raise MalformedError(f"boxes nested deeper than {_MAX_DEPTH}")
        offset = 0
        while offset + 8 <= window.size:
            self.left -= 1
            if self.left < 0:
                raise MalformedError(f"more than {_MAX_BOXES} boxes")
            size, kind_number = window.unpack("II", offset)
            kind = kind_number.to_bytes(4, "big")
            header = 8
            if size == 1:
                (size,) = window.unpack("Q", offset + 8)
                header = 16
            elif size == 0:
                size = window.size - offset
            if size < header:
                if size == 0 or kind == b"\0\0\0\0":
                    return  # QuickTime ends a list with four zero bytes
                raise MalformedError(f"box {kind!r} at {window.start + offset} states {size} bytes")
            end = min(window.start + offset + size, window.end)
            yield kind, Window(window.file, window.start + offset + header, end), size
            offset += size


def read_mp4(file: BinaryIO, file_size: int) -> ContainerMetadata:
    """Read a whole MP4 file's spatial metadata and the size that its boxes promise."""
    found = ContainerMetadata(container="mp4")
    walk = _Walk(found.problems)
    root = Window(file, 0, file_size)
    promised = 0
    numbers: list[int] = []
    chapters: set[int] = set()
    has_movie = False
    try:
        for kind, content, size in walk.boxes(root, 0):
            header_end = content.start
            if kind in _TOP_LEVEL or promised == 0:
                start = header_end - (16 if size >= 1 << 32 else 8)
                promised = max(promised, start + size)
            if kind == b"moov":
                has_movie = True
                movie_hz = 0
                for inner, track, _ in walk.boxes(content, 1):
                    if inner == b"mvhd":
                        movie_hz = _timescale(track)
                    if inner == b"udta":
                        found.user_data += track.read(0, min(track.size, _LONGEST_USER_DATA)).decode("latin-1")
                    if inner == b"trak":
                        _read_track(walk, track, found, movie_hz, numbers, chapters)
    except MalformedError as error:
        found.problems.append(f"mp4: {error}")
    # A track of pictures for chapters is no picture of the video: nobody counts it.
    found.pictures = [one for one, number in zip(found.pictures, numbers, strict=True) if number not in chapters]
    if not has_movie:
        found.problems.append("mp4: no moov box, expected one that describes the tracks")
    found.promised_size = promised or None
    return found


def _timescale(header: Window) -> int:
    """Ticks a second of an ``mvhd`` or ``mdhd`` box."""
    (version,) = header.unpack("B")
    return header.unpack("I", 20 if version == 1 else 12)[0]


def _read_edits(content: Window, movie_hz: int, track_hz: int) -> tuple[tuple[tuple[float, float, float], ...], bool]:
    """(begin in the movie, begin in the track, length) in seconds of the edits that show something new, and whether
    the track stands still in between: a frame is held there, and nothing sounds."""
    version, count = content.unpack("B3xI")
    layout, size = ("Qq", 20) if version == 1 else ("Ii", 12)
    if not movie_hz or not track_hz or count > _MOST_EDITS:
        return (), False
    edits, at, stands = [], 0, False
    for k in range(count):
        length, begin, rate = content.unpack(layout + "I", 8 + k * size)
        if begin >= 0 and rate == 0:
            stands = True
        elif begin >= 0:
            if rate != 1 << 16:
                return (), False
            edits.append((at / movie_hz, begin / track_hz, length / movie_hz))
        at += length
    return tuple(edits), stands


def _track_number(header: Window) -> int:
    """That of a ``tkhd`` box."""
    (version,) = header.unpack("B")
    return header.unpack("I", 20 if version == 1 else 12)[0]


def _read_track(
    walk: _Walk, track: Window, found: ContainerMetadata, movie_hz: int, numbers: list[int], chapters: set[int]
) -> None:
    """Add what is stated of a track to ``found``, its number to ``numbers`` if it holds pictures, and to ``chapters``
    the numbers of the tracks that hold chapters for it."""
    picture, sound = PictureMetadata(), SoundMetadata()
    state = {"handler": b""}
    track_hz = track_number = 0
    edits: list[Window] = []
    elements: list[AudioElement] = []
    apple: list[PictureMetadata] = []

    def visit(window: Window, depth: int) -> None:
        nonlocal track_hz, track_number
        for kind, content, _ in walk.boxes(window, depth):
            try:
                if kind in _NESTS:
                    visit(content, depth + 1)
                elif kind == b"hdlr" and not state["handler"]:
                    state["handler"] = content.read(8, 4)
                elif kind == b"mdhd":
                    track_hz = _timescale(content)
                elif kind == b"tkhd":
                    track_number = _track_number(content)
                elif kind == b"chap" and content.size <= _MOST_CHAPTER_TRACKS * 4:
                    chapters.update(content.unpack(f"{content.size // 4}I"))
                elif kind == b"elst":
                    edits.append(content)
                elif kind == b"uuid":
                    _read_uuid(content, picture)
                elif kind == b"stsd":
                    _read_sample_descriptions(walk, content, depth + 1, state["handler"], picture, sound, apple)
                    elements.extend(_read_iamf(walk, content, depth + 1, state["handler"]))
            except MalformedError as error:
                found.problems.append(f"mp4 {kind!r}: {error}")

    visit(track, 2)
    for content in edits[:1]:
        try:
            found_edits, stands = _read_edits(content, movie_hz, track_hz)
            cut = len(found_edits) > 1 or (stands and len(found_edits) == 1)
            sound.edits = found_edits if cut else ()
            picture.edits = sound.edits[:_MOST_PICTURE_EDITS]
            sound.only_edit = found_edits[0] if len(found_edits) == 1 and not cut else None
        except MalformedError as error:
            found.problems.append(f"mp4 elst: {error}")
    if state["handler"] == b"vide":
        fill_in(picture, next(iter(apple), None))
        found.pictures.append(picture)
        numbers.append(track_number)
    elif state["handler"] == b"soun":
        add_elements(elements, found, sound)


def _read_uuid(content: Window, picture: PictureMetadata) -> None:
    if content.size < 16 or content.read(0, 16) != _SPHERICAL_UUID:
        return
    if content.size - 16 > MAX_XML:
        picture.problems.append(f"spherical XML: {content.size - 16} bytes, expected at most {MAX_XML}")
        return
    read_spherical_xml(content.read(16, content.size - 16), picture)
    picture.sources.append("uuid")


def _read_sample_descriptions(
    walk: _Walk,
    window: Window,
    depth: int,
    handler: bytes,
    picture: PictureMetadata,
    sound: SoundMetadata,
    apple: list[PictureMetadata],
) -> None:
    entries = Window(window.file, window.start + 8, window.end)
    for number, (kind, entry, _) in enumerate(walk.boxes(entries, depth)):
        if handler == b"vide" and number == 0:
            children = Window(entry.file, entry.start + 78, entry.end)
            _read_picture_boxes(walk, children, depth + 1, picture)
            _read_apple_boxes(walk, children, depth + 1, picture, apple)
        elif handler == b"soun":
            # The first entry counts; what libav must not see is looked for in all.
            stated = sound if number == 0 else SoundMetadata()
            (version,) = entry.unpack("H", 8)
            stated.fourcc = kind.decode("latin-1").strip()
            (stated.channels,) = entry.unpack("I", 40) if version == 2 else entry.unpack("H", 16)
            # QuickTime sample descriptions of version 1 and 2 hold 16 and 36 bytes more.
            fields = 28 + {1: 16, 2: 36}.get(version, 0)
            _read_sound_boxes(walk, Window(entry.file, entry.start + fields, entry.end), depth + 1, stated)
            if number:
                sound.masked_at += stated.masked_at


def _read_iamf(walk: _Walk, window: Window, depth: int, handler: bytes) -> list[AudioElement]:
    """The audio elements of a track whose first sample entry is IAMF; none of any other."""
    for kind, entry, _ in walk.boxes(Window(window.file, window.start + 8, window.end), depth):
        if handler == b"soun" and kind == MAGIC:
            for inner, content, _ in walk.boxes(Window(entry.file, entry.start + 28, entry.end), depth + 1):
                if inner == b"iacb":
                    return read_iacb(content)
        break
    return []


def _read_picture_boxes(walk: _Walk, window: Window, depth: int, picture: PictureMetadata) -> None:
    for kind, content, _ in walk.boxes(window, depth):
        if kind == b"st3d":
            (mode,) = content.unpack("B", 4)
            if mode in _STEREO:
                picture.stereo, picture.right_eye_first = _STEREO[mode]
            elif mode != 3:  # 3: two meshes, they say themselves what each eye sees
                picture.problems.append(f"st3d: stereo mode {mode}, expected 0 to 4")
            picture.sources.append("st3d")
        elif kind in (b"sv3d", b"proj"):
            if kind == b"sv3d":
                picture.sources.append("sv3d")
            _read_picture_boxes(walk, content, depth + 1, picture)
        elif kind == b"prhd":
            _, yaw, pitch, roll = content.unpack("Iiii")
            picture.yaw_deg, picture.pitch_deg, picture.roll_deg = yaw / 65536, pitch / 65536, roll / 65536
        elif kind in PROJECTION_BOXES:
            read_projection(kind, content, picture)


def _read_apple_boxes(
    walk: _Walk, window: Window, depth: int, picture: PictureMetadata, apple: list[PictureMetadata]
) -> None:
    for kind, content, _ in walk.boxes(window, depth):
        if kind == b"lhvC":
            picture.views = 2
        elif kind == b"vexu":
            try:
                apple.append(read_vexu(walk.boxes, content, depth + 1))
            except MalformedError as error:
                picture.problems.append(f"vexu: {error}")


def _read_sound_boxes(walk: _Walk, window: Window, depth: int, sound: SoundMetadata) -> None:
    for kind, content, _ in walk.boxes(window, depth):
        if kind == b"SAND":
            sound.non_diegetic = True
        elif kind == b"wave":  # QuickTime keeps the codec's boxes one level deeper
            _read_sound_boxes(walk, content, depth + 1, sound)
        elif kind == b"dOps" and _SHORTEST_DOPS <= content.size <= _LONGEST_DOPS:
            _read_opus(content, sound)
        elif kind == b"SA3D":
            try:
                _read_sa3d(content, sound)
            except MalformedError as error:
                sound.problems.append(f"SA3D: {error}")
        elif kind in (b"chan", b"chnl"):
            try:
                if kind == b"chan":
                    read_chan(content, 4, _type_at(content, kind), sound.channels, sound)
                else:
                    read_chnl(content, _type_at(content, kind), sound.channels, sound)
            except MalformedError as error:
                sound.problems.append(f"{kind.decode()}: {error}")


def _type_at(content: Window, kind: bytes) -> int:
    """Where in the file the type of a box stands; a size of 64 bits lies between it and the content."""
    before = Window(content.file, content.start - 4, content.start).all()
    return content.start - (4 if before == kind else 12)


def _read_opus(content: Window, sound: SoundMetadata) -> None:
    box = content.all()
    try:
        sound.masks = box_masks(box, content.start)
    except ItemError as error:
        sound.problems.append(f"dOps: {error}")
    if sound.masks:
        sound.opus_header = header_of_box(box)


def _read_sa3d(content: Window, sound: SoundMetadata) -> None:
    """Spatial Audio RFC: version, head-locked bit and type, order, ordering, normalization, channel map."""
    version, kind, order, ordering, normalization, channels = content.unpack("BBIBBI")
    sound.masked_at += (_type_at(content, b"SA3D"),)
    if version != 0:
        raise MalformedError(f"version {version}, expected 0")
    if not 0 < channels <= _MAX_CHANNELS:
        raise MalformedError(f"{channels} channels, expected 1 to {_MAX_CHANNELS}")
    sound.channel_map = content.unpack(f"{channels}I", 12)
    sound.order, sound.ambisonic_type, sound.head_locked_stereo = order, kind & 0x7F, bool(kind & 0x80)
    sound.channel_ordering, sound.normalization = ordering, normalization
