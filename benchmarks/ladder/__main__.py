"""Does alignment in space teach more than correspondence, where correspondence does not need space?

    python -m benchmarks.ladder --out DIR [--size smoke|registered|full|tenfold] [--workers 2] [--device auto]
                                [--part all|world|report] [--pictures FOLDER] [--registration FILE]

Renders two worlds of individuals straight to shards (``individuals.py``), trains the models of the ladder
(``models.py``) with the package's own training, judges them on frozen features with its own evaluation
(``measures.py``), and prints each registered hypothesis (``registration.yaml``) with its outcome. ``tuning.py`` chose
the step sizes, on a world of another seed.

Everything is kept in DIR: run it again after a kill to go on. Cells run in the registered order; ``--limit-min`` starts
no further one after so many minutes. ``--part report`` only prints what is there.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.ladder import cells, registration, report, shards
from benchmarks.ladder.rendering import Format
from benchmarks.worlds import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument(
        "--registration", type=Path, default=registration.FILE, help="or replication.yaml or longer.yaml beside it"
    )
    parser.add_argument("--size", default="registered", help="a name under sizes in the registration")
    parser.add_argument("--workers", type=int, default=2, help="cells at a time, one core each")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--part", choices=("all", "world", "report"), default="all")
    parser.add_argument("--limit-min", type=float, help="start no further cell after so many minutes")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw the ladder and the curves there")
    arguments = parser.parse_args()
    registered = registration.read(arguments.registration)
    if arguments.size not in registered.sizes:
        parser.error(f"--size {arguments.size}: expected one of {', '.join(registered.sizes)}")
    size = registered.sizes[arguments.size]
    _same_size(arguments.out, arguments.size)
    if arguments.part != "report":
        began = time.monotonic()
        for world in dict.fromkeys(world for world, _ in registered.rungs):
            shards.build(
                arguments.out / "worlds" / world, world, registered.world_seed, size.world, Format(), arguments.workers
            )
        print(f"worlds: {time.monotonic() - began:.0f} s", flush=True)
        if arguments.part == "all":
            _run(arguments, registered, size)
    print("\n".join(report.report(arguments.out, registered, size, machine())))
    if arguments.pictures:
        print(*report.pictures(arguments.out, registered, size, arguments.pictures), sep="\n")


def _same_size(out: Path, name: str) -> None:
    """A folder holds a run of one size."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "size.json"
    if path.exists() and (found := json.loads(path.read_text())) != name:
        raise SystemExit(f"{out}: holds a run of size {found}: use a new --out")
    path.write_text(json.dumps(name))


def _run(arguments: argparse.Namespace, registered: registration.Registration, size: registration.Size) -> None:
    began = time.monotonic()
    waiting = [cell for cell in registered.cells(size) if cells.result_of(arguments.out, cell) is None]
    running: dict[Future[Any], registration.Cell] = {}
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        while waiting or running:
            late = arguments.limit_min is not None and time.monotonic() - began > 60 * arguments.limit_min
            while waiting and len(running) < arguments.workers and not late:
                cell = waiting.pop(0)
                job = pool.submit(
                    cells.run,
                    arguments.out / "worlds" / cell.world,
                    cells.folder_of(arguments.out, cell),
                    cell,
                    size,
                    registered.digest,
                    arguments.device,
                )
                running[job] = cell
            if not running:
                break
            for job in wait(running, return_when=FIRST_COMPLETED).done:
                cell, result = running.pop(job), job.result()
                if result is None:
                    raise SystemExit(f"{cell.name} was asked to stop: run again to go on")
                cpu_s = result["train_cpu_s"] + result["judge_cpu_s"]
                print(f"{cell.name}: {cpu_s:.0f} CPU s, {time.monotonic() - began:.0f} s since the start", flush=True)


if __name__ == "__main__":
    main()
