"""Pocket as a WebArena: BrowserGym signs in unmodified, and the official evaluators judge exported tasks."""

import json
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from symbiotic_gym.benchmarks.pocket_webarena import Judged, explanation, measure
from symbiotic_gym.browser.find import require_chromium
from symbiotic_gym.cli import app
from symbiotic_gym.errors import ConfigError, SiteError
from symbiotic_gym.pocket.export import KEYS, Exported, Left, export, export_task, resolved, write
from symbiotic_gym.pocket.main_text import locator, main_text
from symbiotic_gym.pocket.serve import Served, serve
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.trial import Check
from symbiotic_gym.pocket.world import World

if find_spec("webarena") is None:
    pytest.skip("needs the extra webarena: pip install 'symbiotic-gym[webarena]'", allow_module_level=True)


@pytest.fixture(scope="module")
def server() -> Iterator[PocketServer]:
    server = PocketServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    served = serve(seed=3, webarena=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in served.variables.items():
            patch.setenv(name, value)
        yield served
    served.close()


@pytest.fixture(scope="module")
def context(served: Served) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from symbiotic_gym.browser.rest import close_when_loaded

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_chromium())
        context = browser.new_context()
        context.on("page", close_when_loaded)  # as in episodes
        yield context
        browser.close()


# --- what is written ---


def test_each_kind_of_task_has_its_kind_of_rule(server: PocketServer) -> None:
    def rules(name: str) -> dict[str, Any]:
        done = export_task(name, 0, server)
        assert isinstance(done, Exported)
        found: dict[str, Any] = done.config["eval"]
        return found

    answer = rules("wiki.category-size")
    assert (answer["eval_types"], answer["reference_answers"]) == (["string_match"], {"exact_match": "10"})
    assert rules("code.transfer-project")["reference_answers"] == {"exact_match": "N/A"}
    opened = rules("shop.filter-by-price-and-stock")
    assert opened["eval_types"] == ["url_match", "program_html"]
    assert opened["reference_url"] == "__SHOPPING__/c/audio?sort=price&min=10&max=100&stock=1"
    changed = rules("shop.wish-this")
    (target,) = changed["program_html"]
    assert (changed["eval_types"], target["url"]) == (["program_html"], "__SHOPPING__/account/wishes")
    assert "Olivewood Kettle $59.50" in target["required_contents"]["exact_match"]


def test_what_cannot_be_said_is_left_out_with_its_reason(server: PocketServer) -> None:
    assert export_task("shop.checkout", 0, server) == Left(task="shop.checkout", reason="prepared")
    assert export_task("forum.report-post", 0, server) == Left(task="forum.report-post", reason="nowhere")
    done = export_task("shop.write-to-shop", 0, server)
    assert isinstance(done, Exported)
    assert done.config["sites"] == ["shopping", "shopping_admin"], "only the back office shows the message"


def test_addresses_stand_as_placeholders(server: PocketServer) -> None:
    for name in ("forum.wish-recommended", "code.issue-with-price", "wiki.answer-question", "shop.filter-by-price-and-stock"):
        for seed in range(3):
            done = export_task(name, seed, server)
            assert isinstance(done, Exported)
            assert ".pocket" not in json.dumps(done.config), name


def test_files_are_in_webarenas_form(tmp_path: Path) -> None:
    import webarena

    official = json.loads(Path(webarena.__path__[0], "test.raw.json").read_text(encoding="utf-8"))[0]
    done = [(world, task) for world, task in export("wiki.wat", (0, 1, 17)) if isinstance(task, Exported)]
    files = write(tmp_path / "tasks", done)
    assert [file.name for file in files] == ["world-00.json", "world-01.json"]
    tasks = json.loads(files[1].read_text(encoding="utf-8"))
    assert [task["task_id"] for task in tasks] == list(range(len(tasks)))
    assert {task["pocket"]["seed"] for task in tasks} == {1, 17}
    for task in tasks:
        assert {*official} <= {*task} and {*official["eval"]} <= {*task["eval"]}
        intent = task["intent_template"]
        for name, value in task["instantiation_dict"].items():
            intent = intent.replace("{{" + name + "}}", value)
        assert intent == task["intent"]
    with pytest.raises(ConfigError, match="no template"):
        list(export("nothing-like-it"))


def test_the_command_names_what_it_leaves_out(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["sites", "export", "--only", "map.report", "--out", str(tmp_path / "map.json")])
    assert done.exit_code == 0
    assert "1 left out because no page shows what it changes: map.report-problem" in done.stderr


# --- the sites ---


@pytest.mark.browser
@pytest.mark.parametrize("key", ["shopping", "shopping_admin", "reddit", "gitlab", "wikipedia", "map"])
def test_browsergym_signs_in_unmodified(key: str, served: Served, context: Any) -> None:
    from symbiotic_gym.suites.any_browsergym import import_without_downloads

    instance = import_without_downloads("browsergym.webarena.instance").WebArenaInstance()
    page = context.new_page()
    instance.urls = {site: served.variables[f"WA_{site.upper()}"] for site in instance.urls}  # its module read them once
    instance.ui_login(key, page)
    me = served.variables[f"WA_{key.upper()}"]
    page.goto(me)
    assert page.get_by_role("button", name="Sign out").count() == 1
    assert ".pocket" not in page.content() and ".localhost" not in page.content(), "links lead to sites as they are served here"
    page.close()


