"""Which time-frequency tiles follow post-production: the settings of :mod:`yt360.filters.post_production.evidence`."""

from __future__ import annotations

from pydantic import Field

from yt360.settings import Settings


class TileRules(Settings):
    """What makes a tile one of post-production: in W alone (omni), dry in front (front), or a stereo bed (bed)."""

    omni_db: float = Field(
        default=-7.0,
        description="Omni: directed energy (X, Y, Z) at most this far above W's. Raising it counts more tiles.",
    )
    omni_drop_db: float = Field(
        default=3.0, description="Omni: and at least this far below the band's usual directed energy in pauses."
    )
    omni_gain: float = Field(
        default=0.4, gt=0, description="Omni: largest coherent gain from W into X, Y and Z together."
    )
    front_tolerance: float = Field(
        default=0.08,
        gt=0,
        description="Front: largest deviation of the gains from (1, 0, 0), those of a source exactly in front "
        "(2.5 times this in X).",
    )
    front_room: float = Field(
        default=0.25, gt=0, description="Front: largest incoherent part, which a room would leave."
    )
    bed_tolerance: float = Field(
        default=0.08,
        gt=0,
        description="Bed: largest deviation of X from the cosine of the pair's angle, and of Z from 0.",
    )
    bed_leak: float = Field(default=0.06, gt=0, description="Bed: largest incoherent part in X and Z.")
    bed_side: float = Field(
        default=0.05,
        gt=0,
        description="Bed: least incoherent part in Y, which must also be three times that in X and Z.",
    )
