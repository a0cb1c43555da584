from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from fitting import encoders, films, films_more, stills, stills_films
from yt360.filters.stills.certainty import RULES

NAMES = ("a", "b", "c")


def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(count, 3))
    return values, values[:, 0] * values[:, 1] + rng.normal(0, 0.5, count) > 0.4


def test_the_plain_numbers_say_what_the_fitted_models_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_TREES", 30), ("_TRIED", 2)):
        monkeypatch.setattr(stills, name, value)
    values, still = drawn(80)
    fitted = stills.fit(values, still, NAMES)
    weight = np.where(still, 0.5 / still.mean(), 0.5 / (~still).mean())
    scaled = (values - fitted.mean) / fitted.scale
    linear = LogisticRegression(C=stills._SPREAD, max_iter=5000).fit(scaled, still, weight)
    boosted = GradientBoostingClassifier(
        n_estimators=30, learning_rate=stills._RATE, subsample=stills._PART, max_features=2, max_depth=3, random_state=0
    ).fit(values, still, weight)
    slow = (linear.decision_function(scaled) + boosted.decision_function(values)) / 2
    assert [fitted.logit(each) for each in values] == pytest.approx(slow.tolist(), abs=1e-6)
    assert np.mean((slow > 0) == still) > 0.9


def made(group: str, still: bool, values: tuple[float, ...], *ruled: bool) -> stills.Film:
    return stills.Film(group, group, "", still, np.array([(*values, *map(float, ruled))] * 2), np.array([ruled[1]] * 2))


def test_no_film_is_judged_by_what_saw_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    values, still = drawn(48)
    groups = [f"g{index // 3}" for index in range(48)]
    made_of = [made(*each, False, False, True) for each in zip(groups, still.tolist(), map(tuple, values), strict=True)]

    class Knows:
        def logit(self, values: np.ndarray) -> float:
            group = next(each.kind for each in made_of if np.array_equal(each.values[0], values))
            return float(group in seen[-1])

    def fit(values: np.ndarray, still: np.ndarray, names: tuple[str, ...]) -> Knows:
        seen.append({each.kind for each in made_of if any(np.array_equal(each.values[0], row) for row in values)})
        return Knows()

    monkeypatch.setattr(stills, "fit", fit)
    assert not stills.held_out(made_of, groups, NAMES).any()
    assert len(seen) == stills._FOLDS


def test_the_classifier_decides_where_strict_and_lenient_rules_disagree() -> None:
    rules = [(True, True, True), (False, True, True), (False, False, True), (False, False, False)]
    made_of = [made("g", True, (), *ruled) for ruled in rules]
    assert stills.between(made_of, tuple(RULES))[:, 0].tolist() == [False, True, True, False]
    chances = stills.chances(made_of, np.zeros((4, 2)), tuple(RULES))
    assert chances[:, 1].tolist() == [0.9, 0.5, 0.5, 0.4]


def test_a_calibrated_logit_is_as_sure_as_it_is_right() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 2, 4000)
    still = rng.random(4000) < 1 / (1 + np.exp(-true))
    assert stills.calibration((true - 0.6) / 3, still) == pytest.approx((0.6, 3.0), rel=0.15)


def test_encoders_are_drawn_anew_and_half_of_them_are_at_the_low_end() -> None:
    names = [encoders.drawn(np.random.default_rng(seed))[0] for seed in range(200)]
    assert 0.4 < np.mean(["low" in name for name in names]) < 0.6
    kinds = {name.removesuffix(" twice").removesuffix(" low") for name in names}
    assert kinds == {"h264", "h264 rate", "vp9", "vp9 rate", "av1"}
    passes = [encoders.drawn(np.random.default_rng(seed))[1] for seed in range(200)]
    assert all(("twice" in name) == (len(each) == 2) for name, each in zip(names, passes, strict=True))


@pytest.mark.parametrize("name", [*films_more.STILLS, *films_more.ALIVE])
def test_films_change_where_they_should_and_nowhere_else(name: str) -> None:
    film = {**films_more.STILLS, **films_more.ALIVE}[name]
    rng = np.random.default_rng(3)
    picture, other = (rng.uniform(0, 255, (films.HEIGHT, films.WIDTH, 3)).astype(np.float32) for _ in range(2))
    frames = np.stack(list(islice(film(rng, picture, other), 0, None, 12)))
    assert frames.shape == (films.COUNT // 12, films.HEIGHT, films.WIDTH, 3)
    assert np.isfinite(frames).all()
    assert (frames.std(axis=0) > 1).any()


def test_every_turn_has_each_kind_and_takes_other_treatments_of_recordings() -> None:
    jobs = list(stills_films.jobs(2))
    assert len(jobs) == len(set(jobs))
    first, second = ([job for job in jobs if job.turn == turn] for turn in (0, 1))
    assert len(first) == len(second) == len(stills_films.STILLS) + len(stills_films.ALIVE) + 2 * len(films.RECORDINGS)
    recorded = [{job.name for job in each if job.side == "recording"} for each in (first, second)]
    assert not recorded[0] & recorded[1]
