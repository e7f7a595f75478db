"""Pocket without a browser: worlds, instances, judging, and the sites over HTTP."""

import fnmatch
import hashlib
import http.client
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from urllib.parse import urlencode

import pytest

from symbiotic_gym.errors import ConfigError, SiteError
from symbiotic_gym.pocket.answers import Amount, Answer, Day, Duration, Items, Name, Number, Text, YesNo
from symbiotic_gym.pocket.instances import draw, judge, manifest
from symbiotic_gym.pocket.serve import serve
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.web import COOKIE
from symbiotic_gym.pocket.world import World, changes, snapshot, state

MARCH_3 = Day(date(2026, 3, 3))
LAMP = Name("Oak Lamp", ("Oak Lamp XL", "Pine Lamp"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Amount(1250), "It is $12.50."),
        (Amount(1250), "12.5 dollars"),
        (Amount(700), "7"),
        (Amount(123450), "The 3 of them cost $1,234.50"),
        (Number(3), "There are three of them."),
        (Number(1200), "1,200"),
        *(
            (MARCH_3, said)
            for said in ("March 3, 2026", "2026-03-03", "3rd of March", "Mar 3", "03/03/2026", "on 3 March 2026.")
        ),
        *((Duration(80), said) for said in ("1 h 20 min", "80 minutes", "1:20", "1 hour and 20 minutes")),
        (LAMP, "It's the OAK lamp!"),
        (Name("Oak Lamp XL", ("Oak Lamp",)), "Oak Lamp XL"),
        (Items(("a", "b")), "b and a"),
        (Text("12 Mill Lane"), "At 12 Mill Lane."),
        (YesNo(True), "Yes, it is."),
        (YesNo(False), "No."),
    ],
)
def test_an_answer_is_taken_by_its_meaning(answer: Answer, said: str) -> None:
    assert answer.accepts(said)
    assert answer.accepts(answer.say())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Amount(1250), "$12.50 or $13.00"),
        (Amount(1250), "$12.51"),
        (Amount(1250), "$1,250"),
        (Amount(1250), ""),
        (Number(3), "3 or 4"),
        (Number(3), "33"),
        (MARCH_3, "March 4"),
        (MARCH_3, "March 3, 2025"),
        (MARCH_3, "March 3 or April 3"),
        (Duration(80), "1 h"),
        (LAMP, "Oak Lamp XL"),
        (LAMP, "Oak Lamp or Pine Lamp"),
        (LAMP, "a lamp"),
        (Items(("a", "b")), "a"),
        (Items(("a", "b"), ("c",)), "a, b, c"),
        (Items(("a", "b"), ordered=True), "b, a"),
        (Text("12 Mill Lane"), "2 Mill Lane"),
        (YesNo(True), "yes and no"),
        (YesNo(True), "It is."),
    ],
)
def test_a_wrong_or_hedged_answer_is_not(answer: Answer, said: str) -> None:
    assert not answer.accepts(said)


def _digest(seed: int) -> str:
    return hashlib.sha256(snapshot(seed).data).hexdigest()


def test_a_world_is_the_same_in_every_process() -> None:
    code = (
        "import hashlib; from symbiotic_gym.pocket.world import snapshot; print(hashlib.sha256(snapshot(3).data).hexdigest())"
    )
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, capture_output=True, text=True, env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": sys.path[0]}
        )
        assert done.stdout.strip() == _digest(3), done.stderr
    assert _digest(3) != _digest(4)


def test_worlds_restored_from_one_snapshot_share_nothing() -> None:
    one, other = snapshot(3).restore(), snapshot(3).restore()
    before = state(other)
    one.execute("UPDATE shop_products SET price = 1")
    assert state(one) != before
    assert state(other) == before


