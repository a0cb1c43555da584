"""Films whose truth is known, for fitting what tells a still from a picture that lives.

Beside the films of ``benchmarks/filters_stills.py`` there are those that editors and the world make: slide shows that
zoom, badges that spin, titles that run; and people far away, leaves, clouds, snow, candles and lights. Pictures are
procedural, and photographs and recordings of a fixed part of what lies beside the checkout (:data:`PHOTOGRAPHS`,
:data:`RECORDINGS`); the others judge (``benchmarks/other_hands/films.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import filters_stills as plain
from benchmarks.media_scenes import make_scene

SHARED = Path(__file__).parents[1] / "../shared"
PHOTOGRAPHS = (
    "media/still_taj.jpg", "media/still_veste.jpg", "real/stills/vrview_chichen-itza.jpg",
    "real/stills/vrview_christ-redeemer.jpg", "real/stills/vrview_machu-picchu.jpg", "real/stills/vrview_petra.jpg",
)  # fmt: skip
RECORDINGS = (
    "media/0FB9jMXMP8A_19.webm", "media/G8pABGosD38l_17.webm", "media/KVvDejzzQjM_6.webm",
    "media/NdE7uYVaynQl_0.webm", "media/V5IVN81wYrI_60.webm", "media/V_To4k9AJXc_20.webm",
    "media/aieThfuvmtY_151.webm", "media/kqAZkf5Odyw_80.mp4",
)  # fmt: skip

HEIGHT, WIDTH, FPS, COUNT = plain.HEIGHT, plain.WIDTH, plain.FPS, plain.COUNT
Picture = plain.Picture
Film = plain.Film
Rng = np.random.Generator


def _zoomed(picture: Picture, scale: float, right: float, down: float) -> Picture:
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    matrix = np.array([[scale, 0, (1 - scale) * middle[0] + right], [0, scale, (1 - scale) * middle[1] + down]])
    return np.asarray(cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT), np.float32)


def zooming_slides(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """Photographs that grow or shrink and drift, as editors let them."""
    slides = int(rng.integers(1, 5))
    each = COUNT // slides
    plans = [
        (rng.uniform(1.03, 1.12), rng.uniform(0.01, 0.05) * rng.choice([-1, 1]), *rng.uniform(-6, 6, 2))
        for _ in range(slides)
    ]
    shown = [np.roll(source, int(rng.integers(WIDTH)), axis=1) for source in (picture, other) * slides]
    fade_s = float(rng.choice([0.0, 0.6]))
    for frame in range(COUNT):
        number, within = min(frame // each, slides - 1), frame % each

        def at(slide: int, time_s: float) -> Picture:
            start, speed, right, down = plans[slide]
            return _zoomed(shown[slide], max(1.0, start + 0.1 + speed * time_s), right * time_s, down * time_s / 3)

        now = at(number, within / FPS)
        if fade_s and number and within / FPS < fade_s:
            share = within / FPS / fade_s
            now = now * share + at(number - 1, (within + each) / FPS) * (1 - share)
        yield now


def _blend(
    picture: Picture, layer: NDArray[np.float32], alpha: NDArray[np.float32], row: float, column: float
) -> Picture:
    """``layer`` ``(h, w, 3)`` over a picture at a place that need not be whole; the seam wraps."""
    matrix = np.array([[1.0, 0.0, column % 1], [0.0, 1.0, row % 1]])
    size = (layer.shape[1] + 1, layer.shape[0] + 1)
    moved, cover = (cv2.warpAffine(each, matrix, size) for each in (layer, alpha))
    rows = (np.arange(size[1]) + int(row // 1)).clip(0, HEIGHT - 1)
    columns = (np.arange(size[0]) + int(column // 1)) % WIDTH
    out = picture.copy()
    place = np.ix_(rows, columns)
    out[place] = out[place] * (1 - cover[..., None]) + moved * cover[..., None]
    return out


def _words(words: str, height: int, width: int) -> NDArray[np.float32]:
    """How opaque each pixel of a line of words is, ``(height, width)``."""
    drawn = np.zeros((height, width), np.uint8)
    cv2.putText(drawn, words, (0, height - 5), cv2.FONT_HERSHEY_SIMPLEX, height / 34, 255, 2)
    return np.asarray(drawn / np.float32(255), np.float32)


def _emblem(rng: Rng, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A drawn emblem ``(size, wide, 3)`` and how opaque it is."""
    wide = int(size * rng.uniform(1, 3))
    layer = np.empty((size, wide, 3), np.float32)
    layer[:] = rng.uniform(0, 255, 3)
    mask = np.zeros((size, wide), np.float32)
    kind = int(rng.integers(3))
    if kind == 0:
        cv2.ellipse(mask, (wide // 2, size // 2), (wide // 2 - 1, size // 2 - 1), 0, 0, 360, 1.0, -1)
        cv2.circle(layer, (wide // 2, size // 2), size // 4, tuple(rng.uniform(0, 255, 3)), -1)
    elif kind == 1:
        mask = _words("LOGO", size, wide)
    else:
        mask[:] = 1
        layer[size // 4 : -size // 4, wide // 4 : -wide // 4] = rng.uniform(0, 255, 3)
    return layer, mask * np.float32(rng.uniform(0.6, 1.0))


def wandering_emblem(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    layer, mask = _emblem(rng, int(rng.integers(14, 60)))
    grain = float(rng.choice([0.0, 0.0, 1.0]))
    at = np.array([rng.uniform(60, 200), rng.uniform(0, WIDTH)])
    speed = rng.uniform([0.5, 0.5], [5, 7]) * rng.choice([-1, 1], 2)
    for _ in range(COUNT):
        at = at + speed
        if not 36 < at[0] < HEIGHT - 40 - layer.shape[0]:
            speed[0] = -speed[0]
            at[0] += 2 * speed[0]
        yield _blend(plain._grain(rng, picture, grain) if grain else picture, layer, mask, at[0], at[1])


def busy_badge(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """Something that stays where it is and spins, beats, or shows how loud it is."""
    yield from _badge(rng, picture, int(rng.integers(24, 70)))


def large_badge(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """The same, up to a fifth of the picture wide."""
    yield from _badge(rng, picture, int(rng.integers(60, 110)))


def _badge(rng: Rng, picture: Picture, size: int) -> Iterator[Picture]:
    kind = int(rng.integers(3))
    layer, mask = _emblem(rng, size)
    at, rate = (rng.uniform(60, HEIGHT - 140), rng.uniform(0, WIDTH)), rng.uniform(0.3, 3)
    levels = rng.uniform(0.1, 1, (COUNT, 12))
    for frame in range(COUNT):
        if kind == 0:
            turned = cv2.getRotationMatrix2D((layer.shape[1] / 2, size / 2), 360 * rate * frame / FPS, 1)
            shape = (layer.shape[1], size)
            shown, cover = (np.asarray(cv2.warpAffine(each, turned, shape), np.float32) for each in (layer, mask))
            yield _blend(picture, shown, cover, *at)
        elif kind == 1:
            yield _blend(picture, layer, mask * np.float32(0.5 + 0.5 * np.sin(2 * np.pi * rate * frame / FPS)), *at)
        else:
            bars = np.zeros((size, 12 * 8), np.float32)
            for bar, level in enumerate(levels[frame]):
                bars[round(size * (1 - level)) :, 8 * bar : 8 * bar + 6] = 1
            yield _blend(picture, np.full((*bars.shape, 3), 240, np.float32), bars, *at)


def captions(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """Lines of words, one after the other, each where it likes to be; they come at once, fade or slide in."""
    words = ("FOREST RAIN", "Part 2", "Relax and listen to the sea", "next: the harbour", "SUBSCRIBE")
    count, kind = int(rng.integers(2, 5)), int(rng.integers(3))
    each, tone = COUNT / count, np.float32(rng.choice([255, 255, 20]))
    lines = []
    for _ in range(count):
        high, text = int(rng.integers(22, 44)), str(rng.choice(words))
        cover = _words(text, high, high * len(text) * 2 // 3)
        if rng.random() < 0.3:  # a plate behind it
            cover = np.maximum(cover, np.float32(0.5))
        lines.append(
            (np.full((*cover.shape, 3), tone, np.float32), cover, rng.uniform(50, HEIGHT - 90), rng.uniform(0, WIDTH))
        )
    shown_s, fade_s = each / FPS * rng.uniform(0.5, 0.9), rng.uniform(0.3, 0.9)
    for frame in range(COUNT):
        number, within = min(int(frame / each), count - 1), frame % each / FPS
        layer, cover, row, column = lines[number]
        there = float(np.clip(min(within, shown_s - within) / fade_s, 0, 1))
        if kind == 0:
            there = float(there > 0)
        yield _blend(picture, layer, cover * np.float32(there), row, column - (60 * (1 - there) if kind == 2 else 0))


def ticker(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """A line of words that runs through, or a bar that grows."""
    strip = _words("RELAXING SOUNDS OF NATURE * SUBSCRIBE * 360 VIDEO", 24, 900)
    row, speed = int(rng.integers(70, HEIGHT - 90)), rng.uniform(2, 8)
    grows, white = rng.random() < 0.4, np.full((24, WIDTH, 3), 255, np.float32)
    for frame in range(COUNT):
        if grows:
            cover = np.zeros((24, WIDTH), np.float32)
            cover[8:16, : 40 + round(500 * frame / COUNT)] = 1
        else:
            cover = np.roll(strip, -round(speed * frame), axis=1)[:, :WIDTH]
        yield _blend(picture, white, np.ascontiguousarray(cover), row, 0)


def wiping_slides(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    slides = int(rng.integers(2, 6))
    shown = [np.roll(source, int(rng.integers(WIDTH)), axis=1) for source in (picture, other) * slides]
    each = COUNT // slides
    for frame in range(COUNT):
        number, within = min(frame // each, slides - 1), frame % each
        edge = WIDTH if not number else min(WIDTH, round(WIDTH * within / FPS / 0.7))
        out = shown[max(0, number - 1)].copy()
        out[:, :edge] = shown[number][:, :edge]
        yield out


def breathing(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """An editor's light: a photograph that grows brighter and darker, slowly or fast, at times with its contrast."""
    rate, depth, contrast = rng.uniform(0.1, 1.5), rng.uniform(0.04, 0.15), rng.random() < 0.5
    for frame in range(COUNT):
        # Up and down along straight lines, as key frames of an editor do.
        swing = 2 * abs(2 * (rate * frame / FPS % 1) - 1) - 1
        yield (picture - 110 * contrast) * np.float32(1 + depth * swing) + 110 * contrast


STILLS: dict[str, Film] = {
    **plain.STILLS,
    "slides that zoom": zooming_slides,
    "slides that zoom again": zooming_slides,
    "wandering emblem": wandering_emblem,
    "wandering emblem again": wandering_emblem,
    "busy badge": busy_badge,
    "large badge": large_badge,
    "captions": captions,
    "ticker": ticker,
    "slides that wipe": wiping_slides,
    "breathing": breathing,
}


def passers_by(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """One to five people or cars near the horizon: small, each at its own pace, limbs that swing."""
    count = int(rng.integers(1, 6))
    heights, paces = rng.integers(5, 26, count), rng.uniform(0.15, 3, count) * rng.choice([-1, 1], count)
    starts, tones = rng.uniform(0, WIDTH, count), rng.uniform(10, 245, (count, 3))
    rows, grain, dark = rng.uniform(0.46, 0.6, count) * HEIGHT, rng.uniform(0.4, 2), rng.choice([1.0, 1.0, 0.25])
    for frame in range(COUNT):
        shown = picture
        for height, pace, start, tone, row in zip(heights, paces, starts, tones, rows, strict=True):
            wide = max(3, height // 2)
            look = np.empty((height, wide, 3), np.float32)
            look[:] = tone
            look[: height // 3] *= 0.6
            mask = np.ones((height, wide), np.float32)
            swing = round(wide / 3 * np.sin(frame * 0.9 + start))
            mask[height // 2 :, : wide // 2 + swing] *= 0.3
            shown = _blend(shown, look, mask, row + 0.6 * np.sin(frame * 1.7), start + pace * frame)
        yield plain._grain(rng, shown * dark, grain)


def leaves(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """A part of the picture sways: trees, flags, grass, a crowd."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    middle, spread = rng.uniform(0, WIDTH), rng.uniform(15, 120)
    apart = np.abs((columns - middle + WIDTH / 2) % WIDTH - WIDTH / 2)
    where = np.exp(-((apart / spread) ** 2) - ((rows - rng.uniform(100, 220)) / rng.uniform(15, 60)) ** 2)
    reach, rate = rng.uniform(0.7, 4), rng.uniform(0.5, 2)
    for frame in range(COUNT):
        wave = np.sin(2 * np.pi * rate * frame / FPS + columns / 23 + rows / 17).astype(np.float32)
        bent = cv2.remap(picture, columns + where.astype(np.float32) * reach * wave, rows, cv2.INTER_LINEAR)
        yield plain._grain(rng, np.asarray(bent, np.float32), 0.8)


def clouds(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    sky = np.clip((0.46 - np.arange(HEIGHT) / HEIGHT) * 8, 0, 1)[:, None, None]
    veil = cv2.GaussianBlur(other, (0, 0), 6).mean(axis=2, keepdims=True)
    speed, dense = rng.uniform(0.4, 2.5), rng.uniform(0.25, 0.6)
    for frame in range(COUNT):
        moved = np.roll(veil, round(speed * frame), axis=1)
        yield plain._grain(rng, picture * (1 - sky * dense) + moved * sky * dense, 0.8)


def snow(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """Flakes or drops that fall in front of everything."""
    count = int(rng.integers(60, 400))
    at, pace = rng.uniform(0, [HEIGHT, WIDTH], (count, 2)), rng.uniform(4, 14, count)
    pale = 0.5 * picture + 90
    for _ in range(COUNT):
        at[:, 0] = (at[:, 0] + pace) % HEIGHT
        at[:, 1] = (at[:, 1] + rng.normal(0, 1, count)) % WIDTH
        shown = pale.copy()
        for row, column in at.astype(int):
            shown[row : row + 3, column : column + 2] = 245
        yield plain._grain(rng, shown, 0.8)


def candle(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """A dark room in the light of something that flickers where it is: candle, fire, screen."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    row, column, reach = rng.uniform(130, 210), rng.uniform(80, WIDTH - 80), rng.uniform(10, 60)
    light = np.exp(-(((rows - row) / reach) ** 2) - ((columns - column) / reach) ** 2)[..., None]
    near, level = picture * 0.22, 1.0
    for _ in range(COUNT):
        level = 0.6 * level + 0.4 * rng.uniform(0.4, 1.6)
        yield plain._grain(rng, near + light * 90 * level, 1.0)


def fog(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """People in fog: little contrast."""
    thick = rng.uniform(0.6, 0.85)
    for frame in passers_by(rng, picture, other):
        yield frame * (1 - thick) + 190 * thick


def hand_held(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """A camera that somebody holds: it turns a little and never stands, and near things shift against far ones."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    depth = cv2.GaussianBlur(other, (0, 0), 12).mean(axis=2)
    depth = ((depth - depth.min()) / max(1.0, float(np.ptp(depth)))).astype(np.float32)
    pace, sway = rng.uniform(0.3, 1.5), rng.uniform(0.5, 3)
    for frame in range(COUNT):
        forward = pace * frame * np.sin(2 * np.pi * columns / WIDTH)
        shift = (depth * forward + sway * np.sin(frame / 5)).astype(np.float32)
        seen = cv2.remap(picture, (columns + shift) % WIDTH, rows, cv2.INTER_LINEAR)
        yield plain._grain(rng, np.asarray(seen, np.float32), 1.0)


ALIVE: dict[str, Film] = {
    **plain.MOVING,
    "passers-by": passers_by,
    "passers-by again": passers_by,
    "leaves": leaves,
    "clouds": clouds,
    "snow": snow,
    "candle": candle,
    "fog": fog,
    "hand-held": hand_held,
}


@lru_cache(maxsize=4)
def recording(name: str) -> NDArray[np.uint8]:
    """Frames ``(COUNT, H, W, 3)`` of a recording beside the checkout, the end repeated backwards where it is short."""
    from yt360.media import ffmpeg

    filters = f"fps={FPS},scale={WIDTH}:{HEIGHT}:flags=area"
    words = ["-i", str(SHARED / name), "-map", "0:V:0", "-vf", filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    frames = np.frombuffer(ffmpeg.run(words, timeout_s=120).stdout, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)
    return np.concatenate([frames, frames[-2::-1]])[:COUNT]


def _as_filmed(frames: NDArray[np.uint8], rng: Rng) -> Iterator[Picture]:
    yield from frames.astype(np.float32)


def _at_night(frames: NDArray[np.uint8], rng: Rng) -> Iterator[Picture]:
    for frame in frames:
        yield plain._grain(rng, 12 + frame * np.float32(0.18), 2.0)


def _in_fog(frames: NDArray[np.uint8], rng: Rng) -> Iterator[Picture]:
    for frame in frames:
        yield cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 2) * 0.25 + 150


def _mostly_empty(frames: NDArray[np.uint8], rng: Rng) -> Iterator[Picture]:
    """A tripod: all stands but a window of the picture, at the horizon."""
    high, wide = int(rng.integers(24, 110)), int(rng.integers(40, 220))
    row, column = int(rng.integers(100, 215 - high // 2)), int(rng.integers(0, WIDTH))
    window = np.zeros((HEIGHT, WIDTH), np.float32)
    window[row : row + high, :wide] = 1
    mask = np.asarray(np.roll(cv2.GaussianBlur(window, (0, 0), 3), column, axis=1)[..., None], np.float32)
    for frame in frames:
        yield plain._grain(rng, frames[0] * (1 - mask) + frame * mask, float(rng.choice([0.5, 1.0])))


TREATMENTS: dict[str, Callable[[NDArray[np.uint8], Rng], Iterator[Picture]]] = {
    "as filmed": _as_filmed,
    "at night": _at_night,
    "in fog": _in_fog,
    "mostly empty": _mostly_empty,
    "mostly empty again": _mostly_empty,
}


def pictures(seed: int) -> tuple[Picture, Picture]:
    """Two panoramas ``(H, W, 3)``: a photograph in two of three cases where there are any, else procedural."""
    found = [make_scene(50_000 + seed + 7000 * k, HEIGHT, WIDTH).background for k in (0, 1)]
    for k in range(2):
        path = SHARED / PHOTOGRAPHS[(seed + k * 5) % len(PHOTOGRAPHS)]
        if seed % 3 and path.is_file():
            photograph = cv2.imread(str(path))
            assert photograph is not None, f"a photograph that OpenCV reads: {path}"
            found[k] = cv2.resize(photograph, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
            found[k] = np.roll(found[k], seed * 37 % WIDTH, axis=1)
    one, other = (np.asarray(cv2.GaussianBlur(each, (0, 0), 0.6), np.float32) for each in found)
    return one, other
