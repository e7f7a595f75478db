"""Pictures of a run, each once, under the name of its content: `blobs/SHA256.webp`.

The name says what must be inside, so a damaged picture is found by reading it, and merging runs is copying files. A picture is
whole and on disk before the line that names it is written.

A line that another hand wrote can name anything, a path to somebody's file too. Nothing is read, copied or moved by a name that
is none of a blob.
"""

import hashlib
import io
import os
import re
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["Blobs", "blob_problem", "copy_blobs", "is_blob_name"]

_NAME = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")

_QUALITY = 75
"""WebP's scale, 0 to 100; text of ordinary size stays readable."""


class Blobs:
    """A folder of content-addressed files.

    Args:
        path: the folder; created with the first file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add_picture(self, pixels: Any) -> str:
        """Keep a picture.

        Args:
            pixels: uint8 array, (height, width, 3).

        Returns:
            Its file's name, `SHA256.webp`.
        """
        from PIL import Image

        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "WEBP", quality=_QUALITY, method=2)
        return self.add(data.getvalue(), "webp")

    def add(self, data: bytes, ending: str) -> str:
        """Keep some bytes and return their file's name."""
        name = f"{hashlib.sha256(data).hexdigest()}.{ending}"
        file = self.path / name
        if not file.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            temporary = file.with_name(f"{name}.{os.getpid()}-{threading.get_ident()}.partial")
            with temporary.open("wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(file)
        return name

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None where it is missing, or no blob is named so."""
        file = self.path / name
        return file.read_bytes() if is_blob_name(name) and file.is_file() else None


def is_blob_name(name: str) -> bool:
    """Whether a blob can be named so."""
    return _NAME.fullmatch(name) is not None


def copy_blobs(names: Iterable[str], source: Path, target: Path) -> None:
    """Copy the blobs of these names from one folder to another, those that are there."""
    for name in filter(is_blob_name, names):
        if (source / name).is_file() and not (target / name).exists():
            target.mkdir(exist_ok=True)
            shutil.copyfile(source / name, target / name)


def blob_problem(file: Path) -> str:
    """What is wrong with a blob's file; empty where it holds what its name says."""
    if not file.exists():
        return "it is missing"
    if not file.is_file():
        return "it is not a file"
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    return "" if found == file.name.partition(".")[0] else f"its content has the hash {found[:12]}…, not the one it is named by"
