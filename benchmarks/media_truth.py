"""How often is the truth about a file found? A matrix of files with known truth, and a table.

    python -m benchmarks.media_truth [--rows N] [--first-seed N] [--part K/N] [--log FILE]

Each row is one file: a scene in a projection and stereo layout, a codec and container, metadata that
is true, stripped or false, and a kind of sound. Files are made, inspected as ``yt360 inspect`` does,
and counted: right, unknown, wrong. ``true`` only stands for what a writer can describe; a flat picture and
a dual fisheye have no metadata of their own and count as stripped. With ``--log`` a run that was cut off goes
on where it ended, and several parts (``--part 0/2``, ``--part 1/2``) make one table. Scenes and sounds from
``--first-seed`` on were never used to set a threshold.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.media_containers import cbmp, encode, equi, insert_boxes, mshp, spherical_xml, st3d, sv3d
from benchmarks.media_meshes import layout_mesh
from benchmarks.media_scenes import flat_view, make_scene
from benchmarks.media_sounds import INVALID, RATE_HZ, REPAIRABLE, VALID
from yt360.errors import ItemError
from yt360.media import ffmpeg
from yt360.media.inspect import Inspection, inspect_media
from yt360.media.layouts import Layout, draw, dual_fisheye, half_equirectangular, known_layouts

SIZES = {"equirectangular-tb": (480, 480), "equirectangular-lr": (240, 960), "cubemap-6x1": (120, 720),
         "cubemap-1x6": (720, 120), "half-left-right": (360, 720), "dual-fisheye": (360, 720)}  # fmt: skip
PICTURES = (*known_layouts(), "squeezed", "flat", "half-left-right", "dual-fisheye")
CARRIERS = (("h264", "mp4"), ("h264", "mkv"), ("vp9", "webm"), ("mjpeg", "mkv"))
METADATA = ("true", "stripped", "false")
BARE = ("flat", "dual-fisheye")
"""Pictures that no container can describe."""

SOUNDS = {**VALID, **REPAIRABLE, **INVALID}
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


def make(row: Row, folder: Path) -> Path:
    """Write the file of a row."""
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


def judge_picture(row: Row, found: Inspection) -> str:
    """``right``, ``unknown`` or ``wrong``."""
    picture, layout = found.picture, _layout(row.picture)
    if picture is None or picture.projection == "unknown":
        return "unknown"
    if row.picture in ("flat", "half-left-right", "dual-fisheye"):
        return "right" if picture.reading is None else "wrong"
    projection = "mesh" if picture.projection == "mesh" else layout.projection
    stereo = picture.stereo if projection == "mesh" else layout.stereo
    return "right" if (picture.projection, picture.stereo) == (projection, stereo) else "wrong"


def judge_sound(row: Row, found: Inspection) -> str:
    """``right`` if valid or repairable sound is kept and other sound refused."""
    usable = bool(found.ambisonic and found.ambisonic.reading)
    return "right" if usable == (row.sound not in INVALID) else "wrong"


def count(row: Row) -> dict[str, str]:
    """Make and inspect the file of a row: what came out for picture and sound, and in words where that is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = inspect_media(make(row, Path(folder)))
        except ItemError as error:
            return {"picture": "wrong", "sound": "wrong", "words": f"{error.kind}: {error}"}
    verdict, heard = judge_picture(row, found), judge_sound(row, found)
    seen = f"{found.picture.projection} {found.picture.stereo}" if found.picture else "nothing"
    return {"picture": verdict, "sound": heard, "words": f"{seen}; {found.reasons()}"}


def main() -> None:
    """Make, inspect, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=None, help="only so many rows, spread over the matrix")
    parser.add_argument("--scenes", type=int, default=24)
    parser.add_argument("--first-seed", type=int, default=5000)
    parser.add_argument("--part", default="0/1", help="K/N: only every Nth row from the Kth")
    parser.add_argument("--log", type=Path, help="append what was found here, and skip what is there already")
    options = parser.parse_args()
    rows = list(matrix(options.scenes, options.first_seed))
    if options.rows:
        rows = [rows[k] for k in np.linspace(0, len(rows) - 1, options.rows).astype(int)]
    known = _read_log(options.log)
    part, parts = (int(value) for value in options.part.split("/"))
    for number in tqdm(range(part, len(rows), parts), unit="file"):
        name = f"{number}: {rows[number]}"
        if name in known:
            continue
        known[name] = count(rows[number])
        if options.log:
            with options.log.open("a") as file:
                file.write(json.dumps({"row": name, **known[name]}) + "\n")
    known |= _read_log(options.log)
    found = [(row, known[f"{k}: {row}"]) for k, row in enumerate(rows) if f"{k}: {row}" in known]
    pictures: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    sounds: dict[str, Counter[str]] = defaultdict(Counter)
    misses = []
    for row, result in found:
        pictures[row.picture, row.metadata][result["picture"]] += 1
        sounds[row.sound][result["sound"]] += 1
        if "wrong" in (result["picture"], result["sound"]):
            made = f"{row.picture} {row.metadata} {row.carrier} scene {row.seed} {row.sound} {row.sound_seed}"
            misses.append(f"{made}: {result['words'][:160]}")
    _print_table(pictures, sounds, misses, len(found))


def _read_log(path: Path | None) -> dict[str, dict[str, str]]:
    if path is None or not path.exists():
        return {}
    return {entry.pop("row"): entry for entry in map(json.loads, path.read_text().splitlines())}


def _print_table(
    pictures: dict[tuple[str, str], Counter[str]], sounds: dict[str, Counter[str]], misses: list[str], count: int
) -> None:
    print(f"{count} files\n\n{'picture':22s} {'metadata':9s} right unknown wrong")
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for (picture, metadata), counted in sorted(pictures.items()):
        total[metadata].update(counted)
        print(f"{picture:22s} {metadata:9s} {counted['right']:5d} {counted['unknown']:7d} {counted['wrong']:5d}")
    for metadata, counted in sorted(total.items()):
        share = 100 / max(1, sum(counted.values()))
        print(
            f"all {metadata}: right {counted['right'] * share:.1f} %, unknown {counted['unknown'] * share:.1f} %, "
            f"wrong {counted['wrong'] * share:.1f} %"
        )
    unstated = total["stripped"] + total["false"]
    share = 100 / max(1, sum(unstated.values()))
    print("stripped or false: " + ", ".join(f"{k} {unstated[k] * share:.1f} %" for k in ("right", "unknown", "wrong")))
    print(f"\n{'sound':22s} right wrong")
    for sound, counted in sorted(sounds.items()):
        print(f"{sound:22s} {counted['right']:5d} {counted['wrong']:5d}")
    print("\nmisses\n" + "\n".join(misses))


if __name__ == "__main__":
    main()
