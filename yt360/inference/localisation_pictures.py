"""Maps of :mod:`yt360.inference.localisation` for people: a picture of two maps, and a video with sound."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

import cv2
import numpy as np
import soundfile
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.dataset.perspective_crop import PAD
from yt360.errors import UsageError
from yt360.files import atomic_write
from yt360.inference.localisation import Localisation, heat
from yt360.inference.recording import Recording
from yt360.media.clips import ClipVideoWriter
from yt360.media.energy_overlay import CONTRAST, heat_overlay, mark_direction
from yt360.media.muxing import join_picture_and_sound
from yt360.media.png import write_png

_TITLE_HEIGHT = 22


class Maps:
    """``match`` and ``energy`` of a moment as maps ``(height, 2 height)`` in [0, 1].

    Matches are spread over the range of the whole recording, so that a moment in which nothing stands out looks like
    it; energies over their own peak.
    """

    def __init__(self, found: Localisation, height: int) -> None:
        self._found, self._height = found, height
        self._low, self._high = (float(end) for end in np.percentile(found.match, (5, 100)))

    def match(self, moment: int) -> NDArray[np.float64]:
        values = heat(self._found.match[moment], self._found.directions_deg, self._height)
        return np.clip((values - self._low) / max(self._high - self._low, 1e-9), 0, 1) ** 2

    def energy(self, moment: int) -> NDArray[np.float64]:
        own = self._found.energy[moment]
        values = heat(own, self._found.directions_deg, self._height) / max(float(own.max()), 1e-12)
        return np.clip(values, 0, 1) ** CONTRAST


def write_picture(path: Path, found: Localisation, recording: Recording) -> None:
    """The moment in which the model is surest: its map above, the sound's energy below, rings at both peaks."""
    moment = int(np.argmax(found.match.max(axis=1) - np.median(found.match, axis=1)))
    (raw,) = recording.moments([found.starts_s[moment]])
    frame = np.ascontiguousarray(raw.frames[len(raw.frames) // 2, PAD:-PAD, PAD:-PAD])
    maps = Maps(found, frame.shape[0])
    loudest = found.directions_deg[int(np.argmax(found.energy[moment]))]
    rows = []
    for title, values, peak_deg in (
        ("model: picture and sound fit here", maps.match(moment), found.best(moment)),
        ("sound field alone: energy", maps.energy(moment), (float(loudest[0]), float(loudest[1]))),
    ):
        bar = np.zeros((_TITLE_HEIGHT, frame.shape[1], 3), np.uint8)
        cv2.putText(bar, title, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
        azimuth, elevation = np.radians(peak_deg)
        rows += [bar, mark_direction(heat_overlay(frame, values), azimuth, elevation)]
    atomic_write(path, lambda partial: write_png(partial, np.concatenate(rows)))


def write_video(path: Path, found: Localisation, recording: Recording, moment_s: float, *, fps: int = 8) -> None:
    """The whole recording under the model's map, as a sphere, with stereo sound of two cardioids to the sides.

    ``moment_s``: the length of a moment; a map is shown around the middle of its own.
    """
    centres = np.array(found.starts_s) + moment_s / 2
    frames = recording.pictures(fps)
    first = next(frames, None)
    if first is None:
        raise UsageError(f"{recording.name}: expected a picture, found none")
    height, width = first.shape[:2]
    maps = Maps(found, height)
    shown, values = -1, np.zeros((height, width))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        silent, sound, both = (Path(folder) / name for name in ("picture.mp4", "sound.wav", "both.mp4"))
        with ClipVideoWriter(silent, width, height, fps, gop=fps, crf=23, preset="veryfast") as out:
            for number, frame in enumerate(itertools.chain([first], frames)):
                moment = int(np.argmin(np.abs(centres - recording.begin_s - number / fps)))
                if moment != shown:
                    shown, values = moment, maps.match(moment)
                out.write(heat_overlay(frame, values))
        _write_stereo(sound, recording)
        join_picture_and_sound(silent, sound, both)
        both.replace(path)


def _write_stereo(path: Path, recording: Recording) -> None:
    w, y = ambisonics.W, ambisonics.Y
    rate = recording.settings.sample_rate_hz
    with soundfile.SoundFile(path, "w", rate, 2, subtype="PCM_16", format="WAV") as out:
        for block in recording.sound():
            out.write(np.clip(np.stack([block[w] + block[y], block[w] - block[y]], axis=1) / 2, -1, 1))
