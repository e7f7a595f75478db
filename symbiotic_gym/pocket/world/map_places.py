"""What there is on the map: kinds of places with their hours, what they can have, and how they are called."""

from dataclasses import dataclass

__all__ = ["DAYS", "FEATURES", "KINDS", "ROADS", "Kind"]

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

FEATURES = ("wheelchair access", "parking", "free wifi", "garden", "card payment")


@dataclass(frozen=True)
class Kind:
    """One kind of place.

    Attributes:
        name: in the singular.
        many: in the plural.
        each: how many a town has at least and at most.
        opens, closes: hours that it may open and close at on a weekday.
        closed: the chance that a weekday, Saturday, Sunday is a day off.
        names: what such places are called; `{town}` is the town's name.
    """

    name: str
    many: str
    each: tuple[int, int]
    opens: tuple[int, ...]
    closes: tuple[int, ...]
    closed: tuple[float, float, float]
    names: tuple[str, ...]


_FIRST = (
    "Copper",
    "Silver",
    "Old",
    "Green",
    "Lucky",
    "Little",
    "Crooked",
    "Golden",
    "Quiet",
    "Red",
    "Blue",
    "Hungry",
    "Sleepy",
    "Windy",
)
_KINDS = """
Café | Cafés | 2-4 | 7,8,9 | 17,18,19 | .1,.1,.4 | Kettle,Spoon,Saucer,Teapot,Biscuit
Bakery | Bakeries | 1-3 | 6,7 | 14,16,18 | .1,.0,.6 | Loaf,Oven,Crust,Pretzel
Restaurant | Restaurants | 2-4 | 11,12,17 | 21,22,23 | .2,.0,.3 | Fork,Lantern,Lobster,Pepper,Table
Bookshop | Bookshops | 1-2 | 9,10 | 17,18,19 | .1,.1,.8 | Page,Chapter,Inkwell,Comma
Pharmacy | Pharmacies | 1-2 | 8,9 | 18,19,20 | .0,.2,.8 | Mortar,Sage,Remedy
Museum | Museums | 0-2 | 10,11 | 16,17,18 | .25,.0,.1 | Anchor,Loom,Lighthouse,Clock,Fossil
Hotel | Hotels | 1-2 | 0 | 24 | .0,.0,.0 | Swan,Stag,Heron,Pillow
Cinema | Cinemas | 0-1 | 14,15,16 | 22,23 | .2,.0,.0 | Comet,Orpheum,Curtain
"""
_PUBLIC = """
Library | Libraries | 1-1 | 9,10 | 17,18,19,20 | .2,.2,.9 | {town} Library
Town hall | Town halls | 1-1 | 8,9 | 15,16,17 | .1,.9,1 | {town} Town Hall
Station | Stations | 1-1 | 5 | 23 | .0,.0,.0 | {town} Station
Hospital | Hospitals | 1-1 | 0 | 24 | .0,.0,.0 | {town} Hospital
Post office | Post offices | 1-1 | 8,9 | 16,17,18 | .0,.4,1 | {town} Post Office
Swimming pool | Swimming pools | 0-1 | 6,7,8 | 19,20,21 | .2,.0,.2 | {town} Baths
Store | Stores | 1-1 | 9,10 | 18,19,20 | .0,.0,.7 | Larkspur Market {town}
"""


def _kind(line: str) -> Kind:
    name, many, each, opens, closes, closed, names = line.split(" | ")
    low, high = (int(n) for n in each.split("-"))
    weekday, saturday, sunday = (float(p) for p in closed.split(","))
    nouns = names.split(",")
    called = tuple(nouns) if "{town}" in names else tuple(f"The {first} {noun}" for noun in nouns for first in _FIRST)
    return Kind(
        name,
        many,
        (low, high),
        tuple(int(n) for n in opens.split(",")),
        tuple(int(n) for n in closes.split(",")),
        (weekday, saturday, sunday),
        called,
    )


KINDS = tuple(_kind(line) for line in (_KINDS + _PUBLIC).strip().splitlines() if line)

ROADS = (
    "Heron Road",
    "Mill Valley Road",
    "Old Salt Road",
    "Ridge Road",
    "Ferry Road",
    "North Coast Road",
    "Quarry Hill Road",
    "Orchard Road",
    "Lake Road",
    "Abbey Road",
    "Pass Road",
    "Marsh Road",
    "Crossways",
    "Harvest Road",
    "Windmill Hill Road",
    "Long Road",
)
"""Roads between towns."""
