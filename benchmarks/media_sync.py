"""Are sound and picture where the container says, whatever is missing? Containers x codecs x faults, against the truth.

Run ``python -m benchmarks.media_sync [WORD ...]``; prints a line for each file (whose name holds all words) and the
largest errors of sound and picture in milliseconds: read from the start, from the middle, and after a seek.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate, resample_poly

from benchmarks.media_stamps import CODECS, FAULTS, FPS, HEIGHT, WIDTH, Stamped, build, noise, number_of
from yt360.errors import ItemError
from yt360.media.packets import sound_time
from yt360.media.picture import VideoDecodeSpec
from yt360.media.probe import probe
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_channels
from yt360.media.sampling import plain_reading

SECONDS = 6.0
CLIP_FPS = 16
MIDDLE_S = (2.345, 4.51)
_PART_S, _SEARCH_S, _LIKE = 0.15, 0.6, 0.35
_SILENT = 1e-3
_MOST_MS, _MOST_PICTURE_MS = 1.001, 1e3 / CLIP_FPS
"""Clips are read from the start of the file; windows that are only listened to are sought.
A picture is right to within a frame of the clip."""

MATRIX = {
    "mkv": ("opus", "vorbis", "aac", "mp3", "ac3", "eac3", "flac", "alac", "pcm", "float", "big", "wavpack"),
    "webm": ("opus", "vorbis"),
    "mp4": ("opus", "vorbis", "aac", "mp3", "ac3", "eac3", "flac", "alac"),
    "mov": ("aac", "alac", "pcm", "float", "big"),
    "ts": ("opus", "aac", "mp3", "ac3", "eac3"),
    "avi": ("aac", "mp3", "ac3", "pcm"),
    "flv": ("aac", "mp3"),
    "nut": ("flac", "pcm", "opus"),
}
VIDEO = {"webm": "libvpx", "flv": "libx264", "mp4": "libx264", "mov": "libx264", "ts": "libx264"}
ALONE = {
    "ogg": ("opus", "vorbis", "flac"), "wav": ("pcm", "float"), "w64": ("float",), "caf": ("pcm", "alac"),
    "aiff": ("big",), "flac": ("flac",), "mp3": ("mp3",), "ac3": ("ac3",), "wv": ("wavpack",), "m4a": ("aac", "alac"),
    "mka": ("opus", "pcm"), "aac": ("aac",),
}  # fmt: skip
STATELESS = ("wav", "w64", "caf", "aiff", "flac", "mp3", "ac3", "wv", "aac")
"""Without time stamps: what is lost there is lost to everybody."""


TRIMS = (".mp4", ".mov")
"""Here a negative time stamp means that what it belongs to is not shown."""

UNSTAMPED = {("mov", "pcm"), ("mov", "float"), ("mov", "big")} | {("avi", codec) for codec in MATRIX["avi"]}
"""What is written here lies end to end, whatever its stamps were: the samples are counted, and nothing else."""

ONE_CLOCK = ("avi",)
"""Picture and sound begin together here, whatever their stamps were."""


def cases() -> Iterator[tuple[str, str, str, int, str | None]]:
    """(suffix, codec, fault, sample rate, encoder of the picture)."""
    for suffix, codecs in MATRIX.items():
        for codec in codecs:
            for rate_hz in CODECS[codec].rates_hz:
                for fault, what in FAULTS.items():
                    if (suffix, codec) in UNSTAMPED and (what.lost or what.jumps or what.drift):
                        continue
                    if suffix in ONE_CLOCK and (what.late_s or what.clock_s):
                        continue
                    if rate_hz != 48_000 and fault not in ("whole", "a gap"):
                        continue
                    yield suffix, codec, fault, rate_hz, VIDEO.get(suffix, "mpeg4")
    for suffix, codecs in ALONE.items():
        for codec in codecs:
            for rate_hz in CODECS[codec].rates_hz:
                for fault in ("whole",) if suffix in STATELESS else ("whole", "a gap", "DTX"):
                    yield suffix, codec, fault, rate_hz, None


def clock_offset_s(made: Stamped) -> float:
    """Where the source's start lies on the clock that readers show: it begins with the stream that begins first."""
    info = probe(made.path)
    if not made.pictures:
        return 0.0
    if made.path.suffix in TRIMS and made.clock_s < 0:
        return made.clock_s
    return info.videos[0].start_s - info.start_s - made.pictures[0][0]


