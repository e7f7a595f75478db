"""What the forum's people write: boards, posts by what they are about, comments, private messages and lines about oneself."""

__all__ = ["BIOS", "BOARDS", "CHATTER", "COMMENTS", "HELP", "MESSAGES", "PICKS", "POSTS", "REGRETS", "REPLIES", "TOWN"]

BOARDS = (
    ("Kitchen Talk", "kitchen", "Pots, recipes and the tools in between", "Kitchen"),
    ("Lighting and Rooms", "lighting", "Lamps, corners and cozy evenings", "Lighting"),
    ("Trail and Camp", "trail", "Walking, sleeping and cooking outside", "Outdoor"),
    ("Garden Plot", "garden", "Beds, balconies and everything that grows", "Garden"),
    ("Desk Life", "desk", "Paper, pens and a place to work", "Office"),
    ("Wardrobe", "wardrobe", "Clothes that last and how to mend them", "Clothing"),
    ("Toy Box", "toys", "For children and those who stayed young", "Toys"),
    ("Listening Room", "listening", "Music and what it is played on", "Audio"),
    ("Town Square", "town", "News, meet-ups and questions about our towns", ""),
    ("Help Desk", "help", "How this forum works", ""),
)
"""Name, address, what it is for, and the shop's department it goes with."""

POSTS = {
    "question": (
        ("Is the {product} worth its price?",
         "I have been looking at the {product} by {brand} for weeks. Does it hold up after a year of daily use?"),
        ("How do you clean a {product}?",
         "Mine has a dull film after {months} months. Soap does not touch it, and I do not want to scratch it."),
        ("{product}: does it come apart for repair?",
         "One part of mine is loose. Before I take a screwdriver to it I would like to know whether anyone opened one."),
        ("Anyone still using the {product}?",
         "I inherited one from a neighbor and wonder whether {brand} still has spare parts for it."),
        ("Present for my {relative}: the {product}?",
         "It is for a {age}th birthday. Something that will still be used in ten years would be best."),
    ),
    "review": (
        ("{months} months with the {product}",
         "I promised a report. It does what it should, and the {noun} of a friend that cost twice as much does no more."),
        ("My {product} after a hard winter",
         "It was dropped twice and left in the rain once. One scratch, otherwise as new. {brand} got this one right."),
        ("The {product}, honestly",
         "I wanted to love it. The idea is good, the finish is not, and the {noun} now lives in the cellar."),
        ("Why I sent the {product} back",
         "Nothing was wrong with it. It was simply too large for my shelf, and nobody prints the measures large enough."),
    ),
    "sale": (
        ("For sale: {product}",
         "Bought {months} months ago and hardly used, because my {relative} gave me the same one. Pick it up in {city}."),
        ("{product} looking for a new home",
         "We are moving and cannot take everything. It has a small mark at the back. Can be seen in {city} in the evening."),
        ("Selling my {product}",
         "It works as on the first day. Comes with the box and the papers; {city} or by post."),
    ),
    "show": (
        ("Finally finished my corner with the {product}",
         "It took {months} weekends and two trips to the shop. The wall behind it is still missing its last coat."),
        ("A small trick for the {product}",
         "Put a strip of felt underneath. It stops the rattle, and you can take it off without leaving a trace."),
        ("What I learned from repairing a {product}",
         "Three screws, one of them hidden under the label. Take a picture before you lift anything out."),
    ),
}  # fmt: skip
"""Titles and texts of posts about a product, by kind."""

COMMENTS = {
    "question": (
        "Mine has been in use for {months} months and I would buy it again.", "I had the same doubt. It was gone after a week.",
        "Depends on how often you use it. For every day I would spend more.", "Write to {brand}. They answered me "
        "within a day.",
        "Warm water and a little vinegar, nothing else.", "No. The hinge went after a year and the warranty had just ended.",
        "My {relative} has one from long ago and it still looks new.", "Look at the reviews in the shop first, they are fair.",
    ),
    "review": (
        "Thanks for the honest report!", "Same here, only that mine is {months} months old.", "Would you say that it is loud?",
        "I am surprised. Mine came without a single flaw.", "Did you try to get it repaired?", "That settles it for "
        "me, thank you.",
        "The newer ones are said to be better made.",
    ),
    "sale": (
        "Is it still there?", "I could pick it up on Saturday.", "Would you take a little less?", "Sent you a message.",
        "What a pity, {city} is too far for me.", "Does it come with the box?",
    ),
    "show": (
        "That looks lovely. Where is the rug from?", "Felt! Why did I not think of that.", "More pictures, please.",
        "I did the same and used cork instead.", "The hidden screw cost me an afternoon. Wish I had read this before.",
        "How did you fix it to the wall?",
    ),
    "town": (
        "I had no idea. Thank you for telling us.", "The town hall knows more, ask for the second "
                                                    "floor.", "Saw it too, around noon.",
        "I will be there.", "My {relative} has lived there for forty years and says the same.", "It was in the paper "
        "last week.",
    ),
    "help": (
        "You will find it in your settings.", "Search before you ask, there is a thread on it.", "It took me a while "
        "to find it, too.",
        "Thank you, that worked.", "That is not possible at the moment, as far as I know.",
    ),
}  # fmt: skip

