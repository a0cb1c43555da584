"""A secret of the environment is used by workers on Ray and SLURM, and stands in nothing that a run writes there."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import CHECKOUT
from tests.crawling.tube import Tube
from yt360.cli import main

CANARY = "CANARY-TOKEN"
PROXY = "http://user:CANARY%2FPROXY@127.0.0.1:9"
QUICK = "request_pause_s: 0, retry_pause_s: 0, retries: 0, backoff_s: 0.1, min_free_gb: 0"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setenv("MY_TOKEN", CANARY)
    monkeypatch.setenv("MY_PROXY", PROXY)


@pytest.fixture
def short() -> Iterator[Path]:
    """Ray's sockets do not fit below pytest's folders."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _crawl(root: Path, source: str, *words: str, access: str = QUICK) -> int:
    with pytest.raises(SystemExit) as ended:
        main.main(
            [
                "crawl",
                "--root",
                str(root),
                "--min-free-gb",
                "0",
                "--source",
                source,
                "-p",
                f"access={{{access}}}",
                *words,
            ]
        )
    return int(ended.value.code or 0)


def holding(*folders: Path) -> list[str]:
    """Files whose name or content holds a part of a secret."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    return [str(path) for path in files if "CANARY" in str(path) or b"CANARY" in path.read_bytes()]


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An sbatch that notes its words and its script and does the first task of an array; where it notes them.

    Beside it stands a scontrol that knows one answer: a site without SLURM has neither.
    """
    noted = tmp_path / "noted"
    noted.mkdir()
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "sbatch"
    program.write_text(
        f"""#!/bin/sh
number=$(ls {noted} | wc -l)
printf '%s\\n' "$@" >{noted}/words-$number
cat >{noted}/script-$number
case "$*" in
*--array*) SLURM_ARRAY_TASK_ID=0 sh {noted}/script-$number >{noted}/said-$number 2>&1 ;;
esac
echo $((number + 1))
"""
    )
    program.chmod(0o755)
    other = program.with_name("scontrol")
    other.write_text("#!/bin/sh\necho 'MaxArraySize = 1001'\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return noted


@pytest.mark.slow
@pytest.mark.parametrize("way", ["address", "proxy"])
def test_slurm_s_scripts_words_and_plans_hold_no_secret(
    way: str, secrets: None, sbatch: Path, tube: Tube, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    source = f"{tube.base}/none.mp4" + ("?token=$MY_TOKEN" if way == "address" else "")
    access = QUICK + (", proxies: [$MY_PROXY]" if way == "proxy" else "")
    assert _crawl(root, source, "--engine", "slurm", "--no-wait", access=access) == 0
    assert len(list(sbatch.glob("script-*"))) == 2  # an array, and what comes after it
    assert list(root.rglob("ledger/crawl/*.jsonl"))  # it was worked on
    assert [path for path in tube.requests if CANARY in str(path)] or way == "proxy"
    assert "CANARY" not in "".join(capfd.readouterr())
    assert holding(root, sbatch) == []


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray here: pip install 'yt360[ray]'")
@pytest.mark.filterwarnings("ignore")
def test_neither_the_root_nor_ray_s_own_files_hold_a_secret(
    secrets: None,
    tube: Tube,
    tmp_path: Path,
    short: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(short))
    root = tmp_path / "root"
    assert _crawl(root, f"{tube.base}/none.mp4?token=$MY_TOKEN", "--engine", "ray", "--workers", "1") == 1
    assert [path for path in tube.requests if CANARY in str(path)]
    assert "CANARY" not in "".join(capfd.readouterr())
    assert list(short.rglob("raylet.out"))
    assert holding(root, short) == []
