# ruff: noqa: E501, SIM905 - a page's parts are read best one a line
"""Generated pages for the benchmarks of the environment, and the loopback server that serves them.

`catalogue` is a shop's listing of any length, what throughput is measured on; `varied` mixes every way the web has of making
something that can be acted on (native controls, ARIA widgets, shadow roots, frames of the same and of another origin, labels of
all kinds) with parts that nobody sees, what fidelity is measured on; `changing` changes itself some time after an action, what
waiting is measured on. A page is a function of its seed alone.
"""

import base64
import hashlib
import html
import random
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["CHANGES", "HOSTS", "PageServer", "catalogue", "changing", "varied"]

HOSTS = ("pages.test", "other.test")
"""The names the server has in URLs; the second is another origin, for frames."""

_WORDS = (
    "amber basket candle copper cotton desk ember fabric garden hammer iron jacket kettle lamp linen marble needle olive paper "
    "pepper quartz ribbon saddle silver table timber velvet walnut window yarn"
).split()


def catalogue(rows: int) -> str:
    """A listing of `rows` products: some 17 accessibility nodes each."""
    parts = ["<!doctype html><meta charset=utf-8><title>Catalogue</title><h1>Catalogue</h1><ul>"]
    for i in range(rows):
        name = f"{_WORDS[i % len(_WORDS)]} {_WORDS[(i * 7 + 3) % len(_WORDS)]} {i}"
        parts.append(
            f'<li><h3><a href="#p{i}">{name}</a></h3><p>In stock: <b>{i % 9}</b> pieces, {i % 90}.50 each</p>'
            f"<label>Quantity <input name=q{i}></label><button type=button onclick=\"this.textContent='Added'\">Add {name}</button></li>"
        )
    return "".join(parts) + "</ul>"


# --- pages with a bit of everything ---

_Widget = Callable[[random.Random, str], str]


def _text(rng: random.Random, least: int = 1, most: int = 4) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(rng.randint(least, most)))


