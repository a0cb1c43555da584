"""Manifests: what a root holds, as typed tables that training and people read.

Made from the ledger, so equal records give equal bytes. What a shard holds that itself waits, or whose clips wait, is
not in the newest records any more: its rows stay as they were published. The columns are those of
:mod:`yt360.dataset.schema`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yt360.dataset.schema import CLIPS, MANIFESTS, arrow
from yt360.engine.stage import ChildEntry
from yt360.engine.state import ledger
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import Record
from yt360.engine.storage import Root
from yt360.files import atomic_write, atomic_write_text
from yt360.hashing import digest_bytes, digest_file
from yt360.publishing import events_table, shard_card, shard_index, variants
from yt360.publishing.earlier import Earlier
from yt360.stages.shard import MEMBERS, Shard, clips_to_store, is_our_tar

_PUBLISHED = "published.txt"
_DIGESTED = ("video", "foa", "panoptic", "events")
"""Members of a clip whose digests the manifest has."""

_SCHEMAS = {name: arrow(MANIFESTS[name]) for name in ("videos", "events", "clips", "shards", "variants")}


def publish(catalog: DatasetState, *, judged: bool = True) -> None:
    """Bring ``manifests/``, ``shards/shards.json`` and the cards for Hugging Face in line with the ledger.

    Where the stages are not ``judged`` (the root's recipe is lost), verdicts on videos stay as they were published.

    Whatever is already right is not touched. Shards come first, then the tables that speak of them,
    the index last: who sees the index finds everything it names.
    """
    root = catalog.root
    rows = build(catalog)
    if not judged:
        rows["videos"] = Earlier(catalog).videos()
    tables = {name: pa.Table.from_pylist(rows[name], schema=_SCHEMAS[name]) for name in rows}
    digest = _digest(tables)
    if _published(root) == _fingerprint(root, digest):
        return
    _remove_stale_shards(catalog, {row["shard"] for row in rows["shards"]})
    for name, table in tables.items():
        _write(root.manifests / f"{name}.parquet", table)
    for name in _SCHEMAS.keys() - tables.keys():
        (root.manifests / f"{name}.parquet").unlink(missing_ok=True)
    if "shard" in catalog.stages:
        shard_index.write(root, rows["shards"])
        splits = sorted({row["split"] for row in rows["shards"]})
        records = catalog.passing("shard").values()
        shard_card.write(root, splits, shard_card.members_of(records, rows["clips"]))
    atomic_write_text(root.state / _PUBLISHED, _fingerprint(root, digest))


def _shards(root: Root) -> Path:
    return root.path / str(Shard.flat_folder)


def _published(root: Root) -> str:
    path = root.state / _PUBLISHED
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _digest(tables: Mapping[str, pa.Table]) -> str:
    """Digest of the rows of all tables."""
    sink = pa.BufferOutputStream()
    for table in tables.values():
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return digest_bytes(sink.getvalue().to_pybytes())


def _fingerprint(root: Root, digest: str) -> str:
    """Digests of the rows and of the files that hold them: equal means that there is nothing to write."""
    return " ".join([digest, *(digest_file(path) if path.is_file() else "" for path in _files(root))])


def _files(root: Root) -> list[Path]:
    tables = [root.manifests / f"{name}.parquet" for name in _SCHEMAS]
    return [*tables, shard_index.path(root), *shard_card.paths(root)]


def holding(catalog: DatasetState, videos: Collection[str], shards: Collection[str]) -> list[Path]:
    """Files that :func:`publish` writes again when ``videos`` and what ``shards`` hold of them go."""
    cards = shard_card.paths(catalog.root)  # they name no video
    there = [path for path in _files(catalog.root) if path.is_file() and path not in cards]
    known = {str(row["video"]) for row in Earlier(catalog).videos()} if there else set()
    joining = (catalog.records(name) for name, stage in catalog.stages.items() if stage.flat_folder)
    joined = [records[name] for records in joining for name in shards if name in records]
    made = [catalog.root.path / blob.uri for record in joined for _, blob in record.blobs()]
    return [*(path for path in made if path.is_file()), *(there if shards or known.intersection(videos) else [])]


def build(catalog: DatasetState) -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables, in order of their first column; of events only where the recipe makes them."""
    shards = catalog.passing("shard") if "shard" in catalog.stages else {}
    sides = catalog.passing("split") if "split" in catalog.stages else {}
    earlier = Earlier(catalog)
    stored = clips_to_store(catalog) if shards else {}
    clips = {row["clip"]: row for row in _clips(catalog, shards, stored, earlier)}
    made = [
        {
            "shard": f"{name}.tar",
            "split": name.rpartition("-")[0],
            "clips": record.measures["clips"],
            "bytes": record.outputs["tar"].size,
            "digest": record.outputs["tar"].digest,
        }
        for name, record in shards.items()
    ]
    waiting = earlier.waiting_shards() if "shard" in catalog.stages else {}
    holding = set()
    for row in earlier.clips_of(waiting):
        holding.add(clips.setdefault(row["clip"], row)["shard"])
    ordered = [clips[name] for name in sorted(clips)]
    events = {"events": list(events_table.rows(catalog, ordered, earlier))} if events_table.wanted(catalog) else {}
    found = list(variants.rows(shards, stored, earlier, ordered))
    further = {"variants": found} if found else {}
    return {
        "videos": list(_videos(catalog, sides)),
        **events,
        **further,
        "clips": ordered,
        "shards": sorted(made + [waiting[name] for name in holding & set(waiting)], key=lambda row: str(row["shard"])),
    }


def _clips(
    catalog: DatasetState, shards: Mapping[str, Record], clips: Mapping[str, ChildEntry], earlier: Earlier
) -> Iterator[dict[str, Any]]:
    if not shards:
        return
    maps = catalog.passing("segment") if "segment" in catalog.stages else {}
    annotated = catalog.passing("annotate") if "annotate" in catalog.stages else {}
    for name, record in shards.items():
        for member in record.measures["members"]:
            clip = clips.get(member["clip"])
            digests = {
                f"{output}_digest": record.inputs[f"{member['clip']}.{output}"].digest
                for output in _DIGESTED
                if output in member
            }
            row: dict[str, Any] | None
            if clip is not None and all(
                output in clip.outputs and clip.outputs[output].digest == digests[f"{output}_digest"]
                for output in _DIGESTED
                if output in member
            ):
                row = {column.name: clip.meta[column.name] for column in CLIPS if column.name in clip.meta}
                if "panoptic" in member:
                    told = maps[clip.id].measures
                    row |= {f"panoptic_{fact}": told[fact] for fact in ("maps", "rate_hz", "model")}
                if "events" in member:
                    row["events"] = len(annotated[clip.id].measures["events"])
            else:
                row = earlier.clip(member["clip"], digests)
            if row is None:
                continue
            row |= {"shard": f"{name}.tar", "split": name.rpartition("-")[0], **digests}
            for output in MEMBERS:
                if output in member:
                    row[f"{output}_offset"], row[f"{output}_size"] = member[output]
            yield row


def _videos(catalog: DatasetState, sides: Mapping[str, Record]) -> Iterator[dict[str, Any]]:
    kinds = catalog.gates.kinds
    for video in sorted(catalog.entries("crawl")) if "crawl" in catalog.stages else ():
        row: dict[str, Any] = {"video": video, "status": "waiting", "clips": 0}
        measures: list[str] = []
        for stage in catalog.stages:
            if kinds[stage] != kinds["crawl"]:  # its items are clips or shards
                continue
            standing = catalog.entries(stage).standing(video)
            if standing is None:
                break
            state, record = standing
            row |= {"status": "kept" if state == "done" else state, "stage": stage}
            if record is not None and stage == "crawl":
                row |= {name: record.measures.get(name) for name in _FROM_CRAWL}
            if record is None or state in ("waiting", "undecided"):
                row["status"] = "waiting"
                break
            row |= {"reason": record.reason or record.kind or None, "detail": record.detail or record.error or None}
            if stage != "crawl" and (text := record.text("measures")) != "{}":
                measures.append(f"{json.dumps(stage)}: {text}")  # not read: there may be ten thousand of them
            if stage == "validate":
                row |= {name: record.measures.get(name) for name in _FROM_VALIDATE}
                row["ambisonics"] = _ambisonics(record)
                row["head_locked"] = record.measures.get("head_locked_db") is not None
            if stage == "chunk":
                row["clips"] = len(record.children)
                row["shots"] = record.measures.get("shots")
            if state != "done":
                break
        if video in sides:
            row["split"] = sides[video].measures["split"]
        row["measures"] = "{" + ", ".join(measures) + "}"
        yield row


def _ambisonics(record: Record) -> str | None:
    """The verdict on the sound in one word; ``None`` where there was nothing to judge."""
    if record.reason in ("invalid-ambisonics", "uncertain-ambisonics"):
        return record.reason.partition("-")[0]
    if not record.measures.get("ambisonics"):
        return None
    return "repaired" if record.measures.get("repaired") else "valid"


_FROM_CRAWL = ("title", "url", "channel", "license", "upload_date")
_FROM_VALIDATE = (
    "duration_s",
    "projection",
    "stereo",
    "width",
    "height",
    "fps",
    "video_codec",
    "audio_codec",
    "audio_channels",
    "convention",
    "horizontal_only",
)
"""Measures that have a column of their own."""


def _write(path: Path, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    data = sink.getvalue().to_pybytes()
    if not path.is_file() or path.read_bytes() != data:
        atomic_write(path, lambda partial: partial.write_bytes(data))


def _remove_stale_shards(catalog: DatasetState, current: set[str]) -> None:
    """Shards that no longer hold a clip; those that are still to be made are not in the folder at all."""
    if "shard" not in catalog.stages or not (catalog.root.store or _shards(catalog.root).is_dir()):
        return
    if catalog.entries("shard").rows("waiting", "undecided", "failed").size:
        return
    recorded = list(catalog.records("shard"))
    if stale := frozenset(name for name in recorded if f"{name}.tar" not in current):
        # First: a shard of the same name and clips that is wanted later must not be taken for written.
        ledger.forget(catalog.root.ledger / "shard", stale)
        catalog.forget("shard")
    if catalog.root.store:  # what lies in a store is known from the ledger, not from a listing
        for name in sorted(stale):
            catalog.root.remove(_shards(catalog.root) / f"{name}.tar")
        return
    known = {f"{name}.tar" for name in recorded} | shard_index.named(catalog.root)
    for path in _shards(catalog.root).glob("*.tar"):
        if path.name not in current and (path.name in known or is_our_tar(path)):
            path.unlink()


def check_manifests(catalog: DatasetState) -> list[str]:
    """What is wrong with the manifests and the index, in words; the next run writes them anew."""
    problems = []
    expected = build(catalog)
    _, *digests = _published(catalog.root).split(" ")
    recorded = dict(zip(_files(catalog.root), digests, strict=False))
    for name, schema in _SCHEMAS.items():
        path = catalog.root.manifests / f"{name}.parquet"
        if name not in expected:
            if path.is_file():
                problems.append(f"{path}: expected no such table, for there are no {name}; found one")
            continue
        if path.is_file() and recorded.get(path) == digest_file(path):
            continue  # as it was published; where stages wait since (of a newer version), a run brings it up to date
        table = pa.Table.from_pylist(expected[name], schema=schema)
        try:
            found = pq.read_table(path)
            if found.schema != schema or found.num_rows != table.num_rows:
                problems.append(
                    f"{path}: expected {table.num_rows} rows of the documented columns, found {found.num_rows} rows"
                )
            elif not found.equals(table) or recorded.get(path):
                problems.append(f"{path}: expected the content that the ledger gives, found another")
        except (OSError, ValueError, pa.ArrowException) as error:
            found_here = str(error) if path.is_file() else "no such file"
            problems.append(f"{path}: expected a manifest with {table.num_rows} rows, found: {found_here}")
    for path in shard_card.paths(catalog.root):
        found_digest = digest_file(path) if path.is_file() else "none"
        if recorded.get(path) not in (None, "", found_digest) and not shard_card.is_own(path):
            problems.append(f"{path}: expected the card that was written, found another or none")
    if "shard" in catalog.stages and (problem := shard_index.problem(catalog.root, expected["shards"])):
        problems.append(problem)
    return problems
