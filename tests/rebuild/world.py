"""A YouTube of synthetic 360° videos that can be trimmed, encoded anew, exchanged and taken away."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests import CHECKOUT
from tests.crawling.tube import SOUNDS, Served, Tube, picture, sound
from yt360.media.ffmpeg import executable
from yt360.synth import VideoSpec, render_video

PLUGIN = CHECKOUT / "tests" / "crawling" / "plugin"
CC_BY = "Creative Commons Attribution license (reuse allowed)"
PICTURE = picture("248", "1080s, equi", 1080, "mkv", "avc1.640028")
AMBISONIC = sound("338", "high, ambisonics_quad", 4, "webm", "opus", tbr=480)

QUICK = (
    "crawl.access.youtube_pause_s=[0, 0]",
    "crawl.access.youtube_videos_per_hour=1000000",
    "crawl.access.request_pause_s=0",
    "crawl.access.bandwidth_mb_s=null",
    "crawl.access.retry_pause_s=0",
)
SMALL = ("chunk.height=64", "chunk.width=128", "chunk.fps=8", "chunk.preset=ultrafast", "chunk.drop_still=false")
"""Settings of tests: no pauses, small clips."""


def environment(tube: Tube) -> dict[str, str]:
    """What workers need to ask the tube instead of YouTube."""
    path = os.pathsep.join(filter(None, (str(PLUGIN), os.environ.get("PYTHONPATH", str(CHECKOUT)))))
    return {"YT360_TEST_TUBE": tube.base, "PYTHONPATH": path}


@dataclass
class Videos:
    """Synthetic videos by number, rendered once, in ``folder``."""

    folder: Path
    duration_s: float
    seed: int = 2
    _made: dict[int, tuple[Path, Path]] = field(default_factory=dict)

    def files(self, number: int) -> tuple[Path, Path]:
        """Picture and sound of a video, each a file of its own."""
        if number not in self._made:
            spec = VideoSpec(self.seed, number, "", self.duration_s, 96, 192, 8.0)
            truth = render_video(spec, self.folder)
            made = self.folder / "media" / truth.files[0]
            if len(truth.files) > 1:
                raise ValueError(f"{spec.name} has its sound in {truth.files[1]}: choose another number")
            self._made[number] = self._split(made, f"{number}")
        return self._made[number]

    def _split(self, made: Path, name: str, before: tuple[str, ...] = (), coded: bool = False) -> tuple[Path, Path]:
        """``coded``: encoded anew, as a site does some day; else the same streams."""
        shown, heard = self.folder / f"{name}.mkv", self.folder / f"{name}.webm"
        anew = ("-c:v", "libx264", "-crf", "27", "-preset", "veryfast") if coded else ("-c", "copy")
        _ffmpeg(*before, "-i", str(made), "-map", "0:v", *anew, str(shown))
        anew = ("-c:a", "libopus", "-mapping_family", "2", "-b:a", "300k") if coded else ("-c", "copy")
        _ffmpeg(*before, "-i", str(made), "-map", "0:a", *anew, str(heard))
        return shown, heard

    def encoded_anew(self, number: int) -> tuple[Path, Path]:
        return self._again(number, "anew")

    def trimmed(self, number: int, begin_s: float) -> tuple[Path, Path]:
        """Without its first seconds."""
        return self._again(number, f"from-{begin_s:g}", ("-ss", f"{begin_s:g}"))

    def _again(self, number: int, name: str, before: tuple[str, ...] = ()) -> tuple[Path, Path]:
        shown, heard = self.files(number)
        both = self.folder / f"{number}-both.mkv"
        if not both.is_file():
            _ffmpeg("-i", str(shown), "-i", str(heard), "-map", "0:v", "-map", "1:a", "-c", "copy", str(both))
        return self._split(both, f"{number}-{name}", before, coded=True)


def _ffmpeg(*words: str) -> None:
    done = subprocess.run([executable(), "-v", "error", "-y", "-threads", "1", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def show(
    tube: Tube, name: str, files: tuple[Path, Path], *, licence: str | None = CC_BY, ambisonic: bool = True
) -> None:
    """Let the tube have a video of this id; without ambisonics where it lost them."""
    shown, heard = files
    formats = [PICTURE, AMBISONIC] if ambisonic else [PICTURE, SOUNDS[0]]
    offered = []
    for one, path in zip(formats, (shown, heard), strict=True):
        place = f"/media/{name}/{one['format_id']}"
        tube.files[place] = Served(path.read_bytes())
        offered.append({**one, "url": place, "filesize": path.stat().st_size})
    tube.videos[name] = {
        "title": f"Title of {name}", "channel": f"Channel {name[-1]}", "duration": 22, "formats": offered,
        "license": licence,
    }  # fmt: skip


def vanish(tube: Tube, name: str) -> None:
    """The uploader removed it."""
    tube.videos[name] = {"error": "Video unavailable. This video has been removed by the uploader"}
