"""Shards of a root whose recipe makes none any more, or is lost: no clip comes to them, and only what goes leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from yt360.engine.stage import DatasetView, Item
from yt360.stages.shard import Shard


class ShardsAsTheyLie(Shard):
    """Plans what was written, without the clips in ``gone`` and those that the remembered plan has lost."""

    gone: Collection[str] = frozenset()

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        _, remembered = self._remembered(dataset)
        for shard, record in sorted(dataset.records(self.name).items()):
            there = set(remembered.get(shard, () if remembered else record.meta["clips"])) - set(self.gone)
            clips = [clip for clip in record.meta["clips"] if clip in there]
            if not clips:
                continue
            inputs = {name: blob for name, blob in record.inputs.items() if name.partition(".")[0] in there}
            meta: dict[str, Any] = {"clips": clips}
            lacked = record.meta.get("stood_for", ())
            if lacking := [output for output in lacked if any(f"{clip}.{output}" not in inputs for clip in clips)]:
                meta["stood_for"] = lacking
            yield Item(id=shard, source_id=record.source, inputs=inputs, meta=meta)
