#!/usr/bin/env bash
# megatron-energon 7.4.1, SampleDecoder (and AVDecoder.get_audio) on one sound of peak 0.5, written by soundfile 0.14.0 as
# WAV, FLAC and MP3, as they lie in the shards of one WebDataset. Expected: the same tensor for all, floats in [-1, 1], as
# soundfile, torchaudio and torchcodec give them, and as the pictures of the same decoder come (floats in [0, 1] for each
# file format). Seen: the peak is 16384 (int16) for FLAC and WAV of 16 bits, 1073741824 (int32) for FLAC of 24 bits, and 0.5
# (float32) for MP3 and WAV of floats; nothing in the result says the scale. Why it matters: a set that mixes codecs has
# examples that are 90 or 187 dB louder than others; a mean or a model of floats refuses the integers, but after .float(),
# or a gain of 0.5, nothing does; and packing a set anew as FLAC changes training. Divide by torch.iinfo(dtype).max + 1
# where the dtype is one of integers. Source: Energon's documentation of data decoding: like WebDataset's own, audios become
# audio sample tensors.
# REUSE_SITE=SITE-PACKAGES takes torch from there instead of installing it (5.5 GB).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
site=$("$work/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
if [ -n "${REUSE_SITE:-}" ]; then echo "$REUSE_SITE" > "$site/zz_reuse.pth"; torch=(); else torch=(torch==2.14.1); fi
"$work/venv/bin/pip" install -q --no-compile --disable-pip-version-check "${torch[@]}" "megatron-energon[av-decode]==7.4.1" \
    webdataset==1.0.2 multi-storage-client==1.3.1 av==18.1.0 soundfile==0.14.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import io
import sys
from importlib.metadata import version

import numpy as np
import soundfile
from megatron.energon import SampleDecoder
from PIL import Image

RATE = 48000
print("megatron-energon", version("megatron-energon"), "av", version("av"), "soundfile", version("soundfile"))
sound = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)[:, None] * [1, 0.5]
seen = {}
kinds = ("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("WAV", "FLOAT"), ("MP3", "MPEG_LAYER_III")
for container, subtype in kinds:
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format=container, subtype=subtype)
    other, _ = soundfile.read(io.BytesIO(file.getvalue()))
    sample = {"__key__": "a", container.lower(): file.getvalue()}
    decoded = SampleDecoder(av_decode="torch")(dict(sample))[container.lower()].audio_clips[0]
    lazy = SampleDecoder()(dict(sample))[container.lower()].get_audio().audio_clips[0]
    if lazy.dtype != decoded.dtype or (lazy != decoded).any():
        sys.exit("CHANGED: AVDecoder and SampleDecoder differ")
    peak = float(decoded.double().abs().max())
    seen[container, subtype] = str(decoded.dtype), round(peak, 2)
    print(f"{container} {subtype}: expected float32, peak {abs(other).max():.2f} (soundfile);"
          f" seen {decoded.dtype}, peak {peak:.2f}")
    if abs(abs(other).max() - 0.5) > 0.02:
        sys.exit("CHANGED: soundfile")
pictures = []
for container in ("PNG", "JPEG"):
    file = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 128, np.uint8)).save(file, container)
    picture = SampleDecoder()({"__key__": "a", container.lower(): file.getvalue()})[container.lower()]
    pictures.append((str(picture.dtype), round(float(picture.max()), 2)))
print("pictures of one grey as PNG and JPEG:", pictures)
if pictures != [("torch.float32", 0.5)] * 2:
    sys.exit("CHANGED: pictures")
want = {("WAV", "PCM_16"): ("torch.int16", 16384.0), ("FLAC", "PCM_16"): ("torch.int16", 16384.0),
        ("FLAC", "PCM_24"): ("torch.int32", 1073741824.0), ("WAV", "FLOAT"): ("torch.float32", 0.5)}
for case, value in want.items():
    if seen[case] != value:
        sys.exit(f"CHANGED: {case} {seen[case]}")
if seen["MP3", "MPEG_LAYER_III"][0] != "torch.float32" or seen["MP3", "MPEG_LAYER_III"][1] > 0.6:
    sys.exit("CHANGED: MP3")
print("still so")
PY
