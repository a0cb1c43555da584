"""Verdicts on clips, their counts, and the signature of the table."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.rebuild.sounds import RATE, clip_of, melody, pictures
from yt360.errors import ItemError, UsageError
from yt360.filters.duplicates.fingerprints import VideoFingerprint
from yt360.rebuild.certificate import VERDICTS, Verdict, certificate, judge, require_signed
from yt360.rebuild.page import html, markdown, sentence
from yt360.release.fingerprints import to_row
from yt360.release.reading import Published, PublishedClip

SOUND = melody(3, 30)
CLIP, PRINT = clip_of(SOUND, 10.0)


def published(*clips: PublishedClip, prints: bool = True) -> Published:
    rows = {CLIP.clip: to_row(CLIP.clip, PRINT)} if prints else {}
    return Published("tiny", "1.0.0", "d" * 64, clips or (CLIP,), prints=rows)


@dataclass
class Entry:
    state: str
    record: Any = None


@dataclass
class Record:
    kind: str = ""
    error: str = ""
    reason: str = ""
    detail: str = ""


@dataclass
class Catalog:
    """As much of a catalog as the verdicts ask: the entry of the one video at each stage."""

    ends: dict[str, Entry] = field(default_factory=dict)

    @property
    def stages(self) -> dict[str, None]:
        return dict.fromkeys(("crawl", "validate", "fingerprint", "chunk", "split", "shard"))

    def entries(self, stage: str) -> dict[str, Entry]:
        return {"a": self.ends.get(stage, Entry("done", Record()))}


def row(**changes: str) -> dict[str, Any]:
    return {"clip": CLIP.clip, "video_digest": "0" * 40, "foa_digest": "1" * 40} | changes


def verdict_on(
    row_: dict[str, Any] | None = None,
    today: VideoFingerprint | None = None,
    catalog: Catalog | None = None,
    start_s: float = 10.0,
    **more: Any,
) -> Verdict:
    def print_of(name: str) -> VideoFingerprint:
        if today is None:
            raise ItemError("corrupt-member", "does not decode")
        return today

    rows = {row_["clip"]: row_} if row_ else {}
    listed = more.pop("listed", published())
    state: Any = catalog or Catalog()
    found = judge(listed, state, {CLIP.clip: start_s}, more.get("removed", frozenset()), rows, print_of)
    return found[CLIP.clip]


def heard(sound: np.ndarray, scene: int = 0) -> VideoFingerprint:
    return clip_of(sound, 0.0, scene=scene)[1]


def test_equal_bytes_are_identical_and_decode_nothing() -> None:
    assert verdict_on(row()).verdict == "identical"


@pytest.mark.parametrize("which", ["video_digest", "foa_digest"])
def test_other_bytes_of_the_same_recording(which: str) -> None:
    noisy = SOUND + np.random.default_rng(0).normal(0, 0.003, SOUND.size).astype(np.float32)
    found = verdict_on(row(**{which: "f" * 40}), heard(noisy[10 * RATE :]))
    assert (found.verdict, found.why) == ("same-recording", "re-encoded")
    assert ("sound has the same bytes" in found.detail) is (which == "video_digest")


def test_a_clip_from_another_place_of_a_trimmed_video() -> None:
    other = row(clip="a-00006_800", foa_digest="f" * 40)
    found = verdict_on(other, heard(SOUND[10 * RATE :]), start_s=6.8)
    assert (found.verdict, found.why, found.rebuilt, found.start_s) == ("same-recording", "trimmed", "a-00006_800", 6.8)
    assert "3.20 s earlier" in found.detail


def test_another_sound_or_another_picture_is_changed() -> None:
    for today in (heard(melody(8, 10)), heard(SOUND[10 * RATE :], scene=5), heard(np.zeros(10 * RATE, np.float32))):
        assert verdict_on(row(foa_digest="f" * 40), today).verdict == "changed"


def test_half_of_the_recording_is_enough_and_less_is_not() -> None:
    for kept_s, verdict in ((7.0, "same-recording"), (3.0, "changed")):
        rest = np.concatenate([SOUND[10 * RATE : round((10 + kept_s) * RATE)], melody(8, 10 - kept_s)])
        today = VideoFingerprint(heard(rest).landmarks, pictures(0, 4), 2.5, 10.0)
        shifted = VideoFingerprint(
            today.landmarks + np.array([0, round((10 - kept_s) / 0.032)]), today.frames, 2.5, 10.0
        )
        assert verdict_on(row(foa_digest="f" * 40), shifted).verdict == verdict, kept_s


def test_without_digests_or_fingerprints_nothing_is_claimed() -> None:
    bare = PublishedClip("a-00010", "a", "train", 10.0, 10.0, "https://vimeo.com/1")
    assert verdict_on(row(), listed=published(bare, prints=False)).why == "no-digest"
    found = verdict_on(row(foa_digest="f" * 40), listed=published(prints=False))
    assert (found.verdict, found.why) == ("unverified", "no-fingerprint")


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ({"crawl": Entry("failed", Record("removed", "gone\nmore"))}, ("gone", "removed", "gone")),
        ({"crawl": Entry("failed", Record("private"))}, ("gone", "private", "")),
        ({"crawl": Entry("failed", Record("no-ambisonic-format"))}, ("changed", "no-ambisonic-format", "")),
        ({"crawl": Entry("failed", Record("no-360-format"))}, ("changed", "no-360-format", "")),
        ({"crawl": Entry("failed", Record("age-gated"))}, ("unreachable", "age-gated", "")),
        ({"crawl": Entry("failed", Record("network"))}, ("unreachable", "network", "")),
        ({"crawl": Entry("waiting")}, ("unreachable", "waiting", "crawl has not looked at it yet")),
        ({"validate": Entry("filtered", Record(reason="not-360", detail="flat"))}, ("changed", "not-360", "flat")),
        ({"validate": Entry("filtered", Record(reason="too-short"))}, ("gone", "too-short", "")),
        ({"validate": Entry("failed", Record("truncated"))}, ("unreachable", "truncated", "")),
        ({"chunk": Entry("filtered", Record(reason="too-short"))}, ("gone", "too-short", "")),
    ],
)
def test_a_video_without_the_clip_says_why(ends: dict[str, Entry], verdict: tuple[str, str, str]) -> None:
    found = verdict_on(catalog=Catalog(ends))
    assert (found.verdict, found.why, found.detail) == verdict


def test_a_segment_behind_the_end_is_gone() -> None:
    found = verdict_on(start_s=8.0)
    assert (found.verdict, found.why) == ("gone", "cut-off")
    assert "from 8 s in today's video" in found.detail


def test_what_was_taken_down_and_what_has_no_address() -> None:
    assert verdict_on(row(), removed=frozenset({"a"})).verdict == "removed", "even where the clip is there"
    nowhere = PublishedClip("a-00010", "a", "train", 10.0, 10.0)
    assert verdict_on(listed=published(nowhere)).why == "no-address"


def test_a_rebuilt_clip_that_does_not_decode_is_not_judged() -> None:
    found = verdict_on(row(foa_digest="f" * 40))
    assert (found.verdict, found.why) == ("unreachable", "corrupt-member")


def made() -> dict[str, Any]:
    clips = [
        PublishedClip(f"{video}-{number:05d}", video, split, 0.0, 10.0)
        for video, split in (("a", "train"), ("b", "test"))
        for number in (0, 10)
    ]
    verdicts = [
        Verdict("identical"),
        Verdict("same-recording", "trimmed"),
        Verdict("gone", "removed"),
        Verdict("changed"),
    ]
    found = dict(zip([clip.clip for clip in clips], verdicts, strict=True))
    listed = Published("tiny|<b>", "1.0.0", "d" * 64, tuple(clips))
    return certificate(listed, found, {"first_day": "2026-01-01", "last_day": "2026-02-01"})


def test_counts_are_by_split() -> None:
    table = made()
    for split, counts in {
        "train": {"clips": 2, "videos": 1, "videos_rebuilt": 1, "identical": 1, "same-recording": 1, "gone": 0},
        "test": {"clips": 2, "videos": 1, "videos_rebuilt": 0, "gone": 1, "changed": 1, "identical": 0},
    }.items():
        assert counts.items() <= table["splits"][split].items()
    total = table["total"]
    assert sum(total[name] for name in VERDICTS) == total["clips"] == 4
    assert (total["rebuilt_share"]["share"], total["identical_share"]["share"]) == (0.5, 0.25)
    assert total["rebuilt_share"]["low"] == pytest.approx(0.150, abs=1e-3), "Wilson's interval of 2 in 4"
    assert total["why"] == {"gone: removed": 1, "same-recording: trimmed": 1}


def test_the_table_is_signed_off() -> None:
    table = made()
    assert require_signed(table, "rebuild.json") == table
    assert made()["digest"] == table["digest"]
    changes: tuple[Callable[[Any], object], ...] = (
        lambda value: value["clips"][0].update(verdict="gone"),
        lambda value: value["total"].update(identical=4),
        lambda value: value.update(last_day="2027-01-01"),
        lambda value: value["list"].update(digest="e" * 64),
    )
    for change in changes:
        forged = copy.deepcopy(table)
        change(forged)
        with pytest.raises(UsageError, match="it was changed since"):
            require_signed(forged, "rebuild.json")
    with pytest.raises(UsageError, match="found something else"):
        require_signed([], "rebuild.json")


def test_pages_have_the_counts_and_a_sentence_to_cite() -> None:
    table = made()
    said = sentence(table)
    assert "Of the 4 clips of tiny|<b> 1.0.0, 50.0 % [15.0, 85.0] were rebuilt and 25.0 %" in said
    assert "crawled 2026-01-01 to 2026-02-01" in said
    text = markdown(table)
    assert "| train | 2 | 1 | 1 | 0 | 0 | 100.0 %" in text
    assert "<b>" not in text
    assert table["digest"] in text
    assert "<b>" not in html(table)
    assert "a-00010" in html(table)
    assert "a-00000" not in html(table), "an identical clip needs no row"
