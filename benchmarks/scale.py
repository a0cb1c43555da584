"""What the engine itself costs: `python benchmarks/scale.py [--items 1000000] [--parts …]` prints one table.

Toy stages do nothing, so all that is measured is planning, the ledger and handing out. CPU time (user and system)
is given beside wall time: a busy machine changes the second only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.engine.toys import REGISTRY
from yt360.engine import ledger, pipeline, recipe
from yt360.engine.catalog import Catalog
from yt360.engine.contract import Item
from yt360.engine.ledger import Record
from yt360.engine.storage import Root

_LEFT = 100
"""Items of the big ledger that are still to do."""


def _recipe(names: list[str]) -> recipe.Recipe:
    return recipe.build({"stages": {"source": {"names": names}}}, REGISTRY, [], where="benchmark")


def _names(items: int) -> list[str]:
    return [f"item{number:08d}" for number in range(items)]


def _fill(root: Root, items: int) -> None:
    """A ledger as a run leaves it: all items done but the last ones, scattered over one compacted file."""
    root.create()
    made = _recipe(_names(items))
    stage = made.stages[0]
    catalog = Catalog(root, made.stages)
    every = list(stage.plan(catalog))
    catalog.save_plan(stage, every)
    writer = ledger.LedgerWriter(root.ledger / stage.name, "filled")
    for item in every[: items - _LEFT]:
        writer.append(_record(stage.name, item, stage.key(item), stage.decision_key()), flush=False)
    writer.close()
    pipeline.save_recipe(root, made)
    (root.ledger / stage.name / "empty.jsonl").touch()
    ledger.compact(root.ledger / stage.name)


def _record(stage: str, item: Item, key: str, decision: str) -> Record:
    return Record(stage, item.id, item.source_id, key, "done", 1, decision=decision, seconds=0.01, size=20)


_CHILDREN = {
    "resume": """
import sys, time
from benchmarks.scale import _names, _recipe
from yt360.engine import local, pipeline
from yt360.engine.storage import Root
made = _recipe(_names(int(sys.argv[2])))
started = time.monotonic(), time.process_time()
send = local._Worker.send
def first(self, task):
    if not hasattr(local, "told"):
        local.told = time.monotonic() - started[0], time.process_time() - started[1]
    send(self, task)
local._Worker.send = first
result = pipeline.run(made, Root(sys.argv[1]), pipeline.Options(workers=1, min_free_bytes=0))
assert result.worked == 100, result.worked
print(*local.told)
""",
    "status": """
import sys, time
from tests.engine import toy_cli
from yt360.cli import status
from yt360.cli.common import catalog_of, open_root
started = time.monotonic(), time.process_time()
found = status.summarize(catalog_of(open_root(sys.argv[1])))
assert found["stages"][0]["done"] + found["stages"][0]["waiting"] == int(sys.argv[2]), found
print(time.monotonic() - started[0], time.process_time() - started[1])
""",
    "explain": """
import sys, time
from tests.engine import toy_cli
from yt360.cli import explain
from yt360.cli.common import catalog_of, open_root
started = time.monotonic(), time.process_time()
assert explain.explain(catalog_of(open_root(sys.argv[1])), "item00000007")["verdict"] == "kept"
print(time.monotonic() - started[0], time.process_time() - started[1])
""",
}


def _child(name: str, root: Root, items: int) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MB of a fresh process."""
    script = root.path.parent / f"{name}.py"
    text = "import resource\n" + _CHILDREN[name] + "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    body = "\n".join(f"    {line}" for line in text.splitlines())
    script.write_text(f"if __name__ == '__main__':\n{body}\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run(
        [sys.executable, str(script), str(root.path), str(items)], env=environment, stdout=subprocess.PIPE, check=True
    )
    *_, times, peak = done.stdout.decode().split("\n")[:-1]
    wall_s, cpu_s = map(float, times.split())
    return wall_s, cpu_s, int(peak) / 1024


def big_ledger(folder: Path, items: int) -> list[list[str]]:
    root = Root(folder / "big")
    _fill(root, items)
    rows = []
    for name, bar in (("status", "3 s"), ("explain", "-"), ("resume", "15 s, 1000 MB")):
        wall_s, cpu_s, peak_mb = _child(name, root, items)
        rows.append([f"{name}, {items} items", f"{wall_s:.1f} s ({cpu_s:.1f} s CPU), {peak_mb:.0f} MB", bar])
    return rows


def overhead(folder: Path, engine: str, items: int = 1000) -> list[list[str]]:
    """Of an item that does nothing but write 15 bytes, by the difference of two runs (start-up cancels out)."""
    seconds = []
    for count in (items // 10, items):
        root = Root(folder / f"overhead-{engine}-{count}")
        options = pipeline.Options(workers=1, min_free_bytes=0)
        on = None
        if engine == "ray":
            from yt360.engine.ray import RayEngine

            on = RayEngine(workers=1)
        cpu = _cpu()
        started = time.monotonic()
        result = pipeline.run(_recipe(_names(count)), root, options, engine=on)
        assert result.worked == count
        seconds.append((time.monotonic() - started, _cpu() - cpu))
    (wall_a, cpu_a), (wall_b, cpu_b) = seconds
    each = 1000 / (items - items // 10)
    words = f"{(wall_b - wall_a) * each:.2f} ms"
    if engine == "local":
        words += f" ({(cpu_b - cpu_a) * each:.2f} ms CPU)"
    return [[f"overhead an item, {engine}", words, "5 ms" if engine == "local" else "20 ms"]]


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--parts", nargs="+", default=["local", "ray", "big"], choices=["local", "ray", "big"])
    arguments = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as name:
        for part in arguments.parts:
            rows += big_ledger(Path(name), arguments.items) if part == "big" else overhead(Path(name), part)
    width = max(len(row[0]) for row in rows)
    for what, measured, bar in rows:
        print(f"{what:<{width}}  {measured:<40}  bar: {bar}")
    print(json.dumps({row[0]: row[1] for row in rows}))


if __name__ == "__main__":
    main()
