"""The page in a real browser: ten thousand videos, hostile titles, labels, keys alone, names and contrast, widths."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.view.conftest import Served, Serving
from tests.view.many_videos import HOSTILE, many_videos
from tests.view.pages import Page, until
from yt360.engine.storage import Root
from yt360.filters.evaluation.label_table import Label, LabelTable
from yt360.filters.evaluation.labels import read_labels

COUNT = 120
DOWN, TAB, ENTER, ESCAPE, RIGHT = "\ue015", "\ue004", "\ue007", "\ue00c", "\ue014"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Root:
    return many_videos(tmp_path_factory.mktemp("many") / "market", COUNT)


@pytest.fixture(scope="module")
def other_labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another person's file: `ben` has labelled ten videos."""
    path = tmp_path_factory.mktemp("labels") / "ben.tsv"
    rows = [Label(f"video{number:05d}", "keep" if number % 2 else "still", "ben") for number in range(10)]
    path.write_text(LabelTable(rows).text(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def served(serve: Serving, root: Root, other_labels: Path, browser: Any) -> Served:
    return serve(root, others=(other_labels,))


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Page]:
    opened = Page(browser).open(served.address)
    yield opened
    assert [each for each in opened.errors() if "favicon" not in each] == []


def chosen(page: Page) -> str:
    return str(page.js("return document.querySelector('.row[aria-selected=true]')?.dataset.id ?? ''"))


def test_all_videos_are_listed_those_closest_to_their_threshold_first(page: Page) -> None:
    assert page.text(".found") == f"{COUNT} videos"
    assert page.text("h1") == "market"
    assert {text.split(" ", 1)[1] for text in page.texts(".counts button")} >= {"filtered", "failed"}
    margins = [abs(float(text.replace("−", "-"))) for text in page.texts(".row .margin")[:12]]
    assert margins == sorted(margins)
    assert margins[0] < 0.05


def test_the_token_is_not_left_in_the_address(page: Page) -> None:
    assert "token" not in page.driver.current_url


def test_of_ten_thousand_videos_the_page_holds_the_rows_in_sight(
    browser: Any, serve: Serving, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(root)
    viewed = served.viewed
    table = json.loads(viewed.videos())
    times = 10_000 // COUNT + 1

    def longer(values: Any) -> Any:
        if isinstance(values, dict):
            return {name: inner if name == "words" else longer(inner) for name, inner in values.items()}
        return (values * times)[:10_000]

    columns = longer(table["columns"])
    columns["id"] = [f"{name}-{number}" for number, name in enumerate(columns["id"])]
    told = json.dumps({**table, "count": 10_000, "columns": columns}).encode()
    monkeypatch.setattr(viewed, "videos", lambda: told)
    page = Page(browser).open(served.address)  # how soon: test_size, which is slow
    assert page.text(".found") == "10,000 videos"
    assert len(page.texts(".row")) < 60
    page.js("const box = document.querySelector('.rows'); box.focus(); box.scrollTop = box.scrollHeight")
    until(lambda: page.js("return document.querySelector('.row[aria-posinset=\"10000\"]') !== null"), "the last row")


def test_markup_in_a_title_is_text(page: Page) -> None:
    page.js("const s = document.querySelector('#search'); s.value = 'onerror'; s.dispatchEvent(new Event('input'))")
    until(lambda: page.text(".found").startswith("2 of"), "two hostile titles")
    assert page.text(".row .name") == HOSTILE
    page.js("document.querySelector('.row').click()")
    until(lambda: "window.hurt" in page.text(".detail h2"), "the title of the video")
    page.press("v")
    until(lambda: page.text(".row .label"), "a label")
    page.js("document.querySelector('[data-tab=labels]').click()")
    assert page.js("return window.hurt === undefined && !document.querySelector('main img, main script')")


def test_labels_by_key_go_into_a_file_that_evaluate_reads_and_come_back(
    page: Page, browser: Any, served: Served
) -> None:
    page.js("document.querySelector('.row[data-id]').click()")
    until(lambda: page.js("return !document.querySelector('.give').disabled"), "an open video")
    video = chosen(page)
    page.press("v")
    until(lambda: page.js("return document.querySelector('[data-word=voice-over]').ariaPressed === 'true'"), "pressed")
    assert read_labels(served.labels).wanted[video] == "post-production"
    page.press("s")
    until(lambda: read_labels(served.labels).wanted[video] == "stills", "another label instead")
    page.press("n", "a narrator at 0:03\ttwice", ENTER)
    until(lambda: "narrator" in served.labels.read_text(encoding="utf-8"), "the note")
    again = Page(browser).open(served.address)
    until(lambda: again.js(f"return document.querySelector('[data-id={video}] .label').textContent") == "still", "kept")
    again.js(f"document.querySelector('[data-id={video}]').click()")
    until(lambda: again.js("return document.querySelector('#note').value.startsWith('a narrator')"), "the note again")
    again.press("s")
    until(
        lambda: again.js(f"return document.querySelector('[data-id={video}] .label').textContent") == "", "taken away"
    )


def test_two_people_see_how_far_they_agree(page: Page, served: Served) -> None:
    served.labels.write_text("")
    for number in (1, 2, 3):
        page.js(f"location.hash = '#video=video{number:05d}'")
        until(lambda: page.text(".detail .about").find(f"video{number:05d}") >= 0, "the video")  # noqa: B023
        page.press("k")
        until(lambda: f"video{number:05d}\tkeep" in served.labels.read_text(encoding="utf-8"), "its label")  # noqa: B023
    page.js("location.hash = '#video=video00002'")
    until(lambda: page.text(".others") == "ben: still", "what ben says of it")
    page.js("document.querySelector('[data-tab=labels]').click()")
    words = until(lambda: page.text(".agreement"), "agreement")
    assert "Cohen’s κ" in words
    assert "67 % of 3 videos" in words
    assert page.texts(".disagreements li")


def test_an_address_is_followed_though_the_page_writes_where_it_plays(page: Page) -> None:
    page.js("location.hash = '#video=video00003'")
    until(lambda: "video00003" in page.text(".detail .about"), "the video")
    told = until(lambda: "video00003" in (hash := page.js("return location.hash")) and hash, "where it is")
    page.js(f"location.hash = '#video=video00002'; history.replaceState(null, '', '{told}')")
    until(lambda: "video00002" in page.text(".detail .about"), "the video that was asked for")


def test_the_way_back_is_followed_before_the_page_wrote_where_it_is(page: Page) -> None:
    page.js("location.hash = '#video=video00002'")
    until(lambda: "video00002" in page.text(".detail .about"), "the first video")
    time.sleep(0.6)  # the page has written where it is
    page.js(
        "window.quiet = window.setTimeout; window.setTimeout = (run, ms) => (ms === 250 ? 0 : window.quiet(run, ms))"
    )
    page.js("location.hash = '#video=video00003'")
    until(lambda: "video00003" in page.text(".detail .about"), "the second video")
    page.js("location.hash = '#video=video00002'")
    until(lambda: "video00002" in page.text(".detail .about"), "the first video again")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.press("/", "square 4")
    until(lambda: "of" in page.text(".found"), "found by typing")
    for _ in range(12):
        page.press(TAB)
        if page.focused() == "Videos":
            break
    assert page.focused() == "Videos"
    page.press(DOWN)
    first = until(lambda: chosen(page), "the first row")
    page.press("]")
    second = until(lambda: chosen(page) != first and chosen(page), "the next row")
    until(lambda: second in page.text(".detail .about") or page.text(".detail h2") == second, "it is opened")
    page.press("d")
    until(lambda: page.js("return document.querySelector('[data-word=duplicate]').ariaPressed === 'true'"), "labelled")
    page.press("d")
    page.press("?")
    until(lambda: page.js("return document.querySelector('dialog').open"), "the keys")
    page.press(ESCAPE)
    assert page.js("return !document.querySelector('dialog').open")
    seen = set()
    for _ in range(60):
        page.press(TAB)
        seen.add(page.focused())
    assert {"thresholds", "labels", "keepk", "Search title or id"} <= seen


def test_dragging_a_threshold_says_what_a_run_would_do(page: Page) -> None:
    page.js("document.querySelector('[data-tab=thresholds]').click()")
    card = "[...document.querySelectorAll('.score')].find((e) => e.textContent.startsWith('added to W'))"
    page.js(f"const s = {card}.querySelector('input'); s.focus(); s.value = 0.3; s.dispatchEvent(new Event('input'))")
    assert "more beyond it, 0 videos fewer" in page.js(f"return {card}.querySelector('.effect').textContent")
    words = until(lambda: "A run would keep" in (said := page.js(f"return {card}.textContent")) and said, "the answer")
    assert "voiceover.thresholds.omni=0.3" in words
    page.press(RIGHT)
    until(lambda: "omni=0.301" in page.js(f"return {card}.textContent"), "the answer to one step of a key")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 400])
