"""Near-duplicates: recall and precision over what happens to a re-upload, against look-alikes and sound-alikes.

Part of ``python -m benchmarks.filters``. Originals are panoramas with things that move and scenes of the held-out
sound material. Each is encoded anew, made smaller, brighter, turned about, cut from another start, and all of these
at once. Look-alikes: another take at the same place (same surroundings, other things and sounds). Sound-alikes:
another place under the same song.
"""

from __future__ import annotations

import json
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.filters_tables import interval, row
from benchmarks.media_scenes import Scene, make_scene
from yt360 import ambisonics, sphere
from yt360.engine.stage import Context, Done, Item
from yt360.filters.duplicates.fingerprints import COPY, SAME_SOUND, VideoFingerprint
from yt360.filters.duplicates.matching import matches
from yt360.media import ffmpeg
from yt360.stages.fingerprint import Fingerprint, read_print
from yt360.synth import mixes

FPS, HEIGHT, WIDTH, SECONDS = 4, 240, 480, 24
TRANSFORMATIONS = (
    "encoding", "size", "brightness", "yaw turn", "another start", "re-upload", "all at once",
    "mirrored", "tape speed", "tempo", "compilation",
)  # fmt: skip
RELATED = {"other sound": "same-picture", "other picture": "same-sound"}
"""What is named and not dropped."""

