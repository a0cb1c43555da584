"""The command line: `yt360 COMMAND …`. Exit code 0 all well, 1 some items failed, 2 wrong use."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from tqdm import tqdm

from yt360 import __version__
from yt360.errors import UsageError, Yt360Error

_COMMANDS = {
    "run": "yt360.cli.run:run_command",
    "crawl": "yt360.cli.crawl:crawl_command",
    "validate": "yt360.cli.run:validate_command",
    "stills": "yt360.cli.run:stills_command",
    "voiceover": "yt360.cli.run:voiceover_command",
    "fingerprint": "yt360.cli.run:fingerprint_command",
    "duplicates": "yt360.cli.run:duplicates_command",
    "chunk": "yt360.cli.run:chunk_command",
    "segment": "yt360.cli.run:segment_command",
    "split": "yt360.cli.run:split_command",
    "shard": "yt360.cli.run:shard_command",
    "status": "yt360.cli.status:status_command",
    "explain": "yt360.cli.explain:explain_command",
    "verify": "yt360.cli.verify:verify_command",
    "report": "yt360.cli.report:report_command",
    "filters": "yt360.cli.filters:filters_group",
    "slurm": "yt360.cli.slurm:slurm_group",
    "remove": "yt360.cli.remove:remove_command",
    "inspect": "yt360.cli.inspect:inspect_command",
    "synth": "yt360.cli.synth:synth_command",
    "train": "yt360.cli.train:train_command",
    "convert": "yt360.cli.train:convert_command",
    "evaluate": "yt360.cli.evaluate:evaluate_command",
    "tables": "yt360.cli.tables:tables_command",
    "segment-images": "yt360.cli.segment_images:segment_images_command",
    "segment-convert": "yt360.cli.segment_images:convert_command",
    "segment-evaluate": "yt360.cli.segment_maps:evaluate_command",
    "segment-export": "yt360.cli.segment_maps:export_command",
}
"""Command -> where it is. Imported when it is called, so that `status` does not wait for what `train` needs."""


class _StandardError(logging.Handler):
    """A line on what is standard error at that moment (it may be replaced or closed meanwhile), past a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            tqdm.write(self.format(record), file=sys.stderr)
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


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="yt360")
def group() -> None:
    """Build 360° video + spatial audio datasets, and train audio-visual spatial alignment on them."""


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: runs a command and turns errors that yt360 raises on purpose into a message and an exit code."""
    try:
        with _log_on_standard_error():
            code = group.main(args=arguments, prog_name="yt360", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except UsageError as error:
        click.echo(f"yt360: {error}", err=True)
        sys.exit(2)
    except Yt360Error as error:
        click.echo(f"yt360: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output left (`| head`): nothing to say, nobody to say it to
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
