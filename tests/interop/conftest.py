"""Interop tests run where browsergym-experiments can be imported, and those with AgentLab where it can: `make interop`."""

import os
from collections.abc import Iterator
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture
def stock_browsergym(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """BrowserGym as its users have it, with MiniWoB's pages from the disk and whichever Chromium this machine has."""
    from playwright.sync_api import BrowserType

    from symbiotic_gym.browser.find import require_chromium

    launch, executable = BrowserType.launch, require_chromium()
    monkeypatch.setattr(
        BrowserType, "launch", lambda self, **kwargs: launch(self, **({"executable_path": executable} | kwargs))
    )
    for module in ("browsergym.experiments.loop", "agentlab.experiments.loop"):
        if find_spec(module.partition(".")[0]) is not None:
            for counted in ("count_tokens", "count_messages_token"):  # they fetch tiktoken's vocabulary from the network
                monkeypatch.setattr(f"{module}.{counted}", lambda text, *model: len(str(text)) // 4, raising=False)
    with resources.as_file(resources.files("miniwob").joinpath("html", "miniwob")) as folder:
        monkeypatch.setenv("MINIWOB_URL", f"{folder.as_uri()}/")
        monkeypatch.setenv("AGENTLAB_EXP_ROOT", str(tmp_path))

        yield
    from browsergym import core

    if core._PLAYWRIGHT is not None:  # its browsers are closed; the driver would keep an event loop in this thread
        core._PLAYWRIGHT.stop()
        core._set_global_playwright(None)


assert os.environ.get("OPENAI_API_KEY") is None, "tests/conftest.py takes keys away before anything else runs"
