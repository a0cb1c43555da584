"""Faults that a red team found in what the command line says and how it ends, by their numbers."""

from __future__ import annotations

import collections
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests import CHECKOUT
from tests.cli.conftest import Command
from yt360.cli.printable import printable, printable_json

_UNSAFE = ("weights_only", "add_safe_globals", "safe_globals", "arbitrary code", "torch.load", "unsafe", "allowlist")


class _Foreign:
    """What a checkpoint must not hold."""


@pytest.mark.parametrize("kind", ["class", "counter", "plain pickle", "noise"])
def test_a_refused_checkpoint_passes_on_no_words_on_how_to_load_it_unsafely(
    command: Command, tmp_path: Path, kind: str
) -> None:
    """F31: torch's words on `weights_only=False` were repeated."""
    path = tmp_path / "released.pt"
    if kind == "plain pickle":
        path.write_bytes(pickle.dumps({"model": _Foreign()}))
    elif kind == "noise":
        path.write_bytes(bytes(range(256)) * 20)
    else:
        value = _Foreign() if kind == "class" else collections.Counter("abc")
        torch.save({"model": {"video.stem": value}}, path)
    code, out, err = command("model", "convert", path, "--out", tmp_path / "out")
    assert code == 2, err
    assert "released.pt" in err
    assert not [word for word in _UNSAFE if word in (out + err).lower()]
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_training_that_is_refused_ends_with_2_every_time(tmp_path: Path) -> None:
    """F32: 3 of 8 ended in SIGABRT, from pyarrow and torch in one process at its end."""
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "clips.parquet").write_bytes(b"no table")
    words = ["train", "tiny", "--root", str(tmp_path), "--out", str(tmp_path / "out"), "-q"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    ended = [
        subprocess.run([sys.executable, "-m", "yt360", *words], env=environment, capture_output=True, text=True)
        for _ in range(8)
    ]
    assert [one.returncode for one in ended] == [2] * 8, ended[0].stderr
    assert all("terminate called" not in one.stderr for one in ended)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("status", "--root", "~nobody-of-this-name/root"), "~nobody-of-this-name"),
        (("run", "demo", "--root", "file://"), "--root is empty"),
        (("run", "demo", "--root", "new", "--set", "crawl.source=" + "9" * 5000), "crawl.source"),
        (("run", "demo", "--root", "new", "--set", "crawl.source=2020-13-45"), "crawl.source"),
        (("run", "demo", "--root", "new", "--set", "crawl.source=!!bool maybe"), "crawl.source"),
        (("run", "demo", "--root", "new", "--set", "crawl.source=!!timestamp maybe"), "crawl.source"),
        (("train", "tiny", "--root", "new", "--out", "out", "--set", "phases[" + "9" * 5000 + "].batch=1"), "phases"),
        (("train", "tiny", "--root", "new", "--out", "out", "--set", "data.api_key=hush"), "data.api_key"),
        (("run", "demo", "--root", "new", "--set", "crawl." + "a." * 50_000 + "b=1"), "crawl.a.a"),
        (("run", "\x1b]0;owned\x07.yaml", "--root", "new"), "owned"),
        (("status", "--root", "\x1b[2Jroot\u202e"), "root"),
    ],
)
def test_odd_words_are_refused_in_few_plain_ones(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], named: str
) -> None:
    """The kinds of F11, F24 and F27: tracebacks, secrets repeated, terminals steered, messages without end."""
    monkeypatch.chdir(tmp_path)
    code, out, err = command(*words)
    assert code == 2, err
    assert named in err
    assert "Traceback" not in err
    assert "hush" not in err
    assert len(err) < 10_000
    assert not [letter for letter in out + err if printable(letter) != letter]
    assert not list(tmp_path.iterdir())


def test_a_message_keeps_its_lines_and_letters() -> None:
    plain = "a\n\tb ü 日本語 360° “x”"
    assert printable(plain) == plain
    assert printable("\x1b[2J\x00\x9b\u202e\ud800") == "\\x1b[2J\\x00\\x9b\\u202e\\ud800"
    long = printable("x" * 10_000 + "the end")
    assert len(long) < 8010
    assert long.endswith("the end")


def test_json_reads_back_and_steers_no_terminal() -> None:
    """F27: `--json` printed the marks and 8-bit controls of a file's name as they were."""
    value = {"name": "a\x1b]0;x\x07\x7f\x9b2J\u202e\ud800\U000e0001.mp4", "title": "日本語 360° ü", "n": [1.5, None]}
    text = printable_json(value)
    assert json.loads(text) == value
    assert printable(text) == text
    assert "日本語 360° ü" in text
