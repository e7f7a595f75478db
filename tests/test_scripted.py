"""The scripted expert on recorded pages, somebody else's mistakes on them included; in the browser; and its benchmark."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from symbiotic_gym.actions import compare, elements, parse
from symbiotic_gym.agents.scripted import SCRIPTED_TASKS, ScriptedAgent
from symbiotic_gym.agents.scripted_page import read
from symbiotic_gym.benchmarks.report import Report, Row, share
from symbiotic_gym.benchmarks.scripted import main
from symbiotic_gym.env import WebEnv
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.suites.miniwob import TASKS
from symbiotic_gym.types import Decision, Observation

BOXES = '[18] checkbox "Jc"\n[21] checkbox "XM"{}\n[24] checkbox "Mtb"{}\n[36] button "Submit"'
LOGIN = 'text "Username"\n[16] textbox ""{}\ntext "Password"\n[19] textbox ""{}\n[20] button "Login"'
POPUP = LOGIN.format(" disabled", " disabled") + '\ntext "Exit to home page?"\n[25] button "OK"\n[26] button "Cancel"'
SCROLL_LIST = (
    '[13] listbox ""\n  [14] option "Cyprus"{}\n  [15] option "Korea, South"\n  [16] option "Peru"{}\n[24] button "Submit"'
)
TABS = '[18] tab "Tab #1"{}\n[20] tab "Tab #2"{}\n[22] tab "Tab #3"{}\ntext "Posuere"\n[26] generic "{}"'
INBOX = """heading "Primary"
[17] generic "" hint="open-search"
[18] generic "Anne Ullam. Im.. Semper leo. Ali.."
  [26] generic "" hint="trash"
  [27] generic "" hint="star"
[28] generic "Misty Ut. Ultrices nullam.."
  [36] generic "" hint="trash"
  [37] generic "" hint="star"
"""
MAIL = """[59] generic "" hint="close-email"
[61] generic "" hint="trash"
[62] generic "" hint="star"
text "Ut."
text "{}"
text "to me"
text "Ultrices nullam neque."
[72] generic "Reply"
[75] generic "Forward"
"""
REPLY = """[80] generic "" hint="close-reply"
[81] generic "" hint="send-reply"
text "to: {}"
text "subject: Re: Ut."
[89] textbox "" multiline{}
"""
FORWARD = """[92] generic "" hint="close-forward"
[93] generic "" hint="send-forward"
text "to:"
[97] textbox ""{}
text "subject: Ut."
[101] textbox "" value="{}" multiline
"""
POSTS = """text "Day @ag"
text "Tortor."
[19] generic "" hint="reply{}"
[21] generic "" hint="like"
text "Austin @che"
text "Nulla."
[49] generic "" hint="reply{}"
[51] generic "" hint="like"
text "Austin @che"
text "Eget."
[59] generic "" hint="reply{}"
[61] generic "" hint="like"
[84] button "Submit"
"""
MENU = """text "Caesar Salad"
img "vegan"
[22] generic "-"{}
[24] generic "+"
text "Garlic bread"
img "vegan"
[31] generic "-"{}
[33] generic "+"
text "Wings"
img "meat"
[50] generic "-"{}
[52] generic "+"
[60] button "Order!"
"""
CALENDAR = """text "Date:"
[17] textbox "" readonly focused
[19] button "Submit"
[22] generic "Prev"
text "Next"
text "{} 2016"
row "Su | Mo | Tu | We | Th | Fr | Sa"
row
  [53] link "1"
  [55] link "2"
