"""MiniWoB++ through BrowserGym's task classes, with the HTML of the `miniwob` package served on loopback under a stable name.

No environment variable has to be set. The names are listed here because BrowserGym's own list cannot be read without loading
Playwright; a test keeps the two equal.
"""

import threading
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module, resources
from typing import Any

from symbiotic_gym.suites import Site

__all__ = ["TASKS", "MiniWoB"]

HOST = "miniwob.test"

TASKS = tuple(
    """
    ascending-numbers bisect-angle book-flight book-flight-nodelay buy-ticket choose-date choose-date-easy
    choose-date-medium choose-date-nodelay choose-list circle-center click-button click-button-sequence click-checkboxes
    click-checkboxes-large click-checkboxes-soft click-checkboxes-transfer click-collapsible click-collapsible-2
    click-collapsible-2-nodelay click-collapsible-nodelay click-color click-dialog click-dialog-2 click-link click-menu
    click-menu-2 click-option click-pie click-pie-nodelay click-scroll-list click-shades click-shape click-tab click-tab-2
    click-tab-2-easy click-tab-2-hard click-tab-2-medium click-test click-test-2 click-test-transfer click-widget copy-paste
    copy-paste-2 count-shape count-sides daily-calendar drag-box drag-circle drag-cube drag-items drag-items-grid
    drag-shapes drag-shapes-2 drag-single-shape drag-sort-numbers draw-circle draw-line email-inbox email-inbox-delete
    email-inbox-forward email-inbox-forward-nl email-inbox-forward-nl-turk email-inbox-important email-inbox-nl-turk
    email-inbox-noscroll email-inbox-reply email-inbox-star-reply enter-date enter-password enter-text enter-text-2
    enter-text-dynamic enter-time find-greatest find-midpoint find-word focus-text focus-text-2 form-sequence
    form-sequence-2 form-sequence-3 generate-number grid-coordinate guess-number highlight-text highlight-text-2 hot-cold
    identify-shape login-user login-user-popup multi-layouts multi-orderings navigate-tree number-checkboxes odd-or-even
    order-food phone-book read-table read-table-2 resize-textarea right-angle scroll-text scroll-text-2 search-engine
    sign-agreement simple-algebra simple-arithmetic social-media social-media-all social-media-some stock-market terminal
    text-editor text-transform tic-tac-toe unicode-test use-autocomplete use-autocomplete-nodelay use-colorwheel
    use-colorwheel-2 use-slider use-slider-2 use-spinner visual-addition
""".split()  # noqa: SIM905 - 125 quoted names would fill two screens
)


class MiniWoB:
    """The MiniWoB++ suite; see `symbiotic_gym.suites.Suite`."""

    name = "miniwob"

    def tasks(self) -> tuple[str, ...]:
        return TASKS

    def open(self) -> Site:
        folder = str(resources.files("miniwob").joinpath("html"))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=folder))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, name="miniwob-server", daemon=True).start()

        def close() -> None:
            server.shutdown()
            server.server_close()

        return Site(suite=self.name, hosts={HOST: f"127.0.0.1:{server.server_address[1]}"}, close=close)

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        task_class = {cls.subdomain: cls for cls in import_module("browsergym.miniwob").ALL_MINIWOB_TASKS}[name]
        return task_class(seed=seed, base_url=f"http://{HOST}/miniwob/", **task_kwargs)


class _QuietHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps the connection: a page has a dozen files
    # the files are UTF-8 and do not say so
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
    }

    def log_message(self, format: str, *args: Any) -> None:
        pass
