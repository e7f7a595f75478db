"""Which browser is found, and what is said when there is none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import playwright
import pytest

from symbiotic_gym.browser.find import OVERRIDE, find_chromium, require_chromium, why_not_starting
from symbiotic_gym.browser.install import ensure_chromium
from symbiotic_gym.errors import BrowserError


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No browser anywhere."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "registry"))
    monkeypatch.delenv(OVERRIDE, raising=False)
    monkeypatch.setattr("symbiotic_gym.browser.find._MAC_APPS", ())


def executable(path: Path, script: str = "echo Chromium 1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_none() -> None:
    assert find_chromium() is None
    with pytest.raises(BrowserError) as caught:
        require_chromium()
    assert all(way in str(caught.value) for way in ("playwright install chromium", "apt-get install chromium", OVERRIDE))


@pytest.mark.parametrize(
    "name", ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
)
def test_system(tmp_path: Path, name: str) -> None:
    path = executable(tmp_path / "bin" / name)
    assert find_chromium() == require_chromium() == str(path)


def asked_of_playwright() -> Path:
    """Where Playwright itself would look; asked in a process of its own, whose environment it reads."""
    code = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    return Path(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip())


@pytest.mark.parametrize("registry", ["PLAYWRIGHT_BROWSERS_PATH", "XDG_CACHE_HOME"])
@pytest.mark.skipif(sys.platform != "linux", reason="Playwright reads other variables elsewhere")
def test_playwrights_own_comes_before_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: str) -> None:
    monkeypatch.delenv("PLAYWRIGHT_BROWSERS_PATH")
    monkeypatch.setenv(registry, str(tmp_path / "elsewhere"))
    system = executable(tmp_path / "bin" / "chromium")
    own = executable(asked_of_playwright())
    assert own.is_relative_to(tmp_path)
    assert find_chromium() == str(system), "a download that was cut off must not be used"
    (own.parent.parent / "INSTALLATION_COMPLETE").touch()
    assert find_chromium() == str(own)


def test_the_registry_inside_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "0")
    package = Path(playwright.__file__).parent / "driver" / "package"
    revision = next(
        b["revision"] for b in json.loads((package / "browsers.json").read_text())["browsers"] if b["name"] == "chromium"
    )
    assert asked_of_playwright().is_relative_to(package / ".local-browsers" / f"chromium-{revision}")


def test_override_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "bin" / "chromium")
    chosen = executable(tmp_path / "mine" / "browser")
    monkeypatch.setenv(OVERRIDE, str(chosen))
    assert find_chromium() == str(chosen)


@pytest.mark.parametrize("bad", ["missing", "folder", "plain file"])
def test_override_that_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    executable(tmp_path / "bin" / "chromium")
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain file").touch()
    monkeypatch.setenv(OVERRIDE, str(tmp_path / bad))
    with pytest.raises(BrowserError, match=r"expected: [\s\S]*what to do: ") as caught:
        find_chromium()
    assert bad in str(caught.value)


def test_a_browser_that_lacks_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = executable(tmp_path / "bin" / "chromium", "echo 'libnss3.so: cannot open' >&2; exit 127")
    assert why_not_starting(str(broken)) == "libnss3.so: cannot open"
    monkeypatch.setenv(OVERRIDE, str(broken))
    with pytest.raises(BrowserError, match=r"libnss3\.so"):
        ensure_chromium()


def test_installs_the_distributions_package_where_playwrights_download_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", "http://127.0.0.1:9")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ready = executable(tmp_path / "archive" / "chromium")
    executable(tmp_path / "bin" / "apt-get", f'case "$*" in *install*chromium) /bin/mv {ready} {tmp_path}/bin/;; esac')
    assert ensure_chromium() == str(tmp_path / "bin" / "chromium")
    said = capfd.readouterr().out
    assert "Playwright's own download" in said
    assert "the distribution's package chromium" in said


def test_says_what_to_do_where_nothing_can_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", "http://127.0.0.1:9")
    with pytest.raises(BrowserError, match="apt-get install chromium"):
        ensure_chromium()


@pytest.mark.browser
def test_the_real_one_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    path = require_chromium()
    assert shutil.which(path)
    assert why_not_starting(path) == ""
    assert ensure_chromium() == path
