"""The fence: what an environment's browser can reach, and the same rule for the addresses that actions name.

Two layers, each enough alone for what it covers. In the network, Chromium is told to resolve the task's own hosts and nothing
else, literal addresses included (`--host-resolver-rules`). That sits below everything a page can do (redirects, favicons,
WebSockets, prefetches, workers), where request interception sees only part; rules may name a port, so that a host's other ports
stay shut without an interception that would slow down every request. WebRTC opens sockets past the resolver: it may use none
but a proxy's, and there is no proxy: one in the user's environment is for the web outside, and would be asked for everything
that the fence is to keep in, the task's own names too. In the action table, an address must be http or https, written in one
way only (`symbiotic_gym.urls`), and of an allowed origin; this is also what keeps file:, chrome:, data: and view-source: out,
which need no network.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

from symbiotic_gym.urls import BLANK, origin

__all__ = ["Fence"]

ANYWHERE = "*"


class Fence:
    """What may be reached.

    Args:
        hosts: `name:port` (that port alone) or `name` (any port), as it stands in URLs -> `address:port` it is served at, or an
            `address` alone. A site elsewhere is served at its own name: `{"shop.example:7770": "shop.example:7770"}`. `*` among
            the names takes the fence down, for tasks on the whole web; the rule for schemes stays.
    """

    def __init__(self, hosts: Mapping[str, str]) -> None:
        self.hosts = {name.lower(): address for name, address in hosts.items()}

    def launch_args(self) -> list[str]:
        """Chromium's command line."""
        rules = [f"MAP {name} {address}" for name, address in self.hosts.items() if name != ANYWHERE]
        closed = ANYWHERE not in self.hosts
        rest = ["MAP * ~NOTFOUND"] if closed else []
        return [
            f"--host-resolver-rules={', '.join(rules + rest)}",
            *(["--no-proxy-server"] if closed else []),
            "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # what a full Chromium reads
            "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # what the headless shell reads
        ]

    def go_direct(self) -> None:
        """Have this process ask the task's sites directly too, as its browser does, whatever proxy its environment names.

        For BrowserGym's tasks and evaluators that ask them by `requests`, which reads the environment at each request.
        """
        names = {re.sub(r":\d+$", "", name).strip("[]") for name in self.hosts if name != ANYWHERE}
        for variable in ("no_proxy", "NO_PROXY"):
            known = [name for name in os.environ.get(variable, "").split(",") if name]
            os.environ[variable] = ",".join(dict.fromkeys([*known, "127.0.0.1", "::1", "localhost", *sorted(names)]))

    def context_options(self) -> dict[str, Any]:
        """Of `browser.new_context`: no service workers, which outlive pages; no downloads."""
        return {"service_workers": "block", "accept_downloads": False}

    def refusal(self, url: str) -> str:
        """Why an action may not go to `url`; empty when it may."""
        if url == BLANK:
            return ""
        try:
            name = self._name(url)
        except ValueError as error:
            return f"{url[:100]!r} is refused: {error}"
        return "" if name else f"{url[:100]!r} lies outside the task's sites ({', '.join(self.hosts)})"

    def allows(self, url: str) -> bool:
        """Whether an action may go to `url`."""
        return not self.refusal(url)

    def serves(self, url: str) -> bool:
        """Whether something of the site ought to answer at `url`: its host, and its port too, were named."""
        try:
            name = self._name(url)
        except ValueError:
            return False
        return name is not None and (":" in name or ":" in self.hosts[name])

    def _name(self, url: str) -> str | None:
        """The entry of `hosts` that `url` belongs to."""
        _, host, port = origin(url)
        return next((name for name in (f"{host}:{port}", host, ANYWHERE) if name in self.hosts), None)
