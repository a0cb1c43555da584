"""What the picture of a file is: metadata and content weighed against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from yt360.errors import ItemError
from yt360.media.content import ACCEPT, REJECT, PictureGuess
from yt360.media.layouts import known_layouts
from yt360.media.lookup import lookup_map
from yt360.media.mesh import horizontal_extent_deg
from yt360.media.picture import Turn, VideoDecodeSpec
from yt360.media.probe import VideoStream
from yt360.media.spatial import Bounds, PictureMetadata, Projection, Stereo

Source = Literal["metadata", "content", "both", "none"]

LEAST_EXTENT_DEG = 200.0
"""A picture that covers less of the horizon is VR180 or a plain camera."""

_CLEARLY_WRONG, _BESIDE_FACES = -3.0, 0.0
"""Seam scores at or below which a stated equirectangular picture is torn; the second where it looks like cube faces."""

_TWO_EYES, _NO_EYES = 0.9, 0.3
"""Likeness of two halves above which they are two eyes, and below which they are not."""

_SHAPES = (0.7, 5.0)
"""Range of aspects of a whole sphere."""

_MESH_LOOK = (90, 180)
"""Height and width at which the extent of a mesh is measured."""


@dataclass(frozen=True)
class PictureFacts:
    """``reading`` is None where the picture cannot be turned into a full equirectangular one.

    ``reason`` is the code for that (``not-360``, ``vr180``, ``unknown-projection``), ``words`` says it.
    ``disagreement`` says how metadata and picture contradict each other, empty if they do not.
    """

    projection: Projection
    stereo: Stereo
    source: Source
    bounds: Bounds
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    reading: VideoDecodeSpec | None
    reason: str
    words: str
    disagreement: str = ""

    def to_json(self, stream: VideoStream) -> dict[str, Any]:
        """The ``video`` part of an inspection."""
        return {
            "codec": "mv-hevc" if stream.views > 1 else stream.codec,
            "width": stream.width,
            "height": stream.height,
            "fps": stream.fps,
            "projection": self.projection,
            "projection_source": self.source,
            "stereo": self.stereo,
            "bounds_deg": self.bounds.degrees(),
            "yaw_deg": round(self.yaw_deg, 4),
            "pitch_deg": round(self.pitch_deg, 4),
            "roll_deg": round(self.roll_deg, 4),
            "disagreement": self.disagreement,
        }


def weigh_picture(
    path: Path, stream: VideoStream, metadata: PictureMetadata, guess: PictureGuess, *, drop_sei: bool, turn: Turn = ""
) -> PictureFacts:
    """Decide what the picture is. ``stream`` has the size after ``turn``, what the display matrix does.

    ``drop_sei``: a frame states its stereo layout by itself.
    """
    reading = VideoDecodeSpec(
        width=stream.width,
        height=stream.height,
        codec=stream.codec,
        stream=stream.index,
        drop_sei=drop_sei and stream.codec in ("h264", "hevc"),
        turn=turn,
    )
    if metadata.projection is None:
        return _from_content(reading, guess, "content", disagreement="")
    stated = replace(
        reading,
        projection=metadata.projection,
        stereo=metadata.stereo or "mono",
        right_eye_first=metadata.right_eye_first,
        bounds=metadata.bounds,
        yaw_deg=metadata.yaw_deg,
        pitch_deg=metadata.pitch_deg,
        roll_deg=metadata.roll_deg,
        cubemap_layout="cbmp",
        cubemap_padding=metadata.cubemap_padding,
        mesh=metadata.mesh,
    )
    if metadata.named:
        return _from_name(stated, metadata.named, guess)
    if metadata.projection == "mesh":
        return _from_mesh(path, stated, guess)
    if metadata.projection == "cubemap":
        if metadata.cubemap_layout != 0:
            return _from_content(reading, guess, "content", disagreement=f"cubemap layout {metadata.cubemap_layout}")
        return _accepted(stated, "metadata")
    extent = 360 * metadata.bounds.width
    if extent < LEAST_EXTENT_DEG:
        words = f"metadata says that the picture covers {extent:.0f}° of the horizon, expected 360°"
        return _refused(stated, "half_equirectangular", "metadata", "vr180", words)
    if metadata.bounds != Bounds():
        return _accepted(stated, "metadata")
    return _against_content(reading, stated, guess)


def _against_content(reading: VideoDecodeSpec, stated: VideoDecodeSpec, guess: PictureGuess) -> PictureFacts:
    """Metadata says whole equirectangular: does the picture agree?"""
    agrees = guess.projection == stated.projection and guess.stereo == stated.stereo
    if agrees:
        return _accepted(stated, "both")
    name = {"mono": "equirectangular", "top-bottom": "equirectangular-tb", "left-right": "equirectangular-lr"}
    score = guess.scores.get(name[stated.stereo])
    other = f"metadata says equirectangular {stated.stereo}, the picture looks {guess.projection} {guess.stereo}"
    if guess.projection == "unknown" and _speaks_against(guess, stated, score):
        return _from_content(reading, guess, "none", disagreement=other)
    if guess.projection == "unknown" or (score is not None and score > _CLEARLY_WRONG and _same_sphere(guess, stated)):
        return _accepted(stated, "metadata")
    faces = guess.projection in ("eac", "cubemap")
    torn = score is None or score <= (_BESIDE_FACES if faces else _CLEARLY_WRONG)
    if torn or guess.stereo != stated.stereo:
        return _from_content(reading, guess, "content", disagreement=other)
    return _accepted(stated, "metadata", disagreement=other)


def _speaks_against(guess: PictureGuess, stated: VideoDecodeSpec, score: float | None) -> bool:
    """Whether a picture that nobody understands is at least not what the metadata say: torn seams, or two eyes."""
    lies = _hides_an_eye(guess, stated) or _invents_an_eye(guess, stated)
    return (score is not None and score <= REJECT) or lies or not _plausible_shape(stated)


def _plausible_shape(stated: VideoDecodeSpec) -> bool:
    """Whether an eye has a shape to which somebody might have squeezed a whole sphere."""
    _, _, width, height = stated.eye
    return _SHAPES[0] < (stated.width * width) / (stated.height * height) < _SHAPES[1]


def _hides_an_eye(guess: PictureGuess, stated: VideoDecodeSpec) -> bool:
    """Whether one picture is stated where there are two that are alike."""
    alike = max(guess.measures.get(f"likeness_{way}", 0.0) for way in ("top_bottom", "left_right"))
    return stated.stereo == "mono" and alike > _TWO_EYES


def _invents_an_eye(guess: PictureGuess, stated: VideoDecodeSpec) -> bool:
    """Whether two eyes are stated where the halves of the picture have nothing in common."""
    likeness = guess.measures.get(f"likeness_{stated.stereo.replace('-', '_')}", 1.0)
    return stated.stereo != "mono" and likeness < _NO_EYES


def _same_sphere(guess: PictureGuess, stated: VideoDecodeSpec) -> bool:
    weak = guess.scores.get(guess.layout, 0.0) < ACCEPT + 1
    lies = _hides_an_eye(guess, stated) or _invents_an_eye(guess, stated)
    return guess.projection == stated.projection and weak and not lies


def _from_mesh(path: Path, stated: VideoDecodeSpec, guess: PictureGuess) -> PictureFacts:
    try:
        extent = horizontal_extent_deg(lookup_map(path, stated, *_MESH_LOOK))
    except ItemError as error:
        facts = _from_content(
            replace(stated, projection="unknown", mesh=None), guess, "content", disagreement=str(error)
        )
        return facts
    if extent < LEAST_EXTENT_DEG:
        words = f"the projection mesh covers {extent:.0f}° of the horizon, expected 360°"
        return _refused(stated, "half_equirectangular", "metadata", "vr180", words)
    return _accepted(stated, "metadata")


def _from_name(stated: VideoDecodeSpec, named: str, guess: PictureGuess) -> PictureFacts:
    """Metadata name a picture that cannot be unrolled: only what surely is a sphere overrules them."""
    if guess.projection in ("equirectangular", "eac", "cubemap"):
        other = f"metadata says {named}, the picture looks {guess.projection} {guess.stereo}"
        plain = replace(stated, projection="unknown", stereo="mono", right_eye_first=False, bounds=Bounds())
        return _from_content(plain, guess, "content", disagreement=other)
    reason = "not-360" if stated.projection == "flat" else "unknown-projection"
    return _refused(stated, stated.projection, "metadata", reason, f"metadata says {named}")


def _from_content(reading: VideoDecodeSpec, guess: PictureGuess, source: Source, *, disagreement: str) -> PictureFacts:
    plain = replace(reading, projection=guess.projection, stereo=guess.stereo)
    if guess.projection in ("equirectangular", "eac", "cubemap"):
        layout = known_layouts()[guess.layout]
        return _accepted(replace(plain, cubemap_layout=layout.cubemap_layout), source, disagreement=disagreement)
    reason = {"flat": "not-360", "half_equirectangular": "vr180"}.get(guess.projection, "unknown-projection")
    words = guess.reason
    if guess.projection == "fisheye":
        words += "; stitch it to equirectangular first"
    if guess.projection == "unknown":
        source = "none"
    return _refused(plain, guess.projection, source, reason, words, disagreement)


def _accepted(reading: VideoDecodeSpec, source: Source, *, disagreement: str = "") -> PictureFacts:
    return PictureFacts(
        projection=reading.projection,
        stereo=reading.stereo,
        source=source,
        bounds=reading.bounds,
        yaw_deg=reading.yaw_deg,
        pitch_deg=reading.pitch_deg,
        roll_deg=reading.roll_deg,
        reading=reading,
        reason="",
        words="",
        disagreement=disagreement,
    )


def _refused(
    reading: VideoDecodeSpec, projection: Projection, source: Source, reason: str, words: str, disagreement: str = ""
) -> PictureFacts:
    facts = _accepted(reading, source, disagreement=disagreement)
    return replace(facts, projection=projection, reading=None, reason=reason, words=words)
