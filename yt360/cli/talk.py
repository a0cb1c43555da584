"""How much a command says: -q and -v, what it is busy with when that takes long, and colour on a terminal."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import click

_KEY = "yt360.cli.talk"
_PATIENCE_S = 1.0
"""What takes longer than this is announced."""

_EVERY_S = 10.0
"""Between two lines on how far something is, where nobody watches a terminal."""

_LOG = logging.getLogger("yt360.cli")


def talk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``-q`` and ``-v``, the same for all commands; what was given is asked with :func:`quiet` and :func:`verbose`."""
    own: dict[str, Any] = {"is_flag": True, "expose_value": False, "callback": _chosen}
    command = click.option("-v", "--verbose", help="Print the steps too, and the time they took.", **own)(command)
    return click.option("-q", "--quiet", help="Print results and errors only.", **own)(command)


def _chosen(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value:
        return
    if context.meta.setdefault(_KEY, parameter.name) != parameter.name:
        raise click.UsageError("--quiet and --verbose exclude each other")
    logging.getLogger("yt360").setLevel(logging.WARNING if quiet() else logging.DEBUG)


def _given() -> str | None:
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_KEY)


def quiet() -> bool:
    """Whether -q was given."""
    return _given() == "quiet"


def verbose() -> bool:
    """Whether -v was given."""
    return _given() == "verbose"


def coloured(text: str, colour: str) -> str:
    """Text in a colour; as it is where ``NO_COLOR`` is set. (click takes colours out of what goes into a pipe.)"""
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=colour)


@contextmanager
def doing(words: str) -> Iterator[None]:
    """Announce on standard error what takes longer than a second; with -v everything, with -q nothing."""
    if quiet():
        yield
        return
    started = time.monotonic()
    timer = threading.Timer(_PATIENCE_S, _LOG.info, [f"{words} …"])
    timer.daemon = True
    if verbose():
        _LOG.info(f"{words} …")
    else:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if verbose():
        _LOG.info(f"{words}: {time.monotonic() - started:.1f} s")


class Steps:
    """How far a known number of steps is: a bar on a terminal, a line every ten seconds elsewhere; with -q nothing."""

    def __init__(self, words: str, total: int = 0) -> None:
        self._words, self._total, self._done = words, total, 0
        self._last = time.monotonic() - _EVERY_S + _PATIENCE_S  # the first line comes soon
        watched = not quiet() and sys.stderr.isatty()
        self._bar = None
        if watched:
            from tqdm import tqdm  # here: most commands show no bar

            self._bar = tqdm(total=total, desc=words, file=sys.stderr, dynamic_ncols=True)

    def __call__(self, done: int, total: int, what: str) -> None:
        """``done`` of ``total`` are over, ``what`` comes now."""
        if self._bar is not None:
            self._bar.total, self._bar.n = total, done
            self._bar.set_postfix_str(what, refresh=True)
        elif time.monotonic() - self._last > _EVERY_S:
            self._last = time.monotonic()
            _LOG.info(f"{self._words}: {done} of {total}, {what}")

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
