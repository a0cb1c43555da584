"""Every benchmark of speed in one go: a table of ratios to a peer or an earlier commit, and JSON.

    python -m benchmarks.speed [--only NAME ...] [--rounds 5] [--out benchmark-data/speed] [--page docs/results.md]

Each benchmark runs by itself and leaves what it printed in ``--out``; ``speed.json`` there holds all rows. The table is
written into ``--page`` between two comments; the page stays as it is where these are missing. A benchmark that fails is
a row that says so. Sizes are chosen for two cores and less than 40 minutes: each benchmark's own command has more.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.loader_pairs import CHECKOUT
from benchmarks.worlds import machine

BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
_PACKAGES = ("torch", "av", "imageio-ffmpeg", "numpy", "pyarrow")
_RATIO = re.compile(r"x ([\d.]+) \(([\d.]+) to ([\d.]+)\)  (.+)")


@dataclass(frozen=True)
class Row:
    """One comparison. ``ratios`` are of paired runs; ``bar`` says what they are to be, empty for none."""

    what: str
    peer: str
    ratios: tuple[float, ...]
    bar: str = ""
    note: str = ""


Rows = Callable[[str], Iterator[Row]]


@dataclass(frozen=True)
class Benchmark:
    """A command (words after ``python -m``, repeated ``times``), and what to make of what it printed."""

    words: tuple[str, ...]
    rows: Rows
    times: int = 1


def _last_json(printed: str) -> Any:
    return json.loads(printed.strip().splitlines()[-1])


def _floor(printed: str) -> Iterator[Row]:
    for row in _last_json(printed)["rows"]:
        name = row["source"]
        bar = "<= 1.15" if name.startswith("h264") else "<= 1.05"
        yield Row(f"crawl to shards, {name}: CPU", "one ffmpeg pass", tuple(row["ratios"]), bar)
        if row["ratios_before"]:
            yield Row(f"the same by ac3c3dc, {name}", "one ffmpeg pass", tuple(row["ratios_before"]))


def _start(printed: str) -> Iterator[Row]:
    for name, each in _last_json(printed)["cpu_s"].items():
        ratios = tuple(before / now for before, now in zip(each["before"], each["now"], strict=True))
        yield Row(f"`yt360 {name}`: speed, CPU", "ac3c3dc", ratios, ">= 2", f"{statistics.median(each['now']):.2f} s")


def _plan(printed: str) -> Iterator[Row]:
    found = _last_json(printed)
    pairs = [(each["before"], each["now"]) for each in found["rounds"] if "before" in each]
    seconds, megabytes = found["rounds"][0]["now"]
    note = f"{seconds:.1f} CPU s, {megabytes:.0f} MB"
    yield Row(
        f"plan of {found['items']:,} listed ids: speed, CPU", "ac3c3dc", tuple(a[0] / b[0] for a, b in pairs), "", note
    )


def _loader(printed: str) -> Iterator[Row]:
    bars = {"worker: decode for device views": ">= 1.7", "up to network input, on the CPU": ">= 1.5"}
    for line in printed.splitlines():
        if match := _RATIO.match(line):
            median, least, most = (float(match[number]) for number in (1, 2, 3))
            yield Row(f"loader, {match[4]}: speed, CPU", "ac3c3dc", (least, median, most), bars.get(match[4], ""))


def _step(printed: str) -> Iterator[Row]:
    rounds = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    ratios = tuple(each["plain_step_s"] / each["step_s"] for each in rounds)
    yield Row("training step: speed", "plain PyTorch loop", ratios, ">= 1.15")


def _embed(printed: str) -> Iterator[Row]:
    rounds = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    yield Row("embed: speed", "decoding alone", tuple(each["speed against decoding alone"] for each in rounds))


def _filters(printed: str) -> Iterator[Row]:
    sums = re.findall(r"all of these \| [^|]* \| ([\d.]+) x real time", printed)
    yield Row("filters of a recording of ten seconds: speed, CPU", "real time", tuple(map(float, sums)))


def _scale(printed: str) -> Iterator[Row]:
    for what, measured in _last_json(printed).items():
        yield Row(what, "", (), "", str(measured))


def benchmarks(rounds: int) -> dict[str, Benchmark]:
    """All of them by name."""
    repeated = ("--rounds", str(rounds))
    recording = str(CHECKOUT / "../shared/media/G8pABGosD38l_17.webm")
    floor = ("benchmarks.floor", "--json", "--files", "1", *repeated)
    return {
        "start": Benchmark(("benchmarks.start", "--json", *repeated), _start),
        "floor": Benchmark((*floor, "--sources", "h264-2560"), _floor),
        "floor-4k": Benchmark((*floor, "--sources", "hevc-3840", "vp9-5760", "av1-3840", "--against", ""), _floor),
        "plan": Benchmark(("benchmarks.scale_plan", "--json", "--items", "100000", *repeated), _plan),
        "loader": Benchmark(("benchmarks.loader_pairs", *repeated), _loader),
        "step": Benchmark(("benchmarks.step", "--json", "--repeats", "3"), _step, rounds),
        "embed": Benchmark(("benchmarks.embed_speed", "--json", "--minutes", "1"), _embed, rounds),
        "filters": Benchmark(("benchmarks.filters_cost", recording), _filters, rounds),
        "scale": Benchmark(("benchmarks.scale", "--items", "200000", "--parts", "local", "big"), _scale),
    }


def run(name: str, benchmark: Benchmark, out: Path) -> list[Row]:
    """The rows of a benchmark; what it printed is kept. One that fails or prints something else is a row of its own."""
    printed = ""
    for _ in range(benchmark.times):
        done = subprocess.run(
            [sys.executable, "-m", *benchmark.words],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        printed += done.stdout
        (out / f"{name}.txt").write_text(printed, encoding="utf-8")
        if done.returncode:
            last = printed.strip().splitlines()[-1:] or ["it said nothing"]
            return [Row(name, "", (), "", f"failed with {done.returncode}: {last[0][:200]}")]
    try:
        return list(benchmark.rows(printed))
    except (ValueError, LookupError, TypeError) as error:
        return [Row(name, "", (), "", f"printed something else than expected ({error!r})")]


def table(rows: Iterable[Row]) -> str:
    """The rows as Markdown: the median of the pairs, the least and the greatest of them."""
    lines = ["| what | against | ratio | spread | bar | |", "|---|---|---|---|---|---|"]
    for row in rows:
        ratio = f"{statistics.median(row.ratios):.2f}" if row.ratios else ""
        spread = f"{min(row.ratios):.2f} to {max(row.ratios):.2f}" if row.ratios else ""
        lines.append(f"| {row.what} | {row.peer} | {ratio} | {spread} | {row.bar} | {row.note} |")
    return "\n".join(lines)


def write_page(page: Path, text: str) -> bool:
    """Put ``text`` between the two comments of a page; whether it has them."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        return False
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    return True


def _about(rounds: int, minutes: float) -> str:
    commit = subprocess.run(
        ["git", "-C", str(CHECKOUT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
    return (
        f"`make bench` at commit {commit or 'unknown'} on {machine()}; {versions}; "
        f"{rounds} paired runs of each row that has a spread; {minutes:.0f} minutes."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(benchmarks(1)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/speed"))
    parser.add_argument("--page", type=Path)
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    began, rows = time.monotonic(), []
    for name, benchmark in benchmarks(given.rounds).items():
        if given.only is None or name in given.only:
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += run(name, benchmark, given.out)
    about = _about(given.rounds, (time.monotonic() - began) / 60)
    found = {"about": about, "machine": machine(), "rows": [asdict(row) for row in rows]}
    (given.out / "speed.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{about}\n\n{table(rows)}")
    if given.page is not None and not write_page(given.page, f"{about}\n\n{table(rows)}"):
        sys.exit(
            f"{given.page}: expected the comments {BEGIN} and {END}, found none; put them where the table is to be"
        )


if __name__ == "__main__":
    main()
