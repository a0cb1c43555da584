"""More films whose truth is known (:mod:`fitting.films`): what was too rare there for a probability to be fitted.

Stills on which an editor laid several things, words that are typed, roll or stand below, light that swells; and
cameras on a tripod before places in which hardly anything happens.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import filters_stills as plain
from fitting.films import COUNT, FPS, HEIGHT, WIDTH, Film, Picture, Rng, _blend, _emblem, _words

Layer = tuple[NDArray[np.float32], NDArray[np.float32], float, float]
"""Colours ``(h, w, 3)``, how opaque they are ``(h, w)``, and the place of the upper left corner."""


def _spinner(rng: Rng, size: int) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """A wheel of sectors that turns."""
    base, tone = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    count, width_deg, rate = int(rng.integers(1, 6)), float(rng.uniform(15, 70)), rng.uniform(0.1, 2.5)
    found = []
    for frame in range(COUNT):
        layer, mask = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
        middle = (size // 2, size // 2)
        layer[:] = base
        cv2.circle(mask, middle, size // 2 - 1, 1.0, -1, cv2.LINE_AA)
        for sector in range(count):
            start = 360 * (rate * frame / FPS + sector / count)
            radius = (size // 2 - 3, size // 2 - 3)
            cv2.ellipse(layer, middle, radius, 0, start, start + width_deg, tuple(map(float, tone)), -1)
        found.append((layer, mask))
    return found


def _meter(rng: Rng, size: int) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Bars that follow how loud something is, upright or mirrored about their middle."""
    bars, pitch, smooth = int(rng.integers(5, 24)), int(rng.integers(4, 10)), float(rng.uniform(0, 0.8))
    tone, mirrored = rng.uniform(120, 255, 3), rng.random() < 0.4
    level, found = rng.uniform(0, 1, bars), []
    for _ in range(COUNT):
        level = smooth * level + (1 - smooth) * np.abs(rng.normal(0.1, 0.5, bars)).clip(0, 1)
        mask = np.zeros((size, bars * pitch), np.float32)
        for bar, high in enumerate(level):
            top = round(size * (1 - high))
            rows = slice(top // 2, size - top // 2) if mirrored else slice(top, size)
            mask[rows, bar * pitch : bar * pitch + max(2, pitch - 2)] = 1
        layer = np.empty((*mask.shape, 3), np.float32)
        layer[:] = tone
        found.append((layer, mask))
    return found


def _beating(rng: Rng, size: int) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """An emblem that grows and shrinks, or fades in and out."""
    layer, mask = _emblem(rng, size)
    rate, fades, depth = rng.uniform(0.2, 2), rng.random() < 0.5, rng.uniform(0.1, 0.5)
    found, middle = [], (layer.shape[1] / 2, size / 2)
    for frame in range(COUNT):
        swing = 0.5 + 0.5 * np.sin(2 * np.pi * rate * frame / FPS)
        if fades:
            found.append((layer, mask * np.float32(1 - depth * 1.6 * swing)))
        else:
            turned = cv2.getRotationMatrix2D(middle, 0, 1 - depth * swing)
            shape = (layer.shape[1], size)
            found.append(tuple(np.asarray(cv2.warpAffine(each, turned, shape), np.float32) for each in (layer, mask)))  # type: ignore[arg-type]
    return found


def badges(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """One to three things that move where they are, beside each other or apart."""
    kinds = [_spinner, _meter, _beating]
    count = int(rng.choice([1, 2, 2, 3]))
    size = int(rng.integers(24, 100))
    row, column, apart = rng.uniform(50, HEIGHT - 60 - size), rng.uniform(0, WIDTH), rng.random() < 0.3
    played = []
    for _ in range(count):
        layers = kinds[int(rng.integers(3))](rng, size)
        played.append((layers, row, column))
        column += layers[0][0].shape[1] + 4
        if apart:
            row, column = rng.uniform(50, HEIGHT - 60 - size), rng.uniform(0, WIDTH)
    grain = float(rng.choice([0.0, 0.0, 0.8]))
    for frame in range(COUNT):
        shown = plain._grain(rng, picture, grain) if grain else picture
        for layers, at_row, at_column in played:
            shown = _blend(shown, *layers[frame], at_row, at_column)
        yield shown


_LINES = ("EPISODE 4", "Sleep better tonight", "The lake at dawn", "use headphones", "thank you", "www.example.org")


def standing_words(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """Lines at one place, one after the other, which fade in and out; nothing, or a plate, behind them."""
    count, high = int(rng.integers(1, 5)), int(rng.integers(18, 48))
    row, column, tone = rng.uniform(50, HEIGHT - 100), rng.uniform(0, WIDTH), float(rng.choice([255, 255, 230, 15]))
    each_s, fade_s, part = COUNT / count / FPS, rng.uniform(0.1, 1.2), rng.uniform(0.4, 0.95)
    plate, later_s = rng.random() < 0.3, rng.uniform(0, 2)
    lines = []
    for _ in range(count):
        text = str(rng.choice(_LINES))
        cover = _words(text, high, high * len(text) * 2 // 3)
        lines.append(np.maximum(cover, np.float32(0.5)) if plate else cover)
    for frame in range(COUNT):
        at_s = frame / FPS - later_s
        number, within = divmod(max(at_s, 0.0), each_s)
        cover = lines[min(count - 1, int(number))]
        there = float(np.clip(min(within, part * each_s - within) / fade_s, 0, 1)) if at_s >= 0 else 0.0
        yield _blend(picture, np.full((*cover.shape, 3), tone, np.float32), cover * np.float32(there), row, column)


def typed_words(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """Words that appear letter by letter, stand, and go; or lines that roll upwards."""
    rolls, high = rng.random() < 0.4, int(rng.integers(20, 40))
    row, column = rng.uniform(60, HEIGHT - 110), rng.uniform(0, WIDTH)
    text, pace = "   ".join(rng.permutation(_LINES)[:2]), rng.uniform(3, 14)
    whole = _words(text, high, high * len(text) * 2 // 3)
    lines = np.concatenate([_words(each, high, high * 14) for each in rng.permutation(_LINES)])
    speed = rng.uniform(1, 4)
    for frame in range(COUNT):
        if rolls:
            window = min(150, len(lines))
            cover = np.roll(lines, -round(speed * frame), axis=0)[:window]
            yield _blend(picture, np.full((*cover.shape, 3), 250, np.float32), np.ascontiguousarray(cover), 80, column)
        else:
            cover = whole.copy()
            cover[:, round(frame / FPS * pace % (len(text) * 1.3) * high * 2 / 3) :] = 0
            yield _blend(picture, np.full((*cover.shape, 3), 250, np.float32), cover, row, column)


def swelling(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """Light laid over a photograph that swells: smooth, in beats, in one colour, or towards the borders."""
    kind, rate, depth = int(rng.integers(4)), rng.uniform(0.1, 2), rng.uniform(0.03, 0.16)
    tint = rng.uniform(0.4, 1, 3).astype(np.float32) if kind == 2 else np.float32(1)
    rows = np.abs(np.linspace(-1, 1, HEIGHT, dtype=np.float32))[:, None, None]
    where = 0.3 + 0.7 * rows if kind == 3 else np.float32(1)
    grain, phase = float(rng.choice([0.0, 0.0, 1.0])), rng.uniform(0, 6)
    for frame in range(COUNT):
        swing = np.sin(2 * np.pi * rate * frame / FPS + phase)
        if kind == 1:
            swing = np.exp(-6 * (rate * frame / FPS % 1)) * 2 - 1
        shown = picture * (1 + np.float32(depth * swing) * tint * where)
        yield plain._grain(rng, np.asarray(shown, np.float32), grain) if grain else np.asarray(shown, np.float32)


def logo_path(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """An emblem along a smooth path: it circles, swings, or is driven from side to side."""
    layer, mask = _emblem(rng, int(rng.integers(14, 56)))
    reach, rates = rng.uniform([10, 30], [100, 260]), rng.uniform(0.03, 0.35, 2)
    phase, middle = rng.uniform(0, 6, 2), (HEIGHT * rng.uniform(0.4, 0.6), rng.uniform(0, WIDTH))
    for frame in range(COUNT):
        down, right = reach * np.sin(phase + 2 * np.pi * rates * frame / FPS)
        row = float(np.clip(middle[0] + down, 36, HEIGHT - 40 - len(layer)))
        yield _blend(picture, layer, mask, row, middle[1] + right)


STILLS: dict[str, Film] = {
    "badges": badges,
    "badges again": badges,
    "badges a third time": badges,
    "standing words": standing_words,
    "standing words again": standing_words,
    "typed words": typed_words,
    "swelling light": swelling,
    "swelling light again": swelling,
    "emblem on a path": logo_path,
    "emblem on a path again": logo_path,
}


def sensor(rng: Rng, picture: Picture, level: float) -> Picture:
    """A camera's noise: grows with the light, correlated over a pixel or two as processing leaves it."""
    noise = rng.standard_normal((HEIGHT, WIDTH, 1)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 0.7)[..., None] * 2
    return np.asarray(picture + soft * level * np.sqrt(np.maximum(picture, 3) / 110), np.float32)


def _window(rng: Rng, high: float, wide: float) -> NDArray[np.float32]:
    """A soft-edged place ``(H, W, 1)`` between the eye's level and the ground."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    row, column = rng.uniform(0.35, 0.65) * HEIGHT, rng.uniform(0, WIDTH)
    apart = np.abs((columns - column + WIDTH / 2) % WIDTH - WIDTH / 2)
    inside = (1 - np.maximum(apart / wide, np.abs(rows - row) / high)) * rng.uniform(2, 5)
    return np.asarray(np.clip(inside, 0, 1)[..., None], np.float32)


def hardly_anything(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """A tripod in an empty place: a curtain, a fan, a screen, water or a branch is all that moves, in a small part."""
    kind, level = int(rng.integers(4)), rng.uniform(0.3, 1.3)
    where = _window(rng, rng.uniform(6, 36), rng.uniform(8, 90))
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    pace, reach, shown_now = rng.uniform(0.2, 2), rng.uniform(0.8, 5), other
    drift = rng.uniform(-0.03, 0.03)
    for frame in range(COUNT):
        at_s = frame / FPS
        if kind == 0:  # cloth and leaves
            bent = reach * np.sin(2 * np.pi * pace * at_s + rows / 9 + columns / 13)
            moved = cv2.remap(picture, (columns + bent.astype(np.float32)) % WIDTH, rows, cv2.INTER_LINEAR)
        elif kind == 1:  # a screen: another picture every now and then
            if rng.random() < pace / FPS * 2:
                shown_now = np.roll(other, int(rng.integers(WIDTH)), axis=1)
            moved = shown_now
        elif kind == 2:  # water
            waves = sum(
                np.sin(columns * k * 0.21 + rows * k * 0.5 + pace * 6 * at_s * k**0.5 + k) for k in (1.0, 1.7, 2.9)
            )
            moved = picture * (1 + 0.06 * reach / 3 * waves.astype(np.float32)[..., None])
        else:  # something that swings or turns
            middle = (float(np.average(columns, weights=where[..., 0])), float(np.average(rows, weights=where[..., 0])))
            turned = cv2.getRotationMatrix2D(middle, 40 * reach * np.sin(2 * np.pi * pace * at_s / 2), 1)
            moved = cv2.warpAffine(picture, turned, (WIDTH, HEIGHT), borderMode=cv2.BORDER_WRAP)
        light = np.float32(1 + drift * at_s / 12)
        yield sensor(rng, np.asarray((picture * (1 - where) + moved * where) * light, np.float32), level)


def now_and_then(rng: Rng, picture: Picture, other: Picture) -> Iterator[Picture]:
    """Somebody far away who walks, stands for a while, and walks on; or a bird, a boat, a car that passes slowly."""
    count, level = int(rng.integers(1, 4)), rng.uniform(0.3, 1.3)
    low, high = (0, 0.44, 3, 0.1, 10), (WIDTH, 0.58, 16, 1.2, 240)
    people = rng.uniform(low, high, (count, 5)) * (1, HEIGHT, 1, 1, 1)
    ways, walks = np.array([each[0] for each in people]), rng.random(count) < 0.7
    directions = rng.choice([-1, 1], count)
    for frame in range(COUNT):
        walks ^= rng.random(count) < 0.15 / FPS * 2
        shown = picture.copy()
        for index, (_, row, tall, pace, tone) in enumerate(people):
            ways[index] += directions[index] * pace * walks[index]
            step = np.sin(frame * 1.4 + index) * walks[index]
            x, y = round(ways[index] % WIDTH), round(row)
            size = (max(1, round(tall / 5)), max(1, round(tall / 2.5)))
            cv2.ellipse(shown, (x, y), size, 8 * step, 0, 360, (tone, tone * 0.9, tone * 0.8), -1)
            cv2.line(shown, (x, y), (round(x + step * tall / 4), round(y + 0.8 * tall)), (tone, tone, tone), 1)
        yield sensor(rng, shown, level)


ALIVE: dict[str, Film] = {
    "hardly anything": hardly_anything,
    "hardly anything again": hardly_anything,
    "hardly anything, a third time": hardly_anything,
    "now and then": now_and_then,
    "now and then again": now_and_then,
}
