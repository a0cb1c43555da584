"""Stills: recall of each kind of still, and how many moving controls stay; after real encoders.

Part of ``python -m benchmarks.filters``. Pictures are procedural panoramas (held-out seeds), and two photographs
where they lie beside the checkout. Every video goes through the stage as a file.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.filters_tables import row
from benchmarks.media_scenes import make_scene
from yt360 import sphere
from yt360.engine.stage import Context, Done, Item
from yt360.media import ffmpeg
from yt360.stages.stills import Stills

MEDIA = Path(__file__).parents[1] / "../shared/media"
HEIGHT, WIDTH, FPS, SECONDS = 320, 640, 8, 12
COUNT = FPS * SECONDS
CODECS = (
    ("libx264", ["-preset", "veryfast", "-crf", "23"]),
    ("libx264", ["-preset", "veryfast", "-crf", "32"]),
    ("libvpx-vp9", ["-deadline", "realtime", "-cpu-used", "8", "-crf", "40", "-b:v", "0"]),
)
Picture = NDArray[np.float32]
Frame = NDArray[np.floating]
Film = Callable[[np.random.Generator, Picture, Picture], Iterator[Frame]]


def _grain(rng: np.random.Generator, picture: Picture, strength: float) -> Picture:
    return (picture + rng.standard_normal(picture.shape[:2])[..., None] * strength).astype(np.float32)


def _turned(picture: Picture, yaw: float, pitch: float = 0.0) -> Picture:
    rotation = sphere.pitch_rotation(pitch) @ sphere.yaw_rotation(yaw)
    return np.asarray(sphere.rotate_picture(picture, rotation, "linear"), np.float32)


def _boxed(picture: Picture, row_: float, column: float, size: tuple[int, int], patch: Picture) -> Picture:
    out = picture.copy()
    top, left = round(row_), round(column) % (WIDTH - size[1])
    out[top : top + size[0], left : left + size[1]] = patch[: size[0], : size[1]]
    return out


def still(grain: float) -> Film:
    def film(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
        for _ in range(COUNT):
            yield _grain(rng, picture, grain) if grain else picture

    return film


def flicker(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
    for frame in range(COUNT):
        yield picture * (1 + 0.06 * np.sin(1.7 * frame) + 0.02 * rng.standard_normal())


def slides(fade_s: float) -> Film:
    def film(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
        shown = [
            np.roll(each, int(rng.integers(WIDTH)), axis=1) for each in (picture, other, picture * 0.8, other[:, ::-1])
        ]
        for frame in range(COUNT):
            number, within = divmod(frame, COUNT // 4)
            share = min(1.0, within / FPS / fade_s) if fade_s and number else 1.0
            yield shown[min(number, 3)] * share + shown[max(0, min(number, 3) - 1)] * (1 - share)

    return film


def logo(size: int, grain: float) -> Film:
    def film(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
        patch = np.full((size, size, 3), rng.uniform(120, 255, 3), np.float32)
        patch[size // 4 : -size // 4, size // 4 : -size // 4] = rng.uniform(0, 100, 3)
        at, speed = (
            np.array([rng.uniform(80, 200), rng.uniform(60, 500)]),
            rng.uniform(2, 7, 2) * rng.choice([-1, 1], 2),
        )
        for _ in range(COUNT):
            at = at + speed
            speed = np.where((at < [40, 10]) | (at > [HEIGHT - 60, WIDTH - 60]), -speed, speed)
            yield _boxed(_grain(rng, picture, grain) if grain else picture, at[0], at[1], (size, size), patch)

    return film


def title(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
    words = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(words, "A MORNING AT THE MARKET", (120, 170), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    for frame in range(COUNT):
        share = np.clip(1.5 * np.sin(2 * np.pi * frame / FPS / 4), 0, 1)
        yield picture + (255 - picture) * (share * words[..., None] / 255)


def turning(grain: float, pitch: bool = False) -> Film:
    def film(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
        speed = np.radians(rng.uniform(2, 25) / FPS) * rng.choice([-1, 1])
        for frame in range(COUNT):
            seen = _turned(picture, speed * frame, np.radians(8) * np.sin(frame / FPS) * pitch)
            yield _grain(rng, seen, grain) if grain else seen

    return film


def scrolling(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
    step = int(rng.integers(1, 6))
    for frame in range(COUNT):
        yield np.roll(picture, step * frame, axis=1)


def moving_patch(share: float, grain: float, dark: float = 1.0) -> Film:
    """One thing of ``share`` of the picture walks about in front of a fixed camera."""

    def film(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
        height = round(np.sqrt(share * HEIGHT * WIDTH * 2))
        size = (height, max(4, height // 2))
        begin, speed = rng.uniform(0, WIDTH), rng.uniform(1.5, 6) * rng.choice([-1, 1])
        for frame in range(COUNT):
            sway = 3 * np.sin(frame / 3)
            shown = _boxed(picture, HEIGHT / 2 + sway, begin + speed * frame, size, other[100:, 200:])
            yield _grain(rng, shown * dark, grain)

    return film


def _world_thing(picture: Picture, elevation: float, column: float, look: Picture) -> Picture:
    """``look`` at an elevation (radians), as wide there as a thing of its size is in an equirectangular picture."""
    height, width = look.shape[:2]
    wide = cv2.resize(look, (max(4, round(width / np.cos(elevation))), height), interpolation=cv2.INTER_LINEAR)
    top, left = round((0.5 - elevation / np.pi) * HEIGHT - height / 2), round(column) % (WIDTH - wide.shape[1])
    out = picture.copy()
    there = wide[..., 3:] / 255
    place = out[top : top + height, left : left + wide.shape[1]]
    place[:] = place * (1 - there) + wide[..., :3] * there
    return out


def balloon(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
    """It rises and drifts, and keeps its size on the sphere."""
    size = 44
    rows, columns = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    look = np.concatenate([other[100 : 100 + size, 200 : 200 + size], np.zeros((size, size, 1), np.float32)], axis=2)
    look[..., 3] = 255 * (rows**2 + columns**2 < 1)
    begin, drift, up = rng.uniform(0, WIDTH), rng.uniform(-3, 3), np.radians(rng.uniform(4.2, 5.0))
    for frame in range(COUNT):
        elevation = np.radians(-8) + up * frame / FPS
        yield _grain(rng, _world_thing(picture, elevation, begin + drift * frame, look), 1.2)


def bird(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
    """It flaps, comes nearer and crosses the sky."""
    begin, speed, tone = rng.uniform(0, WIDTH), rng.uniform(3, 6) * rng.choice([-1, 1]), rng.uniform(10, 70)
    for frame in range(COUNT):
        span = round(30 + 26 * frame / COUNT)
        look = np.full((span, span, 4), tone, np.float32)
        rows, columns = np.mgrid[0:span, 0:span] / (span - 1) * 2 - 1
        wing = 0.75 * np.sin(2.3 * frame) * np.abs(columns)
        look[..., 3] = 255 * ((np.abs(rows - wing) < 0.16) | (rows**2 * 4 + columns**2 * 12 < 1))
        elevation = np.radians(5 + 35 * frame / COUNT)
        yield _grain(rng, _world_thing(picture, elevation, begin + speed * frame, look), 1.2)


def shimmer(strength: float) -> Film:
    def film(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
        rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
        for frame in range(COUNT):
            waves = np.sin(rows * 0.5 + 2.2 * frame) * np.sin(columns * 0.11 - 1.1 * frame) * (rows > 0.6 * HEIGHT)
            yield _grain(rng, picture + strength * waves[..., None], 1.2)

    return film


def sunset(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
    sky = (np.arange(HEIGHT) < HEIGHT // 2)[:, None, None]
    for frame in range(COUNT):
        yield _grain(rng, picture * np.where(sky, 1 - 0.3 * frame / COUNT, 1 - 0.6 * frame / COUNT), 1.2)


def walk(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
    """A camera that moves: near things pass in front of far ones."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    near = (np.sin(columns * 2 * np.pi * 4 / WIDTH) + np.sin(rows / 23) > 0.3)[..., None]
    for frame in range(COUNT):
        mask = np.roll(near, 4 * frame, axis=1)
        yield _grain(rng, np.where(mask, np.roll(other, 4 * frame, axis=1), np.roll(picture, frame, axis=1)), 1.2)


