"""What is this file, and can it enter the dataset? One bounded look at picture and sound.

libav may crash on a hostile file: call :func:`inspect_media` in a process that may die (the engine's
workers are such; the command ``yt360 inspect`` starts one).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from yt360 import ambisonics
from yt360.media.agreement import Agreement, agree, grid_size, motion_map
from yt360.media.ambisonic.hypotheses import declarable
from yt360.media.ambisonic.thresholds import AmbisonicThresholds
from yt360.media.lookup import frame_map
from yt360.media.mono_tracks import FLAG, IN_ORDER, put_tracks_together
from yt360.media.packets import PictureTime, SoundTime, longest_track_s, read_times, with_length
from yt360.media.picture import QUARTER_TURNS
from yt360.media.picture_facts import PictureFacts, weigh_picture
from yt360.media.probe import AudioStream, MediaInfo, VideoStream, probe
from yt360.media.projection.content import WORK_HEIGHT, WORK_WIDTH, PictureGuess, guess_projection
from yt360.media.raw_camera import name_camera
from yt360.media.sampling import FrameSample, SoundSample, falls_short, plain_reading, sample_frames, sample_sound
from yt360.media.sei import note_messages
from yt360.media.sound_facts import SoundFacts, weigh_sound
from yt360.media.timeline import TOLERANCE_S

FRAMES = 9
"""Frames that are looked at, spread over the file."""

SOUND_WINDOWS = 7
"""Windows of sound that are listened to, spread over the file."""

SAMPLE_S = 28.0
"""Seconds of sound in all of them."""

_MOST_MEMORY_MB = 8192
"""Most memory that a file may claim by the size and rate that it states."""

_FRAMES_HELD, _BYTES_A_PIXEL, _SOUND_COPIES = 24, 3, 6
"""Frames that a decoder may hold for reference, pixels of 10 bits in 4:2:0, and copies of the sound while measuring."""

_MOST_TRACKS = 4
"""Tracks of a kind that are looked at where none is declared."""

_LEAST = 4
"""Channels of first-order ambisonics."""

_NOT_SEEKABLE = ("iamf",)
"""Containers in which libav finds no place but the beginning."""

_MOST_TOLD = 100
"""Places that are written down."""

_MOMENT_S = 0.4
"""Sound before and after a frame that is held against what moves in it."""


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
            return known[0].code, "; ".join(one.words for one in known)
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


def memory_mb_beyond(info: MediaInfo) -> int:
    """Memory that looking into a file may take beyond the usual, by the size of its picture and the rate of its sound.

    Bounded: sizes are stated by files from outside.
    """
    pixels = max((video.width * video.height for video in info.videos), default=0)
    rate = max((audio.sample_rate_hz * audio.channels for audio in info.audios), default=0)
    needed = pixels * _BYTES_A_PIXEL * _FRAMES_HELD + rate * SAMPLE_S * 4 * _SOUND_COPIES
    return min(_MOST_MEMORY_MB, int(needed / (1 << 20)))


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
    _listen(inspection, sample_s, convention, thresholds)
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
    """Look at the picture that the metadata declare a sphere; without one at all in turn, to the first that is."""
    note_messages(info)
    declared = [video for video in info.videos if _declares_a_sphere(info, video)]
    for video in declared[:1] or info.videos[:_MOST_TRACKS]:
        frames = sample_frames(info, video, count=FRAMES, height=WORK_HEIGHT, width=WORK_WIDTH)
        shown = video
        if frames.turn in QUARTER_TURNS:
            shown = replace(video, width=video.height, height=video.width)
        guess = guess_projection(frames.frames, shown.width, shown.height)
        picture = weigh_picture(
            info.path, shown, info.metadata.picture(video.index), guess,
            drop_sei=frames.stereo_message, turn=frames.turn,
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


def _declares_ambisonics(info: MediaInfo, audio: AudioStream) -> bool:
    stated = info.metadata.sound(audio.index)
    return (stated.order is not None and not stated.non_diegetic) or audio.opus_family in (2, 3)


def _listen(inspection: Inspection, sample_s: float, convention: str, thresholds: AmbisonicThresholds | None) -> None:
    """Listen to the sound that the metadata declare ambisonics; else to all that could be, to the first that is."""
    source = "sound" if inspection.sound_info is not None and inspection.sound_info.audios else "video"
    info = inspection.heard_in = inspection.sound_info if source == "sound" else inspection.info
    if info is None or not info.audios:
        return
    audios = info.audios
    if all(audio.channels < _LEAST for audio in audios):
        together = put_tracks_together(info)
        audios = audios if together is None else (together,)
    declared = [audio for audio in audios if _declares_ambisonics(info, audio) and audio.channels >= _LEAST]
    candidates = sorted(declared or audios, key=lambda audio: (-min(audio.channels, _LEAST), audio.index))
    for audio in candidates[:_MOST_TRACKS]:
        if inspection.ambisonic is not None and audio.channels < _LEAST:
            break
        _listen_to(inspection, info, audio, source, sample_s, convention or _by_name(info), thresholds)
        if inspection.ambisonic is not None and inspection.ambisonic.reading is not None:
            break
    _name_what_is_beside(inspection)


def _name_what_is_beside(inspection: Inspection) -> None:
    """A sound that is no ambisonics does not hide that another one is there that cannot be decoded."""
    info, facts = inspection.heard_in, inspection.ambisonic
    if info is None or facts is None or facts.reason != "no-ambisonics":
        return
    known = [one.words for one in info.undecodable if one.kind == "audio"]
    tracks = sum(audio.channels == 1 for audio in info.audios)
    if tracks >= _LEAST:
        known.append(
            f"it is one of {tracks} mono tracks that are not plainly one sound: name them W, Y, Z and X, or export one "
            "track of four channels"
        )
    if known:
        inspection.ambisonic = replace(facts, words="; ".join([facts.words, *known]))


def _by_name(info: MediaInfo) -> str:
    """Files that end in ``.amb`` are FuMa by definition, also where their header does not say so."""
    return "fuma" if info.path.suffix.lower() == ".amb" else ""


def _listen_to(
    inspection: Inspection, info: MediaInfo, audio: AudioStream, source: str, sample_s: float,
    convention: str, thresholds: AmbisonicThresholds | None,
) -> None:  # fmt: skip
    plain = plain_reading(info, audio)
    edits = plain.edits
    if edits:
        timing, shown = SoundTime(edits[-1][0] + edits[-1][2]), None
    else:
        timing, shown = read_times(info, audio, inspection.video_stream if info is inspection.info else None)
    duration = audio.duration_s or info.duration_s or 0.0
    if timing.end_s is not None and (not duration or falls_short(timing.end_s, duration)):
        duration = max(0.0, timing.end_s)
    heard = sample_sound(
        info.path, plain, duration_s=duration, count=SOUND_WINDOWS, window_s=sample_s / SOUND_WINDOWS,
        around_s=inspection.frames.times_s if inspection.frames else (),
        seekable=info.container not in _NOT_SEEKABLE,
    )  # fmt: skip
    begins_s = plain.delay_s
    if heard.first_s is not None and abs(heard.first_s - begins_s) > TOLERANCE_S:
        begins_s = max(0.0, heard.first_s)
    facts = weigh_sound(
        audio, info.metadata.sound(audio.index), heard.windows, heard.starts_s, source=source,
        delay_s=begins_s, edits=edits, convention=convention, picture=inspection.picture is not None,
        thresholds=thresholds,
    )  # fmt: skip
    if audio.layout == IN_ORDER:
        facts = _say_how(facts, IN_ORDER, FLAG)
    elif _is_square_by_itself(info, audio):
        facts = _say_how(facts, f"the first four of {audio.channels} channels", "first-four")
    if inspection.ambisonic is not None and facts.reading is None:
        return
    inspection.audio, inspection.heard, inspection.timing, inspection.shown = audio, heard, timing, shown
    inspection.sound_begins_s, inspection.ambisonic = begins_s, facts
    if heard.failed and heard.failed * 3 >= heard.failed + len(heard.windows):
        words = f"{info.path}: {heard.failed} of {heard.failed + len(heard.windows)} stretches of sound do not decode"
        inspection.problems.append(("corrupt", f"{words}: {heard.messages[0]}"))


def _is_square_by_itself(info: MediaInfo, audio: AudioStream) -> bool:
    """Whether nothing but their number says that these channels are ambisonics of a higher order."""
    stated = _declares_ambisonics(info, audio) or audio.layout.startswith("ambisonic")
    return not stated and audio.channels > _LEAST and int(audio.channels**0.5) ** 2 == audio.channels


def _say_how(facts: SoundFacts, how: str, flag: str) -> SoundFacts:
    """Nobody said that these four belong together: the verdict says that it takes them so."""
    verdict = facts.verdict
    if verdict is not None:
        verdict = replace(verdict, reason=f"{how}: {verdict.reason}", flags=(*verdict.flags, flag))
    return replace(facts, verdict=verdict, words=f"{how}: {facts.words}" if facts.words else "")


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
