"""Rows of ``variants.parquet``: where further pictures and sounds of clips lie, and what they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from yt360.engine.stage import ChildEntry
from yt360.engine.state.ledger import Record
from yt360.publishing.earlier import Earlier
from yt360.stages.shard_members import extensions, is_variant

Row = dict[str, Any]


def rows(
    shards: Mapping[str, Record], clips: Mapping[str, ChildEntry], earlier: Earlier, kept: Iterable[Row]
) -> Iterator[Row]:
    """The rows of the variants of all clips in ``kept`` (rows of the clip manifest), in order of clip and member.

    ``clips`` are those of today; of others, and of shards that wait, it is said what was published.
    """
    members = {
        (f"{name}.tar", member["clip"]): (member, record)
        for name, record in shards.items()
        for member in record.measures["members"]
        if any(is_variant(output) for output in member)
    }
    for row in sorted(kept, key=lambda row: str(row["clip"])):
        clip, shard = row["clip"], row["shard"]
        if shard.removesuffix(".tar") not in shards:
            yield from earlier.variants_of(clip, shard)
        if (shard, clip) not in members:
            continue
        member, record = members[shard, clip]
        for output, extension in extensions(name for name in member if is_variant(name)).items():
            digest = record.inputs[f"{clip}.{output}"].digest
            entry = clips.get(clip)
            if entry is not None and output in entry.outputs and entry.outputs[output].digest == digest:
                facts = dict(entry.meta["variants"][output])
            else:
                facts = earlier.variant_facts(clip, extension, digest)
            offset, size = member[output]
            place = {"shard": shard, "offset": offset, "size": size, "digest": digest}
            yield {**facts, "clip": clip, "member": extension, **place}
