"""Kinds of commands: groups that suggest what was meant or have a default, and commands that take ids with a dash."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

_DASHED_ID = re.compile(r"-[A-Za-z0-9_-]{10}(-\d{5,})?")
"""A YouTube id that begins with a dash, or a clip of such a video."""


def unknown_command(ctx: click.Context, name: str, known: Iterable[str]) -> click.UsageError:
    """What to raise for a command that there is not: names the nearest one."""
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"`{ctx.command_path} --help` lists them."
    return click.UsageError(f"no such command {name!r}; {hint}", ctx)


class CommandGroup(click.Group):
    """A group that suggests the command that was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise unknown_command(ctx, args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)


class DefaultGroup(CommandGroup):
    """A group that is its command ``default`` (one without arguments) when none is named, and shows its options."""

    def __init__(self, *words: object, default: str = "", **settings: object) -> None:
        super().__init__(*words, **settings)  # type: ignore[arg-type]
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if args and not args[0].startswith("-") and args[0] not in self.commands and not ctx.resilient_parsing:
            raise unknown_command(ctx, args[0], self.commands)
        if args and args[0] not in self.commands and args[0] not in own:
            args = [self.default, *args]
        elif not args and not ctx.resilient_parsing:
            args = [self.default]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return ["[OPTIONS] | COMMAND [OPTIONS]"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.commands[self.default].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        default = self.commands[self.default]
        return [*super().shell_complete(ctx, incomplete), *default.shell_complete(ctx, incomplete)]


class ItemCommand(click.Command):
    """A command whose arguments are ids: one that begins with a dash is no option, with or without ``--`` before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        valued = {name for option in options if not (option.is_flag or option.count) for name in option.opts}
        known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
        others: list[str] = []
        ids: list[str] = []
        for place, word in enumerate(args):
            if word == "--":
                ids += args[place + 1 :]
                break
            is_value = bool(others) and others[-1] in valued and (len(others) < 2 or others[-2] not in valued)
            dashed = _DASHED_ID.fullmatch(word) is not None and word not in known and not is_value
            (ids if dashed else others).append(word)
        return super().parse_args(ctx, [*others, "--", *ids] if ids else others)
