#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8's libavformat 62 in the wheel) and the same H.264 video, 40 s with a key frame every 10 s, in MP4,
# Matroska and MPEG-TS: container.seek(T, stream=…, backward=True, any_frame=False), then decode. Expected: the first frame
# decoded is the key frame at or before T, from where one goes on to T. Seen: so in MP4 and Matroska; in MPEG-TS the first
# packet is the one at T, key frame or not, nothing can be decoded up to the next key frame, and the first frame is up to 10
# s LATER than asked for. Behind the last key frame there is none at all, though the file has the frames: at 35 s of 40 s
# the loop ends without a frame and without an error. "Take the first frame after a seek", and "decode until pts >= T", both
# common, give a picture from seconds after the sound at T. Why it matters: recordings of broadcasts and HLS segments are
# MPEG-TS; pairs of a frame and its sound are misaligned or missing, and only for some files. Seeking earlier by more than
# the distance of key frames, and dropping frames, helps. Source: PyAV's documentation of seek: any_frame seeks to any
# frame, not just a key frame, and backward looks backwards for a key frame.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install av==18.1.0 numpy==2.4.6
cat > t.py <<'P'
import sys
import av, numpy as np

print("av", av.__version__, "libavformat", ".".join(map(str, av.library_versions["libavformat"])))
RATE, SECONDS, GOP_S = 25, 40, 10

def make(path):
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.options = {"g": str(GOP_S * RATE), "keyint_min": str(GOP_S * RATE), "sc_threshold": "0", "bf": "0"}
        for i in range(SECONDS * RATE):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), i * 7 % 256, np.uint8), format="rgb24")))
        out.mux(stream.encode())

def first(path, at_s):
    """Time of the first packet, whether it is a key frame, and the time of the first frame, after seeking to at_s."""
    with av.open(path) as file:
        stream = file.streams.video[0]
        zero = stream.start_time or 0
        file.seek(zero + round(at_s / stream.time_base), stream=stream, backward=True, any_frame=False)
        packet = next(file.demux(stream))
        key = packet.is_keyframe
        time = lambda pts: float((pts - zero) * stream.time_base)
        frames = packet.decode() or next(filter(None, (p.decode() for p in file.demux(stream))), [])
        return time(packet.pts), key, time(frames[0].pts) if frames else None

def count(path):
    with av.open(path) as file:
        return sum(1 for _ in file.decode(video=0))

seen = {}
for path in ("a.mp4", "a.mkv", "a.ts"):
    make(path)
    if count(path) != SECONDS * RATE:
        sys.exit(f"CHANGED: {path} does not have all frames when it is read whole")
    seen[path] = {at: first(path, at) for at in (3, 11, 15, 22, 35)}
    for at, (packet, key, frame) in seen[path].items():
        print(f"{path}: seek to {at} s, expected the frame at {at // GOP_S * GOP_S} s; first packet {packet:g} s "
              f"({'key frame' if key else 'no key frame'}), first frame", "none" if frame is None else f"{frame:g} s")
for path in ("a.mp4", "a.mkv"):
    if any((key, frame) != (True, at // GOP_S * GOP_S) for at, (_, key, frame) in seen[path].items()):
        sys.exit(f"CHANGED: {path} is not sought to the key frame before")
for at, (packet, key, frame) in seen["a.ts"].items():
    late = (at // GOP_S + 1) * GOP_S
    if key or packet != at or frame != (late if late < SECONDS else None):
        sys.exit(f"CHANGED: seeking to {at} s in MPEG-TS")
print("still so")
P
v/bin/python t.py
