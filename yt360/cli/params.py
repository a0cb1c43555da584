"""`yt360 params`: every setting with its default, range, unit and meaning; JSON schemas; the reference page."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem
from pydantic import BaseModel

from yt360.engine.recipe_schema import recipe_schema
from yt360.engine.stage import Stage
from yt360.errors import UsageError
from yt360.settings import nearest
from yt360.settings_reference import DIALECT, Setting, clean, settings_of
from yt360.stages import REGISTRY

_RECIPES = {"train": "Recipes of `yt360 train`", "evaluate": "Recipes of `yt360 evaluate`", "doa": "`yt360 doa train`"}
"""Commands that have settings of their own, beside the stages, and what the reference calls these."""

SCHEMAS = ("recipe", "training", "evaluation")

_RE_DECIDES = "Thresholds: changing them re-decides what was measured, without decoding"
_HEADER = ("name", "default", "values", "unit", "description")


def schema_of(which: str) -> dict[str, Any]:
    """The JSON schema of one kind of recipe (of :data:`SCHEMAS`)."""
    if which == "recipe":
        return recipe_schema({name: REGISTRY.load(name) for name in REGISTRY.stages})
    kind = _recipe_class("train" if which == "training" else "evaluate")
    return {"$schema": DIALECT, "title": f"yt360 {which} recipe", **clean(kind.model_json_schema())}


def markdown() -> str:
    """The reference page of all settings."""
    parts = [
        "# Parameters",
        "Every setting of every stage, of training and evaluation recipes, and of heads on a model. Made by "
        "`python docs/reference/generate.py` from the declarations: do not edit. On the command line: "
        "`yt360 params STAGE`.",
        "`null` is YAML's word for no value. A dotted name (`access.retries`) is a key inside a section; on the "
        "command line it is written as it is: `--set crawl.access.retries=3`.",
    ]
    for name in REGISTRY.stages:
        kind = REGISTRY.load(name)
        parts += [f"## {name}", _sentence(kind.params_type), _markdown_table(settings_of(kind.params_type))]
        if limits := settings_of(kind.thresholds_type):
            parts += [f"{_RE_DECIDES}.", _markdown_table(limits)]
    for name, title in _RECIPES.items():
        recipe = _recipe_class(name)
        parts += [f"## {title}", _sentence(recipe), _markdown_table(settings_of(recipe))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sentence(kind: type[BaseModel]) -> str:
    return (kind.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")


def _markdown_table(rows: Sequence[Setting]) -> str:
    if not rows:
        return "No parameters."

    def cell(text: str) -> str:
        return text.replace("|", "\\|")

    lines = ["| Name | Default | Values | Unit | Description |", "|---|---|---|---|---|"]
    lines += [
        f"| `{row.name}` | `{cell(row.default)}` | {cell(row.values)} | {row.unit} | {cell(row.description)} |"
        for row in rows
    ]
    return "\n".join(lines)


def _recipe_class(name: str) -> type[BaseModel]:
    if name == "train":
        from yt360.training.recipe import TrainingRecipe

        return TrainingRecipe
    if name == "doa":
        from yt360.evaluation.doa.settings import DoaSettings

        return DoaSettings
    from yt360.evaluation.recipe import EvaluationRecipe

    return EvaluationRecipe


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in [*REGISTRY.known(), *_RECIPES] if name.startswith(incomplete)]


@click.command("params", short_help="Every parameter: default, range, unit, meaning.")
@click.argument("stage", required=False, shell_complete=_complete)
@click.option("--json", "as_json", is_flag=True, help="Print the JSON schema instead.")
@click.option("--schema", type=click.Choice(SCHEMAS), help="Print the JSON schema of a kind of recipe, for an editor.")
def params_command(stage: str | None, as_json: bool, schema: str | None) -> int:
    """The parameters and thresholds of a STAGE, of the recipes of `train` or `evaluate`, or of `doa train`.

    Without STAGE: the names of all. Set them with -p NAME=VALUE of the stage's command, with --set STAGE.NAME=VALUE,
    or in a recipe.
    """
    if schema is not None:
        if stage is not None:
            raise UsageError(f"--schema {schema}: expected no STAGE with it, found {stage!r}")
        click.echo(json.dumps(schema_of(schema), indent=1, ensure_ascii=False))
    elif stage is None:
        _print_all(as_json)
    elif stage in _RECIPES:
        if as_json:
            _print_json(clean(_recipe_class(stage).model_json_schema()))
        else:
            _print_table(settings_of(_recipe_class(stage)))
    elif stage not in REGISTRY.known():
        raise UsageError(f"unknown stage {stage!r}; {nearest(stage, [*REGISTRY.known(), *_RECIPES])}")
    else:
        _print_stage(REGISTRY.load(stage), as_json)
    return 0


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def _print_all(as_json: bool) -> None:
    kinds = {name: REGISTRY.load(name) for name in REGISTRY.known()}
    if as_json:
        _print_json(recipe_schema(kinds))
        return
    width = max(60, shutil.get_terminal_size().columns)
    indent = " " * (2 + max(map(len, kinds)))
    for name, kind in kinds.items():
        names = " ".join(row.name for row in settings_of(kind.params_type))
        limits = " ".join(row.name for row in settings_of(kind.thresholds_type))
        text = f"{name.ljust(len(indent))}{names or 'no parameters'}"
        click.echo(textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False))
        if limits:
            click.echo(
                textwrap.fill(f"thresholds: {limits}", width, initial_indent=indent, subsequent_indent=indent + "  ")
            )
    click.echo(f"\n`yt360 params STAGE` describes them; also: {', '.join(f'yt360 params {name}' for name in _RECIPES)}")


def _print_stage(kind: type[Stage], as_json: bool) -> None:
    if as_json:
        sections = {"params": kind.params_type, "thresholds": kind.thresholds_type}
        _print_json({name: clean(section.model_json_schema()) for name, section in sections.items()})
        return
    params, limits = settings_of(kind.params_type), settings_of(kind.thresholds_type)
    if params:
        _print_table(params)
    elif not limits:
        click.echo(f"{kind.name} has no parameters")
    if limits:
        click.echo(f"\n{_RE_DECIDES}:" if params else f"{_RE_DECIDES}:")
        _print_table(limits)


def _print_table(rows: Sequence[Setting]) -> None:
    """Columns; the description is wrapped on a terminal, and on one line in a file or a pipe."""
    cells = [[row.name, row.default, row.values, row.unit] for row in rows]
    widths = [max(len(line[column]) for line in [list(_HEADER), *cells]) for column in range(4)]
    widths = [min(width, most) for width, most in zip(widths, (48, 28, 32, 18), strict=True)]
    left = sum(widths) + 2 * len(widths)
    room = max(40, shutil.get_terminal_size().columns - left) if sys.stdout.isatty() else sys.maxsize

    def line(texts: Sequence[str], description: str) -> str:
        start = "  ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)) + "  "
        wrapped = textwrap.wrap(description, room) or [""]
        return "\n".join([(start + wrapped[0]).rstrip(), *(" " * left + more for more in wrapped[1:])])

    click.echo(line(_HEADER[:4], _HEADER[4]))
    for texts, row in zip(cells, rows, strict=True):
        click.echo(line(texts, row.description))
