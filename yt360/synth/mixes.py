"""Sound scenes with and without post-production, to fit and to measure filters on: sound only, exact truth.

A scene has an ambience, people who talk, players, events; outdoors (with an echo off the ground and a weak far
reverberation) or in a room; heard by a microphone with flaws. Over it may lie what an editor adds: a narrator in
W or dry from the front, a stereo bed as two virtual loudspeakers or as mid and side. Loudspeakers that stand in
the scene are part of the scene.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft
from scipy.signal import fftconvolve, lfilter

from yt360 import ambisonics, sphere
from yt360.ambisonics import W, Y, Z
from yt360.media import ffmpeg
from yt360.synth import ensemble, voices

RATE_HZ = 24_000
CONTENTS = ("ambience", "events", "talk", "music", "talk and music", "loudspeakers")
POST = ("voice-w", "voice-front", "bed-30", "bed-45", "bed-60", "bed-90", "music-w")
"""What may be laid over a scene; the number is the half angle of the pair, 90° being mid and side."""

Rng = np.random.Generator
Sound = NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """Where voices and music come from: a ``part`` of the synthetic ones, and recordings if there are any.

    ``speech`` are mono, ``music`` stereo ``(2, n)``, both at :data:`RATE_HZ`; they are used half of the time.
    """

    part: voices.Part
    speech: Sequence[NDArray[np.floating]] = ()
    music: Sequence[NDArray[np.floating]] = ()

    def voice(self, rng: Rng, samples: int) -> Sound:
        """Somebody who speaks, with turns and rests; RMS 1 while speaking."""
        if self.speech and rng.random() < 0.5:
            recording = self.speech[int(rng.integers(len(self.speech)))]
        else:
            everybody = voices.speakers(self.part)
            recording = voices.say(everybody[int(rng.integers(len(everybody)))], RATE_HZ)
        said = _excerpt(rng, recording[None], samples)[0] * _turns(rng, samples)
        normalized: Sound = said / voices.active_rms(said, RATE_HZ)
        return normalized

    def stereo(self, rng: Rng, samples: int) -> Sound:
        """A produced piece of music ``(2, samples)`` with a mean power of 1."""
        if self.music and rng.random() < 0.5:
            piece = _excerpt(rng, self.music[int(rng.integers(len(self.music)))], samples)
            return piece / max(_rms(piece), 1e-9)
        return ensemble.stereo_mix(rng, samples, RATE_HZ, self.part)

    def players(self, rng: Rng, samples: int) -> list[Sound]:
        return ensemble.players(rng, samples, RATE_HZ, self.part)


@dataclass(frozen=True)
class SceneKind:
    """What was drawn: ``indoor``, ``horizontal`` (no Z), ``content`` (one of :data:`CONTENTS`)."""

    indoor: bool
    horizontal: bool
    content: str


@dataclass(frozen=True)
class Mix:
    """``foa`` ``(4, samples)`` AmbiX float32; what lies over it, with levels in dB over the scene's W."""

    foa: NDArray[np.float32]
    kind: SceneKind
    post: dict[str, float] = field(default_factory=dict)


def draw_kind(rng: Rng, content: str | None = None, indoor: bool | None = None) -> SceneKind:
    """A random kind of scene; what is given is kept."""
    return SceneKind(
        bool(rng.random() < 0.5) if indoor is None else indoor,
        bool(rng.random() < 0.2),
        content or str(rng.choice(CONTENTS)),
    )


def scene(rng: Rng, kind: SceneKind, material: Material, seconds: float, *, microphone: bool = True) -> Sound:
    """A scene without post-production ``(4, samples)``, its W with an RMS of 1, as a ``microphone`` hears it."""
    samples = round(seconds * RATE_HZ)
    foa = _ambience(rng, samples, kind.horizontal and rng.random() < 0.5) * 10 ** (rng.uniform(-25, 0) / 20)
    if "talk" in kind.content:
        for _ in range(int(rng.integers(1, 4))):
            foa += _placed(rng, material.voice(rng, samples), kind.indoor) * 10 ** (rng.uniform(-8, 0) / 20)
    if "music" in kind.content:
        parts = material.players(rng, samples)
        if material.music and rng.random() < 0.5:
            parts = list(material.stereo(rng, samples))
        if rng.random() < 0.4:
            parts = [np.sum(parts, axis=0) / 2]
        for signal in parts[: int(rng.integers(1, 5))]:
            foa += _placed(rng, signal, kind.indoor) * 10 ** (rng.uniform(-8, 0) / 20)
    if kind.content == "loudspeakers":
        foa += _loudspeakers(rng, material, samples, kind.indoor)
    if kind.content in ("ambience", "events") or rng.random() < 0.4:
        loudest_db = -5 if kind.content == "ambience" else 0
        foa += _events(rng, samples, int(rng.integers(1, 5))) * 10 ** (rng.uniform(-15, loudest_db) / 20)
    if kind.horizontal:
        foa[Z] = 0
    if microphone:
        foa = through_microphone(rng, foa)
    return foa / max(_rms(foa[W]), 1e-9)


