"""What was registered before the run: sizes, cells in their order, hypotheses. The file is data; this reads it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from benchmarks.ladder.individuals import World
from benchmarks.ladder.measures import Effort
from benchmarks.ladder.models import Budget
from benchmarks.ladder.shards import WorldSize

FILE = Path(__file__).with_name("registration.yaml")


@dataclass(frozen=True)
class Cell:
    """One model of one seed, trained and judged on one world."""

    world: World
    model: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.world}/{self.model}-seed{self.seed}"


@dataclass(frozen=True)
class Side:
    """A measure of a model on a world, over all seeds."""

    world: World
    model: str
    measure: str


@dataclass(frozen=True)
class Hypothesis:
    """``better`` minus ``worse`` (and, where ``than`` is given, minus the difference of those two).

    ``expects`` above: the difference is above zero and at least ``least``; tie: it is within ``least`` of zero.
    Those of a ``family`` are corrected together.
    """

    name: str
    text: str
    better: Side
    worse: Side
    expects: Literal["above", "tie"]
    least: float
    than: tuple[Side, Side] | None = None
    family: str = "first"


@dataclass(frozen=True)
class Size:
    """How large a run is."""

    world: WorldSize
    budget: Budget
    effort: Effort
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Registration:
    """The file: ``text`` as it stands, its ``digest``, and what it says."""

    text: str
    world_seed: int
    sizes: dict[str, Size]
    groups: tuple[tuple[tuple[World, str], ...], ...]
    hypotheses: tuple[Hypothesis, ...]

    @property
    def rungs(self) -> tuple[tuple[World, str], ...]:
        """Each model with its world."""
        return tuple(rung for group in self.groups for rung in group)

    @property
    def digest(self) -> str:
        return hashlib.blake2b(self.text.encode(), digest_size=10).hexdigest()

    def cells(self, size: Size) -> list[Cell]:
        """In the order in which they run: group after group, in a group seed after seed."""
        return [Cell(*rung, seed) for group in self.groups for seed in size.seeds for rung in group]


def read(path: Path = FILE) -> Registration:
    """The registration in ``path``."""
    text = path.read_text(encoding="utf-8")
    fields = yaml.safe_load(text)
    rates = fields["tuning"]["chosen"]
    return Registration(
        text=text,
        world_seed=int(fields["world_seed"]),
        sizes={name: _size(values, rates) for name, values in fields["sizes"].items()},
        groups=tuple(
            tuple((world, model) for world, models in group.items() for model in models) for group in fields["rungs"]
        ),
        hypotheses=tuple(_hypothesis(values) for values in fields["hypotheses"]),
    )


def _size(values: dict[str, Any], rates: dict[str, float]) -> Size:
    return Size(
        world=WorldSize(values["train_videos"], values["test_videos"]),
        budget=Budget(values["steps"], values["views"], values["width"], {k: float(v) for k, v in rates.items()}),
        effort=Effort(
            values["head_train_samples"],
            values["head_test_samples"],
            values["head_epochs"],
            values["segmentation_epochs"],
        ),
        seeds=tuple(values["seeds"]),
    )


def _hypothesis(values: dict[str, Any]) -> Hypothesis:
    than = values.get("than")
    return Hypothesis(
        name=values["name"],
        text=values["text"],
        better=Side(*values["better"]),
        worse=Side(*values["worse"]),
        expects=values["expects"],
        least=float(values.get("least", 0)),
        than=(Side(*than[0]), Side(*than[1])) if than else None,
        family=values["family"],
    )
