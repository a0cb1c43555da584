"""What a reason of a drop and a kind of failure mean in plain words, and what a person can do."""

from __future__ import annotations

from yt360.crawling.failures import KINDS

REASONS = {
    "listed": "a channel, playlist or search that failed before and could be listed since; no video",
    "no-picture": "a sound file that no picture belongs to",
    "no-sound": "a picture without sound",
    "no-ambisonics": "its sound is mono, stereo or another layout, not ambisonics",
    "invalid-ambisonics": "four channels that are not first-order ambisonics",
    "uncertain-ambisonics": "cannot tell whether the four channels are ambisonics",
    "not-360": "the picture does not show the whole sphere",
    "vr180": "the picture shows half of the sphere",
    "unknown-projection": "the projection of the picture was not recognised",
    "too-short": "picture and sound together are too short for a clip",
    "short-shots": "no shot is long enough for a clip",
    "still": "nothing moves in the picture",
    "voice-over": "speech was added to the recording",
    "background-music": "music was added to the recording",
    "frame-of-reference": "picture and sound do not share a frame of reference",
    "duplicate": "a better copy of it is kept",
    "silent": "no stretch has enough sound for a clip",
}
"""Reason of a filtered item -> what it means. The code stands in manifests and records, the words are for people."""

_FAILURES = {
    "truncated": ("the file ends before its header says it does", "fetch it again"),
    "corrupt": ("the file is damaged", "fetch it again"),
    "no-frames": ("not one frame could be decoded", "look at it with `yt360 inspect`"),
    "no-samples": ("no sound could be decoded", "look at it with `yt360 inspect`"),
    "no-model": ("the model's weights are not there", "see the message"),
    "out-of-memory": ("the machine had too little memory", "use fewer --workers, then --retry out-of-memory"),
    "worker-died": ("the process that worked on it died", "see its log, then --retry worker-died"),
    "poison": ("it ended several workers and was set aside", "see its log; --retry poison tries again"),
    "machine-lost": ("the machine that worked on it went away", "run the same command again"),
    "timeout": ("it took longer than allowed", "--retry timeout tries again"),
    "changed-input": ("a file that it is made from is damaged", "run the recipe again: it is made anew"),
    "missing-input": ("a file that it is made from is gone", "run the recipe again: it is made anew"),
    "missing": ("a file that it needs is gone", "run the recipe again"),
    "wrong-use": ("a setting does not fit", "see the message"),
    "bad-output": ("a stage wrote something that is not whole", "run it again; report it if it stays"),
    "unexpected": ("an error that yt360 does not know", "report it with the text"),
}


def reason_words(reason: str) -> str:
    """What a reason means; empty for one of a stage that is not ours."""
    return REASONS.get(reason, "")


def failure_words(kind: str, stage: str = "") -> tuple[str, str]:
    """What a kind of failure means and what to do; both empty for a kind of a stage that is not ours."""
    if stage == "crawl" and kind in KINDS:
        return KINDS[kind].meaning, KINDS[kind].advice
    if kind in _FAILURES:
        return _FAILURES[kind]
    return (KINDS[kind].meaning, KINDS[kind].advice) if kind in KINDS else ("", "")
