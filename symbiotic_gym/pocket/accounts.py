"""Signing in and out, the same on every site: one account a person, by username or e-mail address."""

from starlette.responses import Response

from symbiotic_gym.pocket.web import Context, Route, SiteApp

__all__ = ["routes"]


def routes(site: SiteApp) -> list[Route]:
    """The routes every site has, unless it has its own."""
    own = {route.path for route in site.routes}
    shared = [Route("/login", ("GET", "POST"), _login, login=False), Route("/logout", ("POST",), _logout, login=False)]
    return [route for route in shared if route.path not in own]


def _login(c: Context) -> Response:
    wanted = c.query.get("next", "/")
    wanted = wanted if wanted.startswith("/") and not wanted.startswith("//") else "/"
    if c.method == "POST":
        name, password = c.require("username", "Username or e-mail"), c.require("password", "Password")
        if not c.errors:
            found = c.rows("SELECT * FROM people WHERE (username = ? OR email = ?) AND password = ?", name, name, password)
            if not found:
                c.errors["password"] = "These do not match an account."
            elif not c.site.may_enter(c, found[0]["id"]):
                c.errors["username"] = "This account may not enter here."
            else:
                c.sign_in(found[0]["id"])
                c.flash(f"Welcome back, {found[0]['first']}.")
                return c.redirect(wanted)
    return c.render("shared/login.html", form=c.form)


def _logout(c: Context) -> Response:
    if c.user is not None:
        c.sign_in(None)
        c.flash("You are signed out.", "info")
    return c.redirect("/")
