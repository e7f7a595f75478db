"""Changing one's own things in the forum: settings, posts, comments."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.forum_tools import find_post, open_own_post, some_post
from symbiotic_gym.pocket.tasks.forum_writing import TEXTS, WriteComment
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

BIOS = ("Collects maps and loses keys.", "Happy with two pans and one good knife.", "Mostly outdoors.", "Asks before buying.")


class ChangeBio(Template):
    """One field of a short form."""

    site, name, level, split = "forum", "change-bio", 1, "train"
    start = "/settings"
    wordings = (
        "Change the line about me to “{line}”.",
        "In my forum settings, replace what stands under “About me” with “{line}”.",
        "My profile should say “{line}” about me. Set that.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        line, other = rng.sample(BIOS, 2)
        effect = [("UPDATE forum_profiles SET bio = ? WHERE person_id = 1", (line,))]
        return Instance(params={"line": line}, effect=effect, near={"line": other})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.fill("About me", p["line"], "This field holds the line about me.")
        yield page.click("Save settings", "The change has to be saved.", "button")
        yield done("The settings were saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another line": misheard(self.oracle, line=instance.near["line"]),
            "not saved": half_done(self.oracle, "Save settings"),
        }


class MailSetting(Template):
    """One box of a short form."""

    site, name, level, split = "forum", "mail-setting", 1, "test"
    start = "/settings"
    wordings = (
        "I want to {change} mails when somebody answers me in the forum.",
        "Set my forum account so that I {change} mails about answers.",
        "From now on I would like to {change} mails when there is an answer for me.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        now = world.value("SELECT mails FROM forum_profiles WHERE person_id = 1")
        effect = [("UPDATE forum_profiles SET mails = ? WHERE person_id = 1", (1 - now,))]
        return Instance(params={"change": "get no more" if now else "get"}, effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        box, on = "Send me a mail when somebody answers", p["change"] == "get"
        page = yield page.check(box, f"This box must be {'ticked' if on else 'empty'}.", on=on)
        yield page.click("Save settings", "The change has to be saved.", "button")
        yield done("The settings were saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def hidden(page: Page, p: Params) -> Play:
            on = "checked" not in page.find("Hide me from the list of members", "checkbox").line
            page = yield page.check("Hide me from the list of members", "This box is about me.", on=on)
            yield page.click("Save settings", "The change has to be saved.", "button")
            yield done("The settings were saved.")

        return {"not saved": half_done(self.oracle, "Save settings"), "another box": hidden}


class EditTitle(Template):
    """Changing one field of an own post and leaving the other."""

    site, name, level, split = "forum", "edit-title", 3, "train"
    wordings = (
        "Change the title of my post “{title}” to “{other}”.",
        "Rename my post “{title}”; it should be called “{other}”.",
        "My post “{title}” needs a better title. Make it “{other}” and leave the text as it is.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, "person_id = 1")
        other = (
            rng.choice(("Solved", "Update", "Still looking for answers", "An honest report")) + f" ({post['comments']} answers)"
        )
        effect = [("UPDATE forum_posts SET title = ? WHERE id = ?", (other, post["id"]))]
        return Instance(params={"title": post["title"], "other": other}, effect=effect, near={"other": f"{other}!?"})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_own_post(page, p["title"])
        page = yield page.click("Edit post", "The post is mine, so I can edit it.", "link")
        page = yield page.fill("Title", p["other"], "This is the new title.")
        yield page.click("Save changes", "The change has to be saved.", "button")
        yield done("The post has its new title.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another title": misheard(self.oracle, other=instance.near["other"]),
            "not saved": half_done(self.oracle, "Save changes"),
        }


class EditComment(Template):
    """An own comment, found through the profile."""

    site, name, level, split = "forum", "edit-comment", 3, "dev"
    wordings = (
        "On the post “{title}”, change my comment “{old}” to “{text}”.",
        "I wrote “{old}” below “{title}”. Make that “{text}” instead.",
        "Replace my comment “{old}” on “{title}” with “{text}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = world.rows(
            "SELECT c.*, p.title FROM forum_comments c JOIN forum_listed p ON p.id = c.post_id WHERE c.person_id = 1 "
            "AND p.kind <> 'twice' GROUP BY c.post_id HAVING count(*) = 1 ORDER BY c.id"
        )
        wanted = rng.choice(found)
        text, other = rng.sample(TEXTS, 2)
        effect = [("UPDATE forum_comments SET body = ? WHERE id = ?", (text, wanted["id"]))]
        params = {"title": wanted["title"], "old": wanted["body"], "text": text}
        return Instance(params=params, effect=effect, near={"text": other})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        page = yield page.click("Edit comment", "The comment is mine, so I can edit it.", "link", below=p["old"])
        page = yield page.fill("Text", p["text"], "This is the new text.")
        yield page.click("Save comment", "The change has to be saved.", "button")
        yield done("The comment was changed.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another text": misheard(self.oracle, text=instance.near["text"]),
            "a second comment": WriteComment().oracle,
            "not saved": half_done(self.oracle, "Save comment"),
        }


class DeletePost(Template):
    """A button that asks back."""

    site, name, level, split = "forum", "delete-post", 2, "train"
    wordings = (
        "Delete my post “{title}”.",
        "I regret having written “{title}”. Delete this post of mine.",
        "Remove the post “{title}”, which I wrote, from the forum.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        wanted, other = rng.sample(
            world.rows("SELECT * FROM forum_listed WHERE person_id = 1 AND kind <> 'twice' ORDER BY id"), 2
        )
        effect = [("UPDATE forum_posts SET deleted = 1 WHERE id = ?", (wanted["id"],))]
        return Instance(params={"title": wanted["title"]}, effect=effect, near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_own_post(page, p["title"])
        page = yield page.click("Delete post", "The post is mine, so I can delete it.", "button")
        yield page.click("Confirm", "The page asks back whether to delete it.", "button")
        yield done("The post was deleted.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another post": misheard(self.oracle, title=instance.near["title"]),
            "not confirmed": half_done(self.oracle, "Confirm"),
        }


class DeleteDouble(Template):
    """The right one of two posts of the same title."""

    site, name, level, split = "forum", "delete-double", 4, "test"
    wordings = (
        "I posted “{title}” on two boards. Delete the one that has fewer comments.",
        "My post “{title}” stands on two boards. Keep the one with more comments and delete the other.",
        "By mistake I published “{title}” twice, on different boards. Remove the post that got fewer comments.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        posts = world.rows("SELECT * FROM forum_listed WHERE kind = 'twice' ORDER BY comments, id")
        effect = [("UPDATE forum_posts SET deleted = 1 WHERE id = ?", (posts[0]["id"],))]
        return Instance(params={"title": posts[0]["title"]}, effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        yield from self._delete(page, p, 0)

    def _delete(self, page: Page, p: Params, which: int) -> Play:
        page = yield page.click("My profile", "My posts are listed on my profile.", "link")
        rows = [row for row in page.rows() if p["title"] in row.cells]
        rows.sort(key=lambda row: int(row.cells[-1].split()[0]))
        page = yield rows[which].page.click(p["title"], f"This is the one with {rows[which].cells[-1]}.", "link")
        page = yield page.click("Delete post", "This deletes the post.", "button")
        yield page.click("Confirm", "The page asks back whether to delete it.", "button")
        yield done("One of the two posts is left.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def other(page: Page, p: Params) -> Play:
            yield from self._delete(page, p, 1)

        return {"the other one": other, "not confirmed": half_done(self.oracle, "Confirm")}


TEMPLATES = (ChangeBio(), MailSetting(), EditTitle(), EditComment(), DeletePost(), DeleteDouble())
