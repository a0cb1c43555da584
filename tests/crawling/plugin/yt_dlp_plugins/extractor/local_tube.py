"""A yt-dlp plugin that answers for YouTube from the local server of the tests (address in ``YT360_TEST_TUBE``).

yt-dlp ships no types: its classes, and how they take plugins, are not known to mypy.
"""

import os
import urllib.parse
from collections.abc import Iterator
from typing import Any

from yt_dlp.extractor.youtube import YoutubeIE, YoutubePlaylistIE, YoutubeSearchIE, YoutubeSearchURLIE, YoutubeTabIE
from yt_dlp.utils import ExtractorError


def _server() -> str:
    return os.environ["YT360_TEST_TUBE"]


class _LocalYoutubeIE(YoutubeIE, plugin_name="local-tube"):  # type: ignore[call-arg, misc]
    def _real_extract(self, url: str) -> Any:
        video_id = self._match_id(url)
        client = self._configuration_arg("player_client", ["default"])[0]
        info = self._download_json(f"{_server()}/info/{video_id}?client={client}", video_id)
        info = info.get("by_client", {}).get(client, info)
        for text in info.pop("debug", ()):
            self.write_debug(text)
        for text in info.pop("warnings", ()):
            self.report_warning(text)
        if "error" in info:
            raise ExtractorError(info["error"], expected=True, video_id=video_id)
        for one in info["formats"]:
            if one["url"].startswith("/"):
                one["url"] = _server() + one["url"]
        return {"id": video_id, **info}


def _listed(extractor: Any, url: str) -> Any:
    found = extractor._download_json(f"{_server()}/list?{urllib.parse.urlencode({'url': url})}", "list")
    if "error" in found:
        raise ExtractorError(found["error"], expected=True)

    def entries() -> Iterator[Any]:
        for one in found["entries"]:
            if "tab" in one:
                yield extractor.url_result(one["tab"], "YoutubeTab")
            else:
                page = f"https://www.youtube.com/watch?v={one['id']}"
                yield extractor.url_result(page, "Youtube", one["id"], one.get("title"))

    return extractor.playlist_result(entries(), "list", found.get("title"))


class _LocalTabIE(YoutubeTabIE, plugin_name="local-tube"):  # type: ignore[call-arg, misc]
    def _real_extract(self, url: str) -> Any:
        return _listed(self, url)


class _LocalPlaylistIE(YoutubePlaylistIE, plugin_name="local-tube"):  # type: ignore[call-arg, misc]
    def _real_extract(self, url: str) -> Any:
        return _listed(self, url)


class _LocalSearchIE(YoutubeSearchIE, plugin_name="local-tube"):  # type: ignore[call-arg, misc]
    def _real_extract(self, query: str) -> Any:
        return _listed(self, query)


class _LocalSearchURLIE(YoutubeSearchURLIE, plugin_name="local-tube"):  # type: ignore[call-arg, misc]
    def _real_extract(self, url: str) -> Any:
        return _listed(self, url)
