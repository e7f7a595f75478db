"""What a site says to everybody: the names of its links, headings, buttons and products, as an anonymous visitor sees them.

Taking these out of what the detectors find ends the class of false hits that product names are. Only what navigates is learned,
not running text: a review's author stands on a public page too, and is still somebody.
"""

import json
import os
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from pathlib import Path

from symbiotic_gym.agents.privacy_encodings import squeeze
from symbiotic_gym.errors import StoreError, explain
from symbiotic_gym.urls import origin

__all__ = ["PublicVocabulary"]

_TAUGHT = frozenset(
    {"a", "button", "h1", "h2", "h3", "h4", "th", "option", "label", "legend", "title", "nav", "footer", "summary"}
)
_VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
_FEWEST = 3
"""Letters and digits a text must have to be worth remembering."""


class PublicVocabulary:
    """Texts that are public, by host; safe to share between agents once it is learned.

    Args:
        shared: texts that are public everywhere.
    """

    def __init__(self, shared: Iterable[str] = ()) -> None:
        self._texts: dict[str, set[str]] = {"": {squeeze(text) for text in shared}}

    def __len__(self) -> int:
        return sum(map(len, self._texts.values()))

    def learn(self, html: str, url: str, *, hosts: Iterable[str] = ()) -> int:
        """Remember what a page shows to a visitor who is not signed in.

        Args:
            html: the page as the site sent it.
            url: its address.
            hosts: further hosts for which it is public too, such as the back office of the same shop.

        Returns:
            How many texts are new.

        Raises:
            ValueError: `url` is no address.
        """
        reader = _Taught()
        reader.feed(html)
        before = len(self)
        for host in (origin(url)[1], *hosts):
            self._texts.setdefault(host, set()).update(
                key for text in reader.texts if len(key := squeeze(text)) >= _FEWEST and not key.isdigit()
            )
        return len(self) - before

    def of(self, url: str) -> Callable[[str], bool]:
        """What says whether a text is public on the site of that address."""
        try:
            here = self._texts.get(origin(url)[1], set())
        except ValueError:
            here = set()
        everywhere = self._texts[""]
        return lambda text: (key := squeeze(text)) in here or key in everywhere

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as JSON."""
        rows = {host: sorted(texts) for host, texts in sorted(self._texts.items())}
        Path(path).write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "PublicVocabulary":
        """Read what `save` wrote.

        Raises:
            StoreError: the file is not what `save` writes.
        """
        try:
            rows = json.loads(Path(path).read_text(encoding="utf-8"))
            texts = {str(host): {str(text) for text in found} for host, found in rows.items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise StoreError(
                explain(
                    f"{path} is no vocabulary",
                    "a JSON object of host -> texts, as PublicVocabulary.save writes it",
                    "what cannot be read would be redacted although it is public",
                    "make it again with learn() and save()",
                )
            ) from error
        vocabulary = cls()
        vocabulary._texts = {"": set(), **texts}
        return vocabulary


class _Taught(HTMLParser):
    """Texts inside of the elements that navigate."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[str] = []
        self._loose = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._flush()
        if tag not in _VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name in ("alt", "title", "placeholder", "aria-label") and value:
                self.texts.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._flush()
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if _TAUGHT & set(self._open):
            self._loose += data

    def _flush(self) -> None:
        text = " ".join(self._loose.split())
        self._loose = ""
        if text:
            self.texts.append(text)
