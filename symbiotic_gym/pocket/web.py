"""What a site's pages are written with: a table of routes, and a context that holds one request, the world and the visitor.

Handlers are plain functions, run one at a time with the world's lock held and inside a transaction, so a page never sees
half of another's change, and an error changes nothing. A `POST` that succeeds moves the world's clock on by a minute.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from symbiotic_gym.pocket.pages import PAGES
from symbiotic_gym.pocket.world import World

__all__ = ["COOKIE", "Context", "Handler", "Paged", "Route", "SiteApp", "new_session"]

COOKIE = "pocket_session"
Handler = Callable[["Context"], Response]


@dataclass(frozen=True)
class Route:
    """One path of a site, in Starlette's syntax: `/product/{id:int}`."""

    path: str
    methods: tuple[str, ...]
    handler: Handler
    login: bool
    """Whether a visitor who is not signed in is sent to the sign-in page instead."""


class SiteApp:
    """One site: its name, which is the first part of its host name, and its pages.

    Args:
        name: `shop` is reached at `http://shop.pocket/` and finds its templates in `templates/shop/`.
        title: what the site calls itself.
        about: what it is, in a few words, for the home page that lists all sites.
        may_enter: who may sign in here, given the world and the person's id; everybody by default.
        layout_values: further values for every page's template, such as the number of things in the cart.
    """

    def __init__(
        self,
        name: str,
        title: str,
        about: str,
        *,
        may_enter: Callable[[World, int], bool] = lambda world, person_id: True,
        layout_values: Callable[["Context"], dict[str, Any]] = lambda c: {},
    ) -> None:
        self.name = name
        self.title = title
        self.about = about
        self.may_enter = may_enter
        self.layout_values = layout_values
        self.routes: list[Route] = []

    @property
    def host(self) -> str:
        return f"{self.name}.pocket"

    def get(self, path: str, *, login: bool = False) -> Callable[[Handler], Handler]:
        """Answer `GET path` with the decorated function."""
        return self._route(path, ("GET",), login)

    def post(self, path: str, *, login: bool = False) -> Callable[[Handler], Handler]:
        """Answer `POST path` with the decorated function."""
        return self._route(path, ("POST",), login)

    def form(self, path: str, *, login: bool = False) -> Callable[[Handler], Handler]:
        """Answer both: a form is shown on GET, and on POST taken or shown again with what is wrong."""
        return self._route(path, ("GET", "POST"), login)

    def _route(self, path: str, methods: tuple[str, ...], login: bool) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self.routes.append(Route(path, methods, handler, login))
            return handler

        return add


@dataclass(frozen=True)
class Paged:
    """One page out of a longer list."""

    items: Sequence[Any]
    number: int
    """From 1."""
    pages: int
    total: int
    url: Callable[[int], str]
    """The address of page n."""


