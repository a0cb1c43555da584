"""One dropped or kept video to look at and listen to: pictures, sound on the picture, waveform, an excerpt.

Everything is read from what the root holds (the crawled files and the facts on how to read them); what cannot be
read is left out and said. Media are small and go into the page as data addresses.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from yt360.ambisonics import W, Y, sound_direction
from yt360.direction_words import direction_words
from yt360.engine.state.dataset_state import DatasetState
from yt360.errors import ItemError, Yt360Error
from yt360.files import parse_json
from yt360.media import ffmpeg
from yt360.media.energy_overlay import energy_overlay, mark_direction
from yt360.media.facts import Facts
from yt360.media.reading_picture import read_frames, without_sei
from yt360.media.reading_sound import read_sound
from yt360.report.maps import first_map

_HEIGHT, _WIDTH = 160, 320
_RATE_HZ = 24_000
_EXCERPT_S = 5.0
_POINTS = 240
_LONGEST_S = 900.0
_QUALITY = 72
_DIFFUSE = 0.9
"""From this diffuseness on, a mean direction says nothing."""


class Picture(NamedTuple):
    """``address`` is a data address; ``sphere``: the whole sphere, equirectangular, the front in the middle."""

    words: str
    address: str
    sphere: bool = False


@dataclass
class Media:
    """What the page shows of a video. ``marks`` as parts of the length.

    ``excerpt_of`` says what is heard in ``excerpt``; ``missing`` what could not be read.
    """

    pictures: list[Picture] = field(default_factory=list)
    peaks: NDArray[np.float64] | None = None
    marks: list[tuple[float, float, float]] = field(default_factory=list)
    excerpt: str = ""
    excerpt_at_s: float = 0.0
    excerpt_of: str = ""
    missing: list[str] = field(default_factory=list)

    def size(self) -> int:
        """Bytes that it takes in the page."""
        return sum(len(picture.address) for picture in self.pictures) + len(self.excerpt)


def look(catalog: DatasetState, item: str, scratch: Path) -> Media:
    """Pictures and sound of an item; never raises for what a file holds. What fails leaves the rest."""
    media = Media()
    with _left_out(media, "how to read it"):
        facts = _facts(catalog, item)
        crawled = catalog.records("crawl")[item].outputs
        files = {name: catalog.root.local(blob.uri) for name, blob in crawled.items()}
        with _left_out(media, "picture"):
            if "video" in files and facts.video is not None:
                _pictures(media, files, facts)
            elif "video" in files and facts.has_picture:
                codec = str(catalog.records("validate")[item].measures.get("video_codec") or "")
                _plain_picture(media, files["video"], facts.start_s, codec)
        with _left_out(media, "panoptic map"):
            mapped = first_map(catalog, item)
            if mapped is not None:
                media.pictures.append(Picture(mapped[0], _jpeg(mapped[1])))
        with _left_out(media, "sound"):
            if facts.foa is not None:
                _sound(media, files, facts, _timeline(catalog, item), scratch)
            elif facts.has_sound:
                _plain_sound(media, files.get("sound") or files["video"], scratch)
    return media


@contextmanager
def _left_out(media: Media, what: str) -> Iterator[None]:
    """What cannot be read is named with the kind of fault; its words hold paths of this machine, and stay out."""
    try:
        yield
    except (Yt360Error, KeyError, OSError, ValueError, TypeError) as error:
        kind = error.kind if isinstance(error, ItemError) else "unreadable"
        media.missing.append(f"{what} ({kind})")


def _facts(catalog: DatasetState, item: str) -> Facts:
    record = catalog.records("validate").get(item)
    if record is None or "facts" not in record.outputs:
        raise ValueError("validate left no facts on how to read it")
    return Facts.load(catalog.root.local(record.outputs["facts"].uri))


def _timeline(catalog: DatasetState, item: str) -> Mapping[str, Any]:
    record = catalog.records("voiceover").get(item) if "voiceover" in catalog.stages else None
    if record is None or "timeline" not in record.outputs:
        return {}
    return dict(parse_json(catalog.root.local(record.outputs["timeline"].uri).read_text(encoding="utf-8")))


def _pictures(media: Media, files: Mapping[str, Path], facts: Facts) -> None:
    """Two moments, and the sound over the second where there is some."""
    start_s, end_s = facts.span
    for share in (0.25, 0.6):
        at_s = start_s + share * (end_s - start_s)
        frames = read_frames(
            files["video"], facts.picture, height=_HEIGHT, width=_WIDTH, fps=1.0, start_s=at_s, duration_s=1.0
        )
        frame = next(iter(frames), None)
        if frame is None:
            continue
        media.pictures.append(Picture(f"the picture at {at_s:.0f} s", _jpeg(frame), sphere=True))
        if share > 0.5 and facts.foa is not None:
            foa = _hear(files, facts, max(start_s, at_s - 0.5), 1.0)
            if foa.shape[1] and float(np.abs(foa).max()) > 0:
                media.pictures.append(_energy(frame, foa, at_s))


def _energy(frame: NDArray[np.uint8], foa: NDArray[np.float32], at_s: float) -> Picture:
    """Where the sound comes from, with a ring at its mean direction if it has one."""
    heard = sound_direction(foa)
    drawn, where = energy_overlay(frame, foa), "no direction in particular"
    if heard.diffuseness < _DIFFUSE:
        drawn = mark_direction(drawn, heard.azimuth, heard.elevation)
        where = f"{direction_words(math.degrees(heard.azimuth), math.degrees(heard.elevation))} (ring)"
    words = f"the sound at {at_s:.0f} s: from {where}, diffuseness {heard.diffuseness:.2f}"
    return Picture(words, _jpeg(drawn), sphere=True)


def _plain_picture(media: Media, path: Path, at_s: float, codec: str) -> None:
    """A frame as it is stored, where nobody knows how to read it."""
    # Frame-packing messages of stereo files make ffmpeg refuse to scale.
    before = ["-ss", f"{at_s + 1:.3f}", "-threads", "1", *without_sei(codec)]
    scaled = ["-map", "0:V:0", "-frames:v", "1", "-vf", "scale=320:-2", "-c:v", "mjpeg", "-q:v", "6"]
    arguments = [*ffmpeg.input_arguments(path, before=before), *scaled, "-f", "image2pipe", "pipe:1"]
    data = ffmpeg.run(arguments, timeout_s=60).stdout
    if data:
        media.pictures.append(Picture("as it is stored", "data:image/jpeg;base64," + base64.b64encode(data).decode()))


def _plain_sound(media: Media, path: Path, scratch: Path) -> None:
    """The first channel, where it is not known what the channels are."""
    decoding = ["-map", "0:a:0", "-af", "pan=mono|c0=c0", "-ar", str(_RATE_HZ), "-f", "f32le", "-t", "60", "pipe:1"]
    data = ffmpeg.run([*ffmpeg.input_arguments(path, before=["-threads", "1"]), *decoding], timeout_s=120).stdout
    samples = np.nan_to_num(np.frombuffer(data[: len(data) // 4 * 4], "<f4"))
    if not samples.size:
        return
    peaks = np.array([np.abs(part).max(initial=0.0) for part in np.array_split(samples, _POINTS)])
    media.peaks = peaks / max(float(peaks.max()), 1e-9)
    excerpt = samples[: round(_EXCERPT_S * _RATE_HZ)]
    media.excerpt, gain_db = _excerpt(np.stack([excerpt, excerpt]), scratch)
    media.excerpt_of = f"the first channel of the file, on both sides{_raised(gain_db)}"


def _jpeg(frame: NDArray[np.uint8]) -> str:
    good, data = cv2.imencode(".jpg", np.ascontiguousarray(frame[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not good:
        raise ValueError(f"a picture of shape {frame.shape} could not be encoded")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _hear(files: Mapping[str, Path], facts: Facts, at_s: float, length_s: float) -> NDArray[np.float32]:
    blocks = list(
        read_sound(files[facts.sound.source], facts.sound, sample_rate_hz=_RATE_HZ, start_s=at_s, duration_s=length_s)
    )
    return np.concatenate(blocks, axis=1) if blocks else np.zeros((4, 0), np.float32)


def _sound(media: Media, files: Mapping[str, Path], facts: Facts, timeline: Mapping[str, Any], scratch: Path) -> None:
    start_s, end_s = facts.span
    length_s = min(end_s - start_s, _LONGEST_S)
    blocks = read_sound(
        files[facts.sound.source],
        facts.sound,
        sample_rate_hz=_RATE_HZ,
        start_s=start_s,
        duration_s=length_s,
        block_s=1.0,
    )
    tenths = [np.abs(part).max(initial=0.0) for block in blocks for part in np.array_split(block[W], 10)]
    if not tenths:
        return
    loudest = max(float(np.nanmax(tenths)), 1e-9)
    media.peaks = (
        np.array([part.max() for part in np.array_split(np.array(tenths), min(_POINTS, len(tenths)))]) / loudest
    )
    weights = _weights(timeline)
    step_s = float(timeline.get("segment_s", 2.0))
    media.marks = [
        (k * step_s / length_s, min(1.0, (k + 1) * step_s / length_s), weight)
        for k, weight in enumerate(weights)
        if k * step_s < length_s
    ]
    loud = float(np.argmax(tenths)) / 10
    best = float(np.argmax(weights)) * step_s if weights and max(weights) > 0.5 else loud
    media.excerpt_at_s = start_s + float(np.clip(best - 1.0, 0, max(0.0, length_s - _EXCERPT_S)))
    foa = _hear(files, facts, media.excerpt_at_s, _EXCERPT_S)
    media.excerpt, gain_db = _excerpt(np.stack([foa[W] + foa[Y], foa[W] - foa[Y]]) / 2, scratch)
    media.excerpt_of = f"what is to the left of the camera is louder on the left{_raised(gain_db)}"


def _weights(timeline: Mapping[str, Any]) -> list[float]:
    """The largest score of each segment."""
    columns = list((timeline.get("scores") or {}).values())
    return [max(row) for row in zip(*columns, strict=False)] if columns else []


def _raised(gain_db: float) -> str:
    """Words on how much louder or softer than the file an excerpt is."""
    if abs(gain_db) < 1:
        return ""
    return f", {'raised' if gain_db > 0 else 'lowered'} by {abs(gain_db):.0f} dB"


def _excerpt(pair: NDArray[np.floating], scratch: Path) -> tuple[str, float]:
    """Left and right ``(2, n)`` as Opus in Ogg, all at one level, and the gain in dB that brought it there."""
    if not pair.shape[1]:
        return "", 0.0
    pair = np.nan_to_num(pair)
    gain = min(20.0, 0.7 / max(float(np.abs(pair).max()), 1e-6))
    pair = pair * gain
    path = scratch / "excerpt.ogg"
    raw = ["-f", "f32le", "-ar", str(_RATE_HZ), "-ac", "2", "-i", "pipe:0"]
    # Bit-exact: else the muxer draws the stream's serial number, and equal roots would give different pages.
    coding = ["-c:a", "libopus", "-b:a", "40k", "-fflags", "+bitexact", "-flags:a", "+bitexact"]
    coding += ["-f", "ogg", "-serial_offset", "1", "-y", str(path)]
    ffmpeg.run([*raw, *coding], timeout_s=60, stdin=np.ascontiguousarray(pair.T, np.float32).tobytes())
    return "data:audio/ogg;base64," + base64.b64encode(path.read_bytes()).decode(), 20 * math.log10(gain)
