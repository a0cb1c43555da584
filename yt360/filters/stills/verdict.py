"""What is said of a video that is a still."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StillVerdict:
    """``kind`` is ``still``, ``slide-show``, ``turning``, ``zooming`` or ``overlay``; ``detail`` has the numbers."""

    kind: str
    detail: str
