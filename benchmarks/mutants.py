"""How many small faults the tests notice: `python -m benchmarks.mutants --out DIR [--seed 1] [--each 40]`.

Needs `benchmarks/requirements-mutants.txt`. cosmic-ray makes the mutants: of all possible ones in a package, `--each`
are drawn with equal chance (mutants of annotations, those with no effect on the syntax tree, and those that Python
cannot read do not count). Each is judged, in a copy of the checkout, by the tests that mirror its module, the slow ones
left out: the file of its name; where there is none, the files of its package that import it, or a module that does,
else all that import it; and those that hold what a whole package comes to (keys of stages, and results of filters whose
computing calls the module). A mutant is killed if a test fails, crashes or hangs; tests that would begin after
`--cpu-s` are not asked.
`benchmarks/equivalent_mutants.tsv` lists mutants that cannot be told from the original, with the reason.

`DIR/mutants-SEED.tsv` gets a row per mutant; a run that was ended goes on after the last one.

Mutants do what they do with your rights, and the code in hand removes files: a checkout in which mutants were judged
was once found empty. Run this in a container, or where everything but DIR is mounted read-only.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import csv
import difflib
import importlib.util
import itertools
import json
import os
import py_compile
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.worlds import machine
from yt360.filters.evaluation.precision_recall import wilson

CHECKOUT = Path(__file__).parents[1]
PACKAGES = ("filters", "engine", "stages", "dataset")
WHOLE_PACKAGE = {"filters": "tests/filters/test_results_stay.py", "stages": "tests/stages/test_keys.py"}
"""Tests that judge every module of a package."""

_OPTIONS = ("-x", "-q", "--no-header", "-p", "no:xdist", "-p", "no:cacheprovider")

EQUIVALENT = CHECKOUT / "benchmarks" / "equivalent_mutants.tsv"
OUTSIDE = ("numpy", "scipy.signal", "pandas", "pyarrow.parquet", "cv2", "av", "pydantic", "hypothesis", "torch")
"""Imported once, before each judging process is forked; nothing of yt360 may be among them."""


class Mutant(NamedTuple):
    """``before`` and ``after``: the lines that differ, stripped; ``line`` is the first of them, from 1."""

    path: str
    operator: str
    occurrence: int
    line: int
    before: str
    after: str

    @property
    def change(self) -> tuple[str, str, str]:
        """What names it however far its line moves."""
        return self.path, self.before, self.after


class _Reached:
    """A pytest plugin: the files whose functions each test calls in this process."""

    def __init__(self) -> None:
        self.files: dict[str, list[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        called: set[str] = set()
        sys.settrace(lambda frame, *_: called.add(frame.f_code.co_filename))
        try:
            yield
        finally:
            sys.settrace(None)
            self.files[item.nodeid] = sorted(called)


class _Limit:
    """A pytest plugin: no test begins after ``cpu_s``."""

    def __init__(self, cpu_s: float) -> None:
        self.ends, self.reached = _cpu_s() + cpu_s, False

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        if _cpu_s() > self.ends:
            self.reached, item.session.shouldstop = True, "enough"


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def copy_checkout(tree: Path) -> None:
    """Everything that git knows or would add, compiled; a folder ``shared`` beside the checkout stays reachable."""
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=CHECKOUT, text=True)
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, tree / name)
    shared = tree.parent / "shared"
    if not shared.is_symlink() and (CHECKOUT.parent / "shared").exists():
        shared.symlink_to((CHECKOUT.parent / "shared").resolve())
    subprocess.run([sys.executable, "-m", "compileall", "-q", "yt360"], cwd=tree, check=True)


def _without_annotations(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
    return ast.dump(tree)


def draw(tree: Path, package: str, seed: int) -> Iterator[tuple[Mutant, str]]:
    """All mutants of a package in an order drawn by ``seed``, each with the mutated text of its module."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    operators = [(name, get_operator(name)) for name in operator_names()]
    possible: list[tuple[Path, str, int]] = []
    for path in sorted((tree / "yt360" / package).rglob("*.py")):
        nodes = list(ast_nodes(get_ast_from_path(path)))
        for name, operator in operators:
            if not operator.arguments():
                positions = itertools.chain.from_iterable(operator().mutation_positions(node) for node in nodes)
                possible += [(path, name, occurrence) for occurrence, _ in enumerate(positions)]
    random.Random(f"{seed} {package}").shuffle(possible)
    for path, name, occurrence in possible:
        before = path.read_text(encoding="utf-8")
        try:
            after = mutate_code(before, get_operator(name)(), occurrence)
        except AttributeError:  # cosmic-ray cannot exchange an exception that is named with its module
            continue
        if after is None or after == before:
            continue
        try:
            if _without_annotations(before) == _without_annotations(after):
                continue
        except SyntaxError:  # an asterisk that multiplies nothing
            continue
        old, new = before.splitlines(), after.splitlines()
        matched = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        _, start, stop, other_start, other_stop = next(code for code in matched if code[0] != "equal")
        texts = (" ".join(line.strip() for line in lines) for lines in (old[start:stop], new[other_start:other_stop]))
        where = str(path.relative_to(tree))
        yield Mutant(where, name.removeprefix("core/"), occurrence, start + 1, *texts), after