def turning_alive(rng: np.random.Generator, picture: Picture, other: Picture) -> Iterator[Frame]:
    """A camera that turns in a world where things move."""
    speed = np.radians(rng.uniform(2, 15) / FPS)
    starts, speeds = rng.uniform(0, WIDTH, 5), rng.uniform(2, 6, 5) * rng.choice([-1, 1], 5)
    for frame in range(COUNT):
        shown = picture
        for start, pace in zip(starts, speeds, strict=True):
            shown = _boxed(shown, HEIGHT * 0.48, start + pace * frame, (34, 24), other[120:, 100:])
        yield _grain(rng, _turned(shown, speed * frame), 1.2)


STILLS: dict[str, Film] = {
    "still image": still(0.0),
    "still with noise": still(2.0),
    "still with strong noise": still(6.0),
    "still with flicker": flicker,
    "slide show": slides(0.0),
    "slide show that fades": slides(0.8),
    "still with a small logo": logo(20, 0.0),
    "still with a logo": logo(40, 0.0),
    "still with a title": title,
    "turning still": turning(0.0),
    "turning still with noise": turning(2.5),
    "still turned in two axes": turning(0.0, pitch=True),
    "scrolling still": scrolling,
}
MOVING: dict[str, Film] = {
    "one moving thing, 0.9 %": moving_patch(0.009, 1.2),
    "one moving thing, 0.5 %": moving_patch(0.005, 1.2),
    "one moving thing, 2 %, grainy": moving_patch(0.02, 4.0),
    "balloon that rises": balloon,
    "bird that crosses the sky": bird,
    "dark night": moving_patch(0.009, 1.0, dark=0.12),
    "slow sunset": sunset,
    "water that shimmers": shimmer(8.0),
    "water that hardly shimmers": shimmer(4.0),
    "moving camera": walk,
    "turning camera, living world": turning_alive,
}


