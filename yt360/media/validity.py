"""Are these four channels first-order ambisonics? Asked of the signal, not of the metadata.

A plane wave has the same power in W as in X, Y and Z together, whatever its direction (SN3D), and so
has any sum of uncorrelated waves. Channels that are something else (loudspeaker feeds, copies, a
mono programme) break that balance, or keep it only on average while it swings from moment to moment
and from band to band. Both the balance and its swing are measured; known mistakes (FuMa order, N3D
weights, the order X Y W Z) are tried and put right where that makes the balance hold.

Measuring (:func:`measure_ambisonics`) and judging (:func:`judge_ambisonics`) are separate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from yt360.media.moments import share_moments

Verdict = Literal["valid", "repaired", "invalid", "uncertain"]

_BAND_HZ = (200.0, 4000.0)
_BANDS = 6
_TILE_S = 0.5
_TINY = 1e-20
_FLOOR_DB = -200.0


@dataclass(frozen=True)
class Candidate:
    """One way to read four channels as W Y Z X: ``ambix[k] = gains[k] * channel[order[k]]``."""

    name: str
    order: tuple[int, int, int, int]
    gains: tuple[float, float, float, float]
    words: str


_ROOT2, _ROOT3 = 2**0.5, 3**0.5

CANDIDATES: dict[str, Candidate] = {
    c.name: c
    for c in (
        Candidate("ambix", (0, 1, 2, 3), (1.0, 1.0, 1.0, 1.0), "W Y Z X, SN3D"),
        Candidate("fuma", (0, 2, 3, 1), (_ROOT2, 1.0, 1.0, 1.0), "FuMa: W X Y Z with W 3 dB low"),
        Candidate("n3d", (0, 1, 2, 3), (1.0, 1 / _ROOT3, 1 / _ROOT3, 1 / _ROOT3), "N3D weights"),
        Candidate("xywz", (2, 1, 3, 0), (1.0, 1.0, _ROOT2, 1.0), "order X Y W Z with Z 3 dB low, as a 5.1 to 4.0 mix"),
    )
}
"""Readings that are tried. The first is what a stream is taken for when nothing is known."""

_CAPSULES = 0.5 * np.array([[1.0, 1, 1, 1], *_ROOT3 * np.array([[1, -1, 1, -1], [1, -1, -1, 1], [1, 1, -1, -1]])])
"""Four cardioid capsules of a tetrahedral microphone (A-format) as W and three axes; the order of the
capsules only turns and mirrors the axes."""


DEFAULT_THRESHOLDS: Mapping[str, float] = {
    "silent_windows": 0.95,
    "dead_channel_db": -60.0,
    "absent_front_db": -40.0,
    "lowest_balance_db": -20.0,
    "highest_balance_db": 2.0,
    "highest_channel_db": 1.5,
    "highest_vector": 1.15,
    "highest_swing_db": 1.75,
    "swing_per_quiet_db": 0.1,
    "repair_swing_db": 0.9,
    "repair_margin": 1.2,
    "declared_swing_db": 1.4,
    "declared_balance_db": 3.6,
    "steadier": 0.6,
    "capsule_correlation": 0.3,
    "highest_out_of_phase": 0.7,
    "duplicate_correlation": 0.999,
    "clipping": 1e-3,
    "least_w_heavy": 0.3,
    "most_axes_heavy": 0.05,
    "third_dimension_db": -35.0,
    "feeds_correlation": -0.02,
    "feeds_balance_db": 0.9,
    "feeds_vector": 1.05,
    "feeds_swing_db": 0.7,
}
"""Starting values from simulation and the real files at hand; all in dB or plain ratios."""


@dataclass(frozen=True)
class AmbisonicVerdict:
    """What four channels are. ``convention`` names the candidate that was taken."""

    verdict: Verdict
    reason: str
    convention: str = "ambix"
    horizontal_only: bool = False
    flags: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the sound can enter the dataset."""
        return self.verdict in ("valid", "repaired")


@dataclass
class _Sums:
    """Running sums over windows: spectra products in the band and tiles of (time, band)."""

    cross: NDArray[np.complex128] = field(default_factory=lambda: np.zeros((4, 4), complex))
    covariance: NDArray[np.float64] = field(default_factory=lambda: np.zeros((4, 4)))
    samples: int = 0
    bad: int = 0
    clipped: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    peak: float = 0.0
    tiles: list[NDArray[np.float64]] = field(default_factory=list)
    window_db: list[float] = field(default_factory=list)


