"""What the detector remembers, and asks first because it costs less, changes nothing of what it finds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.filters.shots.films import FPS, Film, concert, dissolved, flash, place, walk
from tests.filters.shots.test_transitions import watch
from yt360.filters.shots import transitions
from yt360.filters.shots.tracking import Panorama, found_again
from yt360.filters.shots.transitions import ShotDetector


class _Plain(ShotDetector):
    """Asks everything anew, pair after pair, and knows of no cut: what the detector is held against."""

    def _share(self, one: int, other: int, turn: int = 0, *, evenly_lit: bool = False) -> float:
        return found_again(self._shown(one, evenly_lit), self._shown(other, evenly_lit), turn=turn)

    def _bridged(self, last: int, first: int) -> bool:
        pairs = {
            (self._inside(last - round(back * FPS)), self._inside(first + round(ahead * FPS)))
            for back, ahead in transitions._BRIDGES_S
        }
        questions = self._same_in_any_heading, self._same_back, self._same_in_other_light
        return any(same(one, other) for one, other in sorted(pairs) for same in questions)

    def _same_back(self, one: int, other: int) -> bool:
        return self._both_ways(self._share(one, other), self._share(other, one))

    def _is_cut(self, first: int, last: int) -> bool:
        return False


_FILMS: dict[str, Callable[[], Film]] = {
    "cut": lambda: np.concatenate([place(1, 40), place(2, 44, walk_px=2)]),
    "cut on a turn": lambda: np.concatenate([place(3, 37, turn_deg_s=50), place(4, 47, turn_deg_s=-30)]),
    "quick": lambda: np.concatenate([place(seed, 14) for seed in range(5, 11)]),
    "dissolve": lambda: dissolved(place(11, 60), place(12, 60), 20),
    "walk": walk,
    "flashes": lambda: _changed(flash),
    "concert": lambda: _changed(concert),
}


def _changed(change: Callable[[Film], None]) -> Film:
    film = place(20, 96)
    change(film)
    return film


@pytest.mark.parametrize("name", _FILMS)
def test_what_is_remembered_and_asked_first_changes_nothing(name: str) -> None:
    film = _FILMS[name]()
    plain = _Plain(FPS)
    for frame in film:
        plain.push(frame)
    plain.finish()
    assert watch(film) == plain.transitions


def test_no_pair_is_compared_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, int]] = []

    def counted(first: Panorama, second: Panorama, *, turn: int = 0) -> float:
        asked.append((id(first), id(second), turn))
        return found_again(first, second, turn=turn)

    monkeypatch.setattr(transitions, "found_again", counted)
    kept: list[Panorama] = []

    class Kept(Panorama):
        def __init__(self, frame: np.ndarray) -> None:
            super().__init__(frame)
            kept.append(self)  # so that no two of them get one id

    monkeypatch.setattr(transitions, "Panorama", Kept)
    watch(_FILMS["quick"]())
    assert asked
    assert len(set(asked)) == len(asked)
