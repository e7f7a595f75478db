"""Secrets and numbers that say what they are: prefixes of keys, checksums of cards and accounts, shapes of e-mail and phone
numbers.

A rule is anchored on something that nothing else has: a prefix that a provider gives to its keys, a checksum, an "@". Entropy
is no rule here; it takes "Add to Cart" for a key. Formats are those that the providers document.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from symbiotic_gym.agents.privacy_search import Lines, Remembered, small_letters
from symbiotic_gym.nodes import Node
from symbiotic_gym.protocols import Finding

__all__ = ["KEY_RULES", "SecretsDetector", "iban_ok", "luhn_ok", "matches", "matches_of_all"]

_W = r"[A-Za-z0-9_-]"
KEY_RULES: dict[str, str] = {
    "anthropic": rf"sk-ant-{_W}{{20,}}",
    "openai-project": rf"sk-(?:proj|svcacct|admin)-{_W}{{20,}}",
    "openrouter": r"sk-or-v1-[0-9a-f]{32,}",
    "openai": r"sk-[A-Za-z0-9]{32,}",
    "aws-id": r"(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z2-7]{16}",
    "github": r"gh[pousr]_[A-Za-z0-9]{36,}",
    "github-fine": r"github_pat_[A-Za-z0-9_]{40,}",
    "gitlab": rf"gl(?:pat|dt|rt|ptt|soat)-{_W}{{20,}}",
    "slack": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "slack-app": r"xapp-\d-[A-Za-z0-9-]{10,}",
    "hugging-face": r"hf_[A-Za-z0-9]{30,}",
    "npm": r"npm_[A-Za-z0-9]{36}",
    "pypi": rf"pypi-{_W}{{50,}}",
    "google-api": rf"AIza{_W}{{35}}",
    "google-oauth": rf"ya29\.{_W}{{20,}}",
    "google-secret": rf"GOCSPX-{_W}{{28}}",
    "jwt": rf"eyJ{_W}{{8,}}\.eyJ{_W}{{8,}}\.{_W}*",
    "private-key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "stripe": r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",
    "stripe-hook": r"whsec_[A-Za-z0-9+/=]{24,}",
    "sendgrid": rf"SG\.{_W}{{16,}}\.{_W}{{16,}}",
    "mailgun": r"key-[0-9a-f]{32}",
    "shopify": r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "digitalocean": r"do[opr]_v1_[0-9a-f]{64}",
    "docker": rf"dckr_(?:pat|oat)_{_W}{{20,}}",
    "groq": r"gsk_[A-Za-z0-9]{40,}",
    "xai": r"xai-[A-Za-z0-9]{40,}",
    "replicate": r"r8_[A-Za-z0-9]{30,}",
    "linear": r"lin_api_[A-Za-z0-9]{32,}",
    "square": rf"(?:sq0(?:atp|csp)-{_W}{{22,}}|EAAA{_W}{{56,}})",
    "twilio": r"(?:SK|AC)[0-9a-f]{32}",
    "figma": rf"figd_{_W}{{30,}}",
    "postman": r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    "rubygems": r"rubygems_[0-9a-f]{48}",
    "new-relic": r"NRAK-[A-Z0-9]{27}",
    "vault": rf"hv[sb]\.{_W}{{20,}}",
    "age": r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    "telegram": rf"\d{{8,10}}:AA{_W}{{33}}",
    "azure": r"AccountKey=[A-Za-z0-9+/]{60,}={0,2}",
    "login-url": r"[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@[^\s/]+",
}
"""Keys by provider. The order counts where one prefix begins another."""

_KEYS = re.compile("|".join(f"(?P<{name.replace('-', '_')}>(?<![A-Za-z0-9]){rule})" for name, rule in KEY_RULES.items()))
_HINTS = (
    "sk-", "AKIA", "ASIA", "AGPA", "AIDA", "AROA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
    "gldt-", "glrt-", "glptt-", "glsoat-", "xox", "xapp-", "hf_", "npm_", "pypi-", "AIza", "ya29.", "GOCSPX-", "eyJ",
    "-----BEGIN", "sk_", "rk_", "pk_", "whsec_", "SG.", "key-", "shpat_", "shpca_", "shppa_", "shpss_", "doo_v1",
    "dop_v1", "dor_v1", "dckr_", "gsk_", "xai-", "r8_", "lin_api_", "sq0", "EAAA", "SK", "AC", "figd_", "PMAK-",
    "rubygems_", "NRAK-", "hvs.", "hvb.", "AGE-SECRET", ":AA", "AccountKey=", "://",
)  # fmt: skip
"""What every key of `KEY_RULES` holds: a text without any of these needs no closer look, which is nearly every text."""

_ASSIGNED = re.compile(
    r"\b(?:pass(?:word|phrase|wd|code)?|pwd|secret|(?:api|access|auth|private)[ _-]?(?:key|token)|otp|cvv|cvc"
    r"|pin(?: code)?|token)"
    r"[\"']?\s*(?:is|[:=])\s*[\"']?([^\s\"',;]{3,})",
    re.I,
)
_TOLD = re.compile(
    r"\b(?:pass(?:word|phrase|wd|code)?|pwd|secret|(?:(?:api|access|auth|private|deploy|recovery)[ _-]?)?(?:key|token)|otp)"
    r"[ \t]+[\"'“‘(]?(?=[^\s\d]*\d|[a-z]{12})([A-Za-z0-9_+/=-]{8,})",
    re.I,
)
"""The name of a secret and a word behind it; `_drawn` says whether the word is one."""

_LONG = re.compile(r"[a-z0-9]{16,}")
_UNSPOKEN = re.compile(r"[bcdfghjklmnpqrstvwxz]{6}|([bcdfghjklmnpqrstvwxz]{5}.*){2}")

_NAMED = ("pass", "pwd", "secret", "key", "token", "otp", "cvv", "cvc", "pin")
"""What every text of `_ASSIGNED` holds, in small letters."""

_NUMBERED = (
    re.compile(r"\d(?:(?:[^\w\n]{0,3}\d){6}|\.\d+\.\d)"),
    re.compile(r"[A-Z][A-Z]\d\d(?: ?[A-Z0-9]{4}){2}"),
)
"""What every number that a rule knows holds: seven digits in a row or nearly, a dotted address, the head of an account."""

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
_CARD = re.compile(r"(?<![\d.])\d(?:[ -]?\d){11,18}(?![\d.]\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_SSN = re.compile(r"(?<!\d)(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?!\d)")
_CPF = re.compile(r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)")
_IP = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
_PHONE = re.compile(
    r"(?<![\w.,$€£-])(?:\+|00)?\(?\d(?:[ ().\-–/]{0,2}\d){6,14}(?i: ?(?:x|ext\.?|extension) ?\d{1,6})?(?![\w]|[.,-]\d)"
)
_EXTENSION = re.compile(r" ?(?:x|ext\.?|extension) ?\d{1,6}$", re.I)
_NO_PHONE = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d|\d{1,3}(?:[., ]\d{3})+(?:[.,]\d\d?)?"
    r"|(?:1\d|20)\d\d ?[-–/] ?(?:1\d|20)\d\d|\d+\.\d+\.\d+\.\d+|\d+(?:[.]\d+)?"
)
_VERSIONISH = re.compile(r"\d{1,3}(?:\.\d{1,3}){1,3}")


@dataclass(frozen=True)
class Match:
    """A part of a text that a rule knows."""

    start: int
    end: int
    kind: str
    rule: str
    score: float = 1.0


@lru_cache(maxsize=4096)
def matches(text: str) -> tuple[Match, ...]:
    """Everything in a text that a rule knows. Matches may overlap. Most of a page is as it was a step before: remembered."""
    return tuple(_matches(text))


def _matches(text: str) -> Iterator[Match]:
    for found in _KEYS.finditer(text) if any(hint in text for hint in _HINTS) else ():
        yield Match(found.start(), found.end(), "key", str(found.lastgroup).replace("_", "-"))
    small = small_letters(text)
    named = any(word in small for word in _NAMED)
    for found in _ASSIGNED.finditer(text) if named else ():
        if any(char.isdigit() or not char.isalnum() for char in found[1].rstrip(".")):
            yield Match(found.start(1), found.end(1), "password", "assigned")
    for found in _TOLD.finditer(text) if named else ():
        if _drawn(found[1]):
            yield Match(found.start(1), found.end(1), "key", "told")
    if "@" in text:
        for found in _EMAIL.finditer(text):
            yield Match(found.start(), found.end(), "email", "email")
    if any(pattern.search(text) for pattern in _NUMBERED):
        yield from _numbers(text)


def matches_of_all(texts: Sequence[str]) -> Iterator[tuple[int, Match]]:
    """`matches` of many texts, each with its text's place in `texts`; fast where there are none, as in most texts."""
    lines = Lines(texts)
    wanted = lines.holding((*_HINTS, "@")).union(*map(lines.matching, _NUMBERED))
    wanted |= Lines([small_letters(text) for text in texts]).holding(_NAMED)
    for i in sorted(wanted):
        for match in matches(texts[i]):
            yield i, match


