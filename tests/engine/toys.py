"""Stages that are quick and do on purpose what real ones do by accident."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from yt360.engine.executors import local
from yt360.engine.recipe import Registry
from yt360.engine.stage import (
    Child,
    Context,
    DatasetView,
    Done,
    Failed,
    FanInContext,
    FanInStage,
    Filtered,
    Item,
    Outcome,
    Resources,
    Stage,
    StageParams,
    StageThresholds,
)
from yt360.errors import ItemError, UsageError
from yt360.hashing import digest_bytes


class SourceParams(StageParams):
    names: list[str] = []
    text: str = "hello"
    listing: str = ""
    """A file that is there once listing has begun; it then takes for ever."""


class Source(Stage):
    """One item a name; writes a file."""

    name = "source"
    params_type = SourceParams

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        for name in self.params.names:
            if self.params.listing:
                Path(self.params.listing).touch()
                time.sleep(600)
            yield Item(id=name, source_id=name, hints={"from": "nowhere"})

    def key(self, item: Item) -> str:
        return digest_bytes(f"{item.id} {self.params.text}".encode())  # who else is asked for changes nothing

    def process(self, item: Item, context: Context) -> Outcome:
        (context.workdir / "text.txt").write_text(f"{self.params.text} {item.id}\n")
        (context.workdir / "left-behind.tmp").write_text("a tool's litter")
        return Done(outputs={"text": "text.txt"}, measures={"length": len(item.id)})


class MisbehaveParams(StageParams):
    """``behaviour``: item id -> what happens to it. ``marks`` is a folder where attempts leave a file each."""

    behaviour: dict[str, str] = {}
    marks: str = ""
    seconds: float = 0.0


class MisbehaveThresholds(StageThresholds):
    longest: int = 100


class Misbehave(Stage):
    name = "misbehave"
    params_type = MisbehaveParams
    thresholds_type = MisbehaveThresholds
    needs = Resources(timeout_s=3.0, max_attempts=3)
    inputs: ClassVar[Mapping[str, str]] = {"text": "source.text"}
    after = ("source",)

    def process(self, item: Item, context: Context) -> Outcome:
        attempt = 0
        if self.params.marks:
            marks = Path(self.params.marks)
            attempt = len(list(marks.glob(f"{item.id}.*"))) + 1
            (marks / f"{item.id}.{attempt}-{os.getpid()}-{time.monotonic_ns()}").touch()
        time.sleep(self.params.seconds)
        how = self.params.behaviour.get(item.id, "")
        outcome = self._misbehave(how, attempt, item, context.workdir)
        if outcome is not None:
            return outcome
        text = item.files["text"].read_text()
        (context.workdir / "upper.txt").write_text(text.upper())
        parts = []
        for number in range(2):
            (context.workdir / f"{item.id}-{number}.txt").write_text(f"{text.strip()} part {number}\n")
            parts.append(Child(f"{item.id}-{number}", {"text": f"{item.id}-{number}.txt"}, {"number": number}))
        return Done(outputs={"upper": "upper.txt"}, measures={"length": len(text)}, children=tuple(parts))

    def _misbehave(self, how: str, attempt: int, item: Item, workdir: Path) -> Outcome | None:
        if how == "filter":
            return Filtered("unwanted", f"{item.id} is unwanted", {"length": 1})
        if how == "fail":
            return Failed("broken", "it is broken", retryable=False)
        if how == "wrong-use" and not Path(self.params.marks, "mended").exists():
            raise UsageError("expected a file that is mended")
        if how == "raise":
            raise RuntimeError("a bug")
        if how == "fail-twice" and attempt < 3:
            raise ItemError("shaky", "not yet", retryable=True)
        if how == "always-shaky":
            raise ItemError("shaky", "never", retryable=True)
        if how == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "segfault-once" and attempt == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "hang":
            # A decoder that hangs, in a process group of its own, as ffmpeg runs.
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
            Path(self.params.marks, f"child-{item.id}").write_text(str(child.pid))
            child.wait()
        if how == "nan":
            return Done(measures={"value": float("nan")})
        if how == "escape":
            return Done(outputs={"out": "../../../escaped.txt"})
        if how == "link":
            (workdir / "link").symlink_to("/etc/hostname")
            return Done(outputs={"out": "link"})
        if how == "empty":
            (workdir / "empty").touch()
            return Done(outputs={"out": "empty"})
        if how == "missing":
            return Done(outputs={"out": "nothing"})
        if how == "disk-full":
            raise OSError(28, "No space left on device")
        return None

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        if measures["length"] > self.thresholds.longest:
            return Filtered("too-long", f"{measures['length']} > {self.thresholds.longest}")
        return None

    def check_output(self, name: str, path: Path) -> None:
        if b"\0" in path.read_bytes():
            raise ItemError("corrupt", f"{path}: expected text, found a zero byte")


class Gather(Stage):
    """One item for all parts, as a shard is."""

    name = "gather"
    after = ("misbehave",)
    flat_folder = "gathered"

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        parts = list(dataset.children_after("misbehave"))
        if parts:
            yield Item(id="all", source_id="all", inputs={part.id: part.outputs["text"] for part in parts})

    def process(self, item: Item, context: Context) -> Outcome:
        texts = {name: path.read_text() for name, path in item.files.items()}
        (context.workdir / "all.json").write_text(json.dumps(texts, sort_keys=True))
        return Done(outputs={"all": "all.json"})


class CountParams(StageParams):
    count: int = 10


class Count(Stage):
    """As many items as it is told, of 15 bytes each."""

    name = "count"
    params_type = CountParams

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        for number in range(self.params.count):
            yield Item(id=f"item{number:08d}", source_id=f"item{number:08d}")

    def key(self, item: Item) -> str:
        return digest_bytes(item.id.encode())

    def process(self, item: Item, context: Context) -> Outcome:
        (context.workdir / "text.txt").write_text(f"hi {item.id}")
        return Done(outputs={"text": "text.txt"}, measures={"length": len(item.id)})


class Burn(Count):
    """The same, and each item costs a fixed amount of work for one core (about half a second)."""

    name = "burn"

    def process(self, item: Item, context: Context) -> Outcome:
        data = b"x" * (1 << 20)
        for _ in range(500):
            hashlib.blake2b(data).digest()
        return super().process(item, context)


class Second(Stage):
    """Takes what :class:`Count` leaves, with the plan and the keys that every stage has; in two parts."""

    name = "second"
    inputs: ClassVar[Mapping[str, str]] = {"text": "count.text"}
    after = ("count",)

    def process(self, item: Item, context: Context) -> Outcome:
        for number in range(2):
            (context.workdir / f"{number}.txt").write_text(f"{number} {item.id}")
        parts = tuple(Child(f"{item.id}-{number}", {"text": f"{number}.txt"}) for number in range(2))
        (context.workdir / "text.txt").write_text(item.files["text"].read_text().upper())
        return Done(outputs={"text": "text.txt"}, children=parts)


class Third(Stage):
    name = "third"
    inputs: ClassVar[Mapping[str, str]] = {"text": "second.text", "first": "count.text", "more": "second.more?"}
    after = ("count", "second")

    def process(self, item: Item, context: Context) -> Outcome:
        (context.workdir / "text.txt").write_text(item.files["text"].read_text() + item.files["first"].read_text())
        return Done(outputs={"text": "text.txt"})


class DropParams(StageParams):
    unwanted: list[str] = []


class Drop(Stage):
    """A filter that no stage behind it names."""

    name = "drop"
    params_type = DropParams
    after = ("count",)

    def process(self, item: Item, context: Context) -> Outcome:
        return Filtered("unwanted", item.id) if item.id in self.params.unwanted else Done()


class Describe(Drop):
    """The same, but it only adds something."""

    name = "describe"
    decides = False


class RankParams(StageParams):
    """``behaviour``: item id -> what happens to it, or ``all`` -> what happens to the whole reduction."""

    behaviour: dict[str, str] = {}
    longest: int = 100


class Rank(FanInStage):
    """Each item's place among all, by the length of its name; leaves a line in ``state/ranked.txt`` each time."""

    name = "rank"
    params_type = RankParams
    unkeyed = frozenset({"behaviour"})
    needs = Resources(max_attempts=2)
    inputs: ClassVar[Mapping[str, str]] = {"text": "misbehave.upper"}
    after = ("misbehave",)

    def reduce(self, items: Sequence[Item], context: FanInContext) -> Mapping[str, Outcome]:
        how = self.params.behaviour
        context.remember(
            "ranked.txt", (context.recall("ranked.txt") or "") + " ".join(item.id for item in items) + "\n"
        )
        if how.get("all") == "shaky":
            raise ItemError("shaky", "not today", retryable=True)
        if how.get("all") == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how.get("all") == "forget":
            return {}
        ranked = sorted(items, key=lambda item: (len(context.path(item.inputs["text"]).read_text()), item.id))
        outcomes: dict[str, Outcome] = {}
        for place, item in enumerate(ranked):
            outcomes[item.id] = Done(measures={"place": place})
            if how.get(item.id) == "filter":
                outcomes[item.id] = Filtered("last", "it comes last", {"place": place})
            if how.get(item.id) == "fail":
                outcomes[item.id] = Failed("broken", "it cannot be ranked")
            if how.get(item.id) == "shaky":
                outcomes[item.id] = Failed("shaky", "not today", retryable=True)
            if how.get(item.id) == "file":
                outcomes[item.id] = Done(outputs={"text": "text.txt"})
        return outcomes


