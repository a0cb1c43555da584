"""Fingerprints of sounds and pictures with known relations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tests.filters.pictures import scenery, turned
from yt360.filters.duplicates import audio_fingerprint, matching, visual_fingerprint
from yt360.filters.duplicates.fingerprints import Match, VideoFingerprint
from yt360.filters.duplicates.matching import clusters, matches
from yt360.filters.duplicates.settings import MatchSettings

RATE = audio_fingerprint.RATE_HZ


def music(seed: int, seconds: float = 20.0) -> np.ndarray:
    """Notes that come and go over noise."""
    rng = np.random.default_rng(seed)
    out = 0.02 * rng.standard_normal(round(seconds * RATE))
    for start in np.arange(0, seconds - 0.5, 0.12):
        time = np.arange(int(0.4 * RATE)) / RATE
        note = np.sin(2 * np.pi * rng.uniform(150, 3000) * time) * np.exp(-8 * time)
        begin = int(start * RATE)
        out[begin : begin + note.size] += note * rng.uniform(0.2, 1)
    return (0.2 * out).astype(np.float32)


def described(*frames: np.ndarray) -> np.ndarray:
    small = [frame.reshape(96, -1, 192, frame.shape[1] // 192).mean(axis=(1, 3)) for frame in frames]
    return np.stack([visual_fingerprint.describe(np.clip(each, 0, 255).astype(np.uint8)) for each in small])


def wide(seed: int, yaw_deg: float = 0.0, gain: float = 1.0, offset: float = 0.0) -> np.ndarray:
    import cv2

    picture = turned(scenery(seed), yaw_deg) if yaw_deg else scenery(seed)
    return cv2.resize(picture * gain + offset, (384, 192), interpolation=cv2.INTER_CUBIC)


def print_of(sound: np.ndarray, place: int = 0, **look: Any) -> VideoFingerprint:
    seconds = sound.size / RATE
    frames = np.repeat(described(wide(place, **look)), max(1, int(seconds / 2)), axis=0)
    return VideoFingerprint(audio_fingerprint.landmarks([sound]), frames, 2.0, seconds)


def test_the_same_sound_from_another_start_louder_and_with_noise_is_found_at_its_offset() -> None:
    sound = music(1)
    rng = np.random.default_rng(0)
    later = 0.3 * sound[round(3.21 * RATE) :]
    noisy = later + 0.1 * np.std(later) * rng.standard_normal(later.size)
    prints = [print_of(sound, 3), print_of(music(2), 4), print_of(noisy.astype(np.float32), 3, yaw_deg=77.0)]
    (match,) = matches(prints)
    assert (match.one, match.other) == (0, 2)
    assert match.offset_s == pytest.approx(-3.21, abs=0.05)
    assert match.covered_other == pytest.approx(1.0, abs=0.01)
    assert match.covered_one == pytest.approx(16.79 / 20, abs=0.01)
    assert match.picture is not None
    assert match.picture > 0.9


def test_two_places_under_one_song_share_the_sound_and_nothing_else() -> None:
    sound = music(3)
    (match,) = matches([print_of(sound, 5), print_of(sound, 6)])
    assert match.kind == "same-sound"
    assert match.picture is not None
    assert match.picture < 0.5


def moving(seed: int, count: int = 24, *, mirror: bool = False, every: float = 2.0, take: int = 0) -> np.ndarray:
    """Descriptions of a place where things go about, one each two seconds of a time that may run faster."""
    rng = np.random.default_rng((seed, take))
    scene, starts = wide(seed), rng.uniform(0, 384, 5)
    speeds, rows, tones = rng.uniform(-9, 9, 5), rng.integers(50, 120, 5), rng.uniform(60, 200, 5)
    frames = []
    for k in range(count):
        shown = scene.copy()
        for at, speed, row, tone in zip(starts, speeds, rows, tones, strict=True):
            left = int(at + speed * k * every) % 340
            shown[row : row + 36, left : left + 40] = tone
        frames.append(shown[:, ::-1] if mirror else shown)
    return described(*frames)


def seen(frames: np.ndarray, sound: np.ndarray, seconds: float = 48.0) -> VideoFingerprint:
    peaks = audio_fingerprint.peaks([sound])
    return VideoFingerprint(audio_fingerprint.hashes(peaks), frames, 2.0, seconds, peaks)


def test_a_mirrored_copy_is_a_copy_and_says_so() -> None:
    sound = music(11, 48.0)
    (match,) = matches([seen(moving(1), sound), seen(moving(1, mirror=True), sound)])
    assert (match.kind, match.mirrored) == ("copy", True)
    assert match.picture is not None
    assert match.picture > 0.9


@pytest.mark.parametrize("speed", [0.96, 1.027, 1.04])
def test_a_tape_that_runs_faster_or_slower_is_a_copy(speed: float) -> None:
    import soxr

    sound = music(12, 48.0)
    other = soxr.resample(sound, RATE * speed, RATE).astype(np.float32)
    length_s = other.size / RATE
    (match,) = matches([seen(moving(2), sound), seen(moving(2, int(length_s / 2), every=2 * speed), other, length_s)])
    assert match.kind == "copy"
    assert match.speed == pytest.approx(1 / speed, abs=0.003)
    assert match.covered_one > 0.9


def test_a_picture_under_other_sound_is_named_and_another_take_at_the_place_is_not() -> None:
    """The other take has the same surroundings and other things that go about."""
    here = moving(3)
    (match,) = matches([seen(here, music(13, 48.0)), seen(here, music(14, 48.0))])
    assert (match.kind, match.offset_s) == ("same-picture", 0.0)
    for take in range(1, 5):
        other = moving(3, take=take)
        assert visual_fingerprint.similarity(here.mean(axis=0)[None], other.mean(axis=0)[None])[0, 0] > 0.9
        assert matches([seen(here, music(13, 48.0)), seen(other, music(14, 48.0))]) == []


def test_a_compilation_covers_what_it_holds_and_is_itself_covered_in_part() -> None:
    first, second, third = (music(seed, 20.0) for seed in (21, 22, 23))
    places = [described(wide(place)) for place in (31, 32, 33)]

    def shown(*order: Any) -> np.ndarray:
        return np.concatenate([np.repeat(places[one], 10, axis=0) for one in order])

    whole = seen(shown(0, 1, 2), np.concatenate([first, second, third]), 60.0)
    part = seen(shown(1), second, 20.0)
    mixed = seen(shown(0, 2), np.concatenate([first, third]), 40.0)
    found = {(m.one, m.other): m for m in matches([whole, part, mixed])}
    assert set(found) == {(0, 1), (0, 2)}
    assert found[0, 1].covered_other == pytest.approx(1.0, abs=0.02)
    assert found[0, 1].covered_one == pytest.approx(1 / 3, abs=0.05)
    # Of the film that leaves the middle out one of two parts lies along one line: half of it is covered.
    assert found[0, 2].covered_other == pytest.approx(0.5, abs=0.15)


def test_blocks_of_any_size_give_the_same_landmarks() -> None:
    sound = music(4, 70.0)
    whole = audio_fingerprint.landmarks([sound])
    parts = audio_fingerprint.landmarks(np.array_split(sound, 41))
    np.testing.assert_array_equal(whole, parts)
    assert len(whole) > 1000
    assert len(audio_fingerprint.landmarks([np.zeros(10 * RATE, np.float32)])) == 0


@pytest.mark.parametrize("look", [{"yaw_deg": 123.0}, {"gain": 0.6, "offset": 20.0}, {"yaw_deg": -40.0, "gain": 0.8}])
def test_a_picture_is_known_again_after_a_turn_and_in_another_light(look: Any) -> None:
    one, other, stranger = (described(wide(7)), described(wide(7, **look)), described(wide(8)))
    assert visual_fingerprint.similarity(one, other)[0, 0] > 0.9
    assert visual_fingerprint.similarity(one, stranger)[0, 0] < 0.6


def test_videos_without_sound_are_compared_by_their_pictures() -> None:
    nothing = np.zeros((0, 2), np.int64)
    prints = [
        VideoFingerprint(nothing, np.repeat(described(wide(seed, yaw_deg=turn)), 5, axis=0), 2.0, 10.0)
        for seed, turn in ((1, 0.0), (2, 0.0), (1, 90.0))
    ]
    assert [(match.one, match.other) for match in matches(prints)] == [(0, 2)]


def test_very_many_strangers_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landmarks that collide like real ones, two copies among them; also when a part of the keys is used."""
    rng = np.random.default_rng(5)
    frames = np.zeros((1, visual_fingerprint.LENGTH), np.int8)

    def stranger() -> np.ndarray:
        time, place = np.repeat(rng.integers(0, 3000, 400), 4), np.repeat(rng.integers(0, 214, 400), 4)
        return np.stack([(place << 14) | (rng.integers(0, 64, 1600) << 7) | rng.integers(3, 31, 1600), time], axis=1)

    prints = [VideoFingerprint(stranger(), frames, 2.0, 100.0) for _ in range(300)]
    prints[200] = prints[3]
    for most in (10**9, 100_000):
        monkeypatch.setattr(matching, "_MOST_KEYS", most)
        assert [(match.one, match.other) for match in matches(prints)] == [(3, 200)]


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_clusters_are_connected_components(pairs: list[tuple[int, int]]) -> None:
    edges = csr_array((np.ones(len(pairs)), tuple(np.array(pairs, int).reshape(-1, 2).T)), shape=(30, 30))
    labels = connected_components(edges, directed=False)[1]
    assert clusters(30, pairs) == [int(np.flatnonzero(labels == label)[0]) for label in labels]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 30))
