"""What `symbiotic-gym doctor` says of WebArena's sites, of endpoints, and of what is missing."""

import socket
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from symbiotic_gym import doctor
from symbiotic_gym.agents.testing import FakeEndpoint
from symbiotic_gym.doctor import Finding
from symbiotic_gym.suites.checkup import unreachable
from tests.webarena_sites import SITES, WebArenaSites

WITH_LOGIN = {"shopping", "shopping_admin", "reddit", "gitlab"}


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebArenaSites]:
    with WebArenaSites() as sites:
        for name, value in sites.variables().items():
            monkeypatch.setenv(name, value)
        yield sites


def by_site(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.what.rpartition(" ")[2]: finding for finding in findings}


def test_without_an_instance_it_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*(f"WA_{site.upper()}" for site in SITES), "WA_HOMEPAGE", "SYMBIOTIC_GYM_SITES"):
        monkeypatch.delenv(name, raising=False)
    (finding,) = doctor._webarena()
    assert not finding.ok and not finding.needed and "SYMBIOTIC_GYM_SITES" in finding.do
    monkeypatch.setenv("SYMBIOTIC_GYM_SITES", "/nowhere/sites.toml")
    (finding,) = doctor._webarena()
    assert "/nowhere/sites.toml" in finding.found and "correct it" in finding.do


@pytest.mark.browser
@pytest.mark.skipif(find_spec("webarena") is None, reason="needs the extra webarena")
def test_each_site_is_reached_and_logged_in_to(sites: WebArenaSites, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_MAP", "todo")
    sites.broken.add("wikipedia")
    sites.passwords_refused.add("gitlab")
    found = by_site(doctor._webarena())
    assert {site for site, _ in sites.logins} == WITH_LOGIN - {"gitlab"}
    assert {site for site, finding in found.items() if finding.ok} == WITH_LOGIN - {"gitlab"}
    assert "refuses the password" in found["gitlab"].found and "account" in found["gitlab"].do
    assert "answers 500" in found["wikipedia"].found and "WA_WIKIPEDIA" in found["wikipedia"].do
    assert "not deployed" in found["map"].found and "WA_MAP" in found["map"].do


@pytest.mark.browser
@pytest.mark.skipif(find_spec("webarena") is None, reason="needs the extra webarena")
def test_every_instance_of_the_sites_file_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for site in SITES:
        monkeypatch.delenv(f"WA_{site.upper()}", raising=False)
    monkeypatch.delenv("WA_HOMEPAGE", raising=False)
    with WebArenaSites() as up:
        text = f'[instances.up]\nmap = "{up.url("map")}"\n[instances.down]\nmap = "http://127.0.0.1:9"\n'
        (tmp_path / "sites.toml").write_text(text)
        monkeypatch.setenv("SYMBIOTIC_GYM_SITES", str(tmp_path / "sites.toml"))
        maps = {finding.what: finding.ok for finding in doctor._webarena() if finding.what.endswith(" map")}
    assert maps == {"WebArena up: map": True, "WebArena down: map": False}


def test_what_answers_but_not_in_http_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def greet(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _address = listener.accept()
            connection.sendall(b"SSH-2.0-server\r\n")
            connection.recv(4096)
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert "SSH" in unreachable(url)
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        finding = doctor._endpoint()
    assert not finding.ok and "SSH" in finding.found


def test_an_endpoint_is_asked_for_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    finding = doctor._endpoint()
    assert not finding.ok and "127.0.0.1:9" in finding.found and "OPENAI_BASE_URL" in finding.do
    with FakeEndpoint(models=["judge-a", "judge-b"]) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        finding = doctor._endpoint()
        assert finding.ok and "2 models, such as judge-a, judge-b" in finding.found
    with FakeEndpoint(models=None) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        finding = doctor._endpoint()
    assert not finding.ok and "answers 404" in finding.found
