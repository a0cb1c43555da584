"""The command line: `yt360 COMMAND …`. Exit code 0 all well, 1 some items failed, 2 usage error."""

from __future__ import annotations

import importlib
import io
import logging
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os.path import samestat
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from yt360.cli.groups import CommandGroup
from yt360.cli.printable import printable
from yt360.errors import UsageError, Yt360Error
from yt360.files import OUT_OF_ROOM
from yt360.importing import importing
from yt360.plugins import Plugin, announced
from yt360.redaction import hide


class _Listed(NamedTuple):
    """A command in the help: where it is, its short help (as its own), and its section (empty: not listed)."""

    target: str
    help: str
    section: str


_BUILD, _ASK, _LEARN, _TOOLS = "Build a dataset", "Ask about a dataset", "Train and evaluate", "Tools"

_COMMANDS = {
    "run": _Listed("yt360.cli.run:run_command", "Run a recipe: all its stages.", _BUILD),
    "crawl": _Listed("yt360.cli.crawl:crawl_group", "Get videos: from YouTube, from URLs, or from a folder.", _BUILD),
    "validate": _Listed(
        "yt360.cli.run:validate_command",
        "Detect projection and ambisonics; drop anything that is not 360° with spatial sound.",
        _BUILD,
    ),
    "stills": _Listed("yt360.cli.run:stills_command", "Drop still pictures.", _BUILD),
    "voiceover": _Listed(
        "yt360.cli.run:voiceover_command", "Drop post-production sound: voice-over and background music.", _BUILD
    ),
    "frame_of_reference": _Listed(
        "yt360.cli.run:frame_of_reference_command",
        "Measure whether sound comes from where and when it is seen; drops nothing by default.",
        _BUILD,
    ),
    "fingerprint": _Listed("yt360.cli.run:fingerprint_command", "Compute fingerprints for finding duplicates.", _BUILD),
    "duplicates": _Listed("yt360.cli.run:duplicates_command", "Drop duplicates, keeping the best copy.", _BUILD),
    "chunk": _Listed("yt360.cli.run:chunk_command", "Cut 10 s clips; silence is skipped.", _BUILD),
    "segment": _Listed("yt360.cli.run:segment_command", "Make panoptic maps of the clips.", _BUILD),
    "annotate": _Listed("yt360.cli.run:annotate_command", "Find the clips' sound events with directions.", _BUILD),
    "split": _Listed("yt360.cli.run:split_command", "Put every video into train or test.", _BUILD),
    "shard": _Listed("yt360.cli.run:shard_command", "Write clips into tar shards.", _BUILD),
    "remove": _Listed(
        "yt360.cli.remove:remove_command", "Take videos down: delete all that was made of them, for good.", _BUILD
    ),
    "release": _Listed(
        "yt360.cli.release:release_group", "Write a release: what others rebuild the dataset from.", _BUILD
    ),
    "rebuild": _Listed(
        "yt360.cli.rebuild:rebuild_command", "Cut a published dataset again, and certify how much is the same.", _BUILD
    ),
    "status": _Listed(
        "yt360.cli.status:status_command",
        "Show how many items of each stage are done, filtered, failed and waiting.",
        _ASK,
    ),
    "explain": _Listed("yt360.cli.explain:explain_command", "Everything that happened to one video or clip.", _ASK),
    "verify": _Listed("yt360.cli.verify:verify_command", "Reopen and decode every output, check every digest.", _ASK),
    "report": _Listed(
        "yt360.cli.report:report_command",
        "One HTML page: funnel, scores, and what was dropped, to look at and listen to.",
        _ASK,
    ),
    "view": _Listed(
        "yt360.cli.view:view_command", "See and hear a dataset in the browser, and label what is wrong.", _ASK
    ),
    "filters": _Listed(
        "yt360.cli.filters:filters_group",
        "How good the filters are: evaluate against labels, sweep thresholds.",
        _ASK,
    ),
    "audit": _Listed(
        "yt360.cli.audit:audit_command", "Precision and recall of every filter, from a sample that you judge.", _ASK
    ),
    "train": _Listed("yt360.cli.train:train_command", "Train a model on the shards of a dataset.", _LEARN),
    "evaluate": _Listed("yt360.cli.evaluate:evaluate_command", "Measure a trained model.", _LEARN),
    "embed": _Listed("yt360.cli.embed:embed_command", "Features of files or a dataset by a trained model.", _LEARN),
    "search": _Listed(
        "yt360.cli.search:search_command",
        "Find video by sound, sound by video, or what is alike, in features of a model.",
        _LEARN,
    ),
    "localise": _Listed(
        "yt360.cli.localise:localise_command", "Where on the sphere what is seen sounds, by a trained model.", _LEARN
    ),
    "export": _Listed("yt360.cli.export:export_command", "A trained model as ONNX or torch.export graphs.", _LEARN),
    "doa": _Listed(
        "yt360.cli.doa:doa_group", "Sound events and their directions: train a head on frozen features.", _LEARN
    ),
    "tables": _Listed(
        "yt360.cli.tables:tables_command", "The paper's tables, ours beside the paper's numbers.", _LEARN
    ),
    "model": _Listed("yt360.cli.model:model_group", "Model folders: convert a published checkpoint.", _LEARN),
    "params": _Listed("yt360.cli.params:params_command", "Every parameter: default, range, unit, meaning.", _TOOLS),
    "recipes": _Listed("yt360.cli.recipes:recipes_command", "The recipes that come with yt360.", _TOOLS),
    "render": _Listed("yt360.cli.render:render_command", "A view as a video with sound for two ears.", _TOOLS),
    "inspect": _Listed(
        "yt360.cli.inspect:inspect_command", "Identify media files: projection, sound, duration.", _TOOLS
    ),
    "synth": _Listed("yt360.cli.synth:synth_command", "The procedural world: 360° videos with known truth.", _TOOLS),
    "maps": _Listed("yt360.cli.maps:maps_group", "Make, convert, evaluate and export panoptic maps.", _TOOLS),
    "completion": _Listed("yt360.cli.completion:completion_command", "Print the completion script of a shell.", _TOOLS),
    "slurm": _Listed("yt360.cli.slurm:slurm_group", "Internal commands that SLURM jobs call.", ""),
}
"""Imported when they are called: `status` does not wait for what `train` needs, and `--help` for nothing at all."""

