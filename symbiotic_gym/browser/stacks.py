"""Who called, as Playwright wants to know it of every call, without reading source files.

Playwright for Python takes the stack up to four times per call, by `inspect.stack()` and `traceback.extract_stack()`, which
look every frame's source up on disk. What it makes of the stack are the call's name, the file and line of its caller, and a
text where the call fails: the frames alone say all of that.

https://github.com/microsoft/playwright-python/issues/2744; remove when browsergym-core pins a Playwright that has it mended.
"""

import inspect
import sys
import traceback
from collections.abc import Iterator
from types import FrameType, SimpleNamespace

__all__ = ["light_stacks"]


def light_stacks() -> None:
    """Have this process's Playwright take its stacks the cheap way."""
    from playwright._impl import _connection, _network, _sync_base

    for module in (_connection, _network, _sync_base):
        if getattr(module, "inspect", None) is inspect:
            module.inspect = SimpleNamespace(stack=_stack, FrameInfo=inspect.FrameInfo)  # type: ignore[attr-defined]
    for module in (_connection, _sync_base):
        if getattr(module, "traceback", None) is traceback:
            names = {name: getattr(traceback, name) for name in traceback.__all__}
            module.traceback = SimpleNamespace(**names | {"extract_stack": _extract_stack})  # type: ignore[attr-defined]


def _frames(first: FrameType | None) -> Iterator[FrameType]:
    while first is not None:
        yield first
        first = first.f_back


def _stack() -> list[inspect.FrameInfo]:
    """`inspect.stack()` without lines of source."""
    return [
        inspect.FrameInfo(frame, frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name, None, None)
        for frame in _frames(sys._getframe(1))
    ]


def _extract_stack() -> traceback.StackSummary:
    """`traceback.extract_stack()` whose lines are read only when somebody prints them."""
    found = [
        traceback.FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name, lookup_line=False)
        for frame in _frames(sys._getframe(1))
    ]
    return traceback.StackSummary.from_list(reversed(found))
