"""Writing in the forum: comments, replies, posts, and messages."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.forum_tools import comments, find_post, open_board, some_member, some_post
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES", "TEXTS", "WriteComment"]

TEXTS = (
    "Thank you for writing this down.", "I have the same one and can confirm it.", "Could you tell us how it went?",
    "My experience was a different one.", "This should be pinned somewhere.", "I will try it this weekend.",
)  # fmt: skip
_NEW_POSTS = (
    ("A question about spare parts", "Does anybody know where to get single screws without buying a bag of fifty?"),
    ("Looking for company on Sunday", "I am free in the morning and would like some advice over a cup of coffee."),
    ("My first week", "I am new here and grateful for any hint for beginners. What should I read first?"),
    ("What I would do differently", "Start smaller, write things down, and never work on it when tired."),
)
_COMMENT = "INSERT INTO forum_comments (post_id, parent_id, person_id, body, points, at) VALUES (?, ?, 1, ?, 1, '')"


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
        text, other = rng.sample(TEXTS, 2)
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
        text, other = rng.sample(TEXTS, 2)
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
        params = {"member": member["username"], "subject": rng.choice(self.subjects), "text": rng.choice(TEXTS)}
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
        params = {"member": wanted["username"], "subject": wanted["subject"], "text": rng.choice(TEXTS)}
        effect = [_message({"id": wanted["from_id"]}, {**params, "subject": f"Re: {wanted['subject']}"})]
        return Instance(params=params, effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield page.click("Messages", "The message is in my inbox.", "link")
        page = yield page.click(p["subject"], f"This is the message from {p['member']}.", "link")
        page = yield page.click("Answer", "This starts the answer.", "link")
        page = yield page.fill("Message", p["text"], "This is the text of the answer.")
        yield page.click("Send message", "The other fields are filled in already.", "button")
        yield done("The answer was sent.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"a new message": SendMessage().oracle, "not sent": half_done(self.oracle, "Send message")}


TEMPLATES = (WriteComment(), ReplyTo(), WritePost(), SendMessage(), AnswerMessage())
