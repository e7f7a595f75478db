"""Stacks taken the cheap way say what Playwright reads of the others."""

import inspect
import traceback

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from symbiotic_gym.browser import stacks
from symbiotic_gym.browser.find import require_chromium


def test_frames_are_those_of_the_standard_library() -> None:
    line = inspect.currentframe().f_lineno  # type: ignore[union-attr]
    ours, theirs = stacks._stack(), inspect.stack(0)
    assert [(f.frame, f.function) for f in ours] == [(f.frame, f.function) for f in theirs]
    assert ours[0].filename == theirs[0].filename == __file__
    assert ours[0].lineno == theirs[0].lineno == line + 1


def test_a_summary_prints_as_the_standard_library_s() -> None:
    ours, theirs = stacks._extract_stack(), traceback.extract_stack()
    assert [(f.filename, f.name, f.line) for f in ours] == [(f.filename, f.name, f.line) for f in theirs]


@pytest.mark.browser
def test_playwright_names_the_call_and_reads_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    stacks.light_stacks()
    stacks.light_stacks()  # a second session in the same process
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=require_chromium()).new_page()

        def never(*_: object, **__: object) -> None:
            raise AssertionError("the stack's source was looked up")

        for name in ("getsourcefile", "getmodule", "findsource"):
            monkeypatch.setattr(inspect, name, never)
        assert page.evaluate("1 + 1") == 2
        monkeypatch.undo()
        with pytest.raises(PlaywrightError, match=r"Page\.evaluate: ReferenceError"):
            page.evaluate("nobody_knows_this()")
