"""Roots of a million items, as a first run leaves them that was killed half-way; and what asking them costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tests.engine.toys import REGISTRY
from yt360.engine import pipeline, recipe
from yt360.engine.stage import Blob, Item, Stage
from yt360.engine.state import ledger, snapshot
from yt360.engine.state.dataset_state import DatasetState
from yt360.engine.state.ledger import SCHEMA, Record
from yt360.engine.state.ledger_files import write_parquet
from yt360.engine.state.plan import ItemPlan
from yt360.engine.storage import Root
from yt360.hashing import digest_bytes

_WRITERS = 8
_CHAIN = ("count", "second", "third")


def many(items: int, stages: int = 1) -> recipe.Recipe:
    chosen = {"count": {"count": items}} | {name: {} for name in _CHAIN[1:stages]}
    return recipe.build({"stages": chosen}, REGISTRY, [], where="benchmark")


def fill(root: Root, items: int, stages: int) -> None:
    """All items done, but half of them in the last stage, where eight workers were killed (nothing is compacted).

    As in a run, each stage's snapshot is kept once it has ended; the last one's, when none of its items had.
    """
    root.create()
    made = many(items, stages)
    pipeline.save_recipe(root, made)
    source = made.stages[0]
    catalog = DatasetState(root, made.stages)
    catalog.save_plan(source, ItemPlan.of_items(source, source.plan(catalog)))
    for stage in made.stages:
        folder = root.ledger / stage.name
        folder.mkdir()
        if stage is made.stages[-1]:
            snapshot.keep(catalog, stage)
            writers = [ledger.LedgerWriter(folder, f"filled-{number}") for number in range(_WRITERS)]
            for number in range(items // 2):
                writers[number % _WRITERS].append(_record(stage, _item(stage, number)), flush=False)
        else:
            write_parquet(folder / "records-filled.parquet", _blocks(stage, items))
            catalog.forget(stage.name)
            snapshot.keep(catalog, stage)


def _blob(stage: str, item: str) -> Blob:
    uri = f"data/{stage}/{item}/text.txt"
    return Blob(uri, digest_bytes(uri.encode()), 15)


def _item(stage: Stage, number: int) -> Item:
    name = f"item{number:08d}"
    wanted = {key: spelled.partition(".") for key, spelled in stage.inputs.items() if not spelled.endswith("?")}
    return Item(name, name, {key: _blob(source, name) for key, (source, _, _) in wanted.items()})


def _record(stage: Stage, item: Item) -> Record:
    parts = range(2 if stage.name == "second" else 0)
    return Record(
        stage=stage.name,
        item=item.id,
        source=item.source_id,
        key=stage.key(item),
        status="done",
        sequence=1,
        decision=stage.decision_key(),
        measures={"length": 12, "scores": [0.25, 0.5, 0.75], "what": "speech"},
        inputs=item.inputs,
        outputs={"text": _blob(stage.name, item.id)},
        children=tuple({"id": f"{item.id}-{part}", "outputs": {}, "meta": {}} for part in parts),
        seconds=0.01,
        size=15,
        started="2026-01-01T00:00:00.000+00:00",
        host="host",
        run="run",
    )


def _blocks(stage: Stage, items: int, at_once: int = 16_384) -> Iterator[pa.Table]:
    """The records as a compaction would have left them: what differs is made for each, the rest repeated."""
    alike: dict[tuple[str, int], pa.Array] = {}
    for at in range(0, items, at_once):
        numbers = range(at, min(at + at_once, items))
        rows = [_record(stage, _item(stage, number)) for number in numbers]
        first = rows[0].to_row()
        columns = []
        for name in SCHEMA.names:
            kind = SCHEMA.field(name).type
            if name in ("item", "source", "key"):
                columns.append(pa.array([getattr(row, name) for row in rows], kind))
            elif name in ("inputs", "outputs"):
                blobs = [getattr(row, name).items() for row in rows]
                columns.append(pa.array([[{"name": key, **vars(blob)} for key, blob in each] for each in blobs], kind))
            elif name == "children":
                columns.append(pa.array([row.to_row()["children"] if row.children else [] for row in rows], kind))
            else:
                columns.append(alike.setdefault((name, len(rows)), pa.repeat(pa.scalar(first[name], kind), len(rows))))
        yield pa.table(columns, schema=SCHEMA)


_ASKED = {
    "status": """