def sound_errors_ms(
    made: Stamped, source: NDArray[np.float32], rate_hz: int, *, start_s: float = 0.0, exact: bool = True,
    duration_s: float | None = None,
) -> list[float]:  # fmt: skip
    """How late each part of the sound is that is read from ``start_s`` on; infinite where it is not there at all."""
    info = probe(made.path)
    audio = info.audios[0]
    spec = replace(plain_reading(info, audio), drift_ppm=sound_time(info, audio).steady_ppm)
    tick_s = 0.0 if exact else audio.tick_s
    blocks = list(read_channels(made.path, spec, start_s=start_s, exact=exact, duration_s=duration_s, tick_s=tick_s))
    found = np.concatenate(blocks, axis=1)[0].astype(np.float64) if blocks else np.zeros(0)
    rate = audio.sample_rate_hz
    if rate != rate_hz:  # Opus is always decoded at 48 kHz
        source = resample_poly(source[:1], rate // rate_hz, 1, axis=1)
    offset_s = clock_offset_s(made) - start_s
    errors = []
    for begin, end, second in made.pieces:
        at = max(begin + made.warm_s, -offset_s + 0.1)
        while at + _PART_S < end - 0.02:
            first = round((at + offset_s) * rate)
            heard = found[first : first + round(_PART_S * rate)]
            wanted_s = second + (at - begin) / (1 + made.drift)
            at += 2 * _PART_S
            if len(heard) < round(_PART_S * rate):
                if duration_s is None and at < end - 0.3:
                    errors.append(math.inf)
                break
            low = max(0, round((wanted_s - _SEARCH_S) * rate))
            around = source[0, low : round((wanted_s + _SEARCH_S + _PART_S) * rate)].astype(np.float64)
            match = correlate(around, heard, mode="valid")
            best = int(np.argmax(match))
            like = match[best] / np.sqrt((around[best : best + len(heard)] ** 2).sum() * (heard**2).sum() + 1e-12)
            errors.append(1e3 * (wanted_s - (low + best) / rate) if like > _LIKE else math.inf)
    for begin, end in made.holes:
        first, last = (round((at + offset_s) * rate) for at in (begin + 0.05, end - 0.03))
        if 0 <= first < last <= len(found) and np.abs(found[first:last]).max() > _SILENT:
            errors.append(math.inf)
    return errors


def picture_errors_ms(made: Stamped, *, start_s: float = 0.0) -> list[float]:
    """How far the shown picture of each clip frame is from its time, 0 while it is on show."""
    spec = VideoDecodeSpec(WIDTH, HEIGHT)
    offset_s = clock_offset_s(made)
    errors = []
    shown = {number: (at, after) for (at, number), (after, _) in zip(
        made.pictures, [*made.pictures[1:], (made.pictures[-1][0] + 1 / FPS, 0)], strict=True)}  # fmt: skip
    frames = read_frames(made.path, spec, height=HEIGHT, width=WIDTH, fps=CLIP_FPS, start_s=start_s, gray=True)
    count = 0
    for k, frame in enumerate(frames):
        at_s = start_s + k / CLIP_FPS - offset_s
        begin, end = shown.get(number_of(frame), (-math.inf, -math.inf))
        error = at_s - end if at_s > end else min(0.0, at_s - begin)
        errors.append(1e3 * error if at_s >= max(made.pictures[0][0], -offset_s) else 0.0)
        count += 1
    wanted = (made.pictures[-1][0] + offset_s - start_s) * CLIP_FPS
    return errors if count >= wanted - 1 else [*errors, math.inf]


@dataclass(frozen=True)
class Found:
    """Largest errors in milliseconds: of clips' sound, of windows that are sought, of the picture; parts compared."""

    sound: float
    window: float
    picture: float
    parts: int

    @property
    def good(self) -> bool:
        return self.sound <= _MOST_MS and self.window <= _MOST_MS and self.picture <= _MOST_PICTURE_MS


def judge(made: Stamped, source: NDArray[np.float32], rate_hz: int) -> Found:
    """Read a file from its start, from its middle and by a seek, and compare with its truth."""
    sounds = sound_errors_ms(made, source, rate_hz)
    windows, pictures = [0.0], [0.0]
    for start_s in MIDDLE_S:
        sounds += sound_errors_ms(made, source, rate_hz, start_s=start_s)
        windows += sound_errors_ms(made, source, rate_hz, start_s=start_s, exact=False, duration_s=1.2)
    if made.pictures:
        for start_s in (0.0, *MIDDLE_S):
            pictures += picture_errors_ms(made, start_s=start_s)
    sound, window, picture = (max(map(abs, errors), default=math.inf) for errors in (sounds, windows, pictures))
    return Found(sound, window, picture, len(sounds))


def main() -> int:
    words = sys.argv[1:]
    sources: dict[int, NDArray[np.float32]] = {}
    found: list[Found] = []
    refused = bad = 0
    for suffix, codec, fault, rate_hz, video in cases():
        name = f"{suffix} {codec} {rate_hz} {fault}"
        if not all(word in name for word in words):
            continue
        source = sources.setdefault(rate_hz, noise(SECONDS, rate_hz))
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = build(Path(folder) / f"x.{suffix}", codec, FAULTS[fault], rate_hz=rate_hz, video=video)
            except (OSError, ValueError, av.error.FFmpegError) as error:
                print(f"{name}: cannot be written: {error}")
                continue
            try:
                found.append(judge(made, source, rate_hz))
            except ItemError as error:
                print(f"{name}: {error.kind}: {error}", flush=True)
                refused += 1
                continue
        last = found[-1]
        bad += not last.good
        print(
            f"{name}: sound {last.sound:.2f} ms in {last.parts} parts, windows {last.window:.2f} ms, "
            f"picture {last.picture:.0f} ms{'' if last.good else '  <<<'}",
            flush=True,
        )
    worst = [max((getattr(one, name) for one in found), default=0.0) for name in ("sound", "window", "picture")]
    print(
        f"{len(found)} files, {refused} refused, {bad} outside; sound within {worst[0]:.2f} ms, windows "
        f"{worst[1]:.2f} ms, picture {worst[2]:.0f} ms"
    )
    return int(bad + refused > 0)


if __name__ == "__main__":
    sys.exit(main())
