"""The contract of a stage: items in, outcomes out.

A stage knows nothing of how it is run. It gets an :class:`Item` and an empty work folder, writes
files only there, and returns an outcome. The engine checks what was written, moves it into place
in one step and then writes the record (see :mod:`yt360.engine.state.ledger`).

Measuring and deciding are separate. :meth:`Stage.process` measures (expensive, decodes media);
:meth:`Stage.decide` turns measures and thresholds into a verdict (cheap, pure). A new threshold
re-decides every finished item from its recorded measures and decodes nothing.

A stage whose outcomes depend on all items together is a :class:`FanInStage`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from yt360.engine.items import AlikeItems, Blob, Child, Done, Failed, Filtered, Item, Outcome
from yt360.engine.state.entries import ChildEntry, ItemState
from yt360.engine.state.record import Record
from yt360.hashing import canonical_json, digest_bytes
from yt360.settings import Settings

__all__ = [
    "AlikeItems",
    "Blob",
    "Child",
    "ChildEntry",
    "Context",
    "DatasetView",
    "Done",
    "Failed",
    "FanInContext",
    "FanInStage",
    "Filtered",
    "Item",
    "ItemState",
    "Outcome",
    "Record",
    "Resources",
    "Stage",
    "StageParams",
    "StageThresholds",
]


@dataclass(frozen=True)
class Resources:
    """What one item of a stage may use. ``timeout_s`` is wall-clock time; ``max_attempts`` caps retries.

    A run that is asked to stop finishes what is in flight; what needs longer than ``grace_s`` is ended and done again.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    memory_mb: int = 2048
    timeout_s: float = 600.0
    max_attempts: int = 3
    grace_s: float = math.inf


class StageParams(Settings):
    """Parameters of a stage that change what it makes; part of the key."""


class StageThresholds(Settings):
    """Parameters that only decide; changing them re-decides from recorded measures."""


class DatasetView(Protocol):
    """What a stage may ask the dataset for when it plans. Nothing of it changes the dataset.

    A recipe may leave stages out: ask ``stages`` before asking for one that the stage can do without.
    """

    @property
    def stages(self) -> Mapping[str, object]:
        """The stages of the recipe by name, in order."""
        ...

    @property
    def state_dir(self) -> Path:
        """The folder of the root for what has to be remembered from run to run."""
        ...

    def items_after(self, after: Sequence[str], inputs: Mapping[str, str]) -> Iterator[Item]:
        """One item for each id that passes all of ``after`` (those in the recipe), in order of ids.

        An item that a stage of the same :attr:`Stage.item_kind` before this one in the recipe did not pass is left out,
        whether ``after`` names that stage or not. ``inputs`` maps a name to ``"stage.output"``; a trailing ``?``
        marks an output that may be absent.
        """
        ...

    def children_after(self, stage_name: str, after: Sequence[str] = ()) -> Iterator[ChildEntry]:
        """The parts of all items that pass ``stage_name`` and ``after``, in order of their ids."""
        ...

    def records(self, stage: str) -> Mapping[str, Record]:
        """The newest record of each item of a stage, whatever it says."""
        ...

    def passing(self, stage_name: str) -> Mapping[str, Record]:
        """The newest records of the items that pass a stage."""
        ...

    def entries(self, stage_name: str) -> Mapping[str, ItemState]:
        """Every planned item of a stage, and where it stands."""
        ...


@dataclass(frozen=True)
class Context:
    """Where an attempt works: ``workdir`` is empty and its own; ``state`` is the root's, on this machine."""

    workdir: Path
    state: Path


