"""WebArena-Verified: tasks judged without a model, by the requests the browser made and by a structured answer.

BrowserGym's package for it wants Python 3.12, while the evaluators themselves run on 3.11; this is the part between them. Login
is BrowserGym's (`WebArenaInstance.ui_login`), goals and evaluators are `webarena-verified`'s. An episode succeeds when every
evaluator of its task says so; BrowserGym gives part of the reward for some of them.
"""

import importlib
import json
import os
import time
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.sync_api import TimeoutError as PlaywrightTimeout

from symbiotic_gym.errors import SiteError
from symbiotic_gym.suites.any_browsergym import import_without_downloads
from symbiotic_gym.suites.network_log import NetworkLog
from symbiotic_gym.suites.wrapping import has_reported

__all__ = ["VerifiedTask"]

_DATA = Path("assets") / "dataset" / "webarena-verified.json"
_TRIES = 3
_ANSWER = """

When you are done, report with `send_msg_to_user`. Your message has to be one JSON object of this schema:
{schema}"""


class VerifiedTask:
    """One task, by its number in 0…811; see `symbiotic_gym.suites.JudgedAtTheEnd`."""

    viewport = {"width": 1280, "height": 720}  # noqa: RUF012 - BrowserGym's tasks have it as a plain dict
    timeout = 10_000
    locale = None
    timezone_id = None

    def __init__(self, number: int) -> None:
        self._api = importlib.import_module("webarena_verified.api")
        self._types = importlib.import_module("webarena_verified.types.config")
        self.instance = import_without_downloads("browsergym.webarena").instance.WebArenaInstance()
        self.config = self._verified_config()
        self.reader = self._api.WebArenaVerifiedDataReader(self.config)
        self.task = self.reader.get_task_by_id(number)
        self.log: NetworkLog | None = None

    def setup(self, page: Any) -> tuple[str, dict[str, Any]]:
        if path := os.environ.get("PW_EXTRA_HEADERS"):
            page.context.set_extra_http_headers(json.loads(Path(path).read_text(encoding="utf-8")))
        for site in self.task.sites:
            _patiently(lambda site=site: self.instance.ui_login(site=str(site.value), page=page))
        self.log = NetworkLog(page.context)
        for number, url in enumerate(self.task.start_urls):
            tab = page if number == 0 else page.context.new_page()
            _patiently(lambda tab=tab, url=url: tab.goto(self._address(url)))
        schema = importlib.import_module("webarena_verified.types").FinalAgentResponse.model_json_schema()
        return self.task.intent + _ANSWER.format(schema=json.dumps(schema)), {}

    def validate(self, page: Any, chat: list[dict[str, Any]]) -> tuple[float, bool, str, dict[str, Any]]:
        return 0.0, has_reported(chat), "", {}

    def conclude(self, page: Any, chat: list[dict[str, Any]]) -> tuple[float, list[list[dict[str, str]]]]:
        if not has_reported(chat):
            return 0.0, []  # every task wants an answer of a certain form
        assert self.log is not None  # setup comes first
        self.log.stop()
        if not self.log.entries:
            raise SiteError("the browser sent no request in the whole episode: nothing can be judged (symbiotic-gym doctor)")
        evaluator = self._api.WebArenaVerifiedEvaluator(config=self.config, reader=self.reader)
        result = evaluator.evaluate_task(
            task_id=self.task.task_id, agent_response=chat[-1]["message"], network_trace=self.log.entries
        )
        return float(result.score == 1), []

    def settle(self, page: Any, chat: list[dict[str, Any]], answers: list[str]) -> float:
        raise NotImplementedError("webarena-verified asks no judge")

    def teardown(self) -> None:
        self.log = None

    def _verified_config(self) -> Any:
        environments = {
            site: self._types.EnvironmentConfig(urls=[url], credentials=self.instance.credentials.get(site))
            for site, url in [*self.instance.urls.items(), ("homepage", self.instance.home_url)]
            if url.startswith("http")
        }
        data = resources.files("webarena_verified").joinpath(str(_DATA))
        return self._types.WebArenaVerifiedConfig(test_data_file=data, environments=environments)

    def _address(self, template: str) -> str:
        for site in self.task.sites:
            template = template.replace(site.url_name_template, self.instance.urls[str(site.value)])
        return template


def _patiently(load: Any) -> None:
    """Up to three tries: right after a reset the sites can take longer than a page's time-out."""
    for number in range(_TRIES):
        try:
            load()
            return
        except PlaywrightTimeout:
            if number == _TRIES - 1:
                raise
            time.sleep(2**number)
