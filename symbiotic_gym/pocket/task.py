"""A pocket instance as a BrowserGym task. Runs in the browser's worker process, beside the server whose world it judges."""

from typing import Any

from browsergym.core.task import AbstractBrowserTask
from playwright.sync_api import Page

from symbiotic_gym.pocket.instances import Drawn, judge
from symbiotic_gym.pocket.server import PocketServer
from symbiotic_gym.pocket.web import COOKIE

__all__ = ["PocketTask"]


class PocketTask(AbstractBrowserTask):  # type: ignore[misc] # browsergym is not typed
    """One instance. It ends when the agent says something (`send_msg_to_user`) or reports it infeasible, and is judged then.

    Args:
        seed: of the instance.
        drawn: the instance.
        server: serves its sites.
        theme: how they are arranged, of `symbiotic_gym.pocket.pages.THEMES`.
    """

    def __init__(self, seed: int, drawn: Drawn, server: PocketServer, theme: str) -> None:
        super().__init__(seed)
        self.viewport = {"width": 1280, "height": 720}
        self.slow_mo = 0
        self.timeout = 10_000
        self.drawn, self.server, self.theme = drawn, server, theme
        self.verdict = ""
        """After the end: what was wrong, empty when nothing was."""

    @classmethod
    def get_task_id(cls) -> str:
        return "pocket"

    def setup(self, page: Page) -> tuple[str, dict[str, Any]]:
        """Restore the world, sign the person in, and open the first page."""
        template = self.drawn.template
        self.server.restore(self.drawn.world, self.theme, self.drawn.instance.before)
        if template.signed_in:
            sites = self.server.enterable(1)
            cookies = [
                {"name": COOKIE, "value": self.server.session(site, 1), "url": f"http://{site}.pocket/"} for site in sites
            ]
            page.context.add_cookies(cookies)  # type: ignore[arg-type] # plain dicts are what its TypedDict is
        start = self.drawn.instance.start or template.start
        page.goto(f"http://{template.site}.pocket{start}", wait_until="domcontentloaded")
        return self.drawn.goal, {}

    def validate(self, page: Page, chat_messages: list[dict[str, Any]]) -> tuple[float, bool, str, dict[str, Any]]:
        """Judge the episode once something was said; until then it goes on."""
        spoken = [message for message in chat_messages if message["role"] in ("assistant", "infeasible")]
        if not spoken:
            return 0.0, False, "", {}
        said, reported = spoken[-1]["message"], spoken[-1]["role"] == "infeasible"
        with self.server.lock:
            self.verdict = judge(self.drawn, self.server.db, said=said, reported=reported, url=page.url)
        return float(not self.verdict), True, "", {"verdict": self.verdict}

    def teardown(self) -> None:
        """Nothing to do: the next episode restores its own world."""
