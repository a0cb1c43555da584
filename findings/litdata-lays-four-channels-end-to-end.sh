#!/usr/bin/env bash
# litdata 0.2.76, optimize(), which packs a data set into chunks for training: the function gives a dict with the clip's sound as
# soundfile reads it, turned to channels first: (samples,) for a mono file, (4, samples) for ambisonics. Expected: StreamingDataset gives
# back the arrays, as it does when the four-channel clips come first; or an error, as for a whole number where the first item had a
# fraction. Seen: if the first clip of a worker is mono, all its later ambisonic clips come back as one row of 4 x samples, W, Y, Z
# and X one after the other, without a word; and if the first is float32 and a later one float64 (another reader, a gain applied in numpy),
# the later one comes back as twice as many numbers of float32 that have nothing to do with it. The same with torch tensors. A one-dimensional
# array in the first item is written without a header, its dtype is noted once for the worker, and what comes later is written
# the same way and not compared. Why it matters: crops of the long row are real sound of the right rate from the wrong channel, and
# a model that mixes down or takes spectrograms trains on it; which clips are damaged depends on their order and on the number of
# workers. sound[np.newaxis] for mono and one dtype for all avoid it. Source: the documentation of optimize, which asks that "the object
# types and list sizes don't change" - they are arrays each time - and says nothing of shape or dtype.
# REUSE_SITE=SITE-PACKAGES takes torch and torchvision from there instead of installing them (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
site=$("$work/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"; torch=(); else torch=(torch==2.14.1 torchvision==0.29.1 numpy==2.4.6); fi
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check "${torch[@]}" litdata==0.2.76
cd "$work"
cat > t.py <<'P'
import contextlib, io, sys
from importlib.metadata import version

import numpy as np
from litdata import StreamingDataset, optimize

N = 1000
time = np.arange(N) / 48000
MONO = (0.5 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
FOA = np.stack([0.5 * np.sin(2 * np.pi * f * time) for f in (300, 700, 1300, 2300)]).astype(np.float32)
CLIPS = {"mono": MONO, "foa": FOA, "mono64": MONO.astype(np.float64)}


def clip(name):
    return {"name": name, "sound": CLIPS[name]}


def packed(folder, names, workers=1):
    """The clips as they come back."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        optimize(fn=clip, inputs=names, output_dir=folder, num_workers=workers, chunk_bytes="8MB")
        data = StreamingDataset(folder)
        return {data[i]["name"]: data[i]["sound"] for i in range(len(data))}


if __name__ == "__main__":
    print("litdata", version("litdata"))
    good = packed("good", ["foa", "mono", "mono64"])
    for name, sound in good.items():
        print("four channels first: %-6s %s %s" % (name, sound.dtype, sound.shape))
        if sound.dtype != CLIPS[name].dtype or not np.array_equal(sound, CLIPS[name]):
            sys.exit("CHANGED: the control does not come back as it is")
    bad = packed("bad", ["mono", "foa", "mono64"])
    for name, sound in bad.items():
        print("mono first:          %-6s %s %s, expected %s %s" % (name, sound.dtype, sound.shape, CLIPS[name].dtype, CLIPS[name].shape))
    if not np.array_equal(bad["mono"], MONO):
        sys.exit("CHANGED: the first clip does not come back as it is")
    if bad["foa"].shape != (4 * N,) or not np.array_equal(bad["foa"], FOA.ravel()):
        sys.exit("CHANGED: four channels are not laid end to end")
    if bad["mono64"].dtype != np.float32 or bad["mono64"].shape != (2 * N,):
        sys.exit("CHANGED: float64 is not read as float32")
    print("still so")
P
nice -n 15 venv/bin/python -W ignore t.py
