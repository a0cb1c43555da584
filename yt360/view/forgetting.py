"""What a server of `yt360 view` has made of videos goes when they are taken down, whether anybody asks again or not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Set
from typing import Any

from yt360.engine.storage import Root
from yt360.errors import Yt360Error
from yt360.root_marker import TAKEDOWNS

log = logging.getLogger(__name__)

_EVERY_S, _EVERY_OF_STORE_S = 3.0, 60.0


class Forgetting:
    """While it is entered, calls ``forget`` with all that ``removed`` tells whenever more was taken down of a root."""

    def __init__(
        self,
        root: Root,
        removed: Callable[[], Set[str]],
        forget: Callable[[Set[str]], object],
        every_s: float | None = None,
    ) -> None:
        self._root, self._removed, self._forget = root, removed, forget
        self._every_s = every_s or (_EVERY_S if root.store is None else _EVERY_OF_STORE_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="takedowns", daemon=True)
        self._stamp = self._stamped()

    def __enter__(self) -> Forgetting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                stamp = self._stamped()
                if stamp != self._stamp:
                    self._root.pull()
                    self._forget(self._removed())
                    self._stamp = stamp
            except (OSError, Yt360Error) as error:  # a store that does not answer now may later
                log.warning("takedowns: %s", error)

    def _stamped(self) -> Any:
        path = self._root.state / TAKEDOWNS
        if self._root.store is not None:
            return self._root.store.stamp(self._root.uri(path))
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns
