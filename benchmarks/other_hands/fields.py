"""Sound fields of ten seconds: dry programmes in a room of another hand, and recordings as they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve

from benchmarks.other_hands.directions import ambix
from benchmarks.other_hands.dry import programme
from benchmarks.other_hands.microphones import ENCODED, UNENCODED
from benchmarks.other_hands.rooms import ROOMS
from benchmarks.other_hands.sources import SHARED, Array, found, read_sound

SECONDS = 10

_MEASURED = SHARED / "media" / "foa_room_response.wav"
_SN3D_OF_N3D = np.array([[1], [3**-0.5], [3**-0.5], [3**-0.5]])


def measured(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, taps)``: a response beside the checkout, turned about the vertical for each source.

    It is N3D: its first sound is 1.732 times as strong in Y Z X as in W.
    """
    response = read_sound(found(_MEASURED, "the measured response beside the checkout"), rate_hz)[:, : 2 * rate_hz]
    response = response * _SN3D_OF_N3D
    responses = []
    for turn in rng.uniform(-np.pi, np.pi, count):
        w, y, z, x = response
        responses.append([w, np.cos(turn) * y + np.sin(turn) * x, z, np.cos(turn) * x - np.sin(turn) * y])
    return np.array(responses)


def panned(rng: np.random.Generator, count: int, rate_hz: int) -> Array:
    """``(count, 4, 1)``: plane waves and nothing else, as a panner makes them."""
    vectors = rng.standard_normal((count, 3)) * [1, 1, 0.4]
    return ambix(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).T[:, :, None]


RESPONSES: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    **ROOMS, **ENCODED, "measured response": measured, "plane waves": panned,
}  # fmt: skip
"""Makers ``(rng, sources, rate) -> (sources, 4, taps)`` of W Y Z X in SN3D by name of the generator."""


def scene(respond: Callable[[np.random.Generator, int, int], Array], rng: np.random.Generator, rate_hz: int) -> Array:
    """``(4, n)``: one to four programmes at once in one room, every third walking from one place to another."""
    n, talking = SECONDS * rate_hz, int(rng.integers(1, 5))
    moves = rng.random(talking) < 1 / 3
    places = respond(rng, talking + int(moves.sum()), rate_hz)
    sound, spare = np.zeros((4, n)), talking
    for k in range(talking):
        dry = programme(rng, n, rate_hz) * rng.uniform(0.3, 1.0)
        there = np.linspace(0, 1, n) if moves[k] else np.zeros(n)
        sound += fftconvolve((dry * np.sqrt(1 - there))[None], places[k], axes=1)[:, :n]
        if moves[k]:
            sound += fftconvolve((dry * np.sqrt(there))[None], places[spare], axes=1)[:, :n]
            spare += 1
    noise = 10 ** (rng.uniform(-90, -55) / 20) * rng.standard_normal((4, n))
    return 0.5 * sound / max(1e-9, float(np.abs(sound).max())) + noise


def foa(generator: str, rng: np.random.Generator, rate_hz: int) -> Array:
    """W Y Z X in SN3D ``(4, n)`` of a generator of :data:`RESPONSES`."""
    return scene(RESPONSES[generator], rng, rate_hz)


def unencoded(array: str, rng: np.random.Generator, rate_hz: int) -> Array:
    """Signals ``(4, n)`` of the microphones of :data:`UNENCODED`."""
    return scene(UNENCODED[array], rng, rate_hz)


RECORDINGS = {
    "github:OmniAudio (YouTube clips)": (
        "real/video360/omni_gt_QO-pWw4_z8Y_120.webm", "real/video360/omni_gt_Wc_gzO9i38k_15.webm",
        "real/video360/omni_gt_aieThfuvmtY_274.webm", "real/video360/omni_gt_gyFx147_35Q_52.webm",
        "real/video360/omni_gt_qWpImMW4DHI_87.webm", "real/video360/omni_gt_f2kvR5I8s3c_20.webm",
        "media/G8pABGosD38l_17.webm", "media/KVvDejzzQjM_6.webm", "media/V_To4k9AJXc_20.webm",
        "media/0FB9jMXMP8A_19.webm", "media/NdE7uYVaynQl_0.webm", "media/V5IVN81wYrI_60.webm",
    ),
    "TAU 2020 (Eigenmike rooms)": ("real/foa/diffsage_gt20_joined.flac",),
    "TAU 2019 (Eigenmike rooms, N3D)": ("real/foa/diffsage_gt19_joined.flac",),
}  # fmt: skip
"""Recordings beside the checkout by source; those of TAU 2019 come in N3D by their powers."""


@lru_cache(maxsize=4)
def recording(name: str, rate_hz: int) -> Array:
    """A recording as W Y Z X in SN3D ``(4, n)``."""
    sound = read_sound(found(SHARED / Path(name), f"recordings beside the checkout ({SHARED})"), rate_hz)[:4]
    return sound * _SN3D_OF_N3D if "gt19" in name else sound
