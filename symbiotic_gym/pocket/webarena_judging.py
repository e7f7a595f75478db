"""An episode's end judged by libwebarena's own evaluators, on the pages of the browser it was played in.

They are called as BrowserGym calls them: the last thing said is the answer, and what was reported infeasible is `N/A`. One
thing is changed around them: before they look at a page they wait three seconds, whatever the page, and ours are there at once.
"""

import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from symbiotic_gym.pocket.export import KEYS, resolved
from symbiotic_gym.suites.any_browsergym import import_without_downloads

__all__ = ["ADDRESSES", "webarena_score"]

ADDRESSES = {key: f"http://{site}.pocket" for site, key in KEYS.items()}
"""Where the sites are in an environment's browser, by WebArena's names."""


def webarena_score(config: dict[str, Any], page: Any, said: str, *, addresses: dict[str, str] = ADDRESSES) -> float:
    """What libwebarena says of the end of an episode: 0 or 1.

    Args:
        config: the task as exported.
        page: Playwright's page that is open.
        said: what was said last; `N/A` for a report that it cannot be done.
        addresses: where the sites are, by WebArena's names.
    """
    for key, url in ADDRESSES.items():
        os.environ.setdefault(key.upper(), url)  # libwebarena refuses to be imported without them
    evaluators = import_without_downloads("webarena.evaluation_harness.evaluators")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "task.json"
        file.write_text(json.dumps(resolved(config, addresses)), encoding="utf-8")
        evaluator = evaluators.evaluator_router(file)
        with patch.object(evaluators, "time", SimpleNamespace(sleep=lambda seconds: None)):
            return float(evaluator(trajectory=[{}, {"answer": said}], config_file=file, page=page, client=None))
