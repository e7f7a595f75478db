"""Scripts for goals that are reached by clicking: buttons, links, tabs, dialogs, menus and trees."""

import re

from symbiotic_gym.actions import format_action
from symbiotic_gym.agents.scripted_forms import ordinal
from symbiotic_gym.agents.scripted_page import History, Page, click, press, skills
from symbiotic_gym.types import Candidate

__all__ = ["CLICK_SKILLS"]


def click_button(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    name = match["name"]
    return press(page.find("button", name), f'The goal asks for the button "{name}".')


def click_named_button(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    return press(page.button(match["lower"]), f"The goal asks for the {match['lower']} button.")


def click_only_button(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    return press(page.find("button"), "The goal asks for the button, and this is the only one.")


def click_sequence(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    for name in (match["first"], match["second"]):
        if not history.clicked(role="button", name=name):
            return press(page.find("button", name), f'"{name}" is the next button in the order the goal gives.')
    return press(page.find("button", match["second"]), f'"{match["second"]}" is the last button in the order the goal gives.')


def close_dialog(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    name = "Close" if match["name"] == "x" else match["name"]
    return press(page.find("button", name), f'The goal asks for "{match["name"]}", the dialog\'s button "{name}".')


def click_link(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    name = match["name"]
    return press(page.find("link generic", name), f'This is the link "{name}" the goal asks for.')


def click_tab(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    return press(page.find("tab link", match["name"]), f'The goal asks for "{match["name"]}".')


def find_in_tabs(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """A link in one of several tabs or sections: click it when it shows, else open one that was not open yet."""
    found = click_link(match, page, history)
    if found:
        return found
    opened = {node.name for seen in history.pages for node in seen.find("tab") if node.flags & {"selected", "expanded"}}
    closed = [node for node in page.find("tab") if not node.flags & {"selected", "expanded"}]
    unseen = [node for node in closed if node.name not in opened] or closed
    moves = [
        click(node, f'The link "{match["name"]}" does not show, and "{node.name}" has not been looked into.') for node in unseen
    ]
    names = {node.name for node in unseen}
    inner = [node for node in page.find("link") if node.name in names]
    return moves + [click(node, f'The link "{match["name"]}" does not show; this opens "{node.name}".') for node in inner]


def expand_and_submit(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    sections = [node for node in page.find("tab") if node.name != "Submit"]
    closed = [node for node in sections if not node.flags & {"selected", "expanded"}]
    if closed:
        return press(closed, f'The section "{closed[0].name}" is still closed.')
    return press(page.find("button", "Submit"), "The section is open, so Submit is next.")


WIDGETS = {"button": "button", "checkbox": "checkbox", "radio": "radio"}


def click_widget(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    kind = match["kind"]
    if kind in WIDGETS:
        nodes = page.find(WIDGETS[kind])
    else:
        nodes = [node for node in page.find("textbox") if ("multiline" in node.flags) == (kind == "textarea")]
    return press(nodes, f'This is a "{kind}" widget, as the goal asks.')


def focus(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    index = ordinal(match["which"]) if match["which"] else 0
    nodes = page.find("textbox")[index : index + 1]
    reason = f"The goal asks to focus the {match['which'] + ' ' if match['which'] else ''}textbox."
    return press(nodes, reason) + [Candidate(action=format_action("focus", bid=node.bid), reason=reason) for node in nodes]


def navigate_tree(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    name = match["name"]
    found = press(page.find("generic listitem treeitem", name), f'This is "{name}", which the goal asks for.')
    return found or press(page.find(hint="expandable-hitarea"), f'"{name}" does not show, and this folder is still closed.')


def choose_in_menu(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    """A menu whose submenus open under the mouse: click the last name of the path, hover over the last one that shows."""
    *folders, leaf = match["path"].split(">")
    found = press(page.find("menuitem", leaf), f'"{leaf}" is the end of the path the goal gives.')
    if found:
        return found
    for name in reversed(folders):
        nodes = page.find("menuitem", name)
        if nodes:
            reason = f'The path goes through "{name}", whose submenu opens under the mouse.'
            return [Candidate(action=format_action("hover", bid=node.bid), reason=reason) for node in nodes]
    return []


def click_coordinate(match: re.Match[str], page: Page, history: History) -> list[Candidate]:
    return press(page.find(hint=match["point"].replace(" ", "")), f"This is the grid point {match['point']}.")


CLICK_SKILLS = skills(
    (r'Click on the "(?P<name>.*)" button\.', click_button, ""),
    (r"Click button (?P<name>\w+)\.$", click_button, ""),
    (r"Click the (?P<lower>cancel) button\.", click_named_button, ""),
    (r"Click the button\.", click_only_button, ""),
    (r"Click button (?P<first>\w+), then click button (?P<second>\w+)\.", click_sequence, ""),
    (r'Close the dialog box by clicking the "(?P<name>x)"', close_dialog, ""),
    (r'Click the button in the dialog box labeled "(?P<name>.*)"\.', close_dialog, ""),
    (r'Click on the link "(?P<name>.*)"\.', click_link, ""),
    (r"Click on (?P<name>Tab #\d+)\.", click_tab, ""),
    (
        r'(?:Switch between the tabs|Expand the sections below,) to find and click on the link "(?P<name>.*)"\.',
        find_in_tabs,
        "",
    ),
    (r"Expand the section below and click submit\.", expand_and_submit, ""),
    (r'Click on a "(?P<kind>\w+)" widget\.', click_widget, ""),
    (r"Focus into the (?:(?P<which>\d\w+) input )?textbox\.", focus, ""),
    (r'Navigate through the file tree\. Find and click on the folder or file named "(?P<name>.*)"\.', navigate_tree, ""),
    (r"Select (?P<path>[^ ]+)$", choose_in_menu, ""),
    (r"Click on the grid coordinate (?P<point>\(.*\))\.", click_coordinate, ""),
)
