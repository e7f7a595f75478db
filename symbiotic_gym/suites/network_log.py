"""What a browser sent and received during an episode, in the form of HAR entries.

WebArena-Verified judges by it. BrowserGym hands its evaluators Playwright's trace, in which the bodies of requests lie in files
of their own that the evaluators do not open, so that none of its 447 expectations about submitted forms can be met. Here they
are read while the requests happen. Files of a page's looks (images, styles, scripts) are left out, as the evaluators leave
them out.
"""

from contextlib import suppress
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import BrowserContext, Request
from playwright.sync_api import Error as PlaywrightError

__all__ = ["NetworkLog"]

_LOOKS = (".css", ".js", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".woff", ".woff2", ".ttf", ".ico", ".webp")
_BODY_LIMIT = 2_000_000
"""Characters of a JSON answer that are kept."""


class NetworkLog:
    """Records every finished request of a context's pages from now on.

    Attributes:
        entries: HAR entries, in the order in which the requests were finished.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.entries: list[dict[str, Any]] = []
        self._context = context
        context.on("requestfinished", self._on_finished)
        context.on("requestfailed", self._on_failed)

    def stop(self) -> None:
        """Record nothing more, such as what an evaluator opens."""
        self._context.remove_listener("requestfinished", self._on_finished)
        self._context.remove_listener("requestfailed", self._on_failed)

    def _on_finished(self, request: Request) -> None:
        if not urlsplit(request.url).path.endswith(_LOOKS):
            entry: dict[str, Any] = {"request": {}, "response": _NO_RESPONSE}
            self.entries.append(entry)  # before anything is asked of the browser, so that the order is that of the events
            with suppress(PlaywrightError):  # the page may be gone already: what was learned until then is kept
                _fill(entry, request)

    def _on_failed(self, request: Request) -> None:
        self.entries.append({"request": _request(request, request.headers), "response": _NO_RESPONSE})


_NO_RESPONSE: dict[str, Any] = {"status": -1, "headers": [], "cookies": [], "redirectURL": "", "content": {}}


def _fill(entry: dict[str, Any], request: Request) -> None:
    entry["request"] = _request(request, request.headers)
    entry["request"] = _request(request, request.all_headers())  # with cookies, and with what tells a navigation from a fetch
    response = request.response()
    if response is None:
        return
    headers = response.headers_array()
    kind = next((header["value"] for header in headers if header["name"].lower() == "content-type"), "")
    location = next((header["value"] for header in headers if header["name"].lower() == "location"), "")
    content: dict[str, str] = {"mimeType": kind}
    entry["response"] = {
        "status": response.status,
        "headers": headers,
        "cookies": [_cookie(header["value"]) for header in headers if header["name"].lower() == "set-cookie"],
        "redirectURL": urljoin(request.url, location) if location else "",
        "content": content,
    }
    if "application/json" in kind:
        content["text"] = response.text()[:_BODY_LIMIT]


def _request(request: Request, headers: dict[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "headers": [{"name": name, "value": value} for name, value in headers.items()],
    }
    body = request.post_data_buffer
    if body is not None:
        described["postData"] = {"mimeType": headers.get("content-type", ""), "text": body.decode("utf-8", "replace")}
    return described


def _cookie(header: str) -> dict[str, str]:
    name, _, value = header.partition(";")[0].partition("=")
    return {"name": name.strip(), "value": value.strip()}
