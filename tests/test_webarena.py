"""WebArena without a WebArena: BrowserGym's logins and the official evaluators, on loopback sites that suit them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.agents.testing import FailingModel, ScriptedModel
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError
from tests.webarena_sites import ACCOUNTS, WebArenaSites

if find_spec("webarena") is None:
    pytest.skip("needs the extra webarena: pip install 'symbiotic-gym[webarena]'", allow_module_level=True)

pytestmark = pytest.mark.browser
PATIENCE: dict[str, Any] = {"step_timeout_s": 300.0, "reset_timeout_s": 600.0, "disable_env_checker": True}
"""No test of this file is about deadlines."""


@pytest.fixture(scope="module")
def started() -> Iterator[WebArenaSites]:
    with WebArenaSites() as sites:
        yield sites


@pytest.fixture
def sites(started: WebArenaSites) -> WebArenaSites:
    started.clear()
    return started


@pytest.fixture(scope="module")
def env(started: WebArenaSites) -> Iterator[gym.Env[Any, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in started.variables().items():
            patch.setenv(name, value)
        env = gym.make("symbiotic/webarena.0-v0", **PATIENCE)
        yield env
        env.close()


def play(env: gym.Env[Any, Any], task: str, *actions: str, judge: Any = None) -> tuple[float, str]:
    """Play the actions; the last reward, and the outcome."""
    web = env.unwrapped
    assert isinstance(web, WebEnv)
    web.judge = judge
    env.reset(seed=1, options={"task": task})
    for action in actions:
        observation, reward, _, _, info = env.step(action)
        assert observation["last_action_error"] == "" or "outcome" in info, observation["last_action_error"]
    return float(reward), info.get("outcome", "")


def say(answer: str) -> str:
    return f"send_msg_to_user({answer!r})"


SUCCESS, FAILURE = (1.0, "success"), (0.0, "failure")


# --- logging in ---


@pytest.mark.parametrize(
    ("task", "site"),
    [("webarena.22", "shopping"), ("webarena.0", "shopping_admin"), ("webarena.399", "reddit"), ("webarena.44", "gitlab")],
)
def test_browsergym_logs_in(task: str, site: str, env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    observation, _ = env.reset(seed=1, options={"task": task})
    assert sites.logins == [(site, ACCOUNTS[site][0])]
    assert observation["url"].startswith(sites.url(site))
    assert ACCOUNTS[site][0] in observation["page"], "the start page shows who is logged in"
    assert observation["tabs"].count("\n") == 0, "the tab of the login is closed"


def test_sites_without_accounts_are_opened(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    observation, _ = env.reset(seed=1, options={"task": "webarena.265"})
    assert observation["url"].startswith(sites.url("map"))
    assert sites.logins == []


def test_two_sites_and_several_start_pages(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    env.reset(seed=1, options={"task": "webarena.552"})
    assert sorted(site for site, _ in sites.logins) == ["gitlab", "reddit"]
    observation, _ = env.reset(seed=1, options={"task": "webarena.431"})
    assert observation["tabs"].count("\n") == 2


# --- the evaluators ---

PRICES = "Quest Lumaflex™ Band"


@pytest.mark.parametrize(
    ("task", "answer", "result"),
    [
        ("webarena.0", PRICES, SUCCESS),  # exact match
        ("webarena.0", f'"{PRICES.upper()}"', SUCCESS),
        ("webarena.0", f"It is {PRICES}", FAILURE),
        ("webarena.3", f"{PRICES}, then Sprite Stasis Ball 65 cm", SUCCESS),  # must include
        ("webarena.3", PRICES, FAILURE),
        ("webarena.12", "There are 2 of them.", SUCCESS),  # must include one digit, as a word
        ("webarena.12", "There are 12 of them.", FAILURE),
        ("webarena.22", "N/A", SUCCESS),  # cannot be done, and just that is asked
    ],
)
def test_string_match(task: str, answer: str, result: tuple[float, str], env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    judge = FailingModel("it must not be asked")
    assert play(env, task, say(answer), judge=judge) == result


@pytest.mark.parametrize(
    ("task", "answer", "verdict", "result"),
    [
        ("webarena.8", "None is that near.", "It is correct.", SUCCESS),
        ("webarena.8", "None is that near.", "It is incorrect.", FAILURE),
        ("webarena.8", "None is that near.", "Partially correct!", FAILURE),
        ("webarena.22", "Nobody mentions it.", "same", SUCCESS),
        ("webarena.22", "I gave up.", "different", FAILURE),
        ("webarena.34", "Hyatt Regency Pittsburgh International Airport, 3.5 hours", "correct", SUCCESS),
        ("webarena.8", "None is that near.", "Let me think about it.", (0.0, "invalid(judge)")),
    ],
)
def test_fuzzy_match(
    task: str, answer: str, verdict: str, result: tuple[float, str], env: gym.Env[Any, Any], sites: WebArenaSites
) -> None:
    judge = ScriptedModel([verdict])
    assert play(env, task, say(answer), judge=judge) == result
    asked = "\n".join(message["content"] for message in judge.prompts[0])
    assert answer.lower() in asked, "the question is the official one"
    assert judge.calls == 1


def test_without_a_judge_such_an_episode_is_invalid(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    assert play(env, "webarena.8", say("None is that near.")) == (0.0, "invalid(judge)")
    assert play(env, "webarena.8", say("None."), judge=FailingModel("overloaded")) == (0.0, "invalid(model)")
    assert play(env, "webarena.0", say(PRICES)) == SUCCESS, "the environment goes on"


def test_the_judge_is_not_asked_what_another_rule_has_settled(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    assert play(env, "webarena.34", say("Some hotel, 3.5 hours"), judge=FailingModel("it must not be asked")) == FAILURE


def test_url_match(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    todos = f'goto("{sites.url("gitlab")}/dashboard/todos")'
    assert play(env, "webarena.44", todos, say("done")) == SUCCESS
    assert play(env, "webarena.44", say("done")) == FAILURE
    issue = f'goto("{sites.url("gitlab")}/a11yproject/a11yproject.com/-/issues/566")'
    assert play(env, "webarena.178", issue, say("Yes")) == SUCCESS
    assert play(env, "webarena.178", issue, say("No")) == FAILURE
    assert play(env, "webarena.178", say("Yes")) == FAILURE


@pytest.mark.parametrize(
    ("task", "site", "path", "right", "wrong"),
    [
        (
            "webarena.399",
            "reddit",
            "/user/MarvelsGrantMan136",
            "<p class='user-bio__biography'>I am a robot</p>",
            "<p class='user-bio__biography'>I am</p>",
        ),
        ("webarena.389", "gitlab", "/primer/design/-/merge_requests/450", "Thanks, working on reviews", "Thanks"),
        (
            "webarena.481",  # by a function of libwebarena's that reads a table
            "gitlab",
            "/byteblaze/dotfiles/-/project_members",
            "<table><td data-label='Account'><span class='gl-avatar-labeled-sublabel'>@abisubramanya27</span></td>"
            "<td class='col-max-role'><span>Guest</span></td></table>",
            "<table><td data-label='Account'><span class='gl-avatar-labeled-sublabel'>@abisubramanya27</span></td>"
            "<td class='col-max-role'><span>Owner</span></td></table>",
        ),
    ],
)
def test_program_html(
    task: str, site: str, path: str, right: str, wrong: str, env: gym.Env[Any, Any], sites: WebArenaSites
) -> None:
    sites.pages[site, path] = right
    assert play(env, task, say("done")) == SUCCESS
    sites.pages[site, path] = wrong
    assert play(env, task, say("done")) == FAILURE


def test_program_html_on_the_last_page(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    sites.pages["shopping", "/found"] = "jaw bruxism mouth guard"
    found = f'goto("{sites.url("shopping")}/found")'
    assert play(env, "webarena.118", found, say("done")) == SUCCESS
    assert play(env, "webarena.118", say("done")) == FAILURE


def test_program_html_through_the_shops_interface(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    sites.rest["/rest/V1/orders"] = {"items": [{"increment_id": "000000190"}]}
    order = "shopping", "/sales/order/view/order_id/190/"
    sites.pages[order] = "<div class='order-details-items ordered'>SKU B07DFJ5XKH</div>"
    assert play(env, "webarena.436", say("done")) == SUCCESS
    sites.pages[order] = "<div class='order-details-items ordered'>SKU B000</div>"
    assert play(env, "webarena.436", say("done")) == FAILURE
    review = {"nickname": "Emma Lopez", "ratings": [{"rating_name": "Rating", "percent": 100}]}
    sites.rest["/rest/V1/products/B00J8RZL7I/reviews"] = [review]
    assert play(env, "webarena.585", say("done")) == SUCCESS
    sites.rest["/rest/V1/products/B00J8RZL7I/reviews"] = [review | {"nickname": "Bob"}]
    assert play(env, "webarena.585", say("done")) == FAILURE


def test_url_match_and_program_html_at_a_computed_address(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    sites.pages["reddit", "/f/consoles/1/"] = (
        "<div class='submission__inner'>what is the recommended console to buy these days</div>"
    )
    post = f'goto("{sites.url("reddit")}/f/consoles/1/what")'
    assert play(env, "webarena.600", post, say("done")) == SUCCESS
    assert play(env, "webarena.600", f'goto("{sites.url("reddit")}/f/other/1/what")', say("done")) == FAILURE
    sites.pages.clear()
    assert play(env, "webarena.600", post, say("done")) == FAILURE


# --- what is ours around them ---


def test_an_address_is_not_run_as_a_program(env: gym.Env[Any, Any], sites: WebArenaSites, tmp_path: Path) -> None:
    """libwebarena's evaluators put the page's address between quotes and call `eval`."""
    made = tmp_path / "made"
    code = f"'+str(__import__('pathlib').Path('{made}').touch())+'"
    assert play(env, "webarena.600", f'goto("{sites.url("reddit")}/f/consoles/1/{code}")', say("done")) == FAILURE
    assert not made.exists()


def test_an_episode_is_judged_at_its_last_step(
    sites: WebArenaSites, env: gym.Env[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that changes what it was asked to change and never says so has succeeded, as in BrowserGym."""
    spec = gym.spec("symbiotic/webarena.389-v0")
    spec = type(spec).from_json(spec.to_json())
    spec.max_episode_steps = 2
    monkeypatch.setitem(gym.registry, spec.id, spec)
    short = gym.make(spec.id, **PATIENCE)
    sites.pages["gitlab", "/primer/design/-/merge_requests/450"] = "Thanks, working on reviews"
    short.reset(seed=1)
    assert short.step("noop(1)")[1:3] == (0.0, False), "nobody has looked yet"
    assert short.step("noop(1)")[1:3] == (1.0, True)
    short.reset(seed=1, options={"task": "webarena.8"})
    short.step("noop(1)")
    _, reward, terminated, truncated, info = short.step("noop(1)")
    assert (reward, terminated, truncated, "outcome" in info) == (0.0, False, True, False), "no answer needs no judge"
    web = short.unwrapped
    assert isinstance(web, WebEnv)
    short.reset(seed=1, options={"task": "webarena.389"})
    short.step("noop(1)")
    assert web.conclude() == (1.0, {"outcome": "success"}), "whoever cuts an episode off can have it judged"
    sites.pages.clear()
    short.reset(seed=1)
    short.step("noop(1)")
    assert web.conclude() == (0.0, {"outcome": "truncated"})
    short.close()


