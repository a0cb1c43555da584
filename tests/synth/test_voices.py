from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from yt360.synth import voices

RATE_HZ = 24_000


def test_a_speaker_says_the_same_whoever_spoke_before() -> None:
    """Flutter and noise went on from one speaker to the next: mixes differed with what had been made before."""
    speakers = voices.speakers("fitting")[4:9]
    said = []
    for order in (speakers, speakers[::-1]):
        voices.say.cache_clear()
        said.append({speaker: voices.say(speaker, RATE_HZ) for speaker in order})
    for speaker in speakers:
        np.testing.assert_array_equal(said[0][speaker], said[1][speaker])


def test_a_speaker_says_the_same_in_every_process() -> None:
    code = (
        "from yt360.synth import voices; import hashlib; "
        f"print(hashlib.sha256(voices.say(voices.speakers('fitting')[7], {RATE_HZ}).tobytes()).hexdigest())"
    )
    heard = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(heard) == 1


def test_speakers_of_both_parts_differ_in_voice_and_words() -> None:
    fitting, held_out = (voices.speakers(part) for part in ("fitting", "held-out"))
    assert not {speaker.voice for speaker in fitting} & {speaker.voice for speaker in held_out}
    assert not {speaker.text for speaker in fitting} & {speaker.text for speaker in held_out}


def test_a_voice_is_loud_while_it_speaks() -> None:
    said = voices.say(voices.speakers("held-out")[0], RATE_HZ)
    assert voices.active_rms(said, RATE_HZ) == pytest.approx(1, abs=1e-5)
    assert said.size > 5 * RATE_HZ
