"""Errors a person can act on.

Every message names the file or key, what was expected, what was found and what to do.
"""

from __future__ import annotations


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
