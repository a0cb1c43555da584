"""Recordings with labels of sound events in the layout of STARSS23 (DCASE challenge, task 3).

``foa_dev/dev-train-…/fold3_room21_mix001.wav`` holds AmbiX sound, ``metadata_dev/…/….csv`` the labels and
``video_dev/…/….mp4`` an equirectangular picture, which some recordings lack. A line of the labels is frame (a tenth of
a second), class, source, azimuth, elevation (whole degrees, azimuth counter-clockwise from the front) and, since
STARSS23, distance in centimetres; there is no header, and frames without an event have no line. Source: the README of
STARSS23 (Zenodo 7880637).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import soundfile

from yt360.errors import UsageError

FRAMES_PER_S = 10
"""Frames a second of labels."""

_SPLIT = re.compile(r"dev-(train|test|val)(-.*)?")
_MOST_FRAMES = 1_000_000
_MOST_CLASSES = 1000


@dataclass(frozen=True)
class EventLabel:
    """What sounds in a frame: angles in degrees, ``distance_cm`` where it is known."""

    frame: int
    label: int
    source: int
    azimuth_deg: float
    elevation_deg: float
    distance_cm: float | None = None


@dataclass(frozen=True)
class LabelledRecording:
    """Files of one recording. ``name`` is that of its folder and file, without suffix; ``split`` train, test or val."""

    name: str
    split: str
    sound: Path
    labels: Path
    video: Path | None
    duration_s: float

    @property
    def frames(self) -> int:
        """Frames of labels that the sound is long."""
        return max(1, math.ceil(self.duration_s * FRAMES_PER_S - 1e-6))


def find_recordings(folder: Path, split: str | None = None) -> list[LabelledRecording]:
    """The recordings below ``folder`` (of one ``split``) in order of their names.

    Raises :class:`UsageError` where there are none, where one has no labels, and for sound that has not four channels.

    >>> find_recordings(Path(root))
    Traceback (most recent call last):
    ...
    yt360.errors.UsageError: ...expected recordings in the layout of STARSS23 (dev-train-*/*.wav), found none
    """
    sounds = folder / "foa_dev"
    found = []
    for path in sorted(sounds.glob("*/*.wav")):
        match = _SPLIT.fullmatch(path.parent.name)
        if match is None:
            raise UsageError(
                f"{path.parent}: expected a folder called dev-train…, dev-test… or dev-val…, found {path.parent.name!r}"
            )
        if split is None or match[1] == split:
            found.append(_recording(folder, path, match[1]))
    if not found:
        wanted = f"dev-{split or 'train'}-*/*.wav"
        raise UsageError(f"{sounds}: expected recordings in the layout of STARSS23 ({wanted}), found none")
    return found


def _recording(folder: Path, sound: Path, split: str) -> LabelledRecording:
    name = f"{sound.parent.name}/{sound.stem}"
    labels = folder / "metadata_dev" / f"{name}.csv"
    if not labels.is_file():
        raise UsageError(f"{labels}: expected the labels of {sound.name}, found no file")
    try:
        about = soundfile.info(sound)
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        raise UsageError(f"{sound}: expected sound as WAV, found {error}") from error
    if about.channels != 4 or not about.frames or not about.samplerate:
        raise UsageError(
            f"{sound}: expected four channels of AmbiX (foa_dev, not mic_dev), found {about.channels} of "
            f"{about.frames} samples"
        )
    video = folder / "video_dev" / f"{name}.mp4"
    return LabelledRecording(
        name, split, sound, labels, video if video.is_file() else None, about.frames / about.samplerate
    )


def read_labels(path: Path) -> list[EventLabel]:
    """The lines of a file of labels, in order of frames. Raises :class:`UsageError` with the line that cannot be.

    >>> path = Path(root).with_name("labels.csv")
    >>> characters = path.write_text("3,1,0,40,-10")
    >>> read_labels(path)
    [EventLabel(frame=3, label=1, source=0, azimuth_deg=40.0, elevation_deg=-10.0, distance_cm=None)]
    """
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected labels as CSV, found {error}") from error
    labels = [_label(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    return sorted(labels, key=lambda label: label.frame)


def _label(line: str, where: str) -> EventLabel:
    fields = line.split(",")
    try:
        frame, label, source = (int(field) for field in fields[:3])
        angles = tuple(float(field) for field in fields[3:])
    except ValueError as error:
        raise UsageError(f"{where}: expected {_EXPECTED}, found {line[:80]!r}") from error
    if len(angles) not in (2, 3) or not all(map(math.isfinite, angles)):
        raise UsageError(f"{where}: expected {_EXPECTED}, found {line[:80]!r}")
    azimuth_deg, elevation_deg, *distance = angles
    sane = 0 <= frame < _MOST_FRAMES and 0 <= label < _MOST_CLASSES and source >= 0
    if not sane or abs(azimuth_deg) > 180 or abs(elevation_deg) > 90:
        raise UsageError(
            f"{where}: expected frames, classes and sources from 0, azimuths within ±180 and elevations within ±90 "
            f"degrees, found {line[:80]!r}"
        )
    return EventLabel(frame, label, source, azimuth_deg, elevation_deg, *distance)


_EXPECTED = "frame,class,source,azimuth,elevation[,distance]"