def test_names_and_contrast(browser: Any, served: Served, width: int, scheme: str) -> None:
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    page = Page(browser).open(served.address, width)
    found = page.violations()
    page.js("document.querySelector('.filters details').open = true; document.querySelectorAll('.row')[3].click()")
    until(lambda: page.texts(".step"), "an open video")
    found += page.violations()
    for tab in ("thresholds", "labels"):
        page.js(f"document.querySelector('[data-tab={tab}]').click()")
        found += page.violations()
    assert found == []
    page.js("document.querySelector('main').append(document.createElement('img'))")
    assert any("image-alt" in each for each in page.violations())  # it does look


@pytest.mark.parametrize("width", [1400, 400])
def test_nothing_is_cut_off(browser: Any, served: Served, width: int) -> None:
    page = Page(browser).open(served.address, width)
    assert page.js("return document.documentElement.scrollWidth") == width
    page.js("document.querySelector('.row').click()")
    until(lambda: page.texts(".step"), "an open video")
    assert page.js("return document.documentElement.scrollWidth") == width
    assert page.js("return document.querySelector('.side').offsetParent !== null") == (width == 1400)
    if width == 400:
        page.js("document.querySelector('.back').click()")
        assert page.js("return document.querySelector('.side').offsetParent !== null")
    for tab in ("thresholds", "labels"):
        page.js(f"document.querySelector('[data-tab={tab}]').click()")
        assert page.js("return document.documentElement.scrollWidth") == width


def test_an_address_opens_a_dropped_video(browser: Any, served: Served) -> None:
    page = Page(browser).open(f"{served.address}#video=video00003")
    until(lambda: "video00003" in page.text(".detail .about"), "the video")
    assert page.text(".detail .state") == "filtered"
    assert "voice" in page.text(".steps")
    assert chosen(page) == "video00003"
