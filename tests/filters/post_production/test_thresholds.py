from __future__ import annotations

from tests.documented_settings import declared, documented


def test_defaults_and_limits_are_those_of_the_reference() -> None:
    assert len(documented("voiceover")) > 3
    assert declared("voiceover") == documented("voiceover")
