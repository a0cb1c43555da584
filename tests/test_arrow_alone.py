from __future__ import annotations

import subprocess
import sys

import pytest

from tests import CHECKOUT

_BEFORE = """
import sys
from yt360.arrow_alone import leave_out_pandas

leave_out_pandas()
leave_out_pandas()
import pyarrow as pa
table = pa.table({"a": [1, None], "b": ["x", None]})
assert "pandas" not in sys.modules
"""

_SAME = """
import pandas as pd
assert pa.array(pd.Series([1.0, float("nan")])).null_count == 1
assert pa.types.is_dictionary(pa.array(pd.Series(["u", "v"], dtype="category")).type)
assert table.to_pandas()["a"].isna().tolist() == [False, True]
assert pd.__spec__.loader.get_source("pandas")
assert not [finder for finder in sys.meta_path if type(finder).__module__ == "yt360.arrow_alone"]
"""


def _run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True)
    return done.stderr


@pytest.mark.parametrize(
    "wanted",
    ["", "table.to_pandas()", "import pandas.api.types", "from concurrent.futures import ThreadPoolExecutor as pool\n"
     "list(pool(4).map(lambda _: __import__('pandas').Series, range(8)))"],
    ids=["imported", "a data frame", "a module of it", "threads"],
)  # fmt: skip
def test_pandas_is_left_out_until_it_is_wanted_and_whole_then(wanted: str) -> None:
    assert _run(f"{_BEFORE}{wanted}\n{_SAME}") == ""


def test_pandas_that_is_here_already_stays_known_to_arrow() -> None:
    assert _run(f"import pandas\n{_BEFORE.replace('assert', '#')}{_SAME}") == ""
