"""When four channels count as first-order ambisonics: every parameter of :mod:`yt360.media.ambisonic.validity`."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import Field, model_validator

from yt360.settings import Settings

_LOG = logging.getLogger("yt360.settings")

_RETIRED = {
    "dead_channel_db", "absent_front_db", "lowest_balance_db", "doubtful_balance_db", "highest_balance_db",
    "highest_channel_db", "highest_vector", "highest_swing_db", "swing_per_quiet_db", "repair_swing_db",
    "repair_margin", "declared_swing_db", "declared_balance_db", "steadier", "capsule_correlation",
    "highest_out_of_phase", "duplicate_correlation", "independent_db", "least_w_heavy", "most_axes_heavy",
    "third_dimension_db", "feeds_correlation", "feeds_balance_db", "feeds_vector", "feeds_swing_db", "feeds_opposed",
    "feeds_mostly_opposed", "feeds_w_margin", "feeds_spread_db", "feeds_least_spread_db", "repair_opposed",
    "level_repair_swing_db", "level_repair_balance_db", "level_repair_margin", "one_sign_repair_margin",
    "one_sign_repair_spread_db",
}  # fmt: skip
"""Limits of earlier versions, which judged by single measures."""


class AmbisonicThresholds(Settings):
    """How sure one has to be. Probabilities are of hypotheses, after what is declared and what the signal shows."""

    silent_windows: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="Share of half seconds that are silent at or above which there is nothing to judge (uncertain).",
    )
    valid_probability: float = Field(
        default=0.8,
        ge=0.5,
        le=1,
        description="Least probability of W Y Z X for a sound to be valid. Raising it sets more videos aside.",
    )
    repaired_probability: float = Field(
        default=0.9,
        ge=0.5,
        le=1,
        description="Least probability of another order or other gains for them to be corrected.",
    )
    invalid_probability: float = Field(
        default=0.9,
        ge=0.5,
        le=1,
        description="Least probability that it is no ambisonics at all for a sound to be invalid.",
    )
    declared_odds: float = Field(
        default=10.0,
        ge=1,
        description="Odds that a stated convention, or a packing whose order its sender fixes, holds, before the sound "
        "is heard.",
    )
    overwhelming_odds: float = Field(
        default=100.0,
        ge=1,
        description="Odds against what is declared, with declared_odds counted in, beyond which it is invalid; short "
        "of them it is uncertain.",
    )
    clipping: float = Field(
        default=1e-3,
        ge=0,
        le=1,
        description="Share of clipped samples above which levels say nothing of gains: limiting takes most from W.",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if old := sorted(_RETIRED & set(value)):
            _LOG.warning(
                "ambisonics: %s: these limits are gone, one probability decides in their place; set valid_probability, "
                "repaired_probability or invalid_probability",
                ", ".join(old),
            )
        return {name: given for name, given in value.items() if name not in _RETIRED}
