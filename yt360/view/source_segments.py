"""Whole source videos for the player: any file that `inspect` understands, in pieces that every browser plays.

A piece is made when it is asked for: ten seconds of the picture as mono equirectangular H.264, and of the sound as
AmbiX. So a video is seen as the stages see it, whatever its projection and codec are.
"""

from __future__ import annotations

import json
import math
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from yt360.engine.state.dataset_state import DatasetState
from yt360.errors import ItemError
from yt360.files import atomic_write, parse_json
from yt360.media.clips import ClipVideoWriter
from yt360.media.facts import Facts
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound
from yt360.media.sound import SILENT, FoaDecodeSpec
from yt360.view.clip_payload import ABOUT, Member, about_recording
from yt360.view.sound_file import sound_wav
from yt360.view.sound_layers import sound_layers

SEGMENT_S = 10.0
"""Length of a piece; the last one of a video is shorter."""

_WIDTH, _HEIGHT = 960, 480
_FASTEST = 30
"""Frames a second, at most."""

_RATE_HZ = 48_000
_MOST_BYTES = 1 << 30
"""Of pieces that are kept, the last ones that were asked for."""

_TYPES = {"video.mp4": "video/mp4", "sound.wav": "audio/wav"}

NOT_A_SPHERE = "Nobody knows how to read this picture: it is shown as it is stored, drawn over the whole sphere."
NO_DIRECTIONS = "This sound is not ambisonics: its first channel is heard, without a direction."
NO_SOUND = "There is no sound."


@dataclass(frozen=True)
class SourceVideo:
    """A crawled video and how it is played. ``notes`` are sentences on what is not as in the dataset."""

    video: str
    picture: Path
    reading: VideoDecodeSpec
    fps: int
    end_s: float
    sound: Path | None
    foa: FoaDecodeSpec | None
    start_s: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def segments(self) -> int:
        """How many pieces there are."""
        return max(1, math.ceil(self.end_s / SEGMENT_S - 1e-6))

    def span(self, number: int) -> tuple[float, float]:
        """Begin and length of a piece in seconds; :class:`KeyError` for one that is not there."""
        if not 0 <= number < self.segments:
            raise KeyError(number)
        begin_s = number * SEGMENT_S
        return begin_s, min(SEGMENT_S, self.end_s - begin_s)


def source_video(catalog: DatasetState, video: str, scratch: Path) -> SourceVideo | None:
    """How a video can be played, by what ``validate`` found out; ``None`` where it did not, or there is no picture.

    Files of a store are fetched into ``scratch``. Raises :class:`ItemError` where files are gone or damaged.
    """
    if "crawl" not in catalog.stages or "validate" not in catalog.stages:
        return None
    crawled, validated = catalog.records("crawl").get(video), catalog.records("validate").get(video)
    if crawled is None or validated is None or "video" not in crawled.outputs or "facts" not in validated.outputs:
        return None
    facts = Facts.load(catalog.root.fetch(validated.outputs["facts"].uri, scratch))
    measures = validated.measures
    if not facts.has_picture:
        return None
    notes = []
    reading = facts.video
    if reading is None:
        if not measures.get("width") or not measures.get("height"):
            return None
        reading = VideoDecodeSpec(
            int(measures["width"]), int(measures["height"]), codec=str(measures.get("video_codec") or "")
        )
        notes.append(NOT_A_SPHERE)
    foa = facts.foa
    if foa is None:
        foa = _first_channel(facts, "sound" if "sound" in crawled.outputs else "video")
        notes.append(NO_SOUND if foa is None else NO_DIRECTIONS)
    end_s = facts.end_s if facts.end_s > facts.start_s else float(measures.get("duration_s") or 0.0)
    if not end_s > 0:
        return None
    files = {name: catalog.root.fetch(blob.uri, scratch) for name, blob in crawled.outputs.items() if name != "info"}
    gone = [path for path in files.values() if not path.is_file()]
    if gone:
        raise ItemError("missing", f"{gone[0]}: the file that was crawled is not there any more")
    return SourceVideo(
        video, files["video"], reading, max(1, min(_FASTEST, round(float(measures.get("fps") or _FASTEST)))), end_s,
        files.get(foa.source) if foa is not None else None, foa, facts.start_s, tuple(notes),
    )  # fmt: skip


