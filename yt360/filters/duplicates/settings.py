"""When two videos hold the same recording: the settings of :mod:`yt360.filters.duplicates.matching`."""

from __future__ import annotations

from pydantic import Field

from yt360.settings import Settings


class MatchSettings(Settings):
    """What a pair of videos must have in common at one offset in time. Raising any of them finds fewer copies."""

    votes: int = Field(default=10, ge=1, description="Least number of equal audio hashes at one offset.")
    rate: float = Field(
        default=0.02, ge=0, le=1, description="Least share of equal hashes among those in the overlap of the two."
    )
    overlap_s: float = Field(default=5.0, ge=0, description="Shortest overlap of the two videos.")
    picture: float = Field(
        default=0.5,
        ge=-1,
        le=1,
        description="Least similarity (cosine) of the pictures at that offset; it keeps two videos under one "
        "song apart.",
    )