_COARSE = ["-g", "20", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "45", "-b:v", "0"]
_USUAL = ["-g", "16", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"]


def write(
    path: Path, frames: NDArray[np.uint8], foa: NDArray[np.float32], change: str = "", seed: int = 0
) -> tuple[int, int]:
    """A Matroska file of the recording after a ``change``; its height and width."""
    rng = np.random.default_rng(seed)
    everything = change == "all at once"
    if everything or change == "yaw turn":
        turn = rng.uniform(0.2, 2 * np.pi - 0.2)
        frames = np.roll(frames, round(turn / (2 * np.pi) * WIDTH), axis=2)
        foa = ambisonics.rotate(foa, sphere.yaw_rotation(-turn))
    if everything or change == "another start":
        start_s = float(rng.uniform(2, SECONDS - 12))
        frames, foa = frames[round(start_s * FPS) :], foa[:, round(round(start_s * FPS) / FPS * mixes.RATE_HZ) :]
        if not everything:
            foa = foa[:, round(rng.uniform(0, 0.04) * mixes.RATE_HZ) :]
    picture = ["-vf", "format=yuv420p"]
    height, width = HEIGHT, WIDTH
    if change == "mirrored":
        frames = frames[:, :, ::-1]
        foa = foa * np.array([[1], [-1], [1], [1]], np.float32)
    rate, fps, tempo = float(mixes.RATE_HZ), float(FPS), 1.0
    if change in ("tape speed", "tempo"):
        faster = 1 + rng.uniform(0.01, 0.04) * rng.choice([-1, 1])
        fps *= faster
        rate, tempo = (rate * faster, 1.0) if change == "tape speed" else (rate, faster)
    if everything or change == "size":
        height, width = (144, 288) if rng.random() < 0.5 else (360, 720)
        picture = ["-vf", f"scale={width}:{height},format=yuv420p"]
    if everything or change == "brightness":
        frames = np.clip((frames * rng.uniform(0.6, 1.1)) + rng.uniform(-20, 25), 0, 255).astype(np.uint8)
        foa = foa * np.float32(rng.uniform(0.3, 1.5))
    video = _COARSE if everything or change == "encoding" else _USUAL
    sound = ["-c:a", "libvorbis", "-q:a", "1"] if everything or change == "encoding" else ["-c:a", "libvorbis"]
    if change == "re-upload":
        video, sound = ["-g", "9", *_USUAL[2:-1], "30"], ["-c:a", "aac", "-b:a", "192k"]
    raw = path.with_suffix(".f32")
    raw.write_bytes(np.ascontiguousarray(foa.T, dtype=np.float32).tobytes())
    shape = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", f"{fps:.5f}", "-i", "pipe:0"]
    heard = ["-f", "f32le", "-ar", str(round(rate)), "-ch_layout", "quad", "-i", str(raw)]
    stretched = ["-af", f"atempo={tempo:.5f}"] if tempo != 1.0 else []
    rates = ["-ar", str(mixes.RATE_HZ)] if round(rate) != mixes.RATE_HZ else []
    coding = [*picture, *video, *stretched, *rates, *sound, "-threads", "1", "-y", str(path)]
    ffmpeg.run([*shape, *heard, *coding], timeout_s=300, stdin=frames.tobytes())
    raw.unlink()
    return height, width


def fingerprint(path: Path, size: tuple[int, int]) -> VideoFingerprint:
    """As the stage makes it."""
    sound = {"source": "video", "stream": 0, "channels": 4, "sample_rate_hz": mixes.RATE_HZ}
    sound |= {"order": [0, 1, 2, 3], "gains": [1.0, 1.0, 1.0, 1.0]}
    facts = {
        "picture_reading": {"height": size[0], "width": size[1], "projection": "equirectangular"},
        "sound_reading": sound,
        "start_s": 0.0,
        "end_s": _seconds(path),
    }
    (path.parent / "facts.json").write_text(json.dumps(facts))
    item = Item("v", "v", files={"video": path, "facts": path.parent / "facts.json"})
    outcome = Fingerprint().process(item, Context(path.parent, path.parent))
    assert isinstance(outcome, Done)
    return read_print(path.parent / outcome.outputs["print"])


def _seconds(path: Path) -> float:
    import av

    with av.open(str(path), "r") as container:
        return float(container.duration or 0) / 1e6


def recording(
    seed: int, *, place: int | None = None, song: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Frames ``(n, H, W, 3)`` and sound; at another recording's ``place``, or under a ``song`` ``(4, samples)``."""
    rng = np.random.default_rng((5, seed))
    scene = make_scene(seed if place is None else place, HEIGHT, WIDTH)
    if place is not None:
        scene = Scene(scene.background, make_scene(seed, 32, 64).discs, scene.grain, seed)
    material = mixes.Material("held-out")
    sound = mixes.scene(rng, mixes.draw_kind(rng), material, SECONDS)
    if song is not None:
        sound = sound + 2 * song
    foa = (sound / np.abs(sound).max() * 0.5).astype(np.float32)
    return scene.frames(SECONDS * FPS), foa


def measure(originals: int, first_seed: int) -> list[list[str]]:
    """Rows of the table."""
    prints: list[VideoFingerprint] = []
    family: list[int] = []
    change: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "v.mkv"

        def take(frames: NDArray[np.uint8], foa: NDArray[np.float32], number: int, kind: str) -> None:
            prints.append(fingerprint(path, write(path, frames, foa, kind, first_seed + number)))
            family.append(number)
            change.append(kind)

        song = mixes.post_production(
            np.random.default_rng(first_seed), "bed-45", mixes.Material("held-out"), SECONDS * mixes.RATE_HZ
        )
        for number in range(originals):
            frames, foa = recording(first_seed + number)
            before = recording(50_000 + first_seed + number)
            for kind in ("", *TRANSFORMATIONS):
                if kind == "compilation":
                    cut = number % (SECONDS // 2) + 4
                    joined = np.concatenate([before[0][: cut * FPS], frames])
                    take(joined, np.concatenate([before[1][:, : cut * mixes.RATE_HZ], foa], axis=1), number, kind)
                else:
                    take(frames, foa, number, kind)
            take(frames, before[1], 3 * originals + number, "other sound")
            if number % 2:
                take(before[0], foa, 4 * originals + number, "other picture")
            alike = recording(10_000 + first_seed + number, place=first_seed + number)
            take(*alike, originals + number, "look-alike")
            if number % 2 == 0:
                take(*recording(20_000 + first_seed + number, song=song), 2 * originals + number, "sound-alike")
    kinds = {(match.one, match.other): match.kind for match in matches(prints)}
    found = {pair for pair, kind in kinds.items() if kind == COPY}
    rows = []
    for kind in TRANSFORMATIONS:
        pairs = [(family.index(family[place]), place) for place, one in enumerate(change) if one == kind]
        rows.append(row(f"copy: {kind}", sum(pair in found for pair in pairs), len(pairs), ">= 0.98"))
    copies = [pair for pair in combinations(range(len(prints)), 2) if family[pair[0]] == family[pair[1]]]
    rows.append(row("all pairs of copies", sum(pair in found for pair in copies), len(copies), ">= 0.98"))
    right = sum(family[one] == family[other] for one, other in found)
    rows.append(row("precision of the pairs found", right, len(found), ">= 0.99"))
    for kind, name in RELATED.items():
        pairs = [(family.index(family[place] % originals), place) for place, one in enumerate(change) if one == kind]
        rows.append(row(f"named: {kind}", sum(kinds.get(pair) == name for pair in pairs), len(pairs)))
    takes = [place for place, one in enumerate(change) if one == "look-alike"]
    wrong = sum(kind != SAME_SOUND for pair, kind in kinds.items() if pair[0] in takes or pair[1] in takes)
    rows.append(["look-alikes taken for the same picture", f"{wrong} pairs", "", "0"])
    strangers = len(prints) * (len(prints) - 1) // 2 - len(copies)
    low, high = interval(len(found) - right, strangers)
    rows.append(["wrong pairs among strangers", f"{len(found) - right} of {strangers}", f"{low:.1e}-{high:.1e}", ""])
    return rows
