"""Films for judging the filter of stills: photographs that an editor animates, and recordings of cameras.

Photographs are those of HDRI Haven (Debian: blender-data) and of ``shared/real``, recordings those of ``shared/real``;
none of them is in what ``fitting/films.py`` draws from. Emblems and words are drawn by Pillow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.other_hands.panoramas import exposed
from benchmarks.other_hands.sources import SHARED, found

HEIGHT, WIDTH, FPS, SECONDS = 320, 640, 5, 12
COUNT = FPS * SECONDS
Picture = NDArray[np.float32]
Rng = np.random.Generator
Animation = Callable[[Rng, Picture, Picture], Iterator[Picture]]
Treatment = Callable[[Rng, NDArray[np.uint8]], Iterator[Picture]]

PHOTOGRAPHS = (
    "city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset",
    "real/stills/aframe_puydesancy.jpg", "real/stills/aframe_lake_sunset.jpg", "real/stills/horizonnet_bedroom.png",
    "real/stills/cuxdev_fjord.jpg", "real/stills/vrview_andes_TB.jpg", "real/stills/vrview_coral_TB.jpg",
)  # fmt: skip
CLIPS = (
    "real/video360/omni_gt_QO-pWw4_z8Y_120.webm", "real/video360/omni_gt_Wc_gzO9i38k_15.webm",
    "real/video360/omni_gt_aieThfuvmtY_274.webm", "real/video360/omni_gt_gyFx147_35Q_52.webm",
    "real/video360/omni_gt_qWpImMW4DHI_87.webm", "real/video360/omni_gt_f2kvR5I8s3c_20.webm",
    "real/video360/omni_trans_p5Ady9RJyhU_110+M8AHmUYaYbI_140.webm", "real/video360/3dwonders_nerf_walk.mp4",
    "real/video360/vrview_congo_2048_TB.mp4", "media/valiant360_overpass.mp4",
)  # fmt: skip


@lru_cache(maxsize=4)
def photograph(name: str) -> Picture:
    """``(H, W, 3)`` RGB in 0..255. Raises :class:`benchmarks.other_hands.LeftOutError`."""
    if "/" in name:
        whole: Any = np.array(Image.open(found(SHARED / name, "recordings beside the checkout")).convert("RGB"))
        whole = whole[: len(whole) // 2] if "_TB" in name else whole
    else:
        whole = exposed(name)
    return np.asarray(cv2.resize(whole, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)


@lru_cache(maxsize=3)
def clip(name: str) -> NDArray[np.uint8]:
    """``(n, H, W, 3)`` of a recording at :data:`FPS`, ten seconds at most. Raises ``LeftOutError``."""
    frames: list[NDArray[np.uint8]] = []
    with av.open(str(found(SHARED / name, "recordings beside the checkout"))) as container:
        stream = container.streams.video[0]
        begin: float | None = None
        for frame in container.decode(stream):
            at = float(frame.time or 0)
            begin = at if begin is None else begin
            if at - begin >= len(frames) / FPS - 1e-6:
                picture = frame.to_ndarray(format="rgb24")
                picture = picture[: len(picture) // 2] if "_TB" in name else picture
                frames.append(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8))
            if len(frames) >= 10 * FPS:
                break
    return np.stack(frames)


def _sensor(rng: Rng, picture: Picture, level: float) -> Picture:
    """A camera's noise: more of it where there is more light, and some in the colours."""
    noise = rng.standard_normal((HEIGHT, WIDTH, 3)).astype(np.float32) * 0.5 + rng.standard_normal((HEIGHT, WIDTH, 1))
    return np.asarray(picture + noise * level * np.sqrt(np.maximum(picture, 4) / 100), np.float32)


