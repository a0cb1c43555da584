"""Four-channel sound that is no ambisonics, or in an unusual reading, simulated for fitting: see ``sound_fields``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from fitting.sound_fields import RATE_HZ, Receivers, Rng, Sound, Waves, ambix, dry, heard, room, tetrahedron
from yt360 import ambisonics
from yt360.synth import mixes

Maker = Callable[[Rng, int, mixes.Material], Sound]
_LAYOUTS_DEG = (
    (45, -45, 135, -135), (30, -30, 110, -110), (30, -30, 0, 180), (0, 90, -90, 180), (60, -60, 120, -120),
    (30, -30, 135, -135), (0, 180, 90, -90), (45, 135, -135, -45), (30, -30, 90, -90),
)  # fmt: skip


def layouts(rng: Rng) -> Sound:
    """Azimuths in radians of four loudspeakers, in one of the usual orders."""
    return np.asarray(np.radians(np.array(_LAYOUTS_DEG[int(rng.integers(len(_LAYOUTS_DEG)))], float)))


def elsewhere(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """A field whose W is not the first channel: :func:`w_elsewhere`."""
    return np.asarray(w_elsewhere(rng) @ ambix(rng, samples, material))


def w_elsewhere(rng: Rng) -> Sound:
    """A matrix ``(4, 4)`` that puts W of a field elsewhere: often X Y W Z, with W or Z or both 3 dB low."""
    low = np.array([1.0, 0.5**0.5])
    if rng.random() < 0.6:
        gains = np.array([1.0, 1.0, rng.choice(low), rng.choice(low, p=[0.3, 0.7])])
        return np.asarray(np.diag(gains) @ np.eye(4)[[3, 1, 0, 2]])
    sides = np.eye(4)[1:][rng.permutation(3)]
    return np.insert(sides, int(rng.integers(1, 4)), rng.choice(low, p=[0.7, 0.3]) * np.eye(4)[0], axis=0)


def doubled(rng: Rng) -> Sound:
    """A matrix ``(4, 2)`` that makes four channels of left and right: the pair twice, or middle and side beside it."""
    left, right = np.eye(2)
    middle, side, none = (left + right) / 2, (left - right) / 2, np.zeros(2)
    forms = (
        (left, right, left, right), (left, left, right, right), (left, right, right, left),
        (left, right, -left, -right), (left, right, middle, middle), (left, right, none, none),
        (middle, side, middle, side), (middle, middle, side, side), (middle, side, none, none),
        (middle, none, none, side), (middle, side, left, right), (middle, left, right, side),
    )  # fmt: skip
    second = 1.0 if rng.random() < 0.7 else 10 ** (-rng.uniform(0, 12) / 20)
    return np.asarray(np.diag([1.0, 1.0, second, second]) @ np.array(forms[int(rng.integers(len(forms)))]))


def pair(rng: Rng) -> Sound:
    """A matrix ``(2, 4)`` from W Y Z X to left and right: crossed cardioids or figures of eight, or an omni and one."""
    omni = rng.choice([0.0, 0.5, rng.uniform(0.3, 0.7)])
    angle, front = rng.uniform(np.radians(30), np.radians(90)), rng.uniform(-np.pi, np.pi)
    return np.array(
        [[omni, (1 - omni) * np.sin(a), 0.0, (1 - omni) * np.cos(a)] for a in (front + angle, front - angle)]
    )


def capsules(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """The four capsules of a tetrahedral microphone, in any order."""
    if rng.random() < 0.35:
        scene, omni = ambix(rng, samples, material), rng.uniform(0.42, 0.6)
        axis = tetrahedron(rng).axis
        sound = omni * scene[0] + (1 - omni) * (axis @ scene[[3, 1, 2]])
    else:
        sound = heard(rng, samples, material, tetrahedron(rng))
    sound = sound[rng.permutation(4)] * 10 ** (rng.normal(0, rng.choice([0, 0.5]), (4, 1)) / 20)
    return np.asarray(sound + 10 ** (rng.uniform(-70, -30) / 20) * sound.std() * rng.standard_normal(sound.shape))


def spaced(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """Four microphones apart from each other: omnis in a ring or a tetrahedron, or cardioids that look outwards."""
    form = rng.random()
    angle = np.radians(rng.choice([0, 45]) + np.arange(4) * 90.0)
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(4)], axis=1)
    place = ring if form < 0.5 else tetrahedron(rng).axis if form < 0.8 else np.linspace(-1, 1, 4)[:, None] * ring[:1]
    omni = np.full(4, 1.0) if rng.random() < 0.75 else np.full(4, 0.5)
    distance_m = float(np.exp(rng.uniform(np.log(0.02), np.log(0.6))))
    sound = heard(rng, samples, material, Receivers(place * distance_m, ring, omni))[rng.permutation(4)]
    sound *= 10 ** (rng.normal(0, 0.4, (4, 1)) / 20)
    return np.asarray(sound + 10 ** (rng.uniform(-70, -30) / 20) * sound.std() * rng.standard_normal(sound.shape))


def differences(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """Sums and differences of spaced omnis, taken for W and figures of eight without any equalisation."""
    axis = tetrahedron(rng).axis
    angle = np.radians(45 + np.arange(4) * 90.0)
    if rng.random() < 0.4:
        axis = np.stack([np.cos(angle), np.sin(angle), np.array([1.0, -1, 1, -1]) * 0.7], axis=1)
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    radius_m = float(np.exp(rng.uniform(np.log(0.015), np.log(0.15))))
    sound = heard(rng, samples, material, Receivers(axis * radius_m, axis, np.ones(4)))
    sound += 10 ** (rng.uniform(-80, -40) / 20) * sound.std() * rng.standard_normal(sound.shape)
    matrix = np.linalg.pinv(np.concatenate([np.ones((4, 1)), axis], axis=1))
    matrix[1:] *= rng.choice([1.0, 1 / np.sqrt(3), 4 / 3])
    return np.asarray(matrix @ sound)


def feeds(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """Four loudspeakers, or the first four of six: panned sources, a stereo mix with rears, a decoded field."""
    layout = layouts(rng)
    kind = rng.random()
    if kind < 0.15:
        scene = ambix(rng, samples, material)
        directivity = rng.choice([1.0, 1.4, 2.0])
        out = np.stack([scene[0] + directivity * (np.cos(a) * scene[3] + np.sin(a) * scene[1]) for a in layout])
    elif kind < 0.35:
        axis = np.stack([np.cos(layout), np.sin(layout), np.zeros(4)], axis=1)
        apart_m = rng.choice([0.0, 0.02, 0.1, 0.3, 1.0, 3.0]) * rng.uniform(
            0.5, 1.5
        )  # from a cross to a Hamasaki square
        out = heard(rng, samples, material, Receivers(apart_m * axis, axis, np.full(4, rng.uniform(0.25, 0.6))))
    elif kind < 0.55:
        music = material.stereo(rng, samples)
        rears = np.stack([_late(rng, music[0]), _late(rng, music[1])]) * 10 ** (rng.uniform(-14, 0) / 20)
        if rng.random() < 0.35:
            low = sosfilt(butter(4, 120, fs=RATE_HZ, output="sos"), music.sum(axis=0)) * rng.uniform(0.3, 1)
            centre = material.voice(rng, samples) * rng.uniform(0, 1.5)
            out = np.stack([music[0], music[1], centre, low])
        else:
            out = np.concatenate([music, rears])[[0, 1, 2, 3] if rng.random() < 0.7 else [0, 2, 1, 3]]
    else:
        five = rng.random() < 0.25  # left, right, centre and the deep of a 5.1 mix
        place = room(rng, flat=True) if not five and rng.random() < 0.3 else None
        out = np.zeros((5 if five else 4, samples))
        for _ in range(int(rng.integers(1, 6))):
            signal = dry(rng, samples, material) * rng.uniform(0.2, 1)
            if place:
                out += _laid_out(layout, place(), signal)
                continue
            track = rng.uniform(-np.pi, np.pi) + rng.choice([0, 0, 1]) * np.linspace(0, rng.uniform(-4, 4), samples)
            out += _panned(np.radians([30.0, -30, 0, 110, -110]) if five else layout, track) * signal
            if rng.random() < 0.6:
                out += 10 ** (rng.uniform(-34, 6) / 20) * np.stack([_late(rng, signal) for _ in out])
        if five:
            deep = sosfilt(
                butter(int(rng.integers(1, 5)), rng.uniform(80, 200), fs=RATE_HZ, output="sos"), out[:3].sum(0)
            )
            out = np.concatenate([out[:3], rng.uniform(0.2, 1) * deep[None]])
    if rng.random() < 0.4:
        out = out * 10 ** (-rng.choice([0, 1], (4, 1)) * rng.uniform(0, 15, (4, 1)) / 20)
    wide = 10 ** (rng.uniform(-40, -8) / 20) * np.sqrt(np.mean(out**2))
    if rng.random() < 0.5:
        out += wide * np.stack([dry(rng, samples, material) for _ in range(4)])
    return np.asarray(out + 1e-3 * wide * rng.standard_normal(out.shape))


def _panned(layout: Sound, track: Sound) -> Sound:
    """Gains ``(loudspeakers, n)`` of constant power between neighbours."""
    order = np.argsort(layout)
    edges = np.concatenate([layout[order], layout[order[:1]] + 2 * np.pi])
    at = (track - edges[0]) % (2 * np.pi) + edges[0]
    gains = np.zeros((layout.size, track.size))
    for k in range(layout.size):
        inside = (at >= edges[k]) & (at < edges[k + 1])
        share = (at[inside] - edges[k]) / (edges[k + 1] - edges[k]) * np.pi / 2
        gains[order[k], inside] += np.cos(share)
        gains[order[(k + 1) % layout.size], inside] += np.sin(share)
    return gains


def _laid_out(layout: Sound, waves: Waves, signal: Sound) -> Sound:
    """A source with its echoes and its late sound, each wave panned to where it comes from ``(loudspeakers, n)``."""
    towards = np.arctan2(waves.towards[:, 1], waves.towards[:, 0])
    gains = _panned(layout, towards) * waves.gain / np.abs(waves.gain).max()
    at = np.round((waves.delay_s - waves.delay_s.min()) * RATE_HZ).astype(int)
    response = np.zeros((layout.size, int(at.max()) + 1))
    for k in range(layout.size):
        np.add.at(response[k], at, gains[k])
    return np.asarray(fftconvolve(signal[None], response, axes=1)[:, : signal.size])


def _late(rng: Rng, signal: Sound) -> Sound:
    """Reverberation or a delay, without the direct sound."""
    if rng.random() < 0.3:
        delay = int(rng.uniform(0.005, 0.04) * RATE_HZ)
        return np.concatenate([np.zeros(delay), signal])[: signal.size]
    length = round(rng.uniform(0.2, 1.2) * RATE_HZ)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    wet = fftconvolve(signal, tail)[: signal.size]
    return np.asarray(wet / max(1e-9, float(wet.std())) * signal.std())


def copies(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """One or two signals in four channels: copies, delays, stereo twice, mid and side, stereo and silence, mixes."""
    mono = dry(rng, samples, material)
    left, right = material.stereo(rng, samples)
    source = rng.random()
    if source < 0.35:  # a pair of microphones in a room
        half, apart_m = rng.uniform(np.radians(30), np.radians(90)), rng.choice([0.0, 0.0, 0.17, 0.4])
        axis = np.array([[np.cos(half), sign * np.sin(half), 0.0] for sign in (1, -1)])
        place = apart_m / 2 * np.array([[0.0, 1, 0], [0, -1, 0]])
        left, right = heard(rng, samples, material, Receivers(place, axis, np.full(2, rng.choice([0.0, 0.5, 1.0]))))
    elif source < 0.6:
        other, pan = dry(rng, samples, material), rng.uniform(0, np.pi / 2, 2)
        left, right = mono * np.cos(pan[0]) + other * np.cos(pan[1]), mono * np.sin(pan[0]) + other * np.sin(pan[1])
    kind = int(rng.integers(8))
    if kind == 0:
        out = np.tile(mono, (4, 1)) * rng.choice([np.ones(4), rng.uniform(0.3, 1.5, 4)])[:, None]
    elif kind == 1:
        delays = rng.integers(0, int(rng.choice([20, 400, 2000])), 4)
        out = np.stack([np.concatenate([np.zeros(d), mono])[:samples] for d in delays])
    elif kind == 2:
        out = rng.uniform(-1, 1, (4, 2)) @ np.stack([left, right])
    elif kind < 7:
        out = doubled(rng) @ np.stack([left, right])
    else:
        out = np.stack([_allpass(rng, [left, right][k % 2]) for k in range(4)])
    if rng.random() < 0.4:
        live = out.std(axis=1, keepdims=True) > 0
        out = out + live * 10 ** (rng.uniform(-80, -40) / 20) * out.std() * rng.standard_normal(out.shape)
    return np.asarray(out)


def _allpass(rng: Rng, signal: Sound) -> Sound:
    phase = np.cumsum(rng.standard_normal(400) * 0.5)
    kernel = np.fft.irfft(np.exp(1j * phase))
    return np.asarray(fftconvolve(signal, kernel)[: signal.size])


def mono_in_w(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """All in W; the rest is silent, noise, or a hint of the same."""
    out = np.zeros((4, samples))
    out[0] = dry(rng, samples, material) if rng.random() < 0.6 else material.stereo(rng, samples).sum(axis=0)
    kind = rng.random()
    level = 10 ** (rng.uniform(-90, -35) / 20)
    if kind < 0.6:
        out[1:] += level * rng.standard_normal((3, samples))
    elif kind < 0.8:
        out[1:] += level * out[0]
    return out


def independent(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """Four signals that have nothing to do with each other: noise, stems."""
    if rng.random() < 0.4:
        sos = butter(1, [rng.uniform(20, 300), rng.uniform(2000, 11000)], "bandpass", fs=RATE_HZ, output="sos")
        out = sosfilt(sos, rng.standard_normal((4, samples)), axis=1)
    elif rng.random() < 0.5:
        players = material.players(rng, samples)
        out = np.stack([players[k % len(players)] if k < len(players) else dry(rng, samples, material)
                        for k in range(4)])  # fmt: skip
    else:
        out = np.stack([dry(rng, samples, material) for _ in range(4)])
    return np.asarray(out * 10 ** (rng.normal(0, rng.choice([0.0, 0.0, 3.0]), (4, 1)) / 20))


def w_low(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """A field with W 3 dB low, as in FuMa; which of X, Y and Z is where makes no difference to any number."""
    return np.asarray(ambix(rng, samples, material) * np.array([0.5**0.5, 1, 1, 1])[:, None])


def n3d(rng: Rng, samples: int, material: mixes.Material) -> Sound:
    """A field with N3D weights."""
    return np.asarray(ambisonics.from_ambix(ambix(rng, samples, material), "n3d"))


MAKERS: dict[str, Maker] = {
    "field": ambix, "field-w-low": w_low, "field-n3d": n3d, "w-elsewhere": elsewhere, "capsules": capsules,
    "feeds": feeds, "spaced": spaced, "differences": differences, "copies": copies, "mono-in-w": mono_in_w,
    "independent": independent,
}  # fmt: skip
"""What channels may be, by name: ``(rng, samples, material) -> (4, samples)``."""
