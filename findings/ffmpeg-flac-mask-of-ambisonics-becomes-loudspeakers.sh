#!/usr/bin/env bash
# FLAC's own standard has a way to say "these channels are not loudspeakers": the comment
# WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x0, and names ambisonics as its use (RFC 9639, 8.6.2). Expected of a reader that knows
# this comment and is told not to guess a layout (ffmpeg's -guess_layout_max 0): four channels without positions, as the
# same reader says of a WAVE file whose mask is 0. Seen: ffmpeg 9.0.2 and PyAV 18.1.0 (libav 62) use the comment where it
# names loudspeakers (0x107 becomes "4.0") and pass over it where it names none: the file is "quad", exactly as without
# it, guessing or not, and what wants two channels mixes W with Z and Y with X without a word. So no statement of the
# format keeps W Y Z X in FLAC from being mixed: take the channels without their layout.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install av==18.1.0 imageio-ffmpeg==0.8.1 soundfile==0.14.0 numpy==2.4.6
cat > t.py <<'P'
import re, struct, subprocess, sys
import av, imageio_ffmpeg, numpy as np, soundfile

ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.split(" Copyright")[0], "PyAV", av.__version__)
time = np.arange(24000) / 24000
w = 0.2 * np.sin(2 * np.pi * 440 * time)
scene = np.stack([w, 0 * w, 0 * w, -w], axis=1)  # AmbiX, one source straight behind: X is -W
soundfile.write("plain.flac", scene, 24000, subtype="PCM_24")
plain = open("plain.flac", "rb").read()


def commented(path, *comments):
    """The same file with these comments and no others."""
    at, kept = 4, []
    while True:
        head, size = plain[at], int.from_bytes(plain[at + 1 : at + 4], "big")
        if head & 127 != 4:
            kept.append((head & 127, plain[at + 4 : at + 4 + size]))
        at += 4 + size
        if head & 128:
            break
    body = struct.pack("<I", 4) + b"test" + struct.pack("<I", len(comments))
    for text in comments:
        body += struct.pack("<I", len(text)) + text.encode()
    kept.append((4, body))
    out = b"fLaC"
    for number, (kind, data) in enumerate(kept):
        out += bytes([kind | (128 if number == len(kept) - 1 else 0)]) + len(data).to_bytes(3, "big") + data
    open(path, "wb").write(out + plain[at:])


def wave(path, mask):
    """WAVE_FORMAT_EXTENSIBLE with a channel mask."""
    data = (scene * 32767).astype("<i2").tobytes()
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 4, 24000, 24000 * 8, 8, 16, 22, 16, mask) + guid
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    open(path, "wb").write(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


def said(path):
    text = subprocess.run([ffmpeg, "-hide_banner", "-guess_layout_max", "0", "-i", path], capture_output=True, text=True).stderr
    return re.search(r"Audio: .*? Hz, ([^,]+),", text)[1]


def behind_db(path):
    """What is left of the source after a mix to two channels, in dB against W."""
    raw = subprocess.run([ffmpeg, "-v", "error", "-i", path, "-ac", "2", "-f", "f32le", "-"], capture_output=True).stdout
    left_right = np.frombuffer(raw, np.float32).reshape(-1, 2).astype(float)
    return [float(10 * np.log10(np.mean(c**2) / np.mean(w**2) + 1e-12)) for c in left_right.T]


commented("none.flac")
commented("front.flac", "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x107")
commented("zero.flac", "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x0")
wave("zero.wav", 0)
seen = {path: said(path) for path in ("none.flac", "front.flac", "zero.flac", "zero.wav")}
with av.open("zero.flac") as container:
    seen["zero.flac in PyAV"] = container.streams.audio[0].layout.name
print("expected of zero.flac: 4 channels without positions, as of zero.wav")
print("seen:", seen, "mixed to two without a word:", [round(level, 1) for level in behind_db("zero.flac")], "dB of W")
if seen["front.flac"] != "4.0" or seen["zero.wav"] != "4 channels":
    sys.exit("CHANGED: the comment, or WAVE's mask, is read in another way")
if seen["zero.flac"] != "quad" or seen["zero.flac in PyAV"] != "quad":
    sys.exit("CHANGED: a mask of 0 is no longer loudspeakers")
print("still so")
P
nice -n 15 v/bin/python t.py