def _matches_of_each(texts: Sequence[str]) -> list[list[Match]]:
    found: list[list[Match]] = [[] for _ in texts]
    for i, match in matches_of_all(texts):
        found[i].append(match)
    return found


def _numbers(text: str) -> Iterator[Match]:
    checked: list[tuple[str, str, re.Pattern[str], Callable[[str], bool]]] = [
        ("card", "luhn", _CARD, luhn_ok),
        ("iban", "iban", _IBAN, iban_ok),
        ("ssn", "ssn", _SSN, lambda value: True),
        ("ssn", "cpf", _CPF, _cpf_ok),
        ("ip", "ip", _IP, lambda value: True),
        ("phone", "phone", _PHONE, _phone_ok),
    ]
    for kind, rule, pattern, holds in checked:
        for found in pattern.finditer(text):
            if holds(found[0]):
                yield Match(found.start(), found.end(), kind, rule, 0.9 if kind == "phone" else 1.0)


def _drawn(word: str) -> bool:
    """Whether a word looks drawn at random: letters and digits take turns, or it is long and hardly anybody could say it."""
    turns = sum(a.isdigit() != b.isdigit() for a, b in pairwise(word))
    if turns >= 3:
        return any(char.isalpha() for char in word)
    return bool(_LONG.fullmatch(word)) and (turns == 2 or bool(_UNSPOKEN.search(word)))


