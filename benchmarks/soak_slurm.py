"""Runs of toys as SLURM arrays whose jobs are cancelled, queued again and killed at random, and given again."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import yaml

from benchmarks.soak_kills import HOUSE, toys
from benchmarks.soak_room import Soak
from tests.engine.conftest import run_inline, toy_recipe, tree
from yt360.engine.storage import Root

_NAMES = [f"item{number}" for number in range(8)]
_SECONDS = 0.3
_START_S = 60.0


class Slurm:
    """A run of three stages on the cluster that answers here, disturbed while it works and resumed."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak
        self._answers = shutil.which("sbatch") is not None and bool(_ask("sinfo", "--noheader"))
        made = toy_recipe(_NAMES, seconds=_SECONDS)
        self._recipe = soak.folder / "toys-on-slurm.yaml"
        stages = {"source": {"names": _NAMES}, "misbehave": {"seconds": _SECONDS}, "gather": {}}
        self._recipe.write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
        undisturbed = Root(soak.folder / "undisturbed-by-slurm")
        run_inline(undisturbed, made)
        self._expected = tree(undisturbed)

    def once(self) -> None:
        soak = self._soak
        if not self._answers:
            soak.tried["SLURM: rounds without one (.ci/slurm starts it)"] += 1
            time.sleep(1.0)
            return
        root, self._mark = Root(soak.folder / "on-slurm"), f"soak-{uuid.uuid4().hex[:12]}"
        shutil.rmtree(root.path, ignore_errors=True)
        try:
            for _ in range(soak.chance.randrange(1, 3)):
                self._yt360(root, "--no-wait")
                self._disturb(soak.chance.randrange(1, 5))
                if soak.chance.random() < 0.7:  # else two runs of the same work side by side
                    self._clear()
            self._settle()
            code = self._yt360(root)
            if code or tree(root) != self._expected:
                soak.found(f"SLURM: {root.path} ended with {code} and is not the undisturbed root")
                shutil.copytree(root.path, soak.folder / f"kept-{len(soak.wrong)}")
            soak.tried["SLURM: runs disturbed and resumed"] += 1
        finally:
            self._clear()

    def _yt360(self, root: Root, *more: str) -> int:
        nice = ["nice", "-n", str(os.nice(0)), "env", f"PYTHONPATH={HOUSE}"]
        launcher = shlex.join([*nice, sys.executable, "-m", "tests.engine.toy_cli"])
        words = ["run", str(self._recipe), "--root", str(root.path), "--min-free-gb", "0", "--retry", "failed"]
        words += ["--workers", "1", "--engine", "slurm", "--tasks", "3", "--window", "2", "--launcher", launcher]
        return toys(self._soak, [*words, "--sbatch", f"--comment={self._mark}", *more], None)

    def _disturb(self, times: int) -> None:
        chance, ends = self._soak.chance, time.monotonic() + _START_S
        while times and time.monotonic() < ends:
            time.sleep(chance.uniform(0.2, 3.0))
            if not self._jobs():
                return
            running = self._jobs("RUNNING")
            if not running:
                continue
            job, how = chance.choice(running), chance.choice(("scancel", "requeue", "kill -9", "kill -9"))
            if how == "kill -9":
                if not (processes := _processes(_ask("squeue", "--noheader", "--jobs", job, "--format", "%A").split())):
                    continue
                with contextlib.suppress(OSError):
                    os.kill(chance.choice(processes), signal.SIGKILL)
            elif how == "requeue":
                _ask("scontrol", "requeue", job)
            else:
                _ask("scancel", job)
            self._soak.tried[f"SLURM: {how}"] += 1
            times -= 1
            for waiting in self._jobs("PENDING"):  # one that was queued again would wait for two minutes
                _ask("scontrol", "update", f"JobId={waiting}", "StartTime=now")

    def _jobs(self, state: str = "all") -> list[str]:
        """Our jobs and array tasks in a state, as SLURM's commands take them."""
        lines = _ask("squeue", "--noheader", "--array", "--states", state, "--format", "%i %k").splitlines()
        return [words[0] for words in map(str.split, lines) if words[1:] == [self._mark]]

    def _settle(self) -> None:
        """Until nothing of ours works any more; what depends on something that will not come goes."""
        ends = time.monotonic() + 10 * _START_S
        while self._jobs():
            if time.monotonic() > ends:
                self._clear()
            time.sleep(1.0)

    def _clear(self) -> None:
        for job in self._jobs():
            _ask("scancel", job)
        while self._jobs():
            time.sleep(0.5)


def _processes(jobs: list[str]) -> list[int]:
    """Processes that work for some of SLURM's jobs: the task, its workers, and what these started."""
    wanted = {f"SLURM_JOB_ID={job}".encode() for job in jobs}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted.intersection((folder / "environ").read_bytes().split(b"\0")):
                found.append(int(folder.name))
    return found


def _ask(*words: str) -> str:
    """What a SLURM command says; nothing where it refuses (a job that just ended)."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if not done.returncode else ""
