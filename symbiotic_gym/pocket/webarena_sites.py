"""The sites as a WebArena: one port each, with the sign-in pages, accounts and reset address that its tools expect.

BrowserGym signs in by the labels and paths of the real sites, so here ours answer to these too; whoever signs in with
WebArena's accounts is the person at the keyboard. Its wiki and map have no accounts, so there one is signed in from the first
page on. Ports of one host share their cookies: every site's has a name of its own. The world is the one of the `PocketServer`.
"""

import re
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from symbiotic_gym.errors import SiteError, explain
from symbiotic_gym.pocket.export import KEYS
from symbiotic_gym.pocket.server import START_DEADLINE_S, PocketServer
from symbiotic_gym.pocket.web import COOKIE
from symbiotic_gym.pocket.world import World

__all__ = ["ACCOUNTS", "WebArenaSites"]

ACCOUNTS = {
    "forum": ("MarvelsGrantMan136", "test1234"),
    "code": ("byteblaze", "hello1234"),
    "shop": ("emma.lopez@gmail.com", "Password.123"),
    "admin": ("admin", "admin1234"),
}
"""WebArena's accounts, as everybody who runs it has them."""

_SIGN_IN = {"code": "/users/sign_in", "shop": "/customer/account/login"}
_WORDS = {
    "code": {b">Username or e-mail<": b">Username or email<"},
    "shop": {b">Username or e-mail<": b">Email<"},
    "forum": {b">Sign in</a>": b">Log in</a>", b"<button>Sign in<": b"<button>Log in<"},
}
"""How the real sites call what BrowserGym looks for."""
_OPEN = ("wiki", "map")
_ME = 1


class WebArenaSites:
    """Listens on a port for each site, from `first_port` on in the order of `KEYS`; 0 takes free ones.

    Attributes:
        addresses: where each site is, by WebArena's names.

    Raises:
        SiteError: a port is taken.
    """

    def __init__(self, pocket: PocketServer, reset: Callable[[], None], first_port: int = 0) -> None:
        self._pocket, self._reset = pocket, reset
        self._sockets: list[socket.socket] = []
        self._sites: dict[int, str] = {}
        for number, site in enumerate(KEYS):
            self._sites[self._listen(first_port + number if first_port else 0)] = site
        self.addresses = {KEYS[site]: f"http://127.0.0.1:{port}" for port, site in self._sites.items()}
        config = uvicorn.Config(self, log_config=None, access_log=False, lifespan="off", ws="none", http="h11")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": self._sockets}, name="pocket-webarena", daemon=True
        )
        self._thread.start()

    def variables(self) -> dict[str, str]:
        """What BrowserGym reads; each reset of the instance brings the world back as it was."""
        return {f"WA_{key.upper()}": url for key, url in self.addresses.items()} | {"WA_FULL_RESET": self.addresses["homepage"]}

    def close(self) -> None:
        """Stop listening; the sites behind go on."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(START_DEADLINE_S)
        for listening in self._sockets:
            listening.close()

    def _listen(self, port: int) -> int:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._sockets.append(listening)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            for each in self._sockets:
                each.close()
            raise SiteError(
                explain(
                    f"port {port} cannot be used: {error.strerror}",
                    f"{len(KEYS)} free ports in a row on 127.0.0.1",
                    "each of WebArena's sites has one of its own",
                    "name another --port",
                )
            ) from error
        listening.listen(64)
        return int(listening.getsockname()[1])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: hand the request to the site whose port it came in on, in our words, and its answer back in WebArena's."""
        site = self._sites[scope["server"][1]]
        if site == "home" and scope["path"] in ("/reset", "/status"):
            await self._instance(scope["path"])(scope, receive, send)
            return
        signs_in = scope["path"].rstrip("/") in ("/login", _SIGN_IN.get(site))
        body = await Request(scope, receive).body()
        if signs_in and scope["method"] == "POST":
            body = self._our_account(site, body)
        token, fresh = self._token(site, scope)
        inner = {**scope, "headers": self._headers(scope, site, token, len(body))}
        if signs_in:
            inner |= {"path": "/login", "raw_path": b"/login"}
        start: dict[str, Any] = {}
        parts: list[bytes] = []

        async def given() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def gathered(message: Any) -> None:
            start.update(message if message["type"] == "http.response.start" else {})
            parts.append(message.get("body", b""))

        await self._pocket(inner, given, gathered)
        await self._answer(site, start, b"".join(parts), token if fresh else "")(scope, receive, send)

    def _instance(self, path: str) -> Response:
        if path == "/reset":
            self._reset()
        return PlainTextResponse("Ready for duty!")  # what BrowserGym waits for

    def _our_account(self, site: str, body: bytes) -> bytes:
        form = {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if (form.get("username"), form.get("password")) != ACCOUNTS.get(site):
            return body
        with self._pocket.lock:
            me = World(self._pocket.db).me
        return urlencode({**form, "username": me["username"], "password": me["password"]}).encode()

    def _token(self, site: str, scope: Scope) -> tuple[str, bool]:
        """The visitor's session, and whether it is made now."""
        token = Request(scope).cookies.get(f"{COOKIE}_{site}", "")
        if site not in _OPEN or scope["path"].startswith("/static/"):
            return token, False
        with self._pocket.lock:
            known = self._pocket.db.execute("SELECT 1 FROM sessions WHERE token = ? AND site = ?", (token, site)).fetchone()
            return (token, False) if known else (self._pocket.session(site, _ME), True)

    def _headers(self, scope: Scope, site: str, token: str, length: int) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in scope["headers"] if name not in (b"host", b"cookie", b"content-length")]
        ours = {"host": f"{site}.pocket", "cookie": f"{COOKIE}={token}", "content-length": str(length)}
        return kept + [(name.encode(), value.encode()) for name, value in ours.items()]

    def _answer(self, site: str, start: dict[str, Any], body: bytes, token: str) -> Response:
        response = Response(status_code=start["status"])
        del response.headers["content-length"]
        for name, value in start["headers"]:
            if name == b"set-cookie":
                value = value.replace(f"{COOKIE}=".encode(), f"{COOKIE}_{site}=".encode())
            if name != b"content-length":
                response.headers.append(name.decode("latin-1"), self._with_our_addresses(value).decode("latin-1"))
        if response.headers.get("content-type", "").startswith("text/html"):
            for ours, theirs in _WORDS.get(site, {}).items():
                body = body.replace(ours, theirs)
            body = self._with_our_addresses(body)
        if token:
            response.set_cookie(f"{COOKIE}_{site}", token, httponly=True, samesite="lax")
        response.body = body
        response.headers["content-length"] = str(len(body))
        return response

    def _with_our_addresses(self, text: bytes) -> bytes:
        def place(match: re.Match[bytes]) -> bytes:
            return self.addresses[KEYS[match[1].decode()]].encode()

        names = "|".join(KEYS).encode()
        return re.sub(rb"http://(%s)\.(?:pocket|localhost:%d)(?=[/\"'])" % (names, self._pocket.port), place, text)
