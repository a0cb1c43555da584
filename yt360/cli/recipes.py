"""`yt360 recipes`: the recipes that come with yt360, and `--list` of the commands that take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from yt360 import shipped

COMMANDS = ("run", "train", "evaluate")
"""Commands that take the name of a recipe."""


def _say(commands: Iterable[str]) -> None:
    rows = [
        (f"yt360 {command} {name}", file) for command in commands for name, file in shipped.recipes(command).items()
    ]
    width = max(len(name) for name, _ in rows)
    for name, file in rows:
        click.echo(f"{name.ljust(width)}  {shipped.summary(file)}")


def list_option(command: str) -> Callable[..., Any]:
    """``--list`` of a command that takes a recipe."""

    def list_and_exit(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted and not ctx.resilient_parsing:
            _say([command])
            ctx.exit()

    return click.option(
        "--list",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=list_and_exit,
        help="List the recipes that come with yt360, and exit.",
    )


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    words = shipped.recipes(ctx.params["command"]) if ctx.params.get("command") else ()
    return [CompletionItem(name) for name in words if name.startswith(incomplete)]


@click.command("recipes", short_help="The recipes that come with yt360.")
@click.argument("command", type=click.Choice(COMMANDS), required=False)
@click.argument("name", required=False, shell_complete=_complete)
def recipes_command(command: str | None, name: str | None) -> int:
    """List the recipes that come with yt360: all, or those for one COMMAND.

    With a NAME too, print that recipe, to start one of your own from: yt360 recipes train avsa > mine.yaml
    """
    if command is not None and name is not None:
        click.echo(shipped.recipe(command, name).read_text(encoding="utf-8"), nl=False)
    else:
        _say([command] if command else COMMANDS)
    return 0
