"""How often is the truth about a file found? Files with known truth, of our own world and of other hands: two tables.

    python -m benchmarks.media_truth [--quick] [--hand ours|others|both] [--only sound|picture]
        [--jobs N] [--log FILE] [--misses FILE]

Files are made (and kept in ``--cache``), inspected as ``yt360 inspect`` does, and counted: right, uncertain, wrong
without doubt. "Our world" (:mod:`benchmarks.media_world`) is drawn by this project, by seeds from ``--first-seed`` on,
none of which set a limit. What it says is worth less than "other hands" (:mod:`benchmarks.other_hands`): rooms, arrays,
panoramas and recordings of others, on which nothing was fitted. The same ``--others-seed`` and versions
(``benchmarks/requirements-other-hands.txt``) make the same files; what is absent is named as left out. With ``--log`` a
run that was cut off goes on where it ended, and several parts (``--part 0/2``, ``--part 1/2``) make one table.
``--quick`` takes rows spread over both matrices.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks import media_world
from benchmarks.media_judging import Judged
from benchmarks.other_hands import LeftOutError
from benchmarks.other_hands.rows import OriginalRow, Row, SoundRow, other_rows
from yt360.errors import ItemError
from yt360.media.inspect import inspect_media

VERSION = 1
"""Of the files in the cache: raise it when a generator changes."""

QUICK = {"ours": 60, "others": 170}
"""Rows of a quick run."""

_SOUND_ONLY = {".wav", ".flac", ".amb", ".ogg", ".m4a", ".wv"}


def _kept(row: Row | media_world.Row, cache: Path) -> Path:
    """The file of a row: out of the cache, or made and put there in one step."""
    name = hashlib.sha256(f"{VERSION} {row!r}".encode()).hexdigest()[:24]
    for known in cache.glob(f"{name}.*"):
        return known
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        made = row.make(Path(folder) / "x")
        if made.parent != Path(folder):
            return made
        target = cache / f"{name}{made.suffix}"
        shutil.move(made, target)
    return target


def count(row: Row | media_world.Row, cache: Path) -> dict[str, Any]:
    """Make and inspect the file of a row: what came out, or what is missing here to make it."""
    try:
        path = _kept(row, cache)
    except LeftOutError as missing:
        return {"left_out": str(missing)}
    except subprocess.SubprocessError as error:
        return {"left_out": f"a program that failed: {error}"}
    alone = path.suffix in _SOUND_ONLY
    try:
        judged = row.judge(inspect_media(None if alone else path, path if alone else None))
    except ItemError as error:
        judged = [Judged("wrong", f"{error.kind}: {error}", "no answer", type(row).__name__)]
    return {"judged": [asdict(one) for one in judged]}


def _rows(options: argparse.Namespace) -> dict[str, list[Row | media_world.Row]]:
    found: dict[str, list[Row | media_world.Row]] = {}
    if options.hand != "others":
        found["ours"] = list(media_world.matrix(options.scenes, options.first_seed))
    if options.hand != "ours":
        found["others"] = [row for row in other_rows(options.others_seed) if _asked(row, options.only)]
    for hand, rows in found.items():
        wanted = options.rows or (QUICK[hand] if options.quick else len(rows))
        if wanted < len(rows):
            found[hand] = [rows[k] for k in np.linspace(0, len(rows) - 1, wanted).astype(int)]
    return found


def _asked(row: Row, only: str) -> bool:
    """Whether a row of other hands is about what is asked for."""
    about = isinstance(row, SoundRow) or (isinstance(row, OriginalRow) and bool(row.original.sound))
    return not only or about == (only == "sound")


def _answers(
    rows: list[Row | media_world.Row], options: argparse.Namespace, known: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    part, parts = (int(value) for value in options.part.split("/"))
    open_rows = [row for row in rows[part::parts] if repr(row) not in known]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        answers = pool.map(partial(count, cache=options.cache), open_rows, chunksize=6)
        for row, answer in zip(open_rows, tqdm(answers, total=len(open_rows), unit="file"), strict=True):
            yield repr(row), answer


def main() -> None:
    """Make, inspect, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hand", choices=("ours", "others", "both"), default="both")
    parser.add_argument("--quick", action="store_true", help="a few rows of each, spread over the matrix")
    parser.add_argument("--rows", type=int, default=None, help="so many rows of each hand, spread over the matrix")
    parser.add_argument("--scenes", type=int, default=24, help="scenes of our own world")
    parser.add_argument("--first-seed", type=int, default=12_000, help="of our own world")
    parser.add_argument("--others-seed", type=int, default=1, help="of other hands")
    parser.add_argument("--only", choices=("", "sound", "picture"), default="", help="of other hands")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--cache", type=Path, default=Path("benchmark-data/media_truth"), help="made files are kept here"
    )
    parser.add_argument("--part", default="0/1", help="K/N: only every Nth row from the Kth")
    parser.add_argument("--log", type=Path, help="append what was found here, and skip what is there already")
    parser.add_argument("--misses", type=Path, help="write each answer that is not right, with its file, here")
    options = parser.parse_args()
    # One thread a process: several processes share the cores.
    os.environ["OMP_NUM_THREADS"] = "1"
    options.cache.mkdir(parents=True, exist_ok=True)
    misses: list[str] = []
    for hand, rows in _rows(options).items():
        known = _read_log(options.log)
        for name, answer in _answers(rows, options, known):
            known[name] = answer
            if options.log:
                with options.log.open("a") as file:
                    file.write(json.dumps({"row": name, **answer}) + "\n")
        known |= _read_log(options.log)
        _print_hand(hand, [(row, known[repr(row)]) for row in rows if repr(row) in known], misses)
    if options.misses:
        options.misses.write_text("\n".join(misses) + "\n")


