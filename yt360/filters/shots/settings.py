"""What counts as the end of a shot: the settings of :mod:`yt360.filters.shots.transitions`."""

from __future__ import annotations

from pydantic import Field

from yt360.settings import Settings


class ShotSettings(Settings):
    """When two moments of a video show different places."""

    same_place_share: float = Field(
        default=0.25,
        gt=0,
        lt=1,
        description="Least share of corners found again in two pictures of one place. Two places share 0.02, seldom "
        "0.15. Raising it cuts at more places.",
    )
    dissolve_contrast: float = Field(
        default=0.87,
        gt=0,
        lt=1,
        description="Fine contrast in the middle of a dissolve against that on either side, at most. Two pictures laid "
        "over each other half and half have 0.71. Raising it finds more dissolves.",
    )
    colour_jump_levels: float = Field(
        default=6.0,
        gt=0,
        description="Where a picture has no corners (night, fog, water): least change of the colours along the "
        "latitudes, in levels of 255, that is a cut. Raising it cuts at fewer places.",
    )
    longest_black_s: float = Field(
        default=0.5,
        ge=0,
        description="A picture of one colour for longer is a shot of its own. Raising it keeps longer blackouts "
        "within a clip.",
    )
