"""How to turn the picture of one file into mono equirectangular: the recipe and what it means.

Two routes. Plain layouts go through ffmpeg's ``v360`` and ``scale`` alone. A cropped picture, a tilted
one or a mesh is finished by :mod:`yt360.media.lookup`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from yt360.media.containers.spatial import Bounds, ByteRange, Projection, Stereo

CUBEMAPS: dict[str, tuple[str, dict[str, Any], int]] = {
    "3x2": ("c3x2", {}, 3),
    "cbmp": ("c3x2", {"in_frot": "002200"}, 3),
    "6x1": ("c6x1", {}, 6),
    "1x6": ("c1x6", {}, 1),
}
"""Cubemap layouts (faces right, left, up, down, front, back): name and options in ``v360``, faces in a row.

``cbmp`` is layout 0 of the Spherical Video V2 RFC: its up and down faces are turned by 180° against ``v360``'s.
"""

_MOST_OVERSAMPLING = 3
"""Times the wanted size of the grid that ``v360`` works on, at most; the mean is taken after it."""

Turn = Literal["", "clock", "cclock", "half", "hflip", "vflip", "transpose", "antitranspose"]
"""What the display matrix of a track does to its coded frames; nothing in nearly all files."""

_TURN_FILTERS: dict[Turn, tuple[tuple[str, ...], ...]] = {
    "": (),
    "clock": (("transpose", "clock"),),
    "cclock": (("transpose", "cclock"),),
    "half": (("hflip",), ("vflip",)),
    "hflip": (("hflip",),),
    "vflip": (("vflip",),),
    "transpose": (("transpose", "cclock_flip"),),
    "antitranspose": (("transpose", "clock_flip"),),
}
_QUARTERS: dict[Turn, int] = {"cclock": 1, "half": 2, "clock": 3}
QUARTER_TURNS: tuple[Turn, ...] = ("clock", "cclock", "transpose", "antitranspose")
"""Those that exchange width and height."""


@dataclass(frozen=True)
class VideoDecodeSpec:
    """A recipe for :func:`yt360.media.reading_picture.read_frames`.

    ``width`` and ``height`` are of the frame as it is shown, after ``turn``, which is what the display matrix does
    to the coded frame; ``stream`` counts picture streams without attached pictures (``0:V:stream``). The angles are
    the pose of the camera in the world in degrees: yaw to the left, pitch up, roll counter-clockwise as seen by the
    viewer; reading undoes them. ``mesh`` is where the ``mshp`` payload lies in the file. ``drop_sei`` removes
    supplemental H.264/HEVC messages before decoding: ffmpeg 9 stops at a frame whose stereo layout is stated both
    by the container and by such a message. ``letterbox`` is the height (fraction of the frame) of a black bar above
    the picture and of one below it, which are no part of it. ``edits`` is the edit list of a track that was cut: where
    each piece begins on the container's clock and in the track, and how long it is, in seconds.
    """

    width: int
    height: int
    codec: str = ""
    stream: int = 0
    projection: Projection = "equirectangular"
    stereo: Stereo = "mono"
    right_eye_first: bool = False
    bounds: Bounds = field(default_factory=Bounds)
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    cubemap_layout: str = "3x2"
    cubemap_padding: int = 0
    mesh: ByteRange | None = None
    drop_sei: bool = False
    turn: Turn = ""
    letterbox: float = 0.0
    edits: tuple[tuple[float, float, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON values; :meth:`from_json` is the inverse."""
        fields = asdict(self)
        for name in ("turn", "letterbox", "edits"):
            if not fields[name]:
                del fields[name]
        return fields

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> VideoDecodeSpec:
        """Raises ``TypeError`` for unknown keys."""
        fields = dict(value)
        fields["bounds"] = Bounds(**fields.get("bounds", {}))
        mesh = fields.get("mesh")
        fields["mesh"] = ByteRange(**mesh) if mesh else None
        edits = fields.get("edits", ())
        fields["edits"] = tuple((float(at), float(begin), float(length)) for at, begin, length in edits)
        return VideoDecodeSpec(**fields)

    @property
    def has_pose(self) -> bool:
        """Whether the camera stood other than level and to the front."""
        return any(abs(angle) > 1e-3 for angle in (self.yaw_deg, self.pitch_deg, self.roll_deg))

    @property
    def needs_lookup(self) -> bool:
        """Whether :mod:`yt360.media.lookup` finishes what ffmpeg begins."""
        return self.projection == "mesh" or self.has_pose or self.bounds != Bounds()

    @property
    def eye(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the left eye as fractions of the frame."""
        second = 0.5 if self.right_eye_first else 0.0
        left, top, width, height = 0.0, 0.0, 1.0, 1.0
        if self.stereo == "top-bottom":
            top, height = second, 0.5
        elif self.stereo == "left-right":
            left, width = second, 0.5
        shown = 1 - 2 * self.letterbox
        return (left, self.letterbox + shown * top, width, shown * height)


def turn_filter(stream: Any, turn: Turn) -> Any:
    """Turn the coded frame into the one that is shown."""
    for name, *options in _TURN_FILTERS[turn]:
        stream = stream.filter(name, *options)
    return stream


def turned(picture: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    """The same for a picture ``(h, w)``."""
    if turn in _QUARTERS:
        return np.ascontiguousarray(np.rot90(picture, _QUARTERS[turn]))
    if turn in ("transpose", "antitranspose"):
        return np.ascontiguousarray((picture if turn == "transpose" else np.rot90(picture, 2)).T)
    flips = {"hflip": np.fliplr, "vflip": np.flipud}
    return np.ascontiguousarray(flips[turn](picture)) if turn in flips else picture


def matrix_turn(matrix: Sequence[int]) -> Turn:
    """What a display matrix of nine 16.16 numbers does, to the nearest quarter of a turn."""
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(b) + abs(c) > abs(a) + abs(d):
        names: dict[tuple[bool, bool], Turn] = {
            (True, False): "clock", (False, True): "cclock", (True, True): "transpose", (False, False): "antitranspose"
        }  # fmt: skip
        return names[b > 0, c > 0]
    upright: dict[tuple[bool, bool], Turn] = {(True, False): "vflip", (False, True): "hflip", (False, False): "half"}
    return upright.get((a > 0, d > 0), "")


def eye_filter(stream: Any, reading: VideoDecodeSpec) -> Any:
    """Cut the left eye out of the frame."""
    left, top, width, height = reading.eye
    if reading.stereo == "mono" and not reading.letterbox:
        return stream
    # A row of a bar would darken a pole: with bars the crop is not rounded to the samples of colour.
    exact = {"exact": 1} if reading.letterbox else {}
    return stream.filter("crop", f"iw*{width:g}", f"ih*{height:g}", f"iw*{left:g}", f"ih*{top:g}", **exact)


def equirectangular_filter(stream: Any, reading: VideoDecodeSpec, height: int, width: int) -> Any:
    """From the file's frames to mono equirectangular of the given size, for recipes without a look-up.

    The strings of ``v360`` are those measured against the analytic projection (mean error below
    1/255). Where the source is finer than the result, ``v360`` works on a finer grid and the mean is
    taken after it: it reads single points and would alias.
    """
    stream = eye_filter(stream, reading)
    _, _, eye_width, eye_height = reading.eye
    source_width, source_height = reading.width * eye_width, reading.height * eye_height
    if reading.projection == "equirectangular":
        return _scaled(stream, (source_width, source_height), height, width)
    if reading.projection == "eac":
        if reading.stereo == "left-right":
            stream = stream.filter("transpose", "clock")
            source_width, source_height = source_height, source_width
        horizon = source_width / 3 * 4
        options: dict[str, Any] = {}
        name = "eac"
    elif reading.projection == "cubemap":
        name, turned, faces = CUBEMAPS[reading.cubemap_layout]
        horizon = source_width / faces * 4
        options = {**turned, "fin_pad": reading.cubemap_padding} if reading.cubemap_padding else dict(turned)
    else:
        raise ValueError(f"projection {reading.projection!r} cannot be turned into equirectangular")
    finer = int(min(_MOST_OVERSAMPLING, max(1, round(horizon / width))))
    stream = stream.filter("v360", name, "e", interp="cubic", w=width * finer, h=height * finer, **options)
    return stream.filter("scale", width, height, flags="area") if finer > 1 else stream


def _scaled(stream: Any, source: tuple[float, float], height: int, width: int) -> Any:
    smaller = width < source[0] and height < source[1]
    return stream.filter("scale", width, height, flags="area" if smaller else "bicubic")


def input_stream() -> Any:
    """The node that stands for the picture of the input in a graph."""
    import ffmpeg as graph  # here: who asks where a root stands does not wait for it

    return graph.input("in")["v"]


def filter_string(stream: Any) -> str:
    """A linear filter graph as the text of ``-vf``."""
    arguments = stream.output("out").get_args()
    text: str = arguments[arguments.index("-filter_complex") + 1]
    return ",".join(_unlabelled(part) for part in text.split(";"))


def _unlabelled(part: str) -> str:
    while part.startswith("["):
        part = part[part.index("]") + 1 :]
    return part[: part.rindex("[")]