_NATIVE: Sequence[_Widget] = (
    lambda r, i: f"<label for={i}>{_text(r)}</label> <input id={i} value='{_text(r)}'>",
    lambda r, i: (
        f"<label>{_text(r)} <input type={r.choice(['text', 'email', 'tel', 'url', 'search', 'number', 'password'])}></label>"
    ),
    lambda r, i: f"<label><input type=checkbox {r.choice(['checked', ''])}> {_text(r)}</label>",
    lambda r, i: (
        f"<label><input type=radio name={i} value=1>{_text(r)}</label><label><input type=radio name={i}>{_text(r)}</label>"
    ),
    lambda r, i: f"<input aria-label='{_text(r)}' type={r.choice(['range', 'date', 'time', 'color', 'month', 'file'])}>",
    lambda r, i: (
        f"<input placeholder='{_text(r)}'> <input title='{_text(r)}'> <input placeholder='{_text(r)}' title='{_text(r)}'>"
    ),
    lambda r, i: f"<span id={i}>{_text(r)}</span><b id={i}b>{_text(r)}</b><input aria-labelledby='{i} {i}b'>",
    lambda r, i: f"<textarea aria-label='{_text(r)}'>{_text(r)}</textarea>",
    lambda r, i: f"<label for={i}>{_text(r)}</label><select id={i}>{_options(r)}</select>",
    lambda r, i: f"<select multiple size=3 aria-label='{_text(r)}'>{_options(r)}</select>",
    lambda r, i: f"<select title='{_text(r)}'><optgroup label='{_text(r)}'>{_options(r)}</optgroup></select>",
    lambda r, i: f"<input type=button value='{_text(r)}'> <input type=submit value='{_text(r)}'>",
    lambda r, i: f"<input type=image alt='{_text(r)}' src=/dot.gif>",
    lambda r, i: f"<button>{_text(r)}</button><button disabled>{_text(r)}</button><button title='{_text(r)}'></button>",
    lambda r, i: f"<button><b>{_text(r)}</b><span>{_text(r)}</span></button>",
    lambda r, i: f"<button><div>{_text(r)}</div><div>{_text(r)}</div></button>",
    lambda r, i: f"<button><img alt='{_text(r)}' src=/dot.gif> {_text(r)}</button>",
    lambda r, i: f"<button aria-label='{_text(r)}'><svg width=9 height=9><circle r=4 /></svg></button>",
    lambda r, i: f"<button><svg width=9 height=9><title>{_text(r)}</title><circle r=4 /></svg></button>",
    lambda r, i: f"<button>{_text(r)}<span hidden>{_text(r)}</span><span aria-hidden=true>{_text(r)}</span></button>",
    lambda r, i: (
        f"<a href='#{i}'>{_text(r)}</a> <a href='#{i}'><img alt='{_text(r)}' src=/dot.gif></a> <a name={i}>{_text(r)}</a>"
    ),
    lambda r, i: (
        f"<a href='#{i}' aria-describedby={i}>{_text(r)}<br>{_text(r)}</a> <a href='#'><h4>{_text(r)}</h4><p>{_text(r)}</p></a>"
    ),
    lambda r, i: f"<a href='#{i}' title='{_text(r)}'>{_text(r)}</a> <a href='#' title='{_text(r)}'><i class=icon></i></a>",
    lambda r, i: f"<details {r.choice(['open', ''])}><summary>{_text(r)}</summary><button>{_text(r)}</button></details>",
    lambda r, i: f"<fieldset><legend>{_text(r)}</legend><input aria-label='{_text(r)}'></fieldset>",
    lambda r, i: f"<div contenteditable aria-label='{_text(r)}'>{_text(r)} <b>{_text(r)}</b></div>",
    lambda r, i: f"<meter value=.4 aria-label='{_text(r)}'></meter><progress value=3 max=9 aria-label='{_text(r)}'></progress>",
    lambda r, i: f"<table><tr><th>{_text(r)}<th>{_text(r)}<tr><td>{_text(r)}<td><a href='#'>{_text(r)}</a></table>",
    lambda r, i: f"<input list={i} aria-label='{_text(r)}'><datalist id={i}><option>{_text(r)}</datalist>",
    lambda r, i: (
        f"<img usemap='#{i}' src=/dot.gif width=9 height=9><map name={i}><area href='#' alt='{_text(r)}' coords='0,0,9,9'></map>"
    ),
)
_ARIA: Sequence[_Widget] = (
    lambda r, i: f"<div role=button tabindex=0>{_text(r)}</div><span role=link tabindex=0>{_text(r)}</span>",
    lambda r, i: f"<div role=tablist><div role=tab aria-selected=true>{_text(r)}</div><div role=tab>{_text(r)}</div></div>",
    lambda r, i: f"<ul role=menu><li role=menuitem>{_text(r)}<li role=menuitemcheckbox aria-checked=true>{_text(r)}</ul>",
    lambda r, i: (
        f"<ul role=listbox aria-label='{_text(r)}'><li role=option aria-selected=true>{_text(r)}<li role=option>{_text(r)}</ul>"
    ),
    lambda r, i: f"<div role=checkbox aria-checked=true tabindex=0 aria-labelledby={i}></div><span id={i}>{_text(r)}</span>",
    lambda r, i: f"<div role=switch aria-checked=false tabindex=0 aria-label='{_text(r)}'></div>",
    lambda r, i: (
        f"<div role=radiogroup aria-label='{_text(r)}'><div role=radio aria-checked=true tabindex=0>{_text(r)}</div></div>"
    ),
    lambda r, i: (
        f"<ul role=tree><li role=treeitem aria-expanded=true>{_text(r)}<ul role=group><li role=treeitem>{_text(r)}</ul></ul>"
    ),
    lambda r, i: f"<div role=slider tabindex=0 aria-valuenow=3 aria-valuemin=0 aria-valuemax=9 aria-label='{_text(r)}'></div>",
    lambda r, i: f"<div role=combobox tabindex=0 aria-expanded=false aria-label='{_text(r)}'>{_text(r)}</div>",
    lambda r, i: f"<div role=textbox tabindex=0 contenteditable aria-label='{_text(r)}'>{_text(r)}</div>",
    lambda r, i: (
        f"<div role=grid><div role=row><div role=gridcell tabindex=0>{_text(r)}</div><div role=gridcell>{_text(r)}</div></div></div>"
    ),
    lambda r, i: f"<div role=dialog aria-label='{_text(r)}'><p>{_text(r)}</p><button>{_text(r)}</button></div>",
    lambda r, i: (
        f"<button role=presentation>{_text(r)}</button><a href='#' role=button>{_text(r)}</a><button role=tab>{_text(r)}</button>"
    ),
    lambda r, i: (
        f"<div onclick='0'>{_text(r)}</div><div tabindex=0>{_text(r)}</div><span style='cursor:pointer'>{_text(r)}</span>"
    ),
    lambda r, i: f"<span id={i}>{_text(r)}</span><script>{i}.addEventListener('click', () => 0)</script>",
    lambda r, i: (
        f"<div role=spinbutton tabindex=0 aria-valuenow=2 aria-label='{_text(r)}'></div><div role=searchbox tabindex=0></div>"
    ),
)
_UNSEEN: Sequence[_Widget] = (
    lambda r, i: f"<div style='display:none'><button>{_text(r)}</button></div>",
    lambda r, i: (
        f"<div style='visibility:hidden'><button>{_text(r)}</button><a href='#' style='visibility:visible'>{_text(r)}</a></div>"
    ),
    lambda r, i: f"<div aria-hidden=true><p>{_text(r)}</p></div><div hidden><input></div>",
    lambda r, i: f"<div inert><button>{_text(r)}</button></div>",
    lambda r, i: f"<div style='opacity:0'><button>{_text(r)}</button></div>",
    lambda r, i: f"<button style='text-transform:uppercase'>{_text(r)}</button>",
    lambda r, i: f"<p>{_text(r, 3, 12)} <em>{_text(r)}</em> {_text(r, 3, 12)}</p><h2>{_text(r)}</h2>",
    lambda r, i: f"<button style='display:contents'>{_text(r)}</button><nav><ul><li><a href='#'>{_text(r)}</a></ul></nav>",
)


