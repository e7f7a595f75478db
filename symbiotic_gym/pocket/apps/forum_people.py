"""The forum's people: the list of members, what somebody wrote, and one's own settings."""

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, SiteApp

__all__ = ["add"]

_WROTE = (
    "(SELECT count(*) FROM forum_posts p WHERE p.person_id = u.id AND NOT p.deleted) AS posts, "
    "(SELECT count(*) FROM forum_comments c WHERE c.person_id = u.id AND NOT c.deleted) AS comments"
)


def add(site: SiteApp) -> None:
    """Give the site these pages."""
    site.get("/members")(members)
    site.get("/u/{username}")(profile)
    site.form("/settings", login=True)(settings)


def members(c: Context) -> Response:
    found = c.paged(
        f"SELECT u.username, f.joined, {_WROTE} FROM people u JOIN forum_profiles f ON f.person_id = u.id WHERE NOT f.hidden "
        "ORDER BY u.username",
        per_page=15,
    )
    return c.render("members.html", members=found)


def profile(c: Context) -> Response:
    found = c.rows(
        f"SELECT u.id, u.username, f.*, {_WROTE} FROM people u JOIN forum_profiles f ON f.person_id = u.id WHERE "
        f"u.username = ?",
        c.values["username"],
    )
    if not found:
        return c.not_found("This member")
    shown = "comments" if c.query.get("show") == "comments" else "posts"
    if shown == "posts":
        items = c.paged("SELECT * FROM forum_listed WHERE person_id = ? ORDER BY at DESC, id DESC", found[0]["id"], per_page=10)
    else:
        items = c.paged(
            "SELECT c.*, p.title, b.name AS board FROM forum_comments c JOIN forum_posts p ON p.id = c.post_id "
            "JOIN forum_boards b ON b.id = p.board_id WHERE c.person_id = ? AND NOT c.deleted AND NOT p.deleted ORDER "
            "BY c.at DESC, c.id DESC",
            found[0]["id"],
            per_page=10,
        )
    return c.render("profile.html", member=found[0], shown=shown, found=items)


def settings(c: Context) -> Response:
    if c.method == "POST":
        bio = c.require("bio", "About me", longest=200)
        if not c.errors:
            c.db.execute(
                "UPDATE forum_profiles SET bio = ?, mails = ?, hidden = ? WHERE person_id = ?",
                (bio, int("mails" in c.form), int("hidden" in c.form), c.user_id),
            )
            c.flash("Your settings were saved.")
            return c.redirect("/settings")
    return c.render("settings.html", profile=c.one("SELECT * FROM forum_profiles WHERE person_id = ?", c.user_id))
