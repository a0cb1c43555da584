"""The server of `yt360 view`: its routes, and how it listens."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from yt360.errors import ItemError, UsageError, Yt360Error
from yt360.files import parse_json
from yt360.filters.evaluation.agreement import Agreement, agreements
from yt360.filters.evaluation.label_table import LabelTable, checked, merged, read_label_table, write_label
from yt360.view.access import Guard, own_names
from yt360.view.answers import bytes_answer, json_answer, on_error
from yt360.view.clip_payload import ABOUT, Member
from yt360.view.redeciding import redecided
from yt360.view.source_segments import SegmentFiles, SourceSegment, source_video
from yt360.view.video_facts import video_facts
from yt360.view.viewed_root import ViewedRoot

STATIC = Path(__file__).with_name("static")
HRIRS = Path(__file__).with_name("hrirs")
_LARGEST_POST = 1 << 16
_LATEST_S = 1e7
_PIECES = "segments"


@dataclass(frozen=True)
class LabelFiles:
    """``own`` is written, ``others`` are read beside it; ``person`` is who labels here."""

    own: Path
    person: str
    others: Sequence[Path] = ()

    def table(self) -> LabelTable:
        return merged(read_label_table(path) for path in (self.own, *self.others))


class _Page(StaticFiles):
    """Static files that a browser asks for again each time: a newer yt360 has newer ones."""

    def file_response(self, *arguments: Any, **named: Any) -> Response:
        response = super().file_response(*arguments, **named)
        response.headers.setdefault("cache-control", "no-cache")
        return response


class Routes:
    """The answers to every address; see :func:`app_of`.

    ``scratch`` is an empty folder of this process, for pieces of whole videos and what is fetched of a store.
    """

    def __init__(self, viewed: ViewedRoot, labels: LabelFiles, scratch: Path) -> None:
        self._viewed, self._labels, self._scratch = viewed, labels, scratch
        self._pieces = SegmentFiles(scratch / _PIECES)
        self._reading = threading.Lock()

    def forget(self, videos: Set[str]) -> None:
        """Delete what was made of some videos, and what was fetched of a store; what else there is is read anew."""
        self._pieces.forget(videos)
        self._viewed.read_anew()
        for fetched in self._scratch.iterdir():
            if fetched != self._scratch / _PIECES:
                shutil.rmtree(fetched, ignore_errors=True)

    def page(self, request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    def dataset(self, request: Request) -> Response:
        return json_answer({**parse_json(self._viewed.dataset()), "person": self._labels.person})

    def videos(self, request: Request) -> Response:
        return Response(self._viewed.videos(), media_type="application/json")

    def video(self, request: Request) -> Response:
        name = request.path_params["video"]
        with self._viewed.catalog() as catalog:
            try:
                source, problem = source_video(catalog, name, self._scratch), ""
            except ItemError as error:
                source, problem = None, str(error)
            facts = video_facts(catalog, name, source, problem)
        held = self._viewed.held_clips()
        facts["clips"] = [{**clip, "in_shard": clip["id"] in held} for clip in facts["clips"]]
        return json_answer(facts)

    def clip(self, request: Request) -> Response:
        payload = self._viewed.payload(request.path_params["clip"])
        return self._member(request, payload.read, request.path_params.get("name", ABOUT))

    def segment(self, request: Request) -> Response:
        name = request.path_params["video"]
        with self._viewed.catalog() as catalog:
            source = source_video(catalog, name, self._scratch)
        if source is None:
            raise UsageError(f"{name}: this video cannot be played: there is no picture that could be read")
        try:
            piece = SourceSegment(source, request.path_params["number"])
            path, content_type = self._pieces.get(piece, request.path_params.get("name", ABOUT))
        except KeyError:
            return json_answer({"error": "no such part of this video", "kind": "missing"}, 404)
        return FileResponse(path, media_type=content_type)

    def _member(self, request: Request, read: Callable[[str], Member], name: str) -> Response:
        try:
            with self._reading:  # readers of shards are not shared by threads
                member = read(name)
        except KeyError:
            return json_answer({"error": f"{name}: this clip has no such part", "kind": "missing"}, 404)
        return bytes_answer(request, member.data, member.content_type)

    def redecide(self, request: Request) -> Response:
        asked = {name: value for name, value in request.query_params.items() if name != "token"}
        stage = asked.pop("stage", "")
        if not stage or not asked:
            raise UsageError("redecide: expected ?stage=STAGE&THRESHOLD=VALUE")
        return json_answer(redecided(self._viewed, stage, asked))

    def labels(self, request: Request) -> Response:
        return json_answer(_told(self._labels.table()))

    async def label(self, request: Request) -> Response:
        value = await _posted(request)
        seconds = value.get("seconds")
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if seconds is not None and not (is_number and abs(seconds) < _LATEST_S):
            raise UsageError("a label's seconds: expected a number of seconds into the video")
        texts = {name: value.get(name, "") for name in ("video", "label", "note")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise UsageError("a label: expected text for video, label and note")
        label = checked(person=self._labels.person, seconds=seconds, **texts)
        await run_in_threadpool(self._known, label.video)
        await run_in_threadpool(write_label, self._labels.own, label)
        return json_answer(_told(await run_in_threadpool(self._labels.table)))

    def _known(self, video: str) -> None:
        with self._viewed.catalog() as catalog:
            if video not in catalog.records(next(iter(catalog.stages))):
                raise UsageError(f"{video}: no video of this dataset")


async def _posted(request: Request) -> Mapping[str, Any]:
    """A JSON object out of a request's body."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UsageError("expected JSON (content-type: application/json)")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > _LARGEST_POST:
            raise UsageError(f"expected at most {_LARGEST_POST >> 10} kB")
    try:
        value = parse_json(data)
    except ValueError as error:
        raise UsageError(f"expected JSON, found: {error}") from error
    if not isinstance(value, dict):
        raise UsageError("expected a JSON object")
    return value


