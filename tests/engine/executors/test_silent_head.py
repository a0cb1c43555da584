"""The head of a Ray cluster falls silent amid work: a named end, what was finished is kept, and the work goes on."""

from __future__ import annotations

import importlib.metadata
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import run_inline, states, toy_recipe, tree
from tests.inline import Inline
from yt360.engine import pipeline
from yt360.engine.executors import bounded_calls
from yt360.engine.executors import ray as executor
from yt360.engine.executors.ray import ClusterSilentError, RayExecutor
from yt360.engine.state import ledger
from yt360.engine.storage import Root

NAMES = [f"item{number}" for number in range(6)]


class _Remote:
    """What is called as ``.remote(…)``; like Ray, it hands out a reference and the result later."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call


class StubRay(types.ModuleType):
    """As much of Ray as the executor uses, in this process. The ``at``-th call of ``silent`` never comes back."""

    class exceptions:  # noqa: N801 - Ray's name
        class RayError(Exception):
            pass

    def __init__(self, silent: str, at: int) -> None:
        super().__init__("ray")
        self._silent, self._left, self.released = silent, at, threading.Event()
        self._results: dict[object, Any] = {}
        self.tasks = 0

    def _answer(self, what: str) -> None:
        if what == self._silent:
            self._left -= 1
            if self._left <= 0:
                self.released.wait()

    def _refer(self, result: Any) -> object:
        reference = object()
        self._results[reference] = result
        return reference

    def remote(self, kind: type) -> Any:
        def start(memory_limit_mb: int) -> Any:
            self._answer("start an actor")
            host = kind(memory_limit_mb)

            def do(task: Any) -> object:
                self._answer("give out a task")
                self.tasks += 1
                return self._refer(host.do(task))

            actor = types.SimpleNamespace()
            for name, call in (("ready", host.ready), ("close", host.close)):
                setattr(actor, name, _Remote(lambda call=call: self._refer(call())))
            actor.do = _Remote(do)
            return _Hashable(actor)

        return types.SimpleNamespace(options=lambda **_: _Remote(start))

    def is_initialized(self) -> bool:
        return False

    def init(self, **_: Any) -> None:
        self._answer("join")

    def shutdown(self) -> None:
        self._answer("leave")

    def nodes(self) -> list[dict[str, Any]]:
        self._answer("ask for nodes")
        return [{"Alive": True, "Resources": {"CPU": 2, "memory": 64 << 30}}]

    def wait(self, references: list[object], **_: Any) -> tuple[list[object], list[object]]:
        self._answer("wait")
        return references[:1], references[1:]

    def get(self, reference: object) -> Any:
        self._answer("fetch a result")
        return self._results.pop(reference)

    def kill(self, actor: object) -> None:
        self._answer("end an actor")


class _Hashable:
    def __init__(self, inner: types.SimpleNamespace) -> None:
        self.__dict__.update(vars(inner))


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int], StubRay]]:
    made: list[StubRay] = []

    def make(what: str, at: int) -> StubRay:
        made.append(StubRay(what, at))
        monkeypatch.setitem(sys.modules, "ray", made[-1])
        return made[-1]

    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2" if name == "ray" else real(name))
    monkeypatch.setattr(bounded_calls, "_stuck", threading.Event())
    monkeypatch.setattr(executor, "_ANSWER_S", 0.4)
    monkeypatch.setattr(executor, "_CONNECT_S", 0.4)
    monkeypatch.setattr(executor, "_LEAVE_S", 0.4)
    monkeypatch.setattr(executor, "_LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr(executor, "WorkerPool", _Here)
    yield make
    for one in made:
        one.released.set()


class _Here(Inline):
    def close(self) -> None:
        self.__exit__()


def _finished(root: Root) -> dict[str, int]:
    return {stage: len(ledger.latest(ledger.read(root.ledger / stage))) for stage in ("source", "misbehave", "gather")}


@pytest.mark.parametrize(
    ("what", "at"),
    [
        ("wait", 9),
        ("fetch a result", 12),
        ("give out a task", 9),
        ("ask for nodes", 14),
        ("start an actor", 4),
        ("end an actor", 3),
    ],
)
def test_a_head_that_falls_silent_ends_the_run_by_name_and_keeps_what_was_finished(
    silent: Callable[[str, int], StubRay],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    root: Root,
    what: str,
    at: int,
) -> None:
    made = toy_recipe(NAMES)
    stub = silent(what, at)
    options = pipeline.Options(min_free_bytes=0)
    monkeypatch.setattr(
        "yt360.engine.executors.ray.socket.create_connection", lambda *_: types.SimpleNamespace(close=lambda: None)
    )
    engine = RayExecutor("head:6379")
    with pytest.raises(ClusterSilentError, match=r"head:6379: the head of the Ray cluster did not answer .* is kept"):
        pipeline.run(made, root, options, engine=engine)
    kept = _finished(root)
    assert 1 <= sum(kept.values()) < 2 * len(NAMES) + 1
    assert sum(kept.values()) >= stub.tasks - 2  # at most what was in flight is done again
    again = run_inline(root, made)
    assert {stage.stage: stage.worked for stage in again.stages} == {
        "source": len(NAMES) - kept["source"],
        "misbehave": len(NAMES) - kept["misbehave"],
        "gather": 1,
    }
    undisturbed = Root(tmp_path / "undisturbed")
    run_inline(undisturbed, made)
    assert tree(root) == tree(undisturbed)
    assert states(root, made) == dict.fromkeys(NAMES, "done")


def test_a_head_that_is_silent_when_all_is_done_costs_nothing(
    silent: Callable[[str, int], StubRay], root: Root, caplog: pytest.LogCaptureFixture
) -> None:
    silent("leave", 1)
    made = toy_recipe(NAMES[:2])
    done = pipeline.run(made, root, pipeline.Options(min_free_bytes=0), engine=RayExecutor())
    assert (done.failed, done.worked) == ([], 5)
    assert "left without its leave" in caplog.text
