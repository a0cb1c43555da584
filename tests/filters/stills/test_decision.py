from __future__ import annotations

import functools
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from tests.filters.pictures import HEIGHT, SAMPLES, WIDTH, film, scenery, turned, with_box
from yt360.filters.stills import decision, frame_differences
from yt360.filters.stills.limits import LIMITS
from yt360.filters.stills.settings import MotionSettings


def steps_of(frames: Iterable[np.ndarray], window: int = 0) -> list[frame_differences.FrameComparison]:
    return frame_differences.measure_window(frames, window=window, start_s=0.0, fps=2.0, settings=MotionSettings())


def kind_of(steps: list[frame_differences.FrameComparison]) -> str | None:
    found = decision.judge(steps, LIMITS)
    return None if found is None else found.kind


def verdict(frames: Iterable[np.ndarray]) -> Any:
    return decision.judge(steps_of(frames), LIMITS)


def bounce(index: int, low: float, high: float, speed: float, start: float) -> float:
    span = high - low
    place = (start - low + speed * index) % (2 * span)
    return low + min(place, 2 * span - place)


TITLE = {"held": 0.9, "levels": 50.0, "area": 0.06}


@pytest.mark.parametrize("grain", [0.0, 2.0, 6.0])
def test_still_image(grain: float) -> None:
    picture = scenery(7)
    assert verdict(film(lambda index: picture, grain)).kind == "still"


