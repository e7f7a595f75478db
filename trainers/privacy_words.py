"""The words that harmless texts are made of: shops, forums, settings pages, repositories, and what goes wrong with parcels."""

__all__ = [
    "ADJECTIVES",
    "COMMON",
    "GARMENTS",
    "MONTHS",
    "PARTICLES",
    "PLACES",
    "SIZES",
    "SUBJECTS",
    "THINGS",
    "TITLES",
    "UI",
    "UNITS",
    "VERBS",
]


def _words(text: str) -> list[str]:
    return text.split()


def _phrases(text: str) -> list[str]:
    return [" ".join(phrase.split()) for phrase in text.split("|")]


PARTICLES = _phrases(
    """
    van| van der| van den| de| de la| von| del| di| da| dos| bin| al| ten| 't| O'
    """
)

MONTHS = _words(
    """
    January February March April May June July August September October November December
    """
)

UNITS = _words(
    """
    items results orders views comments points stars reviews hours minutes km
    """
)

SIZES = _words(
    """
    XS S M L XL
    """
)

GARMENTS = _words(
    """
    Jacket Tank Tee Shirt Hoodie Short Shorts Pant Pants Capri Tight Bra Top Sweater Coat Dress Skirt Sock Socks Boot
    Sneaker Sandal Cap Hat Scarf Glove Belt Bag Tote Backpack Duffle Watch Vest Blouse Cardigan Jersey Pullover Tunic
    Parka Jeans Leggings
    """
)

THINGS = _words(
    """
    Lamp Chair Table Desk Sofa Shelf Mug Kettle Saucepan Skillet Knife Spoon Bowl Teapot Grinder Blender Toaster Speaker
    Headphones Turntable Radio Keyboard Mouse Monitor Cable Charger Tent Stove Lantern Compass Rope Drill Saw Hammer
    Wrench Planter Hose Rake Puzzle Kite Doll Train Robot Notebook Pen Stapler Folder Candle Pillow Blanket Rug Mirror
    Clock Vase Frame Ball Mat Roller Bike Helmet Bottle Soap Shampoo Cream Vitamin Coffee Tea Honey Cheese Bread Camera
    Lens Tripod Printer Router Phone Tablet Case
    """
)

ADJECTIVES = _words(
    """
    Classic Modern Vintage Compact Portable Wireless Digital Analog Adjustable Foldable Waterproof Heavy Light Soft Slim
    Large Small Mini Pro Ultra Deluxe Premium Basic Active Fitness Gym Yoga Running Trail Summit Studio Workout Training
    Racer Sport Endurance Performance Practice Compete Power Insulated Hooded Fleece Cotton Linen Leather Wooden Ceramic
    Steel Copper Brass Bamboo Glass Olivewood Walnut Oak Black White Red Blue Green Navy Grey Full-Zip V-Neck Crewneck
    Long-Sleeve Stainless Organic Solar Electric
    """
)

COMMON = _words(
    """
    account action agent air amount animal answer arm art baby bad bag ball bank bar base beat bed bell best bird bit
    blood board body book box boy bridge brother budget build building business camera can car card care case cat cell
    center chair chance change charge check child church city class clock cloud coach coat cold color corner cost
    country court cover crop crowd cup dark data day deal desk dinner dog door dream drive drop drum east edge engine
    evening event eye face fact family farm feeder field film fire fish floor flower foot forest fork frame free friend
    front game gate gauge glass gold grass green ground group guide hair hall hand heart heat high hill hold home hope
    horse hotel house ice idea iron island join key kitchen knob lake land laptop leaf leg letter life light line list
    lock log long loop machine main mat meal meter mill mind money month moon morning mountain music nail needle nest
    net night north note ocean office oil open orange order oven owl page paint pan paper park part path peak pepper
    piece pipe pixel plan plant plate play pocket point pool pot power press price pump quick quiet race rain range
    ringer river road rock roof room root round salt sand scale school sea season seed sense shade shelf ship shop side
    signal sink sky sleep snow sound south space spare spring square stage stand star station steam step stone storm
    stream street string sugar summer sun table tap test tide tile time tool top tower town tracker trail tree trip
    tunnel valley vendor view village wall watch water watering wave way week west wheel wide wild wind window wing
    winter wire wood word work world yard year zone brushed carved enamel anodized chambray cedar canvas cast braided
    quilted ribbed washed tinted woven folding hanging rolling travel pocket desktop garden indoor outdoor radiator
    thermostat planner parser linter scheduler renderer compiler broker mapper bundler beacon atlas ledger almanac
    """
)

