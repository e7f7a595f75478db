"""Whether the sites of a WebArena answer and let BrowserGym log in: `python -m symbiotic_gym.suites.checkup INSTANCE`.

A program of its own, because BrowserGym reads the addresses of an instance once per process; `symbiotic-gym doctor` starts one
per instance. Prints one JSON object a line: `site`, `ok`, `found`, `do`.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

from symbiotic_gym.browser.fence import Fence
from symbiotic_gym.errors import SymbioticError
from symbiotic_gym.suites.instances import SITES, Instance, occupy
from symbiotic_gym.suites.placing import hosts_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

__all__ = ["SiteFinding", "check_instance", "check_sites"]

_WITH_LOGIN = ("shopping", "shopping_admin", "reddit", "gitlab")
_LOGIN_PATHS = {"gitlab": "/users/sign_in", "shopping": "/customer/account/login/"}
"""Pages that send away whoever is logged in already."""
_REACH_S = 10.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Past any proxy of the environment, as an episode's browser goes (`symbiotic_gym.browser.fence`)."""
_INSTANCE_S = 300.0


@dataclass(frozen=True, kw_only=True)
class SiteFinding:
    """What is the matter with a site, and what to do; `do` is empty where nothing is."""

    site: str
    ok: bool
    found: str
    do: str = ""


def check_instance(name: str) -> list[SiteFinding]:
    """Check every site of the instance, in a process of its own."""
    command = [sys.executable, "-m", "symbiotic_gym.suites.checkup", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=_INSTANCE_S)
    except subprocess.TimeoutExpired:
        return [SiteFinding(site="all", ok=False, found=f"no answer in {_INSTANCE_S:g} s", do="restart the instance")]
    found = [SiteFinding(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        found.append(SiteFinding(site="all", ok=False, found=f"the check broke off: {last}", do="mend what it says"))
    return found


def check_sites(instance: Instance) -> Iterator[SiteFinding]:
    """Check every site of this process's instance."""
    reachable = []
    for site in SITES:
        variable = f"WA_{site.upper()}"
        if site not in instance.urls:
            yield SiteFinding(site=site, ok=False, found="not deployed", do=f"its tasks cannot be played; set {variable}")
        elif problem := unreachable(instance.urls[site]):
            do = f"start it, or correct {variable} (or the sites file)"
            yield SiteFinding(site=site, ok=False, found=f"{instance.urls[site]}: {problem}", do=do)
        elif site in _WITH_LOGIN:
            reachable.append(site)
        else:
            yield SiteFinding(site=site, ok=True, found=f"{instance.urls[site]} answers")
    yield from _check_logins(instance, reachable)
    if reset := instance.options.get("WA_FULL_RESET"):
        problem = unreachable(f"{reset}/status")
        yield SiteFinding(
            site="reset",
            ok=not problem,
            found=f"{reset}: {problem or 'answers'}",
            do="start the reset server" if problem else "",
        )


def unreachable(url: str) -> str:
    """Why `url` gives no page; empty when it does."""
    try:
        with _DIRECT.open(url, timeout=_REACH_S):
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code in (401, 403) else f"answers {error.code}"
    except (OSError, ValueError, HTTPException) as error:  # the last: it answers, but not in HTTP
        return str(getattr(error, "reason", error))


def _check_logins(instance: Instance, sites: list[str]) -> Iterator[SiteFinding]:
    from playwright.sync_api import sync_playwright

    try:
        from symbiotic_gym.suites.any_browsergym import import_without_downloads

        Fence(hosts_of(instance.urls.values())).go_direct()
        official = import_without_downloads("browsergym.webarena").instance.WebArenaInstance()
    except ModuleNotFoundError:
        for site in sites:
            do = "pip install 'symbiotic-gym[webarena]'"
            yield SiteFinding(site=site, ok=False, found=f"{instance.urls[site]} answers; login not tried", do=do)
        return
    with sync_playwright() as playwright, _launch(playwright) as browser:
        for site in sites:
            problem = _login_problem(official, site, browser)
            found = f"{instance.urls[site]} answers, {problem or 'login works'}"
            do = f"set the account of {site} back to WebArena's own, or reset the instance" if problem else ""
            yield SiteFinding(site=site, ok=not problem, found=found, do=do)


def _launch(playwright: "Playwright") -> "Browser":
    from symbiotic_gym.browser.find import require_chromium

    return playwright.chromium.launch(executable_path=require_chromium(), args=["--no-proxy-server"])


def _login_problem(official: object, site: str, browser: object) -> str:
    """Log in as an episode does, then look whether the site still asks for a password."""
    from playwright.sync_api import Browser, Error

    from symbiotic_gym.browser.rest import close_when_loaded

    assert isinstance(browser, Browser)
    with browser.new_context() as context:
        context.set_default_timeout(10_000)
        context.on("page", close_when_loaded)
        page = context.new_page()
        url: str = official.urls[site]  # type: ignore[attr-defined] # BrowserGym is not typed
        try:
            official.ui_login(site=site, page=page)  # type: ignore[attr-defined]
            page.goto(url + _LOGIN_PATHS.get(site, ""))
            asks = page.locator("input[type=password]").count() or page.get_by_role("link", name="Log in", exact=True).count()
        except Error as error:
            return f"but logging in fails: {str(error).splitlines()[0]}"
    return "but it refuses the password" if asks else ""


def main(name: str) -> None:
    """Print the findings for the instance `name`."""
    for finding in check_sites(occupy(name)):
        print(json.dumps(asdict(finding)), flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except SymbioticError as error:
        sys.exit(str(error).splitlines()[0])
