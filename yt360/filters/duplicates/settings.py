"""When two videos hold the same recording: the settings of :mod:`yt360.filters.duplicates.matching`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from yt360.settings import Settings


class MatchSettings(Settings):
    """What a pair of videos must have in common at one offset in time. Raising any of them finds fewer copies."""

    aliases: ClassVar[Mapping[str, str]] = {
        "votes": "min_votes",
        "rate": "min_rate",
        "overlap_s": "min_overlap_s",
        "picture": "min_picture_similarity",
    }

    min_votes: int = Field(
        serialization_alias="votes", default=10, ge=1, description="Least number of equal audio hashes at one offset."
    )
    min_rate: float = Field(
        serialization_alias="rate",
        default=0.02,
        ge=0,
        le=1,
        description="Least share of equal hashes among those in the overlap of the two.",
    )
    min_overlap_s: float = Field(
        serialization_alias="overlap_s", default=5.0, ge=0, description="Shortest overlap of the two videos."
    )
    min_picture_similarity: float = Field(
        serialization_alias="picture",
        default=0.75,
        ge=-1,
        le=1,
        description="Least similarity (cosine) of the pictures at that offset; it keeps two videos under one "
        "song apart.",
    )
