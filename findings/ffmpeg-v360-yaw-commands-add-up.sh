#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1): the view of v360 is moved while it runs, by commands (sendcmd, zmq, or
# avfilter_graph_send_command): "yaw 10" at 1 s and "yaw 20" at 2 s, with the option yaw=40 at the start.
# Expected: a command sets the option, as with other filters: 40, then 10, then 20 degrees. Seen: 40, then 50,
# then 70: each command turns on from where the view is, and the view of the start stays in it. Only with
# reset_rot=1 (default 0) the yaw is 10, then 20. Why it matters: a track of view angles (moving crops, a
# stabiliser's correction for each frame, head tracking played back) is integrated instead of followed; the
# picture is good at every moment, so only a comparison with the sound's angles shows it. Source: ffmpeg's
# documentation of v360: "yaw, pitch, roll: Set rotation for the output video", options that can be commands;
# and of commands in general: the argument is the option's new value.
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1 numpy==2.4.6
cat > t.py <<'P'
import subprocess, sys
import imageio_ffmpeg, numpy as np

FF, W, H = imageio_ffmpeg.get_ffmpeg_exe(), 720, 360
print(subprocess.run([FF, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
picture = np.zeros((H, W), np.uint8)
picture[:, W // 2 - 1:W // 2 + 1] = 255                              # a line straight ahead
with open("in.raw", "wb") as f:
    f.write(picture.tobytes() * 30)
with open("commands.txt", "w") as f:
    f.write("1.0 v360 yaw 10;\n2.0 v360 yaw 20;\n")

def yaw(options):
    """The view's yaw (to the right) at 0.5, 1.5 and 2.5 s, from where the line stands."""
    raw = subprocess.run([FF, "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "%dx%d" % (W, H), "-r", "10",
                          "-i", "in.raw", "-vf", "sendcmd=f=commands.txt,v360=e:e:w=%d:h=%d:interp=near%s"
                          % (W, H, options), "-pix_fmt", "gray", "-f", "rawvideo", "-"],
                         check=True, capture_output=True).stdout
    rows = np.frombuffer(raw, np.uint8).reshape(-1, H, W)[[5, 15, 25], H // 2]
    return [float((W / 2 - 0.5 - np.flatnonzero(r > 128).mean()) * 360 / W) for r in rows]

want, seen = [40, 10, 20], yaw(":yaw=40")
plain, reset = yaw(""), yaw(":reset_rot=1")
show = lambda v: ", ".join("%.1f" % x for x in v)
print("expected: yaw", show(want))
print("seen, yaw=40 at the start:", show(seen))
print("seen, 0 at the start:", show(plain))
print("seen, 0 at the start, reset_rot=1:", show(reset))
near = lambda a, b: np.abs(np.subtract(a, b)).max() <= 1
if not (near(seen, [40, 50, 70]) and near(plain, [0, 10, 30])):
    sys.exit("CHANGED: the commands do not add up any more")
if not near(reset, [0, 10, 20]):
    sys.exit("CHANGED: reset_rot=1 does not follow the commands")
print("still so")
P
nice -n 15 v/bin/python t.py
