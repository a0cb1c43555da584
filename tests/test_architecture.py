"""The rooms of the house: what may import what. Every import counts, those inside functions and for types included."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import CHECKOUT

PACKAGE = CHECKOUT / "yt360"


def _module(path: Path) -> str:
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_module(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def _imported(node: ast.AST, module: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, base] if base else above)
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            yield inner if inner in MODULES else base


def _imports(module: str) -> set[str]:
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    found = {name for node in ast.walk(tree) for name in _imported(node, module)}
    return (found & MODULES.keys()) - {module}


IMPORTS = {module: _imports(module) for module in MODULES}


def _circles() -> list[set[str]]:
    """Sets of modules that reach each other (Tarjan's strongly connected components of more than one)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(module: str) -> None:
        number[module] = low[module] = len(number)
        stack.append(module)
        for other in sorted(IMPORTS[module]):
            if other not in number:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], number[other])
        if low[module] == number[module]:
            circle = set()
            while True:
                member = stack.pop()
                circle.add(member)
                if member == module:
                    break
            if len(circle) > 1:
                found.append(circle)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        for module in sorted(MODULES):
            if module not in number:
                visit(module)
    finally:
        sys.setrecursionlimit(limit)
    return found


def test_no_module_imports_itself_through_others() -> None:
    assert _circles() == []


GROUND = (
    "errors", "hashing", "files", "redaction", "root_marker", "process_tag", "sphere", "ambisonics", "settings",
    "plugins", "shipped",
)  # fmt: skip
FORBIDDEN = {
    **{f"yt360.{room}": ("yt360.*",) for room in GROUND},
    "yt360.media": (
        "yt360.engine", "yt360.stages", "yt360.crawling", "yt360.filters", "yt360.segmentation", "yt360.dataset",
        "yt360.models", "yt360.training", "yt360.evaluation", "yt360.report", "yt360.view", "yt360.publishing",
        "yt360.synth", "yt360.release", "yt360.rebuild",
    ),
    "yt360.media.containers": tuple(f"yt360.media.{name}" for name in ("probe", "reading", "projection", "ambisonic")),
    "yt360.media.projection": tuple(f"yt360.media.{name}" for name in ("probe", "reading", "picture", "ambisonic")),
    "yt360.media.ambisonic": tuple(f"yt360.media.{name}" for name in ("probe", "reading", "containers", "projection")),
    "yt360.engine": (
        "yt360.stages", "yt360.filters", "yt360.crawling", "yt360.media", "yt360.segmentation", "yt360.dataset",
        "yt360.models", "yt360.training", "yt360.evaluation", "yt360.report", "yt360.view", "yt360.publishing",
        "yt360.synth", "yt360.release", "yt360.rebuild",
    ),
    "yt360.filters": ("yt360.stages", "yt360.training", "yt360.evaluation", "yt360.report"),
    **{
        f"yt360.filters.{question}": ("yt360.engine",)
        for question in ("stills", "post_production", "duplicates", "frame_of_reference")
    },
    "yt360.stages": (
        "yt360.engine.executors", "yt360.engine.pipeline", "yt360.engine.stage_run", "yt360.training",
        "yt360.evaluation", "yt360.models", "yt360.report", "yt360.release", "yt360.rebuild",
    ),
    "yt360.crawling": ("yt360.release", "yt360.rebuild"),
    "yt360.publishing": ("yt360.release", "yt360.rebuild"),
    "yt360.release": ("yt360.training", "yt360.evaluation", "yt360.models", "yt360.rebuild", "yt360.engine.executors"),
    "yt360.rebuild": ("yt360.training", "yt360.evaluation", "yt360.models", "yt360.engine.executors"),
    "yt360.dataset": ("yt360.engine", "yt360.stages", "yt360.training", "yt360.evaluation", "yt360.report"),
    "yt360.models": (
        "yt360.inference", "yt360.engine", "yt360.stages", "yt360.training", "yt360.evaluation", "yt360.report",
    ),
    "yt360.inference": (
        "yt360.engine", "yt360.stages", "yt360.filters", "yt360.crawling", "yt360.training", "yt360.evaluation",
        "yt360.report",
    ),
    "yt360.training": ("yt360.inference", "yt360.engine", "yt360.stages", "yt360.evaluation", "yt360.report"),
    "yt360.evaluation": ("yt360.engine", "yt360.stages", "yt360.report"),
    "yt360.view": (
        "yt360.crawling", "yt360.training", "yt360.evaluation", "yt360.models", "yt360.inference", "yt360.publishing",
        "yt360.release", "yt360.rebuild", "yt360.engine.executors", "yt360.engine.pipeline",
    ),
}  # fmt: skip
"""Room -> rooms that it must not know (``yt360.*``: all but the ground floor)."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("yt360.view.drawn_views", f"yt360.training.{module}"): "draws the views of a run again, from its plan of batches"
    for module in ("batch_plan", "recipe")
}
"""(module, module) -> why it may, for as long as it does."""


def _within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def _refused(module: str, others: tuple[str, ...]) -> bool:
    if others == ("yt360.*",):
        return module != "yt360" and not any(_within(module, f"yt360.{room}") for room in GROUND)
    return any(_within(module, other) for other in others)


@pytest.mark.parametrize("room", FORBIDDEN)
def test_arrows_point_down(room: str) -> None:
    found = {
        (module, other)
        for module in MODULES
        if _within(module, room)
        for other in IMPORTS[module]
        if _refused(other, FORBIDDEN[room])
    }
    assert sorted(found - EXCEPTIONS.keys()) == []


def test_only_the_command_line_knows_the_view() -> None:
    users = {module for module in MODULES if any(_within(other, "yt360.view") for other in IMPORTS[module])}
    assert {user for user in users if not _within(user, "yt360.view") and not _within(user, "yt360.cli")} == set()


def test_only_the_command_line_knows_the_command_line() -> None:
    users = {module for module in MODULES if any(_within(other, "yt360.cli") for other in IMPORTS[module])}
    assert {module for module in users if not _within(module, "yt360.cli")} <= {"yt360.__main__"}


def test_only_the_command_line_opens_the_view() -> None:
    users = {module for module in MODULES if any(_within(other, "yt360.view") for other in IMPORTS[module])}
    assert {module for module in users if not _within(module, "yt360.cli")} <= {
        module for module in MODULES if _within(module, "yt360.view")
    }


def test_exceptions_are_still_needed() -> None:
    assert [pair for pair in EXCEPTIONS if pair[1] not in IMPORTS.get(pair[0], set())] == []


def test_a_stage_asks_the_engine_for_its_contract_alone() -> None:
    """How the ledger lies on disk and how workers run is not a stage's to know."""
    known = {"yt360.engine.stage", "yt360.engine.items", "yt360.engine.recipe"}
    for module in MODULES:
        if _within(module, "yt360.stages") or _within(module, "yt360.crawling"):
            asked = {other for other in IMPORTS[module] if _within(other, "yt360.engine")}
            assert asked - known <= {"yt360.engine.object_store", "yt360.engine"}, module


