"""Where the clips of a list are in today's copy of their video: one that was trimmed has them earlier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from yt360.filters.duplicates.audio_fingerprint import FRAME_S
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.duplicates.matching import compare
from yt360.filters.duplicates.settings import MatchSettings
from yt360.release.fingerprints import joined
from yt360.release.reading import PublishedClip

SAME_PLACE_S = 0.25
"""A copy that begins this much earlier or later was encoded anew, not trimmed: encoders delay sound by less."""

_VOTES = 5
"""Equal hashes that make a match: half of what makes a duplicate, for about half of a clip's hashes are published.

Two clips of different recordings share one or two (``python -m benchmarks.rebuild``).
"""

_SURE_VOTES = 2 * _VOTES
"""Hashes that a clip must have at a place of its own before it is taken from there."""


def starts(
    clips: Sequence[tuple[PublishedClip, VideoFingerprint | None]], video: VideoFingerprint | None
) -> dict[str, float]:
    """Clip -> second at which it begins in ``video``: its published place wherever nothing speaks for another.

    All clips of a video are looked for together, then each one that is not where the others say by itself (the middle
    may have been cut out). A start may be before the video's beginning: then that part of the clip is gone.
    """
    found = {clip.clip: clip.start_s for clip, _ in clips}
    known = [(clip, print_) for clip, print_ in clips if print_ is not None]
    if video is None or not known:
        return found
    whole = compare(joined([(clip.start_s, print_) for clip, print_ in known]), video, limits_for(1.0))
    shift_s = whole.offset_s if whole is not None else 0.0
    for clip, print_ in known:
        place_s = _place(print_, video, clip.start_s + shift_s)
        if abs(place_s - clip.start_s) > SAME_PLACE_S:
            found[clip.clip] = round(place_s, 3)
    return found


def _place(clip: VideoFingerprint, video: VideoFingerprint, expected_s: float) -> float:
    """Where a clip is: at ``expected_s`` unless it is surely somewhere else, and not there as well (a loop)."""
    limits = limits_for(clip.duration_s)
    own = compare(clip, video, limits)
    if own is None or own.votes < _SURE_VOTES or abs(own.offset_s - expected_s) <= SAME_PLACE_S:
        return expected_s
    there = compare(clip, _window(video, expected_s, clip.duration_s), limits)
    return expected_s if there is not None and abs(there.offset_s - expected_s) <= SAME_PLACE_S else own.offset_s


def limits_for(duration_s: float) -> MatchSettings:
    """Limits for a published clip of this length; half of it must be there."""
    usual = MatchSettings()
    return usual.model_copy(update={"min_votes": _VOTES, "min_overlap_s": min(usual.min_overlap_s, duration_s / 2)})


def _window(video: VideoFingerprint, start_s: float, duration_s: float) -> VideoFingerprint:
    """The part of a video's fingerprint that lies about a clip, on the video's clock."""
    at_s = video.landmarks[:, 1] * FRAME_S
    inside = (at_s >= start_s - 0.1) & (at_s <= start_s + duration_s + 0.1)
    frames = np.arange(len(video.frames)) * video.frame_s
    shown = (frames >= start_s - video.frame_s) & (frames <= start_s + duration_s + video.frame_s)
    return replace(video, landmarks=video.landmarks[inside], frames=np.where(shown[:, None], video.frames, 0))