def _db(power: float) -> float:
    return max(_FLOOR_DB, float(10 * np.log10(power + _TINY)))


def measure_ambisonics(windows: Sequence[NDArray[np.float32]], sample_rate_hz: int) -> dict[str, Any]:
    """Statistics of four channels over ``windows`` of ``(4, n)``, as decoded and in their own order.

    All values are JSON-safe: levels have a floor of -200 dB, what cannot be computed is absent.
    Per candidate reading: ``balance_db`` (power of X, Y, Z against W), ``channel_db`` (the strongest
    of them against W), ``vector`` (length of the mean intensity against W's power), ``out_of_phase``
    (its imaginary part) and ``swing_db`` (how much the balance swings in time within a band).
    """
    sums = _Sums()
    for window in windows:
        _add_window(sums, window, sample_rate_hz)
    seconds = sums.samples / max(1, sample_rate_hz)
    total = max(1, sums.samples)
    power = np.diag(sums.covariance) / total
    measures: dict[str, Any] = {
        "seconds": round(seconds, 3),
        "windows": len(windows),
        "not_finite": sums.bad,
        "peak": round(sums.peak, 4),
        "clipped": round(float((sums.clipped / total).max(initial=0.0)), 6),
        "level_db": [round(_db(p), 2) for p in power],
        "silent_share": _silent_share(sums.window_db),
        "correlation": _correlations(sums.covariance),
        "gain_db": _pair_gains(power),
    }
    eigenvalues = np.linalg.eigvalsh(sums.covariance / total)[::-1]
    spread_db = [_db(float(value)) for value in np.maximum(eigenvalues, 0)]
    measures["eigenvalue_db"] = [round(value - spread_db[0], 2) for value in spread_db]
    tiles = np.concatenate(sums.tiles, axis=1) if sums.tiles else np.zeros((_BANDS, 0, 4, 4))
    measures["readings"] = {name: _reading(_matrix(c), sums.cross, tiles) for name, c in CANDIDATES.items()}
    measures["moments"] = share_moments(tiles)
    measures["capsules"] = _reading(_CAPSULES, sums.cross, tiles)
    # How steady the balance is with each channel in the place of W: of true ambisonics one stands out.
    turns = [np.roll(np.eye(4), -k, axis=0) for k in range(4)]
    measures["swing_by_w_db"] = [_reading(turn, sums.cross, tiles).get("swing_db", 99.0) for turn in turns]
    return measures


