"""The player's layers, keys and words in a real browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.view.player_page import FPS, HEIGHT, PIXELS, RATE_HZ, READY, WIDTH, noise, runner, two_things
from yt360 import sphere
from yt360.media.energy_overlay import energy_overlay
from yt360.report.maps import panoptic_overlay

EVERY = 3
"""Of so many rows and columns of the screen, one is looked at."""

Screen = tuple[NDArray[np.uint8], tuple[int, int]]

LAYERS = READY + PIXELS + "await player.seek(given[1]);"


def _screen(player_browser: Any, layer: str, time_s: float, look: tuple[float, float]) -> Screen:
    """What the sphere shows of the recording "layers" with one layer on: some of its pixels, and its size."""
    width, height, data = runner(player_browser)(
        LAYERS
        + """
        player.setView({ az_deg: given[3][0], el_deg: given[3][1], fov_deg: 90 });
        await player.setLayers(given[2]);
        while (given[2].includes("maps") && !player.sphere.shownMap) {
          player.draw();
          await new Promise((done) => setTimeout(done, 20));
        }
        player.draw();
        const [data, every] = [read(), []];
        for (let row = bh - 1; row >= 0; row -= given[4]) {
          for (let column = 0; column < bw; column += given[4]) {
            every.push(...data.subarray(4 * (row * bw + column), 4 * (row * bw + column) + 3));
          }
        }
        return [bw, bh, every];""",
        "layers",
        time_s,
        [layer] if layer else [],
        look,
        EVERY,
    )
    pixels = np.array(data, np.uint8).reshape(-(-height // EVERY), -(-width // EVERY), 3)
    return pixels, (height, width)


def _expected(picture: NDArray[np.uint8], look: tuple[float, float], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The crop of an equirectangular drawing that the screen should show."""
    azimuth, elevation = np.radians(look)
    height, width = size
    fov = np.pi / 2
    view = sphere.View(azimuth, elevation, fov, 2 * np.arctan(height / width * np.tan(fov / 2)))
    return sphere.crop(picture, view, (height, width), "nearest")[::EVERY, ::EVERY]


@pytest.mark.parametrize(("time_s", "look"), [(0.5, (50.0, 10.0)), (1.2, (-120.0, -30.0)), (0.8, (180.0, 80.0))])
def test_the_energy_layer_is_the_drawing_of_inspect_and_report(
    player_browser: Any, time_s: float, look: tuple[float, float]
) -> None:
    plain, _ = _screen(player_browser, "", time_s, look)
    heat, size = _screen(player_browser, "energy", time_s, look)
    grey = np.full((HEIGHT, WIDTH, 3), int(np.median(plain)), np.uint8)
    start, end = (round((time_s + half) * RATE_HZ) for half in (-0.1, 0.1))
    wanted = _expected(energy_overlay(grey, noise(2, 50.0, 15.0)[:, start:end]), look, size)
    off = np.abs(heat.astype(int) - wanted)
    assert off.max() <= 8  # inspect draws a value for each pixel of the picture, the page for each of the screen
    assert off.mean() < 1
    if look[0] == 50.0:
        assert np.abs(heat.astype(int) - plain).max() > 60  # something was drawn


def test_the_map_layer_is_the_drawing_of_the_report(player_browser: Any) -> None:
    look = (120.0, 10.0)
    plain, _ = _screen(player_browser, "", 0.2, look)
    shown, size = _screen(player_browser, "maps", 0.2, look)
    grey = np.full((HEIGHT, WIDTH, 3), int(np.median(plain)), np.uint8)
    wanted = _expected(panoptic_overlay(grey, two_things("layers").read(0)), look, size)
    near = np.abs(shown.astype(int) - wanted).max(axis=2) <= 4
    assert near.mean() > 0.98  # but for pixels on the border of two segments
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) >= 3


def test_the_name_under_the_pointer_is_that_of_the_segment_and_inert(player_browser: Any) -> None:
    names = runner(player_browser)(
        LAYERS
        + """
        player.setView({ az_deg: 90, el_deg: 0, fov_deg: 90 });
        await player.setLayers(["maps"]);
        const { project, unitVector } = await import("./static/rotation.js");
        const box = player.stage.getBoundingClientRect();
        const names = [];
        for (const [az, el] of given[2]) {
          const [x, y] = project(player.look.rotation, 90, ...player.size, unitVector(az, el));
          const place = { clientX: box.left + x, clientY: box.top + y };
          for (let n = 0; n < 50; n++) {
            player.stage.dispatchEvent(new PointerEvent("pointermove", place));
            player.draw();
            await new Promise((done) => setTimeout(done, 10));
            if (!player.name.hidden) break;
          }
          names.push(player.name.hidden ? null : player.name.textContent);
        }
        return [names, player.stage.querySelectorAll("b").length,
                [...player.legend.element.querySelectorAll("li")].map((each) => each.textContent)];""",
        "layers",
        0.1,
        [(100.0, 18.0), (100.0, -20.0), (60.0, 25.0)],
    )
    assert names == [["<b>drum</b>", "ground", None], 0, ["ground", "<b>drum</b>"]]


