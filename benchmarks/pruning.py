"""How many tokens the pruning of a page saves, and how good the estimate of tokens is that budgets go by.

The pages are those of the scripted expert's episodes. With `--tokenizer URL` (a server of llama-cpp-python, which counts tokens
at /extras/tokenize/count) the tokens are that server's, and the estimate is compared with them.
"""

import json
import sys
from collections.abc import Callable, Sequence
from statistics import mean, quantiles
from urllib.request import Request, urlopen

from symbiotic_gym.actions import elements
from symbiotic_gym.agents import ScriptedAgent
from symbiotic_gym.agents.pruning import prune
from symbiotic_gym.agents.token_budget import tokens
from symbiotic_gym.benchmarks.large_agent import MINIWOB, POCKET
from symbiotic_gym.benchmarks.report import Report, Row, argument_parser, share
from symbiotic_gym.rollout import rollout

__all__ = ["main"]

FIRST_SEED = 9000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where an element was lost."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--tokenizer", metavar="URL", help="a llama-cpp-python server, such as http://127.0.0.1:8123")
    parser.add_argument("--seeds", type=int, default=2, help="instances of each task (default 2)")
    options = parser.parse_args(arguments)
    report = Report("pruning")
    for suite, tasks in (("miniwob", MINIWOB), ("pocket", POCKET)):
        played = rollout(tasks[:1] if options.smoke else tasks, ScriptedAgent, range(FIRST_SEED, FIRST_SEED + options.seeds))
        pages = {
            text for one in played for seen in (*(step.observation for step in one.steps), one.final) if (text := seen["page"])
        }
        report.add(*_rows(suite, sorted(pages), _counter(options.tokenizer) if options.tokenizer else None))
    return 0 if report.finish(options.json) else 1


def _counter(url: str) -> Callable[[str], int]:
    def count(text: str) -> int:
        body = json.dumps({"input": text}).encode()
        with urlopen(Request(f"{url}/extras/tokenize/count", body, {"Content-Type": "application/json"}), timeout=60) as answer:
            return int(json.load(answer)["count"])

    return count


def _rows(suite: str, pages: Sequence[str], count: Callable[[str], int] | None) -> list[Row]:
    pruned = [prune(page) for page in pages]
    kept = sum(all(f"[{bid}] " in shorter for bid in elements(page)) for page, shorter in zip(pages, pruned, strict=True))
    rows = [share(f"pages with all ids/{suite}", kept, len(pages), target=1.0)]
    before, after = ([(count or tokens)(text) for text in texts] for texts in (pages, pruned))
    how = "counted" if count else "estimated"
    saved = 1 - sum(after) / sum(before)
    rows.append(Row(name=f"tokens saved, {how}/{suite}", value=saved, unit="share", n=len(pages)))
    rows.append(Row(name=f"tokens a page, {how}/{suite}", value=mean(after), unit="tokens", n=len(pages), better="lower"))
    if count is not None:
        ratios = [tokens(text) / taken for text, taken in zip(pruned, after, strict=True)]
        rows.append(
            Row(name=f"estimate by count, median/{suite}", value=quantiles(ratios, n=20)[9], unit="ratio", n=len(ratios))
        )
        rows.append(
            Row(name=f"estimate by count, lowest 5 %/{suite}", value=quantiles(ratios, n=20)[0], unit="ratio", n=len(ratios))
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
