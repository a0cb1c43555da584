#!/usr/bin/env bash
# lhotse 1.33.0 (manifests and cuts of multi-channel sound): a recording in FuMa's order, W X Y Z, is to be read as ACN, W Y Z X, by
# naming the channels: cut.with_channels([0, 2, 3, 1]), or recording.load_audio(channels=[0, 2, 3, 1]). Expected: rows in the order of the
# list, as with numpy's indexing or ffmpeg's channelmap, or an error. Seen: the cut says channel=[0, 2, 3, 1], also in the manifest it
# writes, and its sound is W X Y Z as before: the list only says which channels, the file says in which order. [3, 1] gives 1, 3.
# The other way round it is wrong too: a recording of four mono files, listed as X, W, Y, Z with channels=[3], [0], [1], [2], comes with
# X as row 0, although channel_ids says 0, 1, 2, 3, and with_channels([0, 1]) gives W and Y. So neither the cut's channel nor channel_ids
# tells what a row is. Why it matters: nothing fails and levels stay; of FuMa "converted" in this way, front is heard at the
# left, left is above, above is in front. Only indexing the array after loading sorts it. Source: lhotse's documentation of
# with_channels, "Select specified channels from this cut", and load_audio, "int or iterable of ints, a subset of channel IDs to read".
# REUSE_SITE=SITE-PACKAGES takes torch from there instead of installing it (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
site=$("$work/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"; torch=(); else torch=(torch==2.14.1 numpy==2.4.6); fi
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check "${torch[@]}" lhotse==1.33.0 soundfile==0.14.0
cd "$work"
cat > t.py <<'P'
import json, sys
from importlib.metadata import version

import numpy as np
import soundfile
from lhotse import CutSet, Recording
from lhotse.audio import AudioSource

print("lhotse", version("lhotse"))
RATE, N = 16000, 16000
LEVELS = {"W": 0.1, "X": 0.2, "Y": 0.3, "Z": 0.4}  # a constant for each channel tells them apart
FUMA = ("W", "X", "Y", "Z")


def names(sound):
    """Which channel each row is."""
    return "".join(min(LEVELS, key=lambda name: abs(LEVELS[name] - float(row.mean()))) for row in sound)


soundfile.write("fuma.wav", np.stack([np.full(N, LEVELS[c]) for c in FUMA], 1), RATE, subtype="FLOAT")
recording = Recording.from_file("fuma.wav")
cut = recording.to_cut().with_channels([0, 2, 3, 1])
CutSet.from_cuts([cut]).to_file("cuts.jsonl")
stated = json.loads(open("cuts.jsonl").readline())["channel"]
seen = {
    "with_channels([0, 2, 3, 1])": names(cut.load_audio()),
    "load_audio(channels=[0, 2, 3, 1])": names(recording.load_audio(channels=[0, 2, 3, 1])),
    "load_audio(channels=[3, 1])": names(recording.load_audio(channels=[3, 1])),
}
expected = dict(zip(seen, ("WYZX", "WYZX", "ZX")))
print("the manifest says channel", stated)
print("expected:", expected)
print("seen:    ", seen)
if stated != [0, 2, 3, 1]:
    sys.exit("CHANGED: the manifest states another order")
if list(seen.values()) != ["WXYZ", "WXYZ", "XZ"]:
    sys.exit("CHANGED: the order of the list is heeded")

sources = []
for name, channel in (("X", 3), ("W", 0), ("Y", 1), ("Z", 2)):  # ACN's numbers, the files in no special order
    soundfile.write(name + ".wav", np.full(N, LEVELS[name]), RATE, subtype="FLOAT")
    sources.append(AudioSource("file", [channel], name + ".wav"))
mono = Recording("acn", sources, RATE, N, N / RATE)
ids, rows, pair = list(mono.channel_ids), names(mono.load_audio()), names(mono.load_audio(channels=[0, 3]))
print("four files: channel_ids %s; expected rows WYZX and, for channels [0, 3], WX; seen %s and %s" % (ids, rows, pair))
if ids != [0, 1, 2, 3] or rows != "XWYZ" or pair != "XW":
    sys.exit("CHANGED: rows are in the order of channel_ids")
print("still so")
P
nice -n 15 venv/bin/python -W ignore t.py
