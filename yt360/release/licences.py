"""What a video's licence allows, from the words of the site that it came from; and policies that decide by it.

A clip is a cut, re-encoded part of a video, and a panoptic map is made from its pictures: both are adaptations. So a
licence without derivatives (ND) allows neither. Nothing here is legal advice: what a site says of a licence is what
its uploader claims.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """``name``: an SPDX identifier without version (``CC-BY-SA``), ``public-domain``, ``other``, or ``not-stated``.

    ``shareable``: adaptations may be passed on; ``commercial``: for money as well.
    """

    name: str
    shareable: bool = False
    commercial: bool = False


NOT_STATED = Licence("not-stated")
"""The site says nothing: its own terms hold (YouTube's standard licence), under which nothing may be passed on."""

OTHER = Licence("other")
"""The site says something that is not recognised."""

# Words are believed at the beginning only: "not in the public domain" is none.
_PUBLIC_DOMAIN = re.compile(r"(public[ -]?domain|cc[ -]?0|cc[ -]?pdm|pdm|publicdomain)\b")
_ADDRESS = re.compile(r"creativecommons\.org/(?:licenses/(?P<terms>[a-z-]+)|(?P<free>publicdomain))")
_SHORT = re.compile(r"(?:cc[ -])?(?P<terms>by(?:[ -](?:nc|sa|nd)){0,2})\b")
_TERMS = {
    "noncommercial": "nc", "non-commercial": "nc", "sharealike": "sa", "share-alike": "sa", "share alike": "sa",
    "noderivs": "nd", "no derivatives": "nd", "noderivatives": "nd", "no-derivatives": "nd", "no derivs": "nd",
}  # fmt: skip
_WHOLE = frozenset({"by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd"})


def licence_of(said: str | None) -> Licence:
    """The licence that a site's words mean.

    >>> licence_of("Creative Commons Attribution license (reuse allowed)")
    Licence(name='CC-BY', shareable=True, commercial=True)
    >>> licence_of("http://creativecommons.org/licenses/by-nc-nd/4.0/").shareable
    False
    >>> licence_of(None).name, licence_of("Standard YouTube License").name, licence_of("ask me").name
    ('not-stated', 'not-stated', 'other')
    """
    text = " ".join((said or "").lower().split())
    if not text or "standard youtube" in text:
        return NOT_STATED
    address = _ADDRESS.search(text)
    if (address and address["free"]) or _PUBLIC_DOMAIN.match(text):
        return Licence("public-domain", shareable=True, commercial=True)
    terms = address["terms"] if address else _terms(text)
    if terms not in _WHOLE:
        return OTHER
    parts = terms.split("-")
    shareable = "nd" not in parts
    return Licence(f"CC-{terms.upper()}", shareable, shareable and "nc" not in parts)


def _terms(text: str) -> str:
    """``by-nc-sa`` of a short name or of a long one; empty where it is neither."""
    if short := _SHORT.match(text):
        return short["terms"].replace(" ", "-")
    if not text.startswith("creative commons") or "attribution" not in text:
        return ""
    found = {short for long, short in _TERMS.items() if long in text}
    return "-".join(["by", *(term for term in ("nc", "sa", "nd") if term in found)])


@dataclass(frozen=True)
class Policy:
    """Which videos a release takes: those of which ``takes`` says so. ``words`` is for people."""

    name: str
    words: str
    takes: Callable[[Licence], bool]


POLICIES = {
    policy.name: policy
    for policy in (
        Policy("all", "every video, whatever its licence; the publisher is responsible for that", lambda _: True),
        Policy(
            "cc",
            "videos in the public domain or under Creative Commons licences that allow adaptations to be shared",
            lambda licence: licence.shareable,
        ),
        Policy(
            "cc-commercial",
            "the same, and only where commercial use is allowed",
            lambda licence: licence.commercial,
        ),
        Policy("public-domain", "videos in the public domain only", lambda licence: licence.name == "public-domain"),
    )
}
"""Policies by name."""
