"""The matrix of files of our own world: scenes and sounds by this project in every layout, codec and container.

``true`` only stands for what a writer can describe; a flat picture and a dual fisheye have no metadata of their own and
count as stripped.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.media_containers import cbmp, encode, equi, insert_boxes, mshp, spherical_xml, st3d, sv3d
from benchmarks.media_judging import Judged, gives_ambix, judge_picture, judge_sound
from benchmarks.media_meshes import layout_mesh
from benchmarks.media_scenes import flat_view, make_scene
from benchmarks.media_sounds import INVALID, RATE_HZ, REPAIRABLE, VALID
from yt360 import ambisonics
from yt360.media import ffmpeg
from yt360.media.inspection import Inspection
from yt360.media.projection.layouts import Layout, draw, dual_fisheye, half_equirectangular, known_layouts

SIZES = {"equirectangular-tb": (480, 480), "equirectangular-lr": (240, 960), "cubemap-6x1": (120, 720),
         "cubemap-1x6": (720, 120), "half-left-right": (360, 720), "dual-fisheye": (360, 720)}  # fmt: skip
PICTURES = (*known_layouts(), "squeezed", "flat", "half-left-right", "dual-fisheye")
CARRIERS = (("h264", "mp4"), ("h264", "mkv"), ("vp9", "webm"), ("mjpeg", "mkv"))
METADATA = ("true", "stripped", "false")
BARE = ("flat", "dual-fisheye")
"""Pictures that no container can describe."""

SOUNDS = {**VALID, **REPAIRABLE, **INVALID}
MIXING = {
    **{name: np.eye(4) for name in VALID},
    "fuma": ambisonics.from_ambix(np.eye(4), "fuma"),
    "xywz": np.eye(4)[[3, 1, 0, 2]] * np.array([1, 1, 1, 0.5**0.5])[:, None],
}
"""Channels ``(4, 4)`` from W Y Z X, where it is ambisonics. Nothing tells those of :data:`REPAIRABLE` for sure."""

REFUSED = ("flat", "half-left-right", "dual-fisheye")

SOUND_S = 10
REPEATS = 5


@dataclass(frozen=True)
class Row:
    """One file of the matrix."""

    picture: str
    carrier: tuple[str, str]
    metadata: str
    sound: str
    seed: int
    sound_seed: int = 0

    def make(self, path: Path) -> Path:
        """Write the file; ``path`` has no suffix yet, and its folder is empty."""
        return _make(self, path.parent)

    def judge(self, inspection: Inspection) -> list[Judged]:
        """What came out for picture and sound."""
        layout = _layout(self.picture)
        answer = "refuse" if self.picture in REFUSED else f"{layout.projection} {layout.stereo}"
        picture = judge_picture(inspection, answer).of(f"{self.picture}, metadata {self.metadata}", "pictures")
        mixing = MIXING.get(self.sound)
        accepts = None if mixing is None else partial(gives_ambix, mixing)
        sound = judge_sound(inspection, accepts, doubt=self.sound in REPAIRABLE).of(f"sound: {self.sound}", "sounds")
        return [picture, sound]


def matrix(scenes: int, first_seed: int) -> Iterator[Row]:
    """All rows; kinds of sound and scenes take turns, and no sound comes twice."""
    sounds = itertools.cycle(SOUNDS)
    seeds = itertools.cycle(range(first_seed, first_seed + scenes))
    sound_seeds = itertools.count(1000 * first_seed)
    for _ in range(REPEATS):
        for picture, carrier, metadata in itertools.product(PICTURES, CARRIERS, METADATA):
            if metadata != "true" or picture not in BARE:
                yield Row(picture, carrier, metadata, next(sounds), next(seeds), next(sound_seeds))


@lru_cache(maxsize=4)
def _scene(seed: int) -> NDArray[np.uint8]:
    return make_scene(seed, 240, 480).frames(3)


def _layout(picture: str) -> Layout:
    others = {"half-left-right": half_equirectangular("left-right"), "dual-fisheye": dual_fisheye()}
    return others.get(picture) or known_layouts().get(picture) or known_layouts()["equirectangular"]


def _frames(row: Row) -> NDArray[np.uint8]:
    if row.picture == "flat":
        found = flat_view(make_scene(row.seed, 240, 480), 3, 270, 480)
    else:
        layout = _layout(row.picture)
        height, width = (270, 480) if row.picture == "squeezed" else SIZES.get(row.picture, (240, 480))
        if layout.projection in ("eac", "cubemap") and row.picture not in SIZES:
            height, width = 320, 480
        found = np.stack([_drawn(layout, frame, height, width) for frame in _scene(row.seed)])
    return np.concatenate([found] * 7)


def _drawn(layout: Layout, frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    eye = draw(layout, frame, height, width)
    other = draw(layout, np.roll(frame, 2, axis=1), height, width)
    if layout.stereo == "left-right":
        eye[:, width // 2 :] = other[:, : width // 2]
    elif layout.stereo == "top-bottom":
        eye[height // 2 :] = other[: height // 2]
    return eye


def _boxes(row: Row) -> list[bytes]:
    """Metadata boxes of a row; the first use of V1 XML is left to :func:`make`."""
    layout = _layout(row.picture)
    if row.metadata == "stripped":
        return []
    if row.metadata == "false":
        # A whole equirectangular picture claims to be two eyes of one; everything else claims to be such a picture.
        plain = layout.projection == "equirectangular" and layout.stereo == "mono" and row.picture != "flat"
        return [st3d(1 if plain else 0), sv3d(equi())]
    mode = st3d({"mono": 0, "top-bottom": 1, "left-right": 2}[layout.stereo])
    if row.picture == "cubemap-cbmp":
        return [mode, sv3d(cbmp())]
    if layout.projection in ("eac", "cubemap"):
        return [st3d(3 if layout.stereo != "mono" else 0), sv3d(mshp(layout_mesh(layout)))]
    if layout.projection == "half_equirectangular":
        return [mode, sv3d(equi(left=0.25, right=0.25))]
    return [mode, sv3d(equi())]


def _make(row: Row, folder: Path) -> Path:
    rng = np.random.default_rng(row.sound_seed)
    codec, suffix = row.carrier
    sound = SOUNDS[row.sound](rng, SOUND_S * RATE_HZ)
    audio = "aac" if suffix == "mp4" else "pcm" if suffix == "mkv" else "opus"
    boxes = _boxes(row)
    path = folder / f"x.{suffix}"
    if not boxes:
        return encode(path, frames=_frames(row), fps=2, video=codec, sound=sound, audio=audio)
    bare = folder / "bare.mp4"
    encode(bare, frames=_frames(row), fps=2, video=codec if codec != "vp9" else "h264", sound=sound, audio="aac")
    if row.picture.startswith("equirectangular") and row.metadata == "true" and row.seed % 2 and suffix == "mp4":
        insert_boxes(bare, b"vide", spherical_xml(_layout(row.picture).stereo), in_track=True)
    else:
        insert_boxes(bare, b"vide", *boxes)
    if suffix != "mp4" and b"mshp" not in b"".join(boxes):
        # ffmpeg carries what it knows over to Matroska; a mesh it does not know.
        remuxed = folder / "x.mkv"
        copy = ["-c", "copy", "-strict", "unofficial", str(remuxed)]
        ffmpeg.run(["-y", *ffmpeg.input_arguments(bare), *copy], timeout_s=60)
        return remuxed
    return bare
