"""A start page and a goal in your own words: `gym.make("symbiotic/openended-v0", start_url=…, goal=…)`.

Nobody judges it: the episode ends when the policy reports (`send_msg_to_user`, `report_infeasible`), with reward 0.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.suites import Site, Suite
from symbiotic_gym.suites.placing import PlacedSuite, hosts_of, is_web_address
from symbiotic_gym.suites.wrapping import WrappedTask, has_reported

if TYPE_CHECKING:
    from symbiotic_gym.env import WebEnv

__all__ = ["OpenEnded", "make_open_ended"]

_TASK = "go"


def make_open_ended(start_url: str, goal: str, *, allow_hosts: Sequence[str] = (), **arguments: Any) -> "WebEnv":
    """Make a `WebEnv` on any website.

    Args:
        start_url: http or https.
        goal: what the policy is told.
        allow_hosts: hosts the browser can reach beside that of `start_url`; `("*",)` is the whole web.
        arguments: further arguments of `WebEnv`.

    Raises:
        ConfigError: `start_url` is no http or https URL, or `allow_hosts` has what is no host.
    """
    from symbiotic_gym.env import WebEnv

    allow_hosts = [allow_hosts] if isinstance(allow_hosts, str) else list(allow_hosts)
    kwargs = {"start_url": start_url, "goal": goal, "allow_hosts": allow_hosts}
    return WebEnv(f"openended.{_TASK}", task_kwargs=kwargs, **arguments)


class OpenEnded:
    """The suite of the one open-ended task; see `symbiotic_gym.suites.Suite`."""

    name = "openended"

    def tasks(self) -> tuple[str, ...]:
        return ()  # it needs arguments, so no id can stand for it alone

    def check_arguments(self, task_kwargs: Mapping[str, Any]) -> None:
        """Complains here rather than in the worker.

        Raises:
            ConfigError: see `make_open_ended`; or `start_url` or `goal` is missing.
        """
        missing = [name for name in ("start_url", "goal") if not isinstance(task_kwargs.get(name), str)]
        if missing:
            raise ConfigError(
                explain(
                    f"the open-ended task has no {' and no '.join(missing)}",
                    "the texts start_url and goal among its task_kwargs",
                    "it is a page and a goal of your own, so no id can stand for it alone",
                    'gym.make("symbiotic/openended-v0", start_url="http://…", goal="…")',
                )
            )
        if not is_web_address(task_kwargs["start_url"]):
            raise ConfigError(
                explain(
                    f"start_url is {task_kwargs['start_url']!r}",
                    "an http or https URL",
                    "other schemes reach files and settings of this machine",
                    "serve local files over http, for instance with `python -m http.server`",
                )
            )
        hosts_of([task_kwargs["start_url"]], task_kwargs.get("allow_hosts", ()))

    def placed(self, task_kwargs: Mapping[str, Any]) -> Suite:
        hosts = hosts_of([task_kwargs["start_url"]], task_kwargs.get("allow_hosts", ()))
        return PlacedSuite(name=f"{self.name} {' '.join(hosts)}", hosts=hosts, make=_make)

    def open(self) -> Site:
        raise NotImplementedError("an open-ended task is played where its arguments say: placed(task_kwargs)")

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        return _make(name, seed, task_kwargs)


def _make(name: str, seed: int, task_kwargs: Mapping[str, Any]) -> Any:
    from browsergym.core.task import OpenEndedTask

    return _EndsWithAReport(OpenEndedTask(seed=seed, start_url=task_kwargs["start_url"], goal=task_kwargs["goal"]))


class _EndsWithAReport(WrappedTask):
    """BrowserGym's own ends only when a person types "exit" into its chat window, and here nobody sits before one."""

    def validate(self, page: Any, chat: list[dict[str, Any]]) -> tuple[float, bool, str, dict[str, Any]]:
        return 0.0, has_reported(chat), "", {}