from tests.engine import toy_cli
from yt360.cli import status
from yt360.cli.common import catalog_of, open_root
found = status.summarize(catalog_of(open_root(sys.argv[1])))
told()
""",
    "explain": """
from tests.engine import toy_cli
from yt360.report import history
from yt360.cli.common import catalog_of, open_root
assert history.explain(catalog_of(open_root(sys.argv[1])), "item00000007")["verdict"] == "kept"
told()
""",
    "explain a clip": """
from tests.engine import toy_cli
from yt360.report import history
from yt360.cli.common import catalog_of, open_root
assert history.explain(catalog_of(open_root(sys.argv[1])), "item00000007-1")["video"] == "item00000007"
told()
""",
    "resume": """
from benchmarks.scale_ledger import many
from yt360.engine import pipeline
from yt360.engine.executors import local
from yt360.engine.storage import Root
def first(self, task):
    told()
    os._exit(0)
local._Worker.send = first
pipeline.run(many(int(sys.argv[2]), int(sys.argv[3])), Root(sys.argv[1]), pipeline.Options(min_free_bytes=0))
""",
}
"""What is measured: from the start of the process, imports included, to ``told``."""

_TOLD = """
import os, resource, sys, time
def told():
    used = resource.getrusage(resource.RUSAGE_SELF)
    born = float(open("/proc/self/stat").read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    wall = time.clock_gettime(time.CLOCK_BOOTTIME) - born
    peak = int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])  # ru_maxrss knows the parent's
    print(wall, used.ru_utime + used.ru_stime, peak / 1024, flush=True)
"""


def _ask(what: str, root: Root, items: int, stages: int) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MB of a fresh process."""
    script = root.path.parent / "ask.py"
    body = "\n".join(f"    {line}" for line in (_TOLD + _ASKED[what]).splitlines())
    script.write_text(f"if __name__ == '__main__':\n{body}\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run(
        [sys.executable, str(script), str(root.path), str(items), str(stages)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    wall_s, cpu_s, peak_mb = map(float, done.stdout.split())
    return wall_s, cpu_s, peak_mb


_KILLED, _NOTHING_KEPT, _AGAIN = "killed half-way", "no snapshots", "again"


def big_ledger(folder: Path, items: int) -> list[list[str]]:
    """Asked of a root whose first run was killed half-way, of the same once its snapshots are lost, and once more."""
    rows = []
    for stages in (1, 3):
        root = Root(folder / f"big-{stages}")
        fill(root, items, stages)
        kept, left = root.state / "snapshot", folder / "as-it-was-left"
        shutil.copytree(kept, left)
        asked = [(what, when) for when in (_KILLED, _NOTHING_KEPT, _AGAIN) for what in ("status", "resume")]
        asked += [("explain", _AGAIN)] + ([("explain a clip", _AGAIN)] if stages > 1 else [])
        for what, when in asked:
            if when != _AGAIN:
                shutil.rmtree(kept, ignore_errors=True)
            if when == _KILLED:
                shutil.copytree(left, kept)
            wall_s, cpu_s, peak_mb = _ask(what, root, items, stages)
            bar = {"resume": "15 s, 1000 MB", "status": "3 s"}.get(what, "-")
            name = f"{what}, {items:,} items x {stages} stage{'s' * (stages > 1)}, {when}"
            print(name, f"{wall_s:.1f} s ({cpu_s:.1f} s CPU), {peak_mb:.0f} MB", file=sys.stderr, flush=True)
            rows.append([name, f"{wall_s:.1f} s ({cpu_s:.1f} s CPU), {peak_mb:.0f} MB", bar])
        shutil.rmtree(root.path)
        shutil.rmtree(left)
    return rows
