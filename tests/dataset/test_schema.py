from __future__ import annotations

import pytest

from tests import CHECKOUT
from yt360.dataset.schema import CLIPS, MANIFESTS, arrow, markdown


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_reference_shows_the_columns_that_are_written(name: str) -> None:
    text = (CHECKOUT / "manifests" / "README.md").read_text(encoding="utf-8")
    assert f"## `{name}.parquet`" in text
    assert markdown(MANIFESTS[name]) in text, "write the table of manifests/README.md anew from yt360.dataset.schema"


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_column_is_named_once_and_described(name: str) -> None:
    names = arrow(MANIFESTS[name]).names
    assert len(names) == len(set(names))
    assert all(column.description.strip() for column in MANIFESTS[name])


def test_what_readers_of_clips_cannot_do_without() -> None:
    needed = [column.name for column in CLIPS if column.needed]
    assert needed == [
        "clip", "video", "split", "shard", "video_offset", "video_size", "foa_offset", "foa_size", "frames", "fps",
        "height", "width", "samples", "sample_rate_hz", "convention", "video_digest", "foa_digest",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("videos", ["video"]),
        ("shards", ["shard"]),
        ("events", ["clip", "event", "video", "split", "start_s", "end_s", "azimuth_deg", "elevation_deg"]),
    ],
)
def test_what_readers_of_other_tables_cannot_do_without(name: str, wanted: list[str]) -> None:
    assert [column.name for column in MANIFESTS[name] if column.needed] == wanted
