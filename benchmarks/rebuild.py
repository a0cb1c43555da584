"""How surely a rebuild tells the same recording from another one, and what a release costs.

    python -m benchmarks.rebuild [--videos 12] [--seed 5] [--media DIR]

Clips of ten seconds of synthetic videos (``--media``: of the videos of a folder), against the same clips treated as
sites treat them, and against all other clips. The last column is the least number of equal audio hashes; of another
clip, the greatest.
"""

from __future__ import annotations

import argparse
import io
import itertools
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile

from benchmarks.worlds import machine
from yt360.dataset.manifest import ClipRow
from yt360.errors import ItemError
from yt360.filters.duplicates.fingerprints import Match, VideoFingerprint
from yt360.filters.duplicates.matching import compare
from yt360.filters.duplicates.settings import MatchSettings
from yt360.filters.evaluation.precision_recall import wilson
from yt360.media.ffmpeg import executable
from yt360.rebuild.alignment import limits_for
from yt360.release.fingerprints import fingerprint, thinned
from yt360.synth import VideoSpec, render_video

CLIP_S, RATE_HZ, FPS = 10, 24000, 16
HEIGHT, WIDTH = 112, 224

TREATMENTS: dict[str, tuple[str, str, str, str]] = {
    "crf 30, Opus 192 kbit/s": ("null", "anull", "30", "192k"),
    "crf 38, Opus 96 kbit/s": ("null", "anull", "38", "96k"),
    "6 dB quieter": ("null", "volume=-6dB", "27", "256k"),
    "brighter, less contrast": ("eq=brightness=0.08:contrast=0.85", "anull", "27", "256k"),
    "turned by 90°": ("v360=e:e:yaw=90", "anull", "27", "256k"),
    "half the size": (f"scale={WIDTH // 2}:{HEIGHT // 2},scale={WIDTH}:{HEIGHT}", "anull", "27", "256k"),
    "low-pass at 4 kHz": ("null", "lowpass=f=4000", "27", "256k"),
}
"""Name -> filters of picture and sound, x264's quality, Opus's rate (four channels)."""


@dataclass(frozen=True)
class Files:
    """A clip's MP4 and FLAC."""

    video: bytes
    sound: bytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--media", type=Path)
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sources = _given(arguments.media) if arguments.media else _rendered(folder, arguments.videos, arguments.seed)
        clips = [(source, _cut(source, folder, "null", "anull", "20", "")) for source in sources]
        began = time.process_time()
        prints = [_print(clip) for _, clip in clips]
        each_ms = 1000 * (time.process_time() - began) / len(prints)
        published = [thinned(each) for each in prints]
        print(f"{len(clips)} clips, {each_ms:.0f} ms of CPU time a fingerprint")
        well = True
        for name, (shown, heard, crf, rate) in TREATMENTS.items():
            today = [_print(_cut(source, folder, shown, heard, crf, rate)) for source, _ in clips]
            votes = [match.votes for one, other in zip(published, today, strict=True) if (match := _same(one, other))]
            low, high = wilson(len(votes), len(clips))
            least = min(votes, default=0)
            print(f"| {name} | {len(votes)} of {len(clips)} [{low:.3f}, {high:.3f}] | {least} |")
            well &= len(votes) == len(clips)
        pairs = list(itertools.permutations(range(len(clips)), 2))
        wrong = sum(_same(published[one], prints[other]) is not None for one, other in pairs)
        low, high = wilson(wrong, len(pairs))
        most = max((match.votes for one, other in pairs if (match := _alike(published[one], prints[other]))), default=0)
        print(f"| another clip | {wrong} of {len(pairs)} [{low:.4f}, {high:.4f}] taken for the same | {most} |")
    return 0 if well and not wrong else 1


def _same(one: VideoFingerprint, other: VideoFingerprint) -> Match | None:
    return compare(one, other, limits_for(one.duration_s))


def _alike(one: VideoFingerprint, other: VideoFingerprint) -> Match | None:
    """What two clips have in common, however little."""
    none = {"min_votes": 1, "min_rate": 0.0, "min_overlap_s": 0.0, "min_picture_similarity": -1.0}
    return compare(one, other, MatchSettings().model_copy(update=none))


def _rendered(folder: Path, videos: int, seed: int) -> Iterator[Path]:
    index = 0
    while videos:
        truth = render_video(VideoSpec(seed, index, "", CLIP_S + 1.0, HEIGHT, WIDTH, float(FPS)), folder)
        index += 1
        if len(truth.files) == 1:  # the others have their sound in a file of its own
            videos -= 1
            yield folder / "media" / truth.files[0]


def _given(media: Path) -> Iterator[Path]:
    """Videos of a folder with picture and four channels in one file."""
    for path in sorted(media.iterdir()):
        said = subprocess.run([executable(), "-hide_banner", "-i", path], capture_output=True, text=True, check=False)
        if "Video:" in said.stderr and ("quad" in said.stderr or "4 channels" in said.stderr or "4.0" in said.stderr):
            yield path


def _cut(source: Path, folder: Path, shown: str, heard: str, crf: str, rate: str) -> Files:
    """The first ten seconds, treated; with a ``rate`` the sound goes through Opus on the way."""
    video, middle, sound = folder / "clip.mp4", folder / "clip.mka", folder / "clip.flac"
    picture = f"fps={FPS},scale={WIDTH}:{HEIGHT},{shown},format=yuv420p"
    coding = ["-c:v", "libx264", "-crf", crf, "-g", "8", "-bf", "0", "-threads", "1", "-t", str(CLIP_S)]
    _ffmpeg("-i", source, "-map", "0:v:0", "-vf", picture, *coding, video)
    given: list[object] = ["-i", source]
    if rate:
        opus = ["-c:a", "libopus", "-mapping_family", "255", "-b:a", rate]
        _ffmpeg("-i", source, "-map", "0:a:0", "-t", CLIP_S, "-af", heard, "-ar", "48000", *opus, middle)
        given = ["-i", middle]
    _ffmpeg(*given, "-map", "0:a:0", "-t", CLIP_S, "-ar", RATE_HZ, "-c:a", "flac", sound)
    return Files(video.read_bytes(), sound.read_bytes())


def _ffmpeg(*words: object) -> None:
    done = subprocess.run(
        [executable(), "-v", "error", "-y", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ItemError("bad-input", done.stderr[-500:])


def _print(files: Files) -> VideoFingerprint:
    samples = soundfile.info(io.BytesIO(files.sound)).frames
    clip = ClipRow("clip", "video", "", 0, 0, "", 0, 0, "", CLIP_S * FPS, FPS, HEIGHT, WIDTH, samples, RATE_HZ)
    return fingerprint(clip, files.video, files.sound)


if __name__ == "__main__":
    raise SystemExit(main())
