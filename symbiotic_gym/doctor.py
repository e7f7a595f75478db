"""What this machine has of what episodes and training need: `symbiotic-gym doctor` prints it.

Each check answers with one finding and never raises: a broken part is what the command is run to find.
"""

import importlib.metadata
import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException

from symbiotic_gym.errors import BrowserError, ConfigError

__all__ = ["Finding", "examine"]

_ROOM = 3_000_000_000
"""Free bytes below which fetching the larger model or a training run is likely to fail."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's table."""

    what: str
    ok: bool
    found: str
    do: str = ""
    """The remedy; empty where nothing is amiss."""
    needed: bool = True
    """Whether nothing at all works without it."""


def examine() -> list[Finding]:
    """Run all checks, in the order in which a reader should mend things."""
    checks: tuple[Callable[[], Finding], ...] = (_browser, _packages, _model, _endpoint, _gpu, _disk)
    return [check() for check in checks] + _webarena()


def _browser() -> Finding:
    from symbiotic_gym.browser.find import require_chromium

    try:
        path = require_chromium()
    except BrowserError as error:
        given, *_, do = str(error).splitlines()
        return Finding(what="browser", ok=False, found=given, do=do.strip().removeprefix("what to do: "))
    if not (problem := _start(path)):
        return Finding(what="browser", ok=True, found=f"{path} starts")
    do = "`playwright install-deps chromium` brings missing libraries; SYMBIOTIC_GYM_CHROMIUM names another browser"
    return Finding(what="browser", ok=False, found=f"{path}: {problem}", do=do)


def _start(path: str) -> str:
    """Open a page in the browser as an episode would; the complaint in one line, empty when it works."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        try:
            with playwright.chromium.launch(executable_path=path, timeout=20_000) as browser:
                title = browser.new_page().evaluate("document.title")
        except Error as error:
            return str(error).splitlines()[0]
    return "" if title == "" else f"an empty page has the title {title!r}"


def _packages() -> Finding:
    versions, missing = [], []
    for name in ("torch", "transformers", "trl", "peft"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    found = ", ".join(versions + [f"no {name}" for name in missing])
    do = "for local models and training: pip install 'symbiotic-gym[train]'" if missing else ""
    return Finding(what="training packages", ok=not missing, found=found, do=do, needed=False)


def _model() -> Finding:
    from symbiotic_gym.models import MODELS, fetched

    there = [name for name in MODELS if fetched(name)]
    do = "" if there else f"fetched when first used, or now: symbiotic-gym models get {next(iter(MODELS))}"
    return Finding(what="models on disk", ok=bool(there), found=", ".join(there) or "none", do=do, needed=False)


def _endpoint() -> Finding:
    """Whether the endpoint that a model without an address of its own would use lists its models."""
    base = os.environ.get("OPENAI_BASE_URL", "")
    key = os.environ.get("OPENAI_API_KEY", "")
    if not base and not key:
        do = "for large models and judges: set OPENAI_API_KEY, or OPENAI_BASE_URL for an endpoint of your own"
        return Finding(what="endpoint", ok=False, found="none configured", do=do, needed=False)
    url = (base or "https://api.openai.com/v1").rstrip("/") + "/models"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            models = [model["id"] for model in json.load(answer)["data"]]
    except urllib.error.HTTPError as error:
        do = "the key is refused: check OPENAI_API_KEY" if error.code in (401, 403) else "check OPENAI_BASE_URL"
        return Finding(what="endpoint", ok=False, found=f"{url} answers {error.code}", do=do, needed=False)
    except (OSError, ValueError, KeyError, TypeError, HTTPException) as error:
        found = f"{url}: {getattr(error, 'reason', error)}"
        return Finding(what="endpoint", ok=False, found=found, do="start it, or check OPENAI_BASE_URL", needed=False)
    return Finding(
        what="endpoint", ok=True, found=f"{url}: {len(models)} models, such as {', '.join(models[:3])}", needed=False
    )


def _webarena() -> list[Finding]:
    """The sites of every known WebArena instance, each with its login."""
    from symbiotic_gym.suites.checkup import check_instance
    from symbiotic_gym.suites.instances import SITES_FILE, list_instances

    try:
        instances = list_instances()
    except ConfigError as error:
        given, *_, do = str(error).splitlines()
        return [Finding(what="WebArena", ok=False, found=given, do=do.strip().removeprefix("what to do: "), needed=False)]
    if not instances:
        do = f"to play WebArena, set WA_SHOPPING, WA_REDDIT, … or {SITES_FILE}; MiniWoB needs none of them"
        return [Finding(what="WebArena", ok=False, found="no instance known", do=do, needed=False)]
    return [
        Finding(what=f"WebArena {instance.name}: {found.site}", ok=found.ok, found=found.found, do=found.do, needed=False)
        for instance in instances
        for found in check_instance(instance.name)
    ]


def _gpu() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a CUDA library that a half-removed driver leaves unloadable
        return Finding(what="GPU", ok=False, found=f"torch cannot be loaded: {error}", do="see training packages", needed=False)
    if torch.cuda.is_available():
        return Finding(what="GPU", ok=True, found=torch.cuda.get_device_name(), needed=False)
    do = "the small model trains on the CPU; for more, install torch's build for your GPU"
    return Finding(what="GPU", ok=False, found="none that torch can use", do=do, needed=False)


def _disk() -> Finding:
    from symbiotic_gym.models import models_folder

    place = models_folder()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    do = "" if free >= _ROOM else "make room, or set SYMBIOTIC_GYM_HOME to a folder on another disk"
    return Finding(what="disk", ok=free >= _ROOM, found=f"{free / 1e9:.1f} GB free at {place}", do=do, needed=False)
