"""The words that the wiki's articles are made of, by what an article is about."""

__all__ = [
    "EDITS", "GEOGRAPHY", "HISTORY", "INDUSTRIES", "LANDMARKS", "LIVES", "MATERIALS", "NONSENSE", "OBJECTS", "REGIONS",
    "RIVERS", "TRADES",
    "WORKS",
]  # fmt: skip

REGIONS = ("Northmarch", "the Calder Vale", "the Saltings")

RIVERS = ("Arle", "Brenna", "Calder", "Dun", "Esk Water", "Ferrow", "Hart", "Lune", "Sable", "Wick")

GEOGRAPHY = (
    "The old center stands on a terrace above the {river}, safe from all but the highest floods.",
    "East of the town the land rises to a ridge of sandstone, which gave most of the older houses their color.",
    "The {river} bends twice inside the town limits and is crossed by three roads and a railway.",
    "Winters are wet rather than cold, and snow seldom stays for more than a week.",
    "A belt of orchards, planted in the {century}th century, still separates the town from its newer quarters.",
    "The marshes in the south were drained for pasture and are now a reserve for wading birds.",
)

HISTORY = (
    "A fire destroyed two thirds of the houses in {early}; the streets were laid out anew and wider.",
    "The railway reached the town in {rail}, and its market moved from the river to the station.",
    "For most of its history the town lived from {trade}, of which the street names still tell.",
    "It was granted the right to hold a weekly market in {early}, which takes place on {weekday}s to this day.",
    "The flood of {flood} led to the embankment that now carries the riverside walk.",
)

TRADES = ("cloth", "salt", "timber", "herring", "glass", "tin", "barley")

LANDMARKS = (
    "Lantern Bridge", "Harbor Light", "Museum of Tides", "Clock Tower", "Corn Exchange", "Glass Pavilion", "Old Observatory",
    "Weavers' Hall", "Central Station", "Botanical House", "City Library", "Signal Tower", "Iron Viaduct",
    "Chapel of the Ferrymen",
    "Market Arcade", "Rope Works", "Concert House", "Stone Aqueduct",
)  # fmt: skip

MATERIALS = ("sandstone", "cast iron", "brick", "granite", "glass and steel", "oak", "limestone")

WORKS = (
    "It was built of {material} in {years} years and cost almost twice what had been voted for it.",
    "The first design was turned down as too plain, and the second as too dear; the third was built.",
    "It was closed for repairs from {closed} to {opened} and has been open all year round since.",
    "School classes have free entry on the first Monday of every month.",
    "Its foundations rest on {piles} oak piles, which divers inspect every ten years.",
    "A model of it, made by an apprentice during the works, stands in the entrance.",
)

LIVES = (
    "{last} was the {nth} of {siblings} children of a {parent} and left school at fourteen.",
    "After an apprenticeship of five years {last} traveled for two, mostly on foot, and filled eleven notebooks with drawings.",
    "Letters that came to light in {found} show that {last} had been offered a post abroad and turned it down.",
    "Contemporaries described {last} as patient with apprentices and impatient with committees.",
    "In later years {last} gave public lectures, always without notes and always on a Thursday.",
    "{last} never patented anything, which friends regretted more than {last} did.",
)

INDUSTRIES = (
    "household goods",
    "lamps",
    "outdoor equipment",
    "garden tools",
    "stationery",
    "clothing",
    "toys",
    "audio equipment",
)

OBJECTS = {
    "Kettle": ("a vessel for boiling water", "Kitchen"),
    "Pepper Mill": ("a hand tool for grinding peppercorns", "Kitchen"),
    "Desk Lamp": ("a lamp that lights a place of work", "Lighting"),
    "Tent": ("a shelter of cloth and poles", "Outdoor"),
    "Camping Stove": ("a small stove that is carried along", "Outdoor"),
    "Watering Can": ("a container with a spout for watering plants", "Garden"),
    "Bird Feeder": ("a device that offers food to wild birds", "Garden"),
    "Fountain Pen": ("a pen that draws ink from a reservoir", "Office"),
    "Kite": ("a tethered craft that flies in the wind", "Toys"),
    "Radio": ("a receiver for broadcasts", "Audio"),
    "Turntable": ("a device that plays records", "Audio"),
}
"""What an object is, and the shop's department for it."""

EDITS = (
    "Fixed a typo", "Added a source", "Reworded the introduction", "Updated the figures", "Linked related articles",
    "Removed a claim without a source", "Clearer wording", "Added a paragraph on the early years", "Formatting of the table",
    "Corrected a date", "Shortened a long sentence", "Added the category",
)  # fmt: skip

NONSENSE = (
    "My cat walked over the keyboard and this is what it had to say about it.",
    "THIS PAGE IS BORING and nobody reads it anyway, hello from class 7b!!!",
    "Everything that stood here was wrong, trust me, I know a man who knows.",
)
