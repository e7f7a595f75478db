"""What the page itself says about its texts: labels, column heads, kinds of fields, greetings, where one is.

Stronger than any reading of the text alone: "4417" under "Code" is a secret, and whatever stands before "Sign out" is who is
signed in. Labels that products have too ("Name", "From") are no proof alone: they count together with the classifier.
"""

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser

from symbiotic_gym.agents.privacy_search import Lines, Remembered, small_letters
from symbiotic_gym.nodes import Node
from symbiotic_gym.protocols import Finding

__all__ = ["StructureDetector", "field_kinds"]

SURE, HALF = 1.0, 0.25

_LABELS: Sequence[tuple[str, str, float]] = (
    ("password", r"(?:new |old |current |repeat |confirm )?(?:pass(?:word|phrase|code)|passwort|contraseña|pwd)", SURE),
    ("code", r"(?:access |door |entry |security |verification |one[- ]time |pin |gate )?(?:code|pin|otp|cvv|cvc|tan)", SURE),
    ("key", r"(?:.* )?(?:(?:api|access|secret|private|deploy|recovery) (?:key|token|phrase)s?|tokens?|secrets?)", SURE),
    ("card", r"(?:credit |debit )?card(?: number| no\.?)?|kartennummer", SURE),
    ("iban", r"iban|account (?:number|no\.?)|routing number|kontonummer|bank account", SURE),
    ("ssn", r"ssn|social security.*|tax id.*|passport.*|national id.*|driver'?s? licen[sc]e.*", SURE),
    ("health", r"diagnos[ie]s|allerg(?:y|ies)|medication|blood type|conditions?|prescription|symptoms?", SURE),
    ("email", r"e-?mail(?: address)?|correo.*|courriel|e-post", SURE),
    ("phone", r"(?:mobile |cell |home |work )?(?:tele)?phone(?: number)?|mobile|telefon.*|tel\.?|téléphone", SURE),
    ("address", r"(?:.* )?(?:address|anschrift|adresse|dirección)(?: line \d)?|street|ship(?:ping)? to|home|work", SURE),
    ("birthday", r"birthday|date of birth|born|dob|geburtsdatum", SURE),
    ("name", r"(?:full|first|last|middle|family|customer|recipient|cardholder|contact|(?:bill|ship)-to) ?name|surname", SURE),
    ("name", r"customers?|recipient|patient|employee|buyer|client|kunde|cliente|bill(?:ed)? to", SURE),
    ("name", r"name|from|to|contact|sender|nombre|nom|by|author|person|guest|user|assignee|owner|member", HALF),
    ("order", r"(?:order|invoice|booking|tracking|customer|policy|case)s?[ -]?(?:no\.?|number|#|id)?|bestellnummer", SURE),
    ("message", r"message|body|letter|note to .*|comment to .*", SURE),
)  # fmt: skip
_LABEL = [(kind, re.compile(rf"(?:{pattern})\s*[*:#]?", re.I), score) for kind, pattern, score in _LABELS]

_SHAPES: Mapping[str, re.Pattern[str]] = {
    "code": re.compile(r"(?=.*\d)[\w-]{3,12}"),
    "key": re.compile(r"(?=.*[\d_-])\S{8,}|\S{16,}"),
    "card": re.compile(r".*\d{3,}.*"),
    "iban": re.compile(r".*\d{3,}.*"),
    "email": re.compile(r".*@.*"),
    "phone": re.compile(r"\+?[\d\s().\-–/ext]{6,}"),
    "address": re.compile(r"(?=.*\d)(?=.*[^\W\d_]).{6,}"),
    "birthday": re.compile(r".*\d.*"),
    "name": re.compile(r"[^\W\d_][^\d@/\\<>=|:]{1,60}"),
    "order": re.compile(r"#?(?=.*\d)[A-Z]{0,4}[\d-]{4,20}"),
    "message": re.compile(r"(?:\S+\s+){3,}\S+", re.S),
    "health": re.compile(r".{3,}"),
    "ssn": re.compile(r".*\d.*"),
}
"""What a text under a label must look like; a label is often followed by a button or by nothing."""

_CODE = re.compile(r"code\s*[*:#]?", re.I)
_VOUCHER = re.compile(r"[A-Z]{4,}-?\d{1,3}")
"""A word and a small number, "SPRING15": what is to be had, not who may enter. Hidden, but no reason to keep a step here."""

_AUTOCOMPLETE = {
    "name": "name", "given-name": "name", "family-name": "name", "additional-name": "name", "username": "name",
    "email": "email",
    "tel": "phone", "street-address": "address", "address-line1": "address", "address-line2": "address",
    "postal-code": "address",
    "cc-name": "name", "cc-number": "card", "cc-csc": "code", "cc-exp": "card", "bday": "birthday",
    "current-password": "password",
    "new-password": "password", "one-time-code": "code",
}  # fmt: skip
_TYPES = {"password": "password", "email": "email", "tel": "phone"}
_PERSONAL_PATH = re.compile(r"/(?:messages?|inbox|mail|conversations?|letters?|chats?)(?:[/?#]|$)", re.I)
_SIGN_OUT = re.compile(r"(?:sign|log)[ -]?out|abmelden|déconnexion|cerrar sesión", re.I)
_IN_TEXT: Sequence[tuple[str, re.Pattern[str]]] = (
    ("name", re.compile(r"^(?:hello|hi|welcome|dear|signed in as)[, ]+(?!to )([^\W\d_][\w'’.-]+(?: [^\W\d_][\w'’-]+)?)", re.I)),
    ("order", re.compile(r"\b(?:order|invoice|booking|tracking)s?(?: no\.?| number| id)?[ :#]*([A-Z]{0,4}-?\d{5,})\b", re.I)),
    ("code", re.compile(r"\b(?:code|pin|otp)(?: is|:)? ?(?:now )?(\d{4,8})\b", re.I)),
    ("birthday", re.compile(r"\b(?:born|date of birth|birthday)\b[^\d]{0,12}(\d[\d./ -]{5,9}\d)", re.I)),
)  # fmt: skip
_TELLING = (
    *("hello", "hi", "welcome", "dear", "signed in as", "order", "invoice", "booking", "tracking"),
    *("code", "pin", "otp", "born", "birth"),
)
"""What every text of `_IN_TEXT` holds, in small letters."""

