"""Commands that take ids, and groups with a default."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from yt360.cli.groups import DefaultGroup, ItemCommand


@click.command(cls=ItemCommand)
@click.argument("items", nargs=-1)
@click.option("--root")
@click.option("--reason", default="")
@click.option("-y", "--yes", is_flag=True)
@click.option("--ten-letters", "-abcdefghij", is_flag=True)
def take(items: tuple[str, ...], root: str, reason: str, yes: bool, ten_letters: bool) -> None:
    click.echo(f"{list(items)} {root} {reason!r} {yes} {ten_letters}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-bCdEfGhIj_", "--root", "r"], "['-bCdEfGhIj_'] r '' False False"),
        (["--root", "r", "--", "-bCdEfGhIj_"], "['-bCdEfGhIj_'] r '' False False"),
        (["--root", "r", "-bCdEfGhIj_", "-y", "plain"], "['-bCdEfGhIj_'] r '' True False"),
        (["-bCdEfGhIj_-00080", "--root=r"], "['-bCdEfGhIj_-00080'] r '' False False"),
        (["--root", "r", "--reason", "-bCdEfGhIj_", "id"], "['id'] r '-bCdEfGhIj_' False False"),
        (["--root", "r", "-y", "--", "-x", "--yes"], "['-x', '--yes'] r '' True False"),
        (["-abcdefghij", "--root", "r"], "[] r '' False True"),
    ],
)
def test_an_id_with_a_dash_is_no_option_unless_it_is_one_or_its_value(words: list[str], said: str) -> None:
    done = CliRunner().invoke(take, words)
    expected = (
        said.replace("['-bCdEfGhIj_'] r '' True", "['plain', '-bCdEfGhIj_'] r '' True") if "plain" in words else said
    )
    assert done.output.strip() == expected


def test_a_short_word_with_a_dash_is_still_an_unknown_option() -> None:
    done = CliRunner().invoke(take, ["-q", "--root", "r"])
    assert done.exit_code == 2
    assert "-q" in done.output


@pytest.fixture
def group() -> DefaultGroup:
    def say(name: str) -> click.Command:
        @click.command(name, short_help=f"The {name}.")
        @click.option("--word", default="none")
        def command(word: str) -> None:
            click.echo(f"{name} {word}")

        return command

    return DefaultGroup("both", default="go", commands=[say("go"), say("look")])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "go none"),
        (["--word", "look"], "go look"),
        (["look", "--word", "x"], "look x"),
        (["go", "--word", "x"], "go x"),
    ],
)
def test_without_a_command_a_group_is_its_default(group: DefaultGroup, words: list[str], said: str) -> None:
    assert CliRunner().invoke(group, words).output.strip() == said


def test_help_of_a_group_shows_the_options_of_its_default_and_its_commands(group: DefaultGroup) -> None:
    told = CliRunner().invoke(group, ["--help"]).output
    assert "--word" in told
    assert "The look." in told
