"""Licences as sites state them, and what policies make of them."""

from __future__ import annotations

import pytest

from yt360.release.licences import POLICIES, licence_of


@pytest.mark.parametrize(
    ("said", "name", "shareable", "commercial"),
    [
        ("Creative Commons Attribution license (reuse allowed)", "CC-BY", True, True),
        ("Standard YouTube License", "not-stated", False, False),
        (None, "not-stated", False, False),
        ("  ", "not-stated", False, False),
        ("CC BY 4.0", "CC-BY", True, True),
        ("cc-by-sa-3.0", "CC-BY-SA", True, True),
        ("by-nc-sa", "CC-BY-NC-SA", True, False),
        ("by nd", "CC-BY-ND", False, False),
        ("https://creativecommons.org/licenses/by-nc/4.0/", "CC-BY-NC", True, False),
        ("http://creativecommons.org/licenses/by-nc-nd/2.0/", "CC-BY-NC-ND", False, False),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "public-domain", True, True),
        ("CC0", "public-domain", True, True),
        ("Public Domain Mark", "public-domain", True, True),
        ("Creative Commons Attribution-NonCommercial-NoDerivatives 4.0", "CC-BY-NC-ND", False, False),
        ("Creative Commons Attribution Share Alike", "CC-BY-SA", True, True),
        ("Creative Commons", "other", False, False),
        ("all rights reserved by the artist", "other", False, False),
        ("https://creativecommons.org/licenses/by-everything/4.0/", "other", False, False),
    ],
)
def test_words_of_sites(said: str | None, name: str, shareable: bool, commercial: bool) -> None:
    found = licence_of(said)
    assert (found.name, found.shareable, found.commercial) == (name, shareable, commercial)


def test_what_is_not_recognised_allows_nothing() -> None:
    for said in ("you may reuse this", "GPL-3.0", "not CC BY", "not in the public domain", "bystander", "x" * 10_000):
        assert not POLICIES["cc"].takes(licence_of(said)), said


def test_policies_nest() -> None:
    texts = ("CC0", "CC BY", "CC BY-SA", "CC BY-NC", "CC BY-ND", "CC BY-NC-ND", "", "mine")
    taken = {name: {text for text in texts if policy.takes(licence_of(text))} for name, policy in POLICIES.items()}
    assert taken["public-domain"] < taken["cc-commercial"] < taken["cc"] < taken["all"] == set(texts)
    assert taken["cc"] == {"CC0", "CC BY", "CC BY-SA", "CC BY-NC"}
