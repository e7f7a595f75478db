"""Scripts for goals that need something read off the page first: words, tables, sums, comparisons, guesses."""

import re
from collections.abc import Callable

from symbiotic_gym.actions import format_action
from symbiotic_gym.agents.scripted_forms import TEXTS, ordinal, submit
from symbiotic_gym.agents.scripted_page import History, Node, Page, fill_all, press, skills
from symbiotic_gym.types import Candidate

__all__ = ["READING_SKILLS"]


def answer(page: Page, history: History, text: str, why: str) -> list[Candidate]:
    """Type the answer into the last text field, then submit."""
    field = page.find(TEXTS)[-1]
    moves = fill_all([(field, text, "The answer field")], history, lambda: submit(page, "The answer is filled in"))
    return [Candidate(action=move.action, reason=f"{why}: {move.reason}") for move in moves] if field.value != text else moves


def arithmetic(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    problem = next((found for word in page.words if (found := re.fullmatch(r"(\d+) ([-+x]) (\d+) =", word))), None)
    if problem is None:
        return []
    return answer(
        page, history, str(_compute(int(problem[1]), problem[2], int(problem[3]))), f"{problem[1]} {problem[2]} {problem[3]}"
    )


def _compute(a: int, operation: str, b: int) -> int:
    return {"+": a + b, "-": a - b, "x": a * b}[operation]


def algebra(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    problem = next((found for word in page.words if (found := re.fullmatch(r"(x|\d+) ([-+]) (x|\d+) = (-?\d+)", word))), None)
    if problem is None:
        return []
    total, number = int(problem[4]), int(problem[3] if problem[1] == "x" else problem[1])
    x = total - number if problem[2] == "+" else number - total
    if problem[1] == "x" and problem[2] == "-":
        x = total + number
    return answer(page, history, str(x), problem[0])


def copy_text(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    which = match.groupdict().get("which")
    areas = [node for node in page.find(TEXTS) if "multiline" in node.flags][ordinal(which) if which else 0 :]
    targets = [node for node in page.find(TEXTS) if "multiline" not in node.flags]
    fields = [(target, area.value, "The text field") for target, area in zip(targets[:1], areas, strict=False)]
    return fill_all(fields, history, lambda: submit(page, "The text is copied")) if fields else []


def type_shown(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    shown = "".join(node.name for node in page.nodes if node.role == "text")
    return answer(page, history, shown, "This is the text above the field")


def nth_word(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    words = " ".join(node.name for node in page.nodes if node.role == "text").split()
    if ordinal(match["which"]) >= len(words):
        return []
    word = re.sub(r"[^A-Za-z]", "", words[ordinal(match["which"])])
    return answer(page, history, word, f"The {match['which']} word")


def last_word(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    words = page.find(TEXTS)[0].value.split()
    if not words or words[-1].endswith("…"):  # the page text is cut off before the end
        return []
    return answer(page, history, words[-1].strip(".,"), "The last word")


def _table(page: Page) -> dict[str, str]:
    rows = [node.name.split(" | ", 1) for node in page.nodes if node.role == "row" and " | " in node.name]
    return {row[0]: row[1] for row in rows}


def read_table(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    value = _table(page).get(match["key"])
    return answer(page, history, value, f'The row "{match["key"]}"') if value is not None else []


def read_table_labels(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    table = _table(page)
    labels = [(node, page.label(node).rstrip(":")) for node in page.find(TEXTS)]
    if any(label not in table for _, label in labels):
        return []
    fields = [(node, table[label], f'The field "{label}"') for node, label in labels]
    return fill_all(fields, history, lambda: submit(page, "All fields are filled in"))


def odd_or_even(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """Each number stands between its two buttons; which was pressed shows only in the past."""
    moves: list[Candidate] = []
    for odd, number, even in zip(page.nodes, page.nodes[1:], page.nodes[2:], strict=False):
        if (odd.name, even.name) != ("Odd", "Even") or not re.fullmatch(r"-?\d+", number.name):
            continue
        wanted = odd if int(number.name) % 2 else even
        pressed = [past.target.bid for past in history.clicked() if past.target and past.target.bid in (odd.bid, even.bid)]
        if pressed[-1:] != [wanted.bid]:
            moves += press([wanted], f"{number.name} is {wanted.name.lower()} and not marked so yet.")
    return moves or submit(page, "Every number is marked")


def greatest_card(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    cards = [node for node in page.find("generic") if node.name.isdigit()]
    if not cards:
        return []
    best = max(cards, key=lambda node: int(node.name))
    picked = [past.target.bid for past in history.clicked() if past.target and past.target.name.isdigit()]
    if picked and picked[-1] == best.bid:
        return submit(page, f"The card {best.name} is picked")
    return press([best], f"{best.name} is the greatest number on the cards.")


def guess(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    low, high = int(match["low"]), int(match["high"])
    for seen in history.pages:
        for word in seen.words:
            if hint := re.fullmatch(r"The number is (higher|lower) than (\d+)\.", word):
                low, high = (max(low, int(hint[2]) + 1), high) if hint[1] == "higher" else (low, min(high, int(hint[2]) - 1))
    field = page.find("spinbutton textbox")[0]
    if field.value.isdigit() and low <= int(field.value) <= high:
        return submit(page, f"{field.value} is still possible")
    reason = f"The number is between {low} and {high}; the middle tells most."
    middles = dict.fromkeys([(low + high) // 2, (low + high + 1) // 2])
    return [Candidate(action=format_action("fill", bid=field.bid, value=str(number)), reason=reason) for number in middles]


_RULES: dict[str, Callable[[int, int], bool]] = {
    "less than": lambda number, bound: number < bound,
    "greater than": lambda number, bound: number > bound,
    "even": lambda number, bound: number % 2 == 0,
    "odd": lambda number, bound: number % 2 == 1,
}


def generate(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    shown = next((node.name for node in page.nodes if node.role == "text"), "")
    rule, bound = match["rule"] or match["parity"], int(match["bound"] or 0)
    if shown.isdigit() and _RULES[rule](int(shown), bound):
        return submit(page, f"{shown} is what the goal asks for")
    return press(page.find("button", "Generate"), f"The number shown is {shown}; the goal needs another.")


def buy_ticket(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    kind = match["kind"]
    offers = [node for node in page.find("button") if re.search(r"\$\d", node.name)]
    if not offers:
        return []
    best = (min if kind.startswith(("cheapest", "shortest")) else max)(
        offers, key=_price if kind.endswith("cost") else lambda node: minutes(page, node)
    )
    return press([best], f"Of all tickets this one has the {kind}.")


def _price(node: Node) -> int:
    return int(re.sub(r"\D", "", node.name))


def minutes(page: Page, node: Node) -> int:
    """The duration, "4h 30m", nearest before a button."""
    found = [duration for other in page.nodes[: node.index] if (duration := re.search(r"(\d+)h (\d+)m", other.name))]
    return int(found[-1][1]) * 60 + int(found[-1][2]) if found else 0


READING_SKILLS = skills(
    (r"Solve the math problem and type your answer", arithmetic, "textbox"),
    (r"Solve for x and type your answer", algebra, "textbox"),
    (r"Copy the text in the textarea below", copy_text, "textbox"),
    (r"Copy the text from the (?P<which>\d\w+) text area below", copy_text, "textbox"),
    (r"Type the text below into the text field", type_shown, "textbox"),
    (r"Find the (?P<which>\d+\w+) word in the paragraph", nth_word, "textbox"),
    (r"Find the last word in the text area", last_word, "textbox"),
    (r"Enter the value of (?P<key>.*) into the text field", read_table, "textbox"),
    (r"Enter the value that corresponds with each label", read_table_labels, "textbox"),
    (r"Mark the numbers below as odd or even", odd_or_even, ""),
    (r"Find and pick the card with the greatest number", greatest_card, ""),
    (r"Guess the number between (?P<low>\d+)-(?P<high>\d+)", guess, "spinbutton"),
    (r"Generate (?:a number (?P<rule>.*) (?P<bound>\d+)|an (?P<parity>odd|even) number), then", generate, ""),
    (r"Buy the ticket with the (?P<kind>.*)\.", buy_ticket, ""),
)
