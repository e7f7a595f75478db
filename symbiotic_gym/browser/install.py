"""Make sure that there is a Chromium that starts: `python -m symbiotic_gym.browser.install`.

One that is found is used. Else Playwright's own download is tried, then, for root on Debian and its kin, the distribution's
package, which also brings the system libraries that the download lacks on a bare machine. `make setup` runs this each time:
with a browser in place it takes a tenth of a second.
"""

import os
import shutil
import subprocess
import sys

from symbiotic_gym.browser.find import OVERRIDE, find_chromium, require_chromium, why_not_starting
from symbiotic_gym.errors import BrowserError, SymbioticError, explain

__all__ = ["ensure_chromium"]


def ensure_chromium() -> str:
    """Find a Chromium that starts, installing one if need be; says on stdout what it does.

    Returns:
        The path of the executable.

    Raises:
        BrowserError: there is none and none could be installed, or the one found does not start.
    """
    if (found := find_chromium()) is not None and not why_not_starting(found):
        return found
    if found is not None:
        print(f"{found} does not start: {why_not_starting(found)}", flush=True)
    for name, commands in _ways():
        print(f"installing Chromium: {name} (up to a few minutes)", flush=True)
        if all(_run(command) for command in commands):
            found = find_chromium()
            if found is not None and not why_not_starting(found):
                return found
    found = require_chromium()
    raise BrowserError(
        explain(
            f"{found} does not start: {why_not_starting(found)}",
            "a Chromium that answers to --version",
            "every web task runs in a real browser",
            "install the system libraries it misses (`sudo playwright install-deps chromium`), or set SYMBIOTIC_GYM_CHROMIUM "
            "to the path of another one",
        )
    )


def _ways() -> list[tuple[str, list[list[str]]]]:
    if os.environ.get(OVERRIDE):
        return []  # the user chose one: another would not be used
    ways = [("Playwright's own download", [[sys.executable, "-m", "playwright", "install", "chromium"]])]
    if shutil.which("apt-get") and os.geteuid() == 0:
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
        for package in ("chromium-headless-shell", "chromium"):
            ways.append((f"the distribution's package {package}", [["apt-get", "update", "-q"], [*install, package]]))
    return ways


def _run(command: list[str]) -> bool:
    """Run one installer; its output is shown only when it fails, and then only the end."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if "Error" in line or line.startswith("E:")]
        print(
            f"  `{' '.join(command)}` failed: {(lines or done.stdout.splitlines()[-1:] or ['no output'])[0].strip()}",
            flush=True,
        )
    return done.returncode == 0


if __name__ == "__main__":
    try:
        ensure_chromium()
    except SymbioticError as error:
        sys.exit(str(error))
