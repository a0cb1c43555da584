"""A secret that comes in by a root, a cluster's address or a job's words is refused and repeated nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from yt360.cli.run import _refuse_secrets
from yt360.errors import UsageError

STORE = "s3://KEY:CANARY@bucket/root"
PAGE = "https://user:CANARY@127.0.0.1:9/root?token=CANARY"
SLURM = ["run", "demo", "--root", "ROOT", "--engine", "slurm"]
WAYS = {
    "training on a store": ["train", "tiny", "--root", STORE, "--out", "OUT"],
    "training on a server": ["train", "tiny", "--root", PAGE, "--out", "OUT"],
    "a setting of a training": ["train", "tiny", "--root", "OUT", "--out", "OUT", "--set", f"weights={PAGE}"],
    "evaluation": ["evaluate", "table1-avsa-transf", "--root", STORE, "--out", "OUT"],
    "maps of a store": ["maps", "export", "--root", STORE, "--out", "OUT"],
    "status": ["status", "--root", STORE],
    "inspect": ["inspect", PAGE],
    "run": ["run", "demo", "--root", STORE],
    "a cluster": ["run", "demo", "--root", "ROOT", "--engine", "ray", "--address", "ray://u:CANARY@127.0.0.1:9"],
    "a launcher": [*SLURM, "--launcher", "env AWS_SECRET_ACCESS_KEY=CANARY y"],
    "words for sbatch": [*SLURM, "--sbatch", "--export=ALL,MY_TOKEN=CANARY"],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_canary_stands_nowhere(way: str, command: Command, tmp_path: Path) -> None:
    words = [word.replace("OUT", str(tmp_path / "out")).replace("ROOT", str(tmp_path / "root")) for word in WAYS[way]]
    code, out, err = command(*words)
    assert code == 2
    assert "CANARY" not in out + err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"CANARY" in path.read_bytes()]


@pytest.mark.parametrize(
    "words", ["--partition=gpu --account=lab", "--export=ALL,MY_TOKEN=$MY_TOKEN", "--job-name=token --gres=gpu:1"]
)
def test_words_without_a_secret_are_taken(words: str) -> None:
    _refuse_secrets({"address": None, "extra": tuple(words.split()), "launcher": "apptainer exec image.sif yt360"})
    with pytest.raises(UsageError, match="a value for PASSWORD"):
        _refuse_secrets({"address": None, "extra": (), "launcher": f"env PASSWORD=x {words}"})
