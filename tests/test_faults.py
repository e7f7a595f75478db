"""Nothing kills it: every fault of the benchmark once, parents that die, and what is left behind (nothing)."""

import os
import signal
from collections.abc import Iterator

import pytest

from symbiotic_gym.benchmarks.fault_site import HOST, PAGES, SIGNS
from symbiotic_gym.benchmarks.faults import FAULTS, SMOKE, Fault, attempt, bid_of, fault_env
from symbiotic_gym.benchmarks.leftovers import GRACE_S, identities, left_over, parent_dies, parent_is_interrupted
from symbiotic_gym.browser.fence import Fence
from symbiotic_gym.browser.guard import descendants, kill_tree
from symbiotic_gym.browser.site_faults import SiteFaults
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import SiteError
from symbiotic_gym.suites.placing import hosts_of
from symbiotic_gym.suites.webarena import signs_of

BY_NAME = {fault.name: fault for fault in FAULTS}
SLOW = ("F5 server never answers at reset", "F6 slow drip at reset", "F1 busy loop at reset")
"""They wait for the page's own time-out of 10 s; the benchmark has them."""


@pytest.fixture(scope="module")
def env() -> Iterator[WebEnv]:
    env = fault_env()
    yield env
    env.close()


def test_every_fault_is_one_that_the_site_has() -> None:
    assert {page for fault in FAULTS for page in fault.pages} <= set(PAGES)
    assert all(bool(fault.pages) != bool(fault.signal_to) for fault in FAULTS)
    assert {f"F{number} " for number in range(1, 13)} <= {f"{fault.name.split()[0]} " for fault in FAULTS}
    assert set(SMOKE) <= set(BY_NAME)


@pytest.mark.browser
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name not in SLOW], ids=lambda fault: fault.name)
def test_a_fault_costs_one_episode(env: WebEnv, fault: Fault) -> None:
    tried = attempt(env, fault, seed=0)
    assert tried.outcome in fault.right
    assert tried.recovery_s < float("inf"), "the same object shows a working page after its next reset"
    # a whole second deadline more than what the benchmark holds: tests share their machine
    assert tried.late_s <= 2 * GRACE_S + 6


@pytest.mark.browser
def test_closing_leaves_nothing_whatever_state_the_browser_is_in(env: WebEnv) -> None:
    for strike in ("nothing", "busy", "stopped"):
        observation, _ = env.reset(seed=0)
        below = identities(env.processes())
        assert len(below) > 4, "a guard, a worker, a driver and a browser of several processes"
        if strike == "busy":
            env.step(f'click("{bid_of(observation["page"], "busy-timer")}")')
        if strike == "stopped":
            for pid in env.processes():
                os.kill(pid, signal.SIGSTOP)
        env.close()
        assert left_over(below, bound_s=10.0) == 0, strike


@pytest.mark.browser
@pytest.mark.parametrize("seed", [1, 2])
def test_a_parent_that_is_killed_leaves_nothing(seed: int) -> None:
    assert parent_dies(seed) == 0


@pytest.mark.browser
def test_an_interrupt_reaches_a_parent_that_waits_for_a_hung_page() -> None:
    seconds, recovered = parent_is_interrupted(0)
    assert seconds < 10
    assert recovered


def test_trees_of_processes_are_found_and_killed_across_sessions() -> None:
    import subprocess
    import sys

    code = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], "
    code += "start_new_session=True); print('up', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as top:
        assert top.stdout is not None and top.stdout.readline() == "up\n"
        below = descendants(top.pid)
        assert len(below) == 1
        os.kill(below[0], signal.SIGSTOP)
        before = identities([top.pid, *below])
        assert kill_tree(top.pid, itself=True)
    assert left_over(before) == 0


# --- what is the site's fault, and what is not ---


class Asked:
    """What `SiteFaults` reads of a request: its address, how it came about, and what became of it."""

    def __init__(self, url: str, *, after: "Asked | None" = None, failure: str = "", kind: str = "document") -> None:
        self.url, self.redirected_from, self.failure, self.resource_type = url, after, failure, kind
        self.frame = type("Frame", (), {"parent_frame": None})()

    def is_navigation_request(self) -> bool:
        return self.resource_type == "document"


def faults_of(*events: tuple[str, Asked, int], page: str = "", url: str = f"http://{HOST}/calm") -> str:
    """The kind that `SiteFaults` finds in an episode of these events; empty when it finds none."""
    faults = SiteFaults(Fence({HOST: "127.0.0.1:1", "else.test": "else.test"}), SIGNS)
    calm = {"url": f"http://{HOST}/calm", "title": "", "page": ""}
    try:
        faults.check(calm)
        for what, request, status in events:
            faults._on_request(request)  # type: ignore[arg-type]
            if what == "failed":
                faults._on_failed(request)  # type: ignore[arg-type]
            else:
                response = type("Response", (), {"request": request, "status": status, "headers": {}})()
                faults._on_response(response)
        faults.check({"url": url, "title": "", "page": page})
    except SiteError as error:
        return error.kind
    return ""


def login(by_itself: bool, *, logged_out: bool = False) -> str:
    before = Asked(f"http://{HOST}/account")
    events = [("answered", Asked(f"http://{HOST}/logout"), 200)] if logged_out else []
    target = Asked(f"http://{HOST}/login", after=None if by_itself else before)
    return faults_of(*events, ("answered", target, 200))


