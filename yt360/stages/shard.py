"""Shard: clips into tar files that are read at random or streamed, byte-identical when built twice.

Consumes the clips of all videos that have a side; produces ``shards/{split}-{number}.tar`` with the
members ``KEY.events.zip`` (where events are looked for), ``KEY.foa.flac``, ``KEY.json``, ``KEY.panoptic.zip`` (where
maps are made) and ``KEY.video.mp4`` (readable as WebDataset). A clip whose maps or events could not be made has a zip
without any: readers such as Hugging Face ``datasets`` decide by the first samples what every sample has. Variants of
a clip follow, where ``chunk`` made any (``KEY.large.video.mp4``, ``KEY.view0.foa.flac`` …).

Shards are planned before any is written: clips in order of their keys, a new shard whenever the target size is reached.
A plan is remembered and only added to: new clips go to new shards, and a shard is rewritten only
when one of its own clips changed or went. A clip goes when what comes before has dropped it; while
that waits, it stays where it is.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from yt360.engine.stage import (
    Blob,
    ChildEntry,
    Context,
    DatasetView,
    Done,
    Item,
    Outcome,
    Resources,
    Stage,
    StageParams,
)
from yt360.errors import ItemError, UsageError
from yt360.files import atomic_write_text, parse_json, require_checksum, with_checksum
from yt360.hashing import digest_bytes
from yt360.stages.shard_holding import STAGES_OF_CLIPS, held
from yt360.stages.shard_members import MEMBERS as MEMBERS
from yt360.stages.shard_members import OPTIONAL as OPTIONAL
from yt360.stages.shard_members import extensions

Files = Mapping[str, Blob]
"""The files of one clip, by the name of the output."""

_PLAN = "shard-plan.json"
_TAR_BLOCK = 512
_NAME = re.compile(r"(?P<split>[a-z0-9_]+)-(?P<number>\d{6})")


class ShardParams(StageParams):
    """How large shards are."""

    target_mb: float = Field(
        default=500.0,
        gt=0,
        description="A shard is closed when the next clip would take it over this size (10^6 bytes). Changing it "
        "writes "
        "all shards again.",
    )


class Shard(Stage):
    name = "shard"
    item_kind = "shard"
    params_type = ShardParams
    needs = Resources(timeout_s=3600)
    after = ("chunk", "segment", "annotate", "split")
    checks_inputs = True
    parts_in = "clips"
    flat_folder = "shards"
    mirrored = ("shards/shards.json", "shards/index.json", "shards/README.md", "README.md")
    """The index, its former name, and cards for Hugging Face."""

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        clips = clips_to_store(dataset)
        sides = {name: record.measures["split"] for name, record in dataset.passing("split").items()}
        files: dict[str, Files] = {name: clip.outputs for name, clip in clips.items()}
        split_of = {name: sides[clip.parent.item] for name, clip in clips.items()}
        same_layout, remembered = self._remembered(dataset)
        for name, (shard, blobs) in held(dataset, remembered, clips).items():
            files[name], split_of[name] = blobs, shard.rpartition("-")[0]
        stood_for = _stood_for(dataset, files)
        for shard, members in self._assign(files, split_of, remembered if same_layout else {}, stood_for).items():
            inputs = {f"{name}.{output}": files[name][output] for name in members for output in _has(name, files[name])}
            meta: dict[str, Any] = {"clips": members}
            # Only where a clip lacks something: a shard of clips that have all keeps its key and its bytes.
            if lacking := [output for output in stood_for if any(output not in files[name] for name in members)]:
                meta["stood_for"] = lacking
            yield Item(id=shard, source_id=shard, inputs=inputs, meta=meta)

    def _assign(
        self,
        files: Mapping[str, Files],
        split_of: Mapping[str, str],
        remembered: Mapping[str, Sequence[str]],
        stood_for: Sequence[str],
    ) -> dict[str, list[str]]:
        """Shard name -> clip ids: remembered places are kept, the rest fills new shards in order."""
        shards: dict[str, list[str]] = {}
        next_number: dict[str, int] = {}
        for shard, members in remembered.items():
            match = _NAME.fullmatch(shard)
            if match is None:
                continue
            split = match["split"]
            next_number[split] = max(next_number.get(split, 0), int(match["number"]) + 1)
            kept = [name for name in members if split_of.get(name) == split]
            if kept:
                shards[shard] = kept
        placed = {name for members in shards.values() for name in members}
        limit = self.params.target_mb * 1e6
        open_shard: dict[str, tuple[str, float]] = {}
        for name in sorted(set(files) - placed):
            split = split_of[name]
            size = sum(_stored_size(files[name][output].size) for output in _has(name, files[name]))
            size += sum(_stored_size(len(OPTIONAL[output])) for output in stood_for if output not in files[name])
            shard, filled = open_shard.get(split, ("", 0.0))
            if not shard or filled + size > limit:
                number = next_number.get(split, 0)
                next_number[split] = number + 1
                shard, filled = f"{split}-{number:06d}", 0.0
                shards[shard] = []
            shards[shard].append(name)
            open_shard[split] = (shard, filled + size)
        return dict(sorted(shards.items()))

    def _remembered(self, dataset: DatasetView) -> tuple[bool, dict[str, list[str]]]:
        """The shards of the last plan, and whether they are laid out as these parameters want it."""
        path = dataset.state_dir / _PLAN
        if not path.is_file():
            return True, {}
        try:
            plan = parse_json(path.read_text(encoding="utf-8"))
            require_checksum(plan)
            params, shards = plan["params"], {str(k): [str(m) for m in v] for k, v in plan["shards"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{path}: expected a shard plan, found something else ({error!r}); "
                "delete it: the shards are then planned anew"
            ) from error
        # Another target size means another layout, not an addition to this one.
        return params == self.params.keyed(), shards

    def remember(self, dataset: DatasetView, items: Sequence[Item]) -> None:
        # Written before the first shard: after a kill the remaining shards get the same clips and numbers.
        plan = {
            "params": self.params.keyed(),
            "shards": {item.id: list(item.meta["clips"]) for item in items},
        }
        text = json.dumps(with_checksum(plan), indent=1, sort_keys=True) + "\n"
        path = dataset.state_dir / _PLAN
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            atomic_write_text(path, text)

    def process(self, item: Item, context: Context) -> Outcome:
        path = context.workdir / f"{item.id}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            outputs = _outputs_of(item)
            for name in item.meta["clips"]:
                for output, extension in outputs.items():
                    if (given := f"{name}.{output}") in item.files:
                        _add(tar, f"{name}.{extension}", item.files[given], item.inputs[given])
                    elif output in item.meta.get("stood_for", ()):
                        empty = OPTIONAL[output]
                        tar.addfile(_header(f"{name}.{extension}", len(empty)), io.BytesIO(empty))
        return Done(
            outputs={"tar": path.name}, measures={"members": _reopen(path, item), "clips": len(item.meta["clips"])}
        )

    def check_output(self, name: str, path: Path) -> None:
        read_members(path)


def planned_params(state_dir: Path) -> dict[str, Any]:
    """The parameters that the last plan of shards was made with; empty where there is none that can be read."""
    try:
        return dict(json.loads((state_dir / _PLAN).read_text(encoding="utf-8"))["params"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def clips_to_store(dataset: DatasetView) -> dict[str, ChildEntry]:
    """The clips of all videos that have a side, by id, with their maps and events where there are any.

    A clip whose maps or events are still to be made waits for them; one for which they could not be made goes without.
    """
    clips = {clip.id: clip for clip in dataset.children_after("chunk", ("split",))}
    for stage in STAGES_OF_CLIPS:
        entries = dataset.entries(stage) if stage in dataset.stages else {}
        for name, entry in entries.items():
            if name not in clips:
                continue
            if entry.state == "done" and entry.record is not None:
                clips[name] = replace(clips[name], outputs={**clips[name].outputs, **entry.record.outputs})
            elif entry.state in ("waiting", "undecided"):
                del clips[name]
    return clips


def _has(clip: str, files: Files) -> list[str]:
    """Outputs of a clip that are stored. Raises :class:`KeyError` when it lacks one that every clip has."""
    missing = [output for output in MEMBERS if output not in files and output not in OPTIONAL]
    if missing:
        raise KeyError(f"clip {clip} has no output {missing[0]!r}")
    return list(extensions(files))


def _outputs_of(item: Item) -> dict[str, str]:
    """Outputs that any clip of a shard has a member of, and their extensions."""
    return extensions({*MEMBERS, *(name.partition(".")[2] for name in item.inputs)})


def _stood_for(dataset: DatasetView, files: Mapping[str, Files]) -> list[str]:
    """The optional outputs that every clip has a member of: those that the recipe makes, or that any clip has."""
    makers = {output: dataset.stages.get(name) for output, name in (("panoptic", "segment"), ("events", "annotate"))}
    made = {output for output, stage in makers.items() if isinstance(stage, Stage) and not stage.off}
    return [output for output in OPTIONAL if output in made or any(output in one for one in files.values())]


def _stored_size(size: int) -> int:
    """Bytes that a file of a size takes in a tar: header and content in blocks of 512."""
    return _TAR_BLOCK + -(-size // _TAR_BLOCK) * _TAR_BLOCK


def _header(name: str, size: int) -> tarfile.TarInfo:
    """A header in which nothing depends on when, where or by whom this runs."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    return info


