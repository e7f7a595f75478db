"""When the site, not the policy, is at fault: such a step or reset is *invalid*, with the kind on record, and never a failure.

What every site has in common is recognised for every suite, from the network: a page answered with a status of 500 or above
(`site`) or 429 (`rate_limit`), a connection refused or cut (`site`). A page that is never answered misses the step's deadline.
What only a site's own words tell, its login page or its note about maintenance, a suite describes as `Sign`s, which travel with
its `Site`.

What a policy can cause by itself is not the site's fault: a page that is not there (404), one that it may not see (403), a
login page that it went to, was sent to after it had logged out, or meets on a site where the task logged nobody in, a
connection to a port of its own choice.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from symbiotic_gym.browser.fence import Fence
from symbiotic_gym.errors import SiteError, explain

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Request, Response

__all__ = ["Sign", "SiteFaults", "is_page"]

Kind = Literal["login", "rate_limit", "maintenance", "site"]

_CUT = re.compile(
    r"net::ERR_(CONNECTION_|TIMED_OUT|EMPTY_RESPONSE|NAME_NOT_RESOLVED|ADDRESS_|NETWORK_|INTERNET_|SOCKET_"
    r"|INCOMPLETE_CHUNKED|CONTENT_LENGTH|HTTP2_|INVALID_(HTTP_)?RESPONSE)"
)

_REMEDY: Mapping[Kind, str] = {
    "login": "log the site in again (a new reset does so where the task logs in), then run the episode again",
    "rate_limit": "wait, or play fewer episodes at once against this site, then run the episode again",
    "maintenance": "end the site's maintenance mode, then run the episode again",
    "site": "check that the task's site is up (symbiotic-gym doctor), then run the episode again",
}


@dataclass(frozen=True, kw_only=True)
class Sign:
    """How one site shows that it, and not the policy, is at fault.

    Either `path` or `text` is given. `path` fires when asking for another page of the host was answered by a redirect to a
    matching one, or when the task, once set up, starts at one. `text` fires when a page of the host shows matching text.
    """

    kind: Kind
    host: str
    """`name` or `name:port`, as in the URLs of the site."""
    path: str = ""
    """Regular expression that the whole path of the page redirected to matches, `/users/sign_in`."""
    text: str = ""
    """Regular expression found in the page text."""
    unless: str = ""
    """Regular expression of paths that make the sign the policy's own doing for the rest of an episode: `/users/sign_out`."""


class SiteFaults:
    """Watches one episode's pages for faults of the site.

    Args:
        fence: says which addresses are the site's.
        signs: what the suite knows about its sites.
    """

    def __init__(self, fence: Fence, signs: Sequence[Sign] = ()) -> None:
        self._fence = fence
        self._signs = list(signs)
        self._fault: SiteError | None = None
        self._playing = False
        self._set_up: list[str] = []
        """Addresses of the pages that the task's own set-up asked for."""

    def watch(self, context: "BrowserContext") -> None:
        """Follow every page of an episode."""
        context.on("request", self._on_request)
        context.on("response", self._on_response)
        context.on("requestfailed", self._on_failed)

    def check(self, observation: Mapping[str, Any] | None = None) -> None:
        """Say what has been seen so far.

        Args:
            observation: `url`, `title` and `page` text, for the signs that go by text.

        Raises:
            SiteError: the site was at fault; `kind` says how.
        """
        if observation is not None:
            self._read(observation)
        if self._fault is not None:
            raise self._fault

    def _read(self, observation: Mapping[str, Any]) -> None:
        url, shown = observation["url"], f"{observation['title']}\n{observation['page']}"
        if not self._playing:  # on a site that the task never went to, nobody was logged in
            known = [*self._set_up, url]
            self._signs = [
                sign for sign in self._signs if sign.kind != "login" or any(_is_of(sign.host, page) for page in known)
            ]
        for sign in self._signs:
            if not _is_of(sign.host, url):
                continue
            if sign.text and (match := re.search(sign.text, shown)):
                self._found(sign.kind, f"{url} says {match[0]!r}")
            if sign.path and not self._playing and _fits(sign, urlsplit(url).path):
                self._found(sign.kind, f"the task starts at {url}")
        self._playing = True  # what went before was the task's own doing: it may have logged in

    def _found(self, kind: Kind, what: str) -> None:
        if self._fault is None:  # the first one is the cause, what follows are its effects
            self._fault = SiteError(
                explain(
                    what,
                    "a site that works",
                    "what a site fails at says nothing about the policy, so the episode counts as invalid",
                    _REMEDY[kind],
                )
            )
            self._fault.kind = kind

    def _on_request(self, request: "Request") -> None:
        if not is_page(request):
            return
        if not self._playing:
            self._set_up.append(request.url)
            return
        path = urlsplit(request.url).path
        self._signs = [
            sign
            for sign in self._signs
            if not (sign.unless and _is_of(sign.host, request.url) and re.search(sign.unless, path))
            # going to the login page by oneself is no surprise; being sent there from another page is
            and not (sign.path and _is_of(sign.host, request.url) and _fits(sign, path) and request.redirected_from is None)
        ]

    def _on_response(self, response: "Response") -> None:
        request, status = response.request, response.status
        if status == 429 and request.resource_type in ("document", "xhr", "fetch") and self._fence.allows(request.url):
            wait = response.headers.get("retry-after")
            self._found("rate_limit", f"{request.url} answered 429" + (f" (wait {wait} s)" if wait else ""))
        if not is_page(request):
            return
        if status >= 500 and self._fence.allows(request.url):
            self._found("site", f"{request.url} answered {status}")
        asked = request.redirected_from
        for sign in self._signs:
            if (
                self._playing
                and sign.path
                and asked
                and _is_of(sign.host, request.url)
                and _fits(sign, urlsplit(request.url).path)
            ):
                self._found(sign.kind, f"{asked.url} was answered by {request.url}")

    def _on_failed(self, request: "Request") -> None:
        if _CUT.match(request.failure or "") and is_page(request) and self._fence.serves(request.url):
            self._found("site", f"{request.url} failed with {request.failure}")


def is_page(request: "Request") -> bool:
    """Whether it asks for what a tab as a whole shows."""
    from playwright.sync_api import Error

    if not request.is_navigation_request():
        return False
    try:
        return request.frame.parent_frame is None
    except Error:  # a new tab's first request comes before its tab does
        return True


def _is_of(host: str, url: str) -> bool:
    return Fence({host: ""}).allows(url)


def _fits(sign: Sign, path: str) -> bool:
    return re.fullmatch(sign.path, path) is not None
