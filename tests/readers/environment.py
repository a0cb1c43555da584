"""Which Python the tools of other people run with: one that has them beside yt360."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from tests import CHECKOUT


@functools.cache
def python() -> str:
    """That of the environment YT360_READERS names, of `.venv-readers` in this checkout, or this one."""
    named = os.environ.get("YT360_READERS")
    folders = [Path(named)] if named else [CHECKOUT / ".venv-readers"]
    return next(
        (str(each / "bin" / "python") for each in folders if (each / "bin" / "python").exists()), sys.executable
    )
