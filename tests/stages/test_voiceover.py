from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests import SHARED
from tests.filters import sounds
from tests.stages.fakes import context
from yt360 import ambisonics
from yt360.engine.stage import Done, Item
from yt360.errors import ItemError
from yt360.filters.post_production.thresholds import VoiceoverThresholds
from yt360.media.inspect import inspect_media
from yt360.stages.voiceover import Voiceover

MEDIA = SHARED / "media"
REAL = [
    "G8pABGosD38l_17.webm",
    "NdE7uYVaynQl_0.webm",
    "KVvDejzzQjM_6.webm",
    "0FB9jMXMP8A_19.webm",
    "V_To4k9AJXc_20.webm",
    "aieThfuvmtY_151.webm",
    "V5IVN81wYrI_60.webm",
    "kqAZkf5Odyw_80.mp4",
]


def run(tmp_path: Path, files: dict[str, Path], facts: dict[str, Any]) -> Any:
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    stage = Voiceover()
    outcome = stage.process(Item("v", "v", files={**files, "facts": tmp_path / "facts.json"}), context(tmp_path))
    assert isinstance(outcome, Done)
    stage.check_output("timeline", tmp_path / outcome.outputs["timeline"])
    measures = json.loads(json.dumps(outcome.measures, allow_nan=False))
    return stage.decide(measures), measures


def wave(tmp_path: Path, sound: np.ndarray) -> tuple[dict[str, Path], dict[str, Any]]:
    path = tmp_path / "sound.wav"
    soundfile.write(path, sound.T, sounds.RATE, subtype="FLOAT")
    reading = {"channels": len(sound), "sample_rate_hz": sounds.RATE, "source": "video"}
    if len(sound) == 6:
        reading["head_locked"] = [4, 5]
    return {"video": path}, {"sound_reading": reading, "start_s": 0.0, "end_s": sound.shape[1] / sounds.RATE}


LIMITS = VoiceoverThresholds()
RHYTHM = LIMITS.syllables
SURE = LIMITS.sure


@pytest.mark.parametrize(
    ("kind", "speech", "music", "singing", "syllables", "spoken"),
    [
        # In front: who is surer of the two, unless neither is sure, or speech is and has its rhythm.
        ("front", SURE + 0.1, SURE, 0.0, 0.0, True),
        ("front", SURE, SURE + 0.1, 0.0, RHYTHM - 0.01, False),
        ("front", SURE, SURE + 0.1, 0.0, RHYTHM, True),
        ("front", SURE - 0.01, SURE + 0.1, 0.0, RHYTHM, False),
        ("front", SURE, 0.0, SURE + 0.1, 0.0, False),
        ("front", SURE - 0.01, SURE - 0.02, 0.0, RHYTHM - 0.01, False),
        ("front", SURE - 0.02, SURE - 0.01, 0.0, RHYTHM, True),
        ("front", SURE, SURE, 0.0, 0.0, False),
        # As stereo: speech alone is called a voice.
        ("bed", SURE, SURE - 0.01, 0.0, 0.0, True),
        ("bed", SURE, SURE, 0.0, 0.0, False),
        ("bed", SURE - 0.01, 0.0, 0.0, 0.0, False),
        ("bed", SURE, 0.0, SURE, 0.0, False),
    ],
)
def test_what_was_added_is_called_by_what_is_heard_in_it(
    kind: str, speech: float, music: float, singing: float, syllables: float, spoken: bool
) -> None:
    heard = {"speech": speech, "music": music, "singing": singing}
    measures: dict[str, Any] = {
        "segments": 10, "loud": 10, "level_db": -25.0, "syllables": syllables, "omni_syllables": 0.0,
        "scores": {"omni": 0.0, "front": 0.0, "bed": 0.0, kind: 1.0}, "heard": {kind: heard}, "head_locked": None,
    }  # fmt: skip
    verdict = Voiceover().decide(measures)
    assert verdict is not None
    assert verdict.reason == ("voice-over" if spoken else "background-music")


