"""What each class of thing sounds like: mono signals whose spectra and rhythms tell the classes apart.

Every function gives ``seconds`` of sound at ``rate`` Hz, float32 with peaks near 1, out of a random
generator. Sounds come and go: which object is loud when is what an observer can learn from.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

Signal = NDArray[np.float32]
Timbre = Callable[[np.random.Generator, float, int], Signal]


def _time(seconds: float, rate: int) -> NDArray[np.float64]:
    return np.arange(round(seconds * rate)) / rate


def _band(signal: NDArray[np.floating], low_hz: float, high_hz: float, rate: int) -> NDArray[np.float64]:
    passed: NDArray[np.float64] = sosfilt(
        butter(2, [low_hz, min(high_hz, 0.45 * rate)], "bandpass", fs=rate, output="sos"), signal
    )
    return passed


def _normalized(signal: NDArray[np.floating]) -> Signal:
    peak = float(np.percentile(np.abs(signal), 99.9)) if signal.size else 0.0
    return (signal / max(peak, 1e-9) * 0.8).clip(-1, 1).astype(np.float32)


def _place(total: NDArray[np.float64], event: NDArray[np.floating], start: int) -> None:
    end = min(total.size, start + event.size)
    if start < end:
        total[start:end] += event[: end - start]


def _starts(rng: np.random.Generator, seconds: float, mean_gap_s: float, spread: float = 0.4) -> list[float]:
    """Onsets of events: gaps vary by ``spread`` around their mean."""
    starts, now = [], float(rng.uniform(0, mean_gap_s))
    while now < seconds:
        starts.append(now)
        now += mean_gap_s * float(rng.uniform(1 - spread, 1 + spread))
    return starts


def _phase(frequency_hz: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    return 2 * np.pi * np.cumsum(frequency_hz) / rate


def speech(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Voiced syllables at some four a second with moving formants, hisses between, and pauses for breath."""
    time = _time(seconds, rate)
    pitch_hz = rng.uniform(95, 220)
    melody = np.interp(
        time, np.linspace(0, seconds, max(4, int(seconds * 3))), rng.uniform(0.8, 1.25, max(4, int(seconds * 3)))
    )
    phase = _phase(pitch_hz * melody, rate)
    pulses = sum((np.sin(k * phase) / k for k in range(1, 26)), start=np.zeros(time.size))
    envelope = np.zeros(time.size)
    hiss = np.zeros(time.size)
    formants = np.zeros(time.size)
    now = float(rng.uniform(0, 0.2))
    while now < seconds:
        for _ in range(int(rng.integers(4, 10))):  # a phrase
            length_s = float(rng.uniform(0.12, 0.28))
            begin, end = round(now * rate), min(time.size, round((now + length_s) * rate))
            if begin >= end:
                break
            shape = np.sin(np.pi * np.linspace(0, 1, end - begin)) ** 0.6
            envelope[begin:end] = np.maximum(envelope[begin:end], shape * rng.uniform(0.5, 1))
            vowel = _VOWELS[int(rng.integers(len(_VOWELS)))]
            bands = (
                _band(pulses[begin:end], f * 0.88, f * 1.14, rate) * w
                for f, w in zip(vowel, (1, 0.6, 0.3), strict=True)
            )
            piece = sum(bands, start=np.zeros(end - begin))
            formants[begin:end] += piece * shape
            if rng.random() < 0.4:
                length = round(rng.uniform(0.04, 0.09) * rate)
                _place(
                    hiss, rng.normal(size=length) * np.hanning(length), begin - length // 2 if begin > length else begin
                )
            now += length_s * float(rng.uniform(0.9, 1.2))
        now += float(rng.uniform(0.25, 0.7))  # a breath
    return _normalized(formants * (0.3 + envelope) + 0.12 * _band(hiss, 3000, 8000, rate))


_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
"""Formant frequencies in Hz of /a i u e o/ (Peterson and Barney 1952, men)."""


