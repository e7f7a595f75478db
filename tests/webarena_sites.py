"""Six websites on loopback that answer as WebArena's do where BrowserGym and the evaluators look: login forms, and a shop's REST API.

What a page shows is set by the test (`pages`); whether somebody is logged in is kept in a cookie, as on the real sites.
"""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

SITES = ("shopping", "shopping_admin", "reddit", "gitlab", "wikipedia", "map")
ACCOUNTS = {
    "reddit": ("MarvelsGrantMan136", "test1234"),
    "gitlab": ("byteblaze", "hello1234"),
    "shopping": ("emma.lopez@gmail.com", "Password.123"),
    "shopping_admin": ("admin", "admin1234"),
}
LOGIN_PATHS = {"reddit": "/login", "gitlab": "/users/sign_in", "shopping": "/customer/account/login", "shopping_admin": "/admin"}
LABELS = {
    "reddit": ("Username", "Password", "Log in"),
    "gitlab": ("Username or email", "Password", "Sign in"),
    "shopping": ("Email", "Password", "Sign In"),
    "shopping_admin": ("Username", "Password", "Sign in"),
}


@dataclass
class WebArenaSites:
    """The six sites. Used as a context manager.

    Attributes:
        pages: (site, path) -> the HTML inside `<body>`; other paths show their own name.
        rest: (path of the shop's API) -> JSON value.
        logins: (site, user) of every login that succeeded, in order.
        broken: sites that answer 500.
        passwords_refused: sites that refuse every password.
    """

    pages: dict[tuple[str, str], str] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    logins: list[tuple[str, str]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    passwords_refused: set[str] = field(default_factory=set)
    servers: dict[str, ThreadingHTTPServer] = field(default_factory=dict)

    def __enter__(self) -> "WebArenaSites":
        for site in SITES:
            self.servers[site] = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, site))
            self.servers[site].daemon_threads = True
            threading.Thread(target=self.servers[site].serve_forever, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for server in self.servers.values():
            server.shutdown()
            server.server_close()

    def url(self, site: str) -> str:
        return f"http://127.0.0.1:{self.servers[site].server_address[1]}" + ("/admin" if site == "shopping_admin" else "")

    def variables(self) -> dict[str, str]:
        """As WebArena's users set them."""
        return {f"WA_{site.upper()}": self.url(site) for site in SITES} | {"WA_HOMEPAGE": self.url("wikipedia")}

    def clear(self) -> None:
        for kept in (self.pages, self.rest, self.logins, self.broken, self.passwords_refused):
            kept.clear()


def _handler(sites: WebArenaSites, site: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            logged_in = f"{site}=in" in self.headers.get("Cookie", "")
            if site in sites.broken:
                self.answer(500, "broken")
            elif path in sites.rest:
                self.answer(200, json.dumps(sites.rest[path]), kind="application/json")
            elif site in LOGIN_PATHS and path.rstrip("/") == LOGIN_PATHS[site] and not logged_in:
                self.answer(200, _form(site))
            elif site in LOGIN_PATHS and path.rstrip("/") == LOGIN_PATHS[site] and site != "shopping_admin":
                self.answer(302, "", location="/")
            else:
                who = f"<p>{ACCOUNTS[site][0]}</p>" if logged_in else "<a href='/login'>Log in</a>" if site == "reddit" else ""
                self.answer(200, who + sites.pages.get((site, path), f"<h1>{site} {path}</h1>"))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            path = urlsplit(self.path).path
            if path.endswith("/V1/integration/admin/token"):
                self.answer(200, json.dumps("token"), kind="application/json")
            elif path == "/login-check":
                given = tuple(parse_qs(body).get(name, [""])[0] for name in ("user", "password"))
                if given == ACCOUNTS[site] and site not in sites.passwords_refused:
                    sites.logins.append((site, given[0]))
                    self.answer(302, "", location="/admin" if site == "shopping_admin" else "/", cookie=f"{site}=in; Path=/")
                else:
                    self.answer(302, "", location=LOGIN_PATHS[site])
            else:
                self.answer(302, "", location=path + "/1")

        def answer(self, status: int, text: str, *, kind: str = "text/html", location: str = "", cookie: str = "") -> None:
            page = f"<!doctype html><title>{site}</title><body>{text}</body>" if kind == "text/html" else text
            data = page.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            if location:
                self.send_header("Location", location)
            if cookie:
                self.send_header("Set-Cookie", cookie)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def _form(site: str) -> str:
    user, password, button = LABELS[site]
    return (
        f"<form method='post' action='/login-check'><label>{user} <input name='user'></label>"
        f"<label>{password} <input name='password' type='password'></label><button>{button}</button></form>"
    )