UI = _phrases(
    """
    Home| My Account| My Orders| Add to Cart| Add to Wish List| Add to Compare| Sign In| Sign Out| Log in| Log out|
    Create an Account| Search| Advanced Search| Checkout| Proceed to Checkout| View and Edit Cart| Apply Discount|
    Estimate Shipping| Order Total| Grand Total| Subtotal| Shipping and Handling| Tax| Rating| Reviews| Write a Review|
    Be the first to review| Details| More Information| Sort By| Position| Price| Ascending| Show per page| Items|
    Filter| Clear All| Category| Size| Color| Quantity| Update| Delete| Edit| Save| Cancel| Submit| Reset| Back| Next|
    Previous| Continue| Close| Open| Settings| Profile| Preferences| Notifications| Privacy Policy| Terms of Service|
    Contact Us| About us| Help| FAQ| Newsletter| Subscribe| Unsubscribe| Download| Upload| Print| Share| Like| Follow|
    Report| Reply| Comment| Post| Thread| Forum| Board| Topics| Members| Messages| Inbox| Sent| Drafts| Trash| Archive|
    New message| Mark all as read| Dashboard| Sales| Products| Customers| Marketing| Content| Reports| Stores| System|
    Orders| Invoices| Shipments| Refunds| Best Sellers| New Arrivals| Gift Cards| Sale| Women| Men| Kids| Gear|
    Training| Issues| Merge requests| Pull requests| Commits| Branches| Tags| Releases| Pipelines| Repository| Wiki|
    Snippets| Milestones| Labels| Assignee| Fork| Star| Clone| Watch| Code| Blame| History| Raw| Compare revisions|
    Create new file| Main page| Random article| Recent changes| What linkshere| Special pages| Permanent link| Page
    information| Cite this page| Talk| Read| View history| Directions| Walking| Driving| Cycling| Transit| Nearby|
    Opening hours| Menu| Map| Satellite| Layers| Zoom in| Zoom out| Favorites| Weekend trips| Want to try| Pending|
    Processing| Complete| Shipped| Delivered| Cancelled| Closed| On hold| In stock| Out of stock| Free shipping|
    Standard delivery| Express| Visa ending| Yes| No| All| None| Today| Yesterday| Tomorrow| Monday| Tuesday| Saturday|
    January| February| March| April| June| August| October| First Name| LastName| Email Address| Phone Number| Street
    Address| City| State| Zip Code| Country| Password| Confirm Password| Remember me| Forgot yourpassword| Billing
    Address| Shipping Address| Payment Method| Place Order| Review and Payments| Thank you for your purchase| Page
    notfound| Something went wrong| Try again| Loading| Show more| Show less| Read more| See all| Learn more| Get
    started| Choose File| Select all| Date of Birth| Gender| Language| Currency| Time zone| Theme| Dark mode| Two-factor
    authentication| Access tokens| Danger zone| Latest orders| Customer Service| Store Locator| Track your order| Return
    Policy| Size Guide| Recently Viewed| You may also like| Product Details| Mainaddress| Personal details| Front page|
    Saved posts| My feed| My projects| Assigned issues| Start page| Office hours| Kitchen| Garden| Lighting
    """
)

SUBJECTS = _phrases(
    """
    The parcel| This product| My order| The battery| The zipper| Delivery| The new version| The build| The test| This
    page| The meeting| The bus| Our garden| The recipe| The museum| The river| The village| The old bridge| The color|
    The handle
    """
)

VERBS = _phrases(
    """
    arrived with a dent| works as expected| is better than the old one| failed again last night| was moved to another
    page| is made of oak| has two doors| came without a manual| needs a review| starts at ten o'clock| was built in
    1932| is too small for me| runs out fast| should be documented| looks great in the kitchen| is on sale until Friday|
    broke after a week| feels soft and warm
    """
)

TITLES = _phrases(
    """
    How do I {} a {}?| Looking for a good {} {}| {} {} - first impressions| Is the {} {} worth it?| Fix the {} {}| Add
    {} {} support| Selling my {} {}| Best {} {} of the year| Why is my {} {} so loud?| The History of the {} {}|
    Introduction to {} {}
    """
)

PLACES = _words(
    """
    Museum Library Park Station Bridge Castle Market Harbor Cafe Bakery Cinema Theater Hotel Garden Lake Tower Mill
    Church School Hospital Stadium Gallery University Airport
    """
)