def test_directions_and_views_are_drawn_where_they_are(player_browser: Any) -> None:
    """The ring's top lies 7.5° above the source, a view's upper edge on its outline; nothing when switched off."""
    found = runner(player_browser)(
        LAYERS
        + """
        player.setView({ az_deg: 30, el_deg: 10, fov_deg: 90 });
        const { project, unitVector } = await import("./static/rotation.js");
        const place = ([az, el]) => project(player.look.rotation, 90, ...player.size, unitVector(az, el));
        const places = given[2].map(place);
        const covered = (layers) => player.setLayers(layers).then(() => {
          player.draw();
          if (player.lines.hidden) return places.map(() => 0);
          const context = player.lines.getContext("2d");
          return places.map(([x, y]) => {
            const { data } = context.getImageData(Math.round(x) - 2, Math.round(y) - 2, 5, 5);
            return Math.max(...data.filter((_, n) => n % 4 === 3));
          });
        });
        return [await covered(["directions"]), await covered(["views"]), await covered([])];""",
        "layers",
        0.5,
        [(50.0, 22.5), (20.0, 35.0), (-10.0, 0.0)],
    )
    ring, views, off = (np.array(each) > 100 for each in found)
    assert ring.tolist() == [True, False, False]
    assert views.tolist() == [False, True, False]
    assert not off.any()


def test_views_show_only_while_their_sound_is_heard(player_browser: Any) -> None:
    shown = runner(player_browser)(
        LAYERS
        + """await player.setLayers(["views"]);
        const words = [];
        for (const t of given[2]) {
          await player.seek(t);
          player.draw();
          words.push([player.lines.hidden, player.legend.entries.views.now.textContent]);
        }
        return words;""",
        "layers",
        0.5,
        [0.1, 0.5, 1.2],
    )
    assert shown == [
        [False, "1 now, 0 of them with their picture"],
        [False, "1 now, 1 of them with their picture"],
        [True, "none at this moment"],
    ]


def test_keys_alone_are_enough(player_browser: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    run = runner(player_browser)
    run(READY, "layers")
    player_browser.execute_script("player.stage.focus()")
    stage = player_browser.switch_to.active_element
    stage.send_keys(Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_UP, "+", "1", "3", "h", ".", ".")
    state = run("await new Promise((done) => setTimeout(done, 500)); return player.state();")
    assert (state["view"]["az_deg"], state["view"]["el_deg"]) == (5, 10)
    assert state["view"]["fov_deg"] == pytest.approx(90 / 1.1)
    assert state["layers"] == ["energy", "maps"]
    assert state["listening"] == "beam"
    assert state["time_s"] == pytest.approx(2 / FPS)
    run("player.playback.loop = true;")  # it must not end before the pause on a busy machine
    stage.send_keys(" ")
    assert run("await new Promise((done) => setTimeout(done, 800)); return player.state().playing;")
    stage.send_keys(" ", Keys.HOME)
    state = run("player.playback.loop = false; return player.state();")
    assert not state["playing"]
    assert state["time_s"] != pytest.approx(2 / FPS)
    assert state["view"] == {"az_deg": 0, "el_deg": 0, "fov_deg": 90, "roll_deg": 0}


def test_dragging_keeps_what_is_touched_under_the_finger(player_browser: Any) -> None:
    from selenium.webdriver import ActionChains

    run = runner(player_browser)
    run(READY + "player.setView({ az_deg: 0, el_deg: 0, fov_deg: 60 });", "layers")
    stage = player_browser.find_element("css selector", ".player-stage")
    ActionChains(player_browser).drag_and_drop_by_offset(stage, 100, 50).perform()
    view = run("return player.state().view;")
    width = run("return player.size[0];")
    assert view["az_deg"] == pytest.approx(100 * 60 / width, abs=0.2)  # to the right: more of the left
    assert view["el_deg"] == pytest.approx(50 * 60 / width, abs=0.2)


def test_what_cannot_be_shown_is_said(player_browser: Any) -> None:
    script = "await player.load(`clips/${given[0]}`); return [player.state().error, player.message.hidden];"
    for name, words in (("nowhere", "clip.json: the server answers 404"), ("broken", "JSON")):
        error, hidden = runner(player_browser)(script, name)
        assert error.startswith("This recording cannot be shown:")
        assert words in error
        assert not hidden
    assert runner(player_browser)(READY + "return player.message.hidden;", "layers")


def test_the_page_broke_no_rule_of_its_policy(player_browser: Any) -> None:
    """Runs last: the log holds what the tests before it did."""
    said = [
        entry["message"] for entry in player_browser.get_log("browser") if "Content Security Policy" in entry["message"]
    ]
    assert said == []
