"""The file of a clip's events: what is written is read, and what is damaged is refused."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import pytest

from yt360.errors import ItemError
from yt360.events.clip_events import ClipEvents, Event, no_events_bytes, read_clip_events

EVENT = Event(
    2, (179.6, -180.0, 0.4), (1.5, 2.5, -3.4), (0.1, 0.2, 1.0), (-20.0, -30.5, -120.0), (0.9, 0.8, 0.0),
    label="speech", class_id=4, probability=0.75, segment=(3, 0, 3), category="person", category_share=0.667,
)  # fmt: skip
CLIP = ClipEvents("a-00000", 10, (EVENT, replace(EVENT, first_frame=0, class_id=1, segment=())), {"tagger": "x"})


def test_what_is_written_is_read() -> None:
    assert read_clip_events(CLIP.to_bytes()) == CLIP


def test_equal_events_give_equal_bytes() -> None:
    assert CLIP.to_bytes() == read_clip_events(CLIP.to_bytes()).to_bytes()


def test_the_csv_is_in_order_of_frames_and_in_whole_degrees() -> None:
    """-180 and not 180: DCASE's azimuths lie in [-180, 180)."""
    assert CLIP.to_csv().splitlines() == [
        "0,1,1,-180,2", "1,1,1,-180,2", "2,1,1,0,-3", "2,4,0,-180,2", "3,4,0,-180,2", "4,4,0,0,-3",
    ]  # fmt: skip


def test_rows_have_one_moment_each() -> None:
    rows = CLIP.rows()
    assert len(rows) == 6
    assert rows[1] == {
        "event": 0, "frame": 3, "time_s": 0.3, "azimuth_deg": -180.0, "elevation_deg": 2.5, "diffuseness": 0.2,
        "level_db": -30.5, "confidence": 0.8, "label": "speech", "segment": 0,
    }  # fmt: skip
    assert rows[3]["segment"] is None


@pytest.mark.parametrize(("time_s", "number"), [(0.19, None), (0.2, 0), (0.3, 1), (0.49, 2), (0.5, None)])
def test_a_moment_lies_in_a_frame_of_the_event(time_s: float, number: int | None) -> None:
    assert EVENT.at(time_s) == number
    assert (EVENT.start_s, EVENT.end_s) == (0.2, 0.5)


def test_what_stands_for_no_events_reads_as_none() -> None:
    none = read_clip_events(no_events_bytes())
    assert (none.events, none.frames) == ((), 0)


def _changed(**changes: object) -> bytes:
    with zipfile.ZipFile(io.BytesIO(CLIP.to_bytes())) as archive:
        value = json.loads(archive.read("events.json"))
    for name, change in changes.items():
        (value if name in value else value["events"][0])[name] = change
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("events.json", json.dumps(value))
    return buffer.getvalue()


DAMAGED = {
    "nothing": b"",
    "no zip": b"PK" + b"\0" * 100,
    "cut short": CLIP.to_bytes()[:-30],
    "another format": _changed(format="x"),
    "a later version": _changed(version=2),
    "another rate": _changed(frames_per_s=50),
    "frames that cannot be": _changed(frames=-1),
    "behind the end": _changed(first_frame=8),
    "before the beginning": _changed(first_frame=-1),
    "columns of two lengths": _changed(level_db=[1.0]),
    "segments of another length": _changed(segment=[1]),
    "no number": _changed(azimuth_deg=[1.0, float("nan"), 2.0]),
    "words": _changed(azimuth_deg=["left", "left", "left"]),
    "an event without frames": _changed(
        azimuth_deg=[], elevation_deg=[], diffuseness=[], level_db=[], confidence=[], segment=[]
    ),
    "no events": _changed(events=7),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_what_is_damaged_is_an_item_error(damage: str) -> None:
    with pytest.raises(ItemError, match="clip x: expected a zip of events, found") as error:
        read_clip_events(DAMAGED[damage], "clip x")
    assert error.value.kind == "corrupt-events"


def test_the_last_frame_of_a_clip_may_be_an_events_last() -> None:
    assert read_clip_events(_changed(first_frame=7)).events[0].end_s == 1.0
