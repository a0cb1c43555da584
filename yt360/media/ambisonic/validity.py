"""Are these four channels first-order ambisonics, and in which order and weights? One posterior decides.

Prior: how often each hypothesis (:mod:`yt360.media.ambisonic.hypotheses`) is met, and what is declared. Likelihood:
what was measured (:mod:`yt360.media.ambisonic.measures`), by :mod:`yt360.media.ambisonic.model`; and which channel is
absent.
No measure changes when X, Y and Z change places, so nothing is ever put into another order on their powers. What
stays in doubt is ``uncertain``, with the two likeliest readings named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from yt360.media.ambisonic.hypotheses import HYPOTHESES, WYZX, Hypothesis, absence
from yt360.media.ambisonic.measures import ABSENT_DB, FLOOR_DB, absent_channels
from yt360.media.ambisonic.model import shipped_model
from yt360.media.ambisonic.thresholds import AmbisonicThresholds

Verdict = Literal["valid", "repaired", "invalid", "uncertain"]

_COPY, _COPY_DB = 0.9995, 0.2
"""Correlation and difference in level at which two channels are copies."""

_TWICE, _TWICE_DB, _APART = 0.98, 0.5, 0.9
"""The same for two pairs at once, after a lossy codec, and the correlation below which the pairs are two signals."""

_KEPT_ORDER, _FUMA_ORDER = ("ambix", "ambix-w-low"), ("fuma", "wxyz")
"""Readings of one order: usable together, whichever of them it is, for their gains turn no direction by much."""

_NEARLY_ABSENT_DB = -28.0
"""Level of a channel against the loudest from which on it speaks for the order in which it is the height: worlds
without height leave noise and crosstalk there."""

_NEVER = ("n3d", "w-elsewhere")
"""Readings that nothing but a declaration makes usable: a field in N3D looks like unrelated or equal channels."""


_ANY_ABSENT = (1.0, 1 / 3, 1 / 3, 1.0)
"""Probability of the absent channels, by their number, where no channel has a direction."""


_W_FLAWS_DB, _W_SPREAD_DB = 1.5, 1.0
"""How far the sides together may lie above W that is not lowered, and what each further such step costs: microphones
and editors are off by so much."""


@dataclass(frozen=True)
class AmbisonicVerdict:
    """What four channels are. ``convention`` names the hypothesis that was taken, ``posterior`` the two likeliest."""

    verdict: Verdict
    reason: str
    convention: str = "ambix"
    horizontal_only: bool = False
    flags: tuple[str, ...] = ()
    posterior: tuple[tuple[str, float], ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the sound can enter the dataset."""
        return self.verdict in ("valid", "repaired")

    @property
    def probability(self) -> float:
        """Probability of the likeliest hypothesis; 1 where a plain fact decided."""
        return self.posterior[0][1] if self.posterior else 1.0


def judge_ambisonics(
    measures: Mapping[str, Any],
    *,
    declared: bool = False,
    picture: bool = True,
    thresholds: AmbisonicThresholds | None = None,
) -> AmbisonicVerdict:
    """Verdict from :func:`measure_ambisonics` alone.

    ``declared``: the channels were measured in the order and weights that a container, a packing or a person states,
    else as they are found. ``picture``: the sound belongs to a picture. Only undeclared channels are ever read in
    another order.
    """
    limit = thresholds or AmbisonicThresholds()
    flags: tuple[str, ...] = ("clipping",) if measures["clipped"] > limit.clipping else ()
    refused = _refused_outright(measures)
    if refused:
        return AmbisonicVerdict("invalid", refused, flags=flags)
    if measures["silent_share"] >= limit.silent_windows:
        words = f"{100 * measures['silent_share']:.0f} % of the sound is silence, nothing to judge"
        return AmbisonicVerdict("uncertain", words, flags=flags)
    if not measures["features"]:
        words = f"{measures['seconds']:g} s of sound, too little to judge"
        return AmbisonicVerdict("uncertain", words, flags=flags)
    if not shipped_model().knows(measures["features"]):
        return AmbisonicVerdict("uncertain", "an earlier version measured less; measure it again", flags=flags)
    found = posterior(measures, declared=declared, picture=picture, thresholds=limit)
    top = tuple(sorted(found.items(), key=lambda pair: -pair[1])[:2])
    verdict, taken, reason = _decide(found, declared, bool(flags), limit)
    absent = absent_channels(measures["level_db"])
    if verdict in ("valid", "repaired"):
        order = HYPOTHESES[taken].order or WYZX
        horizontal = absent[order[2]]
        flags += ("horizontal-only",) if horizontal else ()
    else:
        horizontal = False
    rounded = tuple((name, round(share, 4)) for name, share in top)
    return AmbisonicVerdict(verdict, reason, taken, horizontal, flags, rounded)


