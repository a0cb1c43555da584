"""Silence inside clips: planted in recordings, and what is given up to leave it out.

Part of ``python -m benchmarks.filters`` (``silence``). Timelines are joined from recordings of other hands; into each
some silences are put: digital zeros, or faint noise as of a microphone. Levels, gate and placement are those of
``chunk`` with its defaults. What is lost is counted against clips that are placed without minding silence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.other_hands import LeftOutError, fields
from yt360.filters import silence
from yt360.filters.placement import Placement, place_clips
from yt360.stages.chunk import Chunk

RATE_HZ = 8000
SETS = {"one to six of 1.5 to 40 s": ((1, 6), (1.5, 40.0)), "one to three of 1.5 to 10 s": ((1, 3), (1.5, 10.0))}
"""Numbers of silences and their lengths in seconds, by words."""

_PIECE_S = (6.0, 15.0)
_LENGTH_S = (60.0, 240.0)
_FAINT_DB = (-75.0, -45.0)
"""Level of faint noise against the loudness of its recording."""


def timeline(
    rng: np.random.Generator, sounds: list[NDArray[np.float64]], count: int, lengths_s: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """W ``(samples,)`` at :data:`RATE_HZ`, and for each step of a tenth of a second whether sound was put there."""
    whole = round(rng.uniform(*_LENGTH_S) * RATE_HZ)
    parts: list[NDArray[np.float64]] = []
    while sum(len(part) for part in parts) < whole:
        sound = sounds[int(rng.integers(len(sounds)))]
        piece = sound[int(rng.integers(max(1, len(sound) - round(_PIECE_S[0] * RATE_HZ)))) :]
        parts.append(piece[: round(rng.uniform(*_PIECE_S) * RATE_HZ)])
    heard = np.concatenate(parts)[:whole]
    sounding = np.ones(-(-whole // round(silence.STEP_S * RATE_HZ)), bool)
    for _ in range(count):
        length = round(rng.uniform(*lengths_s) / silence.STEP_S)
        first = int(rng.integers(max(1, len(sounding) - length)))
        span = slice(round(first * silence.STEP_S * RATE_HZ), round((first + length) * silence.STEP_S * RATE_HZ))
        faint = 0.1 * 10 ** (rng.uniform(*_FAINT_DB) / 20) * (rng.random() < 0.5)
        heard[span] = faint * rng.standard_normal(len(heard[span]))
        sounding[first : first + length] = False
    return heard, sounding


def measure(timelines: int, first_seed: int) -> list[list[str]]:
    """Rows of the table."""
    try:
        sounds = [_unit(fields.recording(name, RATE_HZ)[0]) for names in fields.RECORDINGS.values() for name in names]
    except LeftOutError as missing:
        return [[f"left out: {missing}", "", "", ""]]
    params = Chunk().params
    rows: list[list[str]] = []
    for words, (counts, lengths_s) in SETS.items():
        silent_s = kept_s = sound_s = free_s = there_s = 0.0
        for number in range(timelines):
            rng = np.random.default_rng((17, first_seed + number, len(rows)))
            heard, sounding = timeline(rng, sounds, int(rng.integers(counts[0], counts[1] + 1)), lengths_s)
            levels = silence.step_levels_db(heard, RATE_HZ)
            open_db = max(params.silence_floor_db, silence.gated_loudness_db(levels) - params.silence_range_db)
            active = silence.active_steps(levels, open_db, params.silence_hysteresis_db, params.shortest_silence_s)
            for limited in (True, False):
                placed = place_clips(
                    active,
                    0.0,
                    len(heard) / RATE_HZ,
                    clip_s=params.clip_s,
                    min_clip_s=params.min_clip_s,
                    min_active_share=params.min_active_share,
                    max_silent_share=params.max_silent_share if limited else 1.0,
                    max_lost_share=params.max_lost_share if limited else 1.0,
                )
                with_sound, without = _held(placed, sounding)
                if limited:
                    silent_s, kept_s, sound_s = silent_s + without, kept_s + with_sound + without, sound_s + with_sound
                else:
                    free_s += with_sound
            there_s += float(np.count_nonzero(sounding)) * silence.STEP_S
        of = f"{timelines} timelines, {there_s / 60:.0f} min of sound"
        rows.append([f"silent in clips: {words}", of, f"{silent_s / kept_s:.3f}", "<= 0.05"])
        rows.append([f"sound lost for it: {words}", of, f"{1 - sound_s / free_s:.3f}", "<= 0.03"])
        rows.append([f"sound in no clip, whatever for: {words}", of, f"{1 - sound_s / there_s:.3f}", ""])
    return rows


def _unit(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0.1 * sound / max(1e-9, float(np.sqrt(np.mean(sound**2))))


def _held(placed: list[Placement], sounding: NDArray[np.bool_]) -> tuple[float, float]:
    """Seconds with and without sound in clips."""
    steps = [
        sounding[round(one.start_s / silence.STEP_S) :][: round(one.duration_s / silence.STEP_S)] for one in placed
    ]
    inside = np.concatenate(steps) if steps else np.zeros(0, bool)
    loud = int(np.count_nonzero(inside))
    return loud * silence.STEP_S, (len(inside) - loud) * silence.STEP_S