def test_a_site_that_breaks_while_it_is_judged_makes_the_episode_invalid(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    assert play(env, "webarena.436", say("done")) == (0.0, "invalid(site)")  # the shop answers HTML where its orders should be
    env.reset(seed=1, options={"task": "webarena.389"})
    sites.broken.add("gitlab")
    assert env.step(say("done"))[4]["outcome"] == "invalid(site)"  # the page that the evaluator opens answers 500


def test_a_site_that_the_instance_lacks(sites: WebArenaSites, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sites.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WA_MAP", "todo")
    env = WebEnv("webarena.8", reset_timeout_s=600.0)
    with pytest.raises(ConfigError, match="has no map"):
        env.reset(seed=1)
    env.close()


def test_two_instances_in_one_program(sites: WebArenaSites, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in sites.variables():
        monkeypatch.delenv(name, raising=False)
    with WebArenaSites() as others:
        tables = [
            f"[instances.{name}]\n" + "".join(f'{site} = "{where.url(site)}"\n' for site in ("gitlab", "reddit"))
            for name, where in (("one", sites), ("two", others))
        ]
        (tmp_path / "sites.toml").write_text("".join(tables))
        monkeypatch.setenv("SYMBIOTIC_GYM_SITES", str(tmp_path / "sites.toml"))
        envs = [gym.make("symbiotic/webarena.44-v0", instance=name, **PATIENCE) for name in ("one", "two")]
        for env, where in zip(envs, (sites, others), strict=True):
            observation, _ = env.reset(seed=1)
            assert observation["url"].startswith(where.url("gitlab"))
            assert where.logins == [("gitlab", "byteblaze")]
            env.step(f'goto("{where.url("gitlab")}/dashboard/todos")')
            assert env.step(say("done"))[1] == 1.0
        for env in envs:
            env.close()


def test_gymnasiums_checker_passes(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    env.reset(seed=1, options={"task": "webarena.44"})
    check_env(env.unwrapped, skip_render_check=True)


def test_webarena_lite_has_its_own_evaluators(env: gym.Env[Any, Any], sites: WebArenaSites) -> None:
    assert play(env, "webarena_lite.44", f'goto("{sites.url("gitlab")}/dashboard/todos")', say("done")) == SUCCESS
    assert play(env, "webarena_lite.44", say("done")) == FAILURE
    answer = say("DoubleTree by Hilton, 1.4 km")  # is compared with two references, each by a question of its own
    assert play(env, "webarena_lite.33", answer, judge=ScriptedModel(["correct", "correct"])) == SUCCESS
    assert play(env, "webarena_lite.33", answer, judge=ScriptedModel(["correct", "incorrect"])) == FAILURE
    env.reset(seed=1, options={"task": "webarena_lite.44"})
    check_env(env.unwrapped, skip_render_check=True)


# --- words ---


def test_answers_get_the_same_verdicts_without_nltks_download() -> None:
    """All 335 string-matched tasks, 308 answers each; the expected verdicts were recorded with the download in place."""
    recorded = json.loads(Path(__file__).with_name("webarena_words.json").read_text(encoding="utf-8"))
    command = [sys.executable, str(Path(__file__).with_name("webarena_words.py")), "untrained", "spaces"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert len(recorded) == 335
    assert {task for task in recorded if recorded[task] != found["untrained"].get(task)} == set()
    assert len({task for task in recorded if recorded[task] != found["spaces"][task]}) >= 31, "words decide in 31 tasks"
