"""The suites and their ids: registered without their packages, listed and filtered, and played where their arguments say."""

import json
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.utils.env_checker import check_env
from typer.testing import CliRunner, Result

import symbiotic_gym  # noqa: F401 - registers the environments
from symbiotic_gym.cli import app
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError, MissingDependencyError, UnknownNameError
from symbiotic_gym.suites.catalog import TaskInfo, list_tasks, template_split
from symbiotic_gym.suites.instances import find_instance, list_instances
from symbiotic_gym.suites.openended import make_open_ended
from symbiotic_gym.suites.placing import hosts_of
from tests.webarena_sites import SITES, WebArenaSites

ROOT = Path(__file__).parent.parent
PATIENCE: dict[str, Any] = {"step_timeout_s": 300.0, "reset_timeout_s": 600.0, "disable_env_checker": True}


@pytest.fixture(scope="module")
def sites() -> Iterator[WebArenaSites]:
    with WebArenaSites() as sites:
        yield sites


@pytest.fixture(autouse=True)
def no_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*(f"WA_{site.upper()}" for site in SITES), "WA_HOMEPAGE", "SYMBIOTIC_GYM_SITES", "WA_FULL_RESET"):
        monkeypatch.delenv(variable, raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


# --- ids ---


def test_every_task_of_every_suite_is_registered_with_a_spec_that_travels() -> None:
    counts = Counter(
        name.removeprefix("symbiotic/").partition(".")[0] for name in gym.registry if name.startswith("symbiotic/")
    )
    assert (counts["webarena"], counts["webarena_lite"], counts["webarena_verified"]) == (812, 165, 812)
    assert (counts["openended-v0"], counts["browsergym-v0"]) == (1, 1)
    for name in ("webarena.0", "webarena_lite.4", "webarena_verified.811", "openended", "browsergym"):
        spec = gym.spec(f"symbiotic/{name}-v0")
        assert gym.envs.registration.EnvSpec.from_json(spec.to_json()) == spec == pickle.loads(pickle.dumps(spec))
    assert gym.spec("symbiotic/webarena.27-v0").max_episode_steps == 30


def test_registering_needs_neither_the_packages_nor_the_network() -> None:
    code = """
import sys
def guard(event, arguments):
    if event.startswith("socket.") and event != "socket.__new__":
        raise RuntimeError(event)
sys.addaudithook(guard)
import gymnasium, symbiotic_gym
gymnasium.spec("symbiotic/webarena.811-v0")
print(*(m for m in ("browsergym", "webarena", "webarena_verified", "nltk", "playwright") if m in sys.modules), end="")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("task", ["webarena.812", "webarena_lite.5", "webarena_verified.hard"])
def test_unknown_tasks_are_refused(task: str) -> None:
    with pytest.raises(UnknownNameError, match=f"{task.partition('.')[0]} has no task"):
        WebEnv(task)


# --- the catalogue ---


def test_splits() -> None:
    webarena = list_tasks(suite="webarena")
    assert Counter(info.splits[0] for info in webarena) == {"train": 431, "test": 381}
    templates = {split: {info.template for info in list_tasks(suite="webarena", split=split)} for split in symbiotic_splits()}
    assert templates["train"] & templates["test"], "BrowserGym's halves share templates; if no more, say so in the README"
    assert not templates["template-train"] & templates["template-test"]
    assert len(templates["template-train"] | templates["template-test"]) == 190
    for site in SITES:
        if site != "wikipedia":  # it appears in 23 tasks only
            halves = [
                len(list_tasks(suite="webarena", site=site, split=split)) for split in ("template-train", "template-test")
            ]
            assert min(halves) > 0.3 * sum(halves), site


def symbiotic_splits() -> list[str]:
    return ["train", "test", "template-train", "template-test"]


def test_the_three_suites_split_a_template_alike() -> None:
    for info in list_tasks(split="template-test"):
        assert info.template is not None and template_split(info.template) == "template-test"
    suites = {info.suite for info in list_tasks(split="template-test")}
    assert suites == {"webarena", "webarena_lite", "webarena_verified"}


def test_hard_tasks_are_verifieds() -> None:
    hard = list_tasks(split="hard")
    assert len(hard) == 258
    assert {info.suite for info in hard} == {"webarena_verified"}


def test_filters_combine() -> None:
    found = list_tasks(suite="webarena", site="reddit", evaluator="url_match", split="test")
    assert found
    assert all("reddit" in i.sites and "url_match" in i.evaluators and "test" in i.splits for i in found)
    assert len(list_tasks(suite="webarena", evaluator="fuzzy_match")) == 118
    assert [info.task for info in list_tasks(suite="webarena", template=279)][:2] == ["webarena.0", "webarena.1"]
    with pytest.raises(UnknownNameError, match="program_html"):
        list_tasks(evaluator="html")


def test_tasks_command_lists_filters_and_counts() -> None:
    listed = run("tasks", "--suite", "webarena_verified", "--split", "hard", "--site", "gitlab")
    expected = [info.id for info in list_tasks(suite="webarena_verified", split="hard", site="gitlab")]
    assert listed.stdout.split() == expected
    assert listed.stderr.strip() == f"{len(expected)} environments"
    assert set(expected) <= set(gym.registry)
    counted = run("tasks", "--suite", "webarena", "--count").stdout.splitlines()
    assert "  812 suite webarena" in counted and "  190 templates" in counted and "  431 split train" in counted
    wrong = run("tasks", "--site", "shoping")
    assert wrong.exit_code == 2 and "shopping" in wrong.stderr


@pytest.mark.skipif(find_spec("webarena") is None, reason="needs the extra webarena")
def test_the_catalogue_says_what_the_packages_say() -> None:
    raw = json.loads((package("webarena") / "test.raw.json").read_text(encoding="utf-8"))
    assert [described("webarena", task, task["task_id"]) for task in raw] == plain(list_tasks(suite="webarena"))
    lite = json.loads((package("browsergym.webarenalite") / "test_webarena_lite.raw.json").read_text(encoding="utf-8"))
    lite.sort(key=lambda task: task["old_task_id"])
    of_lite = [(i.task, i.evaluators) for i in list_tasks(suite="webarena_lite")]
    assert [(f"webarena_lite.{task['old_task_id']}", described("", task, 0).evaluators) for task in lite] == of_lite


@pytest.mark.skipif(find_spec("webarena_verified") is None, reason="needs the extra webarena_verified")
def test_the_catalogue_says_what_webarena_verified_says() -> None:
    folder = package("webarena_verified") / "assets" / "dataset"
    tasks = json.loads((folder / "webarena-verified.json").read_text(encoding="utf-8"))
    kinds = {"AgentResponseEvaluator": "agent_response", "NetworkEventEvaluator": "network_event"}
    found = list_tasks(suite="webarena_verified")
    for task, info in zip(tasks, found, strict=True):
        evaluators = dict.fromkeys(kinds[entry["evaluator"]] for entry in task["eval"])
        assert (info.task, info.sites, info.template, info.evaluators) == (
            f"webarena_verified.{task['task_id']}",
            tuple(task["sites"]),
            task["intent_template_id"],
            tuple(evaluators),
        )
    hard = json.loads((folder / "subsets" / "webarena-verified-hard.json").read_text(encoding="utf-8"))["task_ids"]
    assert {info.task for info in list_tasks(split="hard")} == {f"webarena_verified.{number}" for number in hard}


def package(name: str) -> Path:
    spec = find_spec(name)
    assert spec is not None and spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def described(suite: str, task: dict[str, object], number: object) -> TaskInfo:
    evaluation = task["eval"]
    assert isinstance(evaluation, dict) and isinstance(task["sites"], list) and isinstance(task["intent_template_id"], int)
    evaluators: list[str] = []
    for kind in evaluation["eval_types"]:
        evaluators += list(evaluation["reference_answers"]) if kind == "string_match" else [kind]
    return TaskInfo(
        task=f"{suite}.{number}",
        sites=tuple(task["sites"]),
        template=task["intent_template_id"],
        evaluators=tuple(evaluators),
    )


def plain(tasks: list[TaskInfo]) -> list[TaskInfo]:
    return [TaskInfo(task=i.task, sites=i.sites, template=i.template, evaluators=i.evaluators) for i in tasks]


# --- instances ---


def test_instances_come_from_the_variables_and_from_a_sites_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="WA_SHOPPING"):
        find_instance(None)
    file = tmp_path / "sites.toml"
    file.write_text(
        '[instances.a]\nreddit = "http://a.test:9999/"\n[instances.b]\nreddit = "http://b.test"\nreset_url = "http://b.test:1"\n'
    )
    monkeypatch.setenv("SYMBIOTIC_GYM_SITES", str(file))
    assert [instance.name for instance in list_instances()] == ["a", "b"]
    assert find_instance(None).urls == {"reddit": "http://a.test:9999"}
    assert find_instance("b").variables() | {} == {
        **{f"WA_{key}": "todo" for key in ("SHOPPING", "SHOPPING_ADMIN", "GITLAB", "WIKIPEDIA", "MAP", "HOMEPAGE")},
        "WA_REDDIT": "http://b.test",
        "WA_FULL_RESET": "http://b.test:1",
    }
    monkeypatch.setenv("WA_REDDIT", "http://c.test")
    monkeypatch.setenv("WA_MAP", "todo")
    assert find_instance(None).urls == {"reddit": "http://c.test"}
    with pytest.raises(UnknownNameError, match="'c'"):
        find_instance("c")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[instances.a]\nredit = 'http://a.test'\n", "reddit"),
        ("[instances.a]\nreddit = 'a.test:99'\n", "a URL such as"),
        ("reddit = 'http://a.test'\n", r"no table \[instances.NAME\]"),
        ("[instances.a]\nreddit = 'http://a.test:99999'\n", "a URL such as"),
        ("[instances.a]\nreddit = 'http://[::1'\n", "a URL such as"),
        ("[instances.a]\nreddit = 'http://a b'\n", "a URL such as"),
        ("[instances.a\n", "cannot be used"),
    ],
)
def test_a_wrong_sites_file_is_explained(text: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sites.toml").write_text(text)
    monkeypatch.setenv("SYMBIOTIC_GYM_SITES", str(tmp_path / "sites.toml"))
    with pytest.raises(ConfigError, match=complaint):
        list_instances()


# --- playing ---


def test_open_ended_addresses_have_to_be_web_pages() -> None:
    for url in ("file:///etc/passwd", "http://[", "http://a.test:99999/"):
        with pytest.raises(ConfigError, match="http"):
            make_open_ended(url, "read it")


@pytest.mark.parametrize("host", ["https://b.test/", "b.test/x", "b.test, EXCLUDE *", "*.b.test", "bücher.test", ""])
def test_hosts_that_are_none_are_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="allow_hosts"):
        make_open_ended("http://a.test/", "go", allow_hosts=[host])


def test_one_host_may_stand_alone() -> None:
    expected = {"a.test:80": "a.test:80", "b.test:81": "b.test:81"}
    assert hosts_of(["http://a.test/"], "b.test:81") == expected == hosts_of(["http://a.test/"], ["b.test:81"])


@pytest.mark.browser
def test_an_open_ended_task_starts_where_it_is_told_and_reaches_nothing_else(sites: WebArenaSites) -> None:
    sites.pages["reddit", "/start"] = "<h1>Hello</h1><a href='/next'>Next</a>"
    env = gym.make("symbiotic/openended-v0", start_url=sites.url("reddit") + "/start", goal="go on", **PATIENCE)
    observation, _ = env.reset(seed=1)
    assert (observation["goal"], "Hello" in observation["page"]) == ("go on", True)
    observation, *_ = env.step(f'goto("{sites.url("gitlab")}/")')
    assert observation["last_action_error"] and observation["url"].endswith("/start")
    _, reward, terminated, _, info = env.step('send_msg_to_user("done")')
    assert (reward, terminated, info["outcome"]) == (0.0, True, "failure")
    env.close()
    check = make_open_ended(
        sites.url("reddit") + "/start", "go on", allow_hosts=["127.0.0.1"], step_timeout_s=300, reset_timeout_s=600
    )
    check_env(check, skip_render_check=True)
    observation, *_ = check.step(f'goto("{sites.url("gitlab")}/")')
    assert observation["last_action_error"] == "" and "gitlab" in observation["page"]
    check.close()


@pytest.mark.browser
def test_any_browsergym_task_is_played(sites: WebArenaSites) -> None:
    sites.pages["map", "/x"] = "<button>Press</button>"
    kwargs = {"start_url": sites.url("map") + "/x", "goal": "press", "allow_hosts": ["127.0.0.1"]}
    env = gym.make("symbiotic/browsergym-v0", task="browsergym/openended", task_kwargs=kwargs, **PATIENCE)
    observation, _ = env.reset(seed=1)
    assert observation["goal"] == "press" and "Press" in observation["page"]
    with pytest.raises(MissingDependencyError, match="browsergym-nothing"):
        env.reset(options={"task": "browsergym/nothing.1"})
    with pytest.raises(UnknownNameError, match="openended"):
        env.reset(options={"task": "browsergym/openended.2"})
    env.reset(options={"task": "browsergym/openended"})
    check_env(env.unwrapped, skip_render_check=True)
    env.close()
