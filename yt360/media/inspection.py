"""What was found out about a video, what speaks against it, and what is written down of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.media.agreement import Agreement
from yt360.media.packets import PictureTime, SoundTime
from yt360.media.picture_facts import PictureFacts
from yt360.media.probe import AudioStream, MediaInfo, VideoStream
from yt360.media.projection.content import PictureGuess
from yt360.media.sampling import FrameSample, SoundSample
from yt360.media.sound_facts import SoundFacts

_MOST_TOLD = 100
"""Places that are written down."""

_MOST_UNDECODABLE = 2
"""Tracks that cannot be decoded and are named: more of them say no more."""


@dataclass
class Inspection:
    """Everything that was found out about a video, or about a video and its separate sound.

    ``problems`` are damages (kind, words): a damaged file can still be described. ``overlap`` is the
    stretch (start, end) in seconds in which there are both picture and sound. ``video_stream`` (as it is shown) and
    ``audio`` are the tracks that count, ``heard_in`` is the file of the latter; ``timing`` is what its time
    stamps say, ``shown`` what those of the picture in the same file do.
    """

    video: Path | None
    sound: Path | None
    info: MediaInfo | None = None
    sound_info: MediaInfo | None = None
    picture: PictureFacts | None = None
    guess: PictureGuess | None = None
    frames: FrameSample | None = None
    ambisonic: SoundFacts | None = None
    audio: AudioStream | None = None
    heard: SoundSample | None = None
    agreement: Agreement | None = None
    overlap: tuple[float, float] = (0.0, 0.0)
    video_stream: VideoStream | None = None
    heard_in: MediaInfo | None = None
    timing: SoundTime | None = None
    shown: PictureTime | None = None
    sound_begins_s: float = 0.0
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def verdict(self) -> Literal["keep", "reject", "uncertain"]:
        """Whether the file can enter the dataset as it stands."""
        codes = {code for code, _ in self.reasons()}
        if not codes:
            return "keep"
        return "uncertain" if codes <= {"unknown-projection", "uncertain-ambisonics"} else "reject"

    def reasons(self) -> list[tuple[str, str]]:
        """(code, words) of everything that speaks against keeping it."""
        found = list(self.problems)
        if self.picture is None:
            found.append(self.absent("video"))
        elif self.picture.reason:
            found.append((self.picture.reason, self.picture.words))
        if self.ambisonic is None:
            found.append(self.absent("audio"))
        elif self.ambisonic.reason:
            found.append((self.ambisonic.reason, self.ambisonic.words))
        return found

    def absent(self, kind: Literal["video", "audio"]) -> tuple[str, str]:
        """(code, words) for a file in which there is nothing to see or to hear."""
        infos = (self.info, self.sound_info)
        known = [one for info in infos if info is not None for one in info.undecodable if one.kind == kind]
        if known:
            return known[0].code, "; ".join(list(dict.fromkeys(one.words for one in known))[:_MOST_UNDECODABLE])
        return ("no-picture", "there is no picture") if kind == "video" else ("no-sound", "there is no sound")

    def to_json(self) -> dict[str, Any]:
        """The documented object of ``yt360 inspect --json``."""
        files = [path for path in (self.video, self.sound) if path is not None]
        durations = [i.duration_s for i in (self.info, self.sound_info) if i and i.duration_s]
        reasons = self.reasons()
        return {
            "file": str(files[0]),
            "sound_file": str(self.sound) if self.video is not None and self.sound is not None else None,
            "container": (self.info or self.sound_info).container if (self.info or self.sound_info) else None,  # type: ignore[union-attr]
            "duration_s": round(min(durations), 3) if durations else None,
            "video": self.picture.to_json(self.video_stream) if self.picture and self.video_stream else None,
            "audio": self.ambisonic.to_json(self.audio) if self.ambisonic and self.audio else None,
            "agreement": self.agreement.to_json() if self.agreement else None,
            "verdict": self.verdict,
            "reasons": [f"{code}: {words}" for code, words in reasons],
            "content": self.guess.to_json() if self.guess else None,
            "sampled": {
                "frames": len(self.frames.times_s) if self.frames else 0,
                "sound_s": round(self._heard_s(), 3),
            },
        }

    def facts(self) -> dict[str, Any]:
        """``facts.json``: :meth:`to_json` and the recipes that later stages read with."""
        start, end = self.overlap
        heard = self.ambisonic.likeliest if self.ambisonic else None
        times: dict[str, Any] = {}
        if self.timing is not None and (self.timing.splices or self.timing.drift_ppm):
            times["sound_time"] = self.timing.to_json()
        if self.shown is not None and self.shown.holds:
            times["picture_time"] = self.shown.to_json()
        if self.heard is not None and self.heard.not_numbers_s:
            times["not_numbers_s"] = self.heard.not_numbers_s[:_MOST_TOLD]
        return {
            **self.to_json(),
            **times,
            "picture_reading": self.picture.reading.to_json() if self.picture and self.picture.reading else None,
            "sound_reading": heard.to_json() if heard else None,
            "start_s": round(start, 6),
            "end_s": round(end, 6),
            "duration_s": round(max(0.0, end - start), 6),
        }

    def _heard_s(self) -> float:
        return sum(w.shape[1] for w in self.heard.windows) / self.heard.rate_hz if self.heard else 0.0

    def loudest_direction(self) -> dict[str, float | None]:
        """Direction of the mean intensity of all that was heard, its diffuseness and level; None without ambisonics."""
        foa = self.heard_foa()
        if foa is None:
            return {"azimuth_deg": None, "elevation_deg": None, "diffuseness": None, "level_db": None}
        found = ambisonics.sound_direction(foa)
        return {
            "azimuth_deg": round(float(np.degrees(found.azimuth)), 2),
            "elevation_deg": round(float(np.degrees(found.elevation)), 2),
            "diffuseness": round(found.diffuseness, 4),
            "level_db": round(max(-200.0, float(10 * np.log10(found.energy + 1e-20))), 2),
        }

    def heard_foa(self) -> NDArray[np.float32] | None:
        """All that was heard ``(4, samples)`` AmbiX, window after window; None without ambisonics."""
        if self.heard is None or self.ambisonic is None or self.ambisonic.reading is None or not self.heard.windows:
            return None
        return np.concatenate([self.ambisonic.reading.ambisonic(w) for w in self.heard.windows], axis=1)
