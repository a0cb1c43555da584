from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.media_containers import cbmp, encode, equi, grid_mesh, insert_boxes, mshp, st3d, sv3d
from yt360 import sphere
from yt360.media import ffmpeg
from yt360.media.containers.metadata import read_metadata
from yt360.media.containers.spatial import Bounds
from yt360.media.picture import VideoDecodeSpec
from yt360.media.projection.layouts import Layout, draw, known_layouts
from yt360.media.reading_picture import read_frames

H, W = 112, 224


def smooth(height: int, width: int) -> np.ndarray:
    """A smooth picture on the sphere: each colour a low harmonic, so that interpolation hardly matters."""
    v = sphere.pixel_vectors(height, width)
    x, y, z = np.moveaxis(v, -1, 0)
    return np.stack([128 + 90 * x, 128 + 90 * y * z, 128 + 60 * z + 40 * x * y], axis=-1).round().astype(np.uint8)


def _both_eyes(layout: Layout, frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    if layout.stereo == "top-bottom":
        frame[height // 2 :] = 255 - frame[: height // 2]
    elif layout.stereo == "left-right":
        frame[:, width // 2 :] = 255 - frame[:, : width // 2]
    return frame


@pytest.mark.parametrize("name", sorted(set(known_layouts())))
def test_every_layout_becomes_mono_equirectangular(tmp_path: Path, name: str) -> None:
    """Mean error against the analytic projection below 1/255; the right eye (here inverted) must not show."""
    layout = known_layouts()[name]
    size = {"cubemap-6x1": (192, 1152), "cubemap-1x6": (1152, 192)}.get(name, (480, 720))
    frame = _both_eyes(layout, draw(layout, smooth(512, 1024), *size))
    path = encode(tmp_path / "x.mkv", frames=frame[None].repeat(2, 0), video="rgb")
    reading = VideoDecodeSpec(
        size[1], size[0], projection=layout.projection, stereo=layout.stereo, cubemap_layout=layout.cubemap_layout
    )
    found = next(read_frames(path, reading, height=H, width=W))
    error = np.abs(found.astype(float) - smooth(H, W))
    assert error.mean() < 1.0
    # Cubic interpolation does not see over an edge of a face; it may be off there, and only there.
    assert np.percentile(error, 98) < 6


@pytest.mark.parametrize("padding", [4, 12])
def test_padding_around_the_faces_of_a_cubemap_is_left_out(tmp_path: Path, padding: int) -> None:
    """``cbmp`` with padding: each face goes on over its edge by so many pixels (Spherical Video V2)."""
    layout, side, world = known_layouts()["cubemap-cbmp"], 240, smooth(512, 1024)
    frame = np.zeros((2 * side, 3 * side, 3), np.uint8)
    along = (np.arange(side) + 0.5 - padding) / (side - 2 * padding) * 2 - 1
    for face in layout.faces:
        directions = sphere.direction(face.vectors(*np.meshgrid(along, along)))
        rows, columns = sphere.to_pixels(*directions, *world.shape[:2])
        top, left = round(face.top * 2) * side, round(face.left * 3) * side
        mapping = np.stack([rows, columns], axis=-1).astype(np.float32)
        frame[top : top + side, left : left + side] = sphere.sample(world, mapping, "cubic")
    stated = encode(tmp_path / "x.mp4", frames=frame[None])
    insert_boxes(stated, b"vide", sv3d(cbmp(0, padding)))
    metadata = read_metadata(stated).picture(0)
    assert (metadata.projection, metadata.cubemap_padding) == ("cubemap", padding)
    reading = VideoDecodeSpec(
        3 * side, 2 * side, projection="cubemap", cubemap_layout="cbmp", cubemap_padding=metadata.cubemap_padding
    )
    path = encode(tmp_path / "x.mkv", frames=frame[None].repeat(2, 0), video="rgb")
    found = next(read_frames(path, reading, height=H, width=W))
    assert np.abs(found.astype(float) - smooth(H, W)).mean() < 1.0


def test_right_eye_first(tmp_path: Path) -> None:
    layout = known_layouts()["equirectangular-lr"]
    frame = _both_eyes(layout, draw(layout, smooth(512, 1024), 240, 960))
    path = encode(tmp_path / "x.mkv", frames=np.ascontiguousarray(frame[None, :, ::1]), video="rgb")
    reading = VideoDecodeSpec(960, 240, stereo="left-right", right_eye_first=True)
    found = next(read_frames(path, reading, height=H, width=W))
    assert np.abs(found.astype(float) - (255 - smooth(H, W).astype(float))).mean() < 1.0


@pytest.mark.parametrize("pose", [(40.0, 0.0, 0.0), (0.0, 25.0, 0.0), (0.0, 0.0, -30.0), (45.0, 30.0, 15.0)])
def test_pose_is_undone(tmp_path: Path, pose: tuple[float, float, float]) -> None:
    """What the camera saw in its own frame is put where it is in the world (independent: scipy)."""
    from scipy.spatial.transform import Rotation

    yaw, pitch, roll = pose
    camera_to_world = Rotation.from_euler("ZYX", [yaw, -pitch, -roll], degrees=True)
    world = smooth(256, 512)
    seen = sphere.pixel_vectors(256, 512).reshape(-1, 3)
    rows, columns = sphere.to_pixels(*sphere.direction(camera_to_world.apply(seen)), 256, 512)
    mapping = np.stack([rows, columns], axis=-1).astype(np.float32).reshape(256, 512, 2)
    camera = sphere.sample(world, mapping, "cubic")
    path = encode(tmp_path / "x.mkv", frames=camera[None], video="rgb")
    reading = VideoDecodeSpec(512, 256, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll)
    found = next(read_frames(path, reading, height=H, width=W))
    assert np.abs(found.astype(float) - smooth(H, W)).mean() < 1.0


@pytest.mark.parametrize("name", ["eac", "eac-lr", "cubemap-cbmp"])
def test_pose_of_faces_is_undone(tmp_path: Path, name: str) -> None:
    """A tilted camera's cube faces come out upright: v360 itself turns the picture (independent reference)."""
    yaw, pitch, roll = 45.0, 30.0, 15.0
    layout = known_layouts()[name]
    v360 = {"eac": "eac", "eac-lr": "eac", "cubemap-cbmp": "c3x2:out_frot=002200"}[name]
    # v360 counts yaw to the right, and roll the other way round than the pose does.
    chain = f"v360=e:{v360}:interp=cubic:yaw={-yaw}:pitch={pitch}:roll={-roll}:w=720:h=480"
    world = encode(tmp_path / "world.mkv", frames=smooth(512, 1024)[None], video="rgb")
    if layout.stereo == "left-right":
        chain += ",transpose=cclock,split[a][b];[b]negate[c];[a][c]hstack"
    path = tmp_path / "x.mkv"
    arguments = ["-filter_complex", f"[0:v]{chain}", "-c:v", "ffv1", "-pix_fmt", "bgr0"]
    ffmpeg.run(["-y", *ffmpeg.input_arguments(world), *arguments, str(path)], timeout_s=60)
    reading = VideoDecodeSpec(
        *((960, 720) if layout.stereo == "left-right" else (720, 480)), projection=layout.projection,
        stereo=layout.stereo, cubemap_layout=layout.cubemap_layout, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll,
    )  # fmt: skip
    found = next(read_frames(path, reading, height=H, width=W))
    assert np.abs(found.astype(float) - smooth(H, W)).mean() < 1.0


def test_bounds_put_the_picture_where_it_belongs(tmp_path: Path) -> None:
    whole = smooth(256, 512)
    path = encode(tmp_path / "x.mkv", frames=np.ascontiguousarray(whole[None, 32:-32, 64:-64]), video="rgb")
    reading = VideoDecodeSpec(384, 192, bounds=Bounds(0.125, 0.125, 0.125, 0.125))
    found = next(read_frames(path, reading, height=H, width=W))
    inside = found[H // 8 + 1 : -H // 8 - 1, W // 8 + 1 : -W // 8 - 1]
    wanted = smooth(H, W)[H // 8 + 1 : -H // 8 - 1, W // 8 + 1 : -W // 8 - 1]
    assert np.abs(inside.astype(float) - wanted).mean() < 1.0
    assert not found[: H // 8 - 1].any()
    assert not found[:, : W // 8 - 1].any()


def test_mesh_is_read_through_its_look_up(tmp_path: Path) -> None:
    path = encode(tmp_path / "x.mp4", frames=smooth(256, 512)[None].repeat(3, 0))
    insert_boxes(path, b"vide", sv3d(mshp(grid_mesh(360, steps=96))))
    metadata = read_metadata(path).picture()
    reading = VideoDecodeSpec(512, 256, projection="mesh", mesh=metadata.mesh)
    found = next(read_frames(path, reading, height=H, width=W))
    error = np.abs(found.astype(float) - smooth(H, W))
    # H.264 with subsampled colour adds its own error; the geometry must not.
    assert error[..., 1].mean() < 2.5


def test_frame_times_start_at_the_container_clock(tmp_path: Path) -> None:
    frames = np.stack([np.full((64, 128, 3), 10 * k, np.uint8) for k in range(20)])
    path = encode(tmp_path / "x.mkv", frames=frames, fps=8, video="rgb")
    reading = VideoDecodeSpec(128, 64)
    every = [int(f.mean()) for f in read_frames(path, reading, height=32, width=64)]
    assert every == [10 * k for k in range(20)]
    later = [int(f.mean()) for f in read_frames(path, reading, height=32, width=64, fps=4, start_s=1.0, duration_s=1.0)]
    assert later == [80, 100, 120, 140]
    assert len(list(read_frames(path, reading, height=32, width=64, fps=16, gray=True))) in (39, 40)


def test_gray_frames_have_two_axes(tmp_path: Path) -> None:
    path = encode(tmp_path / "x.mkv", frames=smooth(64, 128)[None], video="rgb")
    assert next(read_frames(path, VideoDecodeSpec(128, 64), height=32, width=64, gray=True)).shape == (32, 64)


def _children() -> set[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def test_leaving_early_leaves_no_process(tmp_path: Path) -> None:
    path = encode(tmp_path / "x.mkv", frames=smooth(64, 128)[None].repeat(50, 0), video="rgb")
    before = _children()
    frames = read_frames(path, VideoDecodeSpec(128, 64), height=32, width=64)
    next(frames)
    assert _children() - before, "ffmpeg runs"
    frames.close()  # type: ignore[attr-defined]
    assert not _children() - before


def test_recipe_survives_json() -> None:
    reading = VideoDecodeSpec(
        100, 50, projection="equirectangular", stereo="left-right", bounds=Bounds(0.1), yaw_deg=3.0, drop_sei=True
    )
    assert VideoDecodeSpec.from_json(reading.to_json()) == reading


def test_metadata_of_a_real_file_is_found(tmp_path: Path) -> None:
    path = encode(tmp_path / "x.mp4", frames=smooth(64, 128)[None].repeat(3, 0))
    insert_boxes(path, b"vide", st3d(0), sv3d(equi(), yaw_deg=12))
    metadata = read_metadata(path).picture()
    assert (metadata.projection, metadata.stereo, metadata.yaw_deg) == ("equirectangular", "mono", 12)


def test_layouts_agree_with_v360() -> None:
    """The faces written down here are those that ffmpeg's v360 draws (independent reference)."""
    source = smooth(256, 512)
    pairs = (("eac", "eac", (256, 384)), ("cubemap-3x2", "c3x2", (256, 384)), ("cubemap-6x1", "c6x1", (128, 768)))
    for name, v360, size in pairs:
        chain = f"v360=e:{v360}:interp=cubic:w={size[1]}:h={size[0]}"
        arguments = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "512x256", "-i", "-", "-vf", chain]
        output = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        done = ffmpeg.run([*arguments, *output], timeout_s=60, stdin=source.tobytes())
        theirs = np.frombuffer(done.stdout, np.uint8).reshape(*size, 3)
        assert np.abs(theirs.astype(float) - draw(known_layouts()[name], source, *size)).mean() < 1.0, name
