"""Which tests judge a module; the mutants themselves need a library that the tests do without."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import mutants

MODULES = {
    "engine/retry.py": "",
    "engine/inner.py": "",
    "engine/user.py": "from yt360.engine import inner\n",
    "engine/alone.py": "",
    "filters/one/same.py": "",
    "filters/two/same.py": "",
    "filters/two/settings.py": "",
}
TESTS = {
    "engine/test_retry.py": "from yt360.engine import inner\n",
    "engine/test_user.py": "from yt360.engine.user import run\n",
    "engine/test_large.py": "from yt360.engine.inner import x\n" + "#" * 500,
    "filters/one/test_same.py": "",
    "filters/two/test_other.py": "from yt360.filters.two.same import x\nfrom yt360.filters.two.settings import y\n",
    "cli/test_all.py": "import yt360.engine.alone\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {f"yt360/{name}": text for name, text in MODULES.items()}
    files |= {f"tests/{name}": text for name, text in TESTS.items()}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


RESULTS = "tests/filters/test_results_stay.py"


@pytest.mark.parametrize(
    ("module", "judges"),
    [
        ("engine/retry.py", ["tests/engine/test_retry.py"]),
        ("engine/inner.py", ["tests/engine/test_retry.py", "tests/engine/test_large.py"]),
        ("engine/user.py", ["tests/engine/test_user.py"]),
        ("engine/alone.py", ["tests/cli/test_all.py"]),
        ("filters/one/same.py", ["tests/filters/one/test_same.py", RESULTS]),
        ("filters/two/same.py", ["tests/filters/two/test_other.py", RESULTS]),
        ("filters/two/settings.py", ["tests/filters/two/test_other.py", RESULTS]),
    ],
)
def test_a_module_is_judged_by_what_mirrors_it_and_not_by_another_one_of_its_name(
    tree: Path, module: str, judges: list[str]
) -> None:
    assert mutants.mirrors(tree, f"yt360/{module}") == judges


def test_every_equivalent_mutant_is_of_a_line_that_is_there() -> None:
    """One whose line has changed says nothing any more."""
    for path, before, _ in mutants.equivalent():
        lines = (mutants.CHECKOUT / path).read_text(encoding="utf-8").splitlines()
        assert before.strip() in " ".join(map(str.strip, lines)), (path, before)
