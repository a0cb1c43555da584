#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1) copies a 360 video in 3D, MP4 with st3d (top and bottom) and sv3d (a pose of 30 degrees yaw and 10
# roll), to MP4, in the way that keeps those boxes: -c copy -strict unofficial. Expected: ffmpeg reads from its own file what it
# read from the first one. Seen: the two boxes are in the new file with all values, and still ffmpeg reads "Stereo 3D: unspecified" and
# no pose. It now writes Apple's box vexu behind them, in which there is no place for either; when it reads, vexu wins and throws away
# what st3d and sv3d said. (Named "free", it lets both come back.) The next copy then loses them for good: st3d is gone and the pose is
# 0. Files of cameras and of older ffmpeg have no vexu and read well, so it shows only on what went through ffmpeg once before. Why it
# matters: a filter for 3D by ffprobe's side data lets two eyes above each other pass as one sphere, with everything twice and at half
# its height; a horizon levelled by the pose is tilted again against its sound. Bounds (VR180) are kept: a "tiled" sphere gets no vexu.
# Sources: google/spatial-media, docs/spherical-video-v2-rfc.md (st3d, prhd); ffmpeg's documentation of -strict.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1
cat > t.py <<'P'
import re, struct, subprocess, sys
import imageio_ffmpeg

FF = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])


def ffmpeg(*arguments):
    subprocess.run([FF, "-y", "-v", "error", *arguments], check=True)


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def with_boxes(data, path, extra):
    """The file with boxes at the end of the video's sample entry; it keeps its index behind the samples, so no offset moves."""
    if not path:
        return data + extra
    skip = {b"stsd": 8, b"avc1": 78}.get(path[0], 0)  # fields in front of the boxes within
    at = 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == path[0]:
            body = data[at + 8 : at + size]
            return data[:at] + box(kind, body[:skip], with_boxes(body[skip:], path[1:], extra)) + data[at + size :]
        at += size
    sys.exit("no box %r" % path[0])


def reads(path):
    text = subprocess.run([FF, "-hide_banner", "-i", path], capture_output=True, text=True).stderr
    layout, sphere = re.search(r"Stereo 3D: ([^,\n]+)", text), re.search(r"Spherical Mapping: (.+)", text)
    return (layout[1] if layout else None), (sphere[1].strip() if sphere else None)


def holds(path):
    """What the boxes say: stereo_mode of st3d, yaw and roll of prhd in degrees, and whether there is a vexu."""
    data = open(path, "rb").read()
    mode = data[data.index(b"st3d") + 8] if b"st3d" in data else None
    yaw, _, roll = struct.unpack(">3i", data[data.index(b"prhd") + 8 :][:12])
    return mode, yaw / 65536, roll / 65536, b"vexu" in data


ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x128:r=10:d=1", "-c:v", "libx264", "-pix_fmt", "yuv420p", "plain.mp4")
pose = box(b"prhd", bytes(4), struct.pack(">3i", 30 << 16, 0, 10 << 16))
sphere = box(b"sv3d", box(b"svhd", bytes(4), b"test\0"), box(b"proj", pose, box(b"equi", bytes(20))))
stated = box(b"st3d", bytes(4), b"\1") + sphere
path = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"]
open("camera.mp4", "wb").write(with_boxes(open("plain.mp4", "rb").read(), path, stated))
ffmpeg("-i", "camera.mp4", "-c", "copy", "-strict", "unofficial", "copy.mp4")
ffmpeg("-i", "copy.mp4", "-c", "copy", "-strict", "unofficial", "second.mp4")
open("free.mp4", "wb").write(open("copy.mp4", "rb").read().replace(b"vexu", b"free"))

for name in ("camera.mp4", "copy.mp4", "free.mp4", "second.mp4"):
    print("%-10s boxes (stereo_mode, yaw, roll, vexu): %s; ffmpeg reads %s" % (name, holds(name), reads(name)))
right = ("top and bottom", "equirectangular (30.000000/0.000000/10.000000)")
print("expected of each:", right)
if reads("camera.mp4") != right or reads("free.mp4") != right:
    sys.exit("CHANGED: the boxes alone are not read as they are")
if holds("copy.mp4") != (1, 30, 10, True):
    sys.exit("CHANGED: other boxes are written")
if reads("copy.mp4") != ("unspecified", "equirectangular"):
    sys.exit("CHANGED: ffmpeg reads another layout or pose from its own file")
if holds("second.mp4")[:3] != (None, 0, 0):
    sys.exit("CHANGED: the second copy keeps layout or pose")
print("still so")
P
nice -n 15 v/bin/python t.py
