"""The people of a world. The same ones shop, post, commit and have addresses; person 1 is the one at the keyboard."""

from symbiotic_gym.pocket.world import WorldBuilder
from symbiotic_gym.pocket.world.people_names import CITIES, FIRST_NAMES, LAST_NAMES, STREETS

__all__ = ["COUNT", "SCHEMA", "STATE", "build"]

COUNT = 48

SCHEMA = """
CREATE TABLE people (
    id INTEGER PRIMARY KEY, first TEXT NOT NULL, last TEXT NOT NULL, name TEXT NOT NULL UNIQUE, username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE, password TEXT NOT NULL, phone TEXT NOT NULL, birthday TEXT NOT NULL,
    street TEXT NOT NULL, city TEXT NOT NULL, postcode TEXT NOT NULL
)
"""

STATE = {"people": "SELECT name, username, email, password, phone, birthday, street, city, postcode FROM people"}

_WORDS = (
    "amber", "birch", "cedar", "comet", "delta", "ember", "fable", "grove", "harbor", "indigo", "juniper", "kettle", "lantern",
    "maple", "nectar", "opal", "pebble", "quartz",
)  # fmt: skip


def build(world: WorldBuilder) -> None:
    """Make `COUNT` people with names, addresses and accounts that no two share."""
    rng = world.rng
    firsts = rng.sample(FIRST_NAMES, COUNT)
    lasts = rng.sample(LAST_NAMES, COUNT)
    for first, last in zip(firsts, lasts, strict=True):
        city, postcode = rng.choice(CITIES)
        year = rng.randrange(1958, 2004)
        username = rng.choice(
            [f"{first}.{last}", f"{first[0]}{last}", f"{last}{year % 100:02}", f"{first}_{last[0]}{rng.randrange(10, 99)}"]
        )
        username = username.lower().replace("'", "")
        person = world.insert(
            "people",
            first=first,
            last=last,
            name=f"{first} {last}",
            username=username,
            email=f"{username.replace('_', '.')}@{rng.choice(['postbox', 'mailhaven', 'inkwell', 'brightmail'])}.example",
            password=f"{rng.choice(_WORDS).capitalize()}-{rng.choice(_WORDS)}-{rng.randrange(100, 999)}",
            phone=f"555-{rng.randrange(100, 999)}-{rng.randrange(1000, 9999)}",
            birthday=f"{year}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}",
            street=f"{rng.randrange(2, 240)} {rng.choice(STREETS)}",
            city=city,
            postcode=f"{postcode}{rng.randrange(10, 99)}",
        )
        row = world.one("SELECT * FROM people WHERE id = ?", person)
        world.private("password", row["password"], person)
