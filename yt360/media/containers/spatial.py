"""What a container says about picture and sound on the sphere, whatever the container.

Sources: "Spherical Video V2 RFC" and "Spatial Audio RFC" (google/spatial-media, docs), the V1 RFC
(``uuid`` XML), the Matroska specification (``Projection``, ``StereoMode``), RFC 8486 (Opus).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FUMA_ORDERING = 255
"""Marks FuMa in :attr:`SoundMetadata.channel_ordering`, where SA3D itself knows only 0 (ACN)."""

Stereo = Literal["mono", "top-bottom", "left-right"]
Projection = Literal["equirectangular", "eac", "cubemap", "mesh", "half_equirectangular", "fisheye", "flat", "unknown"]


@dataclass(frozen=True)
class Bounds:
    """What was cropped off a full sphere at each side, as fractions in [0, 1) of its width or height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    @property
    def width(self) -> float:
        """Share of the 360° that the picture covers."""
        return 1.0 - self.left - self.right

    @property
    def height(self) -> float:
        """Share of the 180° that the picture covers."""
        return 1.0 - self.top - self.bottom

    def degrees(self) -> dict[str, float]:
        """Azimuth (left is positive) and elevation of the four edges in degrees."""
        return {
            "left": round(180 - 360 * self.left, 3),
            "right": round(-180 + 360 * self.right, 3),
            "top": round(90 - 180 * self.top, 3),
            "bottom": round(-90 + 180 * self.bottom, 3),
        }


@dataclass(frozen=True)
class ByteRange:
    """Where a payload lies in its file."""

    offset: int
    size: int


@dataclass
class PictureMetadata:
    """What the container says about one video track; ``None`` where it says nothing.

    ``yaw_deg``, ``pitch_deg`` and ``roll_deg`` are as stored: counter-clockwise, of the camera
    against the world. ``mesh`` is the payload of a projection mesh, decoded later and only when needed.
    ``named`` says in words what a picture is stated to be that cannot be made equirectangular. ``views`` counts the
    pictures that are coded in layers of one stream (MV-HEVC), of which the first is decoded. ``oriented``: a message of
    the stream says how its pictures are turned, maybe only once. ``edits`` are as in :class:`SoundMetadata`.
    """

    projection: Projection | None = None
    stereo: Stereo | None = None
    right_eye_first: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    cubemap_layout: int = 0
    cubemap_padding: int = 0
    mesh: ByteRange | None = None
    named: str = ""
    views: int = 1
    oriented: bool = False
    edits: tuple[tuple[float, float, float], ...] = ()
    sources: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class SoundMetadata:
    """``SA3D`` of one audio track, its sample entry (``fourcc``, ``channels``) and edit list in MP4.

    ``edits`` are those of a track that was cut (more than one): where each begins in the movie and in the track's
    own time, and how long it is, in seconds. ``only_edit`` is that of a track with one.
    ``components`` are the channels of W, Y, Z and X where they are named one by one, ``speakers`` what is said of the
    channels in words. ``masked_at`` is where in the file statements stand that libav must not see, ``masks`` are places
    and the bytes that it must read there to find its packets; ``opus_header`` is that of Opus whose channels lie behind
    a matrix. ``non_diegetic`` marks a separate track of head-locked sound (``SAND``)."""

    order: int | None = None
    ambisonic_type: int = 0
    head_locked_stereo: bool = False
    channel_ordering: int = 0
    normalization: int = 0
    channel_map: tuple[int, ...] = ()
    non_diegetic: bool = False
    masked_at: tuple[int, ...] = ()
    masks: tuple[tuple[int, bytes], ...] = ()
    components: tuple[int, int, int, int] | None = None
    speakers: str = ""
    opus_header: bytes = b""
    edits: tuple[tuple[float, float, float], ...] = ()
    only_edit: tuple[float, float, float] | None = None
    fourcc: str = ""
    channels: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class StreamGroup:
    """Audio streams that are one sound together, as IAMF stores it: ``streams`` of them from number ``first`` on.

    ``used`` are those that hold first-order ambisonics, and a stereo pair that stays with the head, as numbers within
    the group; ``matrix`` turns their decoded channels, one behind the other, into W Y Z X (and left and right), and is
    empty where they are that already. ``refused`` says in words what the group is instead.
    """

    first: int
    streams: int
    used: tuple[int, ...] = ()
    channels: int = 4
    matrix: tuple[tuple[float, ...], ...] = ()
    name: str = ""
    refused: str = ""


@dataclass
class ContainerMetadata:
    """Spatial metadata of a file: one entry a video track and one an audio stream, in the order of the file.

    ``groups`` are the audio streams that belong together. ``promised_size`` is the size that the file's own structure
    says it has; a smaller file was cut off. ``user_data`` is the beginning of what its writer left in ``moov/udta`` of
    MP4, as Latin-1: makers of cameras name themselves there in boxes of their own. ``never_finished``: the writer did
    not come back to its header (a pipe), so that the lengths in it are no statements.
    """

    container: str = ""
    pictures: list[PictureMetadata] = field(default_factory=list)
    sounds: list[SoundMetadata] = field(default_factory=list)
    groups: list[StreamGroup] = field(default_factory=list)
    promised_size: int | None = None
    user_data: str = ""
    never_finished: bool = False
    problems: list[str] = field(default_factory=list)

    def picture(self, index: int = 0) -> PictureMetadata:
        """Metadata of a video track, empty where there is none."""
        return self.pictures[index] if index < len(self.pictures) else PictureMetadata()

    def sound(self, index: int = 0) -> SoundMetadata:
        """Metadata of an audio track, empty where there is none."""
        return self.sounds[index] if index < len(self.sounds) else SoundMetadata()


def as_json(value: PictureMetadata | SoundMetadata) -> dict[str, Any]:
    """The fields that say something, as JSON values."""
    return {key: item for key, item in asdict(value).items() if item not in (None, [], (), False, "", b"")}
