"""What the channels of a file are, beyond the four that could be a sound field."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from yt360.media.containers.spatial import SoundMetadata
from yt360.media.probe import AudioStream
from yt360.media.sound_facts import holds_bass_alone, weigh_sound

RATE_HZ = 24_000


def six(high: float, cutoff_hz: float = 120.0) -> np.ndarray:
    """Six channels of noise, the fourth of low frequencies and ``high`` of the rest."""
    noise = 0.1 * np.random.default_rng(1).standard_normal((6, 6 * RATE_HZ))
    low = sosfilt(butter(8, cutoff_hz / (RATE_HZ / 2), output="sos"), noise[3])
    noise[3] = low + high * noise[0]
    return noise.astype(np.float32)


@pytest.mark.parametrize(("high", "alone"), [(0.0, True), (0.001, True), (0.01, False), (0.1, False)])
def test_a_channel_without_high_frequencies_is_one_of_bass(high: float, alone: bool) -> None:
    assert holds_bass_alone([six(high)], 3, RATE_HZ) == alone


def test_where_all_is_bass_or_silent_no_channel_stands_out() -> None:
    dull = sosfilt(butter(8, 120 / (RATE_HZ / 2), output="sos"), six(0.0), axis=1).astype(np.float32)
    assert not holds_bass_alone([dull], 3, RATE_HZ)
    silent = six(0.0)
    silent[3] = 0
    assert not holds_bass_alone([silent], 3, RATE_HZ)


def test_six_channels_with_one_of_bass_are_loudspeaker_feeds() -> None:
    stream = AudioStream(0, "flac", RATE_HZ, 6, "5.1", None, 0.0, 6.0)
    facts = weigh_sound(stream, SoundMetadata(), [six(0.0)], [0.0], source="video", delay_s=0.0)
    assert facts.reason == "invalid-ambisonics"
    assert "low frequencies alone" in facts.words