def luhn_ok(number: str) -> bool:
    """Whether the digits of a card number add up.

    >>> luhn_ok("4111 1111 1111 1111")
    True
    """
    digits = [int(char) for char in number if char.isdigit()]
    if len(set(digits)) < 2:
        return False
    doubled = [digit if i % 2 == 0 else sum(divmod(2 * digit, 10)) for i, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def iban_ok(iban: str) -> bool:
    """Whether an account number leaves the remainder 1 (ISO 13616).

    >>> iban_ok("DE89 3704 0044 0532 0130 00")
    True
    """
    plain = iban.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


def _cpf_ok(cpf: str) -> bool:
    digits = [int(char) for char in cpf if char.isdigit()]

    def check(count: int) -> int:
        rest = sum(digit * (count + 1 - i) for i, digit in enumerate(digits[:count])) * 10 % 11
        return rest % 10

    return check(9) == digits[9] and check(10) == digits[10]


def _phone_ok(number: str) -> bool:
    """Seven to fifteen digits in groups, or with a country's prefix, and neither a date nor an amount."""
    number = _EXTENSION.sub("", number.lstrip("("))
    digits = sum(char.isdigit() for char in number)
    return 7 <= digits <= 15 and not _NO_PHONE.fullmatch(number) and not _VERSIONISH.fullmatch(number)


class SecretsDetector:
    """The rules as a `symbiotic_gym.protocols.Detector`."""

    name = "secrets"
    version = "3"

    def __init__(self) -> None:
        self._matches = Remembered(_matches_of_each)

    def find(self, nodes: Sequence[Node], url: str) -> list[Finding]:
        """All matches in all nodes."""
        return [
            Finding(
                node=i, start=match.start, end=match.end, kind=match.kind, score=match.score, source=f"{self.name}:{match.rule}"
            )
            for i, found in enumerate(self._matches([node.text for node in nodes]))
            for match in found
        ]
