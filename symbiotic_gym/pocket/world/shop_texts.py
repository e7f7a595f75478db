"""What customers write: reviews by how content they are, and the names of delivery and payment."""

__all__ = ["BLAME", "MIXED", "PAYMENTS", "PRAISE", "SHIPPING", "TITLES"]

TITLES = {
    5: ("Exactly what I hoped for", "Bought a second one", "Worth every cent", "Could not be happier", "A small joy every day"),
    4: ("Very good, one small flaw", "Nearly perfect", "Solid and well made", "Good value", "Would buy again"),
    3: ("It is all right", "Good idea, middling result", "Does the job", "Neither good nor bad", "Mixed feelings"),
    2: ("Expected more", "Disappointed after a month", "Not for me", "Too dear for what it is", "Came with a scratch"),
    1: ("Sent it back", "Broke within a week", "Do not bother", "A waste of money", "Nothing like the picture"),
}

PRAISE = (
    "We have used the {noun} almost every day since it came, and it looks as it did on the first.",
    "My sister asked where I got it within five minutes of seeing it.",
    "It arrived two days early and was packed without any plastic.",
    "The {noun} feels heavier and better made than the one it replaced.",
    "I was unsure about the color from the photos, but it is lovely in daylight.",
    "Even my father, who likes nothing new, has stopped complaining about it.",
    "I compared four others before this one and am glad that I waited.",
    "You notice that somebody thought about the details.",
)

MIXED = (
    "The {noun} does what it should, but the instructions were for another model.",
    "It is a little smaller than I pictured, so measure first.",
    "Delivery took nearly two weeks, which is not the product's fault.",
    "Good on the whole, though the finish wears at the edges.",
    "I would give it more if it came in other colors.",
    "It works; I am just not sure that it works better than the cheap one.",
)

BLAME = (
    "The {noun} started to come apart after ten days of ordinary use.",
    "It smelled of glue for a week and I could not keep it in the room.",
    "One part was missing and nobody answered my first two messages.",
    "It wobbles, whatever I put under it.",
    "The picture shows something far sturdier than what came in the box.",
    "I followed the care instructions to the letter and it still stained.",
)

SHIPPING = (("Standard", 490, "4 to 6 days"), ("Express", 1290, "1 to 2 days"), ("Pick up in store", 0, "from tomorrow"))
"""Name, price in cents, how long it takes."""

PAYMENTS = ("Card", "Invoice", "Gift card")