class Stage:
    """Base class of all stages. One instance serves many items in one worker process.

    Class attributes:

    ``name``, ``version``
        Raise the version when the same parameters give other bytes.
    ``params_type``, ``thresholds_type``
        Pydantic models.
    ``needs``
        What one item may use.
    ``inputs``
        Input name -> ``"stage.output"``; a trailing ``?`` marks it optional.
    ``after``
        Stages whose verdict an item must have passed before this one sees it.
    ``item_kind``
        A word for what the items are. Empty: the same as in the stages of ``after``, unless this stage has a plan of
        its own. An item that a stage filters goes into no later stage of the same kind.
    ``decides``
        ``False`` for a stage that only adds something: later stages wait for it only where they name it in ``after``.
    ``unkeyed``
        Parameters that say how or where from, not what: changing them makes nothing anew.
    ``params_vary_with``
        Name of an entry of :attr:`Item.meta` on which it depends which parameters matter (:meth:`keyed_params`).
    ``checks_inputs``
        The stage compares its inputs with their digests itself while it reads them (:mod:`yt360.engine.inputs`).
    ``id_in_key``
        The item's id is part of its key, under this name; empty inputs and meta are then left out of the key.
    ``parts_in``
        Name of the entry of :attr:`Item.meta` that lists the parts which an item joins. When a part is removed
        from the dataset, what joined it is made anew.
    ``flat_folder``
        Outputs, one file an item, lie side by side in this folder of the root instead of in a folder for each item.
    ``host_local``
        Entries of the root's state folder that stay on the machine that made them (unfinished files, sessions).
    ``mirrored``
        Single files of the root that are written beside the outputs and that readers need.
    ``ahead_for``
        A later stage that reads the same file and may be worked on together with this one (:mod:`yt360.engine.ahead`).
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    params_type: ClassVar[type[Settings]] = StageParams
    thresholds_type: ClassVar[type[Settings]] = StageThresholds
    needs: Resources = Resources()
    inputs: ClassVar[Mapping[str, str]] = {}
    after: ClassVar[tuple[str, ...]] = ()
    item_kind: ClassVar[str] = ""
    decides: ClassVar[bool] = True
    unkeyed: ClassVar[frozenset[str]] = frozenset()
    params_vary_with: ClassVar[str] = ""
    checks_inputs: ClassVar[bool] = False
    id_in_key: ClassVar[str] = ""
    parts_in: ClassVar[str] = ""
    flat_folder: ClassVar[str | None] = None
    host_local: ClassVar[frozenset[str]] = frozenset()
    mirrored: ClassVar[tuple[str, ...]] = ()
    ahead_for: ClassVar[str] = ""

    own_plan: ClassVar[bool] = False
    """Whether the stage plans itself; set by the engine."""
    own_key: ClassVar[bool] = False
    """Whether the stage makes its keys itself; set by the engine."""

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        cls.own_plan = cls.plan is not Stage.plan
        cls.own_key = cls.key is not Stage.key

    def __init__(self, params: Settings | None = None, thresholds: Settings | None = None) -> None:
        self.params: Any = params if params is not None else self.params_type()
        self.thresholds: Any = thresholds if thresholds is not None else self.thresholds_type()
        self._key_tails: dict[str, str] = {}

    @property
    def off(self) -> str:
        """Why these parameters switch the stage off, so that it plans no items; empty when they do not."""
        return ""

    def plan(self, dataset: DatasetView) -> Iterator[Item]:
        """The items of this stage, given what the stages before it left. Deterministic order; only reads.

        Raises :class:`yt360.errors.UsageError` when the parameters make no plan possible.
        """
        yield from dataset.items_after(self.after, self.inputs)

    def plan_in_blocks(self, dataset: DatasetView) -> Iterator[Item | AlikeItems]:
        """:meth:`plan`, where very many items may come as one."""
        yield from self.plan(dataset)

    def files_read(self) -> Sequence[Path]:
        """Files outside the root that :meth:`plan` reads: when one of them changes, so may the plan."""
        return ()

    def check(self) -> None:
        """Called before a run changes anything. Raises :class:`yt360.errors.UsageError` for what :meth:`plan` would
        refuse, as far as it shows without the dataset.
        """

    def remember(self, dataset: DatasetView, items: Sequence[Item]) -> None:
        """Called by the runner, alone on the root, before the first item of a plan is worked on.

        The place to write down, below ``dataset.state_dir``, what later plans must keep.
        """

    def prepare_host(self) -> None:
        """Called once by the runner before workers start, and only when there is work (download weights)."""

    def setup(self) -> None:
        """Called once in each worker before the first item (load a model).

        Raises :class:`yt360.errors.UsageError` for parameters with which no item can be worked on: the run ends there.
        """

    def teardown(self) -> None:
        """Called once in each worker after the last item."""

    def process(self, item: Item, context: Context) -> Outcome:
        """Measure or make. Writes only below ``context.workdir``; may raise :class:`yt360.errors.ItemError`."""
        raise NotImplementedError

    @property
    def works_ahead(self) -> bool:
        """Whether, with these parameters, what ``ahead_for`` is to make can be known before this stage has decided."""
        return bool(self.ahead_for)

    def process_ahead(self, item: Item, context: Context, later: Callable[[], None]) -> Outcome:
        """:meth:`process`, with ``later`` called where a reading can be shared: it does the later stage's work.

        The outcome is that of :meth:`process`, whatever becomes of ``later``. It need not be called.
        """
        later()
        return self.process(item, context)

    def plan_ahead(self, dataset: DatasetView) -> Callable[[Item], Item]:
        """Makes the item that :meth:`plan` will give, as far as can be told, of one that has its id and inputs."""
        return lambda item: item

    def decide(self, measures: Mapping[str, Any]) -> Filtered | None:
        """Verdict from measures and ``self.thresholds`` alone: ``None`` keeps the item."""
        return None

    def summary(self, measures: Mapping[str, Any]) -> str:
        """What the measures of an item say by the thresholds in force, in words, kept or not; empty: nothing to add."""
        return ""

    def check_output(self, name: str, path: Path) -> None:
        """Open and decode one output as a reader would; :meth:`setup` may not have been called.

        Raises :class:`yt360.errors.ItemError` if it is not whole.
        """

    def key(self, item: Item) -> str:
        """Digest of all that determines the outputs: stage, version, parameters, inputs, meta."""
        return digest_bytes(self.keyed_text(item).encode())

    def keyed_text(self, item: Item) -> str:
        """What :meth:`key` is the digest of."""
        inputs = canonical_json({name: blob.digest for name, blob in item.inputs.items()}) if item.inputs else "{}"
        meta = canonical_json(dict(item.meta)) if item.meta else "{}"
        tail = self._key_tail(item.meta)
        if not self.id_in_key:
            return _key_text(inputs, meta, tail)
        named = {self.id_in_key: canonical_json(item.id), "inputs": inputs, "meta": meta}
        given = [f'"{name}":{text}' for name, text in sorted(named.items()) if text != "{}"]
        return f"{{{','.join(given)},{tail}"

    def key_text(self, inputs: str, meta: str) -> str:
        """:meth:`keyed_text` from canonical JSON: input name to digest, and meta."""
        return _key_text(inputs, meta, self._key_tail({}))

    def _key_tail(self, meta: Mapping[str, Any]) -> str:
        """Canonical JSON of what items share; spelled once, for there may be a million of them."""
        kind = str(meta.get(self.params_vary_with)) if self.params_vary_with else ""
        if kind not in self._key_tails:
            constant = {"params": self.keyed_params(kind), "stage": self.name, "version": self.version}
            self._key_tails[kind] = canonical_json(constant)[1:]
        return self._key_tails[kind]

    def keyed_params(self, kind: str = "") -> dict[str, Any]:
        """The parameters that outputs depend on; ``kind`` is what the meta entry ``params_vary_with`` says."""
        params: dict[str, Any] = self.params.keyed(exclude=set(self.unkeyed))
        return params

    def recorded_params(self, item: Item) -> dict[str, Any]:
        """The parameters that an item's record keeps: those that its outputs depend on."""
        return self.keyed_params(str(item.meta.get(self.params_vary_with)) if self.params_vary_with else "")

    def decision_key(self) -> str:
        """Digest of the thresholds in force."""
        return self._decision_key

    @functools.cached_property
    def _decision_key(self) -> str:
        return digest_bytes(canonical_json(self.thresholds.keyed()).encode())


