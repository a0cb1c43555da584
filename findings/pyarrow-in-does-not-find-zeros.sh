#!/usr/bin/env bash
# pyarrow 26.0.1 writes a Parquet file with a column of plain 0.0 (the elevation of clips that were recorded without height, the
# azimuth of sources in front) and reads it with filters=[("elevation", "in", [0.0])]. Expected: every row, as from ("elevation", "==", 0.0)
# and as from filtering the table in memory. Seen: none, without a word, from read_table and from a dataset, with isin([0.0]) and
# isin([0.0, 5.0]), too. The writer states -0.0 as minimum and 0.0 as maximum, as the Parquet format asks; the reader takes
# the two for one value, puts the minimum in place of the column, and asks whether -0.0 is in the list. To "in", unlike "==",
# 0.0 and -0.0 are two values. Only row groups that hold nothing but zeros (and NaN) are lost, so of a file with other
# values in each group every zero is found, and of one that is sorted or grouped by elevation almost none.
# Source: pyarrow's documentation of the filters of read_table, where "in" takes a collection of values to compare with; Parquet's
# parquet.thrift, on statistics of floats: a maximum of zero is written as +0.0 whatever its sign is, and a minimum as -0.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check pyarrow==26.0.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import math
import sys

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


def clips(table):
    return table["clip"].to_pylist()


elevation = ds.field("elevation")
table = pa.table({"clip": range(4), "elevation": [0.0] * 4})
pq.write_table(table, "flat.parquet")
stated = pq.ParquetFile("flat.parquet").metadata.row_group(0).column(1).statistics
print(f"pyarrow {pa.__version__}; four clips with the elevation 0.0; the file states {stated.min} to {stated.max}")
must(all(math.copysign(1, value) == 1 for value in table["elevation"].to_pylist()), "the zeros are not positive")
must(math.copysign(1, stated.min) == -1 and stated.max == 0, "the writer states other bounds")
print("Expected: clips [0, 1, 2, 3] in each line.")
ways = {'filters=[("elevation", "==", 0.0)]': [("elevation", "==", 0.0)], "in memory, isin([0.0])": None,
        'filters=[("elevation", "in", [0.0])]': [("elevation", "in", [0.0])], "isin([0.0])": elevation.isin([0.0]),
        "isin([0.0, 5.0])": elevation.isin([0.0, 5.0])}
for name, condition in ways.items():
    if condition is None:
        found = clips(table.filter(elevation.isin([0.0])))
    else:
        found = clips(pq.read_table("flat.parquet", filters=condition))
    print(f"Seen: {name:37} {found}")
    must(found == ([] if "in" in name and condition is not None and "==" not in name else [0, 1, 2, 3]), f"{name} finds {found}")
found = clips(ds.dataset("flat.parquet").to_table(filter=elevation.isin([0.0])))
must(found == [], f"a dataset finds {found}")

mixed = pa.table({"clip": range(8), "elevation": [0.0, 10, 0, -20, 0, 30, 0, 0]})
for order in ("clip", "elevation"):
    pq.write_table(mixed.sort_by(order), "clips.parquet", row_group_size=2)
    found = sorted(clips(pq.read_table("clips.parquet", filters=[("elevation", "in", [0.0])])))
    print(f"Seen: clips 0, 2, 4, 6, 7 of 8 have 0.0; in row groups of two, sorted by {order}: found {found}")
    must(found == ([0, 2, 4] if order == "clip" else [0]), f"sorted by {order}: {found}")
PY
