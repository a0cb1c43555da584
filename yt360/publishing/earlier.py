"""What the manifests said before: the rows of shards that wait, and of clips that wait inside a shard."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yt360.dataset.schema import MANIFESTS, arrow
from yt360.engine.state.dataset_state import DatasetState
from yt360.stages.shard import Shard

Row = dict[str, Any]


class Earlier:
    """Reads the published tables when something is asked of them; damaged ones say nothing."""

    def __init__(self, catalog: DatasetState) -> None:
        self._catalog = catalog

    def waiting_shards(self) -> dict[str, Row]:
        """File name -> row of each shard that is to be written again or to go, and is still there as it was published.

        While any waits, those that no plan holds any more stay too: their clips may be in one that is not written yet.
        """
        entries = self._catalog.entries("shard")
        if not entries.rows("waiting", "undecided", "failed").size:
            return {}
        found = {}
        records = self._catalog.records("shard")
        for row in self._read("shards"):
            name = row["shard"].removesuffix(".tar")
            standing, record = entries.standing(name), records.get(name)
            stands = standing is not None and standing[0] == "done"
            if not stands and not (record is not None and record.status == "damaged") and self._is_whole(row):
                found[row["shard"]] = row
        return found

    def videos(self) -> list[Row]:
        """Rows of the videos that are still part of the dataset."""
        known = self._catalog.entries(next(iter(self._catalog.stages)))
        return [row for row in self._read("videos") if row["video"] in known]

    def clips_of(self, shards: Collection[str]) -> Iterator[Row]:
        """Rows of the clips that lie in some shards, of videos that are still part of the dataset."""
        if not shards:
            return
        videos = self._catalog.entries(next(iter(self._catalog.stages)))
        for row in self._clips.values():
            if row["shard"] in shards and row["video"] in videos:
                yield dict(row)

    def clip(self, name: str, digests: Mapping[str, str]) -> Row | None:
        """The row of a clip, where it was made of files of these digests."""
        row = self._clips.get(name)
        if row is None or any(row[column] != digest for column, digest in digests.items()):
            return None
        return dict(row)

    def events_of(self, name: str) -> list[Row]:
        """The rows of a clip's events."""
        return self._events.get(name, [])

    def variants_of(self, clip: str, shard: str) -> list[Row]:
        """Rows of the variants of a clip that lie in a shard."""
        return [dict(row) for row in self._variants.get(clip, ()) if row["shard"] == shard]

    def variant_facts(self, clip: str, member: str, digest: str) -> Row:
        """What was published of a variant, where it was this file; empty where nothing was."""
        found = (row for row in self._variants.get(clip, ()) if row["member"] == member and row["digest"] == digest)
        return dict(next(found, {}))

    @functools.cached_property
    def _variants(self) -> Mapping[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self._read("variants"):
            found.setdefault(row["clip"], []).append(row)
        return found

    @functools.cached_property
    def _clips(self) -> Mapping[str, Row]:
        return {row["clip"]: row for row in self._read("clips")}

    @functools.cached_property
    def _events(self) -> Mapping[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self._read("events"):
            found.setdefault(row["clip"], []).append(row)
        return found

    def _read(self, name: str) -> list[Row]:
        """The rows of a table; columns that an older version did not know are empty."""
        schema = arrow(MANIFESTS[name])
        try:
            table = pq.read_table(self._catalog.root.manifests / f"{name}.parquet", use_threads=False)
            table.validate(full=True)  # texts are not decoded before they are looked at
            known = pa.schema([field for field in schema if field.name in table.column_names])
            if table.schema != known or any(c.needed and c.name not in known.names for c in MANIFESTS[name]):
                return []
        except (OSError, ValueError, pa.ArrowException):
            return []
        absent = dict.fromkeys(field.name for field in schema if field.name not in known.names)
        return [absent | row for row in table.to_pylist()]

    def _is_whole(self, row: Row) -> bool:
        """Whether a shard's file is there and as long as it was; in a store its name is believed."""
        root = self._catalog.root
        path = root.path / str(Shard.flat_folder) / row["shard"]
        return root.store is not None or (path.is_file() and bool(path.stat().st_size == row["bytes"]))
