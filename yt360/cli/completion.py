"""What TAB offers, and `yt360 completion`, which prints the script that asks for it.

Everything here answers within a moment and never raises: a root that cannot be read offers nothing. (Click puts a
file after the words that it offers only where it comes first in the list.)
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
import yaml
from click.shell_completion import CompletionItem, get_completion_class

from yt360 import shipped
from yt360.errors import UsageError
from yt360.plugins import Plugin

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_MOST_ITEMS = 200
"""Ids offered at most: a root may hold a million."""

_ENDED_BY_ENGINE = (
    "timeout",
    "worker-died",
    "machine-lost",
    "poison",
    "out-of-memory",
    "missing-input",
    "changed-input",
)
_NO_SPACE = """    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[.=] ]]; then
        compopt -o nospace
    fi

    return 0
"""
"""Bash: no space after `stage.` and `param=`, which go on."""


def _offer(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def complete_recipes(command: str) -> Completer:
    """Names of shipped recipes, and files."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file"), *_offer(shipped.recipes(command), incomplete)]

    return complete


def complete_evaluations(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tasks, names of shipped evaluations, and files."""
    from yt360.evaluation.recipe import TASKS

    return [CompletionItem(incomplete, type="file"), *_offer([*TASKS, *shipped.recipes("evaluate")], incomplete)]


def complete_settings(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``stage.``, and after it ``stage.parameter=``, for the stages of the recipe or root that the line names."""
    name, dot, _parameter = incomplete.partition(".")
    plugins = _stages_named(ctx)
    if not dot:
        return _offer([f"{stage}." for stage in plugins], incomplete)
    parameters = _parameters(name, plugins) if name in plugins else []
    return _offer([f"{name}.{parameter}=" for parameter in parameters], incomplete)


def complete_parameters(stage: str) -> Completer:
    """``parameter=`` of one stage."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        plugins = _stages_named(ctx)
        return _offer([f"{name}=" for name in _parameters(stage, plugins)], incomplete) if stage in plugins else []

    return complete


def complete_items(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Videos of the root that the line names, and its clips once a whole id is typed."""
    found: list[str] = []
    with contextlib.suppress(Exception):  # a table that is being written, a store that does not answer
        found = list(itertools.islice(_items(Path(str(ctx.params["root"])), incomplete), _MOST_ITEMS))
    return [CompletionItem(name) for name in found]


def complete_retry(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Words and kinds of failure for ``--retry``."""
    from yt360.crawling.failures import KINDS

    return _offer(["failed", "filtered", "all", *sorted({*KINDS, *_ENDED_BY_ENGINE})], incomplete)


def _items(root: Path, incomplete: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for table, column in (("videos", "video"), ("clips", "clip")):
        path = root / "manifests" / f"{table}.parquet"
        if path.is_file():
            names = pq.read_table(path, columns=[column], use_threads=False)[column].cast(pa.binary())
            # As bytes: a damaged table may hold a text that is no UTF-8, and the others are ids nevertheless.
            for found in names.filter(pc.starts_with(names, incomplete.encode())).slice(0, _MOST_ITEMS).to_pylist():
                with contextlib.suppress(UnicodeDecodeError):
                    if (name := found.decode()).isprintable():  # a shell shows it
                        yield name


def _stages_named(ctx: click.Context) -> dict[str, Plugin]:
    """The stages of the recipe or root that the line so far names, else yt360's own; none of them is imported."""
    from yt360.stages import REGISTRY

    found = {name: plugin for name in REGISTRY.known() if (plugin := REGISTRY.find(name))}
    with contextlib.suppress(Exception):  # half a line may name anything
        text = _recipe_text(ctx)
        if text:
            stages = yaml.safe_load(text)["stages"]
            used = {name: Plugin(given["use"]) for name, given in stages.items() if given and "use" in given}
            return {name: plugin for name in stages if (plugin := used.get(name) or found.get(name))}
    return found


def _recipe_text(ctx: click.Context) -> str:
    if given := ctx.params.get("recipe"):
        return shipped.recipe("run", given).read_text(encoding="utf-8")
    if root := ctx.params.get("root"):
        from yt360.engine.storage import Root

        return Root(root).recipe.read_text(encoding="utf-8")
    return ""


def _parameters(name: str, plugins: dict[str, Plugin]) -> list[str]:
    """Parameters and thresholds of a stage."""
    from yt360.engine.recipe import load_stage

    with contextlib.suppress(UsageError):  # it is not installed here
        kind = load_stage(name, plugins[name])
        return [*kind.params_type.model_fields, *kind.thresholds_type.model_fields]
    return []


@click.command("completion", short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> int:
    """Print the script that completes yt360's commands, recipes, parameters and ids in a SHELL.

    \b
    bash:  yt360 completion bash > ~/.local/share/bash-completion/completions/yt360
    zsh:   yt360 completion zsh > ~/.zfunc/_yt360     (with fpath+=~/.zfunc before compinit)
    fish:  yt360 completion fish > ~/.config/fish/completions/yt360.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # it is one of the choices
    script = kind(click.get_current_context().find_root().command, {}, "yt360", "_YT360_COMPLETE").source()
    click.echo(script.replace("    return 0\n", _NO_SPACE, 1) if shell == "bash" else script)
    return 0