@pytest.mark.browser
def test_sites_do_not_sign_each_other_out(served: Served, context: Any) -> None:
    page = context.new_page()
    for key in ("shopping", "gitlab", "reddit", "shopping_admin", "map"):
        page.goto(served.variables[f"WA_{key.upper()}"])
        assert page.get_by_role("button", name="Sign out").count() == 1, key
    page.close()


@pytest.mark.browser
def test_the_locator_reads_what_python_reads(served: Served, context: Any) -> None:
    page = context.new_page()
    places = {"shopping": ("/account/newsletter", "/product/5", "/account/orders"), "gitlab": ("/dashboard/todos", "/profile")}
    places |= {
        "reddit": ("/post/40", "/settings"),
        "shopping_admin": ("/products/9", "/messages"),
        "map": ("/lists", "/place/6"),
    }
    for key, paths in places.items():
        for path in paths:
            now = _now(3)
            page.goto(served.variables[f"WA_{key.upper()}"] + path)
            source = page.context.request.get(page.url).text()
            assert page.evaluate(f"() => {locator(now)}") == main_text(source, now) != ""
    page.close()


def test_a_reset_brings_the_world_back(served: Served) -> None:
    with urlopen(f"{served.variables['WA_FULL_RESET']}/reset", timeout=30) as answer:
        assert answer.status == 200
    with urlopen(f"{served.variables['WA_FULL_RESET']}/status", timeout=30) as answer:
        assert answer.read() == b"Ready for duty!"


def test_a_port_that_is_taken_is_named() -> None:
    for _ in range(100):  # until a port is free whose neighbour can be taken
        with socket.socket() as free, socket.socket() as taken:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            try:
                taken.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            taken.listen()
            free.close()
            with pytest.raises(SiteError, match="ports in a row"):
                serve(port, webarena=True)
            return
    pytest.fail("no two free ports in a row")


# --- the evaluators ---


@pytest.mark.browser
def test_the_official_task_is_played_and_judged_unmodified(served: Served, context: Any, server: PocketServer) -> None:
    """BrowserGym's own task class, with an exported task in place of one of the 812, and nothing changed around it."""
    from symbiotic_gym.browser.rest import close_when_loaded
    from symbiotic_gym.suites.any_browsergym import import_without_downloads

    urlopen(f"{served.variables['WA_FULL_RESET']}/reset", timeout=30).close()
    done = export_task("forum.change-bio", 3, server)
    assert isinstance(done, Exported)
    task = import_without_downloads("browsergym.webarena.task").GenericWebArenaTask(seed=1, task_id=0)
    urls = {key: served.variables[f"WA_{key.upper()}"] for key in KEYS.values()}
    task.webarena_instance.urls = {key: urls[key] for key in task.webarena_instance.urls}
    task.webarena_instance.home_url = urls["homepage"]
    task.task_configs = [resolved(done.config, urls)]
    own = context.browser.new_context()
    own.on("page", close_when_loaded)
    page = own.new_page()
    goal, _ = task.setup(page)
    assert goal == done.config["intent"]
    said = [{"role": "assistant", "message": "Done."}]
    assert task.validate(page, said)[0] == 0.0
    page.get_by_label("About me").fill(done.config["instantiation_dict"]["line"])
    page.get_by_role("button", name="Save settings").click()
    assert task.validate(page, said)[0] == 1.0
    own.close()


@pytest.mark.browser
def test_both_judges_agree_on_every_kind_of_end(server: PocketServer) -> None:
    names = ("wiki.category-size", "code.transfer-project", "shop.open-category", "forum.subscribe")
    done = {name: export_task(name, 0, server) for name in names}
    tasks = {name: task for name, task in done.items() if isinstance(task, Exported)}
    found = measure(tasks, 0, workers=1)
    assert all(judged.ended for judged in found)
    assert {judged.theirs for judged in found if judged.check.kind == "oracle"} == {1.0}
    differing = {(judged.check.template, judged.check.kind): judged for judged in found if not judged.agreed}
    assert set(differing) == {("code.transfer-project", "another role")}, "nothing asks WebArena to look at the members"
    assert all(explanation(judged, tasks[judged.check.template].limits) == "elsewhere" for judged in differing.values())


@pytest.mark.parametrize(
    ("ours", "verdict", "limits", "cause"),
    [
        (0.0, "shop wishes should have [] and not [(1, 5)]", ["elsewhere"], "elsewhere"),
        (0.0, "it was reported infeasible", ["elsewhere", "reported"], "reported"),
        (0.0, "it was reported infeasible", ["elsewhere"], ""),
        (0.0, "the answer '3' is not '4'", ["elsewhere", "form"], ""),
        (1.0, "", ["form"], "form"),
        (1.0, "", ["elsewhere", "reported"], ""),
        (0.0, "nothing was said at the end", ["elsewhere", "reported", "more"], ""),
    ],
)
def test_a_disagreement_is_explained_only_by_a_limit_of_its_task(
    ours: float, verdict: str, limits: list[str], cause: str
) -> None:
    check = Check("shop.wish-this", 0, "another")
    judged = Judged(check=check, ended=True, said="Done.", ours=ours, verdict=verdict, theirs=1.0 - ours)
    assert explanation(judged, limits) == cause


def _now(seed: int) -> Any:
    from symbiotic_gym.pocket.world import snapshot

    db = snapshot(seed).restore()
    now = World(db).now
    db.close()
    return now
