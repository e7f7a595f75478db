"""Which texts are addresses that mean the same to everyone, and to which origin they belong.

Browsers read addresses generously: `http:\\\\evil.test`, `http://2130706433/`, `http://shop.test@evil.test/`, a tab in the middle of
a host. Each such freedom is a way to write an address that a check reads as one place and the browser as another. So there is
no reading here, only a narrow grammar: what does not fit is refused with the reason, and what fits, Chromium reads alike.
"""

import ipaddress
import re
import unicodedata

__all__ = ["BLANK", "Origin", "origin"]

BLANK = "about:blank"
LONGEST = 8000

Origin = tuple[str, str, int]
"""Scheme, host in lower case, port."""

_PARTS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<slashes>//)?(?P<authority>[^/?#]*)(?P<rest>.*)", re.S)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> Origin:
    """The origin of an absolute http or https address.

    >>> origin("HTTP://Shop.test/cart?id=1")
    ('http', 'shop.test', 80)

    Raises:
        ValueError: it is none, or is written in a way that not every program reads alike; the message says which.
    """
    if len(url) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    for char in url:
        if char.isspace() or char == "\\" or unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
            raise ValueError(f"it holds {unicodedata.name(char, f'the character {ord(char):#x}')}, written out")
    parts = _PARTS.fullmatch(url)
    if parts is None:
        raise ValueError("it is no absolute address")
    scheme = parts["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError(f"its scheme is {scheme}:, not http:// or https://")
    if not parts["slashes"]:
        raise ValueError(f"{scheme}: is not followed by //")
    return (scheme, *_host_and_port(parts["authority"], _DEFAULT_PORTS[scheme]))


def _host_and_port(authority: str, default: int) -> tuple[str, int]:
    if "@" in authority:
        raise ValueError("it has a user name before its host")
    host, colon, port = authority.lower(), "", ""
    if not host.endswith("]"):
        before, colon, port = host.rpartition(":")
        host = before if colon else host
    if colon and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
        raise ValueError("its port is no number from 1 to 65535")
    return _host(host), int(port) if colon else default


def _host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        try:
            address = ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise ValueError("its host is no IPv6 address") from None
        if address.ipv4_mapped or address.scope_id or f"[{address.compressed}]" != host:
            raise ValueError("its IPv6 address is not in its shortest form")
        return host
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(host) > 253:
        raise ValueError("its host is no plain name (letters a-z, digits, hyphens, dots between)")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("its host is a number, but no IPv4 address of four decimal parts") from None
    return host
