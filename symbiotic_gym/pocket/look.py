"""Look at a page as a policy sees it: `python -m symbiotic_gym.pocket.look shop /c/kitchen [--png FILE] [--theme ledger]`."""

import argparse
import base64
from collections.abc import Sequence
from pathlib import Path

from symbiotic_gym.browser.session import Session
from symbiotic_gym.pocket.tasks import templates


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a page's text, and write its picture if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site")
    parser.add_argument("path", nargs="?", default="/")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--theme", default="daylight")
    parser.add_argument("--png", type=Path)
    options = parser.parse_args(arguments)
    session = Session()
    try:
        session.reset(f"pocket.{next(iter(templates()))}", options.seed, {"theme": options.theme})
        answer = session.step(f'goto("http://{options.site}.pocket{options.path}")')
        print(answer["error"] or answer["observation"]["page"])
        if options.png is not None:
            options.png.write_bytes(base64.b64decode(session.screenshot()))
    finally:
        session.close()


if __name__ == "__main__":
    main()
