"""Small first-order scenes at 24 kHz with a known truth, ``(4, samples)`` float32."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from yt360 import ambisonics

RATE = 24000
SECONDS = 12


def _unit(sound: np.ndarray) -> np.ndarray:
    """Scaled so that the first channel (or the mono signal) has an RMS of 1."""
    first = sound[0] if sound.ndim == 2 else sound
    return np.asarray(sound / np.sqrt(np.mean(first**2)))


@cache
def _colour(slope: float, samples: int) -> np.ndarray:
    return (np.fft.rfftfreq(samples, 1 / RATE) + 20) ** (-slope / 2)


def coloured(rng: np.random.Generator, slope: float = 1.0, samples: int = SECONDS * RATE) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    return _unit(np.fft.irfft(spectrum * _colour(slope, samples), samples))


def speech(rng: np.random.Generator, samples: int = SECONDS * RATE) -> np.ndarray:
    """Syllables four to five a second: a gliding pulse train or noise through moving formants, with pauses."""
    out = np.zeros(samples)
    at, pitch = 0, rng.uniform(95, 220)
    while at < samples - RATE:
        length = int(rng.uniform(0.13, 0.24) * RATE)
        time = np.arange(length) / RATE
        glide = pitch * (1 + rng.uniform(-0.15, 0.15) * time / time[-1])
        phase = 2 * np.pi * np.cumsum(glide) / RATE
        first, second, third = rng.uniform(300, 800), rng.uniform(900, 2200), rng.uniform(2400, 3200)
        voiced = np.zeros(length)
        for harmonic in range(1, int(5000 / pitch)):
            frequency = harmonic * pitch
            gain = sum(
                weight / (1 + ((frequency - formant) / 120) ** 2)
                for formant, weight in ((first, 1.0), (second, 0.5), (third, 0.3))
            )
            voiced += gain * np.sin(harmonic * phase)
        syllable = voiced * np.hanning(length)
        if rng.random() < 0.5:
            hiss = int(0.06 * RATE)
            burst = np.diff(rng.standard_normal(hiss + 1)) * np.hanning(hiss) * 0.3
            syllable[:hiss] += burst * np.abs(voiced).max()
        out[at : at + length] += syllable / np.abs(voiced).max()
        at += length + int(rng.uniform(0.01, 0.06) * RATE)
        if rng.random() < 0.12:
            at += int(rng.uniform(0.3, 0.8) * RATE)
    return _unit(out)


@cache
def _decays() -> tuple[np.ndarray, np.ndarray]:
    """Times of a note, and the envelopes of its harmonics (a row each)."""
    time, k = np.arange(int(1.5 * RATE)) / RATE, np.arange(1, 10)[:, None]
    return time, np.exp(-time * (2 + k)) / k


def _tone(frequency: float) -> np.ndarray:
    time, decays = _decays()
    angle = 2 * np.pi * frequency * time
    twice_cos, before, harmonic = 2 * np.cos(angle), np.zeros_like(time), np.sin(angle)
    out = np.zeros_like(time)
    for k, decay in enumerate(decays, 1):
        if frequency * k < 10000:
            out += harmonic * decay
        before, harmonic = harmonic, twice_cos * harmonic - before  # sin((k + 1)x) = 2 cos x sin kx - sin((k - 1)x)
    return out


def notes(rng: np.random.Generator, samples: int = SECONDS * RATE, voices: int = 3) -> list[np.ndarray]:
    """Plucked and held parts that play together."""
    parts = []
    for voice in range(voices):
        out = np.zeros(samples + 4 * RATE)
        root, step = 110 * 2 ** rng.uniform(0, 1) * (voice + 1), rng.choice([0.25, 0.5])
        for index in range(int(samples / RATE / step)):
            if rng.random() < 0.35:
                continue
            tone = _tone(root * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11]) / 12))
            start = int(index * step * RATE)
            out[start : start + len(tone)] += tone * rng.uniform(0.4, 1)
        parts.append(_unit(out[:samples]))
    return parts


def ambience(rng: np.random.Generator, waves: int = 40) -> np.ndarray:
    """Noise from everywhere: each wave from its own direction, all as loud. Summed as spectra: much quicker."""
    samples = SECONDS * RATE
    azimuths, elevations = rng.uniform(-np.pi, np.pi, waves), np.arcsin(rng.uniform(-1, 1, waves))
    gains = np.array([ambisonics.encoding_gains(*direction) for direction in zip(azimuths, elevations, strict=True)])
    total = np.zeros((4, samples + 2))
    for some in np.array_split(gains, max(1, waves // 20)):
        spectra = np.fft.rfft(rng.standard_normal((len(some), samples)))
        spectra *= _colour(1.0, samples)
        energies = 2 * np.sum(np.square(spectra.view(float)), axis=1) - np.abs(spectra[:, [0, -1]] ** 2).sum(axis=1)
        total += (some / np.sqrt(energies)[:, None]).T @ spectra.view(float)  # all as loud, by Parseval
    return _unit(np.fft.irfft(total.view(complex), samples))


def in_room(
    rng: np.random.Generator, signal: np.ndarray, azimuth: float, elevation: float, reverberation_s: float = 0.5
) -> np.ndarray:
    """A source, a dozen reflections and a diffuse tail (in SN3D a third of W's power in each of x, y and z)."""
    length = int(reverberation_s * RATE)
    response = np.zeros((4, length))
    response[:, 0] = ambisonics.encoding_gains(azimuth, elevation)
    for _ in range(12):
        gains = ambisonics.encoding_gains(rng.uniform(-np.pi, np.pi), np.arcsin(rng.uniform(-1, 1)))
        response[:, int(rng.uniform(0.004, 0.05) * RATE)] += gains * rng.uniform(-0.5, 0.5)
    tail = rng.standard_normal((4, length)) * 10 ** (-3 * np.arange(length) / length)
    tail[1:] /= np.sqrt(3)
    response += tail * 0.7 / np.sqrt(np.sum(tail[0] ** 2))
    return _unit(np.stack([fftconvolve(signal, channel)[: len(signal)] for channel in response]))


def mix(*layers: tuple[np.ndarray, float]) -> NDArray[np.float32]:
    """Layers ``(4, samples)`` at levels in dB (of W), the whole at about -20 dBFS."""
    total = np.asarray(sum(_unit(layer) * 10 ** (level_db / 20) for layer, level_db in layers))
    return (_unit(total) * 0.1).astype(np.float32)


def voice_in_w(rng: np.random.Generator) -> np.ndarray:
    return np.stack([speech(rng), *np.zeros((3, SECONDS * RATE))])


def bed(rng: np.random.Generator, half_angle_deg: float) -> np.ndarray:
    """A stereo mix as two virtual loudspeakers; 90° is mid-side in W and Y."""
    left, right = np.zeros((2, SECONDS * RATE))
    for part in notes(rng, voices=4):
        pan = rng.uniform(0.2, 1.37)
        left += np.cos(pan) * part
        right += np.sin(pan) * part
    for channel in (left, right):  # each side's own reverberation
        tail = rng.standard_normal(RATE) * np.exp(-np.arange(RATE) / RATE / 0.15) * 0.03
        channel += fftconvolve(left + right, tail)[: len(channel)]
    angle = np.deg2rad(half_angle_deg)
    return np.asarray(np.add(ambisonics.encode(left, angle, 0.0), ambisonics.encode(right, -angle, 0.0)))
