"""What the engine itself costs: `python -m benchmarks.scale [--items 1000000] [--parts …]` prints one table.

Toy stages do nothing, so all that is measured is planning, the ledger and handing out. CPU time (user and system, of
all processes) is given beside wall time: a busy machine changes the second only.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.scale_ledger import big_ledger, many
from tests.engine import toys
from tests.engine.conftest import toy_recipe
from yt360.engine import pipeline, recipe
from yt360.engine.executors.base import Task
from yt360.engine.executors.local import WorkerPool
from yt360.engine.state import ledger
from yt360.engine.storage import Root

_HOUSE = str(Path(__file__).resolve().parents[1])
_RUN = pipeline.Options(workers=1, min_free_bytes=0)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def overhead(folder: Path, engine: str, items: int = 1000) -> list[list[str]]:
    """Of an item that does nothing but write 15 bytes, by the difference of two runs (start-up cancels out)."""
    seconds = []
    for count in (items // 10, items):
        root = Root(folder / f"overhead-{engine}-{count}")
        on = None
        if engine == "ray":
            from yt360.engine.executors.ray import RayExecutor

            on = RayExecutor(workers=1)
        cpu = _cpu()
        started = time.monotonic()
        result = pipeline.run(many(count), root, _RUN, engine=on)
        assert result.worked == count
        seconds.append((time.monotonic() - started, _cpu() - cpu))
    (wall_a, cpu_a), (wall_b, cpu_b) = seconds
    each = 1000 / (items - items // 10)
    words = f"{(wall_b - wall_a) * each:.2f} ms"
    if engine == "local":
        words += f" ({(cpu_b - cpu_a) * each:.2f} ms CPU)"
    return [[f"overhead an item, {engine}", words, "5 ms" if engine == "local" else "20 ms"]]


def two_nodes(folder: Path, items: int = 24) -> list[list[str]]:
    """A CPU-bound stage on one Ray node of one core, then on two; actors are up before the clock starts."""
    import ray
    from ray.cluster_utils import Cluster

    from yt360.engine.executors.ray import RayExecutor

    os.environ |= {"PYTHONPATH": _HOUSE, "RAY_USAGE_STATS_ENABLED": "0"}
    small: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20, "memory": 4 << 30}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "num_cpus": 0, "include_dashboard": False})
    took = []
    for nodes in (1, 2):
        cluster.add_node(**small)
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        root = Root(folder / f"nodes-{nodes}")
        made = recipe.build({"stages": {"burn": {"count": items}}}, toys.REGISTRY, [], where="benchmark")
        assert not pipeline.run(made, root, _RUN, engine=RayExecutor()).failed
        records = list(ledger.read(root.ledger / "burn"))
        took.append(_throughput(records, nodes))
        ray.shutdown()
    cluster.shutdown()
    return [["two Ray nodes of one core against one", f"{took[1] / took[0]:.2f} times", "1.8 times"]]


def _throughput(records: list[ledger.Record], nodes: int) -> float:
    """Items a second while every node works: from the moment that all have begun to that when the first runs dry."""
    from datetime import datetime

    spans: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        begun = datetime.fromisoformat(record.started).timestamp()
        spans.setdefault(record.log, []).append((begun, begun + record.seconds))
    assert len(spans) == nodes, spans.keys()
    start = max(min(begun for begun, _ in each) for each in spans.values())
    end = min(max(ended for _, ended in each) for each in spans.values())
    every = [span for each in spans.values() for span in each]
    inside = sum(max(0.0, min(ended, end) - max(begun, start)) / (ended - begun) for begun, ended in every)
    return inside / (end - start)


def hang(folder: Path) -> list[list[str]]:
    """A decoder that would hang for ten minutes, with a process in a group of its own, beside items that are well."""
    marks = folder / "marks"
    marks.mkdir()
    made = toy_recipe(["a", "bb", "ccc"], behaviour={"a": "hang"}, marks=str(marks))
    root = Root(folder / "hang")
    result = pipeline.run(made, root, pipeline.Options(workers=2, min_free_bytes=0))
    record = ledger.latest(ledger.read(root.ledger / "misbehave"))["a"]
    child = Path("/proc", (marks / "child-a").read_text(), "stat")
    gone = not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z"
    well = [failed.item for failed in result.failed] == ["a"]
    words = f"{record.kind} after {record.seconds:.0f} s, process group {'gone' if gone else 'ALIVE'}"
    words += f", the run {'went on' if well else 'FAILED'}"
    return [["hanging decoder, allowed 3 s", words, "cut, gone, on"]]


def memory(items: int = 1000) -> list[list[str]]:
    """Of one worker over many items of a real decoder, and of one that leaks: it is replaced."""
    sizes = []
    left = list(range(items))
    with WorkerPool(1) as pool:

        def next_task() -> Task | None:
            return Task("tests.engine.toys:decode_and_size", left.pop(), 60) if left else None

        sizes = [finished.value for finished in pool.run(next_task)]
    after_warm_up, last = sizes[items // 10] >> 20, sizes[-1] >> 20
    leaks = list(range(12))
    with WorkerPool(1, memory_limit_mb=300) as pool:

        def next_leak() -> Task | None:
            return Task("tests.engine.toys:grow", 60, 60) if leaks and leaks.pop() is not None else None

        workers = len({finished.value for finished in pool.run(next_leak)})
    return [
        [f"memory of a worker after {items // 10}, {items} items", f"{after_warm_up}, {last} MB", "flat"],
        ["a worker that leaks 60 MB an item, limit 300 MB", f"{workers} workers for 12 items", "recycled"],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parts = ["local", "ray", "nodes", "hang", "memory", "big"]
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts)
    arguments = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for part in arguments.parts:
            if part == "big":
                rows += big_ledger(folder, arguments.items)
            elif part == "nodes":
                rows += two_nodes(folder)
            elif part == "hang":
                rows += hang(folder)
            elif part == "memory":
                rows += memory()
            else:
                rows += overhead(folder, part)
    width = max(len(row[0]) for row in rows)
    for what, measured, bar in rows:
        print(f"{what:<{width}}  {measured:<44}  bar: {bar}")
    print(json.dumps({row[0]: row[1] for row in rows}))


if __name__ == "__main__":
    main()
