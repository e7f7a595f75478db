"""The forum's and the wiki's pages, asked for by plain HTTP: who may do what, what is refused, and what a change leads to."""

from collections.abc import Iterator
from html import unescape
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from symbiotic_gym.pocket.apps.wiki_markup import blocks
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.web import COOKIE
from symbiotic_gym.pocket.world import World, snapshot, state


class Visitor:
    """Asks one site for pages, signed in as person 1 or as nobody."""

    def __init__(self, server: PocketServer, site: str, *, signed_in: bool = True) -> None:
        self.server, self.site = server, site
        self.world = World(server.db)
        self.cookie = f"{COOKIE}={server.session(site, 1)}" if signed_in else ""

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str]:
        """The status and the page, or the address a redirect leads to."""
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        headers = {"Host": f"{self.site}.pocket", "Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("GET" if form is None else "POST", path, None if form is None else urlencode(form), headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response.headers["location"] if response.status == 303 else unescape(text)


@pytest.fixture(scope="module")
def server() -> Iterator[PocketServer]:
    running = PocketServer()
    yield running
    running.close()


@pytest.fixture
def forum(server: PocketServer) -> Visitor:
    server.restore(snapshot(0), "daylight")
    return Visitor(server, "forum")


@pytest.fixture
def wiki(server: PocketServer) -> Visitor:
    server.restore(snapshot(0), "daylight")
    return Visitor(server, "wiki")


def test_only_the_writer_changes_a_post(forum: Visitor) -> None:
    other = forum.world.value("SELECT id FROM forum_listed WHERE person_id > 1 ORDER BY id")
    mine = forum.world.value("SELECT id FROM forum_listed WHERE person_id = 1 ORDER BY id")
    before = state(forum.server.db)
    for path in (f"/post/{other}/edit", f"/post/{other}/delete"):
        assert forum.ask(path, {"title": "Mine", "body": "Now"})[0] == 403
    assert state(forum.server.db) == before
    assert forum.ask(f"/post/{mine}/edit", {"title": "Mine", "body": "Now"}) == (303, f"/post/{mine}")
    assert forum.world.value("SELECT title FROM forum_posts WHERE id = ?", mine) == "Mine"


def test_votes_count_once_and_can_be_taken_back(forum: Visitor) -> None:
    post = forum.world.one(
        "SELECT * FROM forum_listed WHERE person_id > 1 AND id NOT IN (SELECT target_id FROM forum_votes WHERE kind = "
        "'post') ORDER BY id"
    )
    scores = []
    for value in ("1", "1", "-1", "0"):
        forum.ask(f"/post/{post['id']}/vote", {"value": value})
        scores.append(forum.world.value("SELECT score FROM forum_listed WHERE id = ?", post["id"]) - post["score"])
    assert scores == [1, 1, -1, 0]
    mine = forum.world.value("SELECT id FROM forum_listed WHERE person_id = 1 ORDER BY id")
    before = state(forum.server.db)
    forum.ask(f"/post/{mine}/vote", {"value": "1"})
    assert state(forum.server.db) == before


def test_what_a_form_lacks_is_said_beside_it_and_changes_nothing(forum: Visitor) -> None:
    before = state(forum.server.db)
    assert "Title is required." in forum.ask("/b/kitchen/new", {"title": "", "body": "Text"})[1]
    page = forum.ask("/messages/new", {"to": "nobody-here", "subject": "Hello", "body": "<b>Text</b>"})[1]
    assert "There is no member of this name." in page and "Hello" in page
    assert "Choose a reason." in forum.ask("/post/1/report", {"reason": "Because"})[1]
    assert state(forum.server.db) == before


def test_messages_of_others_are_not_shown(forum: Visitor) -> None:
    message = forum.world.value("SELECT id FROM forum_messages WHERE to_id = 1 ORDER BY id")
    forum.server.db.execute("UPDATE forum_messages SET to_id = 2 WHERE id = ?", (message,))
    assert forum.ask(f"/messages/{message}")[0] == 404


def test_a_visitor_reads_and_signs_in_to_write(server: PocketServer, forum: Visitor) -> None:
    visitor = Visitor(server, "forum", signed_in=False)
    status, page = visitor.ask("/post/1")
    assert status == 200 and "Upvote" not in page
    assert visitor.ask("/post/1/comment", {"body": "Hello"}) == (303, "/login?next=%2Fpost%2F1%2Fcomment")


def test_what_people_write_is_shown_as_text(forum: Visitor) -> None:
    assert forum.ask("/b/town/new", {"title": "<script>alert(1)</script>", "body": "x"})[0] == 303
    connection = HTTPConnection("127.0.0.1", forum.server.port, timeout=20)
    connection.request("GET", "/b/town?sort=new", headers={"Host": "forum.pocket"})
    assert b"<script>alert" not in connection.getresponse().read()
    connection.close()


def test_an_exact_title_opens_the_article_and_a_word_lists_them(wiki: Visitor) -> None:
    assert wiki.ask("/search?q=glasshaven") == (303, "/a/Glasshaven")
    status, page = wiki.ask("/search?q=Glasshaven+town")
    assert status == 200 and "found" in page and "/a/Glasshaven" in page
    assert "Nothing fits." in wiki.ask("/search?q=zzzz")[1]


def test_undoing_restores_the_section_and_can_be_undone(wiki: Visitor) -> None:
    edit = wiki.world.one(
        "SELECT r.*, a.slug FROM wiki_revisions r JOIN wiki_articles a ON a.id = r.article_id WHERE section_id IS NOT "
        "NULL ORDER BY r.id"
    )
    body = "SELECT body FROM wiki_sections WHERE id = ?"
    ruined = wiki.world.value(body, edit["section_id"])
    assert ruined != edit["before"]
    assert wiki.ask(f"/a/{edit['slug']}/undo", {"edit": str(edit["id"])})[0] == 303
    assert wiki.world.value(body, edit["section_id"]) == edit["before"]
    assert wiki.ask(f"/a/{edit['slug']}/undo", {"edit": str(edit["id"])})[0] == 403  # no longer the newest
    newest = wiki.world.value("SELECT max(id) FROM wiki_revisions")
    assert wiki.ask(f"/a/{edit['slug']}/undo", {"edit": str(newest)})[0] == 303
    assert wiki.world.value(body, edit["section_id"]) == ruined


def test_an_article_keeps_a_category_and_no_two_share_a_title(wiki: Visitor) -> None:
    before = state(wiki.server.db)
    assert "at least one category" in wiki.ask("/a/Brindle/categories", {})[1]
    page = wiki.ask("/new", {"title": "brindle", "lead": "A town.", "category": "99"})[1]
    assert "There is an article of this title." in page and "Choose a category." in page
    assert state(wiki.server.db) == before


def test_markup_makes_paragraphs_tables_and_links() -> None:
    text, table = blocks("See [[Brindle]] and [[Nowhere]].\n\n| A | B |\n| [[Brindle]] | 2 |", {"Brindle": "Brindle"})
    assert text.text == [("See ", ""), ("Brindle", "/a/Brindle"), (" and ", ""), ("Nowhere", ""), (".", "")]
    assert table.rows == [[[("A", "")], [("B", "")]], [[("Brindle", "/a/Brindle")], [("2", "")]]]


def test_facts_agree_between_articles(wiki: Visitor) -> None:
    """Every town, person and list that a box names has an article, and lists say what the boxes say."""
    titles = {row["title"] for row in wiki.world.rows("SELECT title FROM wiki_articles ORDER BY id")}
    linked = ("Location", "Architect", "Headquarters", "Founder", "Birthplace", "Inventor")
    for name in linked:
        values = [row["value"] for row in wiki.world.rows("SELECT value FROM wiki_facts WHERE name = ? ORDER BY id", name)]
        assert values and set(values) <= titles
    for row in wiki.world.rows(
        "SELECT a.title, f.value FROM wiki_facts f JOIN wiki_articles a ON a.id = f.article_id WHERE f.name = 'Height' "
        "ORDER BY a.id"
    ):
        assert f"[[{row['title']}]]" in wiki.world.value(
            "SELECT body FROM wiki_sections WHERE body LIKE ?", f"%{row['title']}]] |%"
        )
