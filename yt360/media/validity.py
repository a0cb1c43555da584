"""Are these four channels first-order ambisonics? Judged by what was measured, not by the metadata.

The balance of W against X, Y and Z, its swing in time and its spread over the bands decide; known mistakes
(FuMa order, N3D weights, the order X Y W Z) are tried and put right where that makes the balance hold.
:mod:`yt360.media.ambisonic_measures` measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from yt360.media.ambisonic_measures import CANDIDATES, FLOOR_DB
from yt360.media.thresholds import AmbisonicThresholds

Verdict = Literal["valid", "repaired", "invalid", "uncertain"]


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


_PAIRS = [(i, j) for i in range(4) for j in range(i + 1, 4)]
"""Pairs of channels, in the order of the measured correlations."""


def judge_ambisonics(
    measures: Mapping[str, Any],
    *,
    declared: str = "ambix",
    thresholds: AmbisonicThresholds | None = None,
) -> AmbisonicVerdict:
    """Verdict from :func:`measure_ambisonics` alone.

    ``declared`` is the reading that the container states (``fuma`` for an ``.amb`` file, ``n3d`` for
    such an ``SA3D`` box), else ``ambix``; it decides between readings that the signal allows, and
    accepts nothing by itself.
    """
    limit = thresholds or AmbisonicThresholds()
    level = measures["level_db"]
    flags: tuple[str, ...] = ("clipping",) if measures["clipped"] > limit.clipping else ()
    refused = _refused_outright(measures, limit)
    if refused:
        return AmbisonicVerdict("invalid", refused, flags=flags)
    if measures["silent_share"] >= limit.silent_windows:
        words = f"{100 * measures['silent_share']:.0f} % of the sound is silence, nothing to judge"
        return AmbisonicVerdict("uncertain", words, flags=flags)
    dead = [value < max(level) + limit.dead_channel_db for value in level]
    order = [declared] + [name for name in CANDIDATES if name != declared]
    absent = [value < max(level) + limit.absent_front_db for value in level]
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
    much_less = limit.steadier * _steadiness(first, measures)
    better = [name for name in repairs if _steadiness(name, measures) < much_less]
    if misfit is None and measures["readings"][first]["balance_db"] > limit.doubtful_balance_db:
        better = repairs
    if misfit is None and not (first == "ambix" and better):
        taken = first
    elif misfit is None:
        taken = min(better, key=lambda name: _oddness(name, measures))
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


def _refused_outright(measures: Mapping[str, Any], limit: AmbisonicThresholds) -> str:
    """Why the channels are no ambisonics in any reading; empty if that is open."""
    level = measures["level_db"]
    if measures["not_finite"]:
        return f"{measures['not_finite']} samples are not numbers"
    if max(level) <= FLOOR_DB + 10:
        return "digital silence"
    dead = [value < max(level) + limit.dead_channel_db for value in level]
    live = [k for k in range(4) if not dead[k]]
    if len(live) == 1:
        return f"only channel {live[0]} holds sound: mono"
    if len(live) == 2:
        return f"only channels {live[0]} and {live[1]} hold sound: stereo"
    for (i, j), correlation, gain in zip(_PAIRS, measures["correlation"], measures["gain_db"], strict=True):
        if dead[i] or dead[j]:
            continue
        if abs(correlation) > limit.duplicate_correlation and abs(gain) < 0.2:
            return f"channels {i} and {j} are copies of each other (correlation {correlation:.4f})"
    if len(live) == 4 and max(level) - min(level) < 0.3 and measures["readings"]["ambix"]["balance_db"] > 4.5:
        return f"four channels of one level ({level[0]:.1f} dB): copies or independent signals"
    if len(live) == 4 and measures["eigenvalue_db"][3] > limit.independent_db:
        return f"four independent channels (equally strong to {-measures['eigenvalue_db'][3]:.1f} dB)"
    if len(live) == 4 and measures["eigenvalue_db"][2] < -60 and measures["seconds"] > 5:
        return f"four channels that are mixes of only {1 + int(measures['eigenvalue_db'][1] > -60)}"
    return ""


def _capsules(measures: Mapping[str, Any], limit: AmbisonicThresholds) -> str:
    """Whether the channels are the raw capsules of a tetrahedral microphone; empty if not."""
    reading = measures["capsules"]
    if "swing_db" not in reading or not -6 < reading["balance_db"] < limit.highest_balance_db:
        return ""
    share = reading["swing_db"] / max(1e-3, min(_steadiness("ambix", measures), _steadiness("xywz", measures)))
    # Every capsule hears every source: all pairs go together, as no two of X, Y and Z do for long.
    if share < limit.steadier or (share < 0.9 and min(measures["correlation"]) > limit.capsule_correlation):
        return "the four channels are the capsules of a microphone (A-format): convert them to B-format first"
    return ""


def _steadiness(name: str, measures: Mapping[str, Any]) -> float:
    """Swing of a reading in dB; 99 where it cannot be told."""
    return float(measures["readings"][name].get("swing_db", 99.0))


def _fit(name: str, measures: Mapping[str, Any], limit: AmbisonicThresholds, *, declared: bool) -> str | None:
    """Why the channels are not ambisonics in this reading, or None if they fit.

    ``declared``: something other than the signal says that this unusual reading is meant.
    """
    reading = measures["readings"][name]
    if "balance_db" not in reading:
        return "W is silent"
    balance, swing = reading["balance_db"], reading.get("swing_db")
    if balance < limit.lowest_balance_db:
        return f"X, Y and Z lie {-balance:.1f} dB below W: the sound is mono"
    if reading["out_of_phase"] > limit.highest_out_of_phase:
        return f"X, Y and Z are out of phase with W ({reading['out_of_phase']:.2f}): not coincident"
    most_balance, most_swing = _most(balance, limit, declared=declared)
    most_channel = limit.highest_channel_db + (1.5 if declared else 0.0)
    opposed = measures["moments"]["opposed"]
    one_sign = opposed < limit.feeds_opposed and not declared
    feeds = (
        min(measures["correlation"]) > limit.feeds_correlation
        and opposed < limit.feeds_mostly_opposed
        and not _stands_out(CANDIDATES[name].order[0], measures, limit.feeds_w_margin)
        and not declared
    )
    if feeds and (balance > limit.feeds_balance_db or reading["vector"] > limit.feeds_vector):
        return (
            f"loudspeaker feeds: no two channels ever have opposite signs, X, Y and Z are {balance:+.1f} dB against W"
        )
    spread = reading.get("spread_db", 0.0)
    wild = swing is not None and swing > limit.feeds_swing_db and spread > limit.feeds_least_spread_db
    if feeds and wild and (one_sign or not _extra_in_w(measures, limit)):
        return f"loudspeaker feeds: no two channels ever have opposite signs, their balance swings by {swing:.1f} dB"
    if one_sign and spread > limit.feeds_spread_db:
        return f"loudspeaker feeds: no two channels ever have opposite signs, the bands differ by {spread:.1f} dB"
    if balance > most_balance:
        return f"X, Y and Z are {balance:+.1f} dB against W, at most {most_balance:+.1f} expected: W lacks a part"
    if reading["channel_db"] > most_channel:
        return f"one of X, Y, Z is {reading['channel_db']:+.1f} dB against W, expected at most {most_channel:+.1f}"
    if reading["vector"] > limit.highest_vector:
        return f"the sound is more directed than one plane wave can be ({reading['vector']:.2f} times)"
    if swing is not None and swing > most_swing and not (name == "ambix" and _extra_in_w(measures, limit)):
        return f"the level of X, Y, Z against W swings by {swing:.1f} dB, expected at most {most_swing:.1f}"
    return None


def _most(balance_db: float, limit: AmbisonicThresholds, *, declared: bool) -> tuple[float, float]:
    """Largest balance of X, Y and Z against W, and largest swing of it, in dB."""
    allowance = limit.swing_per_quiet_db * max(0.0, -balance_db - 2.0)
    if declared:
        return limit.declared_balance_db, limit.declared_swing_db + allowance
    return limit.highest_balance_db, limit.highest_swing_db + allowance


def limits_applied(
    measures: Mapping[str, Any], taken: str, declared: str, limit: AmbisonicThresholds
) -> tuple[float, float]:
    """Largest balance and swing in dB that :func:`judge_ambisonics` allowed in the reading that it took."""
    level = measures["level_db"]
    absent = [value < max(level) + limit.absent_front_db for value in level]
    first = "fuma" if declared == "ambix" and absent == [False, False, False, True] else declared
    flat_world = declared == "ambix" and absent == [False, False, True, False]
    stated = taken == first and (flat_world or first != "ambix")
    return _most(measures["readings"][taken].get("balance_db", 0.0), limit, declared=stated)


def _extra_in_w(measures: Mapping[str, Any], limit: AmbisonicThresholds) -> bool:
    """Whether the balance swings only because something was mixed into W alone (a narrator): ambisonics all the
    same, for the stage that looks for post-production sound to judge.

    W is too loud in many moments and too quiet in none, and what is left has more than two dimensions.
    """
    moments = measures["moments"]
    return bool(
        moments["w_heavy"] >= limit.least_w_heavy
        and moments["axes_heavy"] <= limit.most_axes_heavy
        and measures["eigenvalue_db"][2] > limit.third_dimension_db
    )


def _repairs(name: str, measures: Mapping[str, Any], limit: AmbisonicThresholds) -> bool:
    """Whether a reading that nothing but the signal suggests is beyond doubt.

    It must fit, have channels that are opposed at times, be very steady, and its W must be steadier than any
    other channel in that place (by far, if none are opposed): in copies, independent noise and loudspeaker feeds
    no channel stands out. Where the balance is even and hardly moves at all, another channel may happen to be
    about as steady.
    """
    if _fit(name, measures, limit, declared=False) is not None:
        return False
    reading, own = measures["readings"][name], CANDIDATES[name].order[0]
    swing = _steadiness(name, measures)
    even = abs(reading["balance_db"]) < limit.level_repair_balance_db
    if measures["moments"]["opposed"] < limit.repair_opposed:
        same = reading.get("spread_db", 99.0) < limit.one_sign_repair_spread_db
        steady = even and same and swing <= limit.level_repair_swing_db
        return steady and _stands_out(own, measures, limit.one_sign_repair_margin)
    if even and swing <= limit.level_repair_swing_db:
        return _stands_out(own, measures, limit.level_repair_margin)
    return swing <= limit.repair_swing_db and _stands_out(own, measures, limit.repair_margin)


def _stands_out(channel: int, measures: Mapping[str, Any], margin: float) -> bool:
    """Whether the balance with this channel as W is so many times steadier than with any other."""
    others = [value for k, value in enumerate(measures["swing_by_w_db"]) if k != channel]
    return bool(min(others) > margin * measures["swing_by_w_db"][channel])


def _oddness(name: str, measures: Mapping[str, Any]) -> float:
    """How unusual a repaired reading would be; the least unusual is taken."""
    reading = measures["readings"][name]
    rarity = {"ambix": 0.0, "fuma": 1.0, "xywz": 1.0, "n3d": 3.0}[name]
    return float(((reading["balance_db"] + 0.8) / 1.6) ** 2 + reading.get("swing_db", 1.0) / 0.35 + rarity)