def dog(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Barks: short, falling in pitch, rough; in groups of two or three."""
    total = np.zeros(round(seconds * rate))
    base_hz = rng.uniform(320, 480)
    for start in _starts(rng, seconds, 1.1):
        for number in range(int(rng.integers(1, 4))):
            time = _time(0.17, rate)
            phase = _phase(base_hz * (1.4 - 3.2 * time), rate)
            bark = sum(np.sin(k * phase) / k**0.7 for k in range(1, 9)) + 1.5 * rng.normal(size=time.size)
            shape = np.minimum(time / 0.012, 1) * np.exp(-time * 16)
            _place(total, bark * shape, round((start + 0.24 * number) * rate))
    return _normalized(_band(total, 250, 3200, rate))


def cat(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Meows: a long vowel whose pitch rises and falls."""
    total = np.zeros(round(seconds * rate))
    for start in _starts(rng, seconds, 1.5):
        length_s = float(rng.uniform(0.6, 0.95))
        time = _time(length_s, rate)
        bend = np.sin(np.pi * time / length_s)
        phase = _phase(rng.uniform(520, 640) * (1 + 0.35 * bend), rate)
        meow = sum(np.sin(k * phase) * w for k, w in zip(range(1, 7), (0.5, 1, 0.8, 0.5, 0.3, 0.2), strict=True))
        _place(total, meow * bend, round(start * rate))
    return _normalized(total)


def bird(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Chirps: fast sweeps high up, in bursts."""
    total = np.zeros(round(seconds * rate))
    top_hz = rng.uniform(4200, 5600)
    for start in _starts(rng, seconds, 0.9):
        for number in range(int(rng.integers(3, 8))):
            length_s = float(rng.uniform(0.045, 0.08))
            time = _time(length_s, rate)
            phase = _phase(top_hz * (1 - 0.35 * time / length_s), rate)
            _place(total, np.sin(phase) * np.hanning(time.size), round((start + 0.09 * number) * rate))
    return _normalized(total)


def car(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """An engine: a deep pulse train whose revolutions wander, and the rush of tyres."""
    time = _time(seconds, rate)
    revolutions = np.interp(time, np.linspace(0, seconds, 8), rng.uniform(38, 75, 8))
    phase = _phase(revolutions, rate)
    engine = sum(np.sin(k * phase + k) / k**0.8 for k in range(1, 16))
    rush = _band(rng.normal(size=time.size), 80, 700, rate)
    return _normalized(engine * (1 + 0.3 * np.sin(phase / 2)) + 1.2 * rush)


def bell(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Struck bell: inharmonic partials that ring for seconds."""
    total = np.zeros(round(seconds * rate))
    base_hz = rng.uniform(480, 700)
    partials = (
        (0.5, 0.6, 1.2),
        (1, 1, 1.6),
        (1.19, 0.7, 2),
        (1.56, 0.6, 2.6),
        (2, 0.9, 3),
        (2.74, 0.5, 4),
        (4.07, 0.3, 6),
    )
    for start in _starts(rng, seconds, 1.9):
        time = _time(2.5, rate)
        ring = np.zeros(time.size)
        for ratio, weight, decay in partials:
            ring += weight * np.exp(-time * decay) * np.sin(2 * np.pi * base_hz * ratio * time)
        _place(total, ring * rng.uniform(0.6, 1), round(start * rate))
    return _normalized(total)


def drum(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """A drum beat: a membrane that drops in pitch, with rattle, at a steady tempo."""
    total = np.zeros(round(seconds * rate))
    beat_s = 60 / rng.uniform(100, 150)
    base_hz = rng.uniform(95, 150)
    for number in range(int(seconds / beat_s * 2)):
        if number % 2 and rng.random() < 0.5:
            continue
        time = _time(0.3, rate)
        membrane = np.exp(-time * 14) * np.sin(_phase(base_hz * (1 + 1.2 * np.exp(-time * 30)), rate))
        rattle = 0.35 * np.exp(-time * 22) * rng.normal(size=time.size)
        _place(total, (membrane + rattle) * (1 if number % 4 == 0 else 0.7), round(number * beat_s / 2 * rate))
    return _normalized(total)


def guitar(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Plucked strings (Karplus and Strong 1983): arpeggios over a few chords."""
    total = np.zeros(round(seconds * rate))
    chords = ((110, 165, 220, 277, 330), (147, 220, 294, 370, 440), (131, 196, 262, 330, 392), (98, 196, 247, 294, 392))
    for start in _starts(rng, seconds, 0.28, 0.08):
        chord = chords[int(start / 2.2) % len(chords)]
        period = round(rate / chord[int(rng.integers(len(chord)))])
        excitation = np.zeros(round(1.1 * rate))
        excitation[:period] = rng.uniform(-1, 1, period)
        # y[n] = x[n] + 0.996 (y[n-N] + y[n-N-1]) / 2: the string as a recursive filter.
        feedback = np.zeros(period + 2)
        feedback[0], feedback[period], feedback[period + 1] = 1, -0.498, -0.498
        _place(total, lfilter([1.0], feedback, excitation), round(start * rate))
    return _normalized(total)


def siren(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Two alternating horn notes."""
    time = _time(seconds, rate)
    low_hz = rng.uniform(420, 470)
    step = (time / 0.55 + rng.uniform()) % 2 < 1
    phase = _phase(np.where(step, low_hz, low_hz * 4 / 3), rate)
    return _normalized(sum(np.sin(k * phase) / k for k in (1, 2, 3, 4, 5)) * (0.9 + 0.1 * np.sin(2 * np.pi * 7 * time)))


def drone(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Four rotors that beat against each other."""
    time = _time(seconds, rate)
    base_hz = rng.uniform(185, 230)
    wander = np.interp(time, np.linspace(0, seconds, 12), rng.uniform(0.96, 1.05, 12))
    total = np.zeros(time.size)
    for detune in (1, 1.013, 0.991, 1.021):
        phase = _phase(base_hz * detune * wander, rate)
        total += sum(np.sin(k * phase + k * detune) / k**0.5 for k in range(1, 13))
    return _normalized(total + _band(rng.normal(size=time.size), 1000, 5000, rate) * 1.5)


def fountain(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """Falling water: bright noise that flutters."""
    noise = _band(rng.normal(size=round(seconds * rate)), 1800, 9000, rate)
    flutter = np.interp(
        _time(seconds, rate), np.linspace(0, seconds, int(seconds * 20) + 2), rng.uniform(0.5, 1, int(seconds * 20) + 2)
    )
    return _normalized(noise * flutter)


def clock(rng: np.random.Generator, seconds: float, rate: int) -> Signal:
    """An alarm clock: ticking twice a second, and ringing now and then."""
    total = np.zeros(round(seconds * rate))
    tick_time = _time(0.03, rate)
    for number in range(int(seconds * 4)):
        tick = np.exp(-tick_time * 250) * np.sin(2 * np.pi * (2600 if number % 2 else 3100) * tick_time)
        _place(total, 0.8 * tick, round(number * 0.25 * rate))
    for start in _starts(rng, seconds, 3.0):
        time = _time(1.2, rate)
        hammer = (time * 22) % 1
        ring = np.exp(-hammer * 3) * (np.sin(2 * np.pi * 2150 * time) + 0.7 * np.sin(2 * np.pi * 3420 * time))
        _place(total, ring * np.hanning(time.size) ** 0.3, round(start * rate))
    return _normalized(total)


TIMBRES: dict[str, Timbre] = {
    "person": speech,
    "dog": dog,
    "cat": cat,
    "bird": bird,
    "car": car,
    "bell": bell,
    "drum": drum,
    "guitar": guitar,
    "siren": siren,
    "drone": drone,
    "fountain": fountain,
    "clock": clock,
}
"""The sound of each class of thing."""


def music(rng: np.random.Generator, seconds: float, rate: int) -> tuple[Signal, Signal]:
    """A stereo bed (left, right) as editors lay it under a video: chords, a bass and a beat, mixed wide."""
    pad_left, pad_right = np.zeros(round(seconds * rate)), np.zeros(round(seconds * rate))
    chords = ((220, 261.6, 329.6), (174.6, 220, 261.6), (196, 246.9, 293.7), (164.8, 196, 246.9))
    for number in range(int(seconds / 1.6) + 1):
        time = _time(1.7, rate)
        shape = np.minimum(time / 0.08, 1) * np.exp(-time * 0.9)
        for note, hz in enumerate(chords[number % 4]):
            tone = sum(np.sin(2 * np.pi * k * hz * time + rng.uniform(0, 6)) / k for k in range(1, 7)) * shape
            _place(pad_left, tone * (1 - 0.4 * note), round(number * 1.6 * rate))
            _place(pad_right, tone * (0.2 + 0.4 * note), round(number * 1.6 * rate))
    beat = 2.2 * drum(rng, seconds, rate)
    return _normalized(pad_left + beat), _normalized(pad_right + beat)
