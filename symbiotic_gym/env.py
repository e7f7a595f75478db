"""`WebEnv`: a web task as a well-behaved Gymnasium environment.

The browser lives in a worker process (`symbiotic_gym.browser`), so this object works in a notebook's running event loop, from
any thread and under vector environments, and outlives a hung page or a killed browser: such an episode ends as *invalid* and
`reset` goes on with a fresh browser.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from symbiotic_gym.browser.process import BrowserProcess
from symbiotic_gym.browser.worker_process import WorkerProcess
from symbiotic_gym.checks import (
    check_count,
    check_folder,
    check_judge,
    check_kwargs,
    check_names,
    check_seconds,
    check_switch,
    check_viewport,
)
from symbiotic_gym.errors import BrowserError, InfrastructureError
from symbiotic_gym.judging import ask_judge
from symbiotic_gym.protocols import LanguageModel
from symbiotic_gym.spaces import Picture, Unicode
from symbiotic_gym.suites import check_arguments, check_task, registered_suites
from symbiotic_gym.types import OBSERVATION_KEYS, Observation, Outcome

__all__ = ["OPT_IN_KEYS", "WebEnv"]

OPT_IN_KEYS = ("screenshot", "axtree", "dom", "extra")

EVALUATION_TIMEOUT_S = 90.0
"""Official evaluators open up to ten pages one after another, and wait three seconds on each."""


class WebEnv(gym.Env[Observation, str]):
    """A web task, played in a real browser.

    ## Description
    A task is a goal in words and a website to reach it on. `symbiotic-gym tasks` lists the ids.

    ## Action Space
    Text: exactly one call such as `click("12")` or `fill("7", "text")` (`symbiotic_gym.actions`), with the ids that stand in
    `[brackets]` on the page. A text that is not one, or that the browser refuses, changes nothing and is explained in
    `last_action_error`.

    ## Observation Space
    A `Dict` of texts: `goal`, `page` (accessibility text, one element a line), `url`, `title`, `tabs`, `last_action`,
    `last_action_error`; and what `observe` asks for: `screenshot` (uint8, height x width x 3), `axtree`, `dom`, `extra`.
    A page's `alert`, `confirm` and `prompt` are closed at once, a question answered with Cancel, as in stock BrowserGym; what
    they said stands in (parentheses) above the `page` that follows.

    ## Rewards
    The task's own: 1.0 on success, else 0.0.

    ## Starting State
    The task's start page. One seed fixes the task's instance.

    ## Episode End
    Terminated when the task is done or reported infeasible, truncated when the infrastructure failed; `info["outcome"]` then
    says `success`, `failure` or `invalid(kind)`. What `gym.make` returns also truncates after so many steps (`TimeLimit`),
    which the environment does not see: `info` has no `outcome` then.

    ## Arguments
    See below; `reset(options={"task": "miniwob.click-link"})` switches tasks within the same browser.

    ## Version History
    * v0: initial version

    Args:
        task: which task, `SUITE.TASK`, such as `miniwob.click-checkboxes`.
        observe: opt-in observation keys, of `screenshot`, `axtree`, `dom`, `extra`. Each costs nothing when not asked for.
        render_mode: `rgb_array` or None.
        headless: False shows the browser's window.
        viewport: (width, height) in pixels instead of the task's own.
        max_page_lines: a longer `page` is cut to what is near the viewport; a line in (parentheses) says what is missing.
        step_timeout_s: seconds after which a step without an answer ends the episode as invalid.
        reset_timeout_s: the same for a reset.
        memory_limit_mb: MiB that the browser may take before the episode ends as invalid; 0 for no limit. Linux only.
        uploads: the folder whose files `upload_file` may use; without one it uploads nothing.
        task_kwargs: further arguments of the BrowserGym task.
        instance: which WebArena to play on, by its name in the sites file (`symbiotic_gym.suites.instances`).
        judge: the language model that compares answers by meaning, where a task's evaluator asks for that. Without one such
            an episode ends as invalid.
        worker: a worker process to share with other environments, as `WebVectorEnv(envs_per_worker=…)` does; the memory limit
            is then the worker's. None for one of its own.

    Raises:
        UnknownNameError: there is no such task.
        ConfigError: an argument has an unusable value.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 - Gymnasium declares it as a plain dict

    def __init__(
        self,
        task: str,
        *,
        observe: Sequence[str] = (),
        render_mode: str | None = None,
        headless: bool = True,
        viewport: tuple[int, int] | None = None,
        max_page_lines: int = 10_000,
        step_timeout_s: float = 30.0,
        reset_timeout_s: float = 60.0,
        memory_limit_mb: int = 4096,
        uploads: str | Path | None = None,
        task_kwargs: Mapping[str, Any] | None = None,
        instance: str | None = None,
        judge: LanguageModel | None = None,
        worker: WorkerProcess | None = None,
    ) -> None:
        self.task = check_task(task)
        self.observe = check_names("observe", observe, OPT_IN_KEYS)
        check_names("render_mode", [] if render_mode is None else [render_mode], self.metadata["render_modes"])
        self.render_mode = render_mode
        self.step_timeout_s = check_seconds("step_timeout_s", step_timeout_s)
        self.reset_timeout_s = check_seconds("reset_timeout_s", reset_timeout_s)
        self.task_kwargs = check_kwargs(task_kwargs, instance)
        check_arguments(self.task, self.task_kwargs)
        self.judge: LanguageModel | None = check_judge(judge)
        viewport = check_viewport(viewport)
        self.action_space = Unicode(100_000, examples=('click("1")', 'fill("1", "text")', "scroll(0, 200)", "noop()"))
        fields: dict[str, spaces.Space[Any]] = {key: Unicode() for key in OBSERVATION_KEYS}
        for key in self.observe:
            fields[key] = _picture(viewport) if key == "screenshot" else Unicode()
        self.observation_space = spaces.Dict(fields)  # type: ignore[assignment] # a TypedDict is what Dict samples
        self._process = BrowserProcess(
            {
                "headless": check_switch("headless", headless),
                "observe": self.observe,
                "viewport": viewport,
                "max_page_lines": check_count("max_page_lines", max_page_lines, 1),
                "uploads": check_folder("uploads", uploads),
                "suites": registered_suites(),
            },
            memory_limit_mb=check_count("memory_limit_mb", memory_limit_mb, 0),
            worker=worker,
        )
        self._observation: Observation | None = None
        self._done = True
        self._steps = 0
        self._judged_at_end = False
        self.last_step: int | None = None
        """The step limit of whoever truncates without a spec, as `WebVectorEnv` does; None takes the id's own."""
        self.seconds: Mapping[str, float] = {}
        """Where the last step's time went: act, rest, validate, observe. Not in `info`, which is equal for equal seeds."""

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: fixes the task's instance; None draws one.
            options: `{"task": id}` plays another task in the same browser from now on.

        Raises:
            InfrastructureError: the browser or the site does not work; calling again tries a fresh browser.
            UnknownNameError: `options` names an unknown task.
            ConfigError: `options` has something else, or a task that needs arguments it was not given.
        """
        super().reset(seed=seed)
        options = {} if options is None else options
        check_names("options", options, ["task"])
        if "task" in options:
            task = check_task(options["task"])
            check_arguments(task, self.task_kwargs)
            self.task = task
        instance = seed if seed is not None else int(self.np_random.integers(2**31))
        self._done, self._observation = True, None
        try:
            self._process.ensure(self.reset_timeout_s)
            started = self._process.call(
                "reset", self.reset_timeout_s, task=self.task, seed=instance, task_kwargs=self.task_kwargs
            )
        except BrowserError:
            self._process.kill()  # the next reset starts clean
            raise
        self._observation = self._fill(started["observation"], goal=started["goal"], action="", error="")
        self._done, self._steps, self._judged_at_end = False, 0, False
        return self._observation, {"task": self.task, "seed": instance}

    def step(self, action: str) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Run one action.

        With `screenshot` observed, `info["box"]` says where the element stood that the action names: left, top, width, height
        in pixels of the screenshot before.

        Never raises for what the action or the infrastructure does: a refused action is told in `last_action_error`, a broken
        browser ends the episode with `info["outcome"] == "invalid(...)"`.

        Raises:
            gymnasium.error.ResetNeeded: the episode is over.
        """
        if self._done or self._observation is None:
            raise gym.error.ResetNeeded("the episode is over: call reset() before the next step()")
        last = self._observation
        self._steps += 1
        try:
            result = self._process.call("step", self.step_timeout_s, text=str(action))
            self._judged_at_end = result["judged_at_end"]
            if self._judged_at_end and (result["done"] or self._is_last_step()):
                result["reward"] = self._conclude()
                result["done"] = result["done"] or result["reward"] > 0
        except InfrastructureError as error:
            if isinstance(error, BrowserError):  # a site's fault leaves the browser as good as it was
                self._process.kill()
            return self._broken(last, str(action), error)
        self._observation = self._fill(result["observation"], goal=last["goal"], action=str(action), error=result["error"])
        reward, done = float(result["reward"]), bool(result["done"])
        self.seconds = result["seconds"]
        info: dict[str, Any] = {"box": tuple(result["box"])} if result["box"] else {}
        if done:
            info["outcome"] = str(Outcome(status="success" if reward > 0 else "failure"))
            self._done = True
        return self._observation, reward, done, False, info

    def conclude(self) -> tuple[float, dict[str, Any]]:
        """End the episode and have it judged as it stands, for whoever cuts it off at a step limit that is not the id's own.

        Returns:
            The reward, and an `info` whose `outcome` is `success`, `truncated` or `invalid(kind)`.

        Raises:
            gymnasium.error.ResetNeeded: the episode is over.
        """
        if self._done or self._observation is None:
            raise gym.error.ResetNeeded("the episode is over: call reset() first")
        self._done = True
        try:
            reward = self._conclude() if self._judged_at_end else 0.0
        except InfrastructureError as error:
            return 0.0, self._broken(self._observation, "", error)[4]
        return reward, {"outcome": "success" if reward > 0 else "truncated"}

    def _is_last_step(self) -> bool:
        """Whether the step limit is reached; Gymnasium leaves it out of the spec that it gives an environment."""
        if self.last_step is not None:
            return self._steps == self.last_step
        registered = gym.registry.get(self.spec.id) if self.spec is not None else None
        return registered is not None and self._steps == registered.max_episode_steps

    def _conclude(self) -> float:
        """The verdict of a task that is judged at the end, by its evaluator and, where that asks for one, the judge."""
        concluded = self._process.call("conclude", self.step_timeout_s + EVALUATION_TIMEOUT_S)
        if not concluded["questions"]:
            return float(concluded["reward"])
        answers = ask_judge(self.judge, concluded["questions"])
        return float(self._process.call("settle", self.step_timeout_s + EVALUATION_TIMEOUT_S, answers=answers))

    def render(self) -> NDArray[np.uint8] | None:
        """The viewport as a uint8 array, (height, width, 3); None without `render_mode`.

        Raises:
            InfrastructureError: the browser does not answer.
        """
        if self.render_mode is None:
            return None
        from symbiotic_gym.browser.picture import decode_png

        return decode_png(self._process.call("screenshot", self.step_timeout_s))

    def processes(self) -> list[int]:
        """Ids of the running processes of this environment: the guard, the worker, then the browser's. Empty without one.

        Of a shared worker, the browsers of all that share it.
        """
        return self._process.pids()

    def close(self) -> None:
        """End the browser and its process. May be called twice."""
        self._done, self._observation = True, None
        self._process.close()

    def _fill(self, raw: dict[str, Any], *, goal: str, action: str, error: str) -> Observation:
        if "screenshot" in raw:
            from symbiotic_gym.browser.picture import decode_png

            raw["screenshot"] = decode_png(raw["screenshot"])
        observation: Observation = {**raw, "goal": goal, "last_action": action, "last_action_error": error}  # type: ignore[typeddict-item]
        return observation

    def _broken(
        self, last: Observation, action: str, error: InfrastructureError
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        self._done = True
        outcome = Outcome(status="invalid", kind=error.kind, message=str(error))
        self._observation = {**last, "last_action": action, "last_action_error": str(error).splitlines()[0]}
        return self._observation, 0.0, False, True, {"outcome": str(outcome), "error": str(error), "error_kind": error.kind}


def _picture(viewport: tuple[int, int] | None) -> spaces.Space[Any]:
    """Of one size where it is known; else the viewport's is the task's, known only once it runs."""
    return Picture() if viewport is None else spaces.Box(0, 255, (viewport[1], viewport[0], 3), np.uint8)
