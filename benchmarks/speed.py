"""Every benchmark of speed in one go: a table of ratios to a peer or an earlier commit, and JSON.

    python -m benchmarks.speed [--only NAME ...] [--rounds 5] [--out benchmark-data/speed] [--page docs/results.md]

Each benchmark runs by itself and leaves what it printed in ``--out``; ``speed.json`` there holds all rows. The table is
written into ``--page`` between two comments; the page stays as it is where these are missing. A benchmark that fails is
a row that says so. Sizes are chosen for two cores and less than 40 minutes: each benchmark's own command has more.
Files of 4K and 5.7K, the memory of a long file and a million ids are measured once, the pipeline against one pass in
three pairs at most, all else in ``--rounds`` pairs.
Not run unless it is asked for is what needs more than this repository or much longer: ``--detectron2`` (a checkout of
it, and what it needs), a GPU (``python -m benchmarks.step --device cuda``), and ``--only tests``, the tests of two
commits.
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
_LOOKING = ("validate", "stills", "voiceover", "fingerprint")
"""The stages that only look."""

_PACKAGES = ("torch", "av", "imageio-ffmpeg", "numpy", "pyarrow")
_RATIO = re.compile(r"x ([\d.]+) \(([\d.]+) to ([\d.]+)(?:, aim ([\d.]+))?\)  (.+), against (.+)")
_STEP = re.compile(r"([\d.]+) times its speed \(([\d.]+) to ([\d.]+)")


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
        if spent := row.get("stages_cpu_s"):
            pass_s = statistics.median(row["cpu_s"]["floor"])
            shares = tuple(spent[stage] / pass_s for stage in _LOOKING)
            note = ", ".join(f"{stage} {share:.2f}" for stage, share in zip(_LOOKING, shares, strict=True))
            yield Row(f"{' + '.join(_LOOKING)}, {name}: CPU", "one ffmpeg pass", (sum(shares),), "<= 0.15", note)


_STARTS = {
    "first_line_cpu_s": ("to the first line, CPU", ">= 2"),
    "first_line_wall_s": ("to the first line, wall", ""),
    "cpu_s": ("to the end, CPU", ""),
}
_ENDS = {"inspect": ">= 1"}
"""Bars of what a command costs to its end."""


def _start(printed: str) -> Iterator[Row]:
    found = _last_json(printed)
    for name in found["cpu_s"]:
        for measure, (words, bar) in _STARTS.items():
            each = found[measure][name]
            ratios = tuple(before / now for before, now in zip(each["before"], each["now"], strict=True))
            bar = bar or (_ENDS.get(name, "") if measure == "cpu_s" else "")
            yield Row(
                f"`yt360 {name}`: speed {words}", "ac3c3dc", ratios, bar, f"{statistics.median(each['now']):.2f} s"
            )


def _plan(printed: str) -> Iterator[Row]:
    found = _last_json(printed)
    pairs = [(each["before"], each["now"]) for each in found["rounds"] if "before" in each]
    seconds, megabytes = found["rounds"][0]["now"]
    note = f"{seconds:.1f} CPU s, {megabytes:.0f} MB"
    bar = "" if pairs else "< 20 s, < 1000 MB"
    peer = "ac3c3dc" if pairs else ""
    yield Row(
        f"plan of {found['items']:,} listed ids: speed, CPU", peer, tuple(a[0] / b[0] for a, b in pairs), bar, note
    )


def _loader(printed: str) -> Iterator[Row]:
    for line in printed.splitlines():
        if match := _RATIO.match(line):
            median, least, most, aim, what, peer = match.groups()
            ratios = (float(least), float(median), float(most))
            yield Row(f"loader, {what}: speed, CPU", peer, ratios, f">= {aim}" if aim else "")


def _reading(printed: str) -> Iterator[Row]:
    found = _last_json(printed)
    note = ", ".join(f"{name} {value} ms" for name, value in found["milliseconds"].items())
    yield Row(f"a sample of {found['views']} views, CPU", "", (), "", note)


def _many(printed: str) -> Iterator[Row]:
    found = _last_json(printed)
    each = f"{found['processes a clip']} processes and {found['work a clip, CPU s']} CPU s each"
    note = f"{found['clips']} clips of 10 s, {each}"
    yield Row(
        "many small clips: processes and files", "work of the stages", (found["share of overhead"],), "<= 0.10", note
    )


def _chunk_memory(printed: str) -> Iterator[Row]:
    found = _last_json(printed)
    note = ", ".join(f"{who} {megabytes} MB" for who, megabytes in found["MB"].items())
    yield Row(f"most memory of `chunk`, {found['minutes']} minutes of 4K", "", (), "< 600 MB", note)


def _panoptic(printed: str) -> Iterator[Row]:
    what = "panoptic maps, R101, short side 800: speed, CPU"
    found = _last_json(printed)
    for name, words, bar in (("fused", what, ">= 1.3"), ("bfloat16", f"{what}, `bfloat16`", "")):
        row = found[name]
        note = f"{row['cpu_s'] / len(row['faster']):.1f} CPU s a map"
        if row["equal"]:
            note += f", {100 * row['ids']:.2f} % of the ids of every map equal"
        yield Row(words, "detectron2", tuple(row["faster"]), bar, note)


def _step(printed: str) -> Iterator[Row]:
    ratios = tuple(float(number) for match in _STEP.finditer(printed) for number in match.groups())
    if not ratios:
        raise ValueError("no ratio")
    yield Row("training step: speed, CPU", "plain PyTorch loop", ratios, ">= 1.15")


def _tests(printed: str) -> Iterator[Row]:
    found = _last_json(printed)
    now, before = found["now"], found["before"]
    note = (
        f"{now['tests']} tests, {now['cpu_s']:.0f} CPU s; {before['tests']} tests, {before['cpu_s']:.0f} CPU s before"
    )
    yield Row("`make test`: wall time", found["against"], (now["wall_s"] / before["wall_s"],), "<= 0.6", note)


def _embed(printed: str) -> Iterator[Row]:
    rounds = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    yield Row("embed: speed", "decoding alone", tuple(each["speed against decoding alone"] for each in rounds))


def _filters(printed: str) -> Iterator[Row]:
    sums = re.findall(r"all of these \| [^|]* \| ([\d.]+) x real time", printed)
    yield Row("filters of a recording of ten seconds: speed, CPU", "real time", tuple(map(float, sums)))


def _scale(printed: str) -> Iterator[Row]:
    for what, measured in _last_json(printed).items():
        yield Row(what, "", (), "", str(measured))


def benchmarks(rounds: int, detectron2: Path | None = None) -> dict[str, Benchmark]:
    """All of them by name."""
    repeated = ("--rounds", str(rounds))
    recording = str(CHECKOUT / "../shared/media/G8pABGosD38l_17.webm")
    few = ("--rounds", str(min(rounds, 3)))
    floor = ("benchmarks.floor", "--json", "--files", "1", "--against", "")
    large = ("--sources", "hevc-3840", "vp9-5760", "av1-3840", "--rounds", "1")
    found = {
        "start": Benchmark(("benchmarks.start", "--json", *repeated), _start),
        "floor": Benchmark((*floor, "--sources", "h264-2560", "--profile", *few), _floor),
        "floor-4k": Benchmark((*floor, *large), _floor),
        "many-small": Benchmark(("benchmarks.many_small", "--json"), _many),
        "chunk-memory": Benchmark(("benchmarks.chunk_memory", "--json"), _chunk_memory),
        "plan": Benchmark(("benchmarks.scale_plan", "--json", "--items", "100000", *repeated), _plan),
        "plan-million": Benchmark(("benchmarks.scale_plan", "--json", "--against", ""), _plan),
        "loader": Benchmark(("benchmarks.loader_pairs", *repeated), _loader),
        "reading": Benchmark(("benchmarks.reading", "--json"), _reading),
        "step": Benchmark(("benchmarks.step", "--threads", "1", "--videos", "4", "--repeats", str(rounds)), _step),
        "embed": Benchmark(("benchmarks.embed_speed", "--json", "--minutes", "1"), _embed, rounds),
        "filters": Benchmark(("benchmarks.filters_cost", recording), _filters, rounds),
        "scale": Benchmark(("benchmarks.scale", "--items", "200000", "--parts", "local", "big"), _scale),
        "tests": Benchmark(("benchmarks.suite_time", "--json"), _tests),
    }
    if detectron2 is not None:
        sizes = ("--short-side", "800", "--pictures", str(rounds))
        found["panoptic"] = Benchmark(("benchmarks.segmentation_parity", str(detectron2), *sizes), _panoptic)
    return found


_DEFAULT = frozenset(benchmarks(1)) - {"tests"}


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


def _not_here(detectron2: Path | None) -> Iterator[Row]:
    """What has a bar and was not measured in this run."""
    if detectron2 is None:
        yield Row("panoptic maps, R101, short side 800", "detectron2", (), ">= 1.3", "not run: needs `--detectron2`")
    gpu = "not run here: `python -m benchmarks.step --device cuda --root DIR` on a GPU"
    yield Row("training step on a GPU: wait for data", "", (), "< 5 %", gpu)
    yield Row("`make test`: wall time", "ac3c3dc", (), "<= 0.6", "not run: `python -m benchmarks.speed --only tests`")


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
        f"{rounds} paired runs of each row that has a spread (of crawl to shards at most 3, of large files 1); "
        f"{minutes:.0f} minutes."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(benchmarks(1, Path())))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmark-data/speed"))
    parser.add_argument("--page", type=Path)
    parser.add_argument("--detectron2", type=Path, help="a checkout, to measure panoptic maps against")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    began, rows = time.monotonic(), []
    for name, benchmark in benchmarks(given.rounds, given.detectron2).items():
        if name in (given.only or _DEFAULT) or (given.only is None and name == "panoptic"):
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += run(name, benchmark, given.out)
    if given.only is None:
        rows += _not_here(given.detectron2)
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
