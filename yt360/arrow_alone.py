"""Arrow without pandas, until somebody wants pandas."""

from __future__ import annotations

import importlib.util
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
            raise ModuleNotFoundError("left out until it is wanted", name=fullname)
        return None


class _TellsArrow(MetaPathFinder):
    """Lets Arrow look again when pandas is imported: it would otherwise take a series for a list, missing for NaN."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "pandas":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_tell(module: ModuleType) -> None:
            import pyarrow as pa

            execute(module)
            pa.table({"": pa.nulls(0)}).to_pandas()

        spec.loader.exec_module = execute_and_tell  # type: ignore[method-assign]
        return spec


def leave_out_pandas() -> None:
    """Keep Arrow from importing pandas at its first array, only to see whether that is one of pandas'.

    That is a quarter of the CPU time of ``yt360 status``, and of the start of each worker. Whoever imports pandas
    later, or asks a table for a data frame, has both as if nothing had been left out.
    """
    if "pandas" in sys.modules or any(isinstance(finder, _TellsArrow) for finder in sys.meta_path):
        return
    import pyarrow as pa

    blocked = _NoPandas()
    sys.meta_path.insert(0, blocked)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(blocked)
    sys.meta_path.insert(0, _TellsArrow())