def _stamp(rng: Rng, words: str, size: int, *, plate: bool) -> NDArray[np.float32]:
    """RGBA ``(h, w, 4)``, alpha in 0..1: words, on a plate or as they are."""
    wide = max(size, round(size * 0.62 * len(words)))
    image = Image.new("RGBA", (wide, size), (0, 0, 0, 0))
    drawing = ImageDraw.Draw(image)
    colours = [(*(int(c) for c in rng.integers(0, 256, 3)), 255) for _ in range(2)]
    if plate:
        drawing.rounded_rectangle((0, 0, wide - 1, size - 1), radius=size // 3, fill=colours[0])
    drawing.text((size // 5, 0), words, fill=colours[1] if plate else (255, 255, 255, 255), font_size=0.8 * size)
    out = np.asarray(image, np.float32)
    out[..., 3] /= 255
    return out


def _put(picture: Picture, stamp: NDArray[np.float32], x: float, y: float, opaque: float = 1.0) -> Picture:
    """A stamp with its upper left corner at (x, y), to parts of a pixel."""
    shift = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
    laid = cv2.warpAffine(stamp, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    cover = laid[..., 3:] * opaque
    return np.asarray(picture * (1 - cover) + laid[..., :3] * cover, np.float32)


def held(rng: Rng, picture: Picture, _other: Picture) -> Iterator[Picture]:
    yield from [picture] * COUNT


def grainy(rng: Rng, picture: Picture, _other: Picture) -> Iterator[Picture]:
    level = rng.uniform(1, 4)
    for _ in range(COUNT):
        yield picture + rng.standard_normal((HEIGHT, WIDTH, 1)).astype(np.float32) * level


def logo_bounces(rng: Rng, picture: Picture, _other: Picture) -> Iterator[Picture]:
    stamp = _stamp(
        rng, str(rng.choice(["MUSIC", "360", "RELAX TV", "live"])), int(rng.integers(16, 52)), plate=rng.random() < 0.6
    )
    high, wide = stamp.shape[:2]
    x, y = rng.uniform(0, WIDTH - wide), rng.uniform(20, HEIGHT - 20 - high)
    dx, dy = rng.uniform(1, 6) * rng.choice([-1, 1]), rng.uniform(0.8, 5) * rng.choice([-1, 1])
    for _ in range(COUNT):
        x, y = x + dx, y + dy
        dx = -dx if not 0 <= x <= WIDTH - wide else dx
        dy = -dy if not 10 <= y <= HEIGHT - 10 - high else dy
        yield _put(picture, stamp, x, y, 0.9)


def logo_circles(rng: Rng, picture: Picture, _other: Picture) -> Iterator[Picture]:
    stamp = _stamp(rng, "SUB", int(rng.integers(18, 44)), plate=True)
    rates, phase = rng.uniform(0.05, 0.25, 2), rng.uniform(0, 6, 2)
    for frame in range(COUNT):
        x = WIDTH * (0.45 + 0.35 * math.sin(phase[0] + 2 * math.pi * rates[0] * frame / FPS))
        y = HEIGHT * (0.45 + 0.28 * math.sin(phase[1] + 2 * math.pi * rates[1] * frame / FPS))
        yield _put(picture, stamp, x, y)


def titles(rng: Rng, picture: Picture, _other: Picture) -> Iterator[Picture]:
    lines = [_stamp(rng, words, 30, plate=False) for words in ("Chapter one", "The old town", "Thanks for watching")]
    for frame in range(COUNT):
        number, within = divmod(frame / FPS, SECONDS / 3)
        opaque = min(1.0, within / 0.5, max(0.0, 3 - within) / 0.5)
        yield _put(picture, lines[min(2, int(number))], 180, 140, max(0.0, opaque))


def animated_badge(rng: Rng, picture: Picture, _other: Picture) -> Iterator[Picture]:
    """A disc like a record that turns, at one place, and bars beside it that follow the music."""
    size, row, column = int(rng.integers(40, 90)), int(rng.integers(60, 200)), int(rng.integers(30, 480))
    levels = np.abs(rng.standard_normal((COUNT, 10))) * 0.4
    for frame in range(COUNT):
        image = Image.new("RGBA", (size * 2, size), (0, 0, 0, 0))
        drawing = ImageDraw.Draw(image)
        drawing.ellipse((0, 0, size - 1, size - 1), fill=(20, 20, 20, 255))
        start = 36 * frame * 1.1
        for k in range(3):
            drawing.pieslice((4, 4, size - 5, size - 5), start + 120 * k, start + 120 * k + 40, fill=(220, 60, 90, 255))
        for k, level in enumerate(levels[frame]):
            left = size + k * size // 10
            top = size * (1 - min(1.0, float(level)))
            drawing.rectangle((left, top, left + size // 14, size), fill=(255, 255, 255, 255))
        stamp = np.asarray(image, np.float32)
        stamp[..., 3] /= 255
        yield _put(picture, stamp, column, row)


def slides(fade_s: float, zoom: float) -> Animation:
    """Photographs one after the other; with a fade, and growing or shrinking."""

    def animation(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
        count = int(rng.integers(2, 5))
        sources = [(picture, other)[k % 2][:, :: (1, -1)[k // 2]] for k in range(count)]
        speeds = zoom * rng.uniform(0.6, 1.4, count) * rng.choice([-1, 1], count)
        drift = rng.uniform(-4, 4, count)

        def seen(k: int, at_s: float) -> Picture:
            if not zoom:
                return sources[k]
            scale = math.exp(0.25 + speeds[k] * (at_s - SECONDS / count / 2))
            turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 0, scale)
            turn[0, 2] += drift[k] * at_s
            return np.asarray(cv2.warpAffine(sources[k], turn, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC), np.float32)

        length_s = SECONDS / count
        for frame in range(COUNT):
            k = min(count - 1, int(frame / FPS / length_s))
            within = frame / FPS - k * length_s
            now = seen(k, within)
            if k and within < fade_s:
                now = now * (within / fade_s) + seen(k - 1, within + length_s) * (1 - within / fade_s)
            yield now

    return animation


def panned(rng: Rng, picture: Picture, _other: Picture) -> Iterator[Picture]:
    """A photograph that turns about the vertical by parts of a pixel."""
    speed = rng.uniform(0.3, 6) * rng.choice([-1, 1])
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    wide = np.concatenate([picture, picture[:, :2]], axis=1)
    for frame in range(COUNT):
        at = (columns + np.float32(speed * frame)) % WIDTH
        yield np.asarray(cv2.remap(wide, at, rows, cv2.INTER_CUBIC), np.float32)


def pulsing(rng: Rng, picture: Picture, _other: Picture) -> Iterator[Picture]:
    rate, depth = rng.uniform(0.2, 2), rng.uniform(0.03, 0.12)
    for frame in range(COUNT):
        yield picture * np.float32(1 + depth * math.sin(2 * math.pi * rate * frame / FPS))


ANIMATED: dict[str, Animation] = {
    "held": held,
    "grainy": grainy,
    "logo that bounces": logo_bounces,
    "logo that circles": logo_circles,
    "titles": titles,
    "animated badge": animated_badge,
    "slides": slides(0.0, 0.0),
    "slides that fade": slides(0.8, 0.0),
    "slides that zoom": slides(0.5, 0.03),
    "slow zoom": slides(0.0, 0.012),
    "panned": panned,
    "pulsing": pulsing,
}
"""Films of photographs: none of them is a camera's."""


def as_filmed(rng: Rng, frames: NDArray[np.uint8]) -> Iterator[Picture]:
    yield from frames.astype(np.float32)


def by_night(rng: Rng, frames: NDArray[np.uint8]) -> Iterator[Picture]:
    for frame in frames:
        yield _sensor(rng, 255 * (frame.astype(np.float32) / 255) ** 1.4 * 0.15 + 8, 3.0)


def fogged(rng: Rng, frames: NDArray[np.uint8]) -> Iterator[Picture]:
    for frame in frames:
        yield cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 1.5) * 0.3 + 140


def snowing(rng: Rng, frames: NDArray[np.uint8]) -> Iterator[Picture]:
    """Snow before a view that stands."""
    flakes = rng.uniform(0, [WIDTH, HEIGHT], (int(rng.integers(80, 300)), 2))
    fall, still = rng.uniform(30, 110, len(flakes)) / FPS, frames[0].astype(np.float32)
    for _ in range(len(frames)):
        flakes += np.stack([rng.normal(0, 1.5, len(flakes)), fall], axis=1)
        flakes %= [WIDTH, HEIGHT]
        shown = _sensor(rng, still, 0.7)
        for x, y in flakes.astype(int):
            cv2.circle(shown, (int(x), int(y)), 1, (235, 235, 240), -1)
        yield shown


def from_a_tripod(rng: Rng, frames: NDArray[np.uint8]) -> Iterator[Picture]:
    """All stands but a part near the horizon, a twentieth of the picture or less: a fixed camera at a quiet place."""
    x, y = rng.uniform(0, WIDTH), rng.uniform(0.42, 0.6) * HEIGHT
    high, wide = rng.uniform(8, 30), rng.uniform(20, 110)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    apart = np.abs((columns - x + WIDTH / 2) % WIDTH - WIDTH / 2)
    live = np.clip(1.5 - np.maximum(apart / wide, np.abs(rows - y) / high), 0, 0.5)[..., None].astype(np.float32) * 2
    still = np.median(frames[:: max(1, len(frames) // 15)], axis=0).astype(np.float32)
    level = rng.uniform(0.4, 1.2)
    for frame in frames:
        yield _sensor(rng, still * (1 - live) + frame * live, level)


def far_walkers(rng: Rng, frames: NDArray[np.uint8]) -> Iterator[Picture]:
    """People at the horizon, 4 to 14 pixels tall, before a view that stands: drawn figures whose legs move."""
    still = frames[len(frames) // 2].astype(np.float32)
    people = [
        (
            rng.uniform(0, WIDTH),
            rng.uniform(0.49, 0.56) * HEIGHT,
            rng.uniform(4, 14),
            rng.uniform(-7, 7),
            rng.uniform(10, 230),
        )
        for _ in range(int(rng.integers(1, 5)))
    ]
    level = rng.uniform(0.4, 1.2)
    for number in range(len(frames)):
        at_s, shown = number / FPS, still.copy()
        for x, y, tall, pace, tone in people:
            left, step = (x + pace * at_s) % WIDTH, math.sin(2 * math.pi * 1.8 * at_s + x)
            size, place = (max(1, round(tall / 5)), max(1, round(tall / 3))), (round(left), round(y))
            cv2.ellipse(shown, place, size, 0, 0, 360, (tone, tone, tone), -1)
            for side in (-1, 1):
                foot = (round(left + side * step * tall / 4), round(y + 0.7 * tall))
                cv2.line(shown, place, foot, (tone, tone, tone), 1, cv2.LINE_AA)
        yield _sensor(rng, shown, level)


def by_candle(rng: Rng, frames: NDArray[np.uint8]) -> Iterator[Picture]:
    still, rows_columns = frames[0].astype(np.float32) * 0.3, np.mgrid[0:HEIGHT, 0:WIDTH]
    x, y, reach = rng.uniform(60, WIDTH - 60), rng.uniform(120, 220), rng.uniform(8, 40)
    glow = np.exp(-(np.hypot(rows_columns[0] - y, rows_columns[1] - x) / reach))[..., None].astype(np.float32)
    level = 1.0
    for _ in range(len(frames)):
        level += 0.5 * (rng.uniform(0.5, 1.5) - level)
        yield _sensor(rng, still * (1 + 0.1 * level) + glow * 120 * level, 0.8)


FILMED: dict[str, Treatment] = {
    "as filmed": as_filmed,
    "by night": by_night,
    "in fog": fogged,
    "snow": snowing,
    "from a tripod": from_a_tripod,
    "far walkers": far_walkers,
    "candle": by_candle,
}
"""Films that a camera made, or might have."""