def test_slide_show_of_four_pictures() -> None:
    pictures = [scenery(seed) for seed in range(4)]
    found = verdict(film(lambda index: pictures[index * 4 // SAMPLES]))
    assert found.kind == "slide-show"
    assert "3 changes" in found.detail


def test_slide_show_that_fades() -> None:
    pictures = [scenery(seed) for seed in range(3)]

    def draw(index: int) -> np.ndarray:
        slide, place = divmod(index, 7)
        mix = 0.5 if place == 6 and slide < 2 else 0.0
        return pictures[min(slide, 2)] * (1 - mix) + pictures[min(slide + 1, 2)] * mix

    assert verdict(film(draw)).kind == "slide-show"


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(1.5, 0.0), (-9.0, 0.0), (4.0, 5.0)])
def test_turning_still(yaw_deg: float, pitch_deg: float) -> None:
    picture = scenery(2)
    found = verdict(film(lambda index: turned(picture, yaw_deg * index, pitch_deg * np.sin(index / 4)), 0.5))
    assert found.kind == "turning"


def test_scrolled_still() -> None:
    picture = scenery(2)
    assert verdict(film(lambda index: np.roll(picture, 5 * index, axis=1))).kind == "turning"


@pytest.mark.parametrize(("grain", "level"), [(0.0, 250), (0.7, 40), (1.5, 40)])
def test_fixed_camera_with_one_small_moving_thing_is_kept(grain: float, level: int) -> None:
    """0.9 % of the picture: 32 x 14 of 160 x 320 pixels."""
    picture = scenery(5)
    frames = film(lambda index: with_box(picture, 70, bounce(index, 20, 280, 13, 30), 32, 14, level), grain)
    assert verdict(frames) is None


def test_the_published_uint8_mse_filter_drops_what_is_kept_here() -> None:
    """Sphere360 sums squared uint8 differences, which wrap: a moving person comes out below its limit of 5."""
    picture = scenery(5)
    rng = np.random.default_rng(0)
    level = np.full((32, 14), 32.0)  # 32² is 0 modulo 256
    frames = []
    for index in range(SAMPLES):
        frame = np.clip(picture, 40, 200).round() + 0
        column = int(bounce(index, 20, 280, 15, 30))
        frame[70:102, column : column + 14] += level
        frames.append(np.clip(frame, 0, 255).astype(np.uint8))
    wrapped = [np.sum((a - b) ** 2, dtype=np.uint8) / a.size for a, b in pairwise(frames)]
    true = [np.mean((a.astype(float) - b.astype(float)) ** 2) for a, b in pairwise(frames)]
    assert max(wrapped) < 5
    assert min(true) > 3
    grainy = (np.clip(frame + 1.2 * rng.standard_normal(frame.shape), 0, 255).astype(np.uint8) for frame in frames)
    assert verdict(grainy) is None


def test_dark_night_in_which_a_small_thing_moves_is_kept() -> None:
    dark = scenery(6) * 0.06 + 6
    draw = lambda index: with_box(dark, 80, bounce(index, 20, 290, 8, 30), 20, 9, 34)  # noqa: E731
    assert verdict(film(draw, 1.0)) is None


def test_water_that_shimmers_is_kept() -> None:
    picture = scenery(8)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    water = rows > 95

    def draw(index: int) -> np.ndarray:
        waves = np.sin(rows * 0.9 + 3.1 * index) * np.sin(columns * 0.21 - 1.7 * index)
        return np.asarray(picture + 8 * waves * water)

    assert verdict(film(draw, 1.0)) is None


def test_slow_motion_is_kept() -> None:
    """A thing that creeps by less than a pixel between samples."""
    picture = scenery(9)
    assert verdict(film(lambda index: with_box(picture, 60, 120 + 0.7 * index, 40, 24, 200), 1.0)) is None


def test_sunset_is_kept() -> None:
    picture = scenery(10)
    sky = np.arange(HEIGHT)[:, None] < HEIGHT // 2

    def draw(index: int) -> np.ndarray:
        return picture * np.where(sky, 1 - 0.022 * index, 1 - 0.04 * index)

    assert verdict(film(draw, 1.0)) is None


def test_moving_camera_is_kept() -> None:
    near, far = scenery(11), scenery(12)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    front = (np.sin(columns / 19) + np.sin(rows / 11 + columns / 40) > 0.3).astype(float)

    def draw(index: int) -> np.ndarray:
        mask = np.roll(front, 6 * index, axis=1)
        return np.asarray(np.roll(near, 6 * index, axis=1) * mask + np.roll(far, 2 * index, axis=1) * (1 - mask))

    assert verdict(film(draw, 1.0)) is None


def test_turning_camera_in_a_living_world_is_kept() -> None:
    picture = scenery(13)

    def draw(index: int) -> np.ndarray:
        world = with_box(picture, 70, bounce(index, 20, 280, 9, 30), 30, 16, 230)
        world = with_box(world, 85, bounce(index, 20, 280, 7, 200), 24, 16, 20)
        return turned(world, 3.0 * index)

    assert verdict(film(draw, 1.0)) is None


def test_half_still_half_alive_is_kept_and_its_halves_are_told_apart() -> None:
    picture = scenery(14)

    def draw(index: int) -> np.ndarray:
        return with_box(picture, 70, 60 + 9 * max(0, index - 10), 40, 20, 230)

    steps = steps_of(film(draw, 1.0))
    assert decision.judge(steps, LIMITS) is None
    quiet = decision.quiet_steps(steps, LIMITS)
    assert quiet[0]
    assert not quiet[14:18].any()


def made(brightness: Any, *, residual: float = 0.0, later: float = 0.0, window: int = 0) -> Any:
    """Steps of one window with these brightnesses; those at its end have nothing later to be compared with."""
    count = len(brightness)
    return [
        frame_differences.FrameComparison(
            window, 0.5 * index, residual, residual, 0.0, 0.5, 2, 0.05, level,
            later if index < count - frame_differences.LAG_STEPS + 1 else -1.0, 8.0, 8.0, 2, 0.0, 0.0, 0.0, 0.0, 1.0,
        )
        for index, level in enumerate(brightness)
    ]  # fmt: skip


def test_what_is_gone_seconds_later_was_noise_at_the_end_of_a_window_too() -> None:
    assert decision.quiet_steps(made([100.0] * 20, residual=0.008), LIMITS).all()
    alive = decision.quiet_steps(made([100.0] * 20, residual=0.008, later=0.02), LIMITS)
    assert not alive.any()
    short = decision.quiet_steps(made([100.0] * 5, residual=0.008), LIMITS)
    assert not short.any(), "nothing later to go by"


@pytest.mark.parametrize(
    ("residual", "later", "quiet"),
    [
        (2.0, -1.0, True),
        (2.1, -1.0, False),
        (1.0, 2.0, True),
        (1.0, 2.1, False),
        (1.1, 2.0, False),
        (2.0, 1.0, True),
        (1.1, 1.0, True),
    ],
)
def test_what_one_comparison_sees_beside_a_turn_may_be_twice_the_share(
    residual: float, later: float, quiet: bool
) -> None:
    """In parts of ``turning_share``; at the end of a window nothing later is there to compare with."""
    share = LIMITS.turning_share
    step = made([100.0] * 2)[0]._replace(
        rotation_deg=2.0, half=LIMITS.turning_departure, residual=residual * share, later=later * share
    )
    if later < 0:
        step = step._replace(later=-1.0)
    assert decision.quiet_steps([step], LIMITS).tolist() == [quiet]


def test_flicker_goes_up_and_down_and_a_sunset_only_down() -> None:
    up_and_down = [100.0 + 5 * (index % 2) for index in range(23)]
    assert decision.flickers(made(up_and_down), LIMITS)
    assert not decision.flickers(made([120.0 - 2 * index for index in range(23)]), LIMITS)
    assert not decision.flickers(made([100.0, 100.2] * 12), LIMITS)
    two = made([100.0] * 12) + made([140.0] * 12, window=1)
    assert not decision.flickers(two, LIMITS), "windows are not compared"
    assert not decision.flickers([], LIMITS)


def test_a_still_that_flickers_may_leave_blocks_behind_and_a_moving_one_may_not() -> None:
    """Codecs do not follow a quick change of brightness everywhere; some steps look alive."""
    levels = [100.0 + 5 * (index % 2) for index in range(24)]
    blocky = made(levels)
    for index in (0, 3, 6, 9):
        blocky[index] = blocky[index]._replace(residual=0.03, later=0.03)
    assert kind_of(blocky) == "still"
    steady = [step._replace(brightness=100.0) for step in blocky]
    assert decision.judge(steady, LIMITS) is None
    assert decision.judge(made(levels, residual=0.03, later=0.03), LIMITS) is None


def test_codecs_make_weak_motion_out_of_strong_noise() -> None:
    noisy = [
        step._replace(residual=0.03, later=0.03, background=1.0, regions=6, strength=1.4, later_strength=1.4)
        for step in made([100.0] * 20)
    ]
    assert kind_of(noisy) == "still"
    other_noise = [step._replace(background=0.0) for step in noisy[:12]] + noisy[12:]
    assert decision.judge(other_noise, LIMITS) is None, "the noise of single pictures, or of a change of slides"
    for alive in (
        {"strength": 8.0, "later_strength": 8.0},
        {"background": 0.1},
        {"regions": 1},
        {"residual": 0.2, "later": 0.2},
    ):
        assert decision.judge([step._replace(**alive) for step in noisy], LIMITS) is None, alive


def test_a_brightness_that_goes_one_way_all_the_time_is_daylight() -> None:
    """Change of brightness is no motion, so a sunset alone would look still; a fade at its start is none."""
    sunset = made([120.0 - 2 * index for index in range(23)])
    assert decision.daylight(sunset, LIMITS)
    assert decision.judge(sunset, LIMITS) is None
    fade = made([20.0, 50.0, 80.0, 110.0] + [120.0] * 19)
    assert not decision.daylight(fade, LIMITS)
    assert kind_of(fade) == "still"
    both_ways = made([120.0 - 2 * index for index in range(12)]) + made([96.0 + 2 * k for k in range(12)], window=1)
    assert not decision.daylight(both_ways, LIMITS)


def test_flicker_of_dark_pictures_is_measured_by_their_brightness() -> None:
    assert decision.flickers(made([30.0, 30.5] * 12), LIMITS)
    assert not decision.flickers(made([100.0, 100.5] * 12), LIMITS)


def test_a_fade_between_pictures_of_like_levels_is_a_change_of_slides() -> None:
    """What changes at once may look like a change of brightness; seconds later it is another picture."""
    steps = made([100.0] * 24)
    steps[11:13] = [step._replace(residual=0.04, changed=0.04, later=0.4) for step in steps[11:13]]
    for index in range(4, 11):
        steps[index] = steps[index]._replace(later=0.4)
    assert kind_of(steps) == "slide-show"


def test_windows_are_not_compared_with_each_other() -> None:
    def shown(seed: int, _: int) -> np.ndarray:
        return scenery(seed)

    steps = [step for window in range(3) for step in steps_of(film(functools.partial(shown, window)), window=window)]
    assert kind_of(steps) == "still"


def test_nothing_seen_is_no_verdict() -> None:
    assert decision.judge([], LIMITS) is None


def windows(places: Any, steps: int = 12) -> Any:
    """Steps without motion; ``places`` has steady, usual, peak of each window."""
    return [
        step._replace(window=window, steady=steady, usual=usual, peak=peak)
        for window, (steady, usual, peak) in enumerate(places)
        for step in made([100.0] * steps)
    ]


def test_what_moves_in_one_place_all_the_time_lives_however_weak() -> None:
    """Water that an encoder smooths moves less in any one step than what it makes of noise."""
    assert kind_of(windows([(0.0, 0.0, 0.0)] * 3)) == "still"
    assert kind_of(windows([(0.45, 0.35, 0.5)] * 3)) == "still"
    assert decision.judge(windows([(0.3, 0.01, 0.3)] * 3), LIMITS) is None
    assert decision.lives(windows([(0.3, 0.01, 0.3), (0.3, 0.01, 0.3), (0.0, 0.0, 0.0)]), LIMITS)
    assert not decision.lives(windows([(0.3, 0.01, 0.3), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)]), LIMITS)
    assert not decision.lives([], LIMITS)


