"""Small changes to posts of others: votes, saving, reporting."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from symbiotic_gym.pocket.plays import half_done, misheard
from symbiotic_gym.pocket.reading import Page, done
from symbiotic_gym.pocket.tasks.forum_tools import comments, find_post, some_post
from symbiotic_gym.pocket.template import Instance, Params, Play, Player, Template

if TYPE_CHECKING:
    from symbiotic_gym.pocket.world import World

__all__ = ["TEMPLATES"]

_UNTOUCHED = (
    "person_id > 1 AND id NOT IN (SELECT target_id FROM forum_votes WHERE person_id = 1 AND kind = 'post') "
    "AND id NOT IN (SELECT post_id FROM forum_saved WHERE person_id = 1)"
)
_VOTE = "INSERT INTO forum_votes (person_id, kind, target_id, value) VALUES (1, ?, ?, ?)"


class UpvoteHere(Template):
    """One button on the open page."""

    site, name, level, split = "forum", "upvote-here", 1, "train"
    wordings = (
        "Upvote the post “{title}”, which is open.",
        "I like this post, “{title}”. Upvote it.",
        "Give the open post “{title}” an upvote.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, _UNTOUCHED + " AND comments < 4")
        return Instance(params={"title": post["title"]}, start=f"/post/{post['id']}", effect=[(_VOTE, ("post", post["id"], 1))])

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click("Upvote post", "This button upvotes the post.", "button")
        yield done("The page says that the vote was counted.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"downvoted": _downvote, "saved instead": _save}


def _downvote(page: Page, p: Params) -> Play:
    yield page.click("Downvote post", "This button votes on the post.", "button")
    yield done("The vote was counted.")


def _save(page: Page, p: Params) -> Play:
    yield page.click("Save post", "This keeps the post.", "button")
    yield done("It is done.")


class SaveHere(Template):
    """One button on the open page, among others."""

    site, name, level, split = "forum", "save-here", 1, "train"
    wordings = (
        "Put the open post “{title}” among my saved posts.",
        "Save this post, “{title}”, for later.",
        "I want to find “{title}” again: save the post that is open.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, _UNTOUCHED + " AND comments < 4")
        effect = [("INSERT INTO forum_saved (person_id, post_id) VALUES (1, ?)", (post["id"],))]
        return Instance(params={"title": post["title"]}, start=f"/post/{post['id']}", effect=effect)

    def oracle(self, page: Page, p: Params) -> Play:
        yield page.click("Save post", "This button saves the post.", "button")
        yield done("The post is saved.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {"downvoted instead": _downvote, "not pressed": half_done(self.oracle, "Save post")}


class VoteFor(Template):
    """Finding a post, and voting the right way."""

    site, name, level, split = "forum", "vote", 2, "dev"
    wordings = (
        "Find the post “{title}” in the forum and {vote} it.",
        "Please {vote} the post called “{title}”.",
        "There is a post “{title}”. Find it and {vote} it.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        vote, other = rng.sample(("upvote", "downvote"), 2)
        post = some_post(world, rng, _UNTOUCHED)
        effect = [(_VOTE, ("post", post["id"], 1 if vote == "upvote" else -1))]
        near = {"vote": other, "title": some_post(world, rng, _UNTOUCHED + " AND id <> ?", post["id"])["title"]}
        return Instance(params={"title": post["title"], "vote": vote}, effect=effect, near=near)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        yield page.click(f"{p['vote'].capitalize()} post", f"This is the button to {p['vote']} the post.", "button")
        yield done("The page says that the vote was counted.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "the other vote": misheard(self.oracle, vote=instance.near["vote"]),
            "another post": misheard(self.oracle, title=instance.near["title"]),
        }


class TakeBackVote(Template):
    """Undoing what was done before: neither a vote the other way nor anything else."""

    site, name, level, split = "forum", "take-back-vote", 3, "test"
    wordings = (
        "I upvoted the post “{title}” by mistake. Take the vote back.",
        "Undo my upvote of “{title}”; I do not want to have voted on that post at all.",
        "Remove my upvote from the post “{title}” without voting anew.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        voted = "id IN (SELECT target_id FROM forum_votes WHERE person_id = 1 AND kind = 'post' AND value = 1)"
        wanted = some_post(world, rng, voted)
        other = some_post(world, rng, voted + " AND id <> ?", wanted["id"])
        effect = [("DELETE FROM forum_votes WHERE person_id = 1 AND kind = 'post' AND target_id = ?", (wanted["id"],))]
        return Instance(params={"title": wanted["title"]}, effect=effect, near={"title": other["title"]})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        yield page.click("Take back upvote", "The post has my upvote, which this button removes.", "button")
        yield done("The page says that the vote was taken back.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def downvoted(page: Page, p: Params) -> Play:
            page = yield from find_post(page, p["title"])
            yield from _downvote(page, p)

        return {"voted the other way": downvoted, "another post": misheard(self.oracle, title=instance.near["title"])}


class UpvoteAllOf(Template):
    """Several comments of one person among those of others, by people and answers with the same look."""

    site, name, level, split = "forum", "upvote-all-of", 4, "train"
    wordings = (
        "Upvote every comment that {member} wrote below the post “{title}”.",
        "Below “{title}”, give each comment by {member} an upvote.",
        "{member} said good things in the discussion of “{title}”. Upvote all of these comments, and no others.",
    )

    def draw(self, world: "World", rng: random.Random) -> Instance:
        found = world.rows(
            "SELECT c.post_id, c.person_id, u.username, p.title FROM forum_comments c JOIN people u ON u.id = c.person_id "
            "JOIN forum_listed p ON p.id = c.post_id WHERE c.person_id > 1 AND p.kind <> 'twice' AND "
            "EXISTS (SELECT 1 FROM forum_comments o WHERE o.post_id = c.post_id AND o.person_id NOT IN (1, c.person_id)) "
            "GROUP BY c.post_id, c.person_id HAVING count(*) > 1 ORDER BY c.post_id, c.person_id"
        )
        wanted = rng.choice(found)
        ids = world.rows(
            "SELECT id FROM forum_comments WHERE post_id = ? AND person_id = ? ORDER BY id",
            wanted["post_id"],
            wanted["person_id"],
        )
        other = world.one(
            "SELECT u.username FROM forum_comments c JOIN people u ON u.id = c.person_id WHERE c.post_id = ? AND u.id "
            "NOT IN (1, ?) "
            "ORDER BY c.id",
            wanted["post_id"],
            wanted["person_id"],
        )
        effect = [(_VOTE, ("comment", row["id"], 1)) for row in ids]
        near = {"member": other["username"]}
        return Instance(params={"member": wanted["username"], "title": wanted["title"]}, effect=effect, near=near)

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        for number, (writer, _) in enumerate(comments(page)):
            if writer == p["member"]:
                page = yield comments(page)[number][1].click("Upvote", f"This comment is by {writer}.", "button")
        yield done(f"All comments by {p['member']} have my upvote.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        def only_first(page: Page, p: Params) -> Play:
            page = yield from find_post(page, p["title"])
            card = next(card for writer, card in comments(page) if writer == p["member"])
            yield card.click("Upvote", f"This comment is by {p['member']}.", "button")
            yield done("The comment has my upvote.")

        return {"only the first": only_first, "another member": misheard(self.oracle, member=instance.near["member"])}


class ReportPost(Template):
    """A short form with a choice."""

    site, name, level, split = "forum", "report-post", 2, "train"
    wordings = (
        "Report the post “{title}” to the moderators for this reason: {reason}.",
        "The post “{title}” breaks the rules ({reason}). Report it.",
        "Send the moderators a report on “{title}”. Reason: {reason}.",
    )
    reasons = ("Spam", "Unkind", "Off topic", "Wrong board")

    def draw(self, world: "World", rng: random.Random) -> Instance:
        post = some_post(world, rng, _UNTOUCHED)
        reason, other = rng.sample(self.reasons, 2)
        effect = [("INSERT INTO forum_reports (person_id, post_id, reason) VALUES (1, ?, ?)", (post["id"], reason))]
        return Instance(params={"title": post["title"], "reason": reason}, effect=effect, near={"reason": other})

    def oracle(self, page: Page, p: Params) -> Play:
        page = yield from find_post(page, p["title"])
        page = yield page.click("Report post", "Here the post can be reported.", "link")
        page = yield page.select("Reason", p["reason"], f"The reason is: {p['reason']}.")
        yield page.click("Send report", "This sends the report.", "button")
        yield done("The page thanks for the report.")

    def misses(self, instance: Instance) -> Mapping[str, Player]:
        return {
            "another reason": misheard(self.oracle, reason=instance.near["reason"]),
            "not sent": half_done(self.oracle, "Send report"),
        }


TEMPLATES = (UpvoteHere(), SaveHere(), VoteFor(), TakeBackVote(), UpvoteAllOf(), ReportPost())
