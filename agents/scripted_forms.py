"""Scripts for goals that fill in and submit a form: texts, passwords, choices, lists, sliders, spinners and dates."""

import re
from collections.abc import Sequence

from symbiotic_gym.actions import format_action
from symbiotic_gym.agents.scripted_page import History, Node, Page, choose, click, fill, fill_all, key, press, skills
from symbiotic_gym.types import Candidate

__all__ = ["FORM_SKILLS", "TEXTS", "named", "ordinal", "submit"]

TEXTS = "textbox searchbox"


def ordinal(word: str) -> int:
    """`"3rd"` as an index from 0."""
    return int(re.sub(r"\D", "", word)) - 1


def submit(page: Page, why: str = "Everything the goal asks for is done", *names: str) -> list[Candidate]:
    """Press the form's button."""
    buttons = page.button(*(names or ("Submit",)))
    return [move for node in buttons for move in press([node], f'{why}, so "{node.name}" is next.')]


def enter_text(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    text = match["text"]
    how = match.groupdict().get("case")
    if how:
        text = text.upper() if how == "upper" else text.lower()
    return fill_all([(node, text, "The text field") for node in page.find(TEXTS)[:1]], history, lambda: submit(page))


def enter_password(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    fields = [(node, match["text"], f'The field "{page.label(node)}"') for node in page.find(TEXTS)]
    return fill_all(fields, history, lambda: submit(page, "Both fields hold the password"))


def log_in(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    texts = {"username": match["user"], "password": match["password"]}
    if any("disabled" in node.flags for node in page.find(TEXTS)):
        return press(page.find("button", "Cancel"), "A message covers the form; Cancel closes it and stays on this page.")
    fields = [
        (node, texts[page.label(node).casefold()], f'The field "{page.label(node)}"')
        for node in page.find(TEXTS)
        if page.label(node).casefold() in texts
    ]
    return fill_all(fields, history, lambda: submit(page, "Username and password are filled in", "Login", "OK"))


def enter_date(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    month, day, year = match["date"].split("/")
    # the browser's own date field takes the year first, whatever it displays
    fields = [(node, f"{year}-{month}-{day}", "The date field") for node in page.find(TEXTS)[:1]]
    return fill_all(fields, history, lambda: submit(page, "The date is filled in"))


def enter_time(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    hour = int(match["hour"]) % 12 + (12 if match["half"] == "PM" else 0)
    fields = [(node, f"{hour:02}:{match['minute']}", "The time field, which counts 24 hours,") for node in page.find(TEXTS)[:1]]
    return fill_all(fields, history, lambda: submit(page, "The time is filled in"))


def select(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """`Select A, B and click Submit`: check boxes, radio buttons, a list or a scroll list, whichever the page has."""
    if page.find("combobox listbox"):
        return _select_options(match["what"], page)
    boxes, radios = page.find("checkbox"), page.find("radio")
    wanted = named(match["what"], [node.name for node in boxes + radios])
    if not wanted and match["what"] != "nothing":
        return []
    return tick(boxes, wanted) or pick(radios, wanted) or submit(page)


def named(text: str, names: Sequence[str]) -> set[str]:
    """Which of `names` a list "a, b, c" holds; a name may have commas of its own."""
    rest, found = f", {text},", set[str]()
    for name in sorted(names, key=len, reverse=True):
        if f", {name}," in rest:
            rest = rest.replace(f", {name},", ",")
            found.add(name)
    return found if not rest.strip(", ") else set()


def tick(boxes: Sequence[Node], wanted: set[str]) -> list[Candidate]:
    """Bring check boxes to the wanted state, in any order."""
    moves, checks = [], []
    for node in boxes:
        ticked = "checked" in node.flags
        if ticked == (node.name in wanted):
            continue
        if ticked:
            reason = f'The checkbox "{node.name}" is ticked, and the goal does not ask for it.'
        else:
            reason = f'The goal asks for the checkbox "{node.name}", which is not ticked yet.'
        moves.append(click(node, reason))
        checks.append(Candidate(action=format_action("uncheck" if ticked else "check", bid=node.bid), reason=reason))
    return moves + checks


def pick(radios: Sequence[Node], wanted: set[str]) -> list[Candidate]:
    """Choose the wanted radio button."""
    targets = [node for node in radios if node.name in wanted]
    if any("checked" in node.flags for node in targets):
        return []
    reasons = {node.bid: f'The goal asks for the option "{node.name}", which is not chosen yet.' for node in targets}
    checks = [Candidate(action=format_action("check", bid=node.bid), reason=reasons[node.bid]) for node in targets]
    return [click(node, reasons[node.bid]) for node in targets] + checks


def _select_options(what: str, page: Page) -> list[Candidate]:
    box = page.find("combobox listbox")[0]
    options = page.find("option")
    known = [node.name for node in options]
    names = sorted({what} & set(known) if box.role == "combobox" else named(what, known))
    if not names:
        return []
    chosen = {node.name for node in options if "selected" in node.flags}
    if chosen == set(names):
        return submit(page, "The list shows what the goal asks for")
    wrong = chosen - set(names)
    moves = [
        choose(box, names, f"The goal asks for {', '.join(names)}; the list has {', '.join(sorted(chosen)) or 'nothing'}.")
    ]
    if box.role == "combobox" or not wrong:  # in a list of several, a click on one option leaves the others chosen
        missing = [node for node in options if node.name in names and node.name not in chosen]
        moves += [click(node, f'The goal asks for "{node.name}", which is not chosen yet.') for node in missing]
    return moves


def number_field(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """A spinner: type the number, or press an arrow towards it."""
    node, wanted = page.find("spinbutton")[0], match["number"]
    if node.value == wanted:
        return submit(page, f"The spinner shows {wanted}")
    reason = f"The goal asks for {wanted}; the spinner shows {node.value or 'nothing'}."
    moves = [fill(node, wanted, reason)]
    if re.fullmatch(r"-?\d+", node.value):
        arrow = "ArrowUp" if int(wanted) > int(node.value) else "ArrowDown"
        moves.append(key(node, arrow, reason))
    return moves


def sliders(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    wanted = [int(number) for number in re.findall(r"-?\d+", match["numbers"])]
    return slide(page, history, wanted) or submit(page, f"The sliders show {match['numbers']}")


def slide(page: Page, history: History, wanted: Sequence[int]) -> list[Candidate]:
    """Bring the sliders of the page, in order, to the wanted numbers: page keys while far away, then arrow keys."""
    handles = page.find(hint="ui-slider-handle")
    jump = _page_step(history)
    moves: list[Candidate] = []
    for node, goal in zip(handles, wanted, strict=False):
        value = _shown_number(page, node)
        if value is None or value == goal:
            continue
        far = abs(goal - value) > (4 if jump is None else jump / 2)
        keys = ("PageUp",) if far else ("ArrowRight", "ArrowUp")
        if goal < value:
            keys = ("PageDown",) if far else ("ArrowLeft", "ArrowDown")
        reason = f"The slider shows {value}, and the goal asks for {goal}."
        moves += [key(node, name, reason) for name in keys]
    return moves


def _shown_number(page: Page, handle: Node) -> int | None:
    after = page.nodes[handle.index + 1] if handle.index + 1 < len(page.nodes) else None
    return int(after.name) if after and after.role == "text" and re.fullmatch(r"-?\d+", after.name) else None


def _page_step(history: History) -> int | None:
    """How far a page key moved a slider in this episode; None when none was pressed."""
    after = [past.page for past in history.past[1:]] + history.pages[-1:]
    steps = []
    for past, page in zip(history.past, after, strict=False):
        if past.target is None or past.action.verb != "press" or "Page" not in str(past.action.arguments["key_comb"]):
            continue
        moved = next((node for node in page.acting if node.bid == past.target.bid), past.target)
        start, end = _shown_number(past.page, past.target), _shown_number(page, moved)
        steps += [abs(start - end)] if start is not None and end is not None else []
    return max(steps, default=None)


def slider_and_box(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    index, boxes = ordinal(match["which"]), page.find("checkbox")
    moves = slide(page, history, [int(match["number"])])
    for i, node in enumerate(boxes):
        if ("checked" in node.flags) != (i == index):
            moves.append(click(node, f"Only the {match['which']} checkbox should be ticked."))
    return moves or submit(page)


def radio_and_text(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    radios = page.find("radio")[ordinal(match["radio"]) :][:1]
    fields = [
        (node, match["text"] if i == ordinal(match["box"]) else "", f"Textbox {i + 1}")
        for i, node in enumerate(page.find("textbox"))
    ]
    moves = fill_all(fields, history)
    unchosen = [node for node in radios if "checked" not in node.flags]
    return press(unchosen, f"The {match['radio']} radio button is not chosen yet.") + moves or submit(page)


def dropdown_and_button(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    box, wanted = page.find("combobox")[0], match["option"]
    if box.value == wanted:
        return press(
            page.find("button", match["button"]), f'The dropdown shows {wanted}, so the button "{match["button"]}" is next.'
        )
    reason = f"The goal asks for {wanted}, and the dropdown shows {box.value or 'nothing'}."
    return [choose(box, [wanted], reason), *press(page.find("option listitem", wanted), reason)]


def movie_search(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    texts = {"genre": match["genre"], "director": match["director"], "year": match["year"], "date": match["year"]}
    found = page.find(TEXTS)
    labels = [
        (node, key)
        for node in page.nodes
        if node.role == "text"
        for key in texts
        if key in node.name.casefold() and not node.bid
    ]
    if len(labels) != len(found):
        return []
    # labels stand all before or all after their fields, so that their order is the fields' order
    fields = [(node, texts[key], f'The field "{label.name}"') for node, (label, key) in zip(found, labels, strict=True)]
    return fill_all(fields, history, lambda: submit(page, "All fields are filled in", "Submit", "Search", "Go!"))


def pick_date(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """A date picker: open it, go to the month, click the day."""
    field = page.find("textbox")[0]
    if field.value == match["date"]:
        return submit(page, f"The date field shows {match['date']}")
    return calendar(match["date"], page, field)


MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def calendar(date: str, page: Page, field: Node) -> list[Candidate]:
    """One step towards choosing a date, month/day/year, in the calendar that `field` opens."""
    month, day, year = (int(part) for part in date.split("/"))
    shown = next((node.name.split() for node in page.nodes if re.fullmatch(r"[A-Z][a-z]+ \d{4}", node.name)), None)
    if shown is None or shown[0] not in MONTHS:
        reason = f"The date {date} is chosen in the calendar that this field opens."
        return [click(field, reason), Candidate(action=format_action("focus", bid=field.bid), reason=reason)]
    here, there = (int(shown[1]), MONTHS.index(shown[0]) + 1), (year, month)
    if here == there:
        return press(page.find("link", str(day)), f"The calendar shows the month of {date}, so day {day} is next.")
    name = "Next" if here < there else "Prev"
    return press(page.find("generic link button", name), f"The calendar shows {' '.join(shown)}, and the date is {date}.")


def autocomplete(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    start, end = match["start"], match["end"] or ""
    field = page.find(TEXTS)[0]
    offered = page.find("listitem option")
    right = [node for node in offered if node.name.startswith(start) and node.name.endswith(end)]
    if right:
        return press(right, f'"{right[0].name}" fits what the goal says about the item.')
    if len(field.value) > len(start) and field.value.startswith(start) and field.value.endswith(end) and not offered:
        return submit(page, f'"{field.value}" is what the goal describes')
    if field.value == start:
        return [key(field, "ArrowDown", "The list of suggestions is closed; this key opens it.")]
    return [fill(field, start, f'The suggestions for "{start}" show the item the goal describes.')]


FORM_SKILLS = skills(
    (r'Enter "(?P<text>.*)" into the text field and press Submit\.', enter_text, "textbox"),
    (r'Type "(?P<text>.*)" in all (?P<case>upper|lower) case letters in the text input', enter_text, "textbox"),
    (r'Enter the password "(?P<text>.*)" into both text fields', enter_password, "textbox"),
    (r'Enter the username "(?P<user>.*)" and the password "(?P<password>.*)" into the text fields', log_in, "textbox"),
    (r"Enter (?P<date>\d+/\d+/\d+) as the date", enter_date, "textbox"),
    (r"Enter (?P<hour>\d+):(?P<minute>\d+) (?P<half>AM|PM) as the time", enter_time, "textbox"),
    (r"Select (?P<date>\d+/\d+/\d+) as the date", pick_date, "textbox"),
    (r"Select (?P<number>-?\d+) with the spinner", number_field, "spinbutton"),
    (r"Select (?P<number>-?\d+) with the slider, click the (?P<which>\d\w+) checkbox", slider_and_box, "checkbox"),
    (r"Select (?P<numbers>-?\d+) with the slider and hit Submit", sliders, ""),
    (r"Set the sliders to the combination \[(?P<numbers>.*)\] and submit", sliders, ""),
    (
        r'Choose (?P<option>.*) from the dropdown, then click the button labeled "(?P<button>.*)"',
        dropdown_and_button,
        "combobox",
    ),
    (
        r'Check the (?P<radio>\d\w+) radio button and enter the number "(?P<text>.*)" into the (?P<box>\d\w+)',
        radio_and_text,
        "radio",
    ),
    (r"Search for (?P<genre>.*) movies directed by (?P<director>.*) from year (?P<year>\d+)", movie_search, "textbox"),
    (r'Enter an item that starts with "(?P<start>.*?)"(?: and ends with "(?P<end>.*)")?\.', autocomplete, "textbox"),
    (r"Select (?P<what>.*?)(?: from the (?:scroll )?list)? and click Submit\.", select, ""),
)
