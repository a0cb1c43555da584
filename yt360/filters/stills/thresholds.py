"""What counts as a still picture: the one threshold of the stage ``stills``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import Field, model_validator

from yt360.filters.stills.limits import Limits
from yt360.settings import Settings

log = logging.getLogger(__name__)

_GONE = frozenset(
    {
        *("noise_allowance", "weak_background", "weak_share", "flicker_returns", "dark_flatness"),
        *("overlay_share", "dead_background", "dark_level"),
        *(field.name for field in fields(Limits)),
    }
)
"""Thresholds of earlier versions: some decided nothing, the others are constants of the rules that the probability
weighs (:mod:`yt360.filters.stills.limits`)."""


class StillsThresholds(Settings):
    """When a video is a still image, a slide show, a turning still or a still with an overlay."""

    still_probability: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="A video is dropped from this probability on that its picture is none that a camera filmed (where "
        "as many are as are not). Raising it drops fewer videos.",
    )

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_gone(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not _GONE & set(given):
            return given
        for name in sorted(_GONE & set(given)):
            log.warning("stills: the threshold %s is gone; what is given for it is ignored", name)
        return {name: value for name, value in given.items() if name not in _GONE}