def post_production(rng: Rng, what: str, material: Material, samples: int) -> Sound:
    """What an editor lays over a scene ``(4, samples)``, W with an RMS of 1 (of a voice: while it speaks)."""
    out = np.zeros((4, samples))
    if what in ("voice-w", "voice-front"):
        voice = material.voice(rng, samples)
        return ambisonics.encode(voice, 0.0, 0.0) if what == "voice-front" else np.concatenate([voice[None], out[1:]])
    left, right = material.stereo(rng, samples)
    if what == "music-w":
        out[W] = left + right
    elif what == "bed-90":
        out[W], out[Y] = left + right, left - right
    else:
        angle = np.deg2rad(float(what.partition("-")[2]))
        out = ambisonics.encode(left, angle, 0.0) + ambisonics.encode(right, -angle, 0.0)
    return out / max(_rms(out[W]), 1e-9)


def mix(scene_sound: Sound, kind: SceneKind, post: dict[str, Sound], levels_db: dict[str, float]) -> Mix:
    """A scene with what lies over it, at about -20 dBFS."""
    total = scene_sound.copy()
    for name, layer in post.items():
        total += layer * 10 ** (levels_db[name] / 20)
    total *= 0.1 / max(_rms(total[W]), 1e-9)
    return Mix(total.astype(np.float32), kind, dict(levels_db))


