"""Writes a release into a folder: whole or not at all, and the same bytes from the same root."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from yt360 import process_tag
from yt360.crawling.removed_ids import Tombstones
from yt360.dataset.schema import CLIPS, EVENTS, SHARDS, VARIANTS, Column, arrow
from yt360.engine.storage import Root
from yt360.errors import UsageError
from yt360.files import fsync_path, raise_if_disk_full
from yt360.hashing import digest_file
from yt360.release.card import about, card
from yt360.release.contents import Contents
from yt360.release.croissant import croissant
from yt360.release.packing import Packed, jobs, pack_all
from yt360.release.schema import FINGERPRINTS, LISTED, RELEASED_VIDEOS
from yt360.stages.shard import MEMBERS

SUMS = "SHA256SUMS"
"""One line a file, as ``sha256sum -c`` reads it; it does not list itself."""

Said = Callable[[int, int, str], None]


def write_release(contents: Contents, root: Root, out: Path, *, workers: int = 1, said: Said | None = None) -> Path:
    """Write the release to ``out``, a folder that is new or empty. Raises :class:`UsageError` where it is not, and
    where it lies in the root: what takedowns do not reach must not look like a part of it.

    It is made beside ``out`` and gets its name when all of it is there.
    """
    out = out.expanduser().absolute()
    if root.store is None and out.resolve().is_relative_to(root.path.resolve()):
        raise UsageError(
            f"{out}: expected a folder outside of the root, whose takedowns do not reach a release, found one in it"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"{out}: expected a folder that is new or empty, found {'files in it' if out.is_dir() else 'a file'}; "
            "a release is never written over what is there: give another --out"
        )
    partial = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}{process_tag.mark()}.partial")
    for left in out.parent.glob(f".{glob.escape(out.name)}.*.partial"):
        if process_tag.is_gone(left.name):  # it was killed; what it held may be taken down since
            shutil.rmtree(left, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        _fill(partial, contents, root, workers, said or (lambda *_: None))
        if set(Tombstones(root.state).held) - set(contents.takedowns):
            raise UsageError(f"{root.url}: a video was taken down meanwhile; make the release again")
        if out.is_dir():
            out.rmdir()
        os.replace(partial, out)
        fsync_path(out.parent)
    except OSError as error:
        raise_if_disk_full(error, out)
        raise UsageError(f"{out}: expected a folder that can be written, found: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return out


def _fill(folder: Path, contents: Contents, root: Root, workers: int, said: Said) -> None:
    media = contents.wanted.media
    todo = jobs(root, contents.clips, folder, media=media, variants=contents.variants)
    packed = list(pack_all(todo, workers, said))
    prints = {row["clip"]: row for each in packed for row in each.fingerprints}
    for split in contents.splits:
        rows = contents.of_split(split)
        _write(folder / "clips" / f"{split}.parquet", rows, LISTED)
        _write(folder / "fingerprints" / f"{split}.parquet", [prints[row["clip"]] for row in rows], FINGERPRINTS)
    _write(folder / "manifests" / "videos.parquet", contents.videos, RELEASED_VIDEOS)
    if contents.events is not None:
        _write(folder / "manifests" / "events.parquet", contents.events, EVENTS)
    if media:
        _write_manifests(folder, contents, packed)
    stones = [
        {"id": stone.id, "video": stone.video, "address": stone.address, "removed": stone.removed}
        for stone in contents.takedowns
    ]
    _text(folder / "takedowns.jsonl", "".join(json.dumps(stone, ensure_ascii=False) + "\n" for stone in stones))
    _text(folder / "release.json", json.dumps(contents.to_json(), indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    members = _members(contents) if media else {}
    described = croissant(contents, _sums(folder), members, about(contents))
    _text(folder / "croissant.json", json.dumps(described, indent=1, ensure_ascii=False) + "\n")
    facts = frozenset().union(*(each.facts for each in packed))
    sizes = {name: (folder / name).stat().st_size for name in _sums(folder, hashed=False)}
    _text(folder / "README.md", card(contents, sizes, members, facts))
    _text(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in _sums(folder).items()))


def _members(contents: Contents) -> dict[str, str]:
    """The members that some clip has: output -> extension."""
    usual = {
        output: extension
        for output, extension in MEMBERS.items()
        if any(row.get(f"{output}_size") is not None for row in contents.clips)
    }
    return usual | {
        member.rpartition(".")[0]: member for member in sorted({row["member"] for row in contents.variants})
    }


def _write_manifests(folder: Path, contents: Contents, packed: Sequence[Packed]) -> None:
    """The manifests by which ``yt360.open`` and training read a release with media."""
    rows = {row["clip"]: row for row in contents.clips}
    clips: list[Mapping[str, Any]] = []
    shards: list[Mapping[str, Any]] = []
    variants: list[Mapping[str, Any]] = []
    for each in packed:
        path = each.job.shard
        assert path is not None
        for clip, places in each.places.items():
            new = {
                f"{output}_{what}": places[extension][k]
                for output, extension in MEMBERS.items()
                if extension in places
                for k, what in enumerate(_PLACE)
            }
            clips.append(rows[clip] | new | {"shard": path.name})
            for row in each.job.variants.get(clip, ()):
                offset, size = places[str(row["member"])]
                variants.append({**row, "shard": path.name, "offset": offset, "size": size})
        told = {"clips": len(each.places), "bytes": path.stat().st_size, "digest": digest_file(path)}
        shards.append({"shard": path.name, "split": path.stem.rpartition("-")[0], **told})
    _write(folder / "manifests" / "clips.parquet", sorted(clips, key=lambda row: str(row["clip"])), CLIPS)
    if variants:
        in_order = sorted(variants, key=lambda row: (str(row["clip"]), str(row["member"])))
        _write(folder / "manifests" / "variants.parquet", in_order, VARIANTS)
    _write(folder / "manifests" / "shards.parquet", sorted(shards, key=lambda row: str(row["shard"])), SHARDS)


_PLACE = ("offset", "size")


def _write(path: Path, rows: Sequence[Mapping[str, Any]], columns: tuple[Column, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = arrow(columns)
    known = [{name: row.get(name) for name in schema.names} for row in rows]
    pq.write_table(pa.Table.from_pylist(known, schema=schema), path, compression="zstd", write_page_checksum=True)
    fsync_path(path)


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    fsync_path(path)


def _sums(folder: Path, *, hashed: bool = True) -> dict[str, str]:
    """Path below the folder -> SHA-256 of each file, in order of names."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = _sha256(path) if hashed else ""
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
