"""Takes the pictures of the documentation: `python -m tests.view.take_pictures ROOT [docs/pictures]`.

ROOT is a finished root with clips, best of a procedural world (`make demo` makes one): its pictures may be published.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.view.conftest import Serving, start_browser
from tests.view.pages import Page, until
from yt360.engine.storage import Root

_SIZE = (1280, 860)
_AT_S = 2.0


def main(location: str, folder: Path) -> None:
    """Write `view.jpg` and `view-thresholds.jpg`."""
    with tempfile.TemporaryDirectory() as scratch:
        serving, browser = Serving(Path(scratch)), start_browser()
        try:
            served = serving(Root(location))
            clip = served.viewed.clip_ids()[0]
            heard = json.loads(served.viewed.payload(clip).read("directions.json").data)
            moment = round(_AT_S * heard["rate_hz"])  # look to where the sound comes from, a little beside it
            az_deg, el_deg = heard["azimuth_deg"][moment] - 15, heard["elevation_deg"][moment] / 2
            az_deg = (az_deg + 180) % 360 - 180
            place = f"#clip={clip}&t={_AT_S}&az={az_deg:.0f}&el={el_deg:.0f}&fov=110&layers=energy,directions"
            page = Page(browser).open(served.address + place, *_SIZE)
            until(lambda: page.js("return !document.querySelector('.give').disabled"), "an open video")
            until(lambda: page.texts(".step"), "its steps")
            time.sleep(5)  # the layers are drawn
            _save(browser, folder / "view.jpg")
            page.js("document.querySelector('[data-tab=thresholds]').click()")
            time.sleep(1)
            _save(browser, folder / "view-thresholds.jpg")
        finally:
            browser.quit()
            serving.close()


def _save(browser: Any, path: Path) -> None:
    picture = cv2.imdecode(np.frombuffer(browser.get_screenshot_as_png(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    good, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 82])
    assert good
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "docs/pictures"))