def test_what_changed_is_where_the_states_differ() -> None:
    one, other = snapshot(3).restore(), snapshot(3).restore()
    assert list(changes(one, other)) == []
    other.execute("UPDATE shop_products SET description = replace(description, ' ', '  ')")  # white space says nothing
    other.execute("INSERT INTO shop_wishes SELECT id + 1000, person_id, product_id FROM shop_wishes ORDER BY id DESC")
    other.execute("DELETE FROM shop_wishes WHERE id <= 1000")  # the same wishes in another order
    assert list(changes(one, other)) == []
    other.execute("UPDATE shop_products SET price = price + 1 WHERE id = 3")
    [(name, before, after)] = changes(one, other)
    assert (before, after) == (state(one)[name], state(other)[name])
    assert len(set(after) - set(before)) == 1


def test_what_else_was_changed_makes_it_a_failure_unless_it_is_undone() -> None:
    drawn = draw("shop.subscribe", 0)
    db = drawn.world.restore()

    def verdict() -> str:
        return judge(drawn, db, said="Done.", reported=False, url="http://shop.pocket/")

    assert "shop newsletter" in verdict()
    for statement, values in drawn.instance.effect:
        db.execute(statement, tuple(values))
    assert verdict() == ""
    db.execute("INSERT INTO shop_wishes (person_id, product_id) VALUES (1, 1)")
    assert "shop wishes" in verdict()
    db.execute("DELETE FROM shop_wishes WHERE id = (SELECT max(id) FROM shop_wishes)")
    assert verdict() == ""
    assert judge(drawn, db, said=None, reported=False, url="") != ""
    assert judge(drawn, db, said="It cannot be done.", reported=True, url="") != ""


