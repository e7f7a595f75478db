"""A BrowserGym task with something of its own changed, without inheriting from it."""

from typing import Any

__all__ = ["WrappedTask", "has_reported"]


class WrappedTask:
    """Behaves as `inner` wherever a subclass does not say otherwise.

    BrowserGym's classes are not typed, and which one is wrapped is known only at run time: a benchmark's, or a user's own.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def has_reported(chat: list[dict[str, Any]]) -> bool:
    """Whether the policy's last word was an answer, which is how it stops."""
    return bool(chat) and chat[-1]["role"] in ("assistant", "infeasible")