_RENAMED = {
    "convert": ("model", "convert"),
    "segment-images": ("maps", "images"),
    "segment-convert": ("maps", "convert"),
    "segment-evaluate": ("maps", "evaluate"),
    "segment-export": ("maps", "export"),
}
"""Commands of earlier versions, and what they are called now."""

_PLUGINS = "Stages of installed packages"


class _StandardError(logging.Handler):
    """A line on what is standard error at that moment (it may be replaced or closed meanwhile), past a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = printable(self.format(record))
            if "tqdm" in sys.modules:  # else there is no bar, and it and its locks take a while to import
                sys.modules["tqdm"].tqdm.write(line, file=sys.stderr)
            else:
                print(line, file=sys.stderr)
        except (OSError, ValueError):
            self.handleError(record)


@contextmanager
def _log_on_standard_error() -> Iterator[None]:
    """What was left out, waited for or is worth knowing is said while a command runs, and only then."""
    log = logging.getLogger("yt360")
    handler, level = _StandardError(), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def _announced() -> dict[str, Plugin]:
    """The stages of installed packages."""
    return {name: plugin for name, plugin in announced("yt360.stages").items() if name not in _COMMANDS}


class _LazyGroup(CommandGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*(name for name, listed in _COMMANDS.items() if listed.section), *_announced()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return _stage_command(cmd_name) if cmd_name in _announced() else None
        module, _, attribute = _COMMANDS[cmd_name].target.partition(":")
        with importing():
            command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in _RENAMED:
            renamed = _RENAMED[name]
            click.echo(f"`yt360 {name}` is now `yt360 {' '.join(renamed)}`; the old name will go", err=True)
            args = [*renamed, *args[1:]]
        elif not name.startswith("-") and name not in _COMMANDS and _is_stage_of_root(name, args):
            return name, _stage_command(name), args[1:]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, listed in _COMMANDS.items():
            if listed.section:
                sections.setdefault(listed.section, []).append((name, listed.help))
        for name, plugin in _announced().items():
            sections.setdefault(_PLUGINS, []).append((name, f"A stage of {plugin.package or plugin.path}."))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [
            CompletionItem(name, help=_COMMANDS[name].help if name in _COMMANDS else "")
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]


def _stage_command(name: str) -> click.Command:
    from yt360.cli.run import stage_command

    return stage_command(name)


def _is_stage_of_root(name: str, words: list[str]) -> bool:
    """Whether a name that is no command is a stage of the recipe of the root among these words."""

    from yt360.engine.storage import Root
    from yt360.files import parse_json

    given = [words[place + 1] for place, word in enumerate(words[:-1]) if word == "--root"]
    given += [word.partition("=")[2] for word in words if word.startswith("--root=")]
    try:
        return bool(given) and name in parse_json(Root(given[-1]).recipe.read_text(encoding="utf-8"))["stages"]
    except (OSError, ValueError, LookupError, TypeError, Yt360Error):
        return False


def _print_versions(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from yt360.cli.version import versions

        for name, version in versions().items():
            click.echo(f"{name} {version}")
        ctx.exit()


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Show the versions of yt360 and its dependencies, and exit.",
)
def group() -> None:
    """Build 360° video + spatial audio datasets, and train audio-visual spatial alignment on them."""


def _open_standard_streams() -> None:
    """Where one was closed (`2>&-`), what is said goes nowhere, and no file that is opened later gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as there is one
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: runs a command and turns errors that yt360 raises on purpose into a message and an exit code."""
    _open_standard_streams()
    # pydantic looks through all installed packages for plugins of its own: a tenth of what `status` takes to start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        _run_command(arguments)
    except SystemExit as ended:
        if "yt360.engine.executors.bounded_calls" in sys.modules:
            from yt360.engine.executors.bounded_calls import end_process

            end_process(ended.code)
        raise


def _say_that_room_is_out() -> None:
    """Where it is out for what is printed, that goes nowhere from here on: Python writes it once more at the end."""
    is_output = _has_no_room(1)
    place = "standard output: no room left on the device for what is printed"
    with suppress(OSError):
        click.echo(f"yt360: {place if is_output else _NO_ROOM}", err=True)
    if is_output:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)


_NO_ROOM = "no room left on the device; free some space and give the command again"


def _has_no_room(stream: int) -> bool:
    """Whether a stream goes into a file on a device that is full (``/dev/full`` always is)."""
    try:
        found = os.fstat(stream)
        return (
            not os.fstatvfs(stream).f_bavail if stat.S_ISREG(found.st_mode) else samestat(found, os.stat("/dev/full"))
        )
    except OSError:
        return False


def _run_command(arguments: list[str] | None) -> None:
    try:
        with _log_on_standard_error():
            code = group.main(args=arguments, prog_name="yt360", complete_var="_YT360_COMPLETE", standalone_mode=False)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(file=said)
        click.echo(printable(hide(said.getvalue())), nl=False, err=True)
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except UsageError as error:
        click.echo(f"yt360: {printable(hide(str(error)))}", err=True)
        sys.exit(2)
    except Yt360Error as error:
        click.echo(f"yt360: {printable(hide(str(error)))}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output left (`| head`): nothing to say, nobody to say it to
        sys.exit(1)
    except OSError as error:
        name = error.filename2 or error.filename
        if not isinstance(name, str | bytes):
            if error.errno not in OUT_OF_ROOM:
                raise  # nothing that a person could look at
            _say_that_room_is_out()
            sys.exit(1)
        logging.getLogger("yt360").debug("traceback", exc_info=True)
        if error.errno in OUT_OF_ROOM:
            words = f"{os.fsdecode(name)}: {_NO_ROOM}"
        else:
            words = f"{os.fsdecode(name)}: expected a file or folder that can be used, found: {error.strerror}"
            words += "; if a run made it, move it away and give the command again"
        click.echo(f"yt360: {printable(hide(words))}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