def test_being_sent_to_the_login_page_is_the_sites_fault_and_going_there_is_not() -> None:
    assert login(by_itself=False) == "login"
    assert login(by_itself=True) == ""
    assert login(by_itself=False, logged_out=True) == ""


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, ""), (403, ""), (404, ""), (410, ""), (429, "rate_limit"), (500, "site"), (503, "site"), (520, "site")],
)
def test_statuses(status: int, kind: str) -> None:
    assert faults_of(("answered", Asked(f"http://{HOST}/x"), status)) == kind


def test_what_no_site_of_the_task_answers_is_not_its_fault() -> None:
    assert faults_of(("answered", Asked("http://evil.test/x"), 500)) == ""
    assert faults_of(("answered", Asked(f"http://{HOST}/x.png", kind="image"), 500)) == ""
    assert faults_of(("answered", Asked(f"http://{HOST}/api", kind="fetch"), 500)) == "", "an application answers bad input so"
    assert faults_of(("answered", Asked(f"http://{HOST}/api", kind="fetch"), 429)) == "rate_limit"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("net::ERR_CONNECTION_REFUSED", "site"),
        ("net::ERR_CONNECTION_RESET", "site"),
        ("net::ERR_EMPTY_RESPONSE", "site"),
        ("net::ERR_NAME_NOT_RESOLVED", "site"),
        ("net::ERR_ABORTED", ""),
        ("net::ERR_SSL_PROTOCOL_ERROR", ""),
        ("net::ERR_UNKNOWN_URL_SCHEME", ""),
    ],
)
def test_failed_connections(failure: str, kind: str) -> None:
    assert faults_of(("failed", Asked(f"http://{HOST}/x", failure=failure), 0)) == kind
    assert faults_of(("failed", Asked("http://else.test:1/x", failure=failure), 0)) == "", "a port that the policy chose itself"
    assert faults_of(("failed", Asked("http://evil.test/x", failure=failure), 0)) == "", "what the fence refuses"


def test_signs_in_the_page_text_count_on_their_own_host_only() -> None:
    text = 'heading "We are down for maintenance"'
    assert faults_of(page=text) == "maintenance"
    assert faults_of(page=text, url="http://else.test/") == ""


# --- sites that are ports of one host, as WebArena's are ---

WEBARENA = {site: f"http://10.0.0.5:{port}" for site, port in (("gitlab", 8023), ("reddit", 9999), ("shopping_admin", 7780))}


def webarena_faults(url: str, *, page: str = "", sent_to: str = "", logged_in: tuple[str, ...] = ("gitlab",)) -> str:
    """The kind found when, after a set-up that went to some of the sites, `url` shows a page or sends the policy elsewhere."""
    faults = SiteFaults(Fence(hosts_of(WEBARENA.values())), signs_of(WEBARENA))
    for site in logged_in:
        faults._on_request(Asked(f"{WEBARENA[site]}/login"))  # type: ignore[arg-type]
    try:
        faults.check({"url": f"{WEBARENA[logged_in[0]]}/start", "title": "", "page": ""})
        asked = Asked(url)
        faults._on_request(asked)  # type: ignore[arg-type]
        if sent_to:
            asked = Asked(sent_to, after=asked)
            faults._on_request(asked)  # type: ignore[arg-type]
        faults._on_response(type("Response", (), {"request": asked, "status": 200, "headers": {}})())
        faults.check({"url": asked.url, "title": "", "page": page})
    except SiteError as error:
        return error.kind
    return ""


def test_the_signs_of_one_site_are_not_read_on_another_port_of_its_host() -> None:
    assert {sign.host for sign in signs_of(WEBARENA)} == {"10.0.0.5:8023", "10.0.0.5:9999", "10.0.0.5:7780"}
    too_much = 'alert "Rate limit exceeded"'
    assert webarena_faults(f"{WEBARENA['reddit']}/submit", page=too_much) == "rate_limit"
    assert webarena_faults(f"{WEBARENA['gitlab']}/issues/1", page=too_much) == ""
    sign_in = f"{WEBARENA['gitlab']}/users/sign_in"
    assert webarena_faults(f"{WEBARENA['gitlab']}/dashboard", sent_to=sign_in) == "login"
    assert webarena_faults(f"{WEBARENA['reddit']}/x", sent_to=f"{WEBARENA['reddit']}/users/sign_in") == ""


def test_a_login_page_where_the_task_logged_nobody_in_is_no_fault() -> None:
    there = f"{WEBARENA['reddit']}/submit", f"{WEBARENA['reddit']}/login"
    assert webarena_faults(there[0], sent_to=there[1], logged_in=("gitlab",)) == ""
    assert webarena_faults(there[0], sent_to=there[1], logged_in=("gitlab", "reddit")) == "login"
    admin, form = f"{WEBARENA['shopping_admin']}/admin/sales", 'text "Welcome, please sign in"'
    assert webarena_faults(admin, page=form, logged_in=("gitlab",)) == ""
    assert webarena_faults(admin, page=form, logged_in=("shopping_admin",)) == "login"
