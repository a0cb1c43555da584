#!/usr/bin/env bash
# The pose of a 360 video: a yaw of 30 degrees in MP4 (sv3d, prhd) and in Matroska (ProjectionPoseYaw), which took the element over from
# the same document, Spherical Video V2. Expected: one document, one sign. Seen: two. The document first said "clockwise rotation in
# degrees around the up vector", and Matroska (RFC 9559, ProjectionPoseYaw) still says so; in December 2016 it was mended to
# "counter-clockwise", in its part on MP4 and in its part on WebM (for roll the words changed places in the same commit, pitch stayed).
# So 30 turns what is in front to the left in MP4 and to the right in Matroska, and for WebM, which is Matroska, it depends on which of
# its two documents a player follows. ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1) copies the number from MP4 to Matroska and to WebM as it is,
# and documents its own field, between the two, as "positive yaw rotates the portion of the sphere in front of the viewer toward
# their right", as Matroska does, so it reads MP4 against MP4's own definition. Why it matters: whoever applies the pose to picture or
# sound turns it the wrong way in one of the containers, 60 degrees apart here, and a remux alone is enough to get there. Only a
# pose of 0 means the same everywhere. Sources: google/spatial-media, docs/spherical-video-v2-rfc.md (prhd; ProjectionPoseYaw) and its
# commit 40996a1, "Fix yaw and roll descriptions"; RFC 9559; libavutil/spherical.h.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1
cat > t.py <<'P'
import re, struct, subprocess, sys
import imageio_ffmpeg

FF = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
YAW = 30


def ffmpeg(*arguments):
    subprocess.run([FF, "-y", "-v", "error", *arguments], check=True)


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def with_boxes(data, path, extra):
    """The file with boxes at the end of the video's sample entry; it keeps its index behind the samples, so no offset moves."""
    if not path:
        return data + extra
    skip = {b"stsd": 8, b"vp09": 78}.get(path[0], 0)  # fields in front of the boxes within
    at = 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == path[0]:
            body = data[at + 8 : at + size]
            return data[:at] + box(kind, body[:skip], with_boxes(body[skip:], path[1:], extra)) + data[at + size :]
        at += size
    sys.exit("no box %r" % path[0])


def matroska_yaw(path):
    """ProjectionPoseYaw (0x7673, a float of 4 or 8 bytes) in degrees, by Matroska's sign: clockwise."""
    data = open(path, "rb").read()
    found = re.search(rb"\x76\x73(?:\x84(.{4})|\x88(.{8}))", data, re.S)
    if not found:
        return None
    return struct.unpack(">f", found[1])[0] if found[1] else struct.unpack(">d", found[2])[0]


ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x64:r=10:d=1", "-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-b:v", "100k", "plain.mp4")
pose = box(b"prhd", bytes(4), struct.pack(">3i", YAW << 16, 0, 0))
sphere = box(b"sv3d", box(b"svhd", bytes(4), b"test\0"), box(b"proj", pose, box(b"equi", bytes(20))))
path = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"vp09"]
open("sphere.mp4", "wb").write(with_boxes(open("plain.mp4", "rb").read(), path, sphere))
seen = {}
for name in ("sphere.mkv", "sphere.webm"):
    ffmpeg("-i", "sphere.mp4", "-c", "copy", name)
    seen[name] = matroska_yaw(name)
print("in MP4, counter-clockwise round the up vector: %d" % YAW)
print("expected in Matroska, clockwise round the up vector: %d" % -YAW)
print("seen, ProjectionPoseYaw:", seen)
if set(seen.values()) != {float(YAW)}:
    sys.exit("CHANGED: the number is not copied as it is")
ffmpeg("-i", "sphere.mkv", "-c", "copy", "-strict", "unofficial", "back.mp4")
data = open("back.mp4", "rb").read()
back = struct.unpack(">i", data[data.index(b"prhd") + 8 :][:4])[0] / 65536
print("back in MP4:", back)
if back != YAW:
    sys.exit("CHANGED: the way back turns the sign")
print("still so")
P
nice -n 15 v/bin/python t.py
