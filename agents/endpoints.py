"""Which addresses are asked, and which key goes where: a key found in the environment is sent to its own provider only."""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit

from symbiotic_gym.errors import ConfigError, explain

__all__ = ["DEFAULT_URL", "checked_url", "is_local", "key_for"]

DEFAULT_URL = "https://api.openai.com/v1"


def is_local(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_url(url: str) -> str:
    """The address of an API, as it was given.

    Raises:
        ConfigError: it is no http or https address, or it holds a name or password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        shown = url.replace(parts.netloc, parts.netloc.rpartition("@")[2])
        raise ConfigError(
            explain(
                f"{shown!r} as the address of a model",
                "http://HOST[:PORT]/... or https://HOST[:PORT]/..., without a name or password in it",
                "addresses are written into run folders and reports",
                "correct the address; a key goes into OPENAI_API_KEY or api_key=...",
            )
        )
    return url


def key_for(url: str, model: str) -> str:
    """The environment's key for the provider it belongs to; "none" (the client insists on one) for any other address.

    Raises:
        ConfigError: the provider needs a key, and there is none.
    """
    parts = urlsplit(url)
    homes = {urlsplit(known).hostname for known in (DEFAULT_URL, os.environ.get("OPENAI_BASE_URL", ""))}
    if is_local(url) or parts.scheme != "https" or parts.hostname not in homes:
        return "none"
    key = os.environ.get("OPENAI_API_KEY", "")
    if not key:
        raise ConfigError(
            explain(
                f"no key for the model {model!r} at {url}",
                "api_key=... or OPENAI_API_KEY",
                "the endpoint would refuse every request, after the work has begun",
                'set the key; for a server without one, pass api_key="none"',
            )
        )
    return key
