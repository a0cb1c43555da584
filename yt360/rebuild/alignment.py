"""Where the clips of a list are in today's copy of their video: one that was trimmed has them earlier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from yt360.filters.duplicates.audio_fingerprint import FRAME_S
from yt360.filters.duplicates.matching import VideoFingerprint, compare
from yt360.filters.duplicates.settings import MatchSettings
from yt360.release.fingerprints import joined
from yt360.release.reading import PublishedClip

SAME_PLACE_S = 0.25
"""A copy that begins this much earlier or later was encoded anew, not trimmed: encoders delay sound by less."""

_SURE_VOTES = 20
"""Hashes that a clip must have at a place of its own before it is taken from there: twice what makes a match."""


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
        expected_s = clip.start_s + shift_s
        part = _window(video, expected_s, print_.duration_s)
        if compare(print_, part, limits_for(print_.duration_s)) is None:
            own = compare(print_, video, limits_for(print_.duration_s))
            if own is not None and own.votes >= _SURE_VOTES:
                expected_s = own.offset_s
        if abs(expected_s - clip.start_s) > SAME_PLACE_S:
            found[clip.clip] = round(expected_s, 3)
    return found


def limits_for(duration_s: float) -> MatchSettings:
    """Limits for something this short; half of it must be there."""
    usual = MatchSettings()
    return usual.model_copy(update={"min_overlap_s": min(usual.min_overlap_s, duration_s / 2)})


def _window(video: VideoFingerprint, start_s: float, duration_s: float) -> VideoFingerprint:
    """The part of a video's fingerprint that lies about a clip, on the video's clock."""
    at_s = video.landmarks[:, 1] * FRAME_S
    inside = (at_s >= start_s - 1.0) & (at_s <= start_s + duration_s + 1.0)
    frames = np.arange(len(video.frames)) * video.frame_s
    shown = (frames >= start_s - 1.0 - video.frame_s) & (frames <= start_s + duration_s + 1.0 + video.frame_s)
    return replace(video, landmarks=video.landmarks[inside], frames=np.where(shown[:, None], video.frames, 0))
