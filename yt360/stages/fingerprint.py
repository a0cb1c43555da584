"""Fingerprint: what a video can be recognised by when it turns up again, encoded anew, turned, brighter or cut.

Consumes picture and sound and the decoding specs that ``validate`` found; produces ``print`` (``print.npz``:
:class:`yt360.filters.duplicates.fingerprints.VideoFingerprint`). The peaks of the sound are those that ``voiceover``
found on its way, and the pictures of a short video those that ``stills`` has seen; where these are not there the file
is decoded for them, the picture in its key frames only.
Decides nothing.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from yt360.ambisonics import W
from yt360.engine.stage import Context, Done, Item, Outcome, Resources, Stage, StageParams
from yt360.errors import ItemError
from yt360.filters.duplicates import audio_fingerprint, visual_fingerprint
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.filters.duplicates.peak_files import read_peaks
from yt360.filters.picture_look import read_look
from yt360.media.facts import Facts
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound

_ENOUGH = 0.6
"""Part of the pictures that key frames have to give; a file with very few is decoded whole."""


class FingerprintParams(StageParams):
    """How densely the picture is described."""

    frame_s: float = Field(
        default=2.0,
        gt=0,
        description="Time between two described frames. Raising it saves time and misses short copies.",
    )
    most_frames: int = Field(
        default=150, ge=2, description="Largest number of described frames; in longer videos they are further apart."
    )


class Fingerprint(Stage):
    name = "fingerprint"
    version = 5
    decides = False
    params_type = FingerprintParams
    needs = Resources(timeout_s=1800)
    inputs: ClassVar[Mapping[str, str]] = {
        "video": "crawl.video",
        "sound": "crawl.sound?",
        "facts": "validate.facts",
        "look": "stills.look?",
        "peaks": "voiceover.peaks?",
    }
    after = ("validate", "stills", "voiceover", "frame_of_reference")

    def process(self, item: Item, context: Context) -> Outcome:
        facts = Facts.load(item.files["facts"])
        duration_s = facts.duration_s
        frame_s = max(self.params.frame_s, duration_s / self.params.most_frames)
        peaks = read_peaks(item.files["peaks"]) if "peaks" in item.files else self._peaks(item, facts)
        marks = audio_fingerprint.hashes(peaks)
        if "look" in item.files:
            frames = read_look(item.files["look"]).described_every(frame_s)
        else:
            frames = self._frames(item, facts, frame_s)
        described = np.stack(frames) if frames else np.zeros((0, visual_fingerprint.LENGTH), np.int8)
        write_print(context.workdir / "print.npz", VideoFingerprint(marks, described, frame_s, duration_s, peaks))
        return Done(outputs={"print": "print.npz"}, measures={"landmarks": len(marks), "frames": len(frames)})

    def _peaks(self, item: Item, facts: Facts) -> NDArray[np.int64]:
        sound = read_sound(
            item.files[facts.sound.source],
            facts.sound,
            sample_rate_hz=audio_fingerprint.RATE_HZ,
            start_s=facts.start_s,
            duration_s=facts.duration_s,
        )
        return audio_fingerprint.peaks(block[W] for block in sound)

    def _frames(self, item: Item, facts: Facts, frame_s: float) -> list[NDArray[np.int8]]:
        """Descriptions of the pictures, from key frames alone where the file has enough of them."""
        found: list[NDArray[np.int8]] = []
        for key_frames in (True, False):
            frames = read_frames(
                item.files["video"],
                facts.picture,
                height=visual_fingerprint.ROWS,
                width=visual_fingerprint.COLUMNS,
                fps=1 / frame_s,
                start_s=facts.start_s,
                duration_s=facts.duration_s,
                gray=True,
                key_frames=key_frames,
            )
            found = [visual_fingerprint.describe(frame) for frame in frames]
            if len(found) > _ENOUGH * facts.duration_s / frame_s:
                break
        return found

    def check_output(self, name: str, path: Path) -> None:
        read_print(path)


def write_print(path: Path, print_: VideoFingerprint) -> None:
    """Equal fingerprints give equal bytes."""
    np.savez(
        path,
        landmarks=print_.landmarks.astype(np.int32),
        peaks=print_.peaks.astype(np.int32),
        frames=print_.frames,
        seconds=np.array([print_.frame_s, print_.duration_s]),
    )


def read_print(path: Path) -> VideoFingerprint:
    """Raises :class:`ItemError` when the file is not a fingerprint."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            marks, frames, seconds = arrays["landmarks"], arrays["frames"], arrays["seconds"]
            peaks = arrays["peaks"]
        if peaks.ndim != 2 or peaks.shape[1] != 2:
            raise ValueError(f"peaks of the shape {peaks.shape}")
        if marks.ndim != 2 or marks.shape[1] != 2 or frames.ndim != 2 or frames.shape[1] != visual_fingerprint.LENGTH:
            raise ValueError(f"arrays of the shapes {marks.shape} and {frames.shape}")
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ItemError("damaged-output", f"{path}: expected a fingerprint, found: {error}") from None
    seconds_of = (float(seconds[0]), float(seconds[1]))
    return VideoFingerprint(marks.astype(np.int64), frames, *seconds_of, peaks.astype(np.int64))
