"""What is this file, and can it enter the dataset? One bounded look at picture and sound.

libav may crash on a hostile file: call :func:`inspect_media` in a process that may die (the engine's
workers are such; the command ``yt360 inspect`` starts one).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yt360.media.agreement import agree, grid_size, motion_map
from yt360.media.ambisonic.hypotheses import declarable
from yt360.media.ambisonic.thresholds import AmbisonicThresholds
from yt360.media.bounds import FRAMES, SAMPLE_S
from yt360.media.inspection import Inspection
from yt360.media.listening import MOST_TRACKS, listen
from yt360.media.lookup import frame_map
from yt360.media.packets import longest_track_s, with_length
from yt360.media.picture import QUARTER_TURNS
from yt360.media.picture_facts import weigh_picture
from yt360.media.probe import MediaInfo, VideoStream, probe
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH
from yt360.media.projection.letterbox import guess_projection
from yt360.media.raw_camera import name_camera
from yt360.media.sampling import FrameSample, falls_short, sample_frames
from yt360.media.sei import note_messages

_STILL_CODECS = frozenset({"mjpeg", "png", "apng", "bmp", "gif", "tiff", "webp"})
"""Codecs of thumbnails and previews, where there is a picture of another codec, too."""

_MOMENT_S = 0.4
"""Sound before and after a frame that is held against what moves in it."""


def inspect_media(
    video: Path | None,
    sound: Path | None = None,
    *,
    sample_s: float = SAMPLE_S,
    convention: str = "",
    thresholds: AmbisonicThresholds | None = None,
) -> Inspection:
    """Look into a file, or into a picture file and the sound file that belongs to it.

    At most 9 frames and ``sample_s`` seconds of sound are decoded, spread over the whole length; the time stamps of
    all sound are read. Where a file has several tracks, the one counts that its metadata declare, else the first
    that can enter the dataset. ``convention`` (``ambix``, ``n3d``, ``orthonormal``, ``fuma``) is what is known of the
    sound from elsewhere; it overrules what the file says.

    Raises :class:`ItemError` (``missing``, ``unreadable``, ``empty``, ``truncated``, ``corrupt``, ``not-media``,
    ``unknown-codec``, ``unknown-parameters``, ``time-stamps``) for a file that cannot be looked into.
    """
    if video is None and sound is None:
        raise ValueError("inspect_media needs a file")
    convention = declarable(convention) if convention else ""
    inspection = Inspection(video, sound)
    if video is not None:
        inspection.info = with_length(probe(video))
        _note_damage(inspection, inspection.info)
        if inspection.info.videos:
            _look(inspection, inspection.info)
    if sound is not None:
        inspection.sound_info = with_length(probe(sound))
        _note_damage(inspection, inspection.sound_info)
    listen(inspection, sample_s, convention, thresholds)
    _note_ends(inspection)
    inspection.overlap = _overlap(inspection)
    inspection.agreement = agree(*moments(inspection))
    return inspection


def _note_damage(inspection: Inspection, info: MediaInfo) -> None:
    promised = info.metadata.promised_size
    if promised is not None and promised > info.size:
        words = f"{info.path}: expected {promised} bytes by its own structure, found {info.size}; fetch it again"
        inspection.problems.append(("truncated", words))


def _note_ends(inspection: Inspection) -> None:
    """A file in which no track reaches near the promised end was cut off; one track may be shorter by itself."""
    for name in ("info", "sound_info"):
        info: MediaInfo | None = getattr(inspection, name)
        ends = []
        if info is not None and info is inspection.info and inspection.frames and inspection.frames.last_s is not None:
            ends.append(inspection.frames.last_s)
        if info is not None and info is inspection.heard_in and inspection.heard and inspection.heard.windows:
            ends.append(inspection.heard.last_s)
        if info is None or not ends or not info.duration_s or inspection.problems:
            continue
        if falls_short(max(ends), info.duration_s):
            # Containers state the end of their longest track, some of them on a clock that does not begin at 0.
            absolute_s, from_start_s = longest_track_s(info)
            if falls_short(max(absolute_s, from_start_s), info.duration_s):
                words = f"it ends after {max(ends):.1f} s, {info.duration_s:.1f} s are promised; fetch it again"
                inspection.problems.append(("truncated", f"{info.path}: {words}"))
            elif falls_short(from_start_s, info.duration_s):
                setattr(inspection, name, replace(info, duration_s=from_start_s))


def _look(inspection: Inspection, info: MediaInfo) -> None:
    """Look at the picture that the metadata declare a sphere; without one at all in turn, to the first that is.

    Tracks of single pictures (thumbnails, previews, pictures of chapters) come last.
    """
    note_messages(info)
    declared = [video for video in info.videos if _declares_a_sphere(info, video)]
    moving_first = sorted(info.videos, key=lambda video: video.codec in _STILL_CODECS)
    for video in declared[:1] or moving_first[:MOST_TRACKS]:
        frames = sample_frames(info, video, count=FRAMES, height=WORK_HEIGHT, width=WORK_WIDTH)
        shown = video
        if frames.turn in QUARTER_TURNS:
            shown = replace(video, width=video.height, height=video.width, pixel_aspect=1 / video.pixel_aspect)
        guess = guess_projection(frames.frames, shown.width, shown.height, shown.pixel_aspect)
        picture = weigh_picture(
            info.path, shown, info.metadata.picture(video.index), guess,
            drop_sei=frames.stereo_message, turn=frames.turn, start_s=info.start_s,
        )  # fmt: skip
        if inspection.picture is None or picture.reading is not None:
            inspection.frames, inspection.guess = frames, guess
            inspection.picture, inspection.video_stream = picture, shown
        if picture.reading is not None:
            break
    if inspection.picture is not None and inspection.picture.reading is None:
        inspection.picture = name_camera(inspection.picture, info)
    if inspection.frames is not None:
        _note_failures(inspection, info, inspection.frames)


def _note_failures(inspection: Inspection, info: MediaInfo, frames: FrameSample) -> None:
    if frames.failed * 3 >= frames.attempts:
        words = f"{info.path}: {frames.failed} of {frames.attempts} places gave no whole frame; fetch it again"
        inspection.problems.append(("corrupt", words))


def _declares_a_sphere(info: MediaInfo, video: VideoStream) -> bool:
    stated = info.metadata.picture(video.index)
    return stated.projection is not None and not stated.named


def moments(inspection: Inspection) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float32]]]:
    """Motion maps of the frames that were looked at, and the AmbiX sound ``(4, n)`` around each of them."""
    frames, heard, picture, sound = inspection.frames, inspection.heard, inspection.picture, inspection.ambisonic
    motions: list[NDArray[np.float64]] = []
    sounds: list[NDArray[np.float32]] = []
    if not (frames and heard and picture and picture.reading and sound and sound.reading and inspection.video):
        return motions, sounds
    grid = frame_map(inspection.video, picture.reading, *grid_size())
    reach = round(_MOMENT_S * heard.rate_hz)
    for time_s, before, after in zip(frames.times_s, frames.frames, frames.later, strict=True):
        for window, start_s in zip(heard.windows, heard.starts_s, strict=True):
            middle = round((time_s - start_s) * heard.rate_hz)
            if after is None or not 0 <= middle < window.shape[1]:
                continue
            motions.append(motion_map(before, after, grid))
            sounds.append(sound.reading.ambisonic(window[:, max(0, middle - reach) : middle + reach]))
            break
    return motions, sounds


def _overlap(inspection: Inspection) -> tuple[float, float]:
    """The stretch in which both picture and sound are there, on the clock that starts at 0 in both files.

    Ends are those that were found in the file; a container may promise more.
    """
    spans: list[tuple[float, float]] = []
    info, heard_in, stream = inspection.info, inspection.heard_in, inspection.video_stream
    if info is not None and stream is not None:
        end = stream.start_s - info.start_s + stream.duration_s if stream.duration_s else info.duration_s or 0.0
        if inspection.frames and inspection.frames.last_s is not None:
            end = min(end, inspection.frames.last_s)
        spans.append((max(0.0, stream.start_s - info.start_s), end))
    if heard_in is not None and inspection.audio is not None and inspection.heard is not None:
        audio = inspection.audio
        end = audio.start_s - heard_in.start_s + audio.duration_s if audio.duration_s else heard_in.duration_s or 0.0
        if inspection.heard.windows:
            end = min(end, inspection.heard.last_s)
        spans.append((inspection.sound_begins_s, end))
    if not spans:
        return 0.0, 0.0
    start, end = max(s for s, _ in spans), min(e for _, e in spans)
    return start, max(start, end)