def test_weak_motion_that_is_nowhere_in_the_mean_is_none() -> None:
    """Blotches that an encoder makes of strong noise, now here and now there, up to a few parts in a thousand."""
    blotches = [
        step._replace(residual=0.008, changed=0.008, later=0.016, strength=1.8, later_strength=2.1, peak=peak)
        for peak in (0.1, 0.4)
        for step in made([100.0] * 12)
    ]
    quiet = decision.quiet_steps(blotches, LIMITS)
    assert quiet[:12].all()
    assert not quiet[12:16].any()
    strong = [step._replace(strength=5.0, later_strength=5.0) for step in blotches[:12]]
    assert not decision.quiet_steps(strong, LIMITS)[:4].any()


def test_water_is_seen_where_it_shimmers_and_noise_is_not() -> None:
    def shaken(strength: float | np.ndarray) -> Any:
        rng = np.random.default_rng(0)
        return steps_of(film(lambda _: scenery() + strength * rng.standard_normal(scenery().shape)))

    water = np.zeros(scenery().shape)
    water[90:120, 40:100] = 5.0
    assert decision.lives(shaken(water), LIMITS)
    assert not decision.lives(shaken(5.0), LIMITS)


def test_a_picture_that_grows_brighter_and_darker_is_a_still_however_an_encoder_blotches_it() -> None:
    def swinging(levels: float, liveliest: float, drift: float = 0.0) -> Any:
        brightness = [100 + levels * np.sqrt(2) * np.sin(0.9 * k) + drift * k for k in range(24)]
        blotched = {"strength": 4.0, "later_strength": 4.0, "regions": 5, "extent": 0.3, "peak": 1.0}
        return [step._replace(**blotched, liveliest=liveliest) for step in made(brightness, residual=0.03, later=0.03)]

    assert kind_of(swinging(1.1, 2.0)) == "still"
    assert decision.judge(swinging(0.9, 2.0), LIMITS) is None
    assert decision.judge(swinging(1.1, 3.0), LIMITS) is None, "parts do more than the whole"
    assert decision.judge(swinging(9.0, 8.0), LIMITS) is None, "something lives in other light"
    assert decision.judge(swinging(1.1, 2.0, drift=0.8), LIMITS) is None, "it goes one way"
    assert not decision.pulses([], LIMITS)


