"""A signal while nothing is in flight: a source that is being listed, weights that are being fetched."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import CHECKOUT
from tests.engine.conftest import Marks, run_inline, toy_recipe, tree
from tests.engine.toys import REGISTRY
from yt360.engine import pipeline, recipe
from yt360.engine.storage import Root


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("begun", [False, True], ids=["new root", "root with items"])
def test_a_listing_that_never_ends_is_left_at_the_first_signal(
    tmp_path: Path, number: signal.Signals, code: int, begun: bool
) -> None:
    """The signal was noted, and the run waited for the site until it was killed."""
    root = Root(tmp_path / "root")
    if begun:
        run_inline(root, toy_recipe(["a"]))
    before = tree(root)
    recipe = tmp_path / "toy.yaml"
    listing = tmp_path / "listing"
    recipe.write_text(
        json.dumps({"stages": {"source": {"names": ["a", "b"], "listing": str(listing)}, "misbehave": {}}})
    )
    words = [sys.executable, "-m", "tests.engine.toy_cli", "run", str(recipe), "--root", str(root.path)]
    process = subprocess.Popen(
        [*words, "--workers", "1", "--min-free-gb", "0"], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 60
        while not listing.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        said = process.communicate(timeout=15)[1].decode()
    finally:
        process.kill()
    assert process.returncode == code, said
    assert f"{number.name}: stopping" in said
    assert "run the same command again" in said
    assert "Traceback" not in said
    assert not list(root.path.rglob("*.partial"))
    assert not list(root.tmp.iterdir())
    assert tree(root) == before
    assert not run_inline(root, toy_recipe(["a", "b"])).failed
    assert sorted(path.name for path in (root.data / "source").iterdir()) == ["a", "b"]


def test_weights_that_are_fetched_for_ever_are_left_at_the_first_signal(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(_: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("it went on")

    made = toy_recipe(["a"])
    monkeypatch.setattr(type(made.stages[1]), "prepare_host", hangs)
    handler = signal.getsignal(signal.SIGTERM)
    result = pipeline.run(made, root, pipeline.Options(workers=1, min_free_bytes=0))
    assert result.interrupted == signal.SIGTERM
    assert [stage.stage for stage in result.stages] == ["source"]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_signal_while_items_are_in_flight_waits_for_them(root: Root, marks: Marks) -> None:
    made = recipe.build(
        {"stages": {"source": {"names": ["a", "b"]}, "misbehave": {"marks": marks.folder}}}, REGISTRY, [], where="test"
    )
    stage = type(made.stages[1])
    process = stage.process

    def told(self, item: Any, context: Any) -> Any:  # type: ignore[no-untyped-def]
        signal.raise_signal(signal.SIGTERM)
        return process(self, item, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "process", told)
        result = run_inline(root, made)
    assert result.interrupted == signal.SIGTERM
    assert result.stages[-1].counts["done"] >= 1
