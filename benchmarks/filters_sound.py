"""Post-production: recall by kind and level, false alarms by kind of scene; held-out voices, music and seeds.

Part of ``python -m benchmarks.filters``. Levels are of the layer's W over the scene's W; a voice's is its active
level. With the real recordings beside the checkout, their voices and music are half of the material, and their
scenes are measured too.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.filters_tables import row
from fitting import recordings
from yt360.filters.post_production import measurement
from yt360.stages.voiceover import Voiceover
from yt360.synth import mixes

MEDIA = Path(__file__).parents[1] / "../shared/media"
SECONDS = 20.0
MORE_CLEAN = 2
"""For each scene with layers so many more are measured as they are: false alarms are rare and need many controls."""

PLANTED = (
    ("voice-w", 6.0, ">= 0.95"),
    ("voice-w", 0.0, ">= 0.80"),
    ("voice-front", 6.0, ">= 0.90"),
    ("voice-front", 0.0, ""),
    ("bed-30", 0.0, ">= 0.85"),
    ("bed-45", 0.0, ">= 0.85"),
    ("bed-60", 0.0, ">= 0.85"),
    ("bed-90", 0.0, ">= 0.85"),
    ("music-w", 0.0, ">= 0.85"),
)


def material(music: Path | None = None) -> mixes.Material:
    """Held-out voices and music, the real recordings where they are, and more ``music`` of a folder."""
    more = recordings.pieces(music) if music is not None else []
    if not MEDIA.is_dir():
        return mixes.Material("held-out", (), more)
    speech = [_recording(name)[0] for name in ("speech_female.ogg", "speech_male.ogg")]
    jazz = _recording("music_jazz.ogg")
    voices = [each / np.sqrt(np.mean(each**2)) for each in speech]
    return mixes.Material("held-out", voices, [jazz if len(jazz) == 2 else np.repeat(jazz, 2, axis=0), *more])


def _recording(name: str) -> NDArray[np.float32]:
    samples, rate = soundfile.read(MEDIA / name, dtype="float32", always_2d=True)
    return np.ascontiguousarray(soxr.resample(samples, rate, mixes.RATE_HZ).T)


def real_scenes() -> dict[str, NDArray[np.float64]]:
    """Sound fields of real clips without post-production, W with an RMS of 1."""
    from yt360.media.inspect import inspect_media
    from yt360.media.reading_sound import read_sound

    found = {}
    for path in sorted(MEDIA.glob("*.webm")) if MEDIA.is_dir() else ():
        heard = inspect_media(path, None).ambisonic
        if heard is not None and heard.reading is not None:
            reading = heard.reading
            foa = np.concatenate(list(read_sound(path, reading, sample_rate_hz=mixes.RATE_HZ)), axis=1)
            found[path.stem] = foa / max(float(np.sqrt(np.mean(foa[0].astype(float) ** 2))), 1e-9)
    return found


def measure(scenes: int, first_seed: int, music: Path | None = None) -> tuple[list[list[str]], dict[str, list[float]]]:
    """Rows of the table, and the scores of clean scenes and layers by kind."""
    stage, stuff = Voiceover(), material(music)
    alarms: dict[str, list[bool]] = defaultdict(list)
    hits: dict[tuple[str, float, bool], list[bool]] = defaultdict(list)
    named: dict[tuple[str, float], list[bool]] = defaultdict(list)
    scores: dict[str, list[float]] = defaultdict(list)
    contents = ("talk", "music", "talk and music", "loudspeakers", "ambience", "events")
    for number in range(scenes * (1 + MORE_CLEAN)):
        rng = np.random.default_rng((99, first_seed + number))
        kind = mixes.draw_kind(rng, contents[number % len(contents)], indoor=bool(number // len(contents) % 2))
        scene = mixes.scene(rng, kind, stuff, SECONDS)
        codec = str(rng.choice(["", "opus", "vorbis", "aac"]))
        for what, level_db, _ in (("", 0.0, ""), *(PLANTED if number < scenes else ())):
            layers = {what: mixes.post_production(rng, what, stuff, scene.shape[1])} if what else {}
            foa = mixes.mix(scene, kind, layers, {what: level_db}).foa
            measures, _ = measurement.measure([mixes.delivered(foa, codec) if codec else foa])
            verdict = stage.decide({**measures, "head_locked": None})
            where = "in rooms" if kind.indoor else "outdoors"
            scores[f"{what}@{level_db:g}"].append(max(measures["scores"].values()))
            if what:
                hits[what, level_db, kind.indoor].append(verdict is not None)
                if verdict is not None:
                    named[what, level_db].append((verdict.reason == "voice-over") == what.startswith("voice"))
            else:
                for group in (f"scenes with {kind.content}", f"scenes {where}", "all scenes"):
                    alarms[group].append(verdict is not None)
                if kind.content not in ("ambience", "events"):
                    alarms[f"speech and music {where}"].append(verdict is not None)
    rows = []
    for what, level_db, bar in PLANTED:
        both = [hits[what, level_db, indoor] for indoor in (True, False)]
        found = both[0] + both[1]
        rows.append(row(f"{what} at {level_db:+g} dB", sum(found), len(found), bar))
        for words, part in zip(("in rooms", "outdoors"), both, strict=True):
            rows.append(row(f"    {words}", sum(part), len(part)))
        right = named[what, level_db]
        rows.append(row("    called by the right name", sum(right), len(right)))
    for group in sorted(alarms):
        rows.append(row(f"false alarms: {group}", sum(alarms[group]), len(alarms[group]), "<= 0.03"))
    return rows + _real(stage, stuff, first_seed), scores


def _real(stage: Voiceover, stuff: mixes.Material, seed: int) -> list[list[str]]:
    """Real scenes: as they are, turned about, and with layers."""
    clean: list[bool] = []
    hits: dict[str, list[bool]] = defaultdict(list)
    rng = np.random.default_rng((98, seed))
    kind = mixes.SceneKind(False, False, "real")
    for scene in real_scenes().values():
        for what in ("", "voice-w", "voice-front", "bed-45", "bed-90", "music-w"):
            layers = {what: mixes.post_production(rng, what, stuff, scene.shape[1])} if what else {}
            foa = mixes.mix(scene, kind, layers, {what: 3.0}).foa
            measures, _ = measurement.measure([foa])
            (hits[what] if what else clean).append(stage.decide({**measures, "head_locked": None}) is not None)
    rows = [row("false alarms: real recordings", sum(clean), len(clean))] if clean else []
    return rows + [row(f"{what} at +3 dB over real recordings", sum(each), len(each)) for what, each in hits.items()]
