#!/usr/bin/env bash
# mlcroissant 1.1.1 and two datasets in two folders, "birds" and "cars". Each has its croissant.json, valid after Croissant
# 1.0, and beside it an archive data/train-0.tar, given as contentUrl "data/train-0.tar" with the sha256 of its own bytes.
# Expected: each dataset gives the members of its own archive, since a relative contentUrl is relative to the
# croissant.json, and the sum is checked. Seen: the one that is read second gives the members of the first. The sum of the
# right archive is checked, and then the members are taken from a cache whose key is the text of contentUrl alone. It lies
# in the user's home (~/.cache/croissant) and outlives the process, so a new version of one dataset in its own folder is
# read as the old one, too: same number of rows, no warning. Why it matters: data/train-0.tar, audio.zip and the like are
# what everybody calls shards; training and checks run on another dataset or on the version before a correction. An own
# CROISSANT_CACHE for each dataset and version helps. Source: the Croissant format, on FileObject: contentUrl is the URL of
# the actual bytes of the file, sha256 their checksum.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install mlcroissant==1.1.1 pandas==3.1.1 numpy==2.4.6
cat > t.py <<'P'
import hashlib, io, json, logging, pathlib, sys, tarfile
from importlib.metadata import version

import mlcroissant

logging.disable(logging.WARNING)
CONTEXT = {"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
           "cr": "http://mlcommons.org/croissant/", "dct": "http://purl.org/dc/terms/", "conformsTo": "dct:conformsTo",
           "citeAs": "cr:citeAs", "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "extract": "cr:extract",
           "field": "cr:field", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet", "includes": "cr:includes",
           "recordSet": "cr:recordSet", "source": "cr:source"}
print("mlcroissant", version("mlcroissant"))

def make(folder, texts):
    """The folder of a dataset: croissant.json, and data/train-0.tar with these texts as members."""
    folder = pathlib.Path(folder)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    archive = folder / "data" / "train-0.tar"
    with tarfile.open(archive, "w") as tar:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    fields = [{"@type": "cr:Field", "@id": f"clips/{name}", "name": f"clips/{name}", "dataType": "sc:Text",
               "source": {"fileSet": {"@id": "texts"}, "extract": {"fileProperty": name}}} for name in ("filename", "content")]
    (folder / "croissant.json").write_text(json.dumps({
        "@context": CONTEXT, "@type": "sc:Dataset", "name": folder.name, "description": folder.name, "version": "1.0.0",
        "conformsTo": "http://mlcommons.org/croissant/1.0", "license": "https://creativecommons.org/publicdomain/zero/1.0/",
        "url": f"https://example.org/{folder.name}", "datePublished": "2026-01-01",
        "creator": {"@type": "sc:Person", "name": "nobody"},
        "distribution": [
            {"@type": "cr:FileObject", "@id": "archive", "name": "archive", "contentUrl": "data/train-0.tar",
             "encodingFormat": "application/x-tar", "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()},
            {"@type": "cr:FileSet", "@id": "texts", "name": "texts", "containedIn": {"@id": "archive"},
             "encodingFormat": "text/plain", "includes": "*.txt"}],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "clips", "name": "clips", "field": fields}]}))

def read(folder):
    records = mlcroissant.Dataset(f"{folder}/croissant.json").records("clips")
    return sorted((record["clips/filename"].decode(), record["clips/content"].decode()) for record in records)

birds, cars, corrected = ({"a.txt": a, b: c} for a, b, c in (
    ("blackbird", "b.txt", "wren"), ("lorry", "c.txt", "tram"), ("robin", "b.txt", "wren")))
seen = []
for folder, texts in (("birds", birds), ("cars", cars), ("birds", corrected)):
    make(folder, texts)
    seen.append(read(folder))
    print(folder, "expected:", sorted(texts.items()), "seen:", seen[-1])
first = sorted(birds.items())
if seen[0] != first:
    sys.exit("CHANGED: the first dataset is not read as it is")
if seen[1:] != [first, first]:
    sys.exit("CHANGED: an archive of the same name is not taken from the cache")
print("still so")
P
CROISSANT_CACHE="$d/cache" v/bin/python t.py
