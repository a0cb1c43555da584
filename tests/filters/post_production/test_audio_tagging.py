from __future__ import annotations

import numpy as np
import pytest

from tests.filters import sounds
from yt360.filters.post_production import audio_tagging, covariance_differences
from yt360.filters.post_production.audio_tagging import AudioTagger


def test_after_the_first_blocks_every_other_one_is_heard_and_counts_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audio_tagging, "_EVERY_BLOCK", 2)
    heard: list[int] = []

    def probabilities(self: AudioTagger, sound: np.ndarray) -> np.ndarray:
        heard.append(self._blocks)
        return np.full((50, 3), self._blocks / 10)

    monkeypatch.setattr(AudioTagger, "_probabilities", probabilities)
    noise = 0.05 * np.random.default_rng(0).standard_normal((4, 60 * sounds.RATE)).astype(np.float32)
    tagger = AudioTagger()
    covariance_differences.measure_tiles([noise], observers=[tagger.observe])
    assert heard == [1, 2, 4, 6]
    found = tagger.per_segment()
    assert found.shape == (30, 3)
    np.testing.assert_allclose(found[:, 0], np.repeat([0.1, 0.2, 0.2, 0.4, 0.4, 0.6], 5))
