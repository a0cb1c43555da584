"""Four-channel sound of every hypothesis about it, simulated for fitting: fields, microphones, feeds, copies.

Whatever arrives is a list of plane waves (direct sound, reflections of a shoebox, a late tail, ambience), heard by
receivers that have a place and a directivity. So true ambisonics, capsules, spaced microphones and what is made of
them come from the same physics. Nothing here is used by ``benchmarks/``, and no recording of a sound field is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from yt360 import ambisonics
from yt360.synth import mixes

RATE_HZ = mixes.RATE_HZ
_SOUND_MS = 343.0
Rng = np.random.Generator
Sound = NDArray[np.float64]

_PUT_UNDER = 0.15
"""Share of fields with a voice or music that belongs to no direction."""


@dataclass(frozen=True)
class Waves:
    """Plane waves of one source: delays in s, gains, and the directions they come from ``(n, 3)``."""

    delay_s: Sound
    gain: Sound
    towards: Sound


@dataclass(frozen=True)
class Receivers:
    """Places ``(n, 3)`` in m, axes ``(n, 3)``, and shares of omni in ``omni + (1 - omni) cos``."""

    place: Sound
    axis: Sound
    omni: Sound


def _unit(rng: Rng, count: int) -> Sound:
    v = rng.standard_normal((count, 3))
    return np.asarray(v / np.linalg.norm(v, axis=1, keepdims=True))


def dry(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """A source ``(samples,)`` with an RMS of 1: a voice, an instrument, noise, clicks, a tone that wanders."""
    kind, n = int(rng.integers(7)), samples
    if kind <= 1:
        signal = material.voice(rng, n)
    elif kind == 2:
        signal = np.asarray(material.players(rng, n)[0], float)
    elif kind == 3:
        signal = np.asarray(material.stereo(rng, n)[0], float)
    elif kind == 4:
        sos = butter(1, [rng.uniform(60, 400), rng.uniform(1000, 9000)], "bandpass", fs=RATE_HZ, output="sos")
        signal = sosfilt(sos, rng.standard_normal(n)) * _swells(rng, n, rng.uniform(0.2, 6))
    elif kind == 5:
        signal = np.zeros(n)
        count = max(2, round(n / RATE_HZ * rng.uniform(0.7, 8)))
        signal[rng.integers(0, n, count)] = rng.standard_normal(count)
        ring = np.exp(-np.arange(3000) / rng.uniform(60, 900)) * rng.standard_normal(3000)
        signal = fftconvolve(signal, ring)[:n]
    else:
        tone_hz = rng.uniform(150, 2500) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.2, 5) * np.arange(n) / RATE_HZ))
        phase = 2 * np.pi * np.cumsum(tone_hz) / RATE_HZ
        signal = np.sum([np.sin(k * phase) / k for k in range(1, int(rng.integers(2, 9)))], axis=0)
        signal = signal * _swells(rng, n, rng.uniform(0.3, 5)) + 0.01 * rng.standard_normal(n)
    return np.asarray(signal / max(1e-9, float(np.sqrt(np.mean(signal**2)))), float)


def _swells(rng: Rng, n: int, rate_hz: float) -> Sound:
    knots = rng.random(max(4, int(n / RATE_HZ * rate_hz) + 2)) ** rng.uniform(0.5, 3)
    return np.interp(np.linspace(0, len(knots) - 1, n), np.arange(len(knots)), knots)


def room(rng: Rng, *, flat: bool = False) -> Callable[[], Waves]:
    """A room (or the open air) with a listener: each call puts a source somewhere in it."""
    size = np.exp(rng.uniform(np.log([2.5, 2.5, 2.2]), np.log([20, 16, 8])))
    t60_s = float(np.exp(rng.uniform(np.log(0.1), np.log(2.5))))
    outdoors = rng.random() < 0.2
    listener = size * rng.uniform(0.15, 0.85, 3)
    volume, surface = size.prod(), 2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    reflect = np.sqrt(1 - min(0.95, 0.161 * volume / (surface * t60_s)))
    grid = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    tail_db = rng.uniform(-14, 2) if rng.random() < 0.7 else -60.0  # else an empty box: nothing but its mirror images

    def place() -> Waves:
        source = size * rng.uniform(0.08, 0.92, 3)
        if flat:
            source[2] = listener[2]
        if outdoors:
            towards = source - listener
            distance = float(np.linalg.norm(towards)) * rng.uniform(1, 5)
            towards = towards / np.linalg.norm(towards)
            ground = towards * [1, 1, -1] + [0, 0, -0.3]
            ground /= np.linalg.norm(ground)
            echo = 0.0 if flat or rng.random() < 0.3 else rng.uniform(0.1, 0.7)
            late = rng.uniform(0.001, 0.015)
            return Waves(
                np.array([distance / _SOUND_MS, distance / _SOUND_MS + late]),
                np.array([1.0, echo]), np.stack([towards, ground]),
            )  # fmt: skip
        odd = grid % 2
        image = grid * size + odd * size + np.where(odd == 1, -source, source)
        towards = image - listener
        distance = np.linalg.norm(towards, axis=1)
        order = np.abs(grid).sum(axis=1)
        gain = reflect**order / np.maximum(distance, 0.3)
        near = np.argsort(distance)[:250]
        waves = int(rng.integers(60, 300))
        delay = rng.uniform(distance.min() / _SOUND_MS, distance.min() / _SOUND_MS + t60_s * 0.8, waves)
        tail = 10 ** (-3 * delay / t60_s) * rng.standard_normal(waves)
        tail *= 10 ** (tail_db / 20) * gain[near].max() / max(1e-9, float(np.sqrt(np.sum(tail**2))))
        arrive = _unit(rng, waves)
        directions = np.concatenate([towards[near] / distance[near, None], arrive])
        if flat:
            directions[:, 2] = 0
            directions /= np.maximum(1e-9, np.linalg.norm(directions, axis=1, keepdims=True))
        return Waves(
            np.concatenate([distance[near] / _SOUND_MS, delay]), np.concatenate([gain[near], tail]), directions
        )

    return place


def impulse_responses(waves: Waves, receivers: Receivers) -> Sound:
    """``(receivers, n)`` at :data:`RATE_HZ`, with windowed sincs for fractions of a sample."""
    cosine = waves.towards @ receivers.axis.T
    gain = waves.gain[:, None] * (receivers.omni + (1 - receivers.omni) * cosine)
    at = (waves.delay_s - waves.delay_s.min())[:, None] - waves.towards @ receivers.place.T / _SOUND_MS
    at = at * RATE_HZ + 60
    whole = np.floor(at).astype(int)
    out = np.zeros((len(receivers.omni), int(whole.max()) + 40))
    rows = np.broadcast_to(np.arange(len(receivers.omni)), whole.shape)
    for tap in range(-7, 9):
        offset = tap - (at - whole)
        np.add.at(out, (rows, whole + tap), gain * np.sinc(offset) * np.cos(np.pi * offset / 18) ** 2)
    return out


def heard(rng: Rng, samples: int, material: mixes.Material, receivers: Receivers, *, flat: bool = False) -> Sound:
    """A scene ``(receivers, samples)``: some sources in a room, some of which move, and ambience."""
    place = room(rng, flat=flat)
    total = np.zeros((len(receivers.omni), samples))
    count = int(rng.choice([0, 1, 1, 1, 2, 2, 3, 4, 6]))
    for _ in range(count):
        signal = dry(rng, samples, material) * 10 ** (rng.uniform(-14, 0) / 20)
        part = _through(signal, impulse_responses(place(), receivers))
        if rng.random() < 0.2:
            other = _through(signal, impulse_responses(place(), receivers))
            fade = np.linspace(0, 1, samples)
            part = part * np.cos(fade * np.pi / 2) + other * np.sin(fade * np.pi / 2)
        total += part / max(1e-9, float(np.sqrt(np.mean(part**2)))) * np.sqrt(np.mean(signal**2))
    if count == 0 or rng.random() < 0.6:
        level_db = rng.uniform(-35, 0) if count else 0.0
        field = _ambience(rng, samples, receivers, flat=flat)
        total += field / np.sqrt(np.mean(field**2)) * 10 ** (level_db / 20)
    return total


def _through(signal: Sound, response: Sound) -> Sound:
    return np.asarray(fftconvolve(signal[None], response, axes=1)[:, : signal.size])


def _ambience(rng: Rng, samples: int, receivers: Receivers, *, flat: bool) -> Sound:
    waves = int(rng.integers(6, 32))
    towards = _unit(rng, waves)
    if flat or rng.random() < 0.3:
        towards[:, 2] *= rng.uniform(0, 0.4) if not flat else 0
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    length = min(samples, 4 * RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal((waves, length)))
    hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    spectrum *= (hz + 40) ** (-rng.uniform(0.1, 1.2)) * rng.lognormal(0, 0.6, (waves, 1))
    out = np.zeros((len(receivers.omni), len(hz)), complex)
    for k in range(waves):
        gain = receivers.omni + (1 - receivers.omni) * (receivers.axis @ towards[k])
        lead = receivers.place @ towards[k] / _SOUND_MS
        shift = np.exp(2j * np.pi * hz * lead[:, None]) if lead.any() else 1.0
        out += gain[:, None] * shift * spectrum[k]
    field = np.fft.irfft(out, length)
    return np.asarray(np.tile(field, (1, -(-samples // length)))[:, :samples] * _swells(rng, samples, 0.5).clip(0.2))


# Receivers

_CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
_COINCIDENT = Receivers(
    np.zeros((4, 3)), np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]), np.array([1.0, 0, 0, 0])
)


def tetrahedron(rng: Rng) -> Receivers:
    """Four capsules, more or less cardioid, 8 to 25 mm from the middle."""
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0] if rng.random() < 0.3 else np.eye(3)
    axis = _CORNERS @ turn
    return Receivers(axis * rng.uniform(0.008, 0.025), axis, np.full(4, rng.uniform(0.42, 0.6)))


def panned(rng: Rng, samples: int, material: mixes.Material, *, flat: bool) -> Sound:
    """Plane waves and nothing else ``(4, samples)``, as an editor's panner makes them; some move."""
    out = np.zeros((4, samples))
    for _ in range(int(rng.integers(1, 6))):
        azimuth = rng.uniform(-np.pi, np.pi) + rng.choice([0, 0, 1]) * np.linspace(0, rng.uniform(-4, 4), samples)
        elevation = 0.0 if flat else float(np.arcsin(np.clip(rng.normal(0, rng.uniform(0.1, 0.6)), -1, 1)))
        out += ambisonics.encode(dry(rng, samples, material) * rng.uniform(0.2, 1), azimuth, elevation)
    live = out.std(axis=1, keepdims=True) > 0
    return np.asarray(out + live * 10 ** (rng.uniform(-90, -45) / 20) * out.std() * rng.standard_normal(out.shape))


