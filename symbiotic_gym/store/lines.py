"""Lines that know whether they are whole: a JSON object whose last field is the CRC-32 of everything before it.

Still one JSON object a line for every tool that reads such files. A line is written with the form's version, and read only
where this program knows that version.
"""

import json
import re
import zlib
from typing import Any

__all__ = ["FORMAT", "body_of", "seal", "unseal"]

FORMAT = 1

_SEAL = re.compile(rb', "crc32": "([0-9a-f]{8})"\}\Z')
_SEAL_BYTES = 64
"""No less than what the pattern matches."""
_MOST_BYTES = 256 * 2**20
"""A longer line is no episode; reading it would take the machine's memory."""


def seal(record: dict[str, Any]) -> bytes:
    """The line of a record, line end included.

    Raises:
        ValueError: it has no JSON form, or is longer than what is read again.
        TypeError: it has no JSON form.
    """
    text = json.dumps({"format": FORMAT} | record, ensure_ascii=False, allow_nan=False)
    body = text.encode("utf-8", "replace")[:-1]  # a lone surrogate, half a character of a page, becomes "?"
    if len(body) > _MOST_BYTES - _SEAL_BYTES:
        raise ValueError(f"it takes {len(body)} bytes, more than an episode may")
    return body + b', "crc32": "%08x"}\n' % zlib.crc32(body)


def body_of(line: bytes) -> bytes | None:
    """What stands before the checksum of a line (without its end); None where it has none.

    Raises:
        ValueError: the checksum is another one's.
    """
    found = _SEAL.search(line, max(0, len(line) - _SEAL_BYTES))
    if found is None:
        return None
    body = line[: found.start()]
    if zlib.crc32(body) != int(found[1], 16):
        raise ValueError("its checksum does not match: something changed the line after it was written")
    return body


def unseal(line: bytes) -> dict[str, Any]:
    """The record of a line.

    Raises:
        ValueError: the line is not as it was written; the message says what is wrong with it.
    """
    line = line.rstrip(b"\n")
    if not line.strip():
        raise ValueError("the line is empty")
    if len(line) > _MOST_BYTES:
        raise ValueError(f"the line has {len(line)} bytes, more than an episode takes")
    if not line.strip(b"\0"):
        raise ValueError("the line is all zero bytes: the disk lost it")
    body = body_of(line)
    if body is None:
        raise ValueError(_unsealed(line))
    try:
        record = json.loads(body + b"}")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise ValueError(f"it is not of format {FORMAT}, the one this version reads")
    return record


def _unsealed(line: bytes) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"it is not UTF-8: {error.reason} at byte {error.start}"
    if text.startswith("\ufeff"):
        return "it begins with a byte order mark: an editor saved the file anew"
    try:
        return "it has no checksum" if isinstance(json.loads(text), dict) else "it is JSON, but not an object"
    except (ValueError, RecursionError):
        return "it is cut off or no JSON, and has no checksum at its end"
