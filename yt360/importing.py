"""Imports that the garbage collector does not look through."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Around the imports of a command: what they leave lives to the end, and none of it is looked through for garbage.

    Looking through it, time and again while modules load and twice when the process ends, is a fifth of the CPU time
    of ``yt360 status``. Where nothing new is imported, nothing is set aside: garbage that lies around would be kept.
    """
    if not gc.isenabled():
        yield
        return
    known = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()
        gc.enable()
