"""Seeded private values, and random keys in the forms that providers give them, to measure what the rules find; not made out
of the rules.
"""

import base64
import json
import random
import string
from collections.abc import Callable, Iterator

__all__ = ["canaries", "secrets_of"]

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def secrets_of(each: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """So many keys of each provider, `(provider, key)`."""
    rng = random.Random(f"keys {seed}")

    def some(alphabet: str, count: int) -> str:
        return "".join(rng.choice(alphabet) for _ in range(count))

    def token() -> str:
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": some(string.digits, 10), "name": "someone"})
        head = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return ".".join([*head, some(_ALNUM + "-_", 43)])

    makers: dict[str, Callable[[], str]] = {
        "anthropic": lambda: f"sk-ant-api03-{some(_ALNUM + '-_', 93)}AA",
        "openai project": lambda: f"sk-proj-{some(_ALNUM + '-_', 120)}",
        "openai": lambda: f"sk-{some(_ALNUM, 48)}",
        "openrouter": lambda: f"sk-or-v1-{some(_HEX, 64)}",
        "aws": lambda: f"AKIA{some('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}",
        "aws session": lambda: f"ASIA{some('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}",
        "github": lambda: f"ghp_{some(_ALNUM, 36)}",
        "github app": lambda: f"ghs_{some(_ALNUM, 36)}",
        "github fine-grained": lambda: f"github_pat_{some(_ALNUM, 22)}_{some(_ALNUM, 59)}",
        "gitlab": lambda: f"glpat-{some(_ALNUM + '-_', 20)}",
        "slack bot": lambda: f"xoxb-{some(string.digits, 12)}-{some(string.digits, 12)}-{some(_ALNUM, 24)}",
        "slack user": lambda: f"xoxp-{some(string.digits, 12)}-{some(string.digits, 12)}-{some(_HEX, 32)}",
        "hugging face": lambda: f"hf_{some(_ALNUM, 34)}",
        "npm": lambda: f"npm_{some(_ALNUM, 36)}",
        "pypi": lambda: f"pypi-AgEIcHlwaS5vcmc{some(_ALNUM + '-_', 150)}",
        "google api": lambda: f"AIza{some(_ALNUM + '-_', 35)}",
        "google oauth": lambda: f"ya29.{some(_ALNUM + '-_', 120)}",
        "jwt": token,
        "private key": lambda: f"-----BEGIN RSA PRIVATE KEY-----{some(_ALNUM + '+/', 64)}",
        "stripe": lambda: f"sk_live_{some(_ALNUM, 24)}",
        "stripe restricted": lambda: f"rk_live_{some(_ALNUM, 24)}",
        "sendgrid": lambda: f"SG.{some(_ALNUM + '-_', 22)}.{some(_ALNUM + '-_', 43)}",
        "mailgun": lambda: f"key-{some(_HEX, 32)}",
        "shopify": lambda: f"shpat_{some(_HEX, 32)}",
        "digitalocean": lambda: f"dop_v1_{some(_HEX, 64)}",
        "docker": lambda: f"dckr_pat_{some(_ALNUM + '-_', 27)}",
        "groq": lambda: f"gsk_{some(_ALNUM, 52)}",
        "twilio": lambda: f"SK{some(_HEX, 32)}",
        "telegram": lambda: f"{some('123456789', 10)}:AA{some(_ALNUM + '-_', 33)}",
        "basic login": lambda: f"https://{some(string.ascii_lowercase, 8)}:{some(_ALNUM, 14)}@host.test/path",
        "vault": lambda: f"hvs.{some(_ALNUM + '-_', 90)}",
        "figma": lambda: f"figd_{some(_ALNUM + '-_', 40)}",
    }
    for provider, make in makers.items():
        for _ in range(each):
            yield provider, make()


_WORDS = [
    "amber",
    "birch",
    "cedar",
    "comet",
    "delta",
    "ember",
    "fable",
    "grove",
    "harbor",
    "indigo",
    "juniper",
    "kettle",
    "lantern",
    "maple",
    "nectar",
    "opal",
    "pebble",
    "quartz",
]
_NAMES = [
    "Ottoline",
    "Vasquez-Thorne",
    "Ingram",
    "Bellweather",
    "Cassius",
    "Drummond",
    "Perpetua",
    "Hollings",
    "Ezekiel",
    "Farnsworth",
    "Marisol",
    "Quigley",
    "Thaddeus",
]


def canaries(count: int, seed: int) -> list[tuple[str, str]]:
    """So many values, `(kind, value)`, no two alike."""
    rng = random.Random(f"canaries {seed}")
    makers = {
        "name": lambda: (
            f"{rng.choice(_NAMES)} {rng.choice(_NAMES)}{rng.choice('aeiou')}{rng.choice('lmnr')}{rng.randrange(10, 99)}"
        ),
        "email": lambda: f"{rng.choice(_WORDS)}.{rng.choice(_WORDS)}{rng.randrange(999)}@{rng.choice(_WORDS)}.example",
        "phone": lambda: (
            f"+{rng.randrange(1, 99)} {rng.randrange(100, 999)} {rng.randrange(100, 999)} {rng.randrange(1000, 9999)}"
        ),
        "address": lambda: f"{rng.randrange(1, 999)} {rng.choice(_WORDS).title()} Lane, {rng.randrange(10000, 99999)} Brindle",
        "password": lambda: f"{rng.choice(_WORDS).title()}-{rng.choice(_WORDS)}-{rng.randrange(100, 99999)}",
        "key": lambda: "".join(rng.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(24)),
    }
    found: dict[str, str] = {}
    while len(found) < count:
        kind = list(makers)[len(found) % len(makers)]
        found[makers[kind]()] = kind
    return sorted((kind, value) for value, kind in found.items())  # by kind: passwords keep whole pages here, names do not
