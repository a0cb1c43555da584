"""Runs on a real Ray cluster of several nodes on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import CHECKOUT
from tests.engine.conftest import Marks, run, states, toy_recipe, tree
from yt360.engine import pipeline
from yt360.engine.state import ledger
from yt360.engine.storage import Root

ray = pytest.importorskip("ray", reason="no Ray here: pip install 'yt360[ray]'")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    from ray.cluster_utils import Cluster

    paths = str(CHECKOUT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", paths)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_DEDUP_LOGS", "0")
        patch.setenv("RAY_raylet_start_wait_time_s", "150")  # on a busy machine
        small: dict[str, Any] = {
            "num_cpus": 1,
            "object_store_memory": 80 << 20,
            "memory": 4 << 30,
            "include_dashboard": False,
        }
        made = Cluster(initialize_head=True, head_node_args={**small, "num_cpus": 0})
        made.add_node(**{k: v for k, v in small.items() if k != "include_dashboard"})
        ray.init(address=made.address, log_to_driver=False, logging_level="error")
        yield made
        ray.shutdown()
        made.shutdown()


def _run(root: Root, made: Any, **settings: Any) -> pipeline.RunResult:
    from yt360.engine.executors.ray import RayExecutor

    options = pipeline.Options(min_free_bytes=0)
    return pipeline.run(made, root, options, engine=RayExecutor(**settings))


@pytest.mark.parametrize(
    ("lies", "said", "mode"), [(True, "", "token"), (False, "", ""), (True, "disabled", "disabled")]
)
def test_token_that_lies_here_is_shown_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lies: bool, said: str, mode: str
) -> None:
    from yt360.engine.executors.ray import _show_token

    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", said)
    if not said:
        monkeypatch.delenv("RAY_AUTH_MODE")
    if lies:
        (tmp_path / ".ray").mkdir()
        (tmp_path / ".ray" / "auth_token").write_text("0" * 64)
    _show_token()
    assert os.environ.get("RAY_AUTH_MODE", "") == mode


def test_an_address_where_nothing_listens_is_refused_at_once() -> None:
    """Ray itself looked for a head at it for minutes, deaf to signals."""
    with socket.socket() as bound:  # bound and not listening: nobody else takes the port
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        code = f"from yt360.engine.executors.ray import RayExecutor; RayExecutor({address!r})"
        started = time.monotonic()
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert f"--address {address}: expected a Ray cluster" in ended.stderr
    assert "Connection refused" in ended.stderr
    assert time.monotonic() - started < 100


def test_ray_gives_the_bytes_of_a_local_run(cluster: Any, tmp_path: Path, root: Root) -> None:
    run(root, toy_recipe())
    other = Root(tmp_path / "on-ray")
    made = toy_recipe()
    assert not _run(other, made).failed
    assert tree(other) == tree(root)
    assert _run(other, made).worked == 0
    assert not list(other.ledger.rglob("*.open"))  # actors wound up


def test_item_that_ends_its_worker_three_times_is_set_aside_with_its_log(
    cluster: Any, root: Root, marks: Marks
) -> None:
    made = toy_recipe(["a", "bb"], behaviour={"bb": "segfault"}, marks=marks.folder)
    result = _run(root, made)
    assert states(root, made) == {"a": "done", "bb": "failed"}
    assert (marks("a"), marks("bb")) == (1, 3)
    failed = result.failed[0]
    assert failed.kind == "poison"
    assert "Segmentation fault" in failed.error
    assert "Segmentation fault" in (root.path / failed.log).read_text()


def test_node_that_dies_costs_its_items_one_more_attempt_and_nothing_else(
    cluster: Any, tmp_path: Path, root: Root, marks: Marks
) -> None:
    names = [f"item{n}" for n in range(6)]
    made = toy_recipe(names, seconds=0.6, marks=marks.folder)
    doomed = cluster.add_node(num_cpus=2, object_store_memory=80 << 20, memory=4 << 30)
    ended: list[pipeline.RunResult] = []
    thread = threading.Thread(target=lambda: ended.append(_run(root, made)))
    thread.start()
    try:
        deadline = time.monotonic() + 120
        while marks("*") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        cluster.remove_node(doomed, allow_graceful=False)
        thread.join(240)
    assert ended, "the run did not end"
    assert not ended[0].failed
    assert states(root, made) == dict.fromkeys(names, "done")
    undisturbed = Root(tmp_path / "undisturbed")
    run(undisturbed, toy_recipe(names))
    assert tree(root) == tree(undisturbed)
    lost = [r for r in ledger.read(root.ledger / "misbehave") if r.status == "failed"]
    assert {r.kind for r in lost} <= {"machine-lost"}
    assert len(lost) <= 2
    assert all(count <= 2 for count in map(marks, names))