_STREET = re.compile(
    r"\b(?:[^\W\d_]+(?:straße|strasse|straat|gatan|vägen|gata|väg|katu|polku|kuja|tie|gasse|gata|veien|vej)"
    r"|(?:Rua|Avenida|Alameda|Travessa|Praça|Largo|Via|Viale|Piazza|Corso|Strada|Calle|Calea|Bulevardul|Rue)"
    r"(?: [^\W\d_][\w'’.-]*){1,5})"
    r",? (?:n[r.º°]*\.? ?)?\d{1,5}\b[^|;\n]{0,60}"
)
_STREETS = (
    *("straße", "strasse", "straat", "gata", "väg", "katu", "polku", "kuja", "tie", "gasse", "vei", "vej", "Rua", "Avenida"),
    *("Alameda", "Travessa", "Praça", "Largo", "Via", "Piazza", "Corso", "Strada", "Calle", "Calea", "Bulevardul", "Rue"),
)
"""What every street of `_STREET` holds."""

_FIELDS = frozenset({"textbox", "searchbox", "combobox", "spinbutton"})
_MESSAGE = re.compile(r"(?:\S+\s+){4,}\S+", re.S)


_Said = tuple[int, int, str, str]
"""Where a part of a text begins and ends, its kind, and the rule that says so."""


class StructureDetector:
    """Labels, fields and places as a `symbiotic_gym.protocols.Detector`."""

    name = "structure"
    version = "1"

    def __init__(self) -> None:
        self._said = Remembered(_said_in_each)

    def find(self, nodes: Sequence[Node], url: str) -> list[Finding]:
        """What the page says is private."""
        personal = bool(_PERSONAL_PATH.search(url.partition("://")[2]))
        said = self._said([node.text for node in nodes])
        found: list[Finding] = []
        for i, node in enumerate(nodes):
            if node.part == "value" and node.kind:
                found.append(self._whole(i, node, node.kind, SURE, "field"))
            elif not (node.role in _FIELDS and node.part == "name"):  # the name of a field is a label, not what is in it
                found += self._labelled(i, node)
                found += self._in_text(i, said[i])
                if personal and not node.label and node.role in ("text", "textbox") and _MESSAGE.fullmatch(node.text):
                    found.append(self._whole(i, node, "message", SURE, "place"))
            if _SIGN_OUT.fullmatch(node.text) and i and nodes[i - 1].role == "text" and not nodes[i - 1].label:
                found.append(self._whole(i - 1, nodes[i - 1], "name", SURE, "signed-in"))
        return [finding for finding in found if finding.end > finding.start]

    def _labelled(self, i: int, node: Node) -> list[Finding]:
        if not node.label or len(node.label) > 60 or (node.role == "button" or node.role == "option"):
            return []
        if _CODE.fullmatch(node.label.strip()) and _VOUCHER.fullmatch(node.text.strip()):
            return [self._whole(i, node, "voucher", SURE, "label")]
        for kind, pattern, score in _LABEL:
            if pattern.fullmatch(node.label.strip()):
                shape = _SHAPES.get(kind)
                if shape is None or shape.fullmatch(node.text.strip()):
                    return [self._whole(i, node, kind, score, "label")]
        return []

    def _in_text(self, i: int, said: Sequence[_Said]) -> list[Finding]:
        return [
            Finding(node=i, start=start, end=end, kind=kind, score=SURE, source=f"{self.name}:{rule}")
            for start, end, kind, rule in said
        ]

    def _whole(self, i: int, node: Node, kind: str, score: float, rule: str) -> Finding:
        start = len(node.text) - len(node.text.lstrip())
        return Finding(node=i, start=start, end=len(node.text.rstrip()), kind=kind, score=score, source=f"{self.name}:{rule}")


def _said_in_each(texts: Sequence[str]) -> list[Sequence[_Said]]:
    """What each text says of its own parts."""
    marked = Lines(texts).holding(_STREETS) | Lines([small_letters(text) for text in texts]).holding(_TELLING)
    return [_said_in(text) if i in marked else () for i, text in enumerate(texts)]


def _said_in(text: str) -> Sequence[_Said]:
    streets = [(match.start(), match.end(), "address", "street") for match in _STREET.finditer(text)]
    said = [(m.start(1), m.end(1), kind, "text") for kind, pattern in _IN_TEXT for m in pattern.finditer(text)]
    return (*streets, *said)


def field_kinds(html: str) -> dict[str, str]:
    """What the fields of a page are for, by bid, as `type` and `autocomplete` say.

    Args:
        html: the observation's `dom`, whose elements carry their `bid`.
    """
    reader = _Fields()
    reader.feed(html)
    return reader.kinds


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.kinds: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("input", "textarea", "select"):
            return
        given = {name: value or "" for name, value in attrs}
        tokens = given.get("autocomplete", "").lower().split()
        kind = _TYPES.get(given.get("type", "").lower()) or next((_AUTOCOMPLETE[t] for t in tokens if t in _AUTOCOMPLETE), "")
        if kind and "bid" in given:
            self.kinds[given["bid"]] = kind