def _first_channel(facts: Facts, source: Literal["video", "sound"]) -> FoaDecodeSpec | None:
    """Sound of which nobody knows directions: its first channel as W."""
    try:
        audio = parse_json(facts.path.read_text(encoding="utf-8"))["audio"]
        channels, rate_hz, codec = int(audio["channels"]), int(audio["sample_rate"]), str(audio["codec"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if channels <= 0 or rate_hz <= 0:
        return None
    order = (0, SILENT, SILENT, SILENT)
    return FoaDecodeSpec(channels, rate_hz, source, codec=codec, order=order, convention="unknown")


class SourceSegment:
    """One piece as the player reads it: the members of :class:`yt360.view.clip_payload.ClipPayload`, without maps."""

    def __init__(self, source: SourceVideo, number: int) -> None:
        self.source, self.number = source, number
        self.begin_s, self.length_s = source.span(number)

    def about(self) -> dict[str, Any]:
        """What ``clip.json`` holds."""
        samples = round(self.length_s * _RATE_HZ)
        return about_recording(
            key=f"{self.source.video}/{self.number}",
            duration_s=self.length_s,
            picture={"width": _WIDTH, "height": _HEIGHT, "fps": self.source.fps, "frames": self._frames},
            sound={"rate_hz": _RATE_HZ, "samples": samples, "gain": self._sound[1]},
            members={
                "video": "video.mp4", "sound": "sound.wav", "energy": "energy.json", "directions": "directions.json"
            },
            more={"video": self.source.video, "start_s": self.begin_s, "notes": list(self.source.notes)},
        )  # fmt: skip

    def names(self) -> list[str]:
        """Names of all members."""
        return [ABOUT, *self.about()["members"].values()]

    def read(self, name: str) -> Member:
        """The member of that name; :class:`KeyError` for one that is none."""
        makers: dict[str, Callable[[], bytes]] = {
            ABOUT: lambda: _json(self.about()),
            "sound.wav": lambda: self._sound[0],
            "energy.json": lambda: _json(self._layers[0]),
            "directions.json": lambda: _json(self._layers[1]),
        }
        return Member(makers[name](), _TYPES.get(name, "application/json"))

    def write_video(self, path: Path) -> None:
        """Write ``video.mp4``. Raises :class:`ItemError` where not one frame can be decoded."""
        source = self.source
        frames = read_frames(
            source.picture, source.reading, height=_HEIGHT, width=_WIDTH, fps=source.fps, start_s=self.begin_s,
            duration_s=self.length_s,
        )  # fmt: skip
        with ClipVideoWriter(path, _WIDTH, _HEIGHT, source.fps, gop=source.fps, crf=24, preset="ultrafast") as out:
            for frame in frames:
                out.write(frame)
        if not out.frames:
            raise ItemError("no-frames", f"{source.picture.name}: no frame could be decoded at {self.begin_s:.0f} s")

    @property
    def _frames(self) -> int:
        return max(1, round(self.length_s * self.source.fps))

    @cached_property
    def _foa(self) -> NDArray[np.float32]:
        source, samples = self.source, round(self.length_s * _RATE_HZ)
        found = np.zeros((4, samples), np.float32)
        if source.foa is not None and source.sound is not None:
            at = 0
            for block in read_sound(
                source.sound, source.foa, sample_rate_hz=_RATE_HZ, start_s=self.begin_s, duration_s=self.length_s
            ):
                block = np.nan_to_num(block[:, : samples - at])
                found[:, at : at + block.shape[1]] = block
                at += block.shape[1]
        return found

    @cached_property
    def _sound(self) -> tuple[bytes, float]:
        return sound_wav(self._foa, _RATE_HZ)

    @cached_property
    def _layers(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return sound_layers(self._foa, _RATE_HZ)


class SegmentFiles:
    """Members of pieces as files in a folder of this process, made once and by one request at a time."""

    def __init__(self, folder: Path, most_bytes: int = _MOST_BYTES) -> None:
        self._folder, self._most = folder, most_bytes
        self._lock = threading.Lock()
        self._busy: dict[Path, threading.Lock] = {}
        self._held: OrderedDict[Path, int] = OrderedDict()
        self._forgotten: Set[str] = frozenset()

    def forget(self, videos: Set[str]) -> None:
        """Delete what there is of some videos, and make nothing of them any more."""
        with self._lock:
            self._forgotten |= videos
            for path in [path for path in self._held if path.parts[-3] in videos]:
                del self._held[path]
        for video in videos:
            shutil.rmtree(self._folder / video, ignore_errors=True)

    def get(self, segment: SourceSegment, name: str) -> tuple[Path, str]:
        """A file with a member, and what it is. Raises :class:`KeyError` for one that is none or was forgotten."""
        if name != "video.mp4" and name not in (ABOUT, "sound.wav", "energy.json", "directions.json"):
            raise KeyError(name)
        if segment.source.video in self._forgotten:
            raise KeyError(name)
        path = self._folder / segment.source.video / f"{segment.number:05d}" / name
        with self._only_one(path):
            if not path.is_file():
                if name == "video.mp4":
                    atomic_write(path, segment.write_video)
                else:
                    data = segment.read(name).data
                    atomic_write(path, lambda partial: partial.write_bytes(data))
            if segment.source.video in self._forgotten:  # even while this was made
                shutil.rmtree(path.parents[1], ignore_errors=True)
                raise KeyError(name)
            self._keep(path)
        return path, _TYPES.get(name, "application/json")

    @contextmanager
    def _only_one(self, path: Path) -> Iterator[None]:
        with self._lock:
            lock = self._busy.setdefault(path, threading.Lock())
        with lock:
            yield

    def _keep(self, path: Path) -> None:
        with self._lock:
            self._held[path] = path.stat().st_size
            self._held.move_to_end(path)
            while sum(self._held.values()) > self._most and len(self._held) > 1:
                oldest, _ = self._held.popitem(last=False)
                oldest.unlink(missing_ok=True)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
