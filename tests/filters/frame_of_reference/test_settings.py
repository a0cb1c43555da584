from __future__ import annotations

from tests.documented_settings import declared, documented


def test_defaults_and_limits_are_those_of_the_reference() -> None:
    assert len(documented("frame_of_reference")) > 3
    assert declared("frame_of_reference") == documented("frame_of_reference")