def field_probability(measures: Mapping[str, Any], *, declared: bool, picture: bool) -> float | None:
    """Probability that the channels are ambisonics in the order in which they were measured.

    None where too little was measured: too little sound, or by an earlier version.
    """
    if not measures.get("features") or not shipped_model().knows(measures["features"]):
        return None
    found = posterior(measures, declared=declared, picture=picture, thresholds=AmbisonicThresholds())
    return sum(found[name] for name in (*_KEPT_ORDER, *(("n3d",) if declared else ())))


def posterior(
    measures: Mapping[str, Any], *, declared: bool, picture: bool, thresholds: AmbisonicThresholds
) -> dict[str, float]:
    """Probability of each hypothesis; they add up to 1. ``features`` must not be empty."""
    likelihood = shipped_model().likelihoods(measures["features"])
    if measures["clipped"] > thresholds.clipping:
        # Limiting takes most from the loudest channel, W, which then looks low.
        levels = max(likelihood["field"], likelihood["field-w-low"])
        likelihood = {**likelihood, "field": levels, "field-w-low": levels}
    absent = absent_channels(measures["level_db"], _NEARLY_ABSENT_DB)
    weight = {}
    for name, hypothesis in HYPOTHESES.items():
        prior = hypothesis.prior_picture if picture else hypothesis.prior_sound
        weight[name] = prior * likelihood[hypothesis.signal]
        if name == "xywz" and measures["clipped"] <= thresholds.clipping:
            weight[name] *= _as_strong_as_w(measures["level_db"])
        if name == "fuma" and any(absent):
            # Where the silent channel says the order, W may be lower still: nobody writes N3D as W X Y Z.
            weight[name] += prior * likelihood["field-n3d"]
        if not declared:
            weight[name] *= absence(hypothesis.order, absent) if hypothesis.order else _ANY_ABSENT[sum(absent)]
    if declared:
        odds = thresholds.declared_odds
        others = sum(map(_other, HYPOTHESES.values()))
        for name, hypothesis in HYPOTHESES.items():
            # What a false declaration hides can be anything.
            share = 1 / others if _other(hypothesis) else odds if name == "ambix" else 0.0
            weight[name] = share * likelihood[hypothesis.signal]
        # The order is stated; that its weights are not is for nobody to tell apart from a strong or weak W.
        weight["ambix-w-low"] = odds / 20 * likelihood["field-w-low"]
        weight["n3d"] = odds / 100 * likelihood["field-n3d"]
    total = sum(weight.values())
    return {name: value / total for name, value in weight.items()}


def _as_strong_as_w(level_db: Sequence[float]) -> float:
    """How well one of the last three channels could be W as it is: as strong as the others together, or stronger.

    1 where one is; which one makes no difference.
    """
    power = [10 ** (level / 10) for level in level_db]
    above = min(10 * math.log10(max(sum(power) - power[k], 1e-30) / power[k]) for k in (1, 2, 3))
    return math.exp(-0.5 * max(0.0, (above - _W_FLAWS_DB) / _W_SPREAD_DB) ** 2)


def _other(hypothesis: Hypothesis) -> bool:
    """Whether a hypothesis contradicts a declaration, rather than giving the declared channels other gains."""
    return hypothesis.signal not in ("field", "field-w-low", "field-n3d")


