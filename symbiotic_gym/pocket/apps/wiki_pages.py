"""Reading the wiki: the main page, articles and their histories, categories, search, recent changes and the watch list."""

import re
from typing import Any

from starlette.responses import Response

from symbiotic_gym.pocket.apps.wiki_markup import blocks
from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add", "article_of"]

_BODIES = "(SELECT group_concat(body, ' ') FROM wiki_sections s WHERE s.article_id = a.id)"
_TEXT = f"(a.title || ' ' || a.lead || ' ' || coalesce({_BODIES}, ''))"


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/")(home)
    site.get("/a/{slug}")(article)
    site.get("/a/{slug}/history")(history)
    site.get("/categories")(categories)
    site.get("/category/{slug}")(category)
    site.get("/search")(search)
    site.get("/suggest")(suggest)
    site.get("/recent")(recent)
    site.get("/watchlist", login=True)(watchlist)


def article_of(c: Context) -> Any:
    """The article that the address names; None when there is none."""
    found = c.rows("SELECT * FROM wiki_articles WHERE slug = ?", c.values["slug"])
    return found[0] if found else None


def _slugs(c: Context) -> dict[str, str]:
    return {row["title"]: row["slug"] for row in c.rows("SELECT title, slug FROM wiki_articles ORDER BY id")}


def home(c: Context) -> Response:
    day = c.now.toordinal()
    articles = c.rows("SELECT * FROM wiki_articles WHERE kind IN ('town', 'landmark', 'person') ORDER BY id")
    featured = articles[day % len(articles)]
    changes = c.rows(
        "SELECT r.*, a.title, a.slug, p.username FROM wiki_revisions r JOIN wiki_articles a ON a.id = r.article_id "
        "JOIN people p ON p.id = r.person_id ORDER BY r.at DESC, r.id DESC LIMIT 5"
    )
    count = c.value("SELECT count(*) FROM wiki_articles")
    lead = blocks(featured["lead"], _slugs(c))
    lists = c.rows("SELECT * FROM wiki_articles WHERE kind = 'list' ORDER BY title")
    return c.render("home.html", featured=featured, lead=lead, changes=changes, count=count, lists=lists)


def article(c: Context) -> Response:
    found = article_of(c)
    if found is None:
        return c.not_found("This article")
    slugs = _slugs(c)
    sections = [
        {"position": row["position"], "heading": row["heading"], "blocks": blocks(row["body"], slugs)}
        for row in c.rows("SELECT * FROM wiki_sections WHERE article_id = ? ORDER BY position", found["id"])
    ]
    facts = c.rows("SELECT * FROM wiki_facts WHERE article_id = ? ORDER BY id", found["id"])
    watched = c.user is not None and bool(
        c.rows("SELECT 1 FROM wiki_watches WHERE article_id = ? AND person_id = ?", found["id"], c.user_id)
    )
    filed = c.rows(
        "SELECT k.* FROM wiki_filed f JOIN wiki_categories k ON k.id = f.category_id WHERE f.article_id = ? ORDER BY k.name",
        found["id"],
    )
    last = c.rows(
        "SELECT r.at, p.username FROM wiki_revisions r JOIN people p ON p.id = r.person_id WHERE r.article_id = ? "
        "ORDER BY r.at DESC, r.id DESC LIMIT 1",
        found["id"],
    )
    return c.render(
        "article.html", article=found, lead=blocks(found["lead"], slugs), sections=sections, facts=facts, slugs=slugs,
        watched=watched, filed=filed, last=last,
    )  # fmt: skip


def history(c: Context) -> Response:
    found = article_of(c)
    if found is None:
        return c.not_found("This article")
    sql = (
        "SELECT r.*, p.username FROM wiki_revisions r JOIN people p ON p.id = r.person_id WHERE r.article_id = ? "
        "ORDER BY r.at DESC, r.id DESC"
    )
    edits = c.paged(sql, found["id"], per_page=10)
    newest = c.one(sql, found["id"])["id"]
    return c.render("history.html", article=found, edits=edits, newest=newest)


def categories(c: Context) -> Response:
    found = c.rows(
        "SELECT k.*, (SELECT count(*) FROM wiki_filed f WHERE f.category_id = k.id) AS articles FROM wiki_categories k "
        "ORDER BY k.name"
    )
    return c.render("categories.html", categories=found)


def category(c: Context) -> Response:
    found = c.rows("SELECT * FROM wiki_categories WHERE slug = ?", c.values["slug"])
    if not found:
        return c.not_found("This category")
    articles = c.rows(
        "SELECT a.* FROM wiki_filed f JOIN wiki_articles a ON a.id = f.article_id WHERE f.category_id = ? ORDER BY a.title",
        found[0]["id"],
    )
    return c.render("category.html", category=found[0], articles=articles)


def search(c: Context) -> Response:
    words = c.query.get("q", "").split()
    exact = c.rows("SELECT slug FROM wiki_articles WHERE lower(title) = ?", " ".join(words).lower())
    if exact and not c.query.get("p"):
        return c.redirect(f"/a/{exact[0]['slug']}")
    where = " AND ".join([f"{_TEXT} LIKE ? ESCAPE '\\'"] * len(words)) or "0"
    patterns = [f"%{_literal(word)}%" for word in words]
    sql = f"SELECT a.*, {_TEXT} AS text FROM wiki_articles a WHERE {where} ORDER BY a.title LIKE ? DESC, a.title"
    first = f"%{words[0] if words else ''}%"
    found = c.paged(sql, *patterns, first, per_page=10)
    snippets = {row["id"]: _snippet(row["text"], words[0]) for row in found.items} if words else {}
    return c.render("search.html", found=found, snippets=snippets, words=" ".join(words))


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _snippet(text: str, word: str) -> str:
    """Some of the text around a word, without marks."""
    plain = re.sub(r"\s+", " ", re.sub(r"\[\[|\]\]|\|", " ", text))
    place = max(plain.lower().find(word.lower(), len(word)), 0)
    start = max(plain.rfind(" ", 0, max(place - 50, 0)), 0)
    return f"… {plain[start : start + 150].strip()} …"


def suggest(c: Context) -> Response:
    wanted = f"%{_literal(c.query.get('q', ''))}%"
    found = c.rows("SELECT title, slug FROM wiki_articles WHERE title LIKE ? ESCAPE '\\' ORDER BY title LIMIT 7", wanted)
    return c.json([{"label": row["title"], "url": f"/a/{row['slug']}"} for row in found])


def recent(c: Context) -> Response:
    edits = c.paged(
        "SELECT r.*, a.title, a.slug, p.username FROM wiki_revisions r JOIN wiki_articles a ON a.id = r.article_id "
        "JOIN people p ON p.id = r.person_id ORDER BY r.at DESC, r.id DESC",
        per_page=15,
    )
    return c.render("recent.html", edits=edits)


def watchlist(c: Context) -> Response:
    found = c.rows(
        "SELECT a.*, (SELECT max(at) FROM wiki_revisions r WHERE r.article_id = a.id) AS changed FROM wiki_watches w "
        "JOIN wiki_articles a ON a.id = w.article_id WHERE w.person_id = ? ORDER BY a.title",
        c.user_id,
    )
    return c.render("watchlist.html", articles=found)
