"""The page said shorter: what becomes of tables, menus and echoes, that no id is ever lost, and what is cut where it is too
long."""

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symbiotic_gym.actions import elements
from symbiotic_gym.agents.pruning import prune
from symbiotic_gym.agents.token_budget import cut_lines, cut_page, tokens
from symbiotic_gym.benchmarks.pages import PageServer
from symbiotic_gym.env import WebEnv
from symbiotic_gym.suites.openended import make_open_ended

_ID = re.compile(r"\[(\w+)\]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def ids(text: str) -> list[str]:
    """The ids that stand outside quotes."""
    return _ID.findall(_QUOTED.sub('""', text))


def said(*lines: str) -> str:
    return prune("\n".join(lines))


def test_rows_become_rows() -> None:
    page = said('row "Order | Total"', "row", '  [60] link "104566"', '  text "Carmen"', '  text "$63.85"', '  [61] button ""')
    assert page == '| Order | Total |\n| [60] link "104566" | Carmen | $63.85 | [61] button "" |'


def test_cells_that_could_be_taken_for_something_else_keep_their_quotes() -> None:
    page = said('row "[7] button | plain | (3 lines left out here)"', "row", '  text "a | [9] link \\"x\\""')
    assert page == '| "[7] button" | plain | "(3 lines left out here)" |\n| "a | [9] link \\"x\\"" |'
    assert ids(page) == []


def test_equal_cells_keep_their_places() -> None:
    assert said("row", '  [1] link "7"', '  text "7"', '  text ""') == '| [1] link "7" | 7 | "" |'


def test_lists_and_menus_are_folded_with_their_ids() -> None:
    page = said('[4] combobox "Colour" value="red"', '  [5] option "red" selected', '  [6] option "blue"')
    assert page == '[4] combobox "Colour" value="red": [5] "red" selected, [6] "blue"'
    links = said(*(f'[{i}] link "page {i}"' for i in range(4)), '[9] button "OK"')
    assert links == 'links: [0] "page 0", [1] "page 1", [2] "page 2", [3] "page 3"\n[9] button "OK"'
    assert said('[1] link "a"', '[2] link "b"') == '[1] link "a"\n[2] link "b"', "two are no menu"


def test_what_is_said_twice_is_said_once() -> None:
    assert said('text "Name"', '[3] textbox "Name"') == '[3] textbox "Name"'
    assert said('heading "Kettles"', '  [3] link "Kettles"') == 'heading [3] link "Kettles"'
    assert said('[1] link "Buy"', '[2] link "Buy"', '[3] link "Sell"') == '[1] [2] link "Buy"\n[3] link "Sell"'
    assert said('[1] link "a"', 'text "·"', '[2] link "b"') == '[1] link "a"\n[2] link "b"'
    assert said('text "x"', 'text "="', 'text "+"') == '"x" "=" "+"', "signs that mean something stay"
    assert said('text "5"', 'text "5"') == '"5" "5"', "equal facts are two facts"


def test_notes_and_foreign_lines_stay() -> None:
    page = '(37 lines above are left out; scroll up to see them)\n[1] button "OK"\nsomething else'
    assert said(*page.split("\n")) == page
    assert prune("") == ""


_NAMES = st.text(st.sampled_from('ab "[]|()\\·12\u2028\x0c'), max_size=6)
_ROLES = st.sampled_from(["text", "link", "button", "option", "combobox", "row", "heading", "menuitem", "textbox", "generic"])


@st.composite
def page_texts(draw: st.DrawFn) -> str:
    lines, depth = [], 0
    for i in range(draw(st.integers(0, 25))):
        depth = draw(st.integers(0, min(depth + 1, 4)))
        acts = draw(st.booleans())
        name = json.dumps(draw(_NAMES), ensure_ascii=False)
        rest = draw(st.sampled_from(["", " checked", ' value="a [3] b"', ' hint="x"']))
        lines.append(f"{'  ' * depth}{f'[{i}] ' if acts else ''}{draw(_ROLES)} {name}{rest}")
    return "\n".join(lines)


PATIENT = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@PATIENT
@given(page_texts())
def test_no_id_is_ever_lost_made_up_or_doubled(page: str) -> None:
    assert sorted(ids(prune(page))) == sorted(ids(page))


@PATIENT
@given(page_texts(), st.integers(80, 400), st.sampled_from(["a b", "12", ""]))
def test_a_cut_page_keeps_its_budget_and_tells(page: str, budget: int, goal: str) -> None:
    whole = prune(page)
    cut = cut_page(whole, goal, budget)
    assert tokens(cut) <= max(budget, 1)
    if cut != whole:
        assert tokens(whole) > budget
        told = sum(int(n) for n in re.findall(r"^\((\d+) lines.* left out", cut, re.M))
        assert told + len([line for line in cut.split("\n") if not line.startswith("(")]) == len(whole.split("\n"))


def test_the_goals_words_and_their_heading_survive_the_cut() -> None:
    page = "\n".join(["| Name | Price |", *(f'| [{i}] link "kettle {i}" | ${i} |' for i in range(200)), '[900] button "Buy"'])
    cut = cut_page(page, "What does kettle 150 cost?", 300)
    assert "| Name | Price |" in cut
    assert '[150] link "kettle 150"' in cut
    assert re.search(r"\(\d+ lines, \d+ link(, 1 button)? left out here\)", cut)


def test_the_last_steps_are_kept() -> None:
    steps = [f"- click({i})" for i in range(50)]
    kept = cut_lines(steps, 40)
    assert kept[-1] == steps[-1]
    assert kept[0] == f"({50 - len(kept) + 1} earlier left out)"
    assert cut_lines(steps[:2], 1000) == steps[:2]
    assert cut_lines(["- " + "long " * 50], 5) == ["- " + "long " * 50], "the last one always"


def test_longer_words_and_foreign_letters_take_more() -> None:
    assert tokens("") == 1
    assert tokens("click the button") < tokens("internationalisation of the button") < tokens("网页" * 20)
    assert tokens("12345") > tokens("hello")


# --- real pages


@pytest.fixture(scope="module")
def env() -> Iterator[WebEnv]:
    env = WebEnv("pocket.shop.open-category")
    yield env
    env.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("task", "least"),
    [
        ("pocket.shop.open-category", 0.05),
        ("pocket.code.open-part", 0.2),
        ("pocket.forum.board-members", 0.15),
        ("pocket.admin.restock-wish", 0.15),
        ("pocket.wiki.open-category", 0.1),
        ("miniwob.choose-list", 0.08),
        ("miniwob.choose-date", 0.0),
        ("miniwob.email-inbox", 0.0),
        ("miniwob.click-checkboxes-large", 0.0),
        ("miniwob.read-table", 0.08),
    ],
)
def test_real_pages_lose_tokens_and_no_element(env: WebEnv, task: str, least: float) -> None:
    observation, _ = env.reset(seed=3, options={"task": task})
    page = observation["page"]
    shorter = prune(page)
    assert set(elements(page)) == set(ids(shorter))
    saved = 1 - tokens(shorter) / tokens(page)
    print(f"{task}: {tokens(page)} tokens, {saved:.0%} saved")
    assert saved >= least


@pytest.mark.browser
def test_generated_pages_lose_no_element() -> None:
    server = PageServer()
    address = f"http://{server.address}"
    env = make_open_ended(f"{address}/varied?seed=1&widgets=150&frames=2", "look")
    try:
        page = env.reset(seed=1)[0]["page"]
    finally:
        env.close()
        server.close()
    assert len(elements(page)) > 100
    assert set(elements(page)) <= set(ids(prune(page)))