def _told(table: LabelTable) -> dict[str, Any]:
    """Labels and how far people agree, as JSON values."""
    rows = [{name: getattr(each, name) for name in ("video", "label", "person", "seconds", "when", "note")}
            for each in table]  # fmt: skip
    return {"labels": rows, "agreement": [_agreement(each) for each in agreements(table)]}


def _agreement(each: Agreement) -> dict[str, Any]:
    return {
        "first": each.first,
        "second": each.second,
        "videos": each.videos,
        "observed": each.observed,
        "kappa": each.kappa,
        "interval": list(each.interval) if each.interval else None,
        "disagreements": [list(each) for each in each.disagreements],
    }


def app_of(routes: Routes, token: str, host: str) -> Guard:
    """The whole application behind its guard. Handlers that read run in threads; one at a time reads the state."""
    app = Starlette(
        routes=[
            Route("/", routes.page),
            Mount("/static/hrirs", _Page(directory=HRIRS)),
            Mount("/static", _Page(directory=STATIC)),
            Route("/api/dataset", routes.dataset),
            Route("/api/videos", routes.videos),
            Route("/api/videos/{video}", routes.video),
            Route("/api/videos/{video}/segments/{number:int}", routes.segment),
            Route("/api/videos/{video}/segments/{number:int}/{name}", routes.segment),
            Route("/api/clips/{clip}", routes.clip),
            Route("/api/clips/{clip}/{name:path}", routes.clip),
            Route("/api/redecide", routes.redecide),
            Route("/api/labels", routes.labels, methods=["GET"]),
            Route("/api/labels", routes.label, methods=["POST"]),
        ],
        exception_handlers={Yt360Error: on_error},
    )
    return Guard(app, token, own_names(host))


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises :class:`UsageError` where that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except OSError as error:
        raise UsageError(
            f"--host {host} --port {port}: cannot listen there ({error}); --port 0 takes a free one"
        ) from error
    return found


def address_of(listening: socket.socket, token: str) -> str:
    """The address to open, with the token."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}/?token={token}"


def server_of(app: Guard) -> uvicorn.Server:
    """A server that answers by ``app``. The access log is off: addresses hold the token."""
    config = uvicorn.Config(
        app, log_config=None, log_level="warning", access_log=False, server_header=False, lifespan="off", ws="none"
    )
    return uvicorn.Server(config)


def serve(app: Guard, listening: socket.socket) -> None:
    """Answer requests until the process is told to stop."""
    server_of(app).run(sockets=[listening])
