"""The contract of a stage: items in, outcomes out.

A stage knows nothing of how it is run. It gets an :class:`Item` and an empty work folder, writes
files only there, and returns an outcome. The engine checks what was written, moves it into place
in one step and then writes the record (see :mod:`yt360.engine.state.ledger`).

Measuring and deciding are separate. :meth:`Stage.process` measures (expensive, decodes media);
:meth:`Stage.decide` turns measures and thresholds into a verdict (cheap, pure). A new threshold
re-decides every finished item from its recorded measures and decodes nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from yt360.hashing import canonical_json, digest_bytes

if TYPE_CHECKING:
    from yt360.engine.state.dataset_state import DatasetState


@dataclass(frozen=True)
class Blob:
    """A file below the root: where it is (POSIX path relative to the root), its digest and size in bytes."""

    uri: str
    digest: str
    size: int

    def to_json(self) -> dict[str, Any]:
        return {"uri": self.uri, "digest": self.digest, "size": self.size}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Blob:
        return Blob(uri=value["uri"], digest=value["digest"], size=int(value["size"]))


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of work.

    ``id`` is unique within the stage and safe as a file name. ``source_id`` is the video it comes
    from. ``inputs`` are files by name; ``files`` are the same as local paths, filled in by the
    worker. ``meta`` (JSON values) takes part in the key. ``hints`` (JSON values) does not: it tells
    where or how to get something, not what will be made (a URL whose host changed is the same video).
    """

    id: str
    source_id: str
    inputs: Mapping[str, Blob] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    hints: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Child:
    """A part that a stage cut out of its item (a clip of a video): its own files and facts.

    ``outputs`` maps a name to a path relative to the work folder.
    """

    id: str
    outputs: Mapping[str, str]
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """The item was processed. ``outputs`` maps a name to a path relative to the work folder.

    ``measures`` are numbers and words that decisions and manifests are made from (JSON values; NaN
    and infinity are not JSON and are refused).
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, Any] = field(default_factory=dict)
    children: tuple[Child, ...] = ()


@dataclass(frozen=True)
class Filtered:
    """The item is understood and does not belong into the dataset.

    ``reason`` is a stable short code (``no-ambisonics``), ``detail`` says it in words with numbers.
    """

    reason: str
    detail: str
    measures: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The item could not be processed. ``kind`` is a stable short code; transient ones are retried."""

    kind: str
    error: str
    retryable: bool = False


Outcome = Done | Filtered | Failed


@dataclass(frozen=True)
class Resources:
    """What one item of a stage may use. ``timeout_s`` is wall-clock time; ``max_attempts`` caps retries."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_mb: int = 2048
    timeout_s: float = 600.0
    max_attempts: int = 3


class StageParams(BaseModel):
    """Parameters of a stage that change what it makes; part of the key. Unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class StageThresholds(StageParams):
    """Parameters that only decide; changing them re-decides from recorded measures."""


class Stage:
    """Base class of all stages. One instance serves many items in one worker process.

    Class attributes: ``name``; ``version`` (raise it when the same parameters give other bytes);
    ``params_type`` and ``thresholds_type`` (pydantic models); ``needs``; ``inputs`` (input name ->
    ``"stage.output"``, a trailing ``?`` marks it optional); ``after`` (stages whose verdict an item
    must have passed before this one sees it); ``flat_folder`` (outputs, one file an item, lie side by
    side in this folder of the root instead of in a folder of each item's own).
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    params_type: ClassVar[type[StageParams]] = StageParams
    thresholds_type: ClassVar[type[StageThresholds]] = StageThresholds
    needs: ClassVar[Resources] = Resources()
    inputs: ClassVar[Mapping[str, str]] = {}
    after: ClassVar[tuple[str, ...]] = ()
    flat_folder: ClassVar[str | None] = None

    def __init__(self, params: StageParams | None = None, thresholds: StageThresholds | None = None) -> None:
        self.params: Any = params if params is not None else self.params_type()
        self.thresholds: Any = thresholds if thresholds is not None else self.thresholds_type()

    def plan(self, catalog: DatasetState) -> Iterator[Item]:
        """The items of this stage, given what the stages before it left. Deterministic order.

        Raises :class:`yt360.errors.UsageError` when the parameters make no plan possible.
        """
        yield from catalog.items_after(self.after, self.inputs)

    def plan_settled(self, catalog: DatasetState, items: Sequence[Item]) -> None:
        """Called by the runner before the first item of a plan is worked on: remember what later plans must keep.

        :meth:`plan` itself only reads, because asking for the state of a root must not change it.
        """

    def setup(self) -> None:
        """Called once in each worker before the first item (load a model)."""

    def teardown(self) -> None:
        """Called once in each worker after the last item."""

    def process(self, item: Item, workdir: Path) -> Outcome:
        """Measure or make. Writes only below ``workdir``; may raise :class:`yt360.errors.ItemError`."""
        raise NotImplementedError

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        """Verdict from measures and ``self.thresholds`` alone: ``None`` keeps the item."""
        return None

    def check_output(self, name: str, path: Path) -> None:
        """Open and decode one output as a reader would. Raises :class:`yt360.errors.ItemError` if it is not whole."""

    def key(self, item: Item) -> str:
        """Digest of all that determines the outputs: stage, version, parameters, inputs, meta."""
        inputs = canonical_json({name: blob.digest for name, blob in item.inputs.items()}) if item.inputs else "{}"
        return self.key_of(inputs, canonical_json(dict(item.meta)) if item.meta else "{}")

    def key_of(self, inputs: str, meta: str) -> str:
        """The same, of canonical JSON: input name to digest, and meta."""
        return digest_bytes(self.key_text(inputs, meta).encode())

    def key_text(self, inputs: str, meta: str) -> str:
        """Canonical JSON of the five that :meth:`key` is the digest of; what all items share is spelled once."""
        return f'{{"inputs":{inputs},"meta":{meta},{self._key_tail}'

    @functools.cached_property
    def _key_tail(self) -> str:
        constant = {"params": self.params.model_dump(mode="json"), "stage": self.name, "version": self.version}
        return canonical_json(constant)[1:]

    def recorded_params(self, item: Item) -> dict[str, Any]:
        """The parameters that an item's record keeps: those that its outputs depend on."""
        params: dict[str, Any] = self.params.model_dump(mode="json")
        return params

    def decision_key(self) -> str:
        """Digest of the thresholds in force."""
        return self._decision_key

    @functools.cached_property
    def _decision_key(self) -> str:
        return digest_bytes(canonical_json(self.thresholds.model_dump(mode="json")).encode())
