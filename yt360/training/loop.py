"""The training loop: phases, steps, evaluation, checkpoints; the same on one process and on many."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from yt360.dataset import manifest
from yt360.dataset.manifest import ClipSplit
from yt360.errors import UsageError, Yt360Error
from yt360.files import atomic_write_text
from yt360.hashing import digest_json
from yt360.models import folder
from yt360.models.spectrogram import SpatialSpectrogram
from yt360.training import checkpoints
from yt360.training.batch_plan import BatchPlan, fit_batches
from yt360.training.checkpoints import State
from yt360.training.distributed import (
    Processes,
    barrier,
    mean_over_processes,
    processes,
    smallest_over_processes,
    sum_over_processes,
)
from yt360.training.input_statistics import sound_examples
from yt360.training.loader import data_loader
from yt360.training.metrics_log import MetricsLog, bar_text, last_evaluations, memory_mb, rewind
from yt360.training.recipe import Phase, TrainingRecipe, read_resolved
from yt360.training.run_card import run_card
from yt360.training.run_lock import differing_names, only_run, stop_on_signals
from yt360.training.samples import Batch
from yt360.training.start_from import read_start
from yt360.training.step import TrainStep

_BAD_SHARE = 0.01
_BAD_JUDGED_FROM = 100
_LEAVES = ("checkpoints/", "model/", "recipe.json", "log.jsonl")
"""What a run writes into its folder."""


class TrainingError(Yt360Error):
    """The run cannot go on; what is on disk stays good."""


@dataclass(frozen=True)
class TrainingSummary:
    """How a run ended: ``evaluations`` holds each phase's last measures, ``model`` is the finished model's folder."""

    steps: int
    interrupted: bool
    seen: int
    bad: int
    evaluations: dict[str, dict[str, float]]
    model: Path | None


def train(recipe: TrainingRecipe, root: str, out: Path, *, progress: bool = True) -> TrainingSummary:
    """Train what ``recipe`` says on the shards below ``root`` and leave log, checkpoints and model in ``out``.

    A run that was interrupted goes on from its last checkpoint with the same losses as if it had not
    been; a finished one is left alone. SIGTERM and SIGINT end it after the current step, with a
    checkpoint. Raises :class:`UsageError` for what does not fit, :class:`TrainingError` when the loss
    is not finite or more than 1 % of the samples are bad.
    """
    with processes(recipe.run.device) as group, only_run(out, first=group.first, holds=_LEAVES):
        run = _Run(recipe, root, out, group, progress=progress)
        try:
            return run.go()
        finally:
            run.close()


class _Run:
    def __init__(self, recipe: TrainingRecipe, root: str, out: Path, group: Processes, *, progress: bool) -> None:
        self.out, self.group = out, group
        self.device = group.device
        if recipe.run.threads is not None:
            torch.set_num_threads(recipe.run.threads)
        table = manifest.read_table(root)
        names = (recipe.data.train_split, recipe.data.test_split)
        rate = recipe.sound.sample_rate_hz
        self.splits = [manifest.load_split(root, name, recipe.data, rate, table=table) for name in names]
        manifest.check_shards(root, self.splits)
        if recipe.run.device_views:
            _require_one_size(root, self.splits)
        recipe, self.changes = fit_batches(recipe, len(self.splits[0].videos), group.world)
        self.recipe = recipe
        self.plan = BatchPlan(recipe, *self.splits, rank=group.rank, world=group.world)
        self.root = root

        self.folder = out / "checkpoints"
        folder.require_replaceable(out / "model")
        # What a run that goes on began with may be gone by now.
        self.start = read_start(recipe) if not folder.list_checkpoints(self.folder) else None
        self.checkpoint = self._open_out()
        self.state = checkpoints.read_state(self.checkpoint) if self.checkpoint else State()
        digest = digest_json([split.digest for split in self.splits])
        if self.checkpoint and self.state.manifest != digest:
            raise UsageError(f"{out}: this run began on another dataset than {root} holds now: use a new --out")
        self.state.manifest = digest
        barrier()
        steps = [self.plan.steps(phase) for phase in recipe.phases]
        if self.state.phase >= len(steps) or self.state.step > steps[self.state.phase]:
            raise UsageError(
                f"{self.checkpoint}: expected a state of at most step {steps[-1]} of phase {len(steps) - 1}, found "
                f"step {self.state.step} of phase {self.state.phase}; remove the folder"
            )
        self.steps_before = np.concatenate([[0], np.cumsum(steps)]).tolist()
        last = len(recipe.phases) - 1
        at_end = (self.state.phase, self.state.step) == (last, self.plan.steps(recipe.phases[last]))
        self.finished = self.checkpoint is not None and at_end and folder.config_of(out / "model") is not None
        if group.first and not self.finished:
            rewind(out / "log.jsonl", self.state.phase, self.state.step)
        self.log = MetricsLog(
            out,
            active=group.first,
            total=self.steps_before[-1],
            done=self.steps_before[self.state.phase] + self.state.step,
            tensorboard=recipe.run.tensorboard,
            progress=progress,
        )

        self.spectrogram = SpatialSpectrogram(recipe.sound).to(self.device)
        self.train_step: TrainStep | None = None
        self.evaluations = last_evaluations(out / "log.jsonl") if self.checkpoint else {}  # before an interruption
        self.asked = False
        self.stopping = False
        self.pending: tuple[Tensor, Batch, int] | None = None
        self.waited_s, self.interval_steps = 0.0, 0
        self.previous_clips: tuple[str, ...] = ()

    def close(self) -> None:
        self.log.close()

    def _ask_to_stop(self) -> None:
        self.asked = True

    def go(self) -> TrainingSummary:
        recipe, state = self.recipe, self.state
        if self.checkpoint is None:
            about = {"recipe": recipe.name, "mode": recipe.mode, "device": str(self.device), "changes": self.changes}
            splits = {
                split.name: {"clips": len(split.clips), "videos": len(split.videos), "too_short": list(split.short)}
                for split in self.splits
            }
            switches = recipe.behaviour.model_dump(mode="json")
            self.log.write("start", **about, switches=switches, processes=self.group.world, **splits)
            for sentence in (*self.changes, self.plan.about_held_out()):
                if sentence is not None:
                    self.log.say(sentence)
        if self.finished:
            return self._summary()

        with stop_on_signals(self._ask_to_stop):
            stream = iter(data_loader(recipe, self.root, self.splits, self.plan, state, self.device))
            for number in range(state.phase, len(recipe.phases)):
                self._begin_phase(number)
                self._run_phase(number, stream)
                if self.stopping:
                    break
            del stream
        if not self.stopping:
            self._judge_bad(final=True)
            tensors = folder.model_tensors(self._train_step.model, self.spectrogram)
            if self.group.first:
                measured = last_evaluations(self.out / "log.jsonl")
                card = run_card(recipe, self.splits, measured, self._train_step.model)
                folder.write_model(self.out / "model", tensors, recipe.description(self._steps()), card)
            self.log.write("end", steps=self.steps_before[-1], seen=state.seen, bad=state.bad)
        barrier()
        return self._summary()

    def _steps(self) -> tuple[int, ...]:
        """Steps of each phase up to now."""
        done = self.steps_before[: self.state.phase + 1]
        return (*(after - before for before, after in itertools.pairwise(done)), self.state.step)

    def _summary(self) -> TrainingSummary:
        return TrainingSummary(
            steps=self.steps_before[self.state.phase] + self.state.step,
            interrupted=self.stopping,
            seen=self.state.seen,
            bad=self.state.bad,
            evaluations=self.evaluations,
            model=None if self.stopping else self.out / "model",
        )

    def _open_out(self) -> Path | None:
        """Write the resolved recipe, or check that this folder's run is the same one; the checkpoint to go on from."""
        path = self.out / "recipe.json"
        found = folder.list_checkpoints(self.folder)
        if path.exists():
            theirs = read_resolved(path).identity()
            if found and (differing := differing_names(theirs, self.recipe.identity())):
                raise UsageError(
                    f"{self.out}: holds another run, which differs in {', '.join(differing[:5])}: "
                    "use a new --out, or the recipe of that run (recipe.json in it)"
                )
        if self.group.first:
            atomic_write_text(path, self.recipe.model_dump_json(indent=1) + "\n")
        return found[-1] if found else None

    @property
    def _train_step(self) -> TrainStep:
        assert self.train_step is not None, "a phase has begun"
        return self.train_step

    def _begin_phase(self, number: int) -> None:
        """A fresh model (encoders taken over) and a fresh optimiser, or both from the checkpoint."""
        recipe, earlier = self.recipe, self.train_step
        train_step = self.train_step = TrainStep(recipe, number, self.device, self.spectrogram)
        resumed = self.checkpoint if self.state.phase == number else None
        if self.checkpoint is not None and earlier is None:
            tensors, _ = folder.read_model(self.checkpoint)
            folder.load_into(train_step.model, folder.without_front_end(tensors), self.checkpoint)
            folder.load_front_end(self.spectrogram, tensors, self.checkpoint)
        elif earlier is not None:
            train_step.take_encoders(earlier.model)
        elif self.start is not None:
            self.start.load_into(train_step.model, self.spectrogram)
        else:
            sound, matrices = sound_examples(recipe, self.root, self.splits[0])
            self.spectrogram.fit(sound.to(self.device), matrices.to(self.device))
        train_step.prepare(
            steps=self.plan.steps(recipe.phases[number]),
            rank=self.group.rank,
            world=self.group.world,
            checkpoint=resumed,
            scaler=self.state.scaler or None,
        )
        if resumed is None:
            self.state.phase, self.state.step, self.state.interval = number, 0, {}
        self.checkpoint = None
        self.interval_began = time.perf_counter()

    def _run_phase(self, number: int, stream: Iterator[Batch]) -> None:
        phase, run = self.recipe.phases[number], self.recipe.run
        total = self.plan.steps(phase)
        self._train_step.wrapped.train()
        while self.state.step < total and not self.stopping:
            step = self.state.step + 1
            self._step(phase, step, stream)
            self.state.step = step
            evaluates = self.plan.evaluates_after(phase, step)
            saves = step % run.checkpoint_every == 0 or step == total
            logs = step % run.log_every == 0 or step == total
            if logs or saves or evaluates or self.stopping or self.device.type == "cpu":
                self._confirm(phase)
            if logs:
                self._log_interval(phase)
            if evaluates:
                self._evaluate(phase, stream)
            self._judge_bad()
            if saves or self.stopping:
                self._save()

    def _step(self, phase: Phase, step: int, stream: Iterator[Batch]) -> None:
        """One optimiser step, unless no batch is left of it after bad samples are taken out."""
        batches = [self._next(stream, phase, step) for _ in range(self.recipe.run.accumulate)]
        usable = [batch for batch in batches if batch is not None]
        self._confirm(phase)
        if not usable:
            self.log.say(f"phase {phase.name}, step {step}: fewer than 2 good samples, no step taken")
            return
        asked = torch.tensor([float(self.asked)], device=self.device)
        measures = torch.cat([self._train_step.step(step, usable), asked])
        self.pending = (mean_over_processes(measures), usable[-1], step)

    def _next(self, stream: Iterator[Batch], phase: Phase, step: int, *, train: bool = True) -> Batch | None:
        """The next batch on the device, or None when too few of its samples are good (on any process)."""
        began = time.perf_counter()
        batch = next(stream)
        self.waited_s += time.perf_counter() - began
        if (batch.phase, batch.step) != (self.state.phase, step):
            raise TrainingError(f"the plan gave step {batch.step} of phase {batch.phase} at step {step}; report this")
        for bad in batch.bad:
            self.log.say(f"bad sample: {bad.error}")
            where = {"phase_number": self.state.phase, "step": step, "clip": bad.clip}
            self.log.write("bad-sample", **where, error_kind=bad.kind, error=bad.error)
        if train:
            self.state.seen += sum_over_processes(len(batch.clips) + len(batch.bad), self.device)
            self.state.bad += sum_over_processes(len(batch.bad), self.device)
        count = smallest_over_processes(len(batch.clips), self.device)
        # In training each process needs two of its own; a held-out video is told from those of all processes.
        if count < (2 if train or self.group.world == 1 else 1):
            return None
        return (batch if count == len(batch.clips) else batch.first(count)).to(self.device)

    def _confirm(self, phase: Phase) -> None:
        """Read the measures of the step before (one transfer, after the next step was launched)."""
        if self.pending is None:
            return
        (measures, batch, step), self.pending = self.pending, None
        loss, avc, avsa, stopping = measures.tolist()
        if not math.isfinite(loss):
            self._not_finite(phase, step, batch)
        self.stopping |= stopping > 0
        interval = self.state.interval
        for name, value in (("loss", loss), ("avc", avc), ("avsa", avsa), ("steps", 1.0)):
            if not math.isnan(value):
                interval[name] = interval.get(name, 0.0) + value
        self.previous_clips = batch.clips
        self.interval_steps += 1
        wait_s = self.waited_s / self.interval_steps
        self.log.step(phase.name, bar_text(loss, avc, avsa, wait_s, memory_mb(self.device)))

    def _not_finite(self, phase: Phase, step: int, batch: Batch) -> None:
        clips: list[Any] = [batch.clips]
        if self.group.world > 1:
            clips = [None] * self.group.world
            dist.all_gather_object(clips, batch.clips)
        names = [clip for part in clips for clip in part]
        self.log.write(
            "not-finite", phase_number=self.state.phase, step=step, clips=names, clips_before=list(self.previous_clips)
        )
        raise TrainingError(
            f"phase {phase.name}, step {step}: the loss is not finite. Clips of the batch: {', '.join(names)}. "
            f"Look at them with yt360 explain; checkpoints up to here are good ({self.folder}); "
            "a lower optimiser.learning_rate or run.precision: fp32 may help"
        )

    def _log_interval(self, phase: Phase) -> None:
        interval, self.state.interval = self.state.interval, {}
        steps = interval.get("steps", 0.0)
        if not steps:
            return
        elapsed = time.perf_counter() - self.interval_began
        measures: dict[str, float | None] = {
            "loss": interval["loss"] / steps,
            "avc_accuracy": interval["avc"] / steps,
            "avsa_accuracy": interval["avsa"] / steps if "avsa" in interval else None,
        }
        speed: dict[str, float | None] = {
            "samples_per_s": round(steps * phase.batch * self.recipe.run.accumulate / elapsed, 2),
            "data_wait_share": round(self.waited_s / elapsed, 4),
            "memory_mb": round(memory_mb(self.device), 1),
        }
        where = {"phase": phase.name, "phase_number": self.state.phase, "step": self.state.step}
        epoch = (self.state.step - 1) // self.plan.steps_per_epoch(phase) + 1
        self.log.write("step", **where, epoch=epoch, **measures, **speed, bad_samples=self.state.bad)
        self.log.scalars(f"{phase.name}/train", measures | speed, self.state.step)
        self.interval_began, self.waited_s, self.interval_steps = time.perf_counter(), 0.0, 0

    @torch.no_grad()
    def _evaluate(self, phase: Phase, stream: Iterator[Batch]) -> None:
        """Alignment of views on the test split: the same windows and views at every evaluation."""
        began = time.perf_counter()
        self._train_step.model.eval()
        results = []
        for _ in range(self.plan.test_batches):
            batch = self._next(stream, phase, self.state.step, train=False)
            if batch is not None:
                results.append(torch.stack(self._train_step.align(batch, by_view=True)))
        self._train_step.model.train()
        if results:
            loss, avc, avsa = mean_over_processes(torch.stack(results).mean(dim=0)).tolist()
            if not math.isfinite(loss):
                raise TrainingError(
                    f"phase {phase.name}, step {self.state.step}: the held-out loss is not finite: the statistics of "
                    "batch norms are not; lower the learning rate, and go on from an earlier checkpoint (remove the "
                    f"later ones below {self.folder})"
                )
            measures = {
                "loss": loss,
                "avc_accuracy": avc,
                "avsa_accuracy": avsa,
                "avc_chance": 1 / self.plan.test_batch,
                "avsa_chance": 1 / self.recipe.evaluation.views,
            }
            self.evaluations[phase.name] = measures
            self.log.write(
                "evaluation", phase=phase.name, phase_number=self.state.phase, step=self.state.step, **measures
            )
            self.log.scalars(f"{phase.name}/test", dict(measures), self.state.step)
            self.log.say(
                f"{phase.name}, step {self.state.step}: test loss {loss:.3f}, AVC accuracy {avc:.3f} "
                f"(chance {measures['avc_chance']:.3f}), "
                f"AVSA accuracy {avsa:.3f} (chance {measures['avsa_chance']:.3f})"
            )
        elif self.plan.test_batches:
            self.log.say(
                f"{phase.name}, step {self.state.step}: no held-out evaluation: too few samples of its "
                "batches could be read"
            )
        self.interval_began += time.perf_counter() - began

    def _judge_bad(self, *, final: bool = False) -> None:
        state = self.state
        if state.bad > _BAD_SHARE * state.seen and (final or state.seen >= _BAD_JUDGED_FROM):
            raise TrainingError(
                f"{state.bad} of {state.seen} samples are bad, more than {_BAD_SHARE:.0%}: see bad-sample in "
                f"{self.out / 'log.jsonl'}; run yt360 verify on the root and make the named clips again"
            )

    def _save(self) -> None:
        self.state.scaler = dict(self._train_step.scaler.state_dict())
        if self.group.first:
            path = checkpoints.write_checkpoint(
                self.folder,
                self.recipe,
                self.state,
                self._train_step.model,
                self.spectrogram,
                self._train_step.optimiser,
                keep=self.recipe.run.keep,
                steps=self._steps(),
            )
            self.log.write(
                "checkpoint", phase_number=self.state.phase, step=self.state.step, path=str(path.relative_to(self.out))
            )
        barrier()


def _require_one_size(root: str, splits: Sequence[ClipSplit]) -> None:
    """Whole frames of a batch are stacked."""
    sizes = sorted({(clip.width, clip.height) for split in splits for clip in split.clips})
    if len(sizes) > 1:
        found = ", ".join(f"{width}x{height}" for width, height in sizes)
        raise UsageError(
            f"{root}: run.device_views needs clips of one size, found {found}: set it to false, or make the clips again"
        )
