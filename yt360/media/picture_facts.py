"""What the picture of a file is and how it is read: what its metadata say, held against what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from yt360.errors import ItemError
from yt360.media.containers.spatial import Bounds, PictureMetadata, Projection, Stereo
from yt360.media.lookup import lookup_map
from yt360.media.mesh import horizontal_extent_deg
from yt360.media.picture import Turn, VideoDecodeSpec
from yt360.media.probe import VideoStream
from yt360.media.projection.content import PictureGuess
from yt360.media.projection.decision import PictureThresholds, decide_picture
from yt360.media.projection.hypotheses import Hypothesis, hypotheses
from yt360.media.projection.layouts import known_layouts
from yt360.media.projection.words import picture_words, reason_code

Source = Literal["metadata", "content", "both", "none"]

LEAST_EXTENT_DEG = 200.0
"""A picture that covers less of the horizon is VR180 or a plain camera."""

_MESH_LOOK = (90, 180)
"""Height and width at which the extent of a mesh is measured."""

_SIDE_BY_SIDE = {"mono": "", "top-bottom": "-tb", "left-right": "-lr"}
"""Name of an equirectangular hypothesis: what its stereo layout adds to it."""


@dataclass(frozen=True)
class PictureFacts:
    """``reading`` is None where the picture cannot be turned into a full equirectangular one.

    ``reason`` is the code for that (``not-360``, ``vr180``, ``unknown-projection``), ``words`` says it.
    ``disagreement`` says how metadata and picture contradict each other, empty if they do not.
    ``stated`` is the hypothesis that the metadata name (:func:`yt360.media.projection.decision.stated_prior`),
    ``taken`` the one by which the picture is read, ``likeliest`` what the decision was between, name and
    probability, best first, and ``scores`` what it came from; all are empty where the metadata alone decide (a mesh,
    a part of the sphere).
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
    stated: str = ""
    taken: str = ""
    likeliest: tuple[tuple[str, float], ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    def to_json(self, stream: VideoStream) -> dict[str, Any]:
        """The ``video`` part of an inspection."""
        return {
            "codec": stream.coded_as,
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
            "likeliest": {name: round(probability, 4) for name, probability in self.likeliest},
        }


def weigh_picture(
    path: Path,
    stream: VideoStream,
    metadata: PictureMetadata,
    guess: PictureGuess,
    *,
    drop_sei: bool,
    turn: Turn = "",
    start_s: float = 0.0,
    thresholds: PictureThresholds | None = None,
) -> PictureFacts:
    """Decide what the picture is. ``stream`` has the size after ``turn``, what the display matrix does.

    ``drop_sei``: a frame states its stereo layout by itself. ``start_s`` is where the file's clock starts.
    """
    reading = VideoDecodeSpec(
        width=stream.width,
        height=stream.height,
        codec=stream.codec,
        stream=stream.index,
        drop_sei=drop_sei and stream.codec in ("h264", "hevc"),
        turn=turn,
        edits=tuple((round(at - start_s, 6), begin, length) for at, begin, length in metadata.edits),
    )
    thresholds = thresholds or PictureThresholds()
    if metadata.projection is None:
        return _weighed(reading, None, "", guess, thresholds)
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
        return _from_name(reading, metadata, guess, thresholds)
    if metadata.projection == "mesh":
        return _from_mesh(path, stated, guess, thresholds)
    if metadata.projection == "cubemap" and metadata.cubemap_layout != 0:
        facts = _weighed(reading, None, "", guess, thresholds)
        return replace(facts, disagreement=f"cubemap layout {metadata.cubemap_layout}")
    if metadata.projection == "cubemap" and metadata.cubemap_padding:
        # Between its faces lie pixels that are no part of any: seams cannot be looked for.
        return _accepted(stated, "metadata")
    extent = 360 * metadata.bounds.width
    if extent < LEAST_EXTENT_DEG:
        words = f"metadata says that the picture covers {extent:.0f}° of the horizon, expected 360°"
        return _refused(stated, "half_equirectangular", "metadata", "vr180", words)
    if metadata.bounds != Bounds():
        return _accepted(stated, "metadata")
    return _weighed(reading, stated, _stated_name(metadata), guess, thresholds)


def _stated_name(metadata: PictureMetadata) -> str:
    """The hypothesis that the metadata name, with ``-?`` behind it where they are silent on stereo."""
    stereo = metadata.stereo or "mono"
    if metadata.projection == "equirectangular":
        name = f"equirectangular{_SIDE_BY_SIDE[stereo]}"
        return f"{name}-?" if metadata.stereo is None else name
    if metadata.projection == "cubemap":
        return "cubemap-cbmp"
    if metadata.projection == "eac":
        return "eac-lr" if stereo == "left-right" else "eac"
    short = {"half_equirectangular": "half", "fisheye": "fisheye", "flat": "flat"}.get(metadata.projection or "", "")
    name = f"{short}-{stereo}"
    return name if name in hypotheses() else ""


def _weighed(
    reading: VideoDecodeSpec,
    stated: VideoDecodeSpec | None,
    name: str,
    guess: PictureGuess,
    thresholds: PictureThresholds,
) -> PictureFacts:
    """The picture against what the metadata say, ``stated`` under the ``name`` of a hypothesis, if anything."""
    scores = guess.scores or dict.fromkeys(hypotheses(), 0.0)
    decision = decide_picture(scores, name, thresholds)
    best, shown = decision.best, guess.layout if guess.projection != "unknown" else ""
    agrees = best.name == name or (name.endswith("-?") and best.name.startswith(name.removesuffix("-?")))
    source: Source = "content" if not agrees else "both" if shown == best.name else "metadata"
    likeliest = tuple((hypothesis.name, probability) for hypothesis, probability in decision.likeliest(3))
    disagreement = ""
    if stated is not None and (not agrees or (shown and shown != best.name)):
        seen = hypotheses()[shown or best.name]
        said = f"metadata says {stated.projection} {stated.stereo}"
        disagreement = f"{said}, the picture looks {seen.projection} {seen.stereo}"
    if decision.kind == "sphere":
        spec = replace(reading, projection=best.projection, stereo=best.stereo, letterbox=_bars(stated, best, guess))
        if best.seams:
            spec = replace(spec, cubemap_layout=known_layouts()[best.seams].cubemap_layout)
        if stated is not None and agrees:
            spec = replace(stated, stereo=best.stereo)
        facts = _accepted(spec, source, disagreement=disagreement)
    else:
        plain = replace(reading, projection=best.projection, stereo=best.stereo)
        unknown = decision.kind == "unknown"
        facts = _refused(
            plain, "unknown" if unknown else best.projection, "none" if unknown else source,
            reason_code(decision), picture_words(decision, guess.measures), disagreement,
        )  # fmt: skip
    taken = best.name if facts.reading is not None else ""
    return replace(facts, stated=name, taken=taken, likeliest=likeliest, scores=scores)


def _bars(stated: VideoDecodeSpec | None, taken: Hypothesis, guess: PictureGuess) -> float:
    """Height of black bars, where the picture between them is what is taken; a statement is on the whole frame."""
    return guess.letterbox if stated is None and taken.name == guess.layout else 0.0


def _from_mesh(path: Path, stated: VideoDecodeSpec, guess: PictureGuess, thresholds: PictureThresholds) -> PictureFacts:
    try:
        extent = horizontal_extent_deg(lookup_map(path, stated, *_MESH_LOOK))
    except ItemError as error:
        facts = _weighed(replace(stated, projection="unknown", mesh=None), None, "", guess, thresholds)
        return replace(facts, disagreement=str(error))
    if extent < LEAST_EXTENT_DEG:
        words = f"the projection mesh covers {extent:.0f}° of the horizon, expected 360°"
        return _refused(stated, "half_equirectangular", "metadata", "vr180", words)
    return _accepted(stated, "metadata")


def _from_name(
    reading: VideoDecodeSpec, metadata: PictureMetadata, guess: PictureGuess, thresholds: PictureThresholds
) -> PictureFacts:
    """Metadata name a picture that cannot be unrolled: only what surely is a sphere overrules them.

    What is more likely something else than the plain picture that they name, and not surely, is doubtful.
    """
    facts = _weighed(reading, None, _stated_name(metadata), guess, thresholds)
    if facts.reading is not None:
        other = f"metadata says {metadata.named}, the picture looks {facts.projection} {facts.stereo}"
        return replace(facts, disagreement=other)
    likeliest = facts.likeliest[0][0] if facts.likeliest else "flat"
    if metadata.projection == "flat" and facts.reason == "unknown-projection" and not likeliest.startswith("flat"):
        return replace(facts, disagreement=f"metadata says {metadata.named}")
    reason = "not-360" if metadata.projection == "flat" else "unknown-projection"
    stated = replace(reading, stereo=metadata.stereo or "mono", bounds=metadata.bounds)
    words = f"metadata says {metadata.named}"
    return _refused(stated, metadata.projection or "unknown", "metadata", reason, words)


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
