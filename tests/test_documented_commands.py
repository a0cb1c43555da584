"""Every `yt360 …` line in the README and the documentation is valid: commands, options, settings and recipes exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import click
import pytest

from tests import CHECKOUT
from tests.test_docs import PAGES as ALL_PAGES
from yt360 import shipped
from yt360.cli.groups import DefaultGroup
from yt360.cli.main import group
from yt360.engine import recipe as recipes
from yt360.errors import UsageError
from yt360.evaluation import recipe as evaluations
from yt360.stages import REGISTRY
from yt360.training import recipe as trainings

PAGES = [page for page in ALL_PAGES if page.name not in ("CHANGELOG.md", "commands.md")]
"""Neither what was once, nor what is made from the commands themselves."""

WRITTEN_ON_A_PAGE = {"dark", "blur"}
"""Stages that the tutorial on stages writes."""


_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def shown_whole(text: str) -> list[str]:
    """The command lines in the code blocks of a page."""
    blocks = "\n".join(_BLOCK.findall(re.sub(r"\\\n\s*", " ", text)))
    return re.findall(r"^(?:\$ )?(yt360 +[a-z-].*)$", blocks, re.MULTILINE)


def mentioned(text: str) -> list[str]:
    """The commands in the sentences of a page; they may leave out what does not matter there."""
    return re.findall(r"`(yt360\s+[a-z][^`]*)`", _BLOCK.sub("", text))


def words_of(line: str) -> list[str]:
    """Without a comment, a redirection, and the brackets around what may be left out."""
    line = re.sub(r"(?<=\s)\[|\](?=\s|$)", " ", re.sub(r"\s+[#>]\s.*", "", line))
    return shlex.split(line)[1:]


def called(command: click.Command, words: list[str], path: str = "") -> tuple[click.Command, str, list[str]]:
    """The command that is called, its path (``maps evaluate``), and the words that are for it."""
    if not isinstance(command, click.Group):
        return command, path, words
    place = next((at for at, word in enumerate(words) if not word.startswith("-")), None)
    default = isinstance(command, DefaultGroup)
    if place is not None and not (default and place):  # what follows options of the default is one of their values
        inner = command.get_command(click.Context(command), words[place])
        if inner is None:
            raise UsageError(f"{path}: no such command {words[place]!r}")
        return called(inner, words[place + 1 :], f"{path} {words[place]}".strip())
    return (command.commands[command.default] if isinstance(command, DefaultGroup) else command), path, words


def require_names(line: str) -> None:
    """Raises :class:`UsageError` unless there are such a command and such options."""
    command, path, words = called(group, words_of(line))
    known = {"-h", "--help", *(name for each in command.params for name in (*each.opts, *each.secondary_opts))}
    for word in words:
        name = word.partition("=")[0]
        if re.match(r"--?[a-z]", word) and name not in known:
            raise UsageError(f"{path}: no such option {name!r}")


def require_taken(line: str) -> None:
    """Raises what a user would see of a whole line, up to where the command begins its work."""
    command, path, words = called(group, words_of(line))
    given, _, order = command.make_parser(click.Context(command)).parse_args(list(words))
    missing = {each.name for each in command.params if each.required} - {each.name for each in order}
    if missing:
        raise UsageError(f"{path}: not given: {', '.join(sorted(map(str, missing)))}")
    _settle(path, given, words)


def _settle(path: str, given: Mapping[str, object], words: list[str]) -> None:
    """Reads the recipe that a line names, and what it sets in it, as the command does."""
    assignments = [word for option, word in pairwise(words) if option == "--set"]
    name = given.get("recipe", given.get("what"))
    if path == "run" and name == "recipe.yaml":  # written on the page
        return
    if path == "run":
        recipes.load(shipped.recipe("run", str(name)), REGISTRY, assignments)
    elif path == "train":
        trainings.override(trainings.load_recipe(shipped.recipe("train", str(name))), assignments)
    elif path == "evaluate":
        evaluations.override(evaluations.load_evaluation(str(shipped.recipe("evaluate", str(name)))), assignments)
    elif path in REGISTRY.known():
        own = [f"{path}.{word}" for option, word in pairwise(words) if option == "-p"]
        recipes.default(REGISTRY, [*assignments, *own])


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(CHECKOUT)) for page in PAGES])
def test_a_page_shows_only_commands_that_are_taken(page: Path) -> None:
    text, refused = page.read_text(encoding="utf-8"), []
    lines = [(require_taken, line) for line in shown_whole(text)] + [(require_names, line) for line in mentioned(text)]
    for require, line in lines:
        try:
            if words_of(line)[0] not in WRITTEN_ON_A_PAGE:
                require(line)
        except (click.ClickException, UsageError) as error:
            refused.append(f"{line}\n    {getattr(error, 'message', error)}")
    assert refused == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("yt360 crawl fetch --root data", "fetch"),
        ("yt360 view --root data --publish site", "--publish"),
        ("yt360 run yt-360 --root data", "yt-360"),
        ("yt360 run yt360 --root data --set stills.quiet=1", "quiet"),
        ("yt360 stills --root data -p quiet=1", "quiet"),
        ("yt360 train tiny --root data --out o --set phases.nothing.steps=1", "nothing"),
        ("yt360 status", "root"),
    ],
)
def test_a_line_that_is_not_taken_is_noticed(line: str, problem: str) -> None:
    with pytest.raises((click.ClickException, UsageError), match=re.escape(problem)):
        require_taken(line)


@pytest.mark.parametrize(("line", "problem"), [("yt360 inspct", "inspct"), ("yt360 inspect --images", "--images")])
def test_a_mention_of_what_is_not_there_is_noticed(line: str, problem: str) -> None:
    with pytest.raises((click.ClickException, UsageError), match=problem):
        require_names(line)
