"""Takes the released clips out of a root's shards: into shards of the release, their maps, and their fingerprints."""

from __future__ import annotations

import io
import multiprocessing
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yt360.dataset.manifest import clip_row
from yt360.engine.storage import Root
from yt360.errors import ItemError, UsageError, Yt360Error
from yt360.files import parse_json
from yt360.hashing import digest_bytes
from yt360.release.fingerprints import fingerprint, thinned, to_row
from yt360.release.licences import licence_of
from yt360.stages.shard import MEMBERS, Shard, read_members

Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One shard of a root: the ``rows`` that are released from it, in the order of the shard.

    ``variants``: rows of further pictures and sounds by clip.
    ``shard``: where the release's shard goes, ``maps``: where the tar of maps goes (``None``: none is written).
    """

    root: str
    source: str
    rows: Sequence[Mapping[str, Any]]
    shard: Path | None = None
    maps: Path | None = None
    variants: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Packed:
    """What became of a job: fingerprints by clip, places of members in the new shard by clip and extension."""

    job: Job
    fingerprints: list[Row] = field(default_factory=list)
    places: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    facts: frozenset[str] = frozenset()
    """Names in the clips' ``KEY.json``."""


def jobs(
    root: Root,
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    media: bool,
    variants: Sequence[Mapping[str, Any]] = (),
) -> list[Job]:
    """One job for each shard that rows lie in, and where its clips go below the ``folder`` of the release.

    Shards keep their numbers, so a later release of the same root has the same files under the same names. Raises
    :class:`UsageError` where shards of two splits would get one name.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((str(row["shard"]), str(row["split"])), []).append(row)
    further: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(variants, key=lambda row: str(row["member"])):
        further.setdefault(str(row["clip"]), []).append(row)
    found: dict[str, Job] = {}
    for (source, split), members in sorted(groups.items()):
        name = f"{split}-{Path(source).stem.rpartition('-')[2]}.tar"
        if name in found:
            raise UsageError(
                f"{root.url}: {found[name].source} and {source} would both be {name} in the release; "
                "name the split of one of them in another way"
            )
        found[name] = Job(
            str(root.path) if root.store is None else root.url,
            source,
            sorted(members, key=lambda row: int(row["foa_offset"])),
            folder / "shards" / name if media else None,
            None if media or not any(_has_maps(row) for row in members) else folder / "maps" / name,
            {row["clip"]: further[row["clip"]] for row in members if row["clip"] in further},
        )
    return list(found.values())


def _has_maps(row: Mapping[str, Any]) -> bool:
    """Whether a clip has maps that may be passed on without its picture, to which they are an adaptation."""
    return bool(row.get("panoptic_maps")) and licence_of(row.get("license")).shareable


def pack_all(todo: Sequence[Job], workers: int, said: Callable[[int, int, str], None]) -> Iterator[Packed]:
    """Pack every job, in order; ``said`` hears of each before it is waited for."""
    if workers < 2 or len(todo) < 2:
        for number, job in enumerate(todo):
            said(number, len(todo), job.source)
            yield pack(job)
        return
    # Not forked: libraries of this process have threads, and a fork inherits their locks.
    with ProcessPoolExecutor(min(workers, len(todo)), mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            for number, (job, made) in enumerate(zip(todo, pool.map(pack, todo), strict=True)):
                said(number + 1, len(todo), job.source)
                yield made
        except BrokenProcessPool as error:
            raise Yt360Error(
                "a worker process was ended while it packed a shard (is the memory full?); give fewer --workers"
            ) from error


def pack(job: Job) -> Packed:
    """Write what a job asks for. Raises :class:`Yt360Error` where a shard is not what the manifest says."""
    places: dict[str, dict[str, tuple[int, int]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        source = Root(job.root).fetch(f"{Shard.flat_folder}/{job.source}", Path(scratch))
        try:
            with source.open("rb") as stream, _Tar(job.shard) as shard, _Tar(job.maps) as maps:
                prints, facts = _copy(job, stream, shard, maps)
        except OSError as error:
            raise Yt360Error(
                f"{source}: expected a shard, found: {error.strerror or error}; run yt360 verify"
            ) from error
    if job.shard is not None:
        held = read_members(job.shard)
        for name, place in held.items():
            key, _, ending = name.partition(".")
            places.setdefault(key, {})[ending] = place
    return Packed(job, prints, places, frozenset(facts))


def _copy(job: Job, stream: io.BufferedReader, shard: _Tar, maps: _Tar) -> tuple[list[Row], set[str]]:
    """Members of the released clips; gives their fingerprints, and the names in their facts."""
    prints: list[Row] = []
    facts: set[str] = set()
    for row in job.rows:
        clip_name = str(row["clip"])
        members = {
            output: _read(stream, row, f"{output}_", f"{clip_name}.{extension}")
            for output, extension in MEMBERS.items()
            if row.get(f"{output}_size") is not None
        }
        for output, data in members.items():
            shard.add(f"{clip_name}.{MEMBERS[output]}", data)
        for variant in job.variants.get(clip_name, ()):
            name = f"{clip_name}.{variant['member']}"
            shard.add(name, _read(stream, variant, "", name))
        if _has_maps(row) and "panoptic" in members:
            maps.add(f"{row['clip']}.{MEMBERS['panoptic']}", members["panoptic"])
        if "json" in members:
            told = parse_json(members["json"])
            facts |= set(told) if isinstance(told, dict) else set()
        clip = clip_row(row, "manifests/clips.parquet")
        prints.append(to_row(clip.clip, thinned(fingerprint(clip, members["video"], members["foa"]))))
    return prints, facts


def _read(stream: io.BufferedReader, row: Mapping[str, Any], prefix: str, name: str) -> bytes:
    """A member by its place in a shard. Raises :class:`ItemError` where it is not what the manifest says."""
    size, wanted = int(row[f"{prefix}size"]), row.get(f"{prefix}digest")
    stream.seek(int(row[f"{prefix}offset"]))
    data = stream.read(size)
    if len(data) != size or (wanted is not None and digest_bytes(data) != wanted):
        raise ItemError(
            "corrupt-member",
            f"{name} in {row['shard']} is not what the manifest says; run yt360 verify, then the recipe again",
        )
    return data


class _Tar:
    """A tar whose headers hold no time, name or right of anybody; without a path nothing is written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._tar: tarfile.TarFile | None = None

    def __enter__(self) -> _Tar:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._tar = tarfile.open(self._path, "w", format=tarfile.USTAR_FORMAT)
        return self

    def add(self, name: str, data: bytes) -> None:
        if self._tar is None:
            return
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o644
        self._tar.addfile(info, io.BytesIO(data))

    def __exit__(self, *_: object) -> None:
        if self._tar is not None and self._path is not None:
            self._tar.close()
            descriptor = os.open(self._path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
