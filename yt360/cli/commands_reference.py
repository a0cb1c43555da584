"""The reference page of all commands, made from what they declare."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

_HEAD = (
    "# Commands",
    "Every command with its arguments and options. Made by `python docs/reference/generate.py` from the declarations: "
    "do not edit. In a terminal: `yt360 COMMAND --help`.",
    "Exit code 0: all well; 1: some items failed, or `verify` found damage; 2: usage error.",
)

_BAR = r"\|"
"""A bar inside a cell."""


def markdown(top: click.Group) -> str:
    """The page of ``top`` and all below it; hidden commands and options are left out."""
    parts = list(_HEAD)
    for context in _commands(click.Context(top, info_name="yt360")):
        parts += _section(context)
    return "\n\n".join(parts) + "\n"


def _commands(context: click.Context) -> Iterator[click.Context]:
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            inner = click.Context(command, info_name=name, parent=context)
            yield inner
            yield from _commands(inner)


def _section(context: click.Context) -> Iterator[str]:
    command = context.command
    depth = len(context.command_path.split())
    yield f"{'#' * min(depth, 4)} {context.command_path}"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {usage}\n```"
    yield from _paragraphs(command.help or command.short_help or "")
    rows = [row for parameter in command.get_params(context) if (row := _row(parameter, context))]
    if rows:
        yield "\n".join(["| Option | Meaning |", "|---|---|", *rows])


def _paragraphs(text: str) -> Iterator[str]:
    """Click's help as Markdown: a paragraph marked with a backspace keeps its lines."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            yield "```text\n" + paragraph.removeprefix("\b").strip("\n") + "\n```"
        elif paragraph.strip():
            yield _escaped(paragraph.replace("\n", " "))


def _row(parameter: click.Parameter, context: click.Context) -> str:
    record = parameter.get_help_record(context)
    if record is None or not isinstance(parameter, click.Option) or "--help" in parameter.opts:
        return ""
    names, meaning = (" ".join(text.split()) for text in record)
    return f"| `{names.replace('|', _BAR)}` | {_escaped(meaning).replace('|', _BAR)} |"


def _escaped(text: str) -> str:
    """Words of a help text, none of which Markdown takes for its own."""
    return text.replace("<", r"\<").replace("*", r"\*")
