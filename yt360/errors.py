"""Errors a person can act on.

Every message names the file or key, what was expected, what was found and what to do.
"""

from __future__ import annotations

import re


class Yt360Error(Exception):
    """Base of all errors that yt360 raises on purpose."""


class UsageError(Yt360Error):
    """Wrong use: unknown key, wrong type, missing root. The command line exits with code 2."""


class ItemError(Yt360Error):
    """One item cannot be processed; the others go on.

    ``kind`` is a short stable word that ``status`` counts (``not-media``, ``timeout`` …).
    ``retryable`` says whether the same attempt may succeed later without any change. ``damaged`` are the uris of
    inputs that are not what was recorded of them.
    """

    def __init__(self, kind: str, message: str, *, retryable: bool = False, damaged: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable
        self.damaged = damaged


class DiskFullError(Yt360Error):
    """The file system of the root has no room left. The run stops; the item is not blamed."""


class RootBusyError(UsageError):
    """Another run is working on the same root."""


_FRAME = re.compile(r"[\s|]+File \S")
_BRANCH = re.compile(r"\s*[|+](?: |-+|$)")
"""What a group of exceptions draws before the lines of its parts."""


def what_a_traceback_says(text: str) -> str:
    """The first line of the last exception in a traceback, or in the end of one; empty where the text is none.

    It is the last line only where the exception says a single one and is no group.

    >>> what_a_traceback_says('  File "x.py", line 3, in f\\n    g()\\nValueError: 7 is too many\\nsee also: 8')
    'ValueError: 7 is too many'
    """
    lines = text.splitlines()
    frames = [number for number, line in enumerate(lines) if _FRAME.match(line)]
    if not frames:
        return ""
    behind = (_BRANCH.sub("", line) for line in lines[frames[-1] + 1 :])
    return next((line for line in behind if line and not line[0].isspace()), "")
