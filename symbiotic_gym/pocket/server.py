"""All sites behind one loopback port: an ASGI app that tells them apart by host name, in a thread of its own.

One server has one world at a time, and each environment has a server of its own, so nothing is shared between environments.
"""

import re
import socket
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from symbiotic_gym.errors import SiteError, explain
from symbiotic_gym.pocket import accounts
from symbiotic_gym.pocket.apps import load_site, site_names
from symbiotic_gym.pocket.pages import THEMES
from symbiotic_gym.pocket.template import Effect
from symbiotic_gym.pocket.web import Context, Route, SiteApp, new_session
from symbiotic_gym.pocket.world import Snapshot, World, snapshot

__all__ = ["PocketServer"]

START_DEADLINE_S = 20.0
_STATIC_S = 600
"""Seconds for which a browser need not ask for a style sheet or script again."""
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class PocketServer:
    """The sites, served on loopback.

    Args:
        port: 0 takes a free one.
        local_names: answer to `shop.localhost` as well as to `shop.pocket`, and have links to `.pocket` lead there.

    Attributes:
        port: where on 127.0.0.1.
        lock: held while a page is made; hold it to look at or change the world from outside.
        db: the world's database as it is now.
    """

    def __init__(self, port: int = 0, *, local_names: bool = False) -> None:
        self.lock = threading.RLock()
        self.theme = THEMES[0]
        self.db: sqlite3.Connection = snapshot(0).restore()
        self._apps: dict[str, ASGIApp] = {}
        for name in site_names():
            site = load_site(name)
            self._apps[site.host] = self._site(site)
            if local_names:
                self._apps[f"{name}.localhost"] = self._apps[site.host]
        # asyncio switches Nagle's algorithm off only where a socket says it is TCP; with it, every answer waits 40 ms
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise SiteError(
                explain(
                    f"port {port} cannot be used: {error.strerror}",
                    "a port that is free on 127.0.0.1",
                    "the sites are served there",
                    "name another one, or 0 for any that is free",
                )
            ) from error
        self._socket.listen(64)
        self.port = int(self._socket.getsockname()[1])
        self._local_names = local_names
        config = uvicorn.Config(self, log_config=None, access_log=False, lifespan="off", ws="none", http="h11")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="pocket-server", daemon=True
        )
        self._thread.start()

    def hosts(self) -> dict[str, str]:
        """Host names as they stand in addresses -> where they are served."""
        return {host: f"127.0.0.1:{self.port}" for host in self._apps if host.endswith(".pocket")}

    def restore(self, world: Snapshot, theme: str, before: Effect = ()) -> None:
        """Begin anew with a copy of that world, changed by some statements."""
        with self.lock:
            self.db.close()
            self.db = world.restore()
            for statement, values in before:
                self.db.execute(statement, tuple(values))
            self.theme = theme

    def enterable(self, person_id: int) -> list[str]:
        """The sites on which this person may sign in."""
        with self.lock:
            return [name for name in site_names() if load_site(name).may_enter(World(self.db), person_id)]

    def session(self, site: str, person_id: int) -> str:
        """Sign a person in at a site and return the cookie's value."""
        with self.lock:
            return new_session(self.db, site, person_id)

    def close(self) -> None:
        """Stop serving.

        Raises:
            SiteError: the server does not stop.
        """
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(START_DEADLINE_S)
        self._socket.close()
        if self._thread.is_alive():
            raise SiteError(
                explain(
                    f"the sites' server did not stop within {START_DEADLINE_S:g} s",
                    "a server that ends when its environment does",
                    "its thread and port stay taken",
                    "end the process; please report how you got here",
                )
            )
        with self.lock:
            self.db.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: hand the request to the site whose host name it names."""
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "").partition(":")[0]
        app = self._apps.get(host)
        if app is None:
            await Response("There is no such site.", status_code=404)(scope, receive, send)
            return
        await app(scope, receive, send)

    def _site(self, site: SiteApp) -> ASGIApp:
        routes = [*site.routes, *accounts.routes(site)]
        table = [StarletteRoute("/static/{name}", _static, methods=["GET"])]
        table += [StarletteRoute(r.path, self._endpoint(site, r), methods=list(r.methods)) for r in routes]
        missing = Route("/", ("GET",), Context.not_found, login=False)
        return Starlette(routes=table, exception_handlers={404: self._missing(self._endpoint(site, missing))})

    def _with_local_names(self, response: Response) -> Response:
        body = re.sub(rb"http://(\w+)\.pocket/", rb"http://\1.localhost:%d/" % self.port, bytes(response.body))
        return Response(body, response.status_code, {k: v for k, v in response.headers.items() if k != "content-length"})

    def _missing(self, endpoint: Callable[[Request], Awaitable[Response]]) -> Any:
        async def handle(request: Request, error: Exception) -> Response:
            return await endpoint(request)

        return handle

    def _endpoint(self, site: SiteApp, route: Route) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            with self.lock:
                return self._answer(request, site, route, body)

        return endpoint

    def _answer(self, request: Request, site: SiteApp, route: Route, body: bytes) -> Response:
        self.db.execute("BEGIN")
        try:
            context = Context(request, self.db, site, self.theme, body, request.path_params)
            if route.login and context.user is None:
                wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                response: Response = RedirectResponse(f"/login?{urlencode({'next': wanted})}", status_code=303)
            else:
                response = route.handler(context)
            if request.method == "POST" and response.status_code < 400 and not context.errors:
                context.tick()
            response.headers.update(context.headers)
            response.headers["cache-control"] = "no-store"
            if self._local_names:
                response = self._with_local_names(response)
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        return response


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    found = _static_file(name)
    if found is None:
        return Response("There is no such file.", status_code=404)
    # the same in every world, so that a browser may keep them; an episode's ends with its context
    return Response(found, media_type=_TYPES[name.rpartition(".")[2]], headers={"cache-control": f"max-age={_STATIC_S}"})


@cache
def _static_file(name: str) -> bytes | None:
    file = resources.files(__package__).joinpath("static", name)
    return file.read_bytes() if name.rpartition(".")[2] in _TYPES and file.is_file() else None