class Client:
    """A visitor without a browser."""

    def __init__(self, server: PocketServer, site: str, person: int | None = 1) -> None:
        self.host = f"{site}.pocket"
        self.cookie = f"{COOKIE}={server.session(site, person)}" if person else ""
        self.port = server.port

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, body, and where a redirect leads."""
        headers = {"Host": self.host, "Cookie": self.cookie}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request("GET" if form is None else "POST", path, urlencode(form) if form else None, headers)
            response = connection.getresponse()
            if taken := response.headers.get("set-cookie"):
                self.cookie = taken.partition(";")[0]
            return response.status, response.read().decode(), response.headers.get("location", "")


@pytest.fixture(scope="module")
def server() -> Iterator[PocketServer]:
    server = PocketServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def fresh(server: PocketServer) -> None:
    server.restore(snapshot(5), "daylight")


def test_signing_in_takes_the_right_password(server: PocketServer) -> None:
    client = Client(server, "shop", None)
    me = World(server.db).me
    assert client.ask("/account")[0::2] == (303, "/login?next=%2Faccount")
    _, page, _ = client.ask("/login", {"username": me["username"], "password": "wrong"})
    assert "These do not match an account." in page
    sent = {"username": me["email"], "password": me["password"]}
    assert client.ask("/login?next=%2Faccount", sent)[0::2] == (303, "/account")
    assert me["phone"] in client.ask("/account")[1]
    assert client.ask("/logout", {"x": ""})[0] == 303
    assert client.ask("/account")[0] == 303


def test_only_staff_may_enter_the_back_office(server: PocketServer) -> None:
    staff = {row["person_id"] for row in World(server.db).rows("SELECT person_id FROM admin_staff")}
    other = World(server.db).one(f"SELECT * FROM people WHERE id NOT IN ({', '.join(map(str, staff))}) ORDER BY id")
    client = Client(server, "admin", None)
    _, page, _ = client.ask("/login", {"username": other["username"], "password": other["password"]})
    assert "may not enter" in page
    assert client.ask("/customers")[0] == 303


def test_nobody_reaches_what_is_anothers(server: PocketServer) -> None:
    other = World(server.db).one("SELECT * FROM shop_orders WHERE person_id > 1 AND status = 'Pending' ORDER BY id")
    address = World(server.db).value("SELECT id FROM shop_addresses WHERE person_id > 1 AND NOT main ORDER BY id")
    client = Client(server, "shop")
    before = state(server.db)
    assert client.ask(f"/account/orders/{other['number']}")[0] == 404
    assert client.ask(f"/account/orders/{other['number']}/cancel", {"x": ""})[0] == 404
    assert client.ask(f"/account/addresses/{address}/delete", {"x": ""})[0] == 404
    assert state(server.db) == before


def test_a_hostile_text_is_only_text(server: PocketServer) -> None:
    client = Client(server, "shop")
    text = "<script>alert(1)</script>'; DROP TABLE people; --"
    assert "<script>alert" not in client.ask("/search?" + urlencode({"q": text}))[1]
    assert client.ask("/search?q=%25%25")[0] == client.ask("/search?q=_&min=x&p=99")[0] == 200
    assert client.ask("/contact", {"topic": "Something else", "body": text})[0] == 303
    office = Client(server, "admin").ask("/messages")[1]
    assert "&lt;script&gt;" in office and "<script>alert" not in office


def test_unknown_sites_and_pages_are_not_found(server: PocketServer) -> None:
    assert Client(server, "shop").ask("/nowhere")[0] == 404
    assert "There is no such site" in Client(server, "elsewhere", None).ask("/")[1]


def test_two_servers_share_nothing(server: PocketServer) -> None:
    other = PocketServer()
    try:
        other.restore(snapshot(5), "daylight")
        before = state(other.db)
        Client(server, "shop").ask("/account/newsletter", {"topic": "Offers"})
        assert state(server.db) != before
        assert state(other.db) == before
    finally:
        other.close()


def _crawl(client: Client, most: int) -> Iterator[tuple[str, str]]:
    seen, todo = {"/"}, ["/"]
    for _ in range(most):
        if not todo:
            return
        path = todo.pop(0)
        status, page, _ = client.ask(path)
        assert status == 200, path
        yield f"http://{client.host}{path}", page
        for link in re.findall(r'(?:href|data-load)="(/[^"#]*)"', page):
            link = link.replace("&amp;", "&")
            if link not in seen and not link.startswith("/static/"):
                seen.add(link)
                todo.append(link)


@pytest.mark.parametrize("theme", ["daylight", "ledger"])
@pytest.mark.parametrize("site", ["shop", "admin"])
def test_every_link_leads_somewhere_and_private_values_are_where_the_manifest_says(
    server: PocketServer, site: str, theme: str
) -> None:
    server.restore(snapshot(5), theme)
    entries = [
        entry for entry in World(server.db).manifest() if entry.kind in ("email", "phone", "address", "name", "password")
    ]
    pages = list(_crawl(Client(server, site), 150))
    assert len(pages) > 60
    seen = set()
    for url, page in pages:
        for entry in entries:
            if entry.value.replace("'", "&#39;") in page:
                assert any(fnmatch.fnmatch(url, pattern) for pattern in entry.pages), (entry.kind, entry.value, url)
                seen.add(entry.kind)
    assert seen == {"email", "phone", "address", "name"}


def test_the_manifest_says_what_a_task_needs() -> None:
    needed = {(entry.kind, entry.value) for entry, needs in manifest("admin.email-of", 2) if needs}
    drawn = draw("admin.email-of", 2)
    assert {value for _, value in needed} == set(drawn.instance.private)
    assert "email" in {kind for kind, _ in needed}


def test_a_persons_browser_is_served_under_local_names() -> None:
    served = serve(seed=2)
    try:
        port = int(served.addresses["shop"].rsplit(":", 1)[1].strip("/"))
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("GET", "/", headers={"Host": f"home.localhost:{port}"})
            page = connection.getresponse().read().decode()
        assert f"http://shop.localhost:{port}/" in page
        assert ".pocket/" not in page
        with pytest.raises(SiteError, match="port"):
            serve(port)
    finally:
        served.close()
    with pytest.raises(ConfigError, match="theme"):
        serve(theme="midnight")
