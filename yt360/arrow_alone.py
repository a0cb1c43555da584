"""Arrow without pandas, until somebody asks for a data frame."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "pandas":
            raise ModuleNotFoundError("left out until a data frame is wanted", name=fullname)
        return None


def leave_out_pandas() -> None:
    """Keep Arrow from importing pandas at its first array, only to see whether that is one of pandas'.

    That is a quarter of the CPU time of ``yt360 status``, and of the start of each worker. A table's ``to_pandas``
    works as before: Arrow imports pandas then.
    """
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    blocked = _NoPandas()
    sys.meta_path.insert(0, blocked)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(blocked)
