"""Changing the wiki: sections, facts and categories of an article, new articles, undoing the last edit, watching."""

from starlette.responses import Response

from symbiotic_gym.pocket.apps.wiki_pages import article_of
from symbiotic_gym.pocket.web import Context, SiteApp
from symbiotic_gym.pocket.world.wiki import slug

__all__ = ["add"]


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.form("/new", login=True)(new)
    site.form("/a/{slug}/facts", login=True)(facts)
    site.form("/a/{slug}/categories", login=True)(categories)
    site.form("/a/{slug}/edit/{position:int}", login=True)(section)
    site.form("/a/{slug}/add", login=True)(add_section)
    site.post("/a/{slug}/watch", login=True)(watch)
    site.post("/a/{slug}/undo", login=True)(undo)


def _note(c: Context, article_id: int, summary: str, section_id: int | None = None, before: str | None = None) -> None:
    """Enter an edit into an article's history."""
    minor = int(c.form.get("minor", "") == "1")
    c.db.execute(
        "INSERT INTO wiki_revisions (article_id, person_id, at, summary, minor, section_id, before) VALUES (?, ?, ?, "
        "?, ?, ?, ?)",
        (article_id, c.user_id, c.now.isoformat(sep=" "), summary, minor, section_id, before),
    )


def section(c: Context) -> Response:
    article = article_of(c)
    found = [] if article is None else c.rows(
        "SELECT * FROM wiki_sections WHERE article_id = ? AND position = ?", article["id"], c.values["position"]
    )  # fmt: skip
    if not found:
        return c.not_found("This section")
    if c.method == "POST":
        body = c.require("body", "Text", longest=4000)
        if not c.errors:
            c.db.execute("UPDATE wiki_sections SET body = ? WHERE id = ?", (body, found[0]["id"]))
            _note(c, article["id"], c.form.get("summary") or f"Edited {found[0]['heading']}", found[0]["id"], found[0]["body"])
            c.flash(f"The section {found[0]['heading']} was saved.")
            return c.redirect(f"/a/{article['slug']}")
    return c.render("edit_section.html", article=article, section=found[0])


def add_section(c: Context) -> Response:
    article = article_of(c)
    if article is None:
        return c.not_found("This article")
    if c.method == "POST":
        heading, body = c.require("heading", "Heading", longest=60), c.require("body", "Text", longest=4000)
        same = c.rows("SELECT 1 FROM wiki_sections WHERE article_id = ? AND lower(heading) = ?", article["id"], heading.lower())
        if same:
            c.errors["heading"] = "The article has a section of this name."
        if not c.errors:
            last = c.value("SELECT coalesce(max(position), 0) FROM wiki_sections WHERE article_id = ?", article["id"])
            c.db.execute(
                "INSERT INTO wiki_sections (article_id, position, heading, body) VALUES (?, ?, ?, ?)",
                (article["id"], last + 1, heading, body),
            )
            _note(c, article["id"], c.form.get("summary") or f"Added {heading}")
            c.flash(f"The section {heading} was added.")
            return c.redirect(f"/a/{article['slug']}")
    return c.render("add_section.html", article=article)


def facts(c: Context) -> Response:
    article = article_of(c)
    if article is None:
        return c.not_found("This article")
    rows = c.rows("SELECT * FROM wiki_facts WHERE article_id = ? ORDER BY id", article["id"])
    if c.method == "POST":
        values = {row["id"]: c.require(f"fact{row['id']}", row["name"], longest=80) for row in rows}
        if not c.errors:
            for fact, value in values.items():
                c.db.execute("UPDATE wiki_facts SET value = ? WHERE id = ?", (value, fact))
            _note(c, article["id"], c.form.get("summary") or "Edited the facts")
            c.flash(f"The facts about {article['title']} were saved.")
            return c.redirect(f"/a/{article['slug']}")
    return c.render("edit_facts.html", article=article, facts=rows)


def categories(c: Context) -> Response:
    article = article_of(c)
    if article is None:
        return c.not_found("This article")
    known = c.rows("SELECT * FROM wiki_categories ORDER BY name")
    filed = {row["category_id"] for row in c.rows("SELECT category_id FROM wiki_filed WHERE article_id = ?", article["id"])}
    if c.method == "POST":
        chosen = [row["id"] for row in known if str(row["id"]) in c.many("category")]
        if not chosen:
            c.errors["category"] = "An article needs at least one category."
        else:
            c.db.execute("DELETE FROM wiki_filed WHERE article_id = ?", (article["id"],))
            for category in chosen:
                c.db.execute("INSERT INTO wiki_filed (article_id, category_id) VALUES (?, ?)", (article["id"], category))
            _note(c, article["id"], "Changed the categories")
            c.flash(f"The categories of {article['title']} were saved.")
            return c.redirect(f"/a/{article['slug']}")
    return c.render("edit_categories.html", article=article, categories=known, filed=filed)


def new(c: Context) -> Response:
    known = c.rows("SELECT * FROM wiki_categories ORDER BY name")
    if c.method == "POST":
        title, lead = c.require("title", "Title", longest=80), c.require("lead", "Introduction", longest=1000)
        category = c.form.get("category", "")
        if title and (not slug(title) or c.rows("SELECT 1 FROM wiki_articles WHERE slug = ? COLLATE NOCASE", slug(title))):
            c.errors["title"] = "There is an article of this title."
        if category not in [str(row["id"]) for row in known]:
            c.errors["category"] = "Choose a category."
        if not c.errors:
            cursor = c.db.execute(
                "INSERT INTO wiki_articles (title, slug, kind, lead) VALUES (?, ?, 'article', ?)", (title, slug(title), lead)
            )
            article = int(cursor.lastrowid or 0)
            c.db.execute("INSERT INTO wiki_filed (article_id, category_id) VALUES (?, ?)", (article, int(category)))
            _note(c, article, "Created the article")
            c.flash(f"The article {title} was created.")
            return c.redirect(f"/a/{slug(title)}")
    return c.render("new.html", categories=known)


def watch(c: Context) -> Response:
    article = article_of(c)
    if article is None:
        return c.not_found("This article")
    if c.form.get("on") == "1":
        c.db.execute("INSERT OR IGNORE INTO wiki_watches (person_id, article_id) VALUES (?, ?)", (c.user_id, article["id"]))
        c.flash(f"{article['title']} is on your watch list now.")
    else:
        c.db.execute("DELETE FROM wiki_watches WHERE person_id = ? AND article_id = ?", (c.user_id, article["id"]))
        c.flash(f"{article['title']} is no longer on your watch list.", "info")
    return c.redirect("/watchlist" if c.form.get("from") == "watchlist" else f"/a/{article['slug']}")


def undo(c: Context) -> Response:
    article = article_of(c)
    if article is None:
        return c.not_found("This article")
    last = c.one(
        "SELECT r.*, p.username FROM wiki_revisions r JOIN people p ON p.id = r.person_id WHERE article_id = ? "
        "ORDER BY r.at DESC, r.id DESC",
        article["id"],
    )
    if last["section_id"] is None or str(last["id"]) != c.form.get("edit"):
        return c.forbidden("Only the newest edit of a section can be undone.")
    now = c.value("SELECT body FROM wiki_sections WHERE id = ?", last["section_id"])
    c.db.execute("UPDATE wiki_sections SET body = ? WHERE id = ?", (last["before"], last["section_id"]))
    _note(c, article["id"], f"Undid the edit by {last['username']}", last["section_id"], now)
    c.flash(f"The edit by {last['username']} was undone.")
    return c.redirect(f"/a/{article['slug']}/history")
