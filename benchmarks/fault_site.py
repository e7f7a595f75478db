"""A site whose pages misbehave, for `faults.py` and the tests: busy loops, endless dialogs, servers that never answer, memory bombs.

Its start page has one button a fault; pressing it starts the fault. `faults.NAME` starts on the faulty page itself, `faults.calm` on
the start page. The server listens on loopback in the worker process, as every local suite's does.
"""

import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from symbiotic_gym.browser.site_faults import Sign
from symbiotic_gym.suites import Site

__all__ = ["PAGES", "SUITE", "FaultSite"]

SUITE = "faults"
HOST = "faults.test"
REFUSING = "refusing.test"

_BOMB = """
const kept = [];
const fill = () => { const block = new Uint8Array(64 * 1024 * 1024); block.fill(7); kept.push(block); setTimeout(fill, 0); };
"""

PAGES: Mapping[str, str] = {
    "calm": "",
    # scripts, run by the button or at once
    "busy": "while (true) {}",
    "busy-timer": "setTimeout(() => { while (true) {} }, 150)",
    "busy-frame": "const f = document.createElement('iframe'); f.srcdoc = '<script>while(true){}</script>'; document.body.append(f)",
    "busy-promises": "const again = () => Promise.resolve().then(again); again()",
    "dialogs": "while (true) alert('storm')",
    "confirms": "for (let i = 0; i < 300; i++) confirm('storm ' + i)",
    "beforeunload": "onbeforeunload = (e) => { e.preventDefault(); return 'stay' }; setTimeout(() => location.href = '/next', 50)",
    "popups": "for (let i = 0; i < 200; i++) window.open('/next?' + i)",
    "bomb": _BOMB + "fill()",
    "restless": "setInterval(() => document.body.append(document.createElement('i')), 5)",
    "heartbeat": "const beat = () => { fetch('/next'); setTimeout(beat, 20) }; beat()",
    "download": "location.href = '/file'",
    "print": "for (let i = 0; i < 20; i++) print()",
    "history": "for (let i = 0; i < 500; i++) history.pushState({}, '', '/calm?' + i)",
    "reloads": "location.href = '/reloading'",
    # addresses, gone to by the button or by the task
    "never": "/never",
    "drip": "/drip",
    "reset-early": "/reset-early",
    "reset-late": "/reset-late",
    "nodes-5000": "/nodes?5000",
    "nodes-30000": "/nodes?30000",
    "status-500": "/status/500",
    "status-502": "/status/502",
    "status-503": "/status/503",
    "status-429": "/status/429",
    "fetch-429": "fetch('/status/429')",
    "login-expired": "/account",
    "maintenance": "/maintenance",
    "refused": f"http://{REFUSING}/",
}

SIGNS = (
    Sign(kind="login", host=HOST, path="/login", unless="^/logout"),
    Sign(kind="maintenance", host=HOST, text="down for maintenance"),
)


class FaultSite:
    """The suite; see `symbiotic_gym.suites.Suite`."""

    name = SUITE

    def tasks(self) -> tuple[str, ...]:
        return tuple(PAGES)

    def open(self) -> Site:
        server = _Server(("127.0.0.1", 0), _Handler)
        threading.Thread(target=server.serve_forever, name="fault-server", daemon=True).start()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            shut = unused.getsockname()[1]

        def close() -> None:
            server.stopped.set()
            server.shutdown()
            server.server_close()

        hosts = {HOST: f"127.0.0.1:{server.server_address[1]}", f"{REFUSING}:80": f"127.0.0.1:{shut}"}
        return Site(suite=self.name, hosts=hosts, close=close, signs=SIGNS)

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        from browsergym.core.task import OpenEndedTask

        does = PAGES[name]
        if name == "calm":
            start = f"http://{HOST}/calm"
        elif does.startswith(("/", "http:")):
            start = does if does.startswith("http:") else f"http://{HOST}{does}"
        else:
            start = f"http://{HOST}/at-once/{name}"
        return OpenEndedTask(seed=seed, start_url=start, goal=f"press {name}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any) -> None:
        self.stopped = threading.Event()
        super().__init__(*arguments)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a browser that was killed hangs up; that is what this is for


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        first, _, rest = path.strip("/").partition("/")
        with suppress(OSError):
            getattr(self, "_" + first.replace("-", "_"), self._missing)(rest or query)

    def _page(self, body: str, status: int = 200, **headers: str) -> None:
        data = f"<!doctype html><meta charset=utf-8><title>faults</title><body>{body}".encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def _missing(self, _: str) -> None:
        self._page("not here", 404)

    def _calm(self, _: str) -> None:
        buttons = []
        for name, does in PAGES.items():
            script = f"location.href = '{does}'" if does.startswith(("/", "http:")) else does
            escaped = script.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
            buttons.append(f'<button onclick="{escaped}">{name}</button>')
        self._page("<button onclick=\"this.textContent = 'done'\">Ready</button>" + "".join(buttons))

    def _at_once(self, name: str) -> None:
        self._page(f"<button>Ready</button><script>{PAGES[name]}</script>")

    def _next(self, _: str) -> None:
        self._page("next")

    def _reloading(self, _: str) -> None:
        self._page("<button>Ready</button><script>setTimeout(() => location.reload(), 30)</script>")

    def _file(self, _: str) -> None:
        self._page("data", Content_Disposition='attachment; filename="file.bin"')

    def _never(self, _: str) -> None:
        self.server.stopped.wait()

    def _drip(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        while not self.server.stopped.is_set():
            self.wfile.write(b"<p>.")
            self.wfile.flush()
            time.sleep(0.2)

    def _reset_early(self, _: str) -> None:
        self._reset()

    def _reset_late(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"<p>half a page")
        self.wfile.flush()
        time.sleep(0.1)
        self._reset()

    def _reset(self) -> None:
        """Hang up so that the other side sees a reset, not an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _nodes(self, count: str) -> None:
        self._page("".join(f'<a href="/next?{i}">link {i}</a> ' for i in range(int(count))))

    def _status(self, status: str) -> None:
        self._page(f"status {status}", int(status), Retry_After="30")

    def _account(self, _: str) -> None:
        self._page("", 302, Location="/login")

    def _login(self, _: str) -> None:
        self._page("<input aria-label=Username><button>Log in</button>")

    def _logout(self, _: str) -> None:
        self._page("logged out")

    def _maintenance(self, _: str) -> None:
        self._page("<h1>We are down for maintenance</h1>")

    def log_message(self, format: str, *args: Any) -> None:
        pass


def path_of(url: str) -> str:
    """The path of an address of this site."""
    return urlsplit(url).path
