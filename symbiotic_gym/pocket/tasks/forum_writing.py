"""Writing in the forum: comments, replies, posts, messages, and changing or deleting one's own."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.forum_tools import comments, find_post, open_board, open_own_post, some_member, some_post
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_TEXTS = (
    "Thank you for writing this down.", "I have the same one and can confirm it.", "Could you tell us how it went?",
    "My experience was a different one.", "This should be pinned somewhere.", "I will try it this weekend.",
)  # fmt: skip
_NEW_POSTS = (
    ("A question about spare parts", "Does anybody know where to get single screws without buying a bag of fifty?"),
    ("Looking for company on Sunday", "I am free in the morning and would like some advice over a cup of coffee."),
    ("My first week", "I am new here and grateful for any hint for beginners. What should I read first?"),
    ("What I would do differently", "Start smaller, write things down, and never work on it when tired."),
)
_BIOS = ("Collects maps and loses keys.", "Happy with two pans and one good knife.", "Mostly outdoors.", "Asks before buying.")
_COMMENT = "INSERT INTO forum_comments (post_id, parent_id, person_id, body, points, at) VALUES (?, ?, 1, ?, 1, '')"


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
        line, other = rng.sample(_BIOS, 2)
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


class WriteComment(Template):
    """Finding a post and writing below it."""

    site, name, level, split = "forum", "write-comment", 2, "train"
    wordings = (
        "Write the comment “{text}” below the post “{title}”.",
        "Comment on the post “{title}”: “{text}”",
        "Find “{title}” in the forum and leave this comment there: “{text}”",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, "person_id > 1")
        text, other = rng.sample(_TEXTS, 2)
        effect = [(_COMMENT, (post["id"], None, text))]
        return Instance(params={"title": post["title"], "text": text}, effect=effect, near={"text": other})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        page = yield page.fill("Your comment", p["text"], "The comment goes into this field.")
        yield page.click("Post comment", "This posts the comment.", "button")
        yield done("The comment stands below the post.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another text": misheard(self.oracle, text=instance.near["text"]),
            "not posted": half_done(self.oracle, "Post comment"),
        }


class ReplyTo(Template):
    """An answer has to go below the right comment, not below the post."""

    site, name, level, split = "forum", "reply-to", 3, "test"
    wordings = (
        "Reply “{text}” to {member}'s comment on the post “{title}”.",
        "{member} commented on “{title}”. Answer that comment with “{text}”.",
        "Below “{title}”, post “{text}” as a reply to what {member} wrote.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = world.rows(
            "SELECT c.id, c.post_id, u.username, p.title FROM forum_comments c JOIN people u ON u.id = c.person_id "
            "JOIN forum_listed p ON p.id = c.post_id WHERE u.id > 1 AND p.kind <> 'twice' AND p.comments > 1 "
            "GROUP BY c.post_id, u.id HAVING count(*) = 1 ORDER BY c.id"
        )
        wanted = rng.choice(found)
        text, other = rng.sample(_TEXTS, 2)
        params = {"member": wanted["username"], "title": wanted["title"], "text": text}
        return Instance(params=params, effect=[(_COMMENT, (wanted["post_id"], wanted["id"], text))], near={"text": other})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        card = next(card for writer, card in comments(page) if writer == p["member"])
        page = yield card.click("Reply", f"This answers the comment by {p['member']}.", "link")
        page = yield page.fill("Text", p["text"], "The reply goes into this field.")
        yield page.click("Post reply", "This posts the reply.", "button")
        yield done("The reply stands below the comment.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "below the post": WriteComment().oracle,
            "another text": misheard(self.oracle, text=instance.near["text"]),
            "not posted": half_done(self.oracle, "Post reply"),
        }


class WritePost(Template):
    """A form with two fields, on the right board."""

    site, name, level, split = "forum", "write-post", 3, "train"
    wordings = (
        "Publish a post on the board {board} with the title “{title}” and the text “{text}”.",
        "Start a discussion on {board}. Title: “{title}”. Text: “{text}”",
        "On the board {board}, write a new post called “{title}” that says “{text}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        board, other = rng.sample(world.rows("SELECT * FROM forum_boards ORDER BY id"), 2)
        title, text = rng.choice(_NEW_POSTS)
        effect = [
            ("INSERT INTO forum_posts (board_id, person_id, title, body, kind, points, at) VALUES (?, 1, ?, ?, 'own', 1, '')",
             (board["id"], title, text)),
        ]  # fmt: skip
        params = {"board": board["name"], "title": title, "text": text}
        return Instance(params=params, effect=effect, near={"board": other["name"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_board(page, p["board"])
        page = yield page.click("New post", "This starts a new post.", "link")
        page = yield page.fill("Title", p["title"], "This is the title.")
        page = yield page.fill("Text", p["text"], "This is the text.")
        yield page.click("Publish post", "Title and text are filled in.", "button")
        yield done("The post was published.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another board": misheard(self.oracle, board=instance.near["board"]),
            "not published": half_done(self.oracle, "Publish post"),
        }


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
        other = rng.choice(("Solved", "Update", "Still looking for answers", "An honest report")) + f" ({post['comments']} answers)"
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
        text, other = rng.sample(_TEXTS, 2)
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
        wanted, other = rng.sample(world.rows("SELECT * FROM forum_listed WHERE person_id = 1 AND kind <> 'twice' ORDER BY id"), 2)
        effect = [("UPDATE forum_posts SET deleted = 1 WHERE id = ?", (wanted["id"],))]
        return Instance(params={"title": wanted["title"]}, effect=effect, near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from open_own_post(page, p["title"])
        page = yield page.click("Delete post", "The post is mine, so I can delete it.", "button")
        yield page.click("Confirm", "The page asks back whether to delete it.", "button")
        yield done("The post was deleted.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"another post": misheard(self.oracle, title=instance.near["title"]), "not confirmed": half_done(self.oracle, "Confirm")}


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


class SendMessage(Template):
    """A form with three fields."""

    site, name, level, split = "forum", "send-message", 2, "train"
    wordings = (
        "Send {member} a private message with the subject “{subject}” and the text “{text}”.",
        "Write to the member {member}. Subject: “{subject}”. Message: “{text}”",
        "Let {member} know by private message: “{text}” The subject is “{subject}”.",
    )
    subjects = ("Saturday", "Your offer", "A question", "Thanks")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        member = some_member(world, rng)
        other = some_member(world, rng, "u.id <> ?", member["id"])
        params = {"member": member["username"], "subject": rng.choice(self.subjects), "text": rng.choice(_TEXTS)}
        return Instance(params=params, effect=[_message(member, params)], near={"member": other["username"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Messages", "Messages are written there.", "link")
        page = yield page.click("Write a message", "This starts a message.", "link")
        page = yield page.fill("To", p["member"], "This is who gets it.")
        page = yield page.fill("Subject", p["subject"], "This is the subject.")
        page = yield page.fill("Message", p["text"], "This is the text.")
        yield page.click("Send message", "Everything is filled in.", "button")
        yield done("The message was sent.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "to another member": misheard(self.oracle, member=instance.near["member"]),
            "not sent": half_done(self.oracle, "Send message"),
        }


def _message(member: Any, params: Params) -> tuple[str, tuple[Any, ...]]:
    sql = "INSERT INTO forum_messages (from_id, to_id, subject, body, at) VALUES (1, ?, ?, ?, '')"
    return (sql, (member["id"], params["subject"], params["text"]))


class AnswerMessage(Template):
    """An answer to a message keeps its subject."""

    site, name, level, split = "forum", "answer-message", 3, "dev"
    wordings = (
        "Answer {member}'s message “{subject}” with “{text}”. Leave the subject as the answer form has it.",
        "{member} wrote me the message “{subject}”. Answer it, without touching the subject line: “{text}”",
        "Use the answer button below {member}'s message “{subject}” and write “{text}”.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = world.rows(
            "SELECT m.*, u.username FROM forum_messages m JOIN people u ON u.id = m.from_id WHERE m.to_id = 1 ORDER BY m.id"
        )
        wanted = rng.choice(found)
        params = {"member": wanted["username"], "subject": wanted["subject"], "text": rng.choice(_TEXTS)}
        effect = [_message({"id": wanted["from_id"]}, {**params, "subject": f"Re: {wanted['subject']}"})]
        return Instance(params=params, effect=effect, private=(wanted["username"],))

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Messages", "The message is in my inbox.", "link")
        page = yield page.click(p["subject"], f"This is the message from {p['member']}.", "link")
        page = yield page.click("Answer", "This starts the answer.", "link")
        page = yield page.fill("Message", p["text"], "This is the text of the answer.")
        yield page.click("Send message", "The other fields are filled in already.", "button")
        yield done("The answer was sent.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"a new message": SendMessage().oracle, "not sent": half_done(self.oracle, "Send message")}


TEMPLATES = (
    ChangeBio(), MailSetting(), WriteComment(), ReplyTo(), WritePost(), EditTitle(), EditComment(), DeletePost(), DeleteDouble(),
    SendMessage(), AnswerMessage(),
)  # fmt: skip