class Context(World):
    """One request to a site.

    Attributes:
        site: the site asked.
        path: the address's path.
        values: what stands in the route's braces, `values["id"]`.
        query: the address's query; the last of repeated names.
        form: what was sent; the last of repeated names. `many` gives all.
        errors: what is wrong with a form, by field; `render` shows it beside the fields.
    """

    def __init__(
        self, request: Request, db: sqlite3.Connection, site: SiteApp, theme: str, body: bytes, values: Mapping[str, Any]
    ) -> None:
        super().__init__(db)
        self.site, self.theme = site, theme
        self.method, self.path, self.values = request.method, request.url.path, values
        self._query = parse_qs(request.url.query, keep_blank_values=True)
        self._form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        self.query = {name: found[-1] for name, found in self._query.items()}
        self.form = {name: found[-1].strip() for name, found in self._form.items()}
        self.errors: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self._token = request.cookies.get(COOKIE, "")
        self._session = db.execute("SELECT * FROM sessions WHERE token = ? AND site = ?", (self._token, site.name)).fetchone()

    # --- who is asking ---

    @property
    def user(self) -> Any:
        """The person signed in, a row of `people`; None for a visitor."""
        if self._session is None or self._session["person_id"] is None:
            return None
        return self.one("SELECT * FROM people WHERE id = ?", self._session["person_id"])

    @property
    def user_id(self) -> int:
        """The id of the person signed in; only for routes with `login=True`."""
        return int(self._session["person_id"])

    def sign_in(self, person_id: int | None) -> None:
        """Have the visitor signed in as this person, or signed out."""
        self._ensure_session()
        self.db.execute("UPDATE sessions SET person_id = ? WHERE token = ?", (person_id, self._token))
        self._session = self.one("SELECT * FROM sessions WHERE token = ?", self._token)

    def flash(self, text: str, kind: str = "success") -> None:
        """Say something on the next page that is shown; `kind` is `success`, `error` or `info`."""
        self._ensure_session()
        said = [*json.loads(self._session["flash"]), [kind, text]]
        self.db.execute("UPDATE sessions SET flash = ? WHERE token = ?", (json.dumps(said), self._token))
        self._session = self.one("SELECT * FROM sessions WHERE token = ?", self._token)

    def _ensure_session(self) -> None:
        if self._session is None:
            self._token = new_session(self.db, self.site.name, None)
            self._session = self.one("SELECT * FROM sessions WHERE token = ?", self._token)
            self.headers["set-cookie"] = f"{COOKIE}={self._token}; Path=/; HttpOnly; SameSite=Lax"

    def _take_flash(self) -> list[tuple[str, str]]:
        if self._session is None or self._session["flash"] == "[]":
            return []
        self.db.execute("UPDATE sessions SET flash = '[]' WHERE token = ?", (self._token,))
        return [(kind, text) for kind, text in json.loads(self._session["flash"])]

    # --- what was sent ---

    def many(self, name: str) -> list[str]:
        """All values sent under that name, as a group of checkboxes does."""
        return [value.strip() for value in self._form.get(name, self._query.get(name, []))]

    def number(self, name: str, default: int, least: int = 0, most: int = 10**9) -> int:
        """A whole number out of the query, held between two bounds; what is no number counts as not given."""
        text = self.query.get(name, "")
        return min(max(int(text), least), most) if text.isdecimal() and len(text) < 10 else default

    def require(self, name: str, label: str, *, longest: int = 2000) -> str:
        """A text of the form that has to be there; what is wrong goes into `errors`."""
        value = self.form.get(name, "")
        if not value:
            self.errors[name] = f"{label} is required."
        elif len(value) > longest:
            self.errors[name] = f"{label} can have at most {longest} characters."
        return value

    def require_int(self, name: str, label: str, least: int, most: int) -> int:
        """A whole number of the form within bounds; what is wrong goes into `errors`, and `least` is returned."""
        text = self.form.get(name, "")
        if not text.lstrip("-").isdecimal() or len(text) > 9 or not least <= int(text) <= most:
            self.errors[name] = f"{label} must be a whole number from {least} to {most}."
            return least
        return int(text)

    # --- answers ---

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page from `templates/SITE/template`."""
        shown = {"c": self, "site": self.site, "user": self.user, "theme": self.theme, "layout": f"shared/{self.theme}.html"}
        shown |= {
            "now": self.now,
            "flashes": self._take_flash(),
            "errors": self.errors,
            **self.site.layout_values(self),
            **values,
        }
        name = template if "/" in template else f"{self.site.name}/{template}"
        return HTMLResponse(PAGES.get_template(name).render(shown), status_code=status)

    def redirect(self, url: str) -> Response:
        """Send the browser to another address; with GET, as after a form that was taken."""
        return RedirectResponse(url, status_code=303)

    def json(self, data: Any) -> Response:
        """Plain data, for a page's scripts."""
        return JSONResponse(data)

    def not_found(self, what: str = "This page") -> Response:
        """The site's page for what is not there."""
        return self.render("shared/not_found.html", status=404, what=what)

    def forbidden(self, why: str) -> Response:
        """The site's page for what this visitor may not do."""
        return self.render("shared/forbidden.html", status=403, why=why)

    # --- lists and addresses ---

    def paged(self, sql: str, *values: Any, per_page: int) -> Paged:
        """The rows of a query that fall on the page which the address asks for with `p=`."""
        total = int(self.value(f"SELECT count(*) FROM ({sql})", *values))
        pages = max(1, -(-total // per_page))
        number = self.number("p", 1, 1, pages)
        items = self.rows(f"{sql} LIMIT ? OFFSET ?", *values, per_page, (number - 1) * per_page)
        return Paged(items, number, pages, total, lambda n: self.here(p=n if n > 1 else None))

    def here(self, **changes: Any) -> str:
        """This page's address with parts of its query changed; None takes one out."""
        query = {name: changes.get(name, value) for name, value in self.query.items()} | changes
        left = {name: value for name, value in query.items() if value not in (None, "")}
        return quote(self.path) + (f"?{urlencode(left)}" if left else "")

    def tick(self) -> None:
        """Let a minute pass."""
        later: datetime = self.now + timedelta(minutes=1)
        self.db.execute("UPDATE meta SET value = ? WHERE key = 'now'", (later.isoformat(sep=" "),))


def new_session(db: sqlite3.Connection, site: str, person_id: int | None) -> str:
    """Enter a session of a site and return its token, the same for the same world and history."""
    seed, count = (db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0] for key in ("seed", "sessions"))
    token = sha256(f"session:{seed}:{count}".encode()).hexdigest()[:32]
    db.execute("UPDATE meta SET value = ? WHERE key = 'sessions'", (str(int(count) + 1),))
    db.execute("INSERT INTO sessions (token, site, person_id) VALUES (?, ?, ?)", (token, site, person_id))
    return token
