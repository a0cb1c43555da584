"""Which parts of a recording are silent: a gate on the level, relative to how loud the recording is, with hysteresis.

A quiet recording is not silence, and a loud one has no silence because its room hums at -55 dBFS: the gate is
relative to the recording's own loudness, measured as in ITU-R BS.1770-4 (section 2, two gates), without the
K weighting, which is meant for loudspeaker programmes. It opens at one level and closes at a lower one, so that a
voice that fades at the end of a sentence does not flap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEP_S = 0.1
"""Seconds in a step whose level is measured."""

SILENT_DB = -200.0
"""Level of digital silence: finite, so that it is JSON."""

_ABSOLUTE_GATE_DB = -70.0
"""Blocks below this level, in dBFS, say nothing of the loudness (ITU-R BS.1770-4)."""

_RELATIVE_GATE_DB = 10.0
"""Nor do blocks this far below the mean of the others (ITU-R BS.1770-4)."""

_BLOCK_STEPS = 4
"""Steps in a block of the loudness: 0.4 s (ITU-R BS.1770-4)."""


def level_db(power: ArrayLike) -> NDArray[np.float64]:
    """Mean power in dB re full scale; digital silence gives -200."""
    found: NDArray[np.float64] = np.maximum(SILENT_DB, 10 * np.log10(np.maximum(np.asarray(power, float), 1e-30)))
    return found


def step_levels_db(signal: NDArray[np.floating], sample_rate_hz: int) -> NDArray[np.float64]:
    """Level of each tenth of a second of ``(samples,)``; a last, shorter step counts as what it holds."""
    edges = np.round(np.arange(0, signal.size / sample_rate_hz, STEP_S) * sample_rate_hz).astype(int)
    powers = np.add.reduceat(np.square(signal, dtype=np.float64), edges) if signal.size else np.zeros(0)
    return level_db(powers / np.diff(np.append(edges, signal.size)))


def gated_loudness_db(levels_db: Sequence[float] | NDArray[np.float64]) -> float:
    """Loudness of a recording from the levels of its steps: mean power of the 0.4 s blocks that pass both gates.

    -200 where nothing is above the absolute gate of -70 dBFS.
    """
    power = 10 ** (np.asarray(levels_db, float) / 10)
    if not power.size:
        return SILENT_DB
    width = min(_BLOCK_STEPS, power.size)
    blocks = np.convolve(power, np.ones(width) / width, mode="valid")
    heard = blocks[blocks > 10 ** (_ABSOLUTE_GATE_DB / 10)]
    if not heard.size:
        return SILENT_DB
    relative = heard.mean() * 10 ** (-_RELATIVE_GATE_DB / 10)
    return float(level_db(heard[heard > relative].mean()))


def active_steps(
    levels_db: Sequence[float] | NDArray[np.float64], open_db: float, hysteresis_db: float, pause_s: float = 0.0
) -> NDArray[np.bool_]:
    """Which steps have sound: from the first one above ``open_db`` until one falls ``hysteresis_db`` below it.

    Pauses between two sounds that are shorter than ``pause_s`` count as sound: nobody calls a breath silence. What
    rises through the gap between the two levels counts back to where it left the lower one, so the result does not
    depend on the direction of time.
    """
    levels = np.asarray(levels_db, float)
    above = levels > open_db - hysteresis_db
    active = np.zeros(levels.size, dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(int)))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        active[begin:end] = bool((levels[begin:end] > open_db).any())
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(int)))
    for end, begin in zip(edges[1:-1:2], edges[2::2], strict=True):
        if (begin - end) * STEP_S < pause_s - 1e-9:
            active[end:begin] = True
    return active
