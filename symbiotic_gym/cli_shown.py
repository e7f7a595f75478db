"""How commands show this project's errors."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from symbiotic_gym.errors import InfrastructureError, SymbioticError, explain
from symbiotic_gym.terminal import harmless

__all__ = ["shown_errors"]

_OF_FILES = frozenset(
    {
        *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP),
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
    }
)


@contextmanager
def shown_errors() -> Iterator[None]:
    """Turn this project's errors into their message and an exit code: 1 when the world broke, 2 when the call was wrong.

    So are those of the file system about a file or a disk; any other is a mistake in the program and keeps its traceback.
    """
    try:
        yield
    except SymbioticError as error:
        print(harmless(str(error)), file=sys.stderr)
        raise typer.Exit(1 if isinstance(error, InfrastructureError) else 2) from None
    except OSError as error:
        if error.errno not in _OF_FILES:
            raise
        message = explain(
            f"{error}",
            "files and folders this user may read and write, on a disk with room",
            "what was asked for could not be read or written; what had been written whole stays",
            "free some space, change permissions, or name another place; the same command goes on",
        )
        print(harmless(message), file=sys.stderr)
        raise typer.Exit(1) from None