def ambix(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """True ambisonics ``(4, samples)`` AmbiX, as microphones, editors and simulators of many kinds make it."""
    flat = rng.random() < 0.22
    kind = rng.random()
    simulated = False
    if kind < 0.12:
        scene, simulated = panned(rng, samples, material, flat=flat), True
    elif kind < 0.3:
        scene = mixes.scene(rng, mixes.draw_kind(rng), material, max(4.0, samples / RATE_HZ))
        scene = scene[:, :samples] * 0.1
        flat = not np.any(scene[ambisonics.Z])
    elif kind < 0.53:
        receivers = tetrahedron(rng)
        capsules = heard(rng, samples, material, receivers, flat=flat and rng.random() < 0.5)
        scene = _to_b_format(rng, capsules, receivers)
    else:
        scene = heard(rng, samples, material, _COINCIDENT, flat=flat and rng.random() < 0.7)
        simulated = True
    if not simulated or rng.random() < 0.6:
        scene = _flaws(rng, scene)
    if rng.random() < _PUT_UNDER:
        scene = _put_under(rng, scene, material)
    if flat and rng.random() < 0.7:
        scene[ambisonics.Z] = 0
    elif flat:  # the rest of a side that carries nothing
        scene[ambisonics.Z] = scene[0].std() * 10 ** (-rng.uniform(15, 60) / 20) * rng.standard_normal(samples)
    if rng.random() < 0.03:
        only = int(rng.choice([1, 3]))
        signal = dry(rng, samples, material) * 0.1
        scene = np.zeros((4, samples))
        scene[0], scene[only] = signal, signal * rng.choice([-1, 1], p=[0.1, 0.9])
    return scene


def _put_under(rng: Rng, scene: Sound, material: mixes.Material) -> Sound:
    """A narrator or a bed of music in W alone, or the music as left and right too: the rest is a field still."""
    samples = scene.shape[1]
    level = 10 ** (rng.uniform(-15, 6) / 20) * float(np.sqrt(np.mean(scene[0] ** 2)))
    scene = scene.copy()
    if rng.random() < 0.6:
        scene[0] += level * material.voice(rng, samples)
        return scene
    left, right = material.stereo(rng, samples)
    scene[0] += level * (left + right) / 2
    if rng.random() < 0.5:
        scene[1] += level * (left - right) / 2
    return scene


def _to_b_format(rng: Rng, capsules: Sound, receivers: Receivers) -> Sound:
    """Sums and differences, evened out over frequency against a diffuse field with a limited boost."""
    axes, omni = receivers.axis, float(receivers.omni[0])
    inverse = np.linalg.pinv(np.concatenate([np.full((4, 1), omni), (1 - omni) * axes[:, [1, 2, 0]]], axis=1))
    scene = inverse @ capsules
    if rng.random() < 0.25:
        return scene
    hz = np.fft.rfftfreq(2048, 1 / RATE_HZ)
    u = _unit(np.random.default_rng(1), 100)
    lead = np.exp(2j * np.pi * hz[:, None, None] * (u @ receivers.place.T) / _SOUND_MS)
    response = np.einsum("kc,fuc->fuk", inverse, lead * (omni + (1 - omni) * (u @ axes.T)))
    wanted = np.array([1, 1 / 3, 1 / 3, 1 / 3]) ** 0.5
    found = np.sqrt((np.abs(response) ** 2).mean(axis=1))
    boost = np.clip(wanted / np.maximum(found, 1e-6), 0.25, 10 ** (rng.uniform(3, 14) / 20))
    kernel = np.fft.fftshift(np.fft.irfft(boost.T, 2048), axes=1)[:, 768:1280] * np.hanning(512)
    return np.asarray(fftconvolve(scene, kernel, mode="same", axes=1))


def _flaws(rng: Rng, scene: Sound) -> Sound:
    """What recorders, microphones and editors do to a field: gains, noise, fading sides, wind, a narrator in W."""
    samples = scene.shape[1]
    scene = scene / max(1e-9, float(np.sqrt(np.mean(scene[0] ** 2)))) * 0.1
    spread_db = rng.choice([0.0, 0.3, 0.7])
    scene *= 10 ** (rng.normal(0, spread_db, (4, 1)) / 20)
    if rng.random() < 0.2:
        scene[1:] *= 10 ** (-abs(rng.normal(0, 2)) / 20)
    elif rng.random() < 0.1:
        scene[1:] *= 10 ** (rng.uniform(0, 2.5) / 20)
    if rng.random() < 0.08:
        scene[1:] *= 10 ** (-rng.uniform(3, 12) / 20)
    if rng.random() < 0.3:
        low = butter(int(rng.integers(1, 3)), rng.uniform(100, 500), "highpass", fs=RATE_HZ, output="sos")
        scene[1:] = sosfilt(low, scene[1:], axis=1)
    if rng.random() < 0.15:
        high = butter(1, rng.uniform(1000, 6000), "lowpass", fs=RATE_HZ, output="sos")
        rows = [1, 2, 3] if rng.random() < 0.6 else [0]
        scene[rows] = sosfilt(high, scene[rows], axis=1)
    level = np.sqrt(np.mean(scene**2, axis=1, keepdims=True))
    noise = 10 ** (rng.uniform(-70, -20) / 20) * level.max()
    weights = np.array([1.0, *rng.uniform(0.4, 1.5, 3)])[:, None]
    scene += noise * weights * rng.standard_normal(scene.shape)
    if rng.random() < 0.08:
        wind = np.fft.irfft(np.fft.rfft(rng.standard_normal((4, samples)))
                            * (np.fft.rfftfreq(samples, 1 / RATE_HZ) + 30) ** -1.2, samples)  # fmt: skip
        scene += wind / wind.std() * 0.1 * rng.uniform(0.1, 0.8) * _swells(rng, samples, 1.0)
    if rng.random() < 0.1:
        turns = np.arange(0, samples + 12000, 12000)
        over = np.interp(np.arange(samples), turns, (rng.random(turns.size) < 0.6).astype(float))
        talk = sosfilt(butter(1, [150, 3000], "bandpass", fs=RATE_HZ, output="sos"), rng.standard_normal(samples))
        scene[0] += talk / talk.std() * over * _swells(rng, samples, 4) * rng.uniform(0.02, 0.2)
    if rng.random() < 0.08:  # too loud: a few samples of W, the loudest channel, or many of all
        loudest = float(np.quantile(np.abs(scene[0]), rng.uniform(0.9, 0.999)))
        scene = np.clip(scene / max(1e-9, loudest), -1, 1)
    return scene
