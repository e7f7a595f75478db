"""What is public on Pocket's sites: the texts of pages that anybody may see, and the vocabulary learned from visiting them."""

import re
import urllib.error
import urllib.request
from functools import lru_cache
from importlib.resources import files
from urllib.parse import quote

from symbiotic_gym.agents.privacy_vocabulary import PublicVocabulary
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.world import World, snapshot, world_seed

__all__ = ["learn_vocabulary", "public_strings"]


def public_strings() -> list[str]:
    """The texts of Pocket's public pages: what the sites' templates say, products, boards, articles, projects and places."""
    world = World(snapshot(3).restore())
    found: list[str] = []
    for sql in (
        "SELECT name AS t FROM shop_products ORDER BY id", "SELECT title AS t FROM forum_posts ORDER BY id",
        "SELECT title AS t FROM wiki_articles ORDER BY id", "SELECT title AS t FROM code_issues ORDER BY id",
        "SELECT name AS t FROM map_places WHERE owner_id IS NULL ORDER BY id",
    ):  # fmt: skip
        try:
            found += [str(row["t"]) for row in world.rows(sql)][:400]
        except Exception:
            continue
    for template in sorted(files("symbiotic_gym.pocket").joinpath("templates").iterdir(), key=lambda path: path.name):
        for page in sorted(template.iterdir(), key=lambda path: path.name):
            bare = re.sub(r"\{[%#{].*?[%#}]\}", "\n", page.read_text(encoding="utf-8"), flags=re.S)
            found += [" ".join(text.split()) for text in re.findall(r">([^<>]+)<", bare)]
    return [text for text in dict.fromkeys(found) if len(text) > 2 and any(char.isalpha() for char in text)]


@lru_cache(maxsize=16)
def learn_vocabulary(pages: int = 80, seed: int = 0) -> PublicVocabulary:
    """Visit the sites as anybody may, without signing in, and remember what navigates.

    Args:
        pages: of each site, at most.
        seed: of an episode; the sites are those of its world.
    """
    vocabulary = PublicVocabulary()
    server = PocketServer()
    try:
        server.restore(snapshot(world_seed(seed)), server.theme)
        for host in ("shop.pocket", "forum.pocket", "wiki.pocket", "code.pocket", "map.pocket", "home.pocket", "admin.pocket"):
            todo, seen = ["/"], set[str]()
            while todo and len(seen) < pages:
                path = todo.pop(0)
                if path in seen:
                    continue
                seen.add(path)
                request = urllib.request.Request(
                    f"http://127.0.0.1:{server.port}{quote(path, safe='/?=&%+')}", headers={"Host": host}
                )
                try:
                    with urllib.request.urlopen(request, timeout=20) as answer:
                        html = answer.read().decode()
                except (urllib.error.HTTPError, urllib.error.URLError):
                    continue  # asks for signing in, or is not there
                vocabulary.learn(html, f"http://{host}{path}", hosts=("admin.pocket",) if host == "shop.pocket" else ())
                todo += [link for link in re.findall(r'href="(/[^"#]*)"', html) if link not in seen and "static" not in link]
    finally:
        server.close()
    return vocabulary
