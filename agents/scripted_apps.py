"""Scripts for goals in small applications: search, mail, social media, contacts, an online menu, an agreement."""

import re

from symbiotic_gym.actions import format_action
from symbiotic_gym.agents.scripted_forms import named, ordinal, submit
from symbiotic_gym.agents.scripted_page import History, Node, Page, fill_all, press, skills
from symbiotic_gym.types import Candidate

__all__ = ["APP_SKILLS"]

RESULTS_A_PAGE = 3


def search(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """Search, then turn to the page of the wanted result."""
    text, index = match["text"], ordinal(match["which"])
    field = page.find("textbox searchbox")[0]
    if field.value != text:
        return fill_all([(field, text, "The search field")], history)
    if not _searched(text, history):
        return press(page.find("button", "Search"), f'The search for "{text}" has not been started.')
    links = page.find("link")
    names = {node.name for node in links}
    current = 1 if "<" not in names else 2 if ">" in names else 3
    wanted = index // RESULTS_A_PAGE + 1
    if current == wanted:
        results = [node for node in links if node.name not in ("<", ">") and not node.name.isdigit()]
        return press(results[index % RESULTS_A_PAGE :][:1], f"This is the {match['which']} search result.")
    turns = [str(wanted)] + ([">"] if wanted == current + 1 else []) + (["<"] if wanted == current - 1 else [])
    reason = f"The {match['which']} result is on page {wanted}, and this is page {current}."
    return [move for name in turns for move in press(page.find("link", name), reason)]


def _searched(text: str, history: History) -> bool:
    """Whether the results on the page are those for `text`: it stood in the field when Search was last pressed."""
    presses = history.clicked(role="button", name="Search")
    return bool(presses) and any(node.value == text for node in presses[-1].page.find("textbox searchbox"))


def find_contact(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    name, what = match["name"], match["what"].split()[0].capitalize()
    if _contact(page) == name:
        label = next((node for node in page.nodes if node.name == f"{what}:"), None)
        detail = [node for node in page.acting if label and node.index > label.index][:1]
        return press(detail, f"This is {name}'s {match['what']}.")
    seen = {_page_number(earlier): _contact(earlier) for earlier in history.pages}
    here = _page_number(page)
    where = next((number for number, contact in seen.items() if contact == name), None)
    back = where < here if where is not None else any(number not in seen for number in range(1, here))
    return press(page.find("link", "<" if back else ">"), f"This is the contact of {_contact(page)}, not of {name}.")


def _contact(page: Page) -> str:
    return next((node.name for node in page.nodes if node.role == "heading"), "")


def _page_number(page: Page) -> int:
    return next((int(node.name) for node in page.find("link") if node.name.isdigit()), 1)


# --- social media -------------------------------------------------------------------------------------------------------------


def _posts(page: Page) -> list[tuple[str, list[Node]]]:
    """Every post's user and what can be clicked in it."""
    posts: list[tuple[str, list[Node]]] = []
    for node in page.nodes:
        header = re.fullmatch(r".* (@\S+)(?: \d+h ago)?", node.name) if node.role == "text" else None
        if header:
            posts.append((header[1], []))
        elif node.bid and posts and node.role != "button":
            posts[-1][1].append(node)
    return posts


def act_on_post(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    user, action = match["user"], match["action"]
    controls = [nodes for name, nodes in _posts(page) if name == user]
    if action.lower() in ("reply", "retweet", "like"):
        icons = [node for nodes in controls for node in nodes if action.lower() in node.hint.split()]
        return press(icons, f'This is the "{action}" button of a post by {user}.')
    items = [node for nodes in controls for node in nodes if node.role == "listitem" and node.name.startswith(action)]
    if items:
        return press(items, f'The menu of the post by {user} shows "{action}".')
    return press(
        [node for nodes in controls for node in nodes if "more" in node.hint.split()],
        f'"{action}" is in the menu behind the "more" button of the post by {user}.',
    )


def act_on_posts(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """Switch an icon on at all, or so many, posts of a user and nowhere else."""
    user, kind = match["user"], match["action"].lower()
    wanted, moves = list[Node](), list[Candidate]()
    for name, nodes in _posts(page):
        for node in nodes:
            if name == user and kind in node.hint.split():
                wanted.append(node)
            elif "active" in node.hint.split():
                moves += press([node], f"This button of a post by {name} is on, which the goal does not ask for.")
    on = [node for node in wanted if "active" in node.hint.split()]
    off = [node for node in wanted if node not in on]
    amount = int(match["amount"]) if match["amount"] != "all" else len(wanted)
    if len(on) < amount:
        moves += press(off, f"{len(on)} of {amount} posts by {user} are done.")
    elif len(on) > amount:
        moves += press(on, f"{len(on)} posts by {user} are marked, and the goal asks for {amount}.")
    return moves or submit(page)


# --- mail ---------------------------------------------------------------------------------------------------------------------


def mail(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """One step in the mail program: an icon of somebody's mail, a reply to it, or forwarding it."""
    fields = match.groupdict()
    if page.find(hint="send-reply"):
        return _reply(fields["sender"], fields.get("text"), page, history)
    if page.find(hint="send-forward"):
        return _forward(fields["sender"], fields.get("to"), page, history)
    icon = fields.get("icon")
    if page.find(hint="close-email"):
        return _opened(fields["sender"], icon, "Reply" if fields.get("text") else "Forward", page)
    return _inbox(fields["sender"], icon, page)


def _inbox(sender: str, icon: str | None, page: Page) -> list[Candidate]:
    threads = [node for node in page.find("generic") if node.name.split(" ")[0] == sender]
    if not threads:
        return press(page.find(hint="search-cancel"), "The search does not show the mail; the inbox does.")
    opened = press(threads, f"This is the mail by {sender}.")
    if icon is None:
        return opened
    icons = []
    for thread in threads:
        inside = [node for node in page.nodes[thread.index + 1 : thread.index + 3] if node.depth > thread.depth]
        icons += [node for node in inside if icon in node.hint.split()]
    return press(icons, f"This is the {icon} icon of the mail by {sender}.") + opened


def _opened(sender: str, icon: str | None, button: str, page: Page) -> list[Candidate]:
    if _sender(page) != sender:
        return press(page.find(hint="close-email"), f"This mail is by {_sender(page)}, not by {sender}.")
    if icon is not None:
        return press(page.find(hint=icon), f"The mail by {sender} is open, and this is its {icon} icon.")
    return press(page.find("generic", button), f"The mail by {sender} is open; the goal asks for {button}.")


def _sender(page: Page) -> str:
    """Whose mail is open: the line before "to me"."""
    names = [node.name for node in page.nodes]
    return names[names.index("to me") - 1] if "to me" in names else ""


def _last_opened(history: History) -> Page:
    return next((page for page in reversed(history.pages) if page.find(hint="close-email")), history.pages[-1])


def _reply(sender: str, text: str | None, page: Page, history: History) -> list[Candidate]:
    if text is None or f"to: {sender}" not in page.words:
        return press(page.find(hint="close-reply"), "The goal does not ask for a reply to this mail.")
    return fill_all(
        [(body, text, "The reply") for body in page.find("textbox")],
        history,
        lambda: press(page.find(hint="send-reply"), "The reply is written and can be sent."),
    )


def _forward(sender: str, to: str | None, page: Page, history: History) -> list[Candidate]:
    if len(page.find("textbox")) != 2:
        return []
    field, body = page.find("textbox")
    opened = _last_opened(history)
    if to is None or _sender(opened) != sender or (body.value and body.value not in opened.words):
        return press(page.find(hint="close-forward"), "This is not the mail as the goal wants it forwarded.")
    return fill_all(
        [(field, to, 'The field "to"')],
        history,
        lambda: press(page.find(hint="send-forward"), f"It is addressed to {to} and can be sent."),
    )


# --- ordering food ------------------------------------------------------------------------------------------------------------


def order(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """Set the quantities of a menu, then order."""
    items = _menu(page)
    if match["names"]:
        chosen = named(match["names"], [item.name for item, *_ in items])
        goals = {item.name: (1, 1) if item.name in chosen else (0, 0) for item, *_ in items}
    else:
        goals = _quantities(items, match["kind"], int(match["amount"]))
    moves = []
    for item, quantity, _, minus, plus in items:
        low, high = goals[item.name]
        if quantity < low:
            moves += press([plus], f"The goal asks for {item.name}, and too few are ordered ({quantity}).")
        elif quantity > high:
            moves += press([minus], f"{quantity} of {item.name} are ordered, more than the goal asks for.")
    return moves or submit(page, "The order is complete", "Order!")


_Item = tuple[Node, int, set[str], Node, Node]


def _menu(page: Page) -> list[_Item]:
    """(name, quantity, kinds, minus, plus) of every item."""
    items: list[_Item] = []
    name, kinds, quantity, minus = None, set[str](), 0, None
    for node in page.nodes:
        if node.bid and node.name == "-":
            minus = node
        elif node.bid and node.name == "+" and name is not None and minus is not None:
            items.append((name, quantity, kinds, minus, node))
            name, kinds, quantity, minus = None, set(), 0, None
        elif node.role == "img":
            kinds.add(node.name)
        elif node.role == "text" and minus is not None and node.name.isdigit():
            quantity = int(node.name)
        elif node.role == "text":
            name = node
    return items


def _quantities(items: list[_Item], kind: str, amount: int) -> dict[str, tuple[int, int]]:
    """Least and most of each item: `amount` altogether of any of that kind, nothing else."""
    fitting = {item.name: quantity for item, quantity, kinds, *_ in items if kind in kinds}
    total = sum(fitting.values())
    goals = {item.name: (0, 0) for item, *_ in items}
    for name, quantity in fitting.items():
        if total < amount:
            goals[name] = (quantity + 1, quantity + 1)
        elif total > amount and quantity > 0:
            goals[name] = (0, quantity - 1)
        else:
            goals[name] = (quantity, quantity)
    return goals


# --- a user agreement ---------------------------------------------------------------------------------------------------------


def sign(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    if len(page.find("textbox")) != 2:
        return []
    area, field = page.find("textbox")
    if "disabled" not in field.flags:
        name, button = match["name"], match["button"]
        return fill_all(
            [(field, name, "The name field")],
            history,
            lambda: press(page.find("button", button), f'Signed, so "{button}" is next.'),
        )
    last = history.past[-1] if history.past else None
    if last is not None and last.action.verb == "hover" and last.target is not None and last.target.bid == area.bid:
        return [
            Candidate(
                action=format_action("scroll", delta_x=0, delta_y=5000), reason="The agreement must be scrolled to its end."
            )
        ]
    return [Candidate(action=format_action("hover", bid=area.bid), reason="The mouse wheel scrolls what the mouse is over.")]


APP_SKILLS = skills(
    (
        r'Use the textbox to enter "(?P<text>.*)" and press "Search", then find and click the (?P<which>\d\w+)',
        search,
        "textbox",
    ),
    (r"Find (?P<name>\w+) in the contact book and click on their (?P<what>.*)\.", find_contact, ""),
    (r'For the user (?P<user>@\S+), click on the "(?P<action>.*)" button\.', act_on_post, ""),
    (r'Click the "(?P<action>.*)" button on (?P<amount>all|\d+) posts? by (?P<user>@\S+) and then click', act_on_posts, ""),
    (r"Find the email by (?P<sender>\w+) and click the (?P<icon>trash|star) icon", mail, ""),
    (r'Find the email by (?P<sender>\w+) and reply to them with the text "(?P<text>.*)"\.', mail, ""),
    (r"Find the email by (?P<sender>\w+) and forward that email to (?P<to>\w+)\.", mail, ""),
    (r"Order (?:one of each item: (?P<names>.*)|(?P<amount>\d+) items that are (?P<kind>.*))$", order, ""),
    (r'Scroll to the bottom of the textarea, enter the name "(?P<name>.*)" then press "(?P<button>.*)"', sign, ""),
)
