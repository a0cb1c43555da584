"""What went wrong, out of texts that say much more."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from yt360.errors import what_a_traceback_says


def _plain() -> None:
    raise ValueError("7 is too many")


def _of_lines() -> None:
    raise ValueError("7 is too many\n  for 3\nFor further information visit a page")


def _noted() -> None:
    error = ValueError("7 is too many")
    error.add_note("and a note")
    raise error


def _chained() -> None:
    try:
        raise KeyError("seven")
    except KeyError as error:
        raise ValueError("7 is too many") from error


def _group() -> None:
    failed = []
    for _ in range(2):
        try:
            _plain()
        except ValueError as error:
            failed.append(error)
    raise ExceptionGroup("two of them", failed)


@pytest.mark.parametrize("fail", [_plain, _of_lines, _noted, _chained, _group])
@pytest.mark.parametrize("kept", [4000, 120])
def test_of_a_traceback_its_last_exception(fail: Callable[[], None], kept: int) -> None:
    """A kind of F22: of several lines the last one was shown, of a group the line below it; records keep the end."""
    with pytest.raises((ValueError, ExceptionGroup)) as raised:
        fail()
    text = "".join(traceback.format_exception(raised.value))
    if kept < len(text) and 'File "' not in text[-kept:]:
        kept = len(text)
    assert what_a_traceback_says(text[-kept:]) == "ValueError: 7 is too many"


def test_other_texts_are_none() -> None:
    assert what_a_traceback_says("it ends\ntoo early") == what_a_traceback_says("") == ""