def test_odd_fingerprints_do_no_harm(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    prints = [
        VideoFingerprint(
            rng.integers(0, 50, (size, 2)),
            rng.integers(-127, 127, (size % 3, visual_fingerprint.LENGTH), dtype=np.int8),
            2.0,
            0.0,
        )
        for _ in range(4)
    ]
    assert all(isinstance(match, Match) for match in matches(prints, MatchSettings(min_votes=1)))


def test_matches_do_not_depend_on_the_order_of_the_videos() -> None:
    """Not where more share a recording than one compares with each other, nor where one's pictures say more."""
    rng = np.random.default_rng(4)
    sound = audio_fingerprint.landmarks([music(8)])
    views = described(*(wide(place) for place in range(3)))
    prints = [
        VideoFingerprint(sound[rng.random(len(sound)) < 0.5], views[rng.integers(0, 3, 5)], 4.0, 20.0)
        for _ in range(48)
    ]
    order = rng.permutation(48)
    found = {(m.one, m.other): m for m in matches(prints)}
    assert len(found) > 100
    shuffled = matches([prints[place] for place in order])
    assert [(m.one, m.other) for m in shuffled] == sorted((m.one, m.other) for m in shuffled)
    for match in shuffled:
        one, other = int(order[match.one]), int(order[match.other])
        expected = found.pop((min(one, other), max(one, other)))
        assert (match.votes, match.rate, match.picture) == (expected.votes, expected.rate, expected.picture)
        if one < other:
            assert (match.offset_s, match.covered_one) == (expected.offset_s, expected.covered_one)
        else:
            assert (match.offset_s, match.covered_one) == (-expected.offset_s, expected.covered_other)
    assert not found


def _marks(rng: np.random.Generator, count: int = 150) -> np.ndarray:
    """Landmarks as real ones are, four to a peak."""
    time, place = np.repeat(rng.integers(0, 600, count), 4), np.repeat(rng.integers(0, 214, count), 4)
    size = 4 * count
    return np.stack([(place << 14) | (rng.integers(0, 64, size) << 7) | rng.integers(3, 31, size), time], axis=1)


@pytest.mark.parametrize("most_pairs", [0, 10_000_000])
def test_of_very_many_copies_each_is_known_to_be_one_of_each_other(
    monkeypatch: pytest.MonkeyPatch, most_pairs: int
) -> None:
    """With the limit of 40 alone, two or three of them were kept."""
    monkeypatch.setattr(matching, "_MOST_PAIRS", most_pairs)
    rng = np.random.default_rng(6)
    whole, nothing = _marks(rng), np.zeros((1, visual_fingerprint.LENGTH), np.int8)
    prints = [
        VideoFingerprint(whole[np.repeat(rng.random(150) < 0.9, 4)], nothing, 2.0, 19.0 + rng.random())
        for _ in range(48)
    ]
    assert len(matches(prints)) == 48 * 47 // 2


def test_a_copy_under_a_song_that_very_many_share_is_found_whoever_shares_it() -> None:
    rng = np.random.default_rng(7)
    song = _marks(rng, 60)
    looks = rng.integers(-127, 127, (48, visual_fingerprint.LENGTH)).astype(np.int8)

    def under_the_song(look: int) -> VideoFingerprint:
        return VideoFingerprint(song, np.repeat(looks[look : look + 1], 5, axis=0), 4.0, 19.0 + look / 100)

    pair = [under_the_song(0), replace(under_the_song(0), duration_s=19.5)]
    others = [under_the_song(look) for look in range(1, 48)]
    alone, among = ([match for match in matches(prints) if match.kind == "copy"] for prints in (pair, [*pair, *others]))
    assert [(match.one, match.other) for match in alone] == [(0, 1)]
    assert among == alone
