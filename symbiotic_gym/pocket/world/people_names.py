"""What people, streets and towns are called. The towns are the ones on the map, too."""

__all__ = ["CITIES", "FIRST_NAMES", "LAST_NAMES", "STREETS"]

_FIRST = """
Ada Adrian Aisha Alan Alma Amara Anders Anita Arjun Astrid Beatriz Bram Caleb Carmen Cecilia Chidi Clara Cyrus Dalia Daniel
Delia Dmitri Edith Elias Elena Emeka Esther Fabian Farah Felix Fiona Gideon Giulia Greta Hamid Hana Hector Helga Hugo Ida
Imani Ines Isaac Ivan Ivy Jamal Jana Jasper Joan Jonas Kamala Karim Katya Kenji Lars Laila Leo Lina Lucia Luther Mabel Magnus
Maren Marco Mei Milan Mina Moira Nadia Nils Nora Olga Omar Oscar Paloma Pavel Petra Priya Quentin Rafael Rana Rosa Ruben
Samira Sanjay Selma Simon Sofia Stella Sven Tamar Tariq Tessa Thea Tobias Uma Viktor Wanda Wendell Xenia Yara Yusuf Zelda
Zoran
"""

_LAST = """
Abbott Acosta Adeyemi Alvarez Amari Andersen Aoki Barros Beck Bellamy Bianchi Bishop Blum Bonnet Brandt Calder Castillo
Chandra Chen Clarke Conti Cruz Dahl Delgado Diallo Doyle Dubois Eklund Engel Escobar Faber Farouk Ferrari Fischer Fontaine
Forsythe Fujita Garnier Gibbs Gomez Grant Gupta Haddad Hale Hansen Hartmann Hoffman Horvat Ibrahim Ishikawa Jansen Jensen
Kapoor Kaya Keller Kim Kowalski Kruger Laurent Lindgren Lopez Lund Madsen Maier Marchetti Mendes Mercer Meyer Moreau Mori
Mwangi Nakamura Navarro Nielsen Novak Nwosu Okafor Olsen Ortega Osman Paquet Park Petrov Pham Quinn Rahman Reyes Ricci Rossi
Sato Schmidt Serrano Shah Silva Sorensen Stone Suzuki Tanaka Torres Ueda Valdez Varga Vogel Weber Weiss Yamada Zhang Ziegler
"""

FIRST_NAMES = _FIRST.split()

LAST_NAMES = _LAST.split()

STREETS = (
    "Alder Lane", "Baker Street", "Canal Road", "Chestnut Avenue", "Church Street", "Cobbler's Row", "Dockside", "Elm Street",
    "Foundry Lane", "Garden Terrace", "Hill Road", "Kingfisher Close", "Linden Avenue", "Market Square", "Meadow Way",
    "Mill Lane", "Observatory Hill",
    "Orchard Street", "Poplar Drive", "Quarry Road", "Rosemary Lane", "School Lane", "Station Road",
    "Sycamore Court", "Tanner's Yard", "Union Street", "Vine Street", "Weaver's Walk", "Willow Crescent", "Windmill Road",
)  # fmt: skip

CITIES = (
    ("Ashford Bay", "410"), ("Brindle", "412"), ("Caldermouth", "415"), ("Dunmere", "418"), ("Eastwick", "421"),
    ("Fernhollow", "424"), ("Glasshaven", "427"), ("Hartsgrove", "430"), ("Ironbridge", "433"), ("Kestrel Point", "436"),
)  # fmt: skip