"""
CONTACT = """heading "{}"
text "Phone:"
[20] generic "529"
text "Email:"
[24] generic "e@x.it"
[35] link "<"
[36] link "{}"
[37] link ">"
"""
WIDGETS = '[14] button "J"\n[17] checkbox "P"\n[22] textbox "" value="HY" multiline\n[24] textbox "" value="Nz"'

SELECT_TWO = "Select Jc, XM and click Submit."
LOG_IN = 'Enter the username "juan" and the password "Jc" into the text fields and press login.'
FROM_LIST = "Select Peru, Korea, South from the scroll list and click Submit."
SWITCH = 'Switch between the tabs to find and click on the link "sed".'
STAR = "Find the email by Misty and click the star icon to mark it as important."
ANSWER = 'Find the email by Misty and reply to them with the text "Yes".'
PASS_ON = "Find the email by Misty and forward that email to Ed."
REPLY_TWO = 'Click the "Reply" button on all posts by @che and then click Submit.'
REPLY_ONE = 'Click the "Reply" button on 1 post by @che and then click Submit.'
VEGAN = "Order 2 items that are vegan"
BY_NAME = "Order one of each item: Wings, Caesar Salad"
DATE = "Select 11/02/2016 as the date and hit submit."

STATES = {
    "every wanted box": (SELECT_TWO, BOXES.format("", ""), {"click 18", "click 21", "check 18", "check 21"}),
    "a wrong box too": (SELECT_TWO, BOXES.format(" checked", " checked"), {"click 18", "check 18", "click 24", "uncheck 24"}),
    "no box": ("Select nothing and click Submit.", BOXES.format("", ""), {"click 36"}),
    "either field": (LOG_IN, LOGIN.format("", ""), {"fill 16 juan", "fill 19 Jc"}),
    "a wrong name": (LOG_IN, LOGIN.format(' value="jo"', ' value="••"'), {"fill 16 juan"}),
    "a longer password": (LOG_IN, LOGIN.format(' value="juan"', ' value="•••"'), {"fill 19 Jc"}),
    "ready to log in": (LOG_IN, LOGIN.format(' value="juan"', ' value="••"'), {"click 20"}),
    "a message in the way": (LOG_IN, POPUP, {"click 26"}),
    "a list, commas in names": (
        FROM_LIST,
        SCROLL_LIST.format("", ""),
        {"select_option 13 Korea, South/Peru", "click 15", "click 16"},
    ),
    "a wrong option chosen": (FROM_LIST, SCROLL_LIST.format(" selected", " selected"), {"select_option 13 Korea, South/Peru"}),
    "the link shows": (SWITCH, TABS.format(" selected", "", "", "sed"), {"click 26"}),
    "the link is elsewhere": (SWITCH, TABS.format(" selected", "", "", "id"), {"click 20", "click 22"}),
    "the icon, or the mail": (STAR, INBOX, {"click 37", "click 28"}),
    "the right mail is open": (STAR, MAIL.format("Misty"), {"click 62"}),
    "a wrong mail is open": (STAR, MAIL.format("Anne"), {"click 59"}),
    "open the mail": (ANSWER, INBOX, {"click 28"}),
    "start the reply": (ANSWER, MAIL.format("Misty"), {"click 72"}),
    "write": (ANSWER, REPLY.format("Misty", ""), {"fill 89 Yes"}),
    "rewrite": (ANSWER, REPLY.format("Misty", ' value="No."'), {"fill 89 Yes"}),
    "send": (ANSWER, REPLY.format("Misty", ' value="Yes"'), {"click 81"}),
    "a reply to somebody else": (ANSWER, REPLY.format("Anne", ' value="Yes"'), {"click 80"}),
    "a forward instead of a reply": (ANSWER, FORWARD.format("", "Ultrices nullam neque."), {"click 92"}),
    "a reply instead of a forward": (PASS_ON, REPLY.format("Misty", ""), {"click 80"}),
    "all posts": (REPLY_TWO, POSTS.format("", "", ""), {"click 49", "click 59"}),
    "a wrong post is marked": (REPLY_TWO, POSTS.format(" active", " active", ""), {"click 19", "click 59"}),
    "too many are marked": (REPLY_ONE, POSTS.format("", " active", " active"), {"click 49", "click 59"}),
    "posts are done": (REPLY_ONE, POSTS.format("", " active", ""), {"click 84"}),
    "any of a kind": (VEGAN, MENU.format("", "", ""), {"click 24", "click 33"}),
    "a wrong dish": (VEGAN, MENU.format('\ntext "2"', "", '\ntext "1"'), {"click 50"}),
    "too many": (VEGAN, MENU.format('\ntext "2"', '\ntext "1"', ""), {"click 22", "click 31"}),
    "order": (VEGAN, MENU.format('\ntext "1"', '\ntext "1"', ""), {"click 60"}),
    "by name": (BY_NAME, MENU.format('\ntext "2"', "", ""), {"click 22", "click 52"}),
    "the month": (DATE, CALENDAR.format("December"), {"click 22"}),
    "the day": (DATE, CALENDAR.format("November"), {"click 55"}),
    "a text area": ('Click on a "textarea" widget.', WIDGETS, {"click 22"}),
    "a text field": ('Click on a "text" widget.', WIDGETS, {"click 24"}),
    "a date field": (
        "Enter 01/18/2019 as the date and hit submit.",
        '[14] textbox "" type=date\n[15] button "Submit"',
        {"fill 14 2019-01-18"},
    ),
    "a sum": (
        "Solve for x and type your answer into the textbox. Press Submit when done.",
        'text "4 - x = 6"\ntext "x ="\n[16] textbox "" value="2"\n[17] button "Submit"',
        {"fill 16 -2"},
    ),
    "labels below their fields": (
        "Search for crime movies directed by Dee from year 2006.",
        '[1] textbox "" value="crime"\ntext "Genre"\n[2] textbox ""\ntext "Year"\n'
        '[3] textbox ""\ntext "Director"\n[4] generic "Search"',
        {"fill 2 2006", "fill 3 Dee"},
    ),
}


def see(goal: str, page: str, last_action: str = "", error: str = "") -> Observation:
    return Observation(
        goal=goal, page=page, url="http://x/", title="", tabs="", last_action=last_action, last_action_error=error
    )


def short(action: str) -> str:
    arguments = parse(action).arguments.values()
    words = ("/".join(value) if isinstance(value, tuple) else str(value) for value in arguments)
    return " ".join([parse(action).verb, *(word for word in words if word not in ("left", "", "False"))])


def decide(*observations: Observation, agent: ScriptedAgent | None = None) -> Decision:
    agent = agent or ScriptedAgent()
    agent.reset(observations[0]["goal"], seed=0)
    return [agent.act(observation) for observation in observations][-1]


def all_right(decision: Decision) -> set[str]:
    return {short(candidate.action) for candidate in decision.candidates}


@pytest.mark.parametrize("state", STATES)
def test_all_right_actions_of_a_state(state: str) -> None:
    goal, page, right = STATES[state]
    decision = decide(see(goal, page))
    assert all_right(decision) == right
    assert decision.action == decision.candidates[0].action
    assert all(3 <= len(candidate.reason.split()) <= 25 for candidate in decision.candidates)


def test_looks_into_what_was_not_open_yet() -> None:
    first, second = TABS.format(" selected", "", "", "id"), TABS.format("", " selected", "", "id")
    assert all_right(decide(see(SWITCH, first), see(SWITCH, second, 'click("20")'))) == {"click 22"}


def test_order_of_buttons_counts_only_clicks_that_ran() -> None:
    goal, page = "Click button ONE, then click button TWO.", '[12] button "ONE"\n[13] button "TWO"'
    assert all_right(decide(see(goal, page), see(goal, page, 'click("12")'))) == {"click 13"}
    assert all_right(decide(see(goal, page), see(goal, page, 'click("13")', error="not visible"))) == {"click 12"}


def test_presses_what_something_else_lies_over() -> None:
    goal, page = "Click button ONE, then click button TWO.", '[12] button "ONE"\n[13] button "TWO"'
    covered = see(goal, page, 'click("12")', error="Locator.click: Timeout 1000ms exceeded.")
    assert all_right(decide(see(goal, page), covered)) == {"press 12 Enter"}
    assert all_right(decide(see(goal, page), covered, see(goal, page, 'press("12", "Enter")'))) == {"click 13"}


def test_a_password_shows_as_dots_so_what_was_typed_counts() -> None:
    filled = LOGIN.format(' value="juan"', ' value="••"')
    assert all_right(decide(see(LOG_IN, LOGIN.format("", "")), see(LOG_IN, filled, 'fill("19", "xx")'))) == {"fill 19 Jc"}
    assert all_right(decide(see(LOG_IN, LOGIN.format("", "")), see(LOG_IN, filled, 'fill("19", "Jc")'))) == {"click 20"}


def test_a_forward_keeps_the_mail_it_was_opened_from() -> None:
    body = "Ultrices nullam neque."

    def then(sender: str, to: str, text: str) -> set[str]:
        return all_right(decide(see(PASS_ON, MAIL.format(sender)), see(PASS_ON, FORWARD.format(to, text), 'click("75")')))

    assert then("Misty", "", body) == {"fill 97 Ed"}
    assert then("Misty", ' value="Ed"', body) == {"click 93"}
    assert then("Misty", ' value="Ed"', "somebody typed here") == {"click 92"}
    assert then("Anne", ' value="Ed"', body) == {"click 92"}


def test_goes_back_to_a_contact_that_was_passed() -> None:
    goal = "Find Bo in the contact book and click on their email."
    passed = [see(goal, CONTACT.format("Bo", 2)), see(goal, CONTACT.format("Cy", 3), 'click("37")')]
    assert all_right(decide(*passed)) == {"click 35"}
    assert all_right(decide(see(goal, CONTACT.format("Bo", 2)))) == {"click 24"}
    unseen = [see(goal, CONTACT.format("Ann", 1)), see(goal, CONTACT.format("Cy", 2), 'click("37")')]
    assert all_right(decide(*unseen)) == {"click 37"}


def test_a_slider_learns_its_page_step() -> None:
    goal = "Select 9 with the slider and hit Submit."
    pages = [f'[17] generic "" hint="ui-slider-handle"\ntext "{value}"\n[19] button "Submit"' for value in (0, 2, 8, 9)]
    assert all_right(decide(see(goal, pages[0]))) == {"press 17 PageUp"}
    moved = see(goal, pages[1], 'press("17", "PageUp")')
    assert all_right(decide(see(goal, pages[0]), moved)) == {"press 17 PageUp"}
    assert all_right(decide(see(goal, pages[0]), moved, see(goal, pages[2]))) == {"press 17 ArrowRight", "press 17 ArrowUp"}
    assert all_right(decide(see(goal, pages[3]))) == {"click 19"}


def test_guesses_within_all_hints_so_far() -> None:
    goal = "Guess the number between 0-9 and press Submit. Use the feedback below to find the right number."
    page = 'text "{}"\n[21] spinbutton "" value="{}"\n[22] button "Submit"'
    low, high = page.format("The number is higher than 4.", 4), page.format("The number is lower than 7.", 7)
    assert all_right(decide(see(goal, low), see(goal, high, 'click("22")'))) == {"fill 21 5", "fill 21 6"}
    assert all_right(decide(see(goal, page.format("The number is higher than 4.", 6)))) == {"click 22"}


def test_no_script() -> None:
    agent = ScriptedAgent()
    decision = decide(see("Draw a circle centered around the marked point.", BOXES), agent=agent)
    assert decision.action == "noop()"
    assert "no script" in decision.reason
    assert not agent.knows("Draw a circle centered around the marked point.", BOXES)
    assert agent.knows(SELECT_TWO, BOXES.format("", ""))
    assert not agent.knows(SELECT_TWO, LOGIN.format("", ""))
    assert not agent.knows("Select words similar to mini and click Submit.", BOXES.format("", ""))


def test_no_page_breaks_a_script_and_only_what_is_there_is_named() -> None:
    pages = [
        "",
        'heading "x"',
        "not a page",
        '[1] textbox ""',
        '[1] button "Submit"',
        *(page for _, page, _ in STATES.values()),
    ]
    goals = [goal for goal, _, _ in STATES.values()] + FURTHER_GOALS
    agent = ScriptedAgent()
    for goal in goals:
        for page in pages:
            for candidate in decide(see(goal, page), agent=agent).candidates:
                assert set(parse(candidate.action).bids) <= set(elements(page)), (goal, page)


FURTHER_GOALS = [
    "Book the shortest flight",
    "Buy the ticket with the cheapest cost.",
    'Check the 3rd radio button and enter the number "-7" into the 3rd textbox.',
    'Choose 6ft 1in from the dropdown, then click the button labeled "Yes".',
    'Click on the "cancel" button.',
    "Click on the grid coordinate (2,-2).",
    "Click the cancel button.",
    'Close the dialog box by clicking the "x".',
    "Copy the text from the 3rd text area below and paste it into the text input, then press Submit.",
    "Copy the text in the textarea below, paste it into the textbox and press Submit.",
    'Enter "Kanesha" into the text field and press Submit.',
    "Enter 8:05 AM as the time and press submit.",
    'Enter an item that starts with "Ti" and ends with "este".',
    'Enter the password "rJcwP" into both text fields and press submit.',
    "Enter the value of Language into the text field and press Submit.",
    "Enter the value that corresponds with each label into the form and submit when done.",
    "Expand the section below and click submit.",
    "Find Charil in the contact book and click on their address.",
    'Find the 7th word in the paragraph, type that into the textbox and press "Submit".',
    "Find and pick the card with the greatest number, then press submit.",
    "Find the last word in the text area, enter it into the text field and hit Submit.",
    "Focus into the 3rd input textbox.",
    'For the user @alan, click on the "Copy link to Tweet" button.',
    "Generate a number less than 5, then press submit.",
    "Mark the numbers below as odd or even and press submit when done.",
    'Navigate through the file tree. Find and click on the folder or file named "Augus".',
    'Scroll to the bottom of the textarea, enter the name "Alan" then press "Agree"',
    "Select -3 with the slider, click the 1st checkbox, then hit Submit.",
    "Select 8 with the spinner and hit Submit.",
    "Select Amandi>Olga>Ashlee",
    "Solve the math problem and type your answer into the textbox. Press submit when done.",
    "Type the text below into the text field and press Submit.",
    'Type "KANESHA" in all lower case letters in the text input and press Submit.',
]


def test_reads_a_page_line_by_line() -> None:
    line = r'  [a12] textbox "say \"hi\" \\o/" value="x \"checked\" y" hint="one two" readonly focused'
    node = read(line).nodes[0]
    assert (node.bid, node.role, node.name, node.value, node.depth) == ("a12", "textbox", r'say "hi" \o/', 'x "checked" y', 1)
    assert node.flags == {"readonly", "focused"}
    assert read(line).find("textbox", hint="two") == [node]


def mistaken(agent: ScriptedAgent, seed: int) -> bool:
    observation = see(SELECT_TWO, BOXES.format("", ""))
    agent.reset(SELECT_TWO, seed=seed)
    decision = agent.act(observation)
    right = decide(observation)
    wrong = not any(compare(decision.action, observation["page"], c.action, observation["page"]) for c in right.candidates)
    assert wrong == bool(decision.extra.get("mistake"))
    return wrong


def test_mistakes_are_as_frequent_as_set_and_seeded() -> None:
    agent = ScriptedAgent(mistakes=0.3)
    wrong = [mistaken(agent, seed) for seed in range(300)]
    assert 90 - 40 < sum(wrong) < 90 + 40  # 5 standard deviations of a binomial
    assert wrong == [mistaken(ScriptedAgent(mistakes=0.3), seed) for seed in range(300)]
    assert all(mistaken(ScriptedAgent(mistakes=1.0), seed) for seed in range(20))
    assert not any(mistaken(ScriptedAgent(), seed) for seed in range(20))


@pytest.mark.parametrize("mistakes", [-0.1, 1.1, float("nan")])
def test_mistakes_must_be_a_probability(mistakes: float) -> None:
    with pytest.raises(ConfigError, match="what to do"):
        ScriptedAgent(mistakes=mistakes)


def test_its_tasks_exist() -> None:
    assert set(SCRIPTED_TASKS) <= {f"miniwob.{name}" for name in TASKS}
    assert len(set(SCRIPTED_TASKS)) == len(SCRIPTED_TASKS) >= 30


# --- in the browser -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def env() -> Iterator[WebEnv]:
    env = WebEnv("miniwob.click-test")
    yield env
    env.close()


def play(env: WebEnv, task: str, seed: int, clumsy: Sequence[str] = ()) -> tuple[float, int]:
    """The reward, and the steps taken; `clumsy` names elements that are clicked first."""
    agent = ScriptedAgent()
    observation, _ = env.reset(seed=seed, options={"task": task})
    agent.reset(observation["goal"], seed=seed)
    for step in range(20):
        decision = agent.act(observation)
        action = decision.action
        if step < len(clumsy):
            action = next(f'click("{node.bid}")' for node in read(observation["page"]).acting if clumsy[step] in node.shown)
        observation, reward, done, _, _ = env.step(action)
        if done:
            return reward, step + 1
    return 0.0, 20


@pytest.mark.browser
@pytest.mark.parametrize("seed", [101, 102, 103])
@pytest.mark.parametrize("task", ["click-checkboxes", "click-tab-2", "email-inbox-forward", "enter-date", "order-food"])
def test_solves(env: WebEnv, task: str, seed: int) -> None:
    assert play(env, f"miniwob.{task}", seed)[0] == 1.0


@pytest.mark.browser
def test_recovers_from_what_others_did(env: WebEnv) -> None:
    straight = play(env, "miniwob.email-inbox-reply", 1)
    reward, steps = play(env, "miniwob.email-inbox-reply", 1, clumsy=["Anne", "Forward"])  # the mail asked for is Misty's
    assert straight[0] == reward == 1.0
    assert steps == straight[1] + 4


# --- its benchmark ------------------------------------------------------------------------------------------------------------


def test_a_row_compares_and_judges() -> None:
    fast = Row(name="step", value=2.0, unit="ms", peer="stock", peer_value=8.0, target=3.0, better="lower")
    assert (fast.ratio, fast.holds) == (4.0, True)
    rate = share("success", 18, 20, target=0.95)
    assert (rate.ratio, rate.holds, rate.value, rate.n) == (None, False, 0.9, 20)
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low < 0.9 < rate.high
    keys = ["name", "value", "unit", "n", "low", "high", "peer", "peer_value", "ratio", "target", "holds"]
    assert sorted(fast.to_json()) == sorted(keys)


def test_row_names_are_unique_and_a_missed_target_shows(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report = Report("example")
    report.add(share("a", 1, 20, target=0.5))
    with pytest.raises(ValueError, match="'a'"):
        report.add(share("a", 1, 1))
    assert not report.finish(tmp_path / "out.json")
    assert "MISSED" in capsys.readouterr().out
    data = json.loads((tmp_path / "out.json").read_text())
    assert list(data) == ["benchmark", "commit", "machine", "command", "seconds", "rows"]


@pytest.mark.browser
def test_the_benchmark_runs_small(tmp_path: Path) -> None:
    assert main(["--smoke", "--json", str(tmp_path / "out.json")]) == 0
    rows = {row["name"]: row for row in json.loads((tmp_path / "out.json").read_text())["rows"]}
    assert rows["success/all"]["n"] == 6
    assert rows["steps/miniwob.click-test"]["value"] == 1.0