REGISTRY = Registry(
    stages={
        "source": "tests.engine.toys:Source",
        "misbehave": "tests.engine.toys:Misbehave",
        "gather": "tests.engine.toys:Gather",
        "count": "tests.engine.toys:Count",
        "burn": "tests.engine.toys:Burn",
        "second": "tests.engine.toys:Second",
        "third": "tests.engine.toys:Third",
        "drop": "tests.engine.toys:Drop",
        "describe": "tests.engine.toys:Describe",
        "rank": "tests.engine.toys:Rank",
    },
)


def sleep_ignoring_signals(state: dict[str, Any], seconds: float) -> str:
    """A task for the pool."""
    time.sleep(seconds)
    return "slept"


def spawn_and_sleep(state: dict[str, Any], mark: str) -> None:
    """Starts a process in a group of its own, says its id, and waits."""
    child = subprocess.Popen(["sleep", "600"], process_group=0)
    Path(mark).write_text(f"{os.getpid()} {child.pid}")
    child.wait()


def decode_and_size(state: dict[str, Any], number: int) -> int:
    """Decodes a second of sound with the library that the stages use; the worker's resident bytes."""
    import av
    import numpy as np

    if "sound" not in state:
        held = io.BytesIO()
        with av.open(held, "w", format="flac") as container:
            stream = container.add_stream("flac", rate=24_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 24_000), np.int16), format="s16", layout="mono")
            frame.sample_rate = 24_000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
        state["sound"] = held.getvalue()
    with av.open(io.BytesIO(state["sound"]), "r") as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 24_000
    return local._resident_bytes()


def grow(state: dict[str, Any], megabytes: int) -> int:
    """Holds on to memory, as a leaking decoder does; returns the worker's id."""
    state.setdefault("held", []).append(bytearray(os.urandom(1 << 20) * megabytes))
    return os.getpid()


def threads_of_libraries(state: dict[str, Any], _: None) -> dict[str, int]:
    """How many threads each library that does sums would use here."""
    import cv2
    import torch
    from threadpoolctl import threadpool_info

    found = {str(each["filepath"]): int(each["num_threads"]) for each in threadpool_info()}
    return found | {"torch": torch.get_num_threads(), "cv2": cv2.getNumThreads()}
