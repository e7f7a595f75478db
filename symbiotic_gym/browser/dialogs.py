"""What a page says or asks in a dialog of the browser's: `alert`, `confirm`, `prompt`.

Stock BrowserGym answers none, and Playwright then closes each at once: an alert is gone, a question is answered with Cancel. So
it is here, since scores are compared; but the policy is told, or a button that asks before it deletes would seem to do nothing.
The lines stand in (parentheses) above the page text, which no page can write.
"""

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from playwright.sync_api import Error as PlaywrightError

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Dialog

__all__ = ["Dialogs"]

_MOST = 3
"""Dialogs told of; a page may open hundreds."""
_LONGEST = 300
"""Characters of what one says."""


class Dialogs:
    """Closes the dialogs of an episode."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def told(self) -> list[str]:
        """What there is to tell of the dialogs since the last time, a line each."""
        lines, self._lines = self._lines, []
        return lines

    def watch(self, context: "BrowserContext") -> None:
        """Follow every page of an episode."""
        context.on("dialog", self._on_dialog)

    def _on_dialog(self, dialog: "Dialog") -> None:
        with suppress(PlaywrightError):  # its page may be gone
            if dialog.type == "beforeunload":
                dialog.accept()  # a page that is being left does not hold on
                return
            if len(self._lines) < _MOST:
                self._lines.append(_line(dialog.type, dialog.message))
            elif len(self._lines) == _MOST:
                self._lines.append("(it opened more dialogs, which were closed too)")
            dialog.dismiss()


def _line(kind: str, message: str) -> str:
    said = json.dumps(message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…", ensure_ascii=False)
    if kind == "alert":
        return f"(the page said {said} in an alert, which is closed)"
    return f"(the page asked {said} in a {kind}, and was answered Cancel)"
