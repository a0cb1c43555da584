"""Inputs are what the ledger says they are: compared with their digests whenever a stage reads them.

A key speaks of digests. Were files taken for what they once were, a file that rotted or was replaced would become the
truth of all that is made of it. Small files are compared before the stage begins, large ones beside it, in a thread
that reads ahead of the decoder, so that a cold file is read from the disk once. What a stage made is believed only
when all of its inputs were right.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from yt360.engine.items import Blob
from yt360.errors import ItemError
from yt360.hashing import digest_file

CHANGED, MISSING = "changed-input", "missing-input"
INPUT_KINDS = frozenset((CHANGED, MISSING))
"""Kinds of failure that are an input's: its maker is marked as damaged, and the item waits for it."""

_SMALL_BYTES = 1 << 20
"""Up to this size a thread costs more than the digest."""

DAMAGED_INPUTS = "damaged_inputs"
"""Measure of a failed record: where the inputs lie that were wrong."""

CHECKED: Mapping[str, str] = {"inputs": "checked"}
"""In a record's ``tools``: what was made is known to have been made of the inputs that it names."""


class InputCheck:
    """Compares files with what is recorded of them."""

    def __init__(self, inputs: Mapping[str, Blob], files: Mapping[str, Path]) -> None:
        self._inputs, self._files = inputs, files
        self._problems: list[tuple[str, str, str]] = []
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        large = []
        for name, path in files.items():
            if not path.is_file():
                self._problems.append((MISSING, inputs[name].uri, "no file"))
            elif path.stat().st_size <= _SMALL_BYTES or path.stat().st_size != inputs[name].size:
                self._compare(name)
            else:
                large.append(name)
        if large and not self._problems:
            self._thread = threading.Thread(target=self._compare_all, args=(large,), daemon=True)
            self._thread.start()

    def require(self, item: str, *, wait: bool) -> None:
        """Raise :class:`ItemError` where an input is wrong, as far as is known; with ``wait`` all were looked at."""
        if wait and self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
        if not self._problems:
            return
        kind, uri, found = self._problems[0]
        blob = next(blob for blob in self._inputs.values() if blob.uri == uri)
        raise ItemError(
            kind,
            f"{uri}, an input of {item}: expected content with digest {blob.digest}, found {found}; "
            "run the recipe again to make it anew",
            damaged=tuple(uri for _, uri, _ in self._problems),
        )

    def _compare_all(self, names: list[str]) -> None:
        try:
            for name in names:
                self._compare(name)
        except BaseException as error:
            self._error = error

    def _compare(self, name: str) -> None:
        self._problems.extend(problems(self._inputs[name], self._files[name]))


def problems(blob: Blob, path: Path) -> Iterator[tuple[str, str, str]]:
    """Kind, uri and words on what is wrong with a file; nothing where it is what was recorded."""
    try:
        size = path.stat().st_size
        found = f"{size} bytes" if size != blob.size else digest_file(path)
    except FileNotFoundError:
        yield MISSING, blob.uri, "no file"
        return
    except OSError as error:  # a device that cannot read it back has lost it
        yield CHANGED, blob.uri, f"a file that cannot be read ({error.strerror})"
        return
    if found != blob.digest:
        yield CHANGED, blob.uri, found
