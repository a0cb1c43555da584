"""What is read when: every batch of a run, known beforehand from the recipe, the manifest and the seed.

A request names the clip and carries the seed of all its random choices, so the order and the
content of batches are the same with any number of workers and processes, and a run goes on in the
middle of an epoch by starting the plan there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yt360.dataset.manifest import ClipSplit
from yt360.errors import UsageError
from yt360.training.recipe import Phase, TrainingRecipe

_TRAIN, _TEST = 1, 2


@dataclass(frozen=True)
class Request:
    """One sample to make, of clip number ``clip`` of a split, which is of video number ``video`` of it.

    ``seed`` feeds :func:`numpy.random.default_rng`. ``augment``: change colours, flip and gain, as in
    training. ``phase`` and ``step`` say where in a run it is wanted.
    """

    split: str
    clip: int
    video: int
    seed: tuple[int, ...]
    augment: bool
    phase: int = 0
    step: int = 1


def video_batches(rng: np.random.Generator, videos: int, passes: int, batch: int) -> NDArray[np.int64]:
    """Batches ``(batches, batch)`` of video numbers in [0, videos), no number twice in a row.

    Each video comes ``passes`` times, in ``passes`` shuffled rounds. A batch that spans two rounds
    takes from the second only videos it does not hold yet; what is left over at the end is dropped.
    ``batch`` must not exceed ``videos``.
    """
    if videos < batch:
        raise ValueError(f"a batch of {batch} different videos cannot be drawn from {videos}")
    rows: list[NDArray[np.int64]] = []
    carry = np.empty(0, np.int64)
    for _ in range(passes):
        order = rng.permutation(videos)
        if len(carry):
            fresh = order[~np.isin(order, carry)][: batch - len(carry)]
            rows.append(np.concatenate([carry, fresh]))
            order = order[~np.isin(order, fresh)]
        whole = len(order) // batch * batch
        rows.extend(order[:whole].reshape(-1, batch))
        carry = order[whole:]
    return np.array(rows, np.int64).reshape(-1, batch)


def fit_batches(recipe: TrainingRecipe, videos: int, world: int = 1) -> tuple[TrainingRecipe, list[str]]:
    """``recipe`` with batches that ``videos`` training videos can fill, where it has ``shrink_batch``.

    Beside it a sentence for each phase that changed. A phase that fewer than 2 videos a process would be left for
    stays as it is (:class:`BatchPlan` refuses it).
    """
    if not recipe.shrink_batch:
        return recipe, []
    phases, said = [], []
    for phase in recipe.phases:
        most = videos // world * world
        if phase.batch > videos and most >= 2 * world:
            said.append(
                f"phase {phase.name}: batches of {most} videos instead of {phase.batch}, "
                f"since the training split holds {videos} (shrink_batch)"
            )
            phase = phase.model_copy(update={"batch": most})
        phases.append(phase)
    return recipe.model_copy(update={"phases": tuple(phases)}), said


_Slot = tuple[int, tuple[Any, Any]]
"""Place in a batch, and its video with the share of its clips to pick at."""


class BatchPlan:
    """All batches of a run for one of ``world`` processes.

    Raises :class:`UsageError` when the splits cannot serve the recipe.
    """

    def __init__(
        self, recipe: TrainingRecipe, train: ClipSplit, test: ClipSplit, *, rank: int = 0, world: int = 1
    ) -> None:
        self.recipe, self.train, self.test, self.rank, self.world = recipe, train, test, rank, world
        if not train.videos:
            raise UsageError(f"the manifest holds no usable clips of the split {train.name!r}: check data.train_split")
        for phase in recipe.phases:
            if phase.batch % world:
                raise UsageError(f"phase {phase.name}: batch {phase.batch} does not divide among {world} processes")
            if phase.batch // world < 2:
                raise UsageError(f"phase {phase.name}: batch {phase.batch} leaves fewer than 2 videos a process")
            self._epoch_length(phase)
        self.test_batch = min(max(recipe.evaluation.batch, world), len(test.videos)) // world * world
        if self.test_batch < 2:
            self.test_batch = 0

    def steps(self, phase: Phase) -> int:
        """Optimiser steps of a phase."""
        return phase.steps if phase.steps is not None else (phase.epochs or 0) * self.steps_per_epoch(phase)

    def steps_per_epoch(self, phase: Phase) -> int:
        """Optimiser steps that an epoch fills."""
        return max(1, self._epoch_length(phase) // self.recipe.run.accumulate)

    def about_held_out(self) -> str | None:
        """What a reader of the held-out measures must know where test videos are few."""
        wanted, videos = self.recipe.evaluation.batch, len(self.test.videos)
        if not self.test_batch:
            return (
                f"no held-out evaluation: the split {self.test.name!r} holds {videos} usable "
                f"video{'' if videos == 1 else 's'}, at least {max(2, self.world)} are needed. "
                "Enlarge the split (yt360 split --root … -p test_share=0.3, then yt360 shard --root …), or name "
                "another split with --set data.test_split=…"
            )
        if self.test_batch < wanted:
            return (
                f"held-out evaluation compares {self.test_batch} videos at a time instead of {wanted}, since the split "
                f"{self.test.name!r} holds {videos}: chance is 1/{self.test_batch}, and few videos make noisy numbers"
            )
        return None

    @property
    def test_batches(self) -> int:
        """Batches of one evaluation; 0 where the test split is too small for one."""
        rounds = self.recipe.evaluation.clips_per_video
        return len(self.test.videos) * rounds // self.test_batch if self.test_batch else 0

    def evaluates_after(self, phase: Phase, step: int) -> bool:
        """Whether an evaluation follows ``step`` (counted from 1)."""
        every = self.recipe.evaluation.every
        return self.test_batches > 0 and (step == self.steps(phase) or (every > 0 and step % every == 0))

    def requests(self, phase: int = 0, step: int = 0) -> Iterator[list[Request]]:
        """This process's batches from after ``step`` steps of phase number ``phase`` on, to the end of the run."""
        for number in range(phase, len(self.recipe.phases)):
            current = self.recipe.phases[number]
            stream = self._train_requests(number, step if number == phase else 0)
            for done in range(step if number == phase else 0, self.steps(current)):
                for _ in range(self.recipe.run.accumulate):
                    yield next(stream)
                if self.evaluates_after(current, done + 1):
                    yield from self._test_requests(number, done + 1)

    def _epoch_length(self, phase: Phase) -> int:
        videos = len(self.train.videos)
        if videos < phase.batch:
            raise UsageError(
                f"phase {phase.name}: a batch of {phase.batch} needs as many different videos, the split "
                f"{self.train.name!r} holds {videos}: add videos, or make batches smaller with --set "
                f"phases.{phase.name}.batch={videos}, or shrink_batch=true for all phases"
            )
        return videos * self.recipe.data.clips_per_video // phase.batch

    def _train_requests(self, number: int, step: int) -> Iterator[list[Request]]:
        phase, seed, accumulate = self.recipe.phases[number], self.recipe.seed, self.recipe.run.accumulate
        index = step * accumulate
        length = self._epoch_length(phase)
        while True:
            epoch, offset = divmod(index, length)
            rng = np.random.default_rng((seed, _TRAIN, number, epoch))
            batches = video_batches(rng, len(self.train.videos), self.recipe.data.clips_per_video, phase.batch)
            picks = rng.random(batches.shape)
            for videos, pick in zip(batches[offset:], picks[offset:], strict=True):
                yield [
                    Request(
                        split=self.train.name,
                        clip=_pick(self.train.clips_of[video], share),
                        video=int(video),
                        seed=(seed, _TRAIN, number, index, slot),
                        augment=True,
                        phase=number,
                        step=index // accumulate + 1,
                    )
                    for slot, (video, share) in self._own(list(enumerate(zip(videos, pick, strict=True))))
                ]
                index += 1

    def _test_requests(self, number: int, step: int) -> Iterator[list[Request]]:
        """The same windows and views at every evaluation of every phase."""
        rng = np.random.default_rng((self.recipe.seed, _TEST))
        rounds = self.recipe.evaluation.clips_per_video
        batches = video_batches(rng, len(self.test.videos), rounds, self.test_batch)
        picks = rng.random(batches.shape)
        for index, (videos, pick) in enumerate(zip(batches, picks, strict=True)):
            yield [
                Request(
                    split=self.test.name,
                    clip=_pick(self.test.clips_of[video], share),
                    video=int(video),
                    seed=(self.recipe.seed, _TEST, index, slot),
                    augment=False,
                    phase=number,
                    step=step,
                )
                for slot, (video, share) in self._own(list(enumerate(zip(videos, pick, strict=True))))
            ]

    def _own(self, slots: list[_Slot]) -> list[_Slot]:
        share = len(slots) // self.world
        return slots[self.rank * share : (self.rank + 1) * share]


def _pick(clips: NDArray[np.int64], share: float) -> int:
    return int(clips[min(len(clips) - 1, int(share * len(clips)))])
