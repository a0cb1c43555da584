"""What is this picture? One posterior over all hypotheses: what the file says and what the picture shows.

The container's word is a prior, seams, lines, poles and looks are evidence, and the answer may be "cannot tell".
Deciding needs the evidence alone, so that a new limit decides a recorded video again without decoding it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pydantic import Field

from yt360.media.projection.hypotheses import Hypothesis, hypotheses
from yt360.settings import Settings

_HALF_RIGHT = 5.0
"""How much more often a wrong statement is about a picture of which it has the projection, or the eyes, right."""

_STEREO_UNSAID = {"mono": 0.85, "top-bottom": 0.12, "left-right": 0.03}
"""Eyes of pictures that are stated to be equirectangular without a word on stereo."""


class PictureThresholds(Settings):
    """When the projection of a picture is believed."""

    least_probability: float = Field(
        default=0.9,
        gt=0.5,
        lt=1,
        description="Probability from which a projection, or that it is none of a whole sphere, is believed; below it "
        "the picture is `unknown-projection`. Raising it keeps fewer videos.",
    )
    metadata_right: float = Field(
        default=0.96,
        gt=0.5,
        lt=1,
        description="Share of files whose spherical metadata say what is there: the prior that the picture is held "
        "against. Raising it believes metadata more.",
    )


@dataclass(frozen=True)
class PictureDecision:
    """``probabilities`` of all hypotheses; ``best`` is the most probable one that agrees with ``kind``.

    ``kind``: ``sphere`` (it can be read), ``other`` (it is none of a whole sphere) or ``unknown``. ``probability`` is
    that of the decision, for ``unknown`` that of the best hypothesis.
    """

    kind: str
    best: Hypothesis
    probability: float
    probabilities: Mapping[str, float]

    def likeliest(self, count: int = 2) -> list[tuple[Hypothesis, float]]:
        """The most probable hypotheses with their probabilities, best first."""
        names = sorted(self.probabilities, key=lambda name: -self.probabilities[name])[:count]
        return [(hypotheses()[name], self.probabilities[name]) for name in names]


@lru_cache(maxsize=64)
def stated_prior(stated: str, right: float) -> Mapping[str, float]:
    """Prior of every hypothesis: by its share among all videos, or by what the metadata say.

    ``stated``: name of a hypothesis; with ``-?`` behind it where nothing is said on stereo; empty without metadata.
    """
    every = hypotheses()
    total = sum(hypothesis.prior for hypothesis in every.values())
    plain = {name: hypothesis.prior / total for name, hypothesis in every.items()}
    if not stated:
        return plain
    name = stated.removesuffix("-?")
    unsaid = name != stated
    meant = {
        other: _STEREO_UNSAID[hypothesis.stereo] if unsaid else 1.0
        for other, hypothesis in every.items()
        if other == name or (unsaid and hypothesis.projection == every[name].projection and hypothesis.seams)
    }
    # A wrong statement is about one of the others.
    rivals = {other: share * _likes(every[other], every[name]) for other, share in plain.items() if other not in meant}
    prior = {other: right * share for other, share in meant.items()}
    for other, share in rivals.items():
        prior[other] = (1 - right) * share / sum(rivals.values())
    return prior


def _likes(truth: Hypothesis, stated: Hypothesis) -> float:
    """How much more often than about any other picture a wrong statement is made about such a one."""
    eyes, projection = truth.eyes == stated.stereo, truth.projection == stated.projection
    return (_HALF_RIGHT if eyes else 1.0) * (_HALF_RIGHT if projection else 1.0)


def posterior(evidence: Mapping[str, float], stated: str = "", right: float = 0.95) -> dict[str, float]:
    """Probability of every hypothesis from its log likelihood and the prior of :func:`stated_prior`."""
    prior = stated_prior(stated, right)
    logs = {name: value + float(np.log(prior[name])) for name, value in evidence.items()}
    most = max(logs.values())
    weights = {name: float(np.exp(value - most)) for name, value in logs.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def decide_picture(evidence: Mapping[str, float], stated: str, thresholds: PictureThresholds) -> PictureDecision:
    """The decision from the log likelihoods of all hypotheses and what the metadata say."""
    every = hypotheses()
    found = posterior(evidence, stated, thresholds.metadata_right)
    best = max(found, key=lambda name: found[name])
    others = {name: value for name, value in found.items() if not every[name].whole_sphere}
    least = thresholds.least_probability
    if every[best].whole_sphere and found[best] >= least:
        return PictureDecision("sphere", every[best], found[best], found)
    if sum(others.values()) >= least:
        return PictureDecision("other", every[max(others, key=lambda name: others[name])], sum(others.values()), found)
    return PictureDecision("unknown", every[best], found[best], found)