def _imported(path: Path) -> set[str]:
    """Every dotted name that a file imports, with what it takes from modules and packages."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return found


def mirrors(tree: Path, module: str) -> list[str]:
    """The files of tests that judge a module (``yt360/engine/retry.py``), small ones first."""
    package, stem = module.split("/")[1], Path(module).stem
    files = sorted((tree / "tests" / package).rglob("test_*.py"), key=lambda path: path.stat().st_size)
    mirrored = (tree / "yt360" / path.relative_to(tree / "tests").with_name(f"{stem}.py") for path in files)
    named = [(path, of) for path, of in zip(files, mirrored, strict=True) if path.stem == f"test_{stem}"]
    chosen = [path for path, of in named if of == tree / module]
    # One in another folder may be of this module too, unless a module of that name is there.
    chosen = chosen or [path for path, of in named if not of.exists()]
    if not chosen:
        name = module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        chosen = [path for path in files if name in _imported(path)]
        if not chosen:
            others = (path for path in (tree / "yt360" / package).rglob("*.py") if name in _imported(path))
            users = {str(path.relative_to(tree).with_suffix("")).replace("/", ".") for path in others}
            chosen = [path for path in files if users & _imported(path)]
        chosen = chosen or [path for path in sorted((tree / "tests").rglob("test_*.py")) if name in _imported(path)]
    names = [str(path.relative_to(tree)) for path in chosen]
    return list(dict.fromkeys([*names, *filter(None, [WHOLE_PACKAGE.get(package)])]))


def tests_of_results(tree: Path) -> dict[str, list[str]]:
    """Of each module of filters whose functions they call: the tests of results, found in one run of all of them."""
    table = tree.parent / "called.json"

    def work() -> int:
        called = _Reached()
        answer = int(pytest.main([WHOLE_PACKAGE["filters"], *_OPTIONS], plugins=[called]))
        table.write_text(json.dumps(called.files), encoding="utf-8")
        return answer

    if in_a_fork(work, tree, 3600, 1800)[0] != pytest.ExitCode.OK:
        raise SystemExit(f"{WHOLE_PACKAGE['filters']} fails without a mutant: see {tree / 'judged.txt'}")
    found: dict[str, list[str]] = defaultdict(list)
    for test, files in json.loads(table.read_text(encoding="utf-8")).items():
        for path in map(Path, files):
            if path.is_relative_to(tree):
                found[str(path.relative_to(tree))].append(test)
    return found


def in_a_fork(work: Callable[[], int], cwd: Path, wall_s: float, cpu_s: float) -> tuple[int | None, float]:
    """What ``work`` returns in its own process group (None: it crashed or ran out of time), and its CPU seconds."""
    started = _cpu_s()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.chdir(cwd)
        os.environ["PYTHONPATH"] = str(cwd)
        sys.path.insert(0, str(cwd))
        for name in [name for name in sys.modules if name.split(".")[0] in ("yt360", "benchmarks", "tests")]:
            del sys.modules[name]
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s), int(cpu_s) + 1))
        with contextlib.suppress(BaseException):
            with (cwd / "judged.txt").open("wb", buffering=0) as said:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
            os._exit(work())
        os._exit(1)
    ends = time.monotonic() + wall_s
    status = None
    while status is None and time.monotonic() < ends:
        done, code = os.waitpid(pid, os.WNOHANG)
        status = code if done else None
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    if status is None:
        os.waitpid(pid, 0)
    answer = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None
    return answer, _cpu_s() - started


def judge(
    mutant: Mutant, text: str, tree: Path, limit_s: float, of_results: Mapping[str, list[str]]
) -> tuple[str, float]:
    """``killed``, ``survived`` or ``untested``, and the CPU seconds of the tests.

    Of the tests of results those are asked that call the module's functions (all, where none does: constants).
    """
    names = mirrors(tree, mutant.path)
    if WHOLE_PACKAGE["filters"] in names:
        names = [*names[:-1], *of_results.get(mutant.path, names[-1:])]
    if not names:
        return "untested", 0.0
    module = tree / mutant.path
    original = module.read_bytes()
    Path(importlib.util.cache_from_source(str(module))).unlink(missing_ok=True)
    module.write_text(text, encoding="utf-8")

    def work() -> int:
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        limit = _Limit(limit_s)
        answer = int(pytest.main([*names, *_OPTIONS], plugins=[limit]))
        return int(pytest.ExitCode.OK) if limit.reached and answer == pytest.ExitCode.INTERRUPTED else answer

    try:
        answer, used_s = in_a_fork(work, tree, 20 * limit_s, 3 * limit_s)
    finally:
        if not module.exists():  # the mutant deleted more than it should
            copy_checkout(tree)
        module.write_bytes(original)
        py_compile.compile(str(module))
    return "survived" if answer == pytest.ExitCode.OK else "killed", used_s


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def equivalent() -> set[tuple[str, str, str]]:
    return {(row["path"], row["before"], row["after"]) for row in _rows(EQUIVALENT)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=40, metavar="MUTANTS", help="of each package")
    parser.add_argument("--packages", nargs="+", default=list(PACKAGES), choices=PACKAGES)
    parser.add_argument("--cpu-s", type=float, default=40, help="of tests for one mutant")
    options = parser.parse_args()
    out: Path = options.out.resolve()
    tree = out / f"checkout-{options.seed}-{'-'.join(options.packages)}" / "yt360"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    copy_checkout(tree)
    for name in OUTSIDE:
        importlib.import_module(name)
    of_results = tests_of_results(tree) if "filters" in options.packages else {}
    same = equivalent()
    table = out / f"mutants-{options.seed}.tsv"
    if not table.exists():
        table.write_text("\t".join([*Mutant._fields, "fate", "cpu_s"]) + "\n", encoding="utf-8")
    fates = {(row["path"], row["operator"], int(row["occurrence"])): row["fate"] for row in _rows(table)}
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    draws = [itertools.islice(draw(tree, package, options.seed), options.each) for package in options.packages]
    # In turns, so that a run that is ended has asked as many of each package.
    for mutant, text in filter(None, itertools.chain.from_iterable(itertools.zip_longest(*draws))):
        fate = fates.get(mutant[:3])
        if fate is None:
            fate, used_s = judge(mutant, text, tree, options.cpu_s, of_results)
            row = "\t".join(map(str, [*mutant, fate, f"{used_s:.1f}"]))
            with table.open("a", encoding="utf-8") as file:
                file.write(row + "\n")
            print(row, flush=True)
        package = mutant.path.split("/")[1]
        counts[package]["equivalent" if fate != "killed" and mutant.change in same else fate] += 1
    print(f"seed {options.seed}, {machine()}")
    for package, found in counts.items():
        report(package, found)
    report("all", {fate: sum(found[fate] for found in counts.values()) for fate in ("killed", "survived", "untested")})


def report(name: str, found: dict[str, int]) -> None:
    """One line: survivors among the mutants that are not equivalent, with the 95 % Wilson interval."""
    survivors = found["survived"] + found["untested"]
    judged = found["killed"] + survivors
    low, high = wilson(survivors, judged)
    print(f"{name}: {survivors} of {judged} survived [{low:.3f}, {high:.3f}], {dict(found)}")


if __name__ == "__main__":
    main()
