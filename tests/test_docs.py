"""The documentation: its links lead somewhere, and nothing public is missing."""

from __future__ import annotations

import configparser
import re
import runpy
from pathlib import Path

import pytest

import yt360
from tests import CHECKOUT

PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md"), CHECKOUT / "manifests" / "README.md"])


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(CHECKOUT)) for page in PAGES])
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def anchors(page: Path) -> set[str]:
    """Those of a page's headings, as GitHub and MyST make them: of two alike the second ends in ``-1``."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?)\s*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(next(each for each in (name, *(f"{name}-{n}" for n in range(1, 99))) if each not in found))
    return found


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(CHECKOUT)) for page in PAGES])
def test_links_lead_to_headings_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8"))
    local = [((page.parent / target) if target else page, anchor) for target, anchor in links if "://" not in target]
    of_pages = [(target, anchor) for target, anchor in local if target.suffix == ".md"]
    assert [f"{target.name}#{anchor}" for target, anchor in of_pages if anchor not in anchors(target)] == []


def test_every_public_name_is_in_the_reference() -> None:
    text = (CHECKOUT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    written = set(re.findall(r"auto\w+:: yt360\.(\w+)", text))
    assert set(yt360.__all__) - written == {"__version__"}


def test_the_readme_is_at_most_eight_kilobytes() -> None:
    assert (CHECKOUT / "README.md").stat().st_size <= 8000


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (CHECKOUT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [page.relative_to(CHECKOUT / "docs").as_posix() for page in (CHECKOUT / "docs").rglob("*.md")]
    site = runpy.run_path(str(CHECKOUT / "docs" / "conf.py"))
    of_the_site = {"README.md", "index.md", *site["_OUTSIDE"].values()}
    assert [page for page in pages if page not in of_the_site and page not in index] == []


def test_every_extra_that_somebody_is_told_to_install_is_there_and_explained() -> None:
    """`yt360 search` named an extra that setup.cfg did not have."""
    setup = configparser.ConfigParser()
    setup.read(CHECKOUT / "setup.cfg")
    extras = set(setup["options.extras_require"])
    texts = [path.read_text(encoding="utf-8") for path in [*PAGES, *(CHECKOUT / "yt360").rglob("*.py")]]
    lists = [found for text in texts for found in re.findall(r"(?:yt360[^\s'\"\[]*|\"\.)\[([a-z0-9,]+)\]['\"]", text)]
    named = {extra for found in lists for extra in found.split(",")}
    assert {"train", "search"} <= named
    assert named - extras == set()
    install = (CHECKOUT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
    assert [extra for extra in sorted(extras) if f"`{extra}`" not in install] == []
