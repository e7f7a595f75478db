"""Which files an action may upload: those inside one folder that the user named, wherever the links on the way lead."""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["inside"]


def inside(folder: str | None, names: Sequence[str]) -> list[str]:
    """The real paths of files that may be uploaded.

    Args:
        folder: the folder whose files may be; None allows none.
        names: paths relative to it.

    Raises:
        ValueError: one is no regular file of the folder once links and `..` are followed.
    """
    if folder is None:
        raise ValueError("uploads are off: the environment was made without a folder to upload from")
    root = Path(folder).resolve()
    paths = []
    for name in names:
        try:
            path = (root / name).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):  # not there, a null byte, links in a circle
            path = None
        # the same words for "not there" and "elsewhere": an action is not to find out what the machine holds
        if path is None or not path.is_relative_to(root) or not path.is_file():
            raise ValueError(f"there is no file {name[:100]!r} in the folder for uploads")
        paths.append(str(path))
    return paths
