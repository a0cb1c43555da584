"""Recipes and lists by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yt360 import shipped
from yt360.errors import UsageError


@pytest.mark.parametrize("command", ["run", "train", "evaluate"])
def test_every_shipped_recipe_says_in_a_line_what_it_is(command: str) -> None:
    found = shipped.recipes(command)
    assert found
    for name, file in found.items():
        assert 10 < len(shipped.summary(file)) < 170, name


def test_the_summary_of_a_recipe_ends_with_its_sentence_and_not_with_an_abbreviation() -> None:
    assert shipped.summary(shipped.recipe("train", "avc")).endswith("one view a video, Eq. 6, 100 epochs")
    assert shipped.summary(shipped.recipe("train", "avsa-kinetics")).endswith("with its Kinetics-400 weights")


def test_a_file_wins_over_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped.recipe("train", "tiny") == shipped.path("pipelines/train/tiny.yaml")
    Path("tiny").write_text("name: mine\n")
    assert shipped.recipe("train", "tiny") == Path("tiny")


@pytest.mark.parametrize(
    ("command", "what", "hint"),
    [
        ("train", "tniy", "did you mean 'tiny'?"),
        ("train", "pipelines/train/nothing-like-it.yaml", "expected one of avsa-bin, avc"),
        ("evaluate", "avsa-bni", "did you mean 'avsa-bin'?"),
        ("run", "elsewhere/pipelines/yt360.yaml", "yt360 brings one of that name: `yt360 run yt360`"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(command: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        shipped.recipe(command, what, ("avsa-bin",))
    assert hint in str(raised.value)
    assert what in str(raised.value)


def test_a_pipe_as_a_recipe_is_said_to_be_one(tmp_path: Path) -> None:
    """A kind of F30: no recipe of this name, it was said."""
    os.mkfifo(tmp_path / "recipe.yaml")
    with pytest.raises(UsageError, match="found a pipe or device"):
        shipped.recipe("run", tmp_path / "recipe.yaml")


def test_a_file_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match=r"no-such-list\.tsv"):
        shipped.path("manifests/no-such-list.tsv")


def test_the_commit_is_the_one_that_a_build_wrote_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "yt360" / "shipped" / "__init__.py"))
    assert shipped.commit() == "unknown"
    (tmp_path / "yt360" / "shipped").mkdir(parents=True)
    (tmp_path / "yt360" / "shipped" / shipped.COMMIT).write_text("abc123\n")
    assert shipped.commit() == "abc123"