def _decide(
    found: Mapping[str, float], declared: bool, clipped: bool, limit: AmbisonicThresholds
) -> tuple[Verdict, str, str]:
    """Verdict, the reading that is taken, and the reason."""
    ranked = sorted(found, key=lambda name: -found[name])
    first = ranked[0]
    kept = sum(found[name] for name in _KEPT_ORDER)
    no_field = sum(share for name, share in found.items() if HYPOTHESES[name].order is None and name != "w-elsewhere")
    doubt = " or ".join(f"{HYPOTHESES[name].words} ({100 * found[name]:.0f} %)" for name in ranked[:2])
    if declared:
        kept += found["n3d"]
        if kept >= limit.valid_probability:
            return "valid", "ambix", f"as declared ({_percent(kept)})"
        against = 1 - kept
        if against > limit.overwhelming_odds * kept and no_field > 0.5:
            return "invalid", "ambix", f"{HYPOTHESES[first].words} ({_percent(found[first])}), against what is declared"
        other = next(name for name in ranked if name not in (*_KEPT_ORDER, "n3d"))
        sounds = f"{HYPOTHESES[other].words} ({_percent(found[other])})"
        return "uncertain", "ambix", f"declared ambisonics ({_percent(kept)}), but it may be {sounds}"
    if no_field >= limit.invalid_probability:
        worst = max((name for name in ranked if HYPOTHESES[name].order is None), key=lambda name: found[name])
        return "invalid", "ambix", f"{HYPOTHESES[worst].words} ({_percent(no_field)} that it is no ambisonics)"
    if kept >= limit.valid_probability:
        if not clipped and found["ambix-w-low"] >= limit.repaired_probability * kept:
            return "repaired", "ambix-w-low", f"{HYPOTHESES['ambix-w-low'].words} ({_percent(kept)})"
        return "valid", "ambix", f"{HYPOTHESES['ambix'].words} ({_percent(kept)})"
    family = sum(found[name] for name in (_FUMA_ORDER if first in _FUMA_ORDER else (first,)))
    if family >= limit.repaired_probability and first not in _NEVER and HYPOTHESES[first].order and not clipped:
        return "repaired", first, f"{HYPOTHESES[first].words} ({_percent(family)})"
    return "uncertain", "ambix", f"cannot tell: {doubt}; declare which it is"


def _percent(share: float) -> str:
    return f"{min(99.9, 100 * share):.3g} %"


def _refused_outright(measures: Mapping[str, Any]) -> str:
    """Facts that no probability is needed for; empty if there are none."""
    level = measures["level_db"]
    if measures["not_finite"]:
        return f"{measures['not_finite']} samples are not numbers"
    if max(level) <= FLOOR_DB + 10:
        return "digital silence"
    silent = [value <= max(level) - 120 for value in level]
    if sum(silent) == 3:
        return f"only channel {silent.index(False)} holds sound: mono"
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    same = [
        (i, j)
        for (i, j), correlation in zip(pairs, measures["correlation"], strict=True)
        if abs(correlation) > _COPY and abs(level[i] - level[j]) < _COPY_DB and not silent[i]
    ]
    if len(same) == len(pairs):
        return f"all channels are copies of each other (correlation {_COPY})"
    return _pair_twice(dict(zip(pairs, map(abs, measures["correlation"]), strict=True)), level)


def _pair_twice(correlation: Mapping[tuple[int, int], float], level: Sequence[float]) -> str:
    """Words for two signals of which each is there twice; empty if they are not.

    Where W and a side are equal, every wave comes along that axis, and the other two sides are silent: no field has
    two such pairs. One wave may (the channels of one source differ in level only), and is left to the posterior.
    """
    for k in (1, 2, 3):
        i, j = (side for side in (1, 2, 3) if side != k)
        pairs = ((0, k), (i, j))
        twice = all(correlation[a, b] > _TWICE and abs(level[a] - level[b]) < _TWICE_DB for a, b in pairs)
        across = max(share for pair, share in correlation.items() if pair not in pairs)
        if twice and across < _APART and level[i] > max(level) + ABSENT_DB:
            return f"channels {k} and 0 are one signal, {i} and {j} another: two signals twice"
    return ""