REPLIES = (
    "Exactly what I wanted to say.", "I see it differently, to be honest.", "Thank you, that helps a "
    "lot.", "Do you have a picture?",
    "Since when?", "Good point.", "That was not my experience at all.", "Could you say a little more about that?", "Agreed!",
    "Not in my kitchen, I am afraid.", "I will try that on the weekend.",
)  # fmt: skip

PICKS = (
    "Get the {product} and never look back.", "I would take the {product}, without a doubt.", "The {product}. Mine is "
    "{months} months old and fine.",
    "{product} for me, it is the best made of them all.", "My vote goes to the {product}.",
)  # fmt: skip

REGRETS = (
    "I had the {product} and gave it away after a month.", "Whatever you do, not the {product}.",
    "I keep reading about the {product}, but I have never seen one in real life.",
)  # fmt: skip

CHATTER = (
    "Following this, I need one as well.",
    "Prices have gone up a lot, so take your time.",
    "Ask three people, get four answers.",
)

TOWN = (
    (
        "Lost: gray cat near {street}",
        "She is called Pepper, is shy and wears a red collar. Last seen on Tuesday evening in {city}.",
    ),
    ("Found a key in {city}", "It lay on {street}, on a green ribbon. I left it at the bakery on the corner."),
    (
        "New bakery on {street}?",
        "The shop in {city} that stood empty for a year has paper in its windows. Does anyone know more?",
    ),
    ("Road works in {city} until autumn", "{street} is closed for cars. The bus stops at the station instead."),
    ("Choir in {city} is looking for tenors", "We sing on Wednesdays, nobody has to read music, and there is cake."),
    ("Who mends umbrellas in {city}?", "I asked in four shops on {street} and was laughed at in three."),
    ("Thank you to whoever returned my purse", "It was on my doorstep in {city}, with everything in it. You made my week."),
)

HELP = (
    ("How do I change the line about me?", "I wrote it years ago and it is embarrassing by now."),
    ("What does the order called hot mean?", "Some posts with few points stand above others with many."),
    ("Can I get a mail when somebody answers?", "I keep missing replies to my posts."),
    ("Two accounts, one person", "I signed up twice by mistake. Can they be joined?"),
    ("My post is gone", "I wrote a long text yesterday and cannot find it on any board."),
    ("Please read before you post: the house rules", "Be kind, stay on topic, and give a price when you sell something."),
)

MESSAGES = (
    (
        "Watering the plants",
        "Thanks for looking after them! The code for the door is {code}, the can stands under the sink.",
        "code",
    ),
    ("Key to the shed", "It hangs in the little box beside the door. The box opens with {code}.", "code"),
    ("My new number", "The old phone fell into the river. From now on you reach me at {phone}.", "phone"),
    ("Your parcel", "It came to me by mistake. I live at {address}, just ring.", "address"),
    ("Saturday", "Shall we say ten o'clock at the station? I will bring the maps and the coffee.", ""),
    ("About your post", "I liked what you wrote. Have you thought of writing it up for the almanac?", ""),
    ("The book I promised", "I found it! It was behind the shelf the whole time. I can bring it next week.", ""),
    ("Swap?", "You have two of them and I have none. I would give you my spare lamp for one.", ""),
    ("Birthday of a friend", "We are collecting for a present, ten each. Please do not tell her.", ""),
    ("Concert", "One of us fell ill, so there is a ticket left for Friday. Do you want it?", ""),
)
"""Subject, text, and what is private in it beyond its being a message."""

BIOS = (
    "Cook, cyclist, collector of bad puns.", "I mend what others throw away.", "Two cats, one balcony, forty pots.",
    "Here for the recipes.", "Night owl with a soft spot for lamps.", "Father of three, owner of no quiet corner.",
    "Retired surveyor. I still measure everything.", "Learning to sew, one crooked seam at a time.", "Walks a lot, "
    "talks a little.",
    "Vinyl, tea and long books.",
)  # fmt: skip