def _options(rng: random.Random) -> str:
    chosen = rng.randrange(3)
    return "".join(f"<option value={i} {'selected' if i == chosen else ''}>{_text(rng)}</option>" for i in range(3))


def varied(seed: int, widgets: int = 400, *, frames: int = 4) -> str:
    """A page of `widgets` random parts, some of them in shadow roots, and with `frames` frames that are such pages themselves."""
    rng = random.Random(seed)
    parts = [
        f"<!doctype html><meta charset=utf-8><title>{_text(rng)}</title><style>.icon{{display:inline-block;width:9px}}</style><main>"
    ]
    for i in range(widgets):
        kind = rng.choices((_NATIVE, _ARIA, _UNSEEN), (6, 3, 2))[0]
        part = rng.choice(kind)(rng, f"w{i}")
        if rng.random() < 0.1:
            part = f"<x-part>{_shadow(part)}</x-part>"
        parts.append(f"<{(tag := rng.choice(['div', 'section', 'li', 'form', 'span']))}>{part}</{tag}>")
    for i in range(frames):
        inner = rng.randrange(10**6)
        where = ("", "//other.test")[i % 2]
        if i % 4 == 3:
            parts.append(
                f'<iframe title="{_text(rng)}" srcdoc="{html.escape(varied(inner, widgets // 10, frames=0), quote=True)}"></iframe>'
            )
        else:
            parts.append(
                f'<iframe src="{where}/varied?seed={inner}&widgets={widgets // 10}&frames={frames // 4 if i == 0 else 0}"></iframe>'
            )
    return "".join(parts) + "</main>"


def _shadow(part: str) -> str:
    return f"<template shadowrootmode=open><slot></slot>{part}</template><button>slotted</button>"


# --- pages that change after an action ---

_AFTER = "p.textContent = 'after'"
CHANGES = {
    "timer": "setTimeout(done, ms)",
    "timers": "let n = 0; const next = () => ++n < 4 ? setTimeout(next, ms / 4) : done(); setTimeout(next, ms / 4)",
    "interval": "const end = performance.now() + ms; const id = setInterval(() => { if (performance.now() >= end) { clearInterval(id); done() } }, 20)",
    "frames": "const end = performance.now() + ms; const frame = () => performance.now() < end ? requestAnimationFrame(frame) : done(); frame()",
    "fetch": "fetch('/wait?ms=' + ms).then((r) => r.text()).then(done)",
    "stream": "fetch('/wait?body=1&ms=' + ms).then((r) => r.text()).then(done)",
    "xhr": "const x = new XMLHttpRequest(); x.onload = done; x.open('GET', '/wait?ms=' + ms); x.send()",
    "timer-fetch": "setTimeout(() => fetch('/wait?ms=' + ms / 2).then(done), ms / 2)",
    "fetch-timer": "fetch('/wait?ms=' + ms / 2).then(() => setTimeout(done, ms / 2))",
    "script": "const s = document.createElement('script'); s.src = '/wait?js=1&ms=' + ms; document.body.append(s)",
    "image": "const i = new Image(); i.onload = done; i.src = '/wait?gif=1&ms=' + ms",
    "transition": "b.ontransitionend = done; b.style.transition = `opacity ${ms}ms`; b.style.opacity = 0.5",
    "promise": "(async () => { await new Promise((r) => setTimeout(r, ms / 2)); await fetch('/wait?ms=' + ms / 2); done() })()",
    "frame": "f.contentWindow.postMessage(ms, '*')",
    "message": "window.postMessage(ms, '*')",
    "foreign-frame": "f.contentWindow.postMessage(ms, '*')",
    "worker": "w.postMessage(ms)",
    "socket": "s.send(ms)",
    "navigation": "location = '/after?ms=' + ms",
    "late-navigation": "setTimeout(() => location = '/after?ms=' + ms / 2, ms / 2)",
    "form": "g.ms.value = ms; g.submit()",
    "redirect": "location = '/refresh?ms=' + ms",
    "new-tab": "window.open('/after?ms=' + ms)",
    "noopener-tab": "window.open('/after?ms=' + ms, '_blank', 'noopener')",
    "named-tab": "window.open('/after?ms=' + ms, 'other')",
    "form-tab": "g.ms.value = ms; g.target = '_blank'; g.submit()",
    "autocomplete": "clearTimeout(window.t); window.t = setTimeout(() => fetch('/wait?ms=' + ms / 2).then(done), ms / 2)",
    "nothing": "",
    "never": "setInterval(() => { q.textContent = Math.random(); }, 7); setTimeout(done, ms)",
}
"""What an action sets off, by name: JavaScript that calls `done` some `ms` milliseconds later."""


