#!/usr/bin/env bash
# datasets 5.2.0 (Hugging Face), load_dataset of a folder whose README.md names two configs in its YAML, each with one file:
# labels as .csv and the same labels as .tsv, .jsonl, .txt or .parquet. Alone, every one of the files is read well.
# Expected: each config is read as its own file's ending says. Seen: the reader, and its settings, are found from the
# data_files of the config that stands first, and all others are read with it. CSV first: the .tsv has one column
# "clip<tab>azimuth"; the .jsonl loses its first line, which becomes the names of the columns; both with the right or nearly
# the right number of rows and without a word. Text first: .csv, .tsv and .jsonl are rows of text. Parquet first: the others
# are refused as "corrupted", a webdataset .tar among them. Which of two configs is well depends on the order in the README.
# Why it matters: a dataset of media (.tar) and labels (.parquet), or of hand-made .csv and exported .jsonl, cannot be one
# card; a table that is read wrongly without an error may be found late. Source: the Hub's "Manual configuration": several
# configurations for independent files of one dataset.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
cat > t.py <<'P'
import io, logging, pathlib, sys, tarfile
import datasets, pyarrow as pa, pyarrow.parquet as pq

print("datasets", datasets.__version__)
logging.disable(logging.ERROR)
datasets.disable_progress_bars()
ROWS = [{"clip": "a", "azimuth": 10}, {"clip": "b", "azimuth": 20}, {"clip": "c", "azimuth": 30}]
LINES = [f"{row['clip']} {row['azimuth']}" for row in ROWS]
tar = io.BytesIO()
with tarfile.open(fileobj=tar, mode="w") as archive:
    for row in ROWS:
        member = tarfile.TarInfo(row["clip"] + ".json")
        member.size = len(b'{"azimuth": %d}' % row["azimuth"])
        archive.addfile(member, io.BytesIO(b'{"azimuth": %d}' % row["azimuth"]))
parquet = io.BytesIO()
pq.write_table(pa.Table.from_pylist(ROWS), parquet)
FILES = {
    "csv": b"clip,azimuth\n" + b"".join(b"%s,%d\n" % (r["clip"].encode(), r["azimuth"]) for r in ROWS),
    "tsv": b"clip\tazimuth\n" + b"".join(b"%s\t%d\n" % (r["clip"].encode(), r["azimuth"]) for r in ROWS),
    "jsonl": b"".join(b'{"clip": "%s", "azimuth": %d}\n' % (r["clip"].encode(), r["azimuth"]) for r in ROWS),
    "txt": "".join(line + "\n" for line in LINES).encode(), "parquet": parquet.getvalue(), "tar": tar.getvalue()}

def read(wanted, *ends):
    """The rows of the config for one ending, out of a card with a config for each of these endings, in this order."""
    card = pathlib.Path("-".join((*ends, "for", wanted)))
    card.mkdir()
    configs = "".join(f"- config_name: labels_{end}\n  data_files: labels.{end}\n" for end in ends)
    for end in ends:
        (card / f"labels.{end}").write_bytes(FILES[end])
    (card / "README.md").write_text(f"---\nconfigs:\n{configs}---\n# Labels\n")
    try:
        rows = datasets.load_dataset(str(card), f"labels_{wanted}", split="train", cache_dir=f"cache-{card}").to_list()
    except Exception as error:
        return type(error).__name__
    return [{name: value for name, value in row.items() if not name.startswith("__")} for row in rows]

for end in FILES:
    rows = read(end, end)
    want = {"txt": [{"text": line} for line in LINES], "tar": [{"json": {"azimuth": r["azimuth"]}} for r in ROWS]}.get(end, ROWS)
    if rows != want:
        sys.exit(f"CHANGED: a card with only .{end} is not read well: {rows}")
print("Expected, and so when a card has this file only:", ROWS)
seen = {}
for first, second in (("csv", "tsv"), ("tsv", "csv"), ("csv", "jsonl"), ("txt", "jsonl"), ("parquet", "tar"), ("tar", "parquet")):
    seen[first, second] = read(second, first, second)
    print(f".{second} behind .{first}:", seen[first, second])
silent = {("csv", "tsv"): ["clip\tazimuth"], ("tsv", "csv"): ["clip,azimuth"], ("txt", "jsonl"): ["text"]}
for pair, names in silent.items():
    if isinstance(seen[pair], str) or len(seen[pair]) != len(ROWS) or list(seen[pair][0]) != names:
        sys.exit(f"CHANGED: {pair}")
if isinstance(seen["csv", "jsonl"], str) or len(seen["csv", "jsonl"]) != len(ROWS) - 1 or "clip" in seen["csv", "jsonl"][0]:
    sys.exit("CHANGED: .jsonl behind .csv")
if not all(isinstance(seen[pair], str) for pair in (("parquet", "tar"), ("tar", "parquet"))):
    sys.exit("CHANGED: .tar and .parquet in one card")
print("still so")
P
HF_HOME="$d/hf" HF_HUB_OFFLINE=1 v/bin/python -W ignore t.py