def _add(tar: tarfile.TarFile, name: str, path: Path, blob: Blob) -> None:
    if not path.is_file():
        raise ItemError(
            "missing-input",
            f"{blob.uri}: expected a clip, found no file; run the recipe again to make it anew",
            damaged=(blob.uri,),
        )
    with path.open("rb") as stream:
        tar.addfile(_header(name, path.stat().st_size), stream)


def _reopen(path: Path, item: Item) -> list[dict[str, Any]]:
    """Read the finished tar back, compare every member with its input, and say where each lies."""
    members = read_members(path)
    index = []
    with path.open("rb") as stream:
        outputs = _outputs_of(item)
        for name in item.meta["clips"]:
            entry: dict[str, Any] = {"clip": name}
            for output, extension in outputs.items():
                if f"{name}.{output}" not in item.inputs:
                    continue
                offset, size = members[f"{name}.{extension}"]
                stream.seek(offset)
                blob = item.inputs[f"{name}.{output}"]
                found = digest_bytes(stream.read(size))
                if found != blob.digest:
                    raise ItemError(
                        "changed-input",
                        f"{blob.uri}: expected content with digest {blob.digest}, found {found}; "
                        "run the recipe again to make it anew",
                        damaged=(blob.uri,),
                    )
                entry[output] = [offset, size]
            index.append(entry)
    return index


def is_our_tar(path: Path) -> bool:
    """Whether a file in the folder of shards was made here: its name, and a first member as only we write it."""
    if _NAME.fullmatch(path.stem) is None or path.is_symlink():
        return False
    try:
        with tarfile.open(path, "r:") as tar:
            first = tar.next()
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return False
    return (
        first is not None
        and first.name.endswith(tuple(f".{ending}" for ending in MEMBERS.values()))
        and (first.mtime == 0 and first.mode == 0o644 and not first.uname)
    )


def read_members(path: Path) -> dict[str, tuple[int, int]]:
    """Name -> (offset of the data, size) of every member of a tar of plain files.

    Raises :class:`yt360.errors.ItemError` when the file is not such a tar, or is cut short.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            members = {info.name: (info.offset_data, info.size) for info in tar if info.isreg()}
    except (tarfile.TarError, OSError) as error:
        raise ItemError("corrupt", f"{path}: expected a tar of clips, found: {error}") from error
    length = path.stat().st_size
    if not members or length % tarfile.RECORDSIZE or any(offset + size > length for offset, size in members.values()):
        raise ItemError("truncated", f"{path}: expected a whole tar of clips, found {length} bytes that end too early")
    return members
