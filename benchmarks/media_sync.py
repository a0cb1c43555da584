"""Is sound where the container says, whatever is missing in it? Containers x codecs x faults, against the truth.

Run ``python -m benchmarks.media_sync``; prints a line for each file and the largest error in milliseconds. The
sound is noise that was made here; packets are taken out or damaged by ffmpeg, which knows nothing of our reader.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, correlate, resample_poly, sosfiltfilt

from benchmarks.media_containers import AUDIO_CODECS, encode
from yt360.errors import ItemError
from yt360.media import ffmpeg
from yt360.media.probe import probe
from yt360.media.reading import read_channels
from yt360.media.sound import FoaDecodeSpec

RATE_HZ = 48_000
SECONDS = 6
_PART_S, _SEARCH_S = 0.4, 0.45
_LIKE = 0.6

CONTAINERS = {
    "opus": ("webm", "mkv", "mp4", "ogg"),
    "vorbis": ("webm", "mkv", "mp4"),
    "aac": ("mkv", "mp4", "mov", "ts"),
    "pcm": ("mkv", "mov"),
    "flac": ("mkv", "mp4"),
    "alac": ("mov", "mkv"),
}
FAULTS = {
    "whole": "",
    "one packet": "drop=eq(n\\,100)",
    "a gap": "drop=between(n\\,100\\,114)",
    "three gaps": "drop=between(n\\,60\\,70)+between(n\\,120\\,135)+between(n\\,180\\,181)",
    "one each second": "drop=eq(mod(n\\,47)\\,40)",
    "damaged": "amount=if(between(n\\,100\\,114)\\,3\\,0)",
}
"""Options of ffmpeg's bitstream filter ``noise``; ``n`` counts packets."""


def truth() -> NDArray[np.float64]:
    """Four channels of noise below 3 kHz, ``(4, n)`` at 48 kHz."""
    noise = 0.1 * np.random.default_rng(1).standard_normal((4, RATE_HZ * SECONDS))
    return np.asarray(sosfiltfilt(butter(4, 3000 / (RATE_HZ / 2), output="sos"), noise, axis=1))


def make(folder: Path, codec: str, suffix: str, fault: str, sound: NDArray[np.float64], rate_hz: int) -> Path:
    """A file with a picture (Ogg: without) from 0 s on and the sound with a fault."""
    coded = resample_poly(sound, 1, RATE_HZ // rate_hz, axis=1)
    layout = AUDIO_CODECS[codec][1] if codec in AUDIO_CODECS else "4.0"
    source = "pcm" if codec == "alac" else codec
    whole = encode(
        folder / f"whole.{'mov' if codec == 'alac' else 'mkv'}", sound=coded, rate_hz=rate_hz, audio=source,
        layout=layout, frames=np.zeros((16 * SECONDS, 32, 64, 3), np.uint8), fps=16, video="mpeg4",
    )  # fmt: skip
    path = folder / f"x.{suffix}"
    options = ["-c", "copy", *(["-c:a", "alac"] if codec == "alac" else [])]
    if suffix == "ogg":
        options += ["-vn"]
    elif suffix == "webm":
        options += ["-c:v", "libvpx", "-deadline", "realtime"]
    if FAULTS[fault]:
        options += ["-bsf:a", f"noise={FAULTS[fault]}"]
    ffmpeg.run(["-y", "-i", str(whole), *options, str(path)], timeout_s=60)
    return path


def errors_ms(path: Path, sound: NDArray[np.float64], *, start_s: float = 0.0) -> list[float]:
    """How late each part of the sound that is read from ``start_s`` on is, in ms; parts that are not there left out."""
    info = probe(path)
    audio = info.audios[0]
    spec = FoaDecodeSpec(
        channels=audio.channels, sample_rate_hz=audio.sample_rate_hz, codec=audio.codec,
        delay_s=max(0.0, audio.start_s - info.start_s),
    )  # fmt: skip
    found = np.concatenate(list(read_channels(path, spec, start_s=start_s)), axis=1).astype(np.float64)
    rate = audio.sample_rate_hz
    wanted = resample_poly(sound, 1, RATE_HZ // rate, axis=1)
    part, search = round(_PART_S * rate), round(_SEARCH_S * rate)
    errors = []
    for at in range(0, found.shape[1] - part, part // 2):
        here = at + round(start_s * rate)
        low = max(0, here - search)
        around, heard = wanted[0, low : here + part + search], found[0, at : at + part]
        if len(around) < part + 10 or not np.all(np.abs(heard).reshape(20, -1).max(axis=1) > 1e-3):
            continue
        match = correlate(around, heard, mode="valid")
        best = int(np.argmax(match))
        like = match[best] / np.sqrt((around[best : best + part] ** 2).sum() * (heard**2).sum())
        if like > _LIKE:
            errors.append(1e3 * (here - low - best) / rate)
    return errors


def _unmarked(suffix: str, errors: list[float]) -> float:
    """MPEG-TS does not mark what an encoder puts in front, and so states all sound late by that."""
    return errors[0] if suffix == "ts" and errors else 0.0


def main() -> int:
    sound, worst, count = truth(), 0.0, 0
    for codec, rate_hz in product(CONTAINERS, (48_000, 24_000)):
        for suffix, fault in product(CONTAINERS[codec], FAULTS):
            with tempfile.TemporaryDirectory() as folder:
                name = f"{codec} {rate_hz} {suffix} {fault}"
                try:
                    path = make(Path(folder), codec, suffix, fault, sound, rate_hz)
                    found = errors_ms(path, sound)
                    later = errors_ms(path, sound, start_s=2.345)
                except ItemError as error:
                    print(f"{name}: {error.kind}: {error}")
                    continue
                constant = _unmarked(suffix, found)
                most = max((abs(value - constant) for value in found + later), default=float("nan"))
                worst, count = max(worst, most), count + 1
                print(f"{name}: {most:.2f} ms in {len(found)} + {len(later)} parts", flush=True)
    print(f"largest of {count}: {worst:.2f} ms")
    return int(worst > 1)


if __name__ == "__main__":
    sys.exit(main())