def _rms(sound: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def _excerpt(rng: Rng, recording: NDArray[np.floating], samples: int) -> Sound:
    """A stretch of a recording ``(channels, n)``, repeated where it is too short."""
    repeats = -(-samples // recording.shape[1]) + 1
    start = int(rng.integers(recording.shape[1]))
    return np.tile(recording, (1, repeats))[:, start : start + samples].astype(np.float64)


def _turns(rng: Rng, samples: int) -> Sound:
    """1 while somebody has the word, 0 while resting; half of the people never rest."""
    if rng.random() < 0.5:
        return np.ones(samples)
    gate, at = np.zeros(samples), int(rng.uniform(0, 2) * RATE_HZ)
    while at < samples:
        length = int(rng.uniform(2, 7) * RATE_HZ)
        gate[at : at + length] = 1
        at += length + int(rng.exponential(1.5) * RATE_HZ)
    window = np.hanning(2401)
    return np.convolve(gate, window / window.sum(), "same")


def _coloured(rng: Rng, shape: tuple[int, ...], slope: float, low_hz: float, high_hz: float) -> Sound:
    """Noise whose power falls with frequency to the power ``slope`` within a band; each row has an RMS of 1."""
    spectrum = rfft(rng.standard_normal(shape))
    hz = np.arange(spectrum.shape[-1]) * RATE_HZ / shape[-1] + 1
    noise = irfft(spectrum * hz ** (-slope / 2) * ((hz > low_hz) & (hz < high_hz)), shape[-1])
    normalized: Sound = noise / np.sqrt(np.mean(noise**2, axis=-1, keepdims=True))
    return normalized


def _ambience(rng: Rng, samples: int, flat: bool) -> Sound:
    """Noise of many plane waves from random directions: two layers, each with its own colour and directions."""
    total = np.zeros((4, samples))
    for _ in range(2):
        waves = int(rng.integers(4, 60))
        elevation = rng.normal(0, 0.15, waves) if flat else np.arcsin(rng.uniform(-1, 1, waves))
        gains = ambisonics.encoding_gains(rng.uniform(-np.pi, np.pi, waves), elevation) * rng.lognormal(0, 0.5, waves)
        root = np.linalg.cholesky(gains @ gains.T / waves + 1e-6 * np.eye(4))
        layer = root @ _coloured(rng, (4, samples), rng.uniform(0.3, 1.8), 60, 11_000)
        knots = rng.standard_normal(samples // RATE_HZ * 2 + 4)
        swell = np.interp(np.arange(samples), np.linspace(0, samples, knots.size), knots)
        total += layer * 10 ** (rng.uniform(0, 2.5) * swell / 20) * 10 ** (rng.uniform(-10, 0) / 20)
    return total / _rms(total[W])


def _response(rng: Rng, azimuth: float, elevation: float, t60_s: float, direct_db: float) -> Sound:
    """Room response ``(4, n)``: direct sound, a dozen reflections, a diffuse tail; energies as in SN3D."""
    length = round(t60_s * RATE_HZ * 1.1) + 10
    early, time_s = np.zeros((4, length)), np.arange(length) / RATE_HZ
    for _ in range(12):
        at = round(rng.uniform(0.003, 0.06) * RATE_HZ)
        if at < length:
            gains = ambisonics.encoding_gains(rng.uniform(-np.pi, np.pi), np.arcsin(rng.uniform(-1, 1)))
            early[:, at] += gains * rng.uniform(0.2, 1) * rng.choice([-1, 1]) * np.exp(-at / RATE_HZ * 20)
    tail = rng.standard_normal((4, length)) * 10 ** (-3 * time_s / t60_s) * np.minimum(1, time_s / 0.03)
    tail[1:] /= np.sqrt(3)
    tail = lfilter([0.6], [1, -0.4], tail, axis=1)
    late: Sound = early / np.sqrt(np.sum(early[0] ** 2) + 1e-9) + tail / np.sqrt(np.sum(tail[0] ** 2))
    late *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(late[0] ** 2))
    late[:, 0] += ambisonics.encoding_gains(azimuth, elevation)
    return late


def _heard(signal: Sound, response: Sound) -> Sound:
    heard: Sound = fftconvolve(signal[None], response, axes=1)[:, : signal.size]
    return heard


def _placed(rng: Rng, signal: Sound, indoor: bool) -> Sound:
    """A source somewhere in the scene, often near the front, W with an RMS of 1."""
    azimuth = rng.uniform(-np.pi, np.pi) if rng.random() < 0.6 else rng.normal(0, 0.3)
    elevation = rng.normal(-0.05, 0.2)
    if indoor:
        foa = _heard(signal, _response(rng, azimuth, elevation, rng.uniform(0.25, 1.4), rng.uniform(-8, 10)))
        return foa / max(_rms(foa[W]), 1e-9)
    track: Sound | float = azimuth
    if rng.random() < 0.4:  # walks around
        knots = np.cumsum(rng.standard_normal(signal.size // RATE_HZ * 2 + 4) * 0.08)
        track = azimuth + np.interp(np.arange(signal.size), np.linspace(0, signal.size, knots.size), knots)
    foa = ambisonics.encode(signal, track, elevation)
    delay = int(rng.uniform(0.002, 0.02) * RATE_HZ)
    echo = ambisonics.encode(signal[:-delay], azimuth, -abs(elevation) - 0.4) * rng.uniform(0, 0.5)
    foa[:, delay:] += echo
    if rng.random() < 0.7:
        far = _response(rng, 0.0, 0.0, rng.uniform(0.2, 0.8), rng.uniform(8, 25))
        far[:, 0] = 0
        foa += _heard(signal, far)
    return foa / max(_rms(foa[W]), 1e-9)


def _loudspeakers(rng: Rng, material: Material, samples: int, indoor: bool) -> Sound:
    """A concert's loudspeakers: produced stereo from two places of the scene, with its room or its echoes."""
    centre, half = rng.normal(0, 0.4) if rng.random() < 0.6 else rng.uniform(-np.pi, np.pi), rng.uniform(0.2, 1.2)
    height, total = rng.normal(0.1, 0.15), np.zeros((4, samples))
    t60_s, direct_db = (rng.uniform(0.4, 1.8), rng.uniform(-8, 6)) if indoor else (rng.uniform(0.3, 0.9), 12.0)
    for side, signal in zip((1, -1), material.stereo(rng, samples), strict=True):
        azimuth = float(sphere.wrap_angle(centre + side * half))
        total += _heard(signal, _response(rng, azimuth, height + rng.normal(0, 0.05), t60_s, direct_db))
    if rng.random() < 0.5:
        voice = material.voice(rng, samples) * _rms(total[W])
        total += _heard(voice, _response(rng, centre, height, t60_s, direct_db))
    return total / max(_rms(total[W]), 1e-9)


def _events(rng: Rng, samples: int, count: int) -> Sound:
    """Birds, cars that pass, knocks and machines at random directions."""
    foa = np.zeros((4, samples))
    time_s = np.arange(samples) / RATE_HZ
    seconds = samples / RATE_HZ
    for _ in range(count):
        azimuth: Sound | float = rng.uniform(-np.pi, np.pi)
        elevation, kind, signal = rng.normal(0, 0.35), int(rng.integers(4)), np.zeros(samples)
        if kind == 0:
            short = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
            for start in rng.uniform(0, seconds - 1, int(seconds * 0.5)):
                sweep = rng.uniform(2500, 5000) * short + rng.uniform(-4000, 4000) * short**2
                begin = int(start * RATE_HZ)
                signal[begin : begin + short.size] += np.sin(2 * np.pi * sweep) * np.hanning(short.size)
        elif kind == 1:
            passing = np.exp(-(((time_s - rng.uniform(0, seconds)) / rng.uniform(1, 4)) ** 2))
            signal = _coloured(rng, (samples,), 1.3, 80, 6000) * passing
            azimuth = azimuth + np.linspace(-2, 2, samples)
        elif kind == 2:
            short = np.arange(int(0.2 * RATE_HZ)) / RATE_HZ
            for start in rng.uniform(0, seconds - 1, int(seconds * 0.4) + 1):
                begin = int(start * RATE_HZ)
                signal[begin : begin + short.size] += rng.standard_normal(short.size) * np.exp(-short * 40)
        else:
            hz = rng.uniform(60, 150)
            signal = np.sum([np.sin(2 * np.pi * hz * k * time_s + k) / k**0.7 for k in range(1, 25)], axis=0)
            signal = signal * (1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.2, 3) * time_s))
        level = _rms(signal)
        if level > 1e-9:
            foa += ambisonics.encode(signal / level, azimuth, elevation) * rng.lognormal(-0.3, 0.6)
    return foa / max(_rms(foa[W]), 1e-9)


def through_microphone(rng: Rng, foa: Sound) -> Sound:
    """Flaws of real first-order microphones, or none: x, y, z of other levels than W's, differently in each band,
    out of phase towards high frequencies (capsules are apart), without lows, and with noise of their own.
    """
    if rng.random() < 0.25:
        return foa
    spectrum = rfft(foa)
    hz = np.maximum(np.arange(spectrum.shape[1]) * RATE_HZ / foa.shape[1], 1.0)
    place = np.log2(hz / _KNOTS_HZ[0])
    knots = np.arange(len(_KNOTS_HZ))
    common_db = rng.normal(0, 1.5) + rng.normal(0, rng.uniform(0, 2.5), knots.size)
    if rng.random() < 0.3:
        common_db = common_db - rng.uniform(3, 15) * (rng.uniform(200, 1500) > np.array(_KNOTS_HZ))
    alias_hz, bend = rng.uniform(1500, 10_000), rng.uniform(0, 1.5)
    for channel in (1, 2, 3):
        own_db = common_db + rng.normal(0, rng.uniform(0, 1.5), knots.size)
        phase = rng.normal(0, bend) * np.minimum((hz / alias_hz) ** 2, 3)
        spectrum[channel] *= 10 ** (np.interp(place, knots, own_db) / 20) * np.exp(1j * phase)
    flawed: Sound = irfft(spectrum, foa.shape[1])
    hiss = _coloured(rng, (3, foa.shape[1]), rng.uniform(0, 1.5), 60, 11_000)
    flawed[1:] += hiss * _rms(foa[W]) * 10 ** (rng.uniform(-50, -16) / 20)
    if not foa[Z].any():
        flawed[Z] = 0
    return flawed


_KNOTS_HZ = (62.5, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)


def delivered(foa: NDArray[np.float32], codec: str) -> NDArray[np.float32]:
    """A sound ``(4, samples)`` after a lossy codec (``opus``, ``vorbis``, ``aac``), aligned and as long as before."""
    coding = {
        "opus": (["-c:a", "libopus", "-mapping_family", "2", "-b:a", "384k"], "ambisonic 1", "matroska"),
        "vorbis": (["-c:a", "libvorbis", "-q:a", "4"], "quad", "matroska"),
        "aac": (["-c:a", "aac", "-b:a", "256k", "-aac_ms", "0", "-aac_is", "0"], "quad", "matroska"),
    }
    words, layout, container = coding[codec]
    raw = ["-f", "f32le", "-ar", str(RATE_HZ), "-ch_layout", layout, "-i", "pipe:0"]
    data = np.ascontiguousarray(foa.T, dtype=np.float32).tobytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coded.mka"
        ffmpeg.run([*raw, *words, "-f", container, "-y", str(path)], timeout_s=120, stdin=data)
        decoding = [*ffmpeg.input_arguments(path), "-ar", str(RATE_HZ), "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"]
        decoded = np.frombuffer(ffmpeg.run(decoding, timeout_s=120).stdout, "<f4").reshape(-1, 4).T
    out = np.zeros_like(foa)
    length = min(out.shape[1], decoded.shape[1])
    out[:, :length] = decoded[:, :length]
    return out
