"""WebArena and what was made of it: `webarena` (812 tasks), `webarena_lite` (165), `webarena_verified` (812, 258 of them hard).

The ids are registered from a list that is shipped. The packages that hold goals and evaluators are extras, and are imported in
the worker process when the first of these tasks is played.
"""

from collections.abc import Mapping
from typing import Any

from symbiotic_gym.browser.site_faults import Sign
from symbiotic_gym.errors import ConfigError, MissingDependencyError, explain
from symbiotic_gym.suites import Site, Suite
from symbiotic_gym.suites.catalog import TaskInfo, list_tasks, webarena_tasks
from symbiotic_gym.suites.instances import Instance, occupy
from symbiotic_gym.suites.placing import MakeTask, PlacedSuite, hosts_of

__all__ = ["WebArena", "WebArenaLite", "WebArenaVerified"]

_OURS = ("instance", "allow_hosts")
"""Arguments that are for the suite and not for BrowserGym's task."""


class WebArena:
    """The suite of 812 tasks with the official evaluators; see `symbiotic_gym.suites.Suite`.

    `task_kwargs` takes, beside those of BrowserGym's task, `instance`: the name of the WebArena to play on
    (`symbiotic_gym.suites.instances`), and `allow_hosts`: hosts that the sites load parts from, such as a server of map tiles.
    """

    name = "webarena"
    extra = "webarena"

    def tasks(self) -> tuple[str, ...]:
        return webarena_tasks(self.name)

    def placed(self, task_kwargs: Mapping[str, Any]) -> Suite:
        instance = occupy(task_kwargs.get("instance"))
        hosts = hosts_of(instance.urls.values(), task_kwargs.get("allow_hosts", ()))
        return PlacedSuite(
            name=f"webarena {' '.join(hosts)}", hosts=hosts, make=self._make_on(instance), signs=signs_of(instance.urls)
        )

    def open(self) -> Site:
        return self.placed({}).open()

    def make_task(self, name: str, seed: int, site: Site, task_kwargs: Mapping[str, Any]) -> Any:
        return self.placed(task_kwargs).make_task(name, seed, site, task_kwargs)

    def _make_on(self, instance: Instance) -> MakeTask:
        return lambda name, seed, task_kwargs: self._make_task(instance, name, seed, task_kwargs)

    def _make_task(self, instance: Instance, name: str, seed: int, task_kwargs: Mapping[str, Any]) -> Any:
        (info,) = (info for info in list_tasks(suite=self.name) if info.task == f"{self.name}.{name}")
        _require_sites(info, instance)
        kwargs = {key: value for key, value in task_kwargs.items() if key not in _OURS}
        try:
            return self._make(int(name), seed, kwargs)
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                explain(
                    f"{info.task} needs {error.name}, which is not installed",
                    f"the extra {self.extra}",
                    "it holds the task's goal and the official evaluators",
                    f"pip install 'symbiotic-gym[{self.extra}]'",
                )
            ) from error

    def _make(self, number: int, seed: int, kwargs: dict[str, Any]) -> Any:
        from symbiotic_gym.suites.any_browsergym import import_without_downloads
        from symbiotic_gym.suites.official import OfficialTask

        module = import_without_downloads("browsergym.webarena")
        return OfficialTask(module.task.GenericWebArenaTask(seed=seed, task_id=number, **kwargs))


class WebArenaLite(WebArena):
    """The 165 tasks of VisualAgentBench, with their evaluators."""

    name = "webarena_lite"

    def _make(self, number: int, seed: int, kwargs: dict[str, Any]) -> Any:
        from symbiotic_gym.suites.any_browsergym import import_without_downloads
        from symbiotic_gym.suites.official import OfficialTask

        module = import_without_downloads("browsergym.webarenalite")
        return OfficialTask(module.task.WebArenaLiteTask(seed=seed, task_id=number, **kwargs))


class WebArenaVerified(WebArena):
    """The 812 tasks of WebArena-Verified, judged by what the browser sent and by a structured answer, without a model."""

    name = "webarena_verified"
    extra = "webarena_verified"

    def _make(self, number: int, seed: int, kwargs: dict[str, Any]) -> Any:
        from symbiotic_gym.suites.verified import VerifiedTask

        return VerifiedTask(number, **kwargs)


def _require_sites(info: TaskInfo, instance: Instance) -> None:
    missing = [site for site in info.sites if site not in instance.urls]
    if missing:
        raise ConfigError(
            explain(
                f"{info.task} is played on {' and '.join(info.sites)}; instance {instance.name} has no {' and '.join(missing)}",
                "an instance that has the task's sites",
                "a task whose site is missing would look like one that the policy failed",
                f"host it and set {' '.join('WA_' + site.upper() for site in missing)} (or the sites file), or choose tasks by "
                "`symbiotic-gym tasks --site …`",
            )
        )


_LOGIN = {"gitlab": "/users/sign_in", "shopping": "/customer/account/login/.*", "reddit": "/login"}
_LOGOUT = {"gitlab": "/users/sign_out", "shopping": "/customer/account/logout", "reddit": "/logout"}
_ADMIN_LOGIN = {"text": "Welcome, please sign in", "unless": "/auth/logout"}  # shown in place of any page of Magento's admin
_TOO_MUCH = {"reddit": r"You cannot post more\.|Rate limit exceeded"}


def signs_of(urls: Mapping[str, str]) -> list[Sign]:
    """How WebArena's sites show that a login has expired or that they refuse more posts for now.

    They are often ports of one host, so every sign is one of a host and port.
    """
    signs = []
    for site, url in urls.items():
        (host,) = hosts_of([url])
        if site in _LOGIN:
            signs.append(Sign(kind="login", host=host, path=_LOGIN[site], unless=_LOGOUT[site]))
        if site == "shopping_admin":
            signs.append(Sign(kind="login", host=host, **_ADMIN_LOGIN))
        if site in _TOO_MUCH:
            signs.append(Sign(kind="rate_limit", host=host, text=_TOO_MUCH[site]))
    return signs
