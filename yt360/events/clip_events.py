"""The events of one clip in one file: a zip of DCASE's CSV and of a JSON with everything that is known.

``events.csv``: ``frame,class,event,azimuth,elevation`` without a header, as DCASE's tools read it (frames of a tenth of
a second, whole degrees). ``events.json``: the same directions to a tenth of a degree, with diffuseness, level,
confidence, names, and the panoptic segments under the directions. Equal events give equal bytes.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yt360.errors import ItemError
from yt360.events.settings import FRAME_S, FRAMES_PER_S
from yt360.files import parse_json

CSV, INDEX = "events.csv", "events.json"
FORMAT, VERSION = "yt360-events", 1

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LARGEST = 1 << 26
_MOST_FRAMES = 1_000_000

_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, OSError,
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """One sound of a clip, from ``first_frame`` on; tuples have one value a frame of a tenth of a second.

    ``azimuth_deg`` counter-clockwise from the front, in [-180, 180); ``elevation_deg`` up; ``diffuseness`` and
    ``confidence`` in [0, 1]; ``level_db`` re full scale (see :class:`yt360.events.finding.FoundEvent`). ``segment``:
    the id of the panoptic segment under the direction, 0 for none; empty where the clip has no maps. ``label`` is what
    the tagger heard (``other``: nothing that it knows), with its ``class_id`` and ``probability``; ``category`` what is
    seen under most of the frames, and under which share of them.
    """

    first_frame: int
    azimuth_deg: tuple[float, ...]
    elevation_deg: tuple[float, ...]
    diffuseness: tuple[float, ...]
    level_db: tuple[float, ...]
    confidence: tuple[float, ...]
    label: str = "other"
    class_id: int = 0
    probability: float = 0.0
    segment: tuple[int, ...] = ()
    category: str = ""
    category_share: float = 0.0

    def __len__(self) -> int:
        return len(self.azimuth_deg)

    @property
    def start_s(self) -> float:
        """Seconds from the clip's beginning."""
        return round(self.first_frame * FRAME_S, 3)

    @property
    def end_s(self) -> float:
        """Seconds from the clip's beginning."""
        return round((self.first_frame + len(self)) * FRAME_S, 3)

    def at(self, time_s: float) -> int | None:
        """The event's own number of the frame at a time in the clip, ``None`` where it does not sound."""
        number = math.floor(time_s * FRAMES_PER_S + 1e-6) - self.first_frame
        return number if 0 <= number < len(self) else None


_PER_FRAME = ("azimuth_deg", "elevation_deg", "diffuseness", "level_db", "confidence")
_PER_EVENT = {"label": str, "class_id": int, "probability": float, "category": str, "category_share": float}


@dataclass(frozen=True)
class ClipEvents:
    """All events of a clip, in order of their beginnings; ``frames`` tenths of a second; ``info`` says who heard
    them."""

    clip: str
    frames: int
    events: tuple[Event, ...]
    info: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.events)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each event and frame: ``event``, ``frame``, ``time_s``, directions, names (for a data frame)."""
        return [
            {
                "event": number,
                "frame": event.first_frame + at,
                "time_s": round((event.first_frame + at) * FRAME_S, 3),
                **{name: getattr(event, name)[at] for name in _PER_FRAME},
                "label": event.label,
                "segment": event.segment[at] if event.segment else None,
            }
            for number, event in enumerate(self.events)
            for at in range(len(event))
        ]

    def to_csv(self) -> str:
        """DCASE's table of a clip, in order of frames."""
        rows = sorted(
            (event.first_frame + at, event.class_id, number, _whole_deg(event.azimuth_deg[at]), event.elevation_deg[at])
            for number, event in enumerate(self.events)
            for at in range(len(event))
        )
        return "".join(f"{f},{label},{number},{azimuth},{round(up)}\n" for f, label, number, azimuth, up in rows)

    def to_bytes(self) -> bytes:
        """The file of these events."""
        value = {
            "format": FORMAT,
            "version": VERSION,
            "clip": self.clip,
            "frames_per_s": FRAMES_PER_S,
            "frames": self.frames,
            "info": dict(self.info),
            "events": [_event_json(event) for event in self.events],
        }
        index = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in ((CSV, self.to_csv()), (INDEX, index)):
                entry = zipfile.ZipInfo(name, _EPOCH)  # nothing of when, where or by whom it was made
                entry.compress_type = zipfile.ZIP_STORED  # versions of zlib compress differently
                entry.create_system = 3
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, text)
        return buffer.getvalue()


def no_events_bytes() -> bytes:
    """What stands for the events of a clip that could not be listened to, where others have some: an empty list."""
    return ClipEvents("", 0, (), {"description": "nobody looked for events in this clip"}).to_bytes()


def read_clip_events(data: bytes, where: str = "events") -> ClipEvents:
    """The events in a file. Raises :class:`ItemError` (``corrupt-events``) when it is not one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo(INDEX).file_size > _LARGEST:
                raise ValueError(f"{INDEX} states {archive.getinfo(INDEX).file_size} bytes")
            value = parse_json(archive.read(INDEX))
        if value["format"] != FORMAT or value["version"] != VERSION or value["frames_per_s"] != FRAMES_PER_S:
            raise ValueError(f"{value['format']!r} version {value['version']!r}")
        frames = int(value["frames"])
        if not 0 <= frames <= _MOST_FRAMES:
            raise ValueError(f"{frames} frames")
        events = tuple(_event(each, frames) for each in value["events"])
        return ClipEvents(str(value["clip"]), frames, events, dict(value["info"]))
    except _DAMAGE as error:
        raise ItemError("corrupt-events", f"{where}: expected a zip of events, found: {error!r}") from error


def _event_json(event: Event) -> dict[str, Any]:
    columns = {name: list(getattr(event, name)) for name in (*_PER_FRAME, "segment")}
    return {"first_frame": event.first_frame, **{name: getattr(event, name) for name in _PER_EVENT}, **columns}


def _event(value: Mapping[str, Any], frames: int) -> Event:
    columns: dict[str, Any] = {name: tuple(_number(each) for each in value[name]) for name in _PER_FRAME}
    columns["segment"] = tuple(int(each) for each in value["segment"])
    named = {name: kind(value[name]) for name, kind in _PER_EVENT.items()}
    event = Event(first_frame=int(value["first_frame"]), **columns, **named)
    lengths = {len(columns[name]) for name in _PER_FRAME} | ({len(event.segment)} if event.segment else set())
    if lengths != {len(event)} or not len(event) or not 0 <= event.first_frame <= frames - len(event):
        raise ValueError(f"an event of {sorted(lengths)} frames from {event.first_frame} on, in a clip of {frames}")
    return event


def _number(value: Any) -> float:
    if not math.isfinite(number := float(value)):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _whole_deg(azimuth_deg: float) -> int:
    """In [-180, 180)."""
    return (round(azimuth_deg) + 180) % 360 - 180