_BESIDE = {
    "frame": "<iframe id=f src=/inner></iframe>",
    "foreign-frame": f"<iframe id=f src=//{HOSTS[1]}/inner></iframe><script>onmessage = () => done()</script>",
    "message": "<script>onmessage = (e) => setTimeout(done, e.data)</script>",
    "worker": "<script>const w = new Worker('/worker.js'); w.onmessage = () => done()</script>",
    "socket": "<script>const s = new WebSocket(`ws://${location.host}/socket`); s.onmessage = () => done()</script>",
}


def changing(change: str) -> str:
    """A page whose button (or, for `autocomplete`, field) starts one of `CHANGES`; it says `after` when that is over."""
    event = "x.addEventListener('input', go)" if change == "autocomplete" else "b.addEventListener('click', go)"
    return (
        "<!doctype html><meta charset=utf-8><title>Changing</title><p id=p>before</p><p id=q></p><button id=b>Go</button>"
        "<label>Field <input id=x></label><form id=g action=/after><input type=hidden name=ms></form>"
        + _BESIDE.get(change, "")
        + f"<script>const ms = +new URLSearchParams(location.search).get('ms');"
        f"function done() {{ {_AFTER} }} function go() {{ {CHANGES[change]} }} {event}</script>"
    )


_INNER = (
    "<!doctype html><p id=p>inside</p><script>onmessage = (e) => fetch('/wait?ms=' + e.data)"
    ".then(() => { p.textContent = 'after'; parent.postMessage(1, '*') })</script>"
)
_WORKER = "onmessage = (e) => setTimeout(() => postMessage(1), e.data)"
_DOT = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


class PageServer:
    """Serves the pages on loopback until it is closed."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="pages", daemon=True).start()

    @property
    def address(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        wait_s = float(query.get("ms", 0)) / 1000
        match address.path:
            case "/catalogue":
                self._send(catalogue(int(query["rows"])))
            case "/varied":
                page = varied(int(query["seed"]), int(query["widgets"]), frames=int(query["frames"]))
                self._send(page)
            case "/changing":
                self._send(changing(query["change"]))
            case "/after":
                time.sleep(wait_s)
                self._send("<!doctype html><title>After</title><p>after</p>")
            case "/refresh":
                time.sleep(wait_s / 2)
                self._send(f"<meta http-equiv=refresh content='0; url=/after?ms={float(query['ms']) / 2}'><p>moved</p>")
            case "/inner":
                self._send(_INNER)
            case "/worker.js":
                self._send(_WORKER, "text/javascript")
            case "/socket":
                self._answer_socket()
            case "/wait":
                self._wait(query, wait_s)
            case "/dot.gif":
                self._send(_DOT, "image/gif")
            case _:
                self._send("not found", status=404)

    def _wait(self, query: dict[str, str], wait_s: float) -> None:
        if "body" in query:  # the head at once, the body later
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"la")
            self.wfile.flush()
            time.sleep(wait_s)
            self.wfile.write(b"te")
            return
        time.sleep(wait_s)
        if "js" in query:
            self._send("done()", "text/javascript")
        elif "gif" in query:
            self._send(_DOT, "image/gif")
        else:
            self._send("late")

    def _answer_socket(self) -> None:
        """A WebSocket that answers each message, a number of ms, that much later (RFC 6455; short frames only)."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while (head := self.rfile.read(2)) and head[0] & 15 == 1:  # until it closes
            mask, masked = self.rfile.read(4), self.rfile.read(head[1] & 127)
            time.sleep(float(bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))) / 1000)
            self.wfile.write(b"\x81\x04late")
            self.wfile.flush()

    def _send(self, body: str | bytes, kind: str = "text/html; charset=utf-8", *, status: int = 200) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass
