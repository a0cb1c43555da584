from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.media_containers import encode
from benchmarks.media_scenes import flat_view, make_scene
from benchmarks.media_sounds import INVALID, RATE_HZ, foa_scene
from tests.stages.fakes import context
from yt360.engine.stage import Done, Failed, Filtered, Item, Outcome
from yt360.errors import ItemError
from yt360.media.picture import VideoDecodeSpec
from yt360.media.reading_picture import read_frames
from yt360.media.reading_sound import read_sound
from yt360.media.sound import FoaDecodeSpec
from yt360.stages import validate
from yt360.stages.chunk import Chunk
from yt360.stages.validate import Validate, ValidateThresholds

SECONDS = 10


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.concatenate([make_scene(5, 120, 240).frames(4)] * 20)


@pytest.fixture(scope="module")
def foa() -> np.ndarray:
    return foa_scene(np.random.default_rng(3), SECONDS * RATE_HZ)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, frames: np.ndarray, foa: np.ndarray) -> Path:
    return encode(tmp_path_factory.mktemp("media") / "good.mkv", frames=frames, sound=foa)


def run(video: Path, workdir: Path, sound: Path | None = None, stage: Validate | None = None) -> Outcome:
    """Process and decide, as the engine does."""
    files = {"video": video} | ({"sound": sound} if sound else {})
    stage = stage or Validate()
    try:
        outcome = stage.process(Item("x", "x", files=files), context(workdir))
    except ItemError as error:
        return Failed(error.kind, str(error))
    if isinstance(outcome, Done):
        json.dumps(outcome.measures, allow_nan=False)
        for name, output in outcome.outputs.items():
            stage.check_output(name, workdir / output)
        refusal = stage.decide(outcome.measures)
        if refusal is not None:
            return Filtered(refusal.reason, refusal.detail, outcome.measures, outcome.outputs)
    return outcome


def test_good_video_is_done_and_its_recipes_read_it(good: Path, tmp_path: Path) -> None:
    outcome = run(good, tmp_path)
    assert isinstance(outcome, Done), outcome
    facts = json.loads((tmp_path / outcome.outputs["facts"]).read_text())
    assert str(good.parent) not in json.dumps(facts)
    picture = VideoDecodeSpec.from_json(facts["picture_reading"])
    sound = FoaDecodeSpec.from_json(facts["sound_reading"])
    assert next(read_frames(good, picture, height=28, width=56)).shape == (28, 56, 3)
    assert sum(block.shape[1] for block in read_sound(good, sound, sample_rate_hz=24_000)) == pytest.approx(
        24_000 * SECONDS, rel=0.01
    )
    assert facts["duration_s"] == pytest.approx(SECONDS, abs=0.2)


def test_same_bytes_when_done_twice(good: Path, tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        run(good, tmp_path / name)
        texts.append((tmp_path / name / "facts.json").read_bytes())
    assert texts[0] == texts[1]


def test_reasons(frames: np.ndarray, foa: np.ndarray, tmp_path: Path) -> None:
    flat = np.concatenate([flat_view(make_scene(5), 4, 120, 214)] * 20)
    cases = {
        "no-picture": {"sound": foa},
        "no-sound": {"frames": frames},
        "no-ambisonics": {"frames": frames, "sound": foa[:2], "audio": "pcm", "layout": "stereo"},
        "invalid-ambisonics": {"frames": frames, "sound": np.tile(foa[:1], (4, 1)), "audio": "pcm"},
        "not-360": {"frames": flat, "sound": foa},
        "unknown-projection": {"frames": np.full((80, 120, 240), 90, np.uint8), "sound": foa},
        "too-short": {"frames": frames[:40], "sound": foa},
    }
    for reason, parts in cases.items():
        workdir = tmp_path / reason
        workdir.mkdir()
        outcome = run(encode(tmp_path / f"{reason}.mkv", **parts), workdir)  # type: ignore[arg-type]
        assert isinstance(outcome, Filtered), (reason, outcome)
        assert outcome.reason == reason
        assert outcome.detail
        assert ("frames" in outcome.outputs) == (reason == "unknown-projection")
        channels = {"no-sound": 0, "no-ambisonics": 2}.get(reason, 4)
        assert outcome.measures["audio_channels"] == channels
        assert (outcome.measures["width"] == 0) == (reason == "no-picture")


def test_damage_is_a_failure_not_a_filter(good: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mkv").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (tmp_path / "empty.mkv").write_bytes(b"")
    (tmp_path / "text.mkv").write_text("no media")
    for name, kind in (("cut", "truncated"), ("empty", "empty"), ("text", "not-media")):
        outcome = run(tmp_path / f"{name}.mkv", tmp_path)
        assert isinstance(outcome, Failed)
        assert outcome.kind == kind


def test_thresholds_decide_again_from_measures_alone(good: Path, tmp_path: Path) -> None:
    outcome = run(good, tmp_path)
    assert isinstance(outcome, Done)
    strict = Validate(thresholds=ValidateThresholds(least_duration_s=60))
    refusal = strict.decide(outcome.measures)
    assert refusal is not None
    assert refusal.reason == "too-short"
    deaf = Validate(thresholds=ValidateThresholds.model_validate({"ambisonics": {"valid_probability": 1.0}}))
    refusal = deaf.decide(outcome.measures)
    assert refusal is not None
    assert refusal.reason in ("invalid-ambisonics", "uncertain-ambisonics")


def test_the_picture_is_decided_again_from_what_was_recorded(good: Path, tmp_path: Path) -> None:
    outcome = run(good, tmp_path)
    assert isinstance(outcome, Done), outcome
    measures = json.loads(json.dumps(outcome.measures))
    assert measures["picture_taken"] == "equirectangular"
    limits = {"picture": {"least_probability": 0.9999999}}
    refusal = Validate(thresholds=ValidateThresholds.model_validate(limits)).decide(measures)
    assert refusal is not None
    assert refusal.reason == "unknown-projection"
    assert "cannot tell equirectangular (" in refusal.detail
    torn = measures | {"picture_scores": measures["picture_scores"] | {"flat-mono": 30.0}}
    refusal = Validate().decide(torn)
    assert refusal is not None
    assert refusal.reason == "not-360"
    other = measures | {"picture_scores": measures["picture_scores"] | {"eac": 30.0}}
    refusal = Validate().decide(other)
    assert refusal is not None
    assert "would be read as eac, facts.json has equirectangular; measure it again" in refusal.detail


def test_unknown_limit_is_wrong_use() -> None:
    with pytest.raises(ValueError, match="highest_ballance"):
        ValidateThresholds.model_validate({"ambisonics": {"highest_ballance_db": 1.0}})


@pytest.mark.parametrize("kind", sorted(INVALID))
def test_planted_sound_defect_is_filtered(kind: str, frames: np.ndarray, tmp_path: Path) -> None:
    sound = INVALID[kind](np.random.default_rng(2), SECONDS * RATE_HZ)
    outcome = run(encode(tmp_path / "x.mkv", frames=frames[:80], sound=sound, audio="pcm"), tmp_path)
    assert isinstance(outcome, Filtered)
    doubtful = {"capsules", "delayed-copies", "mono-in-w", "quad", "surround-4.0"}
    assert outcome.reason in {"invalid-ambisonics"} | ({"uncertain-ambisonics"} if kind in doubtful else set())


def test_what_it_filters_goes_into_no_later_stage_of_videos() -> None:
    """A stage with a plan of its own has to say that its items are those of the stages around it."""
    assert Validate.item_kind == Chunk.item_kind == "video"


def test_a_row_of_a_table_says_the_convention_of_its_own_video(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [Item("said", "said"), Item("silent", "silent"), Item("unlisted", "unlisted")]
    listing = {"said": {"convention": "n3d"}, "silent": {"convention": ""}}
    monkeypatch.setattr(validate, "read_listing", lambda _: listing)
    planned = Validate().plan(SimpleNamespace(items_after=lambda *_: iter(items)))
    assert [(item.id, dict(item.meta)) for item in planned] == [
        ("said", {"convention": "n3d"}), ("silent", {}), ("unlisted", {}),
    ]  # fmt: skip
