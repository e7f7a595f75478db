"""Which Chromium to start: the user's choice, else Playwright's own download, else one of the system's.

Playwright's comes before the system's because it is the version that the Playwright in use was tested with; a system one
works as well when its path is given. Looking takes a few file checks and starts nothing: Playwright's driver is not asked,
since that costs half a second; its registry folder is read instead, as playwright 1.44 lays it out.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from symbiotic_gym.errors import BrowserError, explain

__all__ = ["OVERRIDE", "find_chromium", "require_chromium", "why_not_starting"]

OVERRIDE = "SYMBIOTIC_GYM_CHROMIUM"
"""The environment variable that names the executable to use."""

_HEADLESS = "chromium-headless-shell"
"""Chromium without its windows. A full Chromium of today starts its whole interface even when headless, which makes every
episode start slower."""
_COMMANDS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_MAC_APPS = ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome")
_INSIDE_DOWNLOAD = {
    "linux": "chrome-linux/chrome",
    "darwin": "chrome-mac/Chromium.app/Contents/MacOS/Chromium",
    "win32": "chrome-win/chrome.exe",
}


def find_chromium(*, headed: bool = False) -> str | None:
    """Find the Chromium to use, without starting it.

    Args:
        headed: it has to be able to show a window.

    Returns:
        The path of its executable, or None when there is none.

    Raises:
        BrowserError: `SYMBIOTIC_GYM_CHROMIUM` is set and is not an executable file.
    """
    return _override() or _playwright_download() or _system(headed)


def require_chromium(*, headed: bool = False) -> str:
    """Find the Chromium to use.

    Args:
        headed: it has to be able to show a window.

    Raises:
        BrowserError: there is none; the message names the three ways to get one.
    """
    path = find_chromium(headed=headed)
    if path is None:
        raise BrowserError(
            explain(
                "no Chromium was found on this machine",
                "Playwright's own download, or one of " + ", ".join(_COMMANDS) + " on PATH",
                "every web task runs in a real browser",
                "`playwright install chromium`, or your system's package (Debian: `apt-get install chromium` or "
                f"chromium-headless-shell), or set {OVERRIDE} to the path of an executable",
            )
        )
    return path


def why_not_starting(path: str) -> str:
    """Ask the browser at `path` for its version: it costs some 50 ms, and a missing system library shows.

    Returns:
        An empty text when it answers, else what went wrong, in one line.
    """
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if answer.returncode == 0:
        return ""
    lines = answer.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with status {answer.returncode}"


def _override() -> str | None:
    path = os.environ.get(OVERRIDE)
    if not path:
        return None
    found = shutil.which(path)
    if found is None:
        raise BrowserError(
            explain(
                f"{OVERRIDE} is {path!r}, which is no executable file",
                "the path of a Chromium or Chrome executable, such as /usr/bin/chromium",
                "another browser than the one asked for could change results without a word",
                f"correct it, or unset {OVERRIDE} to have one found",
            )
        )
    return found


def _playwright_download() -> str | None:
    spec = importlib.util.find_spec("playwright")
    if spec is None or spec.origin is None or sys.platform not in _INSIDE_DOWNLOAD:
        return None
    package = Path(spec.origin).parent / "driver" / "package"
    try:
        browsers = json.loads((package / "browsers.json").read_text(encoding="utf-8"))["browsers"]
        revision = next(browser["revision"] for browser in browsers if browser["name"] == "chromium")
    except (OSError, ValueError, KeyError, StopIteration):
        return None  # a Playwright laid out in another way: the system's browsers are left
    folder = _registry(package) / f"chromium-{revision}"
    executable = folder / _INSIDE_DOWNLOAD[sys.platform]
    whole = (folder / "INSTALLATION_COMPLETE").exists() and os.access(executable, os.X_OK)
    return str(executable) if whole else None


def _registry(package: Path) -> Path:
    chosen = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if chosen == "0":
        return package / ".local-browsers"
    if chosen:
        return Path(chosen).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"


def _system(headed: bool) -> str | None:
    for command in _COMMANDS if headed else (_HEADLESS, *_COMMANDS):
        if found := shutil.which(command):
            return found
    if sys.platform == "darwin":
        for app in _MAC_APPS:
            for folder in (Path("/Applications"), Path.home() / "Applications"):
                if os.access(folder / app, os.X_OK):
                    return str(folder / app)
    return None