def test_a_voice_over_is_dropped_and_a_talker_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    scene = sounds.in_room(rng, sounds.speech(rng), 1.0, -0.1)
    kept, _ = run(tmp_path, *wave(tmp_path, sounds.mix((scene, 0.0), (sounds.ambience(rng), -12.0))))
    dropped, _ = run(tmp_path, *wave(tmp_path, sounds.mix((sounds.ambience(rng), 0.0), (sounds.voice_in_w(rng), 3.0))))
    assert kept is None
    assert dropped.reason == "voice-over"
    assert "in W alone" in dropped.detail
    measures = {"scores": {"omni": 0.1, "front": 0.2, "bed": 0.05}, "head_locked": None, "loud": 5, "segments": 5}
    words = Voiceover().summary(measures)
    assert words == "nothing is heard that was added; likeliest something exactly in front (probability 0.20)"
    assert "1 of 5 segments" in Voiceover().summary({**measures, "loud": 1})
    heard = {"bed": {"speech": 0.0, "music": 1.0, "singing": 0.0}}
    assert Voiceover().summary({**measures, "scores": {"omni": 0.1, "front": 0.2, "bed": 0.9}, "heard": heard}) == ""
    assert Voiceover().summary({"level_db": -20.0}) == ""


def test_a_head_locked_pair_counts_only_when_it_sounds(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    scene = sounds.mix((ambisonics.encode(sounds.speech(rng), 1.0, 0.0), 0.0), (sounds.ambience(rng), -10.0))
    silent = np.concatenate([scene, np.zeros((2, scene.shape[1]), np.float32)])
    verdict, measures = run(tmp_path, *wave(tmp_path, silent))
    assert verdict is None
    assert measures["head_locked"]["active"] == 0
    voice = (0.05 * sounds.speech(rng)).astype(np.float32)
    verdict, _ = run(tmp_path, *wave(tmp_path, np.concatenate([scene, np.stack([voice, voice])])))
    assert verdict.reason == "voice-over"
    assert "head-locked" in verdict.detail


def test_a_new_threshold_decides_anew_from_what_was_measured(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sound = sounds.mix((sounds.ambience(rng), 0.0), (sounds.voice_in_w(rng), 3.0))
    verdict, measures = run(tmp_path, *wave(tmp_path, sound))
    assert verdict is not None
    assert Voiceover(thresholds=VoiceoverThresholds(min_loud=10_000)).decide(measures) is None


def test_digital_silence_is_not_post_production(tmp_path: Path) -> None:
    verdict, measures = run(tmp_path, *wave(tmp_path, np.zeros((4, 6 * sounds.RATE), np.float32)))
    assert verdict is None
    assert measures["loud"] == 0


def test_a_sound_without_samples_is_an_error_that_says_so(tmp_path: Path) -> None:
    files, facts = wave(tmp_path, np.zeros((4, 100), np.float32))
    with pytest.raises(ItemError, match=r"sound\.wav"):
        run(tmp_path, files, {**facts, "start_s": 50.0, "end_s": 60.0})


@pytest.mark.skipif(not MEDIA.is_dir(), reason="needs the real recordings in ../shared/media beside the checkout")
@pytest.mark.parametrize("name", REAL)
def test_real_recordings_are_kept(tmp_path: Path, name: str) -> None:
    """Among them a guitarist who is very directional and near the front, and a very diffuse dive."""
    files = {"video": MEDIA / name}
    if name.endswith(".mp4"):
        files["sound"] = MEDIA / "kqAZkf5Odyw_80.f327.m4a"
    verdict, measures = run(tmp_path, files, inspect_media(files["video"], files.get("sound")).facts())
    assert verdict is None
    assert measures["loud"] >= 4


@pytest.mark.parametrize(
    ("speech", "music", "rhythm", "reason"),
    [
        (0.85, 0.08, 0.45, "voice-over"),
        (0.61, 0.72, 0.348, "voice-over"),  # a narrator over a scene with music
        (0.1, 0.8, 0.45, "voice-over"),  # hardly heard as speech, with all of its rhythm
        (0.7, 0.6, 0.3, "background-music"),  # music over people who talk
        (0.05, 0.93, 0.32, "background-music"),
        (0.0, 0.0, 0.2, "background-music"),
    ],
)
def test_what_lies_in_w_is_called_by_what_is_heard_and_by_its_rhythm(
    speech: float, music: float, rhythm: float, reason: str
) -> None:
    heard = {kind: {"speech": speech, "music": music, "singing": 0.0} for kind in ("omni", "front", "bed")}
    places = {"omni": 0.3, "front": 0.0, "bed": 0.0, "bed_angle_deg": 45.0}
    measures = {
        "scores": {"omni": 0.99, "front": 0.0, "bed": 0.0}, "heard": heard, "segments": 10, "loud": 10,
        "level_db": -20.0, "syllables": 0.3, "omni_syllables": rhythm, "head_locked": None,
        **dict.fromkeys(("evidence", "partials", "swells", "bins"), places),
    }  # fmt: skip
    verdict = Voiceover().decide(measures)
    assert verdict is not None
    assert verdict.reason == reason
