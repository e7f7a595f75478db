"""Pictures of the sites' main pages, for the documentation and for whoever changes a style sheet.

`python -m symbiotic_gym.pocket.gallery FOLDER [--theme ledger] [--width 400] [--only shop] [--all | --one]`
"""

import argparse
import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from symbiotic_gym.browser.session import Session
from symbiotic_gym.pocket.main_pages import IN_CART, PICTURED, main_pages
from symbiotic_gym.pocket.pages import THEMES
from symbiotic_gym.pocket.tasks import templates
from symbiotic_gym.pocket.world import World, snapshot

__all__ = ["main", "take"]

_COLORS = 64
"""Of a picture's palette: pages are flat, and full color makes files three times the size."""
_OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def take(
    folder: Path, pages: Mapping[str, Sequence[str]], *, theme: str, size: tuple[int, int], seed: int = 0
) -> dict[Path, int]:
    """Picture these pages of a world as the person at the keyboard sees them.

    Args:
        folder: where `SITE-PAGE.png` go; another theme's are called `SITE-PAGE-THEME.png`.
        pages: site -> names of `main_pages`.
        theme: how the sites are arranged.
        size: width and height in pixels.
        seed: of the world.

    Returns:
        Each file, with the pixels by which its page is wider than the window.

    Raises:
        RuntimeError: a page is not there.
    """
    world = snapshot(seed).restore()
    paths = main_pages(World(world))
    world.close()
    taken = {}
    folder.mkdir(parents=True, exist_ok=True)
    session = Session(viewport=size)
    try:
        session.reset(f"pocket.{next(iter(templates()))}", seed, {"theme": theme})
        for statement, values in IN_CART:
            session.task.server.db.execute(statement, tuple(values))
        for site, names in pages.items():
            for name in names:
                answer = session.step(f'goto("http://{site}.pocket{paths[site][name]}")')
                if answer["error"] or "not found" in answer["observation"]["title"].lower():
                    raise RuntimeError(f"{site}/{name}: {answer['error'] or answer['observation']['title']}")
                file = folder / f"{site}-{name}{'' if theme == THEMES[0] else f'-{theme}'}.png"
                file.write_bytes(_small(session.screenshot()))
                taken[file] = int(session.page.evaluate(_OVERFLOW))
    finally:
        session.close()
    return taken


def _small(png_base64: str) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(png_base64))) as image:
        packed = io.BytesIO()
        image.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE).save(packed, "png", optimize=True)
    return packed.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Take the pictures, and name pages that are too wide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--theme", choices=THEMES, default=THEMES[0])
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--only", default="", metavar="SITE", help="this site alone")
    number = parser.add_mutually_exclusive_group()
    number.add_argument("--all", action="store_true", help="every main page, not only those of the documentation")
    number.add_argument("--one", action="store_true", help="one page of each site")
    options = parser.parse_args(arguments)
    pages: Mapping[str, Sequence[str]] = PICTURED
    if options.all:
        world = snapshot(0).restore()
        pages = {site: tuple(found) for site, found in main_pages(World(world)).items()}
        world.close()
    if options.one:
        pages = {site: names[:2][-1:] for site, names in PICTURED.items()}  # the second where there is one: fronts are plain
    pages = {site: names for site, names in pages.items() if options.only in ("", site)}
    for file, over in take(options.folder, pages, theme=options.theme, size=(options.width, options.height)).items():
        print(f"{file} {file.stat().st_size // 1024} KB{f', {over} pixels too wide' if over > 0 else ''}")


if __name__ == "__main__":
    main()