def _read_log(path: Path | None) -> dict[str, dict[str, Any]]:
    if path is None or not path.exists():
        return {}
    return {entry.pop("row"): entry for entry in map(json.loads, path.read_text().splitlines())}


def _print_hand(hand: str, found: list[tuple[Any, dict[str, Any]]], misses: list[str]) -> None:
    """The table of a hand: all, by kind, by source; what was left out."""
    tables: dict[str, dict[str, Counter[str]]] = {"kind": defaultdict(Counter), "source": defaultdict(Counter)}
    left_out: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row, answer in found:
        if "left_out" in answer:
            left_out[answer["left_out"]] += 1
            continue
        for judged in answer["judged"]:
            # A flaw is a second look at an answer that counts once already.
            if judged["source"]:
                total[judged["outcome"]] += 1
                tables["source"][judged["source"]][judged["outcome"]] += 1
            tables["kind"][judged["kind"]][judged["outcome"]] += 1
            if judged["outcome"] != "right":
                misses.append(f"{hand} {judged['outcome']}: {judged['kind']}: {row}: {judged['words'][:200]}")
    title = {"ours": "Our world", "others": "Other hands"}[hand]
    print(f"\n{title}: {len(found) - sum(left_out.values())} files, {sum(total.values())} answers: {_shares(total)}")
    for name, table in tables.items():
        print(f"\n{name:58s} right uncertain wrong")
        for key, counted in sorted(table.items()):
            print(f"{key:58s} {counted['right']:5d} {counted['uncertain']:9d} {counted['wrong']:5d}")
    for what, rows in left_out.most_common():
        print(f"left out: {rows} rows, for want of {what}")


def _shares(counted: Counter[str]) -> str:
    share = 100 / max(1, sum(counted.values()))
    return (
        f"right {counted['right'] * share:.1f} %, uncertain {counted['uncertain'] * share:.1f} %, "
        f"wrong without doubt {counted['wrong'] * share:.1f} %"
    )


if __name__ == "__main__":
    main()
