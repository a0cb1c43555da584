"""Played music of several instruments, as single parts (players in a scene) or mixed down to stereo (a bed).

``fitting`` and ``held-out`` music differ in instruments, scales and tempi.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from yt360.synth.voices import Part

Signal = NDArray[Any]
Note = Callable[[float, float, int], Signal]
Rng = np.random.Generator

_MAJOR, _MINOR, _PENTATONIC = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9)
_TONES = 8


def _partials(hz: float, time: Signal, weights: Signal, decay: Signal, stretch: float = 0.0) -> Signal:
    """Sum of harmonics below 10 kHz with their own weights and decays; ``stretch`` makes strings stiff."""
    total = np.zeros(time.size)
    for number, (weight, rate) in enumerate(zip(weights, decay, strict=True), 1):
        frequency = hz * number * np.sqrt(1 + stretch * number**2)
        if frequency < 10_000:
            total += weight * np.exp(-rate * time) * np.sin(2 * np.pi * frequency * time + number)
    return total


def _time(seconds: float, rate: int) -> Signal:
    return np.arange(max(8, round(seconds * rate))) / rate


def _fade(time: Signal, rise_s: float, fall_s: float) -> Signal:
    envelope: Signal = np.minimum(1, time / rise_s) * np.minimum(1, (time[-1] - time) / fall_s + 1e-3)
    return envelope


_NUMBERS = np.arange(1, _TONES + 1)


def _pluck(hz: float, seconds: float, rate: int) -> Signal:
    time = _time(1.2, rate)
    return _partials(hz, time, 1 / _NUMBERS, 2 + 1.5 * _NUMBERS, 3e-4)


def _piano(hz: float, seconds: float, rate: int) -> Signal:
    time = _time(1.5, rate)
    return _partials(hz, time, 1 / _NUMBERS**1.3, 1 + 0.7 * _NUMBERS, 4e-4)


def _organ(hz: float, seconds: float, rate: int) -> Signal:
    time = _time(seconds, rate)
    return _fade(time, 0.02, 0.05) * _partials(hz, time, 1 / _NUMBERS, 0 * _NUMBERS)


def _bow(hz: float, seconds: float, rate: int) -> Signal:
    time = _time(seconds, rate)
    wobble = time + 0.004 / 5.5 * np.sin(2 * np.pi * 5.5 * time) / (2 * np.pi) * 6
    return 0.6 * _fade(time, 0.08, 0.1) * _partials(hz, wobble, 1 / _NUMBERS**1.2, 0 * _NUMBERS)


def _brass(hz: float, seconds: float, rate: int) -> Signal:
    time = _time(seconds, rate)
    bright = np.minimum(1, time / 0.06)
    tone = sum(bright**number * np.sin(2 * np.pi * hz * number * time) / number**0.8 for number in range(1, 7))
    note: Signal = 0.5 * _fade(time, 0.03, 0.08) * tone
    return note


def _pad(hz: float, seconds: float, rate: int) -> Signal:
    time = _time(2 * seconds, rate)
    tone = sum(_partials(hz * detune, time, 1 / _NUMBERS, 0 * _NUMBERS) for detune in (0.996, 1.0, 1.005))
    return 0.3 * _fade(time, 0.25, 0.4) * tone


def _chime(hz: float, seconds: float, rate: int) -> Signal:
    time = _time(1.8, rate)
    ratios = ((1.0, 1.0), (2.76, 0.6), (5.4, 0.3))
    ring: Signal = np.sum(
        [w * np.exp(-time * (1 + ratio)) * np.sin(2 * np.pi * hz * ratio * time) for ratio, w in ratios], axis=0
    )
    return ring


def _flute(hz: float, seconds: float, rate: int) -> Signal:
    time = _time(seconds, rate)
    breath = np.random.default_rng(int(hz)).normal(size=time.size) * 0.05
    return _fade(time, 0.05, 0.07) * (np.sin(2 * np.pi * hz * time) + 0.3 * np.sin(4 * np.pi * hz * time) + breath)


def invented(rng: Rng) -> Note:
    """An instrument that nobody has heard: random partials, decay, attack, vibrato, breath and stiffness."""
    weights = rng.uniform(0.1, 1, _TONES) / _NUMBERS ** rng.uniform(0.3, 2)
    if rng.random() < 0.3:
        weights[1::2] *= rng.uniform(0, 0.3)
    held = rng.random() < 0.5
    decay = (rng.uniform(0, 0.3) if held else rng.uniform(0.5, 4)) + rng.uniform(0, 1.5) * _NUMBERS * (not held)
    stretch = float(10 ** rng.uniform(-5, -3)) if rng.random() < 0.4 else 0.0
    attack_s, release_s = float(10 ** rng.uniform(-2.3, -0.5)), float(rng.uniform(0.03, 0.3))
    depth, speed_hz = rng.uniform(0, 0.006) * (rng.random() < 0.5), rng.uniform(4, 7)
    breath, bend = rng.uniform(0, 0.15) * (rng.random() < 0.4), rng.uniform(0, 3) * (rng.random() < 0.25)

    def note(hz: float, seconds: float, rate: int) -> Signal:
        time = _time(seconds * 1.5 if held else 1.5, rate)
        wobble = time + depth / (2 * np.pi * speed_hz) * np.sin(2 * np.pi * speed_hz * time)
        tone = _partials(hz, wobble, weights, decay + 0 * _NUMBERS, stretch)
        if bend:  # frequency modulation: bells, horns
            tone = tone + 0.5 * np.sin(
                2 * np.pi * hz * time + bend * np.exp(-3 * time) * np.sin(4.2 * np.pi * hz * time)
            )
        noise = breath * np.random.default_rng(int(hz)).normal(size=time.size) if breath else 0.0
        return _fade(time, attack_s, release_s) * (tone + noise)

    return note


INSTRUMENTS: dict[str, tuple[Note, ...]] = {
    "fitting": (_pluck, _piano, _organ, _bow),
    "held-out": (_brass, _pad, _chime, _flute),
}


def _played(
    rng: Rng, note: Note, samples: int, rate: int, base_hz: float, tempo: float, scale: tuple[int, ...], style: str
) -> Signal:
    """One part: a melody, broken chords or held chords."""
    out = np.zeros(samples + 4 * rate)
    step_s = 30 / tempo
    density = {"melody": 0.6, "chords": 0.3, "bass": 0.5}[style]
    for number in range(int(samples / rate / step_s)):
        if rng.random() > density:
            continue
        root = (0, 3, 4, 0)[(number // 8) % 4]
        degrees = (root, root + 2, root + 4) if style == "chords" else (root + int(rng.integers(0, 5)),)
        length_s = step_s * float(rng.choice([1, 2, 4]))
        for degree in degrees:
            octave, place = divmod(degree, len(scale))
            tone = note(base_hz * 2 ** (octave + scale[place] / 12), max(length_s, 0.15), rate) * rng.uniform(0.4, 1)
            start = round(number * step_s * rate)
            out[start : start + tone.size] += tone[: out.size - start]
    return out[:samples]


def _drums(rng: Rng, samples: int, rate: int, tempo: float) -> Signal:
    out = np.zeros(samples + rate)
    time = _time(0.25, rate)
    for number in range(int(samples / rate / (30 / tempo))):
        start = round(number * 30 / tempo * rate)
        hit = 0.4 * np.diff(rng.standard_normal(time.size + 1)) * np.exp(-time * 70)
        if number % 4 == 0:
            hit = hit + 1.5 * np.sin(2 * np.pi * (50 * time - np.exp(-time * 30))) * np.exp(-time * 12)
        if number % 4 == 2:
            hit = hit + rng.standard_normal(time.size) * np.exp(-time * 25)
        out[start : start + hit.size] += hit
    return out[:samples]


def players(rng: Rng, samples: int, rate: int, part: Part) -> list[Signal]:
    """Parts that play together, ``(samples,)`` each with an RMS of 1."""
    notes = INSTRUMENTS[part]
    scale = _MINOR if part == "fitting" and rng.random() < 0.5 else _MAJOR if part == "fitting" else _PENTATONIC
    tempo = float(rng.uniform(70, 140) if part == "fitting" else rng.uniform(60, 165))
    base_hz = float(rng.uniform(110, 220))

    def anyone() -> Note:
        # Most instruments that are fitted on are invented, so that new ones are nothing new.
        if part == "fitting" and rng.random() < 0.7:
            return invented(rng)
        return notes[int(rng.integers(len(notes)))]

    found = [
        _played(rng, anyone(), samples, rate, base_hz * octave, tempo, scale, style)
        for style, octave in (("melody", 2), ("chords", 1), ("bass", 0.5))
    ]
    if rng.random() < 0.6:
        found.append(_drums(rng, samples, rate, tempo))
    return [signal / max(float(np.sqrt(np.mean(signal**2))), 1e-6) for signal in found]


def stereo_mix(rng: Rng, samples: int, rate: int, part: Part) -> NDArray[np.float64]:
    """Left and right ``(2, samples)`` with a mean power of 1: parts panned by level, most with a stereo reverb."""
    mix = np.zeros((2, samples))
    for signal in players(rng, samples, rate, part):
        pan = rng.uniform(0, np.pi / 2)
        mix += np.array([np.cos(pan), np.sin(pan)])[:, None] * signal * rng.uniform(0.4, 1)
        if rng.random() < 0.6:
            length = round(1.2 * rate)
            tail = rng.standard_normal((2, length)) * np.exp(-np.arange(length) / rate / rng.uniform(0.1, 0.35))
            mix += fftconvolve(signal[None], tail, axes=1)[:, :samples] * 0.01 * rng.uniform(0.3, 1.5)
    normalized: NDArray[np.float64] = mix / np.sqrt(np.mean(mix**2))
    return normalized