def test_a_small_place_that_is_never_long_the_same_keeps_a_video_in_which_nothing_moves() -> None:
    def stirring(**measured: float) -> Any:
        return [step._replace(**measured) for step in made([100.0] * 20)]

    far_away = {"held": 0.6, "levels": 5.0, "area": 0.02}
    assert decision.judge(stirring(**far_away), LIMITS) is None
    assert kind_of(stirring(**{**far_away, "levels": 3.9})) == "still"
    assert kind_of(stirring(**{**far_away, "area": 0.06})) == "still", "noise is everywhere"
    assert kind_of(stirring(**{**far_away, "held": 1.0})) == "still", "an encoder that starts anew"
    assert kind_of(stirring(**TITLE)) == "still"
    once = [*stirring(**far_away), *(step._replace(window=k) for k in (1, 2) for step in made([100.0] * 20))]
    assert kind_of(once) == "still", "in one window of three"
    assert not decision.stirs([], LIMITS)


def scaled(picture: np.ndarray, scale: float, right: float = 0.0) -> np.ndarray:
    matrix = np.array([[scale, 0, (1 - scale) * WIDTH / 2 + right], [0, scale, (1 - scale) * HEIGHT / 2]])
    return cv2.warpAffine(picture.astype(np.float32), matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)