def _key_text(inputs: str, meta: str, tail: str) -> str:
    return f'{{"inputs":{inputs},"meta":{meta},{tail}'


class FanInContext(Protocol):
    """What the reduction of all items has at hand."""

    def path(self, blob: Blob) -> Path:
        """A local file with the content of an input."""
        ...

    def recall(self, name: str) -> str | None:
        """What :meth:`remember` was last given under a name; ``None`` where there is nothing."""
        ...

    def remember(self, name: str, text: str) -> None:
        """Keep a text in the root's state folder. It is there before the first record of this reduction."""
        ...


class FanInStage(Stage):
    """A stage whose outcomes depend on all items together: duplicates among them, a split of all of them.

    :meth:`plan` says of each item what is known of it (its inputs and meta): cheap, and asked by everyone. One job of
    one worker then calls :meth:`reduce` for all of them, when an item came, went or changed. An item whose outcome
    is the one on record keeps its record. Until then items stand as they stood, and those that came or changed wait.
    Outcomes have measures only, no files.
    """

    def reduce(self, items: Sequence[Item], context: FanInContext) -> Mapping[str, Outcome]:
        """An outcome for each item by id. May raise :class:`yt360.errors.ItemError`, which fails those that wait."""
        raise NotImplementedError

    def meta_of(self, outcome: Done | Filtered) -> Mapping[str, Any]:
        """What of an outcome makes up the key of its record: equal for equal outcomes, different for different ones."""
        return outcome.measures
