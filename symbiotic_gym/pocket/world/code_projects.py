"""What is built on the code site: projects with what they are about, their parts, labels, and the words of their history."""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["COMMITS", "CONCEPTS", "LABELS", "LEVELS", "ROLES", "Concept"]

ROLES = ("Guest", "Reporter", "Developer", "Maintainer", "Owner")
"""What a member may do: read and write, sort issues, change files and merge, change settings and members, everything."""

LEVELS = {role: number for number, role in enumerate(ROLES, start=1)}


@dataclass(frozen=True)
class Concept:
    """One project: its name, what it says about itself, its language, and the parts its issues and files are about."""

    name: str
    description: str
    language: str
    topics: tuple[str, ...]
    parts: tuple[str, ...]

    @property
    def slug(self) -> str:
        return self.name.lower().replace(" ", "-")


_PROJECTS = """
Tide Tables | Predicts high and low water for small harbors. | Python | sailing, weather
    forecast, moon phase, harbor list, tide chart, alarm
Seed Library | Keeps track of who borrowed which seeds and what came back. | Python | garden, community
    catalog, loan form, harvest report, reminder, label printer
Bell Ringer | Rings school and church bells on a timetable. | Rust | audio, schedule
    timetable, holiday calendar, amplifier, remote control, volume curve
Pantry Ledger | A shopping list that knows what is left on the shelf. | JavaScript | household, mobile
    barcode scanner, shelf view, expiry warning, price history, shopping list
Night Bus | Finds the last way home by bus. | Python | transport, maps
    route planner, stop list, delay feed, fare table, walking map
Loom Sketch | Draws weaving drafts and counts the yarn for them. | JavaScript | textile, design
    draft editor, color picker, yarn counter, repeat finder, print view
Kiln Log | Records firings and draws their temperature curves. | Python | ceramics, hardware
    thermocouple, firing curve, glaze notes, cone table, gas meter
Star Atlas | Shows tonight's sky for any garden. | Rust | astronomy, education
    horizon line, planet list, constellation art, telescope link, red light mode
Choir Sheets | Turns scores into practice tracks for each voice. | Python | music, education
    score reader, voice mixer, metronome, page turner, rehearsal plan
Bike Depot | Lends and repairs bicycles for a neighborhood. | JavaScript | community, transport
    booking form, repair queue, key locker, deposit ledger, parts stock
Rain Gauge | Collects rainfall readings from home stations. | Go | weather, hardware
    bucket sensor, monthly table, station map, battery monitor, data feed
Letter Press | Builds small websites from plain text. | Go | publishing, web
    page builder, image resizer, feed writer, theme loader, link checker
Orchard Map | Plans and remembers every tree of an orchard. | JavaScript | garden, maps
    tree register, pruning plan, grafting notes, frost alert, harvest tally
Chess Ladder | Runs the rankings of a chess club. | Python | games, community
    rating table, pairing list, clock import, season archive, result form
Recipe Box | Scales, stores and shares family recipes. | JavaScript | household, food
    portion scaler, ingredient parser, photo page, meal plan, unit table
Field Notes | Notes and sketches for people who watch birds. | Rust | nature, mobile
    species picker, sound recorder, sighting map, sketch pad, checklist
Bee Yard | A diary for beehives. | Go | nature, hardware
    hive scale, inspection form, swarm alert, honey tally, queen register
Paper Trail | Scans, names and finds household papers. | Python | office, search
    text recognition, folder rules, search index, retention list, mail import
Quiet Hours | Measures and maps noise in the street. | Rust | hardware, maps
    microphone driver, decibel chart, complaint form, street map, night summary
Trail Finder | Footpaths, with the steep parts marked. | Go | maps, outdoor
    elevation profile, path import, signpost list, detour planner, offline map
Puppet Stage | Light and sound cues for small theaters. | Rust | audio, schedule
    cue list, dimmer board, curtain motor, sound library, rehearsal timer
Ferry Desk | Sells and checks tickets for a small ferry line. | Go | transport, office
    ticket printer, boarding list, crew roster, seat plan, cash report
"""


def _concepts() -> Iterator[Concept]:
    lines = _PROJECTS.strip().splitlines()
    for line, parts in zip(lines[::2], lines[1::2], strict=True):
        name, description, language, topics = line.split(" | ")
        yield Concept(name, description, language, tuple(topics.split(", ")), tuple(parts.strip().split(", ")))


CONCEPTS = tuple(_concepts())

LABELS = {
    "bug": "Something does not work as it should",
    "feature": "Something new is asked for",
    "documentation": "The manual, the README or a comment",
    "question": "Somebody wants to know something",
    "performance": "It works, but too slowly",
    "accessibility": "Somebody cannot use it",
    "design": "How it looks and reads",
    "beginner": "A good one to start with",
    "blocked": "Waits for something outside of the project",
    "duplicate": "The same as an earlier one",
    "hardware": "Only with certain devices",
    "privacy": "Touches personal data",
}
"""Names of labels with what they are for; every project has the first three and some of the others."""

COMMITS = (
    "Add a first version of the {part}",
    "Fix rounding in the {part}",
    "Make the {part} work without a network",
    "Tidy up the {part}",
    "Test the {part} with odd input",
    "Remove dead code from the {part}",
    "Speed up the {part} on old phones",
    "Rename settings of the {part}",
    "Log what the {part} skips",
    "Handle leap days in the {part}",
    "Document the {part}",
    "Do not lose input in the {part} on errors",
    "Read the {part} from the new folder",
    "Show a hint when the {part} is empty",
)
"""Messages of commits."""