def test_a_slide_show_that_zooms_is_one_and_a_camera_that_comes_nearer_is_not() -> None:
    pictures = [scenery(seed) for seed in (11, 12)]

    def zooms(index: int) -> np.ndarray:
        slide, place = divmod(index, SAMPLES // 2 + 1)
        return scaled(pictures[slide], 1.05 + 0.006 * place, 0.4 * place)

    assert verdict(film(zooms)).kind in ("zooming", "slide-show")
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)

    def approaches(index: int) -> np.ndarray:
        """What is ahead grows and what is behind shrinks."""
        shift = 1.5 * index * np.sin(2 * np.pi * columns / WIDTH).astype(np.float32)
        return cv2.remap(pictures[0].astype(np.float32), (columns + shift) % WIDTH, rows, cv2.INTER_LINEAR)

    assert verdict(film(approaches, 0.5)) is None


def test_snow_is_no_noise_however_weak_it_is_from_one_frame_to_the_next() -> None:
    picture = 0.5 * scenery(13) + 90
    rng = np.random.default_rng(3)
    flakes = rng.uniform(0, [HEIGHT, WIDTH], (150, 2))

    def draw(index: int) -> np.ndarray:
        shown = picture.copy()
        for row, column in ((flakes + np.array([4.3 * index, 0.5 * index])) % [HEIGHT, WIDTH]).astype(int):
            shown[row : row + 2, column : column + 1] = 245
        return shown

    assert verdict(film(draw, 0.5)) is None


def test_water_that_a_turn_would_explain_does_not_turn_the_picture() -> None:
    picture = scenery(14)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]

    def draw(index: int) -> np.ndarray:
        waves = np.sin(rows * 0.5 + 2.2 * index) * np.sin(columns * 0.22 - 1.1 * index) * (rows > 0.6 * HEIGHT)
        return np.asarray(picture + 8 * waves)

    found = verdict(film(draw, 0.5))
    assert found is None or found.kind != "turning"
