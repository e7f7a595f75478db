"""The viewer's server: on loopback, for reading only, and for nobody but the pages it serves.

What it serves was written by websites and models. Three things keep that harmless: every value is escaped by the templates, a
content security policy lets no script run but the viewer's own, and requests that a foreign page could cause (by a name that
it had resolve to 127.0.0.1) are refused by their Host header.
"""

import socket
import threading
from collections.abc import Callable
from importlib import resources

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.viewer.episode import whole_page
from symbiotic_gym.viewer.filters import Filter
from symbiotic_gym.viewer.index import Row, episode_of
from symbiotic_gym.viewer.links import ServerLinks
from symbiotic_gym.viewer.pages import Pages
from symbiotic_gym.viewer.runs import Log, Runs

__all__ = ["STATIC_TYPES", "ViewerServer"]

READ_S = 0.5
"""A page waits so long for what was appended; of a large run it shows what has been read, says so, and comes back for more."""

STATIC_TYPES = {"viewer.css": "text/css", "viewer.js": "text/javascript", "icon.svg": "image/svg+xml"}
_STOP_DEADLINE_S = 20.0
_LINKS = ServerLinks()
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


class ViewerServer:
    """Serves the pages of some runs on 127.0.0.1, in a thread of its own.

    Args:
        runs: what to show.
        port: 0 takes a free one.

    Attributes:
        port: where on 127.0.0.1.

    Raises:
        ConfigError: the port cannot be used.
    """

    def __init__(self, runs: Runs, port: int = 0) -> None:
        self._runs = runs
        self._pages = Pages(runs)
        # asyncio switches Nagle's algorithm off only where a socket says it is TCP; with it, every answer waits 40 ms
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise ConfigError(
                explain(
                    f"port {port} cannot be used: {error}",
                    "a port that is free on 127.0.0.1",
                    "the pages are served there",
                    "name another one with --port, or 0 for any that is free",
                )
            ) from error
        self._socket.listen(64)
        self.port = int(self._socket.getsockname()[1])
        self._hosts = {f"{name}:{self.port}" for name in ("127.0.0.1", "localhost")}
        self._app = Starlette(routes=self._routes(), exception_handlers={404: self._missing, 405: self._missing})
        config = uvicorn.Config(self, log_config=None, access_log=False, lifespan="off", ws="none", http="h11")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="viewer-server", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(_STOP_DEADLINE_S)
        self._socket.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: refuse what was not asked for by this server's own name."""
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if host not in self._hosts:
            await PlainTextResponse("The viewer answers to 127.0.0.1 only.", 421, _HEADERS)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _routes(self) -> list[Route]:
        episode = "/logs/{log}/episodes/{number:int}"
        table: list[tuple[str, Callable[[Request], Response]]] = [
            ("/", self._overview),
            ("/grid", self._grid),
            ("/version", self._version),
            ("/static/{name}", _static),
            ("/logs/{log}", self._episodes),
            ("/logs/{log}/blobs/{name}", self._blob),
            (episode, self._episode),
            (f"{episode}/episode.json", self._data),
            (f"{episode}/steps/{{step:int}}/page.txt", self._page_text),
        ]
        return [Route(path, handler, methods=["GET"]) for path, handler in table]

    # --- pages ---

    def _overview(self, request: Request) -> Response:
        self._runs.refresh(READ_S)
        return _html(self._pages.overview(_LINKS))

    def _version(self, request: Request) -> Response:
        self._runs.refresh(READ_S)
        return PlainTextResponse(self._runs.version(), headers=_HEADERS)

    def _grid(self, request: Request) -> Response:
        self._runs.refresh(READ_S)
        chosen = request.query_params.getlist("log")
        logs = [log for log in self._runs.logs if not chosen or log.id in chosen]
        return _html(self._pages.grid(_LINKS, logs, _whole(request, "tasks", 0), _whole(request, "seeds", 0)))

    def _episodes(self, request: Request) -> Response:
        self._runs.refresh(READ_S)
        log = self._log(request)
        if log is None:
            return self._not_found("There is no such log of episodes.")
        page = max(1, _whole(request, "page", 1))
        return _html(self._pages.episodes(_LINKS, log, Filter.of(request.query_params), page))

    def _episode(self, request: Request) -> Response:
        log, row = self._log_and_row(request)
        if log is None or row is None:
            return self._not_found(_why_not(log, request.path_params["number"]))
        try:
            page = self._pages.episode(_LINKS, log, row, Filter.of(request.query_params), max(1, _whole(request, "part", 1)))
        except (OSError, ValueError) as error:
            return self._changed(error)
        return _html(page)

    # --- parts of pages ---

    def _data(self, request: Request) -> Response:
        log, row = self._log_and_row(request)
        if log is None or row is None:
            return self._not_found(_why_not(log, request.path_params["number"]))
        name = f"{log.id}-{row.number}.json"
        headers = _HEADERS | {"content-disposition": f'attachment; filename="{name}"'}
        try:
            return Response(log.index.line(row), media_type="application/json", headers=headers)
        except OSError as error:
            return self._changed(error)

    def _page_text(self, request: Request) -> Response:
        log, row = self._log_and_row(request)
        try:
            text = (
                None if log is None or row is None else whole_page(episode_of(log.index.line(row)), request.path_params["step"])
            )
        except (OSError, ValueError) as error:
            return self._changed(error)
        if text is None:
            return self._not_found("There is no such step.")
        return Response(text.encode("utf-8", "replace"), media_type="text/plain; charset=utf-8", headers=_HEADERS)

    def _blob(self, request: Request) -> Response:
        log = self._log(request)
        path = log.blob(request.path_params["name"]) if log else None
        if path is None:
            return self._not_found("There is no such picture.")
        headers = _HEADERS | {"cache-control": "private, max-age=31536000, immutable"}  # its name is its content's digest
        return Response(path.read_bytes(), media_type=f"image/{path.suffix[1:]}", headers=headers)

    def _log(self, request: Request) -> Log | None:
        return self._runs.log(request.path_params["log"])

    def _log_and_row(self, request: Request) -> tuple[Log | None, Row | None]:
        log = self._log(request)
        row = log.index.row(request.path_params["number"]) if log else None
        if log is None or row is None:
            self._runs.refresh()  # a deep link waits until the episode has been read
            log = self._log(request)
            row = log.index.row(request.path_params["number"]) if log else None
        return log, row

    def _not_found(self, text: str) -> Response:
        return _html(self._pages.message(_LINKS, "Not here", text), 404)

    def _changed(self, error: Exception) -> Response:
        return self._not_found(f"The log changed since it was read: {error}")

    async def _missing(self, request: Request, error: Exception) -> Response:
        return self._not_found("There is no such page.")


def _why_not(log: Log | None, number: int) -> str:
    if log is None:
        return "There is no such log of episodes."
    damage = next((damage for damage in log.index.damages if damage.number == number), None)
    return f"Line {number + 1} of the log holds no episode: {damage.problem}" if damage else "There is no such episode."


def _html(page: str, status: int = 200) -> Response:
    return HTMLResponse(page.encode("utf-8", "replace"), status, _HEADERS)


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC_TYPES:
        return PlainTextResponse("There is no such file.", 404, _HEADERS)
    content = resources.files(__package__).joinpath("static", name).read_bytes()
    return Response(content, media_type=STATIC_TYPES[name], headers=_HEADERS)
