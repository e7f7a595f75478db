"""What people write on the code site: issues, merge requests, comments and profiles. `{part}` is a part of the project."""

__all__ = ["BIOS", "BODIES", "COMMENTS", "ISSUES", "MENTIONS", "MERGES", "STATUSES"]

ISSUES = {
    "bug": (
        "The {part} freezes without a network",
        "Wrong units in the {part}",
        "The {part} forgets its settings after an update",
        "Crash when the {part} gets an empty file",
        "The {part} shows old data until a restart",
        "Umlauts are garbled in the {part}",
        "The {part} is cut off on narrow screens",
        "Two clicks on Save make two entries in the {part}",
    ),
    "feature": (
        "Let me sort the {part} by date",
        "Dark colors for the {part}",
        "Export the {part} as a spreadsheet",
        "Keyboard shortcuts for the {part}",
        "Undo for the {part}",
        "Share the {part} with a link",
    ),
    "documentation": (
        "Explain how the {part} is set up",
        "Pictures of the {part} are out of date",
        "The README does not mention the {part}",
        "Give an example for the {part}",
    ),
}
"""Titles of issues by the label they come with."""

BODIES = {
    "bug": (
        "It happens about once a day. Restarting helps until the next time.",
        "I can reproduce it on two machines. The log says nothing at that moment.",
        "This began with the last release; the one before was fine.",
        "Steps: open it, wait a minute, go back. Expected: the same as before. Seen: an error in red.",
    ),
    "feature": (
        "Several people at our last meeting asked for this.",
        "I would help with testing, but I have never written code for it.",
        "Other programs of this kind have it, and I miss it every week.",
        "A small first version would already help a lot.",
    ),
    "documentation": (
        "I had to read the source to find out, and that took an evening.",
        "A paragraph and one picture would be enough.",
        "New members keep asking this in the chat.",
    ),
}

COMMENTS = (
    "I see the same here, on a rather old laptop.",
    "Thank you for the clear report. I will have a look at the weekend.",
    "This may be related to the change of the date library.",
    "Could you attach the file that you tried?",
    "Works for me with the current version. Which one do you have?",
    "I would rather solve this together with the settings page.",
    "A workaround: empty the cache folder and start again.",
    "Agreed, and it should not take more than a day.",
    "Let us move this to the next milestone, there is too much in this one.",
    "Tested on a tablet as well: the same result.",
)

MENTIONS = (
    "@{username} could you have a look at this, please?",
    "@{username} what do you think?",
    "@{username} you know this part best. Is this right?",
    "Waiting for @{username} before we go on.",
)

MERGES = (
    "Add a spreadsheet export to the {part}",
    "Keep the settings of the {part} over updates",
    "Rewrite the {part} without global state",
    "Translate the {part}",
    "Cache the {part} between runs",
    "Draw the {part} in one pass",
    "Validate input of the {part}",
    "Simplify the {part}",
)

BIOS = (
    "I fix what breaks and document the rest.",
    "Weekend programmer, weekday gardener.",
    "Building small tools for small clubs.",
    "Maps, timetables and everything that is late.",
    "Mostly reading other people's code.",
    "Teacher. Writes software for the school orchestra.",
    "Hardware first, then firmware, then regrets.",
    "Here for the bug reports.",
)

STATUSES = ("On holiday", "In meetings until noon", "Reviewing", "Slow to answer this week", "Happy to help", "")
