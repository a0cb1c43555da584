"""The wheel, built of this checkout and installed into an empty environment: all that the commands name is in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import CHECKOUT
from yt360 import __version__

pytestmark = pytest.mark.slow
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _git(*words: str, folder: Path = CHECKOUT) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def _tracked(folder: str = ".") -> list[str]:
    return _git("ls-files", "--cached", "--others", "--exclude-standard", folder).splitlines()


def _pip(*words: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is here, as a checkout of its own: a build leaves files behind in its source."""
    folder = tmp_path_factory.mktemp("source") / "yt360"
    for name in _tracked():
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((CHECKOUT / name).read_bytes())
    _git("init", "--quiet", folder=folder)
    _git("add", "--all", folder=folder)
    _git("commit", "--quiet", "--message", "all", folder=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", out, source)
    return next(out.glob("yt360-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `yt360` of an environment that holds the wheel, and of this one the packages that it stands on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    _pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    words = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    place = Path(subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip())
    # A path in a .pth file is put on sys.path, and .pth files in it (an editable yt360) are not followed.
    (place / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    empty = tmp_path_factory.mktemp("empty")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [str(folder / "bin" / "yt360"), *map(str, words)]
        return subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, timeout=300)

    return run


def test_wheel_holds_every_file_of_the_package_and_the_papers(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    here = {name for name in _tracked("yt360") if (CHECKOUT / name).is_file()}
    assert not here - names
    papers = {Path(name).name for name in names if ".dist-info/licenses/" in name}
    assert papers == {"LICENSE", "NOTICE", "THIRD_PARTY.md"}
    lists = [name for folder in ("pipelines", "manifests") for name in _tracked(folder)]
    wanted = {f"yt360/shipped/{name}" for name in lists if name.endswith((".yaml", ".tsv", ".txt"))}
    assert not {name for name in wanted if "/cluster/" not in name} - names


def test_version_names_the_commit_that_the_wheel_was_built_of(installed: Run, source: Path) -> None:
    commit = _git("rev-parse", "--short=12", "HEAD", folder=source).strip()
    first, *others = installed("--version").stdout.splitlines()
    assert first == f"yt360 {__version__} (commit {commit})"
    assert {"Python", "ffmpeg", "PyAV", "numpy", "yt-dlp"} <= {line.split()[0] for line in others}


def test_recipes_and_lists_are_found_by_name_outside_any_checkout(installed: Run, tmp_path: Path) -> None:
    assert "yt360 run yt360 " in installed("recipes").stdout
    listed = installed("crawl", "discover", "--root", tmp_path / "a", "--source", "yt360-2020:test", "--json")
    assert json.loads(listed.stdout)["videos"] == 1000, listed.stderr
    dry = installed("run", "yt360", "--root", tmp_path / "b", "--set", "crawl.source=yt360-2020:test", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.splitlines()[1].split() == ["crawl", "1000", "1000"]


@pytest.mark.parametrize("words", [("train", "tiny"), ("evaluate", "table1-avsa-transf", "--checkpoint", "nothing")])
def test_training_and_evaluation_find_their_recipes_and_stop_at_the_missing_data(
    installed: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    pytest.importorskip("torch")
    done = installed(*words, "--root", tmp_path / "none", "--out", tmp_path / "out")
    assert done.returncode == 2, done.stderr
    assert "recipe" not in done.stderr
    assert str(tmp_path / "none") in done.stderr or "nothing" in done.stderr


def test_sdist_holds_what_builds_the_wheel_and_the_commit(source: Path, tmp_path: Path) -> None:
    words = [sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", str(tmp_path)]
    subprocess.run(words, cwd=source, capture_output=True, check=True)
    with tarfile.open(next(tmp_path.glob("yt360-*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"setup.py", "LICENSE", "NOTICE", "CITATION.cff", "CHANGELOG.md", "pipelines/train/tiny.yaml"}
    assert wanted | {"manifests/yt360-2020.tsv", "yt360/shipped/COMMIT", "tests/test_wheel.py"} <= names
