"""What the shop sells: departments, kinds of things, and the words their names and descriptions are made of."""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["BRANDS", "DEPARTMENTS", "Department", "Kind"]


@dataclass(frozen=True)
class Kind:
    """One kind of thing: its noun, a price range in whole dollars, what it comes in, and sentences about it."""

    noun: str
    prices: tuple[int, int]
    options: tuple[tuple[str, tuple[str, ...]], ...]
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Department:
    """A category of the shop with the words its products' names begin with."""

    name: str
    styles: tuple[str, ...]
    kinds: tuple[Kind, ...]


BRANDS = [
    "Alderwick",
    "Brook & Finch",
    "Corvane",
    "Dovetail",
    "Everly",
    "Fernley",
    "Granary",
    "Halden",
    "Isoline",
    "Juno Works",
    "Kestrel",
    "Lowtide",
]

_GOODS = """
# Kitchen: Enamel, Copper, Stoneware, Cast Iron, Bamboo, Glass, Olivewood
Saucepan | 24-90 | Diameter: 16 cm, 20 cm, 24 cm
    It pours without dripping from both sides. / The lid fits snugly enough to keep rice fluffy.
Kettle | 28-120 | Volume: 0.5 L, 1 L, 1.5 L
    It whistles softly rather than shrieking. / The handle stays cool on gas and induction alike.
Mixing Bowl | 9-45
    Three sizes nest inside each other. / A rubber foot keeps it still while you whisk.
Cutting Board | 14-70 | Shape: Round, Rectangular
    A groove around the edge catches the juice. / It is oiled once by hand before it is packed.
Pepper Mill | 16-55
    The grind is set with a single turn of the crown. / It holds about forty grams of peppercorns.
# Lighting: Brass, Linen, Paper, Smoked Glass, Oak, Matte Black, Rattan
Desk Lamp | 22-140 | Color: Black, Forest, Sand, Navy
    The arm turns a full circle and stays where it is left. / A dimmer sits in the cord, within reach.
Floor Lamp | 60-260 | Color: Black, Forest, Sand, Navy
    It stands on a weighted foot that children cannot tip. / The shade throws light both up and down.
Pendant Light | 35-190
    The cable is two metres long and can be cut to fit. / It takes any ordinary screw bulb.
Night Light | 8-30
    It turns itself off when the room gets bright. / It draws less than half a watt.
# Outdoor: Trailhead, Summit, Lakeside, Drifter, Northbound, Pinecrest, Basecamp
Tent | 95-420 | Sleeps: 2, 3, 4
    Two people can pitch it in under six minutes. / The porch is deep enough for boots and a wet dog.
Backpack | 45-190 | Color: Black, Forest, Sand, Navy
    The hip belt carries most of the weight. / A rain cover folds out of the bottom pocket.
Sleeping Bag | 40-230 | Length: Regular, Long
    It is warm down to three degrees below zero. / It packs to the size of a loaf of bread.
Water Bottle | 9-42 | Volume: 0.5 L, 1 L, 1.5 L | Color: Black, Forest, Sand, Navy
    The cap can be opened with one hand on a bike. / Ice lasts in it for most of a day.
Camping Stove | 25-130
    It boils a litre of water in four minutes. / The legs fold flat against the burner.
# Garden: Terracotta, Galvanized, Cedar, Heirloom, Woven, Slate, Hazel
Planter | 12-95 | Diameter: 20 cm, 30 cm, 40 cm
    A hole in the base lets water drain away. / Frost does not crack it.
Watering Can | 15-60 | Volume: 0.5 L, 1 L, 1.5 L
    The rose can be taken off for seedlings. / It balances well even when it is full.
Pruning Shears | 18-75
    The blades come apart for sharpening. / A leather loop holds them shut.
Bird Feeder | 14-65
    Squirrels give up on it after a week. / The tray lifts out for cleaning.
# Office: Walnut, Recycled, Felt, Anodized, Cork, Canvas, Graphite
Notebook | 5-32 | Ruling: Plain, Lined, Dotted
    It lies flat from the first page to the last. / The paper takes ink without feathering.
Desk Organizer | 14-85
    The dividers move in steps of two centimetres. / Cables leave through a slot at the back.
Laptop Stand | 20-110
    It lifts the screen to the height of your eyes. / It folds to the thickness of a magazine.
Fountain Pen | 18-150 | Nib: Fine, Medium, Broad
    It starts at once even after a month in a drawer. / It takes cartridges and bottled ink.
# Clothing: Merino, Quilted, Herringbone, Waxed, Ribbed, Fleece, Chambray
Sweater | 35-160 | Size: S, M, L, XL | Color: Black, Forest, Sand, Navy
    It can be washed at thirty degrees without shrinking. / The cuffs are knitted double.
Scarf | 14-70 | Color: Black, Forest, Sand, Navy
    It is long enough to go around twice. / The fringe is knotted by hand.
Jacket | 70-290 | Size: S, M, L, XL | Color: Black, Forest, Sand, Navy
    There are four pockets, one of them hidden. / The hood rolls into the collar.
Gloves | 12-65 | Size: S, M, L, XL
    The fingertips work on a phone. / They are lined to the wrist.
Beanie | 10-38 | Color: Black, Forest, Sand, Navy
    It keeps its shape after a winter of pockets. / It is knitted in one piece without a seam.
# Toys: Wooden, Magnetic, Clockwork, Giant, Pocket, Rainbow, Classic
Train Set | 25-120
    The track fits that of the other large makers. / It comes with a bridge and a small station.
Puzzle | 9-40 | Pieces: 100, 500, 1000
    No two pieces are alike. / A linen finish keeps it from shining under a lamp.
Building Blocks | 15-75
    There are sixty blocks in eleven shapes. / The edges are rounded for small hands.
Kite | 12-55
    It flies in the lightest of winds. / The line is already tied on.
# Audio: Studio, Vintage, Compact, Wireless, Reference, Travel, Hush
Headphones | 30-320 | Color: Black, Forest, Sand, Navy
    The battery lasts about thirty hours. / The ear pads can be replaced without tools.
Bookshelf Speaker | 60-380 | Finish: Oak, White, Black
    It sounds larger than it is, even close to a wall. / It is sold singly.
Radio | 25-160
    One knob tunes, the other turns the volume; that is all. / It remembers six stations.
Turntable | 90-440
    The needle lifts by itself at the end of a side. / It plays both speeds and comes with a dust cover.
"""
"""A department's line begins with #; a kind has two: noun, price range and options; then sentences about it."""


def _read(goods: str) -> Iterator[Department]:
    for block in goods.strip().removeprefix("# ").split("\n# "):
        head, *lines = block.split("\n")
        name, styles = head.split(": ")
        kinds = []
        for first, second in zip(lines[::2], lines[1::2], strict=True):
            noun, prices, *options = first.split(" | ")
            low, high = prices.split("-")
            pairs = (option.split(": ") for option in options)
            read = tuple((option, tuple(values.split(", "))) for option, values in pairs)
            kinds.append(Kind(noun, (int(low), int(high)), read, tuple(second.strip().split(" / "))))
        yield Department(name, tuple(styles.split(", ")), tuple(kinds))


DEPARTMENTS = tuple(_read(_GOODS))