def _add_window(sums: _Sums, window: NDArray[np.float32], rate: int) -> None:
    bad = ~np.isfinite(window)
    if bad.any():
        sums.bad += int(bad.sum())
        window = np.where(bad, 0, window)
    x = window.astype(np.float64)
    sums.samples += x.shape[1]
    sums.covariance += x @ x.T
    sums.peak = max(sums.peak, float(np.abs(x).max(initial=0.0)))
    # Limited at full scale: several samples in a row that stay at one extreme.
    level = np.abs(x).max(axis=1, keepdims=True)
    flat = (np.abs(x[:, 1:]) >= 0.999 * level) & (np.abs(np.diff(x, axis=1)) < 1e-6) & (level > 0.5)
    sums.clipped += flat.sum(axis=1)
    part = max(1, rate // 2)
    for start in range(0, max(1, x.shape[1] - part // 2), part):
        sums.window_db.append(_db(float((x[:, start : start + part] ** 2).mean(axis=1).max(initial=0.0))))
    size = max(64, round(1024 * rate / 24000))
    if x.shape[1] < size:
        return
    frequency, spectra = _spectra(x, rate, size)
    band = (frequency >= _BAND_HZ[0]) & (frequency <= _BAND_HZ[1])
    spectra, frequency = spectra[:, band], frequency[band]
    flat_spectra = spectra.reshape(4, -1)
    sums.cross += flat_spectra @ flat_spectra.conj().T
    sums.tiles.append(_tiles(spectra, frequency, max(1, round(_TILE_S * rate / (size // 2)))))


def _spectra(x: NDArray[np.float64], rate: int, size: int) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Frequencies in Hz and short-time spectra ``(channels, frequencies, times)``: Hann windows, half overlapped."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    parts = np.lib.stride_tricks.sliding_window_view(x, size, axis=1)[:, :: size // 2]
    spectra = np.fft.rfft(parts * (window / window.sum()), axis=2)
    return np.asarray(np.arange(size // 2 + 1) * (rate / size), np.float64), spectra.transpose(0, 2, 1)


def _tiles(spectra: NDArray[np.complex128], frequency: NDArray[np.float64], frames: int) -> NDArray[np.float64]:
    """Covariances of the channels in tiles of half a second by a sixth of the band: ``(bands, times, 4, 4)``."""
    edges = np.geomspace(_BAND_HZ[0], _BAND_HZ[1] + 1, _BANDS + 1)
    band = np.clip(np.searchsorted(edges, frequency, side="right") - 1, 0, _BANDS - 1)
    times = spectra.shape[2] // frames
    parts = spectra[:, :, : times * frames].reshape(4, len(frequency), times, frames)
    found = np.zeros((_BANDS, times, 4, 4))
    for k in range(_BANDS):
        inside = band == k
        part = parts[:, inside].transpose(2, 0, 1, 3).reshape(times, 4, int(inside.sum()) * frames)
        found[k] = (part @ part.conj().transpose(0, 2, 1)).real
    return found


def _silent_share(window_db: list[float]) -> float:
    if not window_db:
        return 1.0
    return round(float(np.mean(np.asarray(window_db) < -70.0)), 4)


def _correlations(covariance: NDArray[np.float64]) -> list[float]:
    """Of the pairs 01, 02, 03, 12, 13, 23."""
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    values = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > _TINY)
    return [round(float(values[i, j]), 5) for i in range(4) for j in range(i + 1, 4)]


def _pair_gains(power: NDArray[np.float64]) -> list[float]:
    level = [_db(float(p)) for p in power]
    return [round(level[j] - level[i], 2) for i in range(4) for j in range(i + 1, 4)]


def _matrix(candidate: Candidate) -> NDArray[np.float64]:
    matrix = np.zeros((4, 4))
    matrix[range(4), candidate.order] = candidate.gains
    return matrix


def _reading(
    matrix: NDArray[np.float64], cross: NDArray[np.complex128], tiles: NDArray[np.float64]
) -> dict[str, float]:
    """Statistics of ``matrix @ channels`` taken as W and three axes; empty where that W is silent."""
    c = matrix @ cross @ matrix.T
    w = float(c[0, 0].real)
    if w <= _TINY * 1e3:
        return {}
    vector = c[0, 1:] / w
    powers = np.maximum(np.diag(c)[1:].real / w, 0)
    found = {
        "balance_db": round(_db(float(powers.sum())), 3),
        "channel_db": round(_db(float(powers.max())), 3),
        "vector": round(float(np.linalg.norm(vector.real)), 4),
        "out_of_phase": round(float(np.linalg.norm(vector.imag)), 4),
    }
    swing = _swing(matrix, tiles)
    if swing is not None:
        found["swing_db"] = round(swing, 3)
    return found


def _swing(matrix: NDArray[np.float64], tiles: NDArray[np.float64]) -> float | None:
    """Standard deviation in time of the balance within a band, weighted by energy; median over the bands."""
    powers = np.maximum(np.einsum("ij,btjk,ik->bti", matrix, tiles, matrix), 0)
    spreads = []
    energy = powers.sum(axis=2)
    loud = energy > 1e-4 * np.percentile(energy, 95) + _TINY * 1e3 if energy.size else energy > 0
    balance = 10 * np.log10((powers[..., 1:].sum(axis=2) + _TINY) / (powers[..., 0] + _TINY))
    for k in range(len(tiles)):
        chosen = loud[k]
        if chosen.sum() < 4:
            continue
        weight = np.minimum(energy[k, chosen], np.percentile(energy[k, chosen], 90))
        mean = np.average(balance[k, chosen], weights=weight)
        spreads.append(float(np.sqrt(np.average((balance[k, chosen] - mean) ** 2, weights=weight))))
    return min(99.0, float(np.median(spreads))) if spreads else None


_PAIRS = [(i, j) for i in range(4) for j in range(i + 1, 4)]


def judge_ambisonics(
    measures: Mapping[str, Any],
    *,
    declared: str = "ambix",
    thresholds: Mapping[str, float] = DEFAULT_THRESHOLDS,
) -> AmbisonicVerdict:
    """Verdict from :func:`measure_ambisonics` alone.

    ``declared`` is the reading that the container states (``fuma`` for an ``.amb`` file, ``n3d`` for
    such an ``SA3D`` box), else ``ambix``; it decides between readings that the signal allows, and
    accepts nothing by itself.
    """
    limit = {**DEFAULT_THRESHOLDS, **thresholds}
    level = measures["level_db"]
    flags: tuple[str, ...] = ("clipping",) if measures["clipped"] > limit["clipping"] else ()
    refused = _refused_outright(measures, limit)
    if refused:
        return AmbisonicVerdict("invalid", refused, flags=flags)
    if measures["silent_share"] >= limit["silent_windows"]:
        words = f"{100 * measures['silent_share']:.0f} % of the sound is silence, nothing to judge"
        return AmbisonicVerdict("uncertain", words, flags=flags)
    dead = [value < max(level) + limit["dead_channel_db"] for value in level]
    order = [declared] + [name for name in CANDIDATES if name != declared]
    absent = [value < max(level) + limit["absent_front_db"] for value in level]
    if declared == "ambix" and absent == [False, False, False, True]:
        # X silent and Z live cannot be: nobody records a world without a front. W X Y Z with a silent Z can.
        order.remove("fuma")
        order.insert(0, "fuma")
    flat_world = declared == "ambix" and absent == [False, False, True, False]
    if flat_world:
        # The third channel alone silent is the plane without height of W Y Z X; in FuMa it would be a missing Y.
        order.remove("fuma")
    capsules = _capsules(measures, limit)
    if capsules:
        return AmbisonicVerdict("invalid", capsules, flags=flags)
    first = order[0]
    misfit = _fit(first, measures, limit, declared=flat_world or first != "ambix")
    # Limiting takes most from the loudest channel, W, which then looks like FuMa's: no repair on such evidence.
    repairs = [] if flags else [name for name in order[1:] if _repairs(name, measures, limit)]
    much_less = limit["steadier"] * _steadiness(first, measures)
    steadier = [name for name in repairs if _steadiness(name, measures) < much_less]
    if misfit is None and not (first == "ambix" and steadier):
        taken = first
    elif misfit is None:
        taken = min(steadier, key=lambda name: _oddness(name, measures))
    elif repairs:
        taken = min(repairs, key=lambda name: _oddness(name, measures))
    else:
        return AmbisonicVerdict("uncertain" if flags else "invalid", misfit, flags=flags)
    candidate = CANDIDATES[taken]
    horizontal = dead[candidate.order[2]] or (taken == "fuma" and absent[3])
    flags += ("horizontal-only",) if horizontal else ()
    balance = measures["readings"][taken].get("balance_db", 0.0)
    words = f"balance {balance:+.1f} dB, swing {measures['readings'][taken].get('swing_db', 0.0):.1f} dB"
    if taken == "ambix":
        return AmbisonicVerdict("valid", f"{candidate.words}: {words}", taken, horizontal, flags)
    return AmbisonicVerdict("repaired", f"{candidate.words}: {words}", taken, horizontal, flags)


def _refused_outright(measures: Mapping[str, Any], limit: Mapping[str, float]) -> str:
    """Why the channels are no ambisonics in any reading; empty if that is open."""
    level = measures["level_db"]
    if measures["not_finite"]:
        return f"{measures['not_finite']} samples are not numbers"
    if max(level) <= _FLOOR_DB + 10:
        return "digital silence"
    dead = [value < max(level) + limit["dead_channel_db"] for value in level]
    live = [k for k in range(4) if not dead[k]]
    if len(live) == 1:
        return f"only channel {live[0]} holds sound: mono"
    if len(live) == 2:
        return f"only channels {live[0]} and {live[1]} hold sound: stereo"
    for (i, j), correlation, gain in zip(_PAIRS, measures["correlation"], measures["gain_db"], strict=True):
        if dead[i] or dead[j]:
            continue
        if abs(correlation) > limit["duplicate_correlation"] and abs(gain) < 0.2:
            return f"channels {i} and {j} are copies of each other (correlation {correlation:.4f})"
    if len(live) == 4 and max(level) - min(level) < 0.3 and measures["readings"]["ambix"]["balance_db"] > 4.5:
        return f"four channels of one level ({level[0]:.1f} dB): copies or independent signals"
    if len(live) == 4 and measures["eigenvalue_db"][2] < -60 and measures["seconds"] > 5:
        return f"four channels made from {1 + int(measures['eigenvalue_db'][1] > -60)}"
    return ""


def _capsules(measures: Mapping[str, Any], limit: Mapping[str, float]) -> str:
    """Whether the channels are the raw capsules of a tetrahedral microphone; empty if not."""
    reading = measures["capsules"]
    if "swing_db" not in reading or not -6 < reading["balance_db"] < limit["highest_balance_db"]:
        return ""
    share = reading["swing_db"] / max(1e-3, min(_steadiness("ambix", measures), _steadiness("xywz", measures)))
    # Every capsule hears every source: all pairs go together, as no two of X, Y and Z do for long.
    if share < limit["steadier"] or (share < 0.9 and min(measures["correlation"]) > limit["capsule_correlation"]):
        return "the four channels are the capsules of a microphone (A-format): convert them to B-format first"
    return ""


def _steadiness(name: str, measures: Mapping[str, Any]) -> float:
    """Swing of a reading in dB; 99 where it cannot be told."""
    return float(measures["readings"][name].get("swing_db", 99.0))


def _fit(name: str, measures: Mapping[str, Any], limit: Mapping[str, float], *, declared: bool) -> str | None:
    """Why the channels are not ambisonics in this reading, or None if they fit.

    ``declared``: something other than the signal says that this unusual reading is meant.
    """
    reading = measures["readings"][name]
    if "balance_db" not in reading:
        return "W is silent"
    balance, swing = reading["balance_db"], reading.get("swing_db")
    if balance < limit["lowest_balance_db"]:
        return f"X, Y and Z are {balance:.1f} dB against W: mono in W"
    if reading["out_of_phase"] > limit["highest_out_of_phase"]:
        return f"X, Y and Z are out of phase with W ({reading['out_of_phase']:.2f}): not coincident"
    quiet = max(0.0, -balance - 2.0)
    most_swing = limit["declared_swing_db" if declared else "highest_swing_db"] + limit["swing_per_quiet_db"] * quiet
    most_balance = limit["declared_balance_db" if declared else "highest_balance_db"]
    most_channel = limit["highest_channel_db"] + (1.5 if declared else 0.0)
    feeds = min(measures["correlation"]) > limit["feeds_correlation"] and not declared
    if feeds and (balance > limit["feeds_balance_db"] or reading["vector"] > limit["feeds_vector"]):
        return f"no two channels are ever opposed, and X, Y, Z are {balance:+.1f} dB against W: loudspeaker feeds"
    if feeds and swing is not None and swing > limit["feeds_swing_db"] and not _extra_in_w(measures, limit):
        return f"no two channels are ever opposed, and their balance swings by {swing:.1f} dB: loudspeaker feeds"
    if balance > most_balance:
        return f"X, Y and Z are {balance:+.1f} dB against W, expected at most {most_balance:+.1f}: W does not hear all"
    if reading["channel_db"] > most_channel:
        return f"one of X, Y, Z is {reading['channel_db']:+.1f} dB against W, expected at most {most_channel:+.1f}"
    if reading["vector"] > limit["highest_vector"]:
        return f"the intensity is {reading['vector']:.2f} times what one wave can carry"
    if swing is not None and swing > most_swing and not (name == "ambix" and _extra_in_w(measures, limit)):
        return f"the balance of W against X, Y, Z swings by {swing:.1f} dB, expected at most {most_swing:.1f}"
    return None


def _extra_in_w(measures: Mapping[str, Any], limit: Mapping[str, float]) -> bool:
    """Whether the balance swings only because something was mixed into W alone (a narrator): ambisonics all the
    same, for the stage that looks for post-production sound to judge.

    W is too loud in many moments and too quiet in none, and what is left has more than two dimensions.
    """
    moments = measures["moments"]
    return bool(
        moments["w_heavy"] >= limit["least_w_heavy"]
        and moments["axes_heavy"] <= limit["most_axes_heavy"]
        and measures["eigenvalue_db"][2] > limit["third_dimension_db"]
    )


def _repairs(name: str, measures: Mapping[str, Any], limit: Mapping[str, float]) -> bool:
    """Whether a reading that nothing but the signal suggests is beyond doubt.

    It must fit, be very steady, and its W must be steadier than any other channel in that place: in
    copies, independent noise and loudspeaker feeds no channel stands out.
    """
    if _fit(name, measures, limit, declared=False) is not None:
        return False
    swing = _steadiness(name, measures)
    own = CANDIDATES[name].order[0]
    others = [value for k, value in enumerate(measures["swing_by_w_db"]) if k != own]
    here = measures["swing_by_w_db"][own]
    return bool(swing <= limit["repair_swing_db"] and min(others) > limit["repair_margin"] * here)


def _oddness(name: str, measures: Mapping[str, Any]) -> float:
    """How unusual a repaired reading would be; the least unusual is taken."""
    reading = measures["readings"][name]
    rarity = {"ambix": 0.0, "fuma": 1.0, "xywz": 1.0, "n3d": 3.0}[name]
    return float(((reading["balance_db"] + 0.8) / 1.6) ** 2 + reading.get("swing_db", 1.0) / 0.35 + rarity)
