"""How motion is measured: the settings of :mod:`yt360.filters.stills.motion`."""

from __future__ import annotations

from pydantic import Field

from yt360.settings import Settings, unit


class MotionSettings(Settings):
    """What counts as a moved block of 8 x 8 pixels."""

    block_threshold: float = Field(
        default=1.6,
        gt=0,
        json_schema_extra=unit("gray levels"),
        description="Least mean absolute difference of a smoothed block (of 255 levels) that counts as motion, at "
        "ordinary contrast; it falls with the contrast, to a third. Raising it misses fainter motion.",
    )
    noise_factor: float = Field(
        default=2.2, ge=0, description="How many times the difference that white noise would leave a block must exceed."
    )
    floor_factor: float = Field(
        default=3.0,
        ge=0,
        description="How many times the difference of the calmest quarter of the blocks it must exceed.",
    )
    polar_mask: float = Field(
        default=0.1,
        ge=0,
        lt=0.5,
        description="Share of the rows ignored at each pole, where tripods, patches and logos are.",
    )
