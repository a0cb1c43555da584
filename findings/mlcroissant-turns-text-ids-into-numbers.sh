#!/usr/bin/env bash
# mlcroissant 1.1.1 reads a CSV whose column is declared as text (dataType sc:Text), and whose values happen to look like
# numbers: clip numbers with leading zeros, and video ids of eleven characters such as 1234567e890, which a service that gives
# out [0-9A-Za-z_-]{11} can give. Expected: the text as it stands in the file, since the metadata says text. Seen: the column
# is read as numbers first and turned into text afterwards: "007" becomes "7", "00000000012" becomes "12.0" and "1234567e890"
# becomes "inf"; words that mean "missing" to pandas ("NA", "None", "null") become None. Nothing is said. One id in the column
# that cannot be a number saves all others, so the same id is read in two ways from two shards of a list. Ids no longer match
# the names of the media or of the other tables.
# Source: the Croissant format, section on data types: sc:Text "Describes a string".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check mlcroissant==1.1.1 pandas==3.1.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import hashlib
import json
import logging
import pathlib
import sys
from importlib.metadata import version

import mlcroissant

logging.disable(logging.WARNING)
CONTEXT = {"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
           "cr": "http://mlcommons.org/croissant/", "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
           "citeAs": "cr:citeAs", "column": "cr:column", "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
           "extract": "cr:extract", "field": "cr:field", "fileObject": "cr:fileObject", "recordSet": "cr:recordSet",
           "source": "cr:source"}


def must(holds, what):
    if not holds:
        sys.exit(f"CHANGED: {what}")


def read(name, rows):
    """What comes back for rows of (clip, video, place), all three declared as text."""
    text = "clip,video,place\n" + "".join(",".join(row) + "\n" for row in rows)
    pathlib.Path(f"{name}.csv").write_text(text)
    fields = [{"@type": "cr:Field", "@id": f"clips/{column}", "name": column, "dataType": "sc:Text",
               "source": {"fileObject": {"@id": "table"}, "extract": {"column": column}}} for column in ("clip", "video", "place")]
    pathlib.Path(f"{name}.json").write_text(json.dumps({
        "@context": CONTEXT, "@type": "sc:Dataset", "name": name, "description": "clips", "version": "1.0.0",
        "conformsTo": "http://mlcommons.org/croissant/1.0", "license": "https://creativecommons.org/publicdomain/zero/1.0/",
        "url": "https://example.org", "datePublished": "2026-01-01", "creator": {"@type": "sc:Person", "name": "nobody"},
        "distribution": [{"@type": "cr:FileObject", "@id": "table", "name": "table", "contentUrl": f"{name}.csv",
                          "encodingFormat": "text/csv", "sha256": hashlib.sha256(text.encode()).hexdigest()}],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "clips", "name": "clips", "field": fields}]}))
    records = list(mlcroissant.Dataset(f"{name}.json").records("clips"))
    return [tuple(None if value is None else value.decode() for value in record.values()) for record in records]


rows = [("007", "1234567e890", "NA"), ("010", "12345678901", "None"), ("011", "00000000012", "null")]
print(f"mlcroissant {version('mlcroissant')}, pandas {version('pandas')}")
print("Expected: three columns of text, as written:", *rows, sep="\n    ")
back = read("numbers", rows)
print("Seen:", *back, sep="\n    ")
must([row[0] for row in back] == ["7", "10", "11"], "clip numbers keep their zeros")
must([row[1] for row in back] == ["inf", "12345678901.0", "12.0"], "video ids come back otherwise")
must([row[2] for row in back] == [None, None, None], "NA, None and null are kept")

mixed = read("mixed", [*rows, ("x12", "dQw4w9WgXcQ", "Rome")])
print("Seen, with one more row that holds letters:", *mixed, sep="\n    ")
must([row[:2] for row in mixed[:3]] == [row[:2] for row in rows], "other rows do not save the ids")
PY
