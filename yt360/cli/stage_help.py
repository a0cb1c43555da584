"""The help of commands that run stages: their parameters after the options, what only a cluster knows at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from yt360.settings_reference import Setting, settings_of


class ClusterOption(click.Option):
    """An option that means something to Ray or SLURM only."""


class EngineCommand(click.Command):
    """A command that runs stages: cluster options are a section of their own."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options = [option for option in self.get_params(ctx) if not isinstance(option, ClusterOption)]
        _section(formatter, "Options", options, ctx)
        self.format_more(ctx, formatter)

    def format_more(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What comes after the options."""
        cluster = [option for option in self.get_params(ctx) if isinstance(option, ClusterOption)]
        _section(formatter, "Cluster options", cluster, ctx)


class StageCommand(EngineCommand):
    """The command of one stage (``name``); its parameters follow the options."""

    def __init__(self, *words: Any, stage: str, **settings: Any) -> None:
        super().__init__(*words, **settings)
        self.stage = stage

    def format_more(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from yt360.stages import REGISTRY

        if REGISTRY.find(self.stage) is not None:
            kind = REGISTRY.load(self.stage)
            _settings(formatter, "Parameters (-p NAME=VALUE)", settings_of(kind.params_type))
            _settings(
                formatter,
                "Thresholds (-p NAME=VALUE; re-decide without decoding)",
                settings_of(kind.thresholds_type),
            )
            formatter.write_paragraph()
            formatter.write_text(f"All about them, with ranges: yt360 params {self.stage}")
        formatter.write_paragraph()
        formatter.write_text("Cluster options (Ray, SLURM) are those of: yt360 run --help")


def _section(
    formatter: click.HelpFormatter, title: str, options: Sequence[click.Parameter], ctx: click.Context
) -> None:
    rows = [record for option in options if (record := option.get_help_record(ctx)) is not None]
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def _settings(formatter: click.HelpFormatter, title: str, rows: list[Setting]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl([(row.name, f"{row.summary}.  [{_default(row)}]") for row in rows])


def _default(row: Setting) -> str:
    return f"{row.default} {row.unit}".strip() if row.default != "null" else "null"