def pictures(seed: int) -> tuple[Picture, Picture]:
    """Two panoramas ``(320, 640, 3)``; every third pair has a photograph in it, where there are any."""
    found = [make_scene(seed + 7000 * k, HEIGHT, WIDTH).background for k in (0, 1)]
    photographs = sorted(MEDIA.glob("still_*.jpg")) if MEDIA.is_dir() else []
    if photographs and seed % 3 == 0:
        photograph = cv2.imread(str(photographs[seed // 3 % len(photographs)]))
        assert photograph is not None, "a photograph that OpenCV reads"
        found[0] = cv2.resize(photograph, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
        found[0] = np.roll(found[0], seed * 37 % WIDTH, axis=1)
    # As sharp as a lens leaves it.
    return tuple(cv2.GaussianBlur(each, (0, 0), 0.8) for each in found)  # type: ignore[return-value]


def verdict(film: Film, seed: int, scratch: Path) -> tuple[bool, dict[str, Any]]:
    """Whether the stage drops it, and what it measured."""
    rng = np.random.default_rng((44, seed))
    codec, words = CODECS[seed % len(CODECS)]
    path = scratch / "v.mkv"
    data = b"".join(np.clip(frame + 0.5, 0, 255).astype(np.uint8).tobytes() for frame in film(rng, *pictures(seed)))
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "pipe:0"]
    ffmpeg.run(
        [*shape, "-c:v", codec, *words, "-pix_fmt", "yuv420p", "-threads", "1", "-y", str(path)],
        timeout_s=300,
        stdin=data,
    )
    reading = {"height": HEIGHT, "width": WIDTH, "projection": "equirectangular"}
    (scratch / "facts.json").write_text(
        json.dumps({"picture_reading": reading, "start_s": 0.0, "end_s": float(SECONDS)})
    )
    stage = Stills()
    outcome = stage.process(
        Item("v", "v", files={"video": path, "facts": scratch / "facts.json"}), Context(scratch, scratch)
    )
    assert isinstance(outcome, Done)
    return stage.decide(outcome.measures) is not None, dict(outcome.measures)


def measure(each: int, first_seed: int) -> list[list[str]]:
    """Rows of the table."""
    rows, kept = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for kinds, wanted in ((STILLS, True), (MOVING, False)):
            for name, film in kinds.items():
                found = [verdict(film, first_seed + k, Path(scratch))[0] == wanted for k in range(each)]
                kept += [] if wanted else found
                rows.append(
                    row(("dropped: " if wanted else "kept: ") + name, sum(found), each, ">= 0.98" if wanted else "")
                )
    rows.append(row("kept: all moving controls", sum(kept), len(kept), ">= 0.99"))
    return rows
