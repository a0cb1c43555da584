"""What :mod:`benchmarks.shots` joins and what must not be cut: recordings, and worlds that move.

Every join and every control is drawn from a seed of its own, so one can be made again without those before it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.media_scenes import make_scene
from yt360.media import ffmpeg

SHARED = Path(__file__).parents[1] / "../shared"
SIDES = {
    "fitted": (
        "media/G8pABGosD38l_17.webm",
        "media/NdE7uYVaynQl_0.webm",
        "media/KVvDejzzQjM_6.webm",
        "media/0FB9jMXMP8A_19.webm",
        "media/V_To4k9AJXc_20.webm",
        "media/aieThfuvmtY_151.webm",
        "media/V5IVN81wYrI_60.webm",
        "media/valiant360_overpass.mp4",
        "media/kqAZkf5Odyw_80.mp4",
    ),
    "other": (
        "real/video360/3dwonders_nerf_walk.mp4",
        "real/video360/omni_gt_QO-pWw4_z8Y_120.webm",
        "real/video360/omni_gt_Wc_gzO9i38k_15.webm",
        "real/video360/omni_gt_f2kvR5I8s3c_20.webm",
        "real/video360/omni_gt_gyFx147_35Q_52.webm",
        "real/video360/omni_gt_qWpImMW4DHI_87.webm",
        "real/video360/vrview_congo_2048_TB.mp4",
    ),
}
WORLDS = {"fitted": (960, 961, 962, 963, 964, 965), "other": (1000, 1001, 1002, 1003, 1004, 1005)}
"""Seeds of procedural worlds (:mod:`benchmarks.media_scenes`): outdoors, a room, a city, water, night, a stage."""

WIDTH, HEIGHT, FPS = 640, 320, 30
WORLD_S = 5
ENCODERS = (
    ("libx264", "-preset", "veryfast", "-crf", "23"),
    ("libx264", "-preset", "veryfast", "-crf", "34"),
    ("libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "40", "-b:v", "0"),
    ("libx265", "-preset", "ultrafast", "-crf", "32", "-x265-params", "log-level=none"),
    ("mpeg4", "-q:v", "9"),
)
KINDS = ("cut",) * 6 + ("dissolve",) * 2 + ("fade", "black")
Film = NDArray[np.uint8]
Span = tuple[float, float]
Treatment = Callable[[Film, np.random.Generator], Film]


@dataclass(frozen=True)
class Join:
    film: Film
    kind: str
    span_s: Span


@lru_cache(maxsize=2)
def recordings(side: str) -> tuple[Film, ...]:
    """The recordings of a side and its worlds, ``(frames, HEIGHT, WIDTH, 3)`` at :data:`FPS`."""
    found = [_decode(SHARED / name) for name in SIDES[side]]
    return (*found, *(make_scene(seed, HEIGHT, WIDTH).frames(WORLD_S * FPS, pace=0.4) for seed in WORLDS[side]))


def names(side: str) -> list[str]:
    """What :func:`recordings` gives, in words."""
    return [Path(name).stem for name in SIDES[side]] + [f"world {seed}" for seed in WORLDS[side]]


def _decode(path: Path) -> Film:
    eye = ["crop=iw:ih/2:0:0"] if "_TB" in path.stem else []
    filters = ",".join([*eye, f"fps={FPS}", f"scale={WIDTH}:{HEIGHT}:flags=area"])
    arguments = ["-i", str(path), "-map", "0:V:0", "-vf", filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    raw = subprocess.run([ffmpeg.executable(), "-v", "error", *arguments], check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def encode(film: Film, path: Path, encoder: tuple[str, ...]) -> None:
    head = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "pipe:0"]
    command = [ffmpeg.executable(), "-v", "error", "-y", *head, "-c:v", *encoder, "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, input=film.tobytes(), check=True, capture_output=True)


def _rolled(film: Film, columns: NDArray[np.floating]) -> Film:
    return np.stack([np.roll(frame, round(float(by)), axis=1) for frame, by in zip(film, columns, strict=True)])


def _shot(films: tuple[Film, ...], which: int, rng: np.random.Generator) -> Film:
    film, length = films[which], int(rng.integers(round(2.2 * FPS), round(4.5 * FPS)))
    start = int(rng.integers(0, max(1, len(film) - length)))
    piece = film[start : start + length]
    speed = rng.uniform(-60, 60) * WIDTH / 360 / FPS if rng.random() < 0.3 else 0.0
    return _rolled(piece, rng.integers(WIDTH) * (rng.random() < 0.3) + speed * np.arange(len(piece)))


def join(films: tuple[Film, ...], rng: np.random.Generator) -> Join:
    """Two pieces of two recordings, one after the other."""
    kind = str(rng.choice(KINDS))
    one, other = (_shot(films, int(which), rng) for which in rng.choice(len(films), 2, replace=False))
    count = len(one)
    if kind == "cut":
        return Join(np.concatenate([one, other]), kind, ((count - 1) / FPS, count / FPS))
    if kind == "black":
        gap = int(rng.integers(2, 40))
        film = np.concatenate([one, np.zeros((gap, HEIGHT, WIDTH, 3), np.uint8), other])
        return Join(film, kind, ((count - 1) / FPS, (count + gap) / FPS))
    length = int(rng.integers(round(0.25 * FPS), round((2.0 if kind == "dissolve" else 1.0) * FPS)))
    share = ((np.arange(length) + 0.5) / length)[:, None, None, None]
    if kind == "dissolve":
        middle = [one[-length:] * (1 - share) + other[:length] * share]
        span = ((count - length) / FPS, count / FPS)
    else:
        middle = [one[-length:] * (1 - share), other[:length] * share]
        span = ((count - length) / FPS, (count + length) / FPS)
    mixed = np.asarray(np.rint(np.concatenate(middle)), np.uint8)
    return Join(np.concatenate([one[:-length], mixed, other[length:]]), kind, span)


def _turning(speed_deg: float) -> Treatment:
    def treatment(film: Film, rng: np.random.Generator) -> Film:
        return _rolled(film, speed_deg * np.arange(len(film)) * WIDTH / 360 / FPS)

    return treatment


def _shaking(film: Film, rng: np.random.Generator) -> Film:
    return _rolled(film, np.cumsum(rng.normal(0, 4, len(film))))


def _flashes(film: Film, rng: np.random.Generator) -> Film:
    flashed = film.copy()
    for at in range(30, len(film) - 4, 41):
        flashed[at : at + 3] = np.clip(flashed[at : at + 3].astype(np.int16) + 150, 0, 255)
    return flashed


def _concert_lights(film: Film, rng: np.random.Generator) -> Film:
    lit = film.copy()
    for at in range(0, len(film), 17):
        lit[at : at + 17] = np.clip(lit[at : at + 17] * rng.uniform(0.25, 1.25, 3), 0, 255)
    return lit


def _focus(film: Film, rng: np.random.Generator) -> Film:
    blurs = [cv2.GaussianBlur(frame, (0, 0), 0.01 + 3 * abs(np.sin(k / 25))) for k, frame in enumerate(film)]
    return np.asarray(blurs, np.uint8)


CONTROLS: dict[str, Treatment] = {
    "as it is": lambda film, rng: film,
    "turning at 60°/s": _turning(60),
    "turning at 180°/s": _turning(180),
    "shaking": _shaking,
    "flashes": _flashes,
    "concert lights": _concert_lights,
    "focus": _focus,
}
"""What happens within one place."""