def test_the_data_half_imports_no_torch() -> None:
    rooms = ("engine", "media", "filters", "stages", "crawling", "publishing")
    data = [module for module in MODULES if any(_within(module, f"yt360.{room}") for room in rooms)]
    script = (
        "import importlib, sys\n"
        f"for name in {data!r}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "word", ["video", "clip", "shard", "crawl", "panoptic", "yt-dlp", "youtube", "ambisonic", "shards.json"]
)
def test_the_engine_knows_nothing_of_video(word: str) -> None:
    named = re.compile(re.escape(word), re.IGNORECASE)
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}"
        for path in sorted((PACKAGE / "engine").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if named.search(line) and not _example(line)
    ]
    assert found == []


def _example(line: str) -> bool:
    """Examples of recipes in a docstring, and names of stages that only the recipe there has."""
    return line.startswith("      ") and ": {" in line and line.rstrip().endswith("}")


def _reached(module: str, files: dict[str, Path]) -> set[str]:
    """Everything that a module outside the package imports, directly or through others of ``files``."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        tree = ast.parse(files[waiting.pop()].read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            waiting += [name for name in names if name in files and name not in found]
            found.update(names)
    return found


OUTSIDE = {
    _module(path): path for room in ("fitting", "benchmarks") for path in sorted((CHECKOUT / room).rglob("*.py"))
}
JUDGES = "benchmarks.other_hands"


def test_nothing_is_fitted_on_what_judges() -> None:
    for module in OUTSIDE:
        if _within(module, "fitting"):
            assert not {name for name in _reached(module, OUTSIDE) if _within(name, JUDGES)}, module
    for module, path in MODULES.items():
        assert "other_hands" not in path.read_text(encoding="utf-8"), module


def test_what_judges_draws_nothing_of_our_own_world() -> None:
    own = ("fitting", "yt360.synth", "benchmarks.media_scenes", "benchmarks.media_sounds", "benchmarks.worlds")
    for module in OUTSIDE:
        if _within(module, JUDGES):
            reached = _reached(module, OUTSIDE)
            assert not {name for name in reached for room in own if _within(name, room)}, module
