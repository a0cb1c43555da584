"""Settings of the measurement of post-production sound."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TileRules:
    """What makes a tile one of post-production. Part of measuring, not of deciding.

    Omni: directed energy under ``omni_db`` of W's, ``omni_drop_db`` less than the band has in pauses, and
    a coherent part below ``omni_gain``. Front: gains within ``front_tolerance`` of (1, 0, 0) (twice that in
    x) and at most ``front_room`` incoherent. Bed: z within ``bed_tolerance`` of 0 and x of its cosine, both
    with at most ``bed_leak`` incoherent, while y has ``bed_side`` and three times theirs.
    """

    omni_db: float = -7.0
    omni_drop_db: float = 3.0
    omni_gain: float = 0.4
    front_tolerance: float = 0.08
    front_room: float = 0.25
    bed_tolerance: float = 0.08
    bed_leak: float = 0.06
    bed_side: float = 0.05
