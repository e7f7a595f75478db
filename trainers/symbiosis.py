"""The symbiotic loop (AgentSymbiotic, arXiv 2502.07942): the large model explores with retrieval, the small one is distilled
from it by speculative synthesis and multi-task learning, then explores too, and what both found is retrieved from the next
time.

Every phase is a function of what lies in the run folder, and leaves its result there: finished episodes, a checkpoint,
entries of the knowledge base. Interrupted anywhere, the same call walks over the finished phases without work and goes on in
the one that was cut off. Evaluation instances are played for evaluation only, and never enter training data or the knowledge
base.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from symbiotic_gym.agents import LargeAgent, LocalModel, OpenAIModel, ScriptedAgent, SmallAgent
from symbiotic_gym.browser.find import require_chromium
from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.knowledge import Exclusion, KnowledgeBase, leaks
from symbiotic_gym.models import MODELS, resolve_model
from symbiotic_gym.progress import Progress
from symbiotic_gym.protocols import Agent, Sampling
from symbiotic_gym.rollout import Episode, Rollouts
from symbiotic_gym.store import EpisodeLog, PhaseClock, RunFolder, write_json
from symbiotic_gym.trainers.candidates import CandidateCache
from symbiotic_gym.trainers.curves import write_curves
from symbiotic_gym.trainers.distiller import distill, require_training
from symbiotic_gym.trainers.distiller_config import DistillResult
from symbiotic_gym.trainers.examples import Example, examples_from
from symbiotic_gym.trainers.speculative import SpeculativeAgent
from symbiotic_gym.trainers.summary import PhaseResult, Summary, summarize
from symbiotic_gym.trainers.symbiosis_config import SymbiosisConfig
from symbiotic_gym.types import Trajectory

__all__ = ["run_symbiosis"]

MakeAgent = Callable[[str], Agent]
"""Makes an agent that plays a task; agents that retrieve nothing play any."""

NEED_BYTES = 1_500_000_000
"""Free disk space a run asks for: checkpoints of two iterations, episodes, TensorBoard."""


def run_symbiosis(config: SymbiosisConfig, out: Path, progress: Progress | None = None) -> Summary:
    """Run the loop, or go on with it where it was interrupted.

    Args:
        config: what to run; a folder that was begun with another config is refused.
        out: the run folder. Holds `run.json`, `episodes/*.jsonl`, `knowledge.jsonl`, `checkpoints/`, `tensorboard/`,
            `summary.json` (brought up to date after every phase) and, at the end, `report.html`.
        progress: where to tell how far it is; silent when None.

    Returns:
        What `summary.json` holds.

    Raises:
        StoreError: the folder is in use, damaged, of another run, or the disk is full; before any work starts.
        ModelError: the large model's endpoint does not answer; before any work starts.
        BrowserError: there is no browser; before any work starts.
        UnknownNameError: there is no such small model; before any work starts.
        ConfigError: the small model cannot be trained; before any work starts.
        MissingDependencyError: a training package is not installed; before any work starts.
    """
    folder = RunFolder(out, config.to_json(), need_bytes=NEED_BYTES)
    require_training()
    require_chromium()
    large = _Large(config)
    small = _student(config)
    with folder, Rollouts(config.environments) as rollouts:
        return _Loop(config, out, large, small, rollouts, progress or Progress(quiet=True)).run()


def _student(config: SymbiosisConfig) -> LocalModel:
    """The small model, as far as it can be checked without its weights."""
    name = config.small
    if name in MODELS and MODELS[name].kind != "transformers":  # said before it is fetched
        students = [known for known, model in MODELS.items() if model.kind == "transformers"]
        raise ConfigError(
            explain(
                f"small = {name!r}, a {MODELS[name].kind.upper()} file for llama.cpp",
                f"{' or '.join(students)}, a folder, or a hub id such as org/name",
                "the small model is trained, and llama.cpp only answers",
                "name another small model; llama.cpp can serve this one as the teacher, --large openai:MODEL@BASE_URL",
            )
        )
    model = LocalModel(resolve_model(name), device=config.train.device, dtype=config.train.dtype)
    model.check()
    return model


@dataclass(frozen=True)
class _Phase:
    """One step of the loop that plays episodes."""

    name: str
    """As in the config: which seeds it takes."""
    player: str
    iteration: int

    @property
    def key(self) -> str:
        return (
            f"{self.iteration:02d}-{self.name}-{self.player}"
            if self.name == "evaluate"
            else f"{self.iteration:02d}-{self.name}"
        )

    @property
    def title(self) -> str:
        doing = {
            "evaluate": f"{self.player} model is evaluated",
            "explore_large": "large model explores",
            "synthesize": "speculative synthesis",
            "explore_small": "small model explores",
        }[self.name]
        return f"iteration {self.iteration}: {doing}" if self.iteration else f"before: {doing}"


class _Large:
    """The large model, named in the config: checked at once, made into agents later."""

    def __init__(self, config: SymbiosisConfig) -> None:
        self._config = config
        self._model: OpenAIModel | None = None
        if config.large == "scripted":
            self.name = "scripted expert"
        elif config.large.startswith("openai:"):
            self._model = OpenAIModel.from_spec(config.large)
            self._model.check()
            self.name = f"{self._model.name} at {self._model.base_url}"
        else:
            raise ConfigError(
                explain(
                    f"large = {config.large!r}",
                    "'scripted' or 'openai:MODEL[@BASE_URL]'",
                    "the large model is the teacher; nothing can be learnt without one",
                    "name the endpoint's model, for instance openai:qwen@http://127.0.0.1:8000/v1",
                )
            )

    @property
    def retrieves(self) -> bool:
        """Whether the knowledge base can change what it does."""
        return self._model is not None

    def agent(self, knowledge: KnowledgeBase, task: str, *, evaluated: bool) -> Agent:
        if self._model is None:
            return ScriptedAgent(mistakes=self._config.mistakes)
        hidden = Exclusion(level=self._config.retrieval if evaluated else "none", task=task)
        return LargeAgent(self._model, knowledge=knowledge, exclude=hidden)


class _Loop:
    def __init__(
        self, config: SymbiosisConfig, out: Path, large: _Large, small: LocalModel, rollouts: Rollouts, progress: Progress
    ) -> None:
        self.config = config
        self.out = out
        self.large = large
        self.small = small
        self.rollouts = rollouts
        self.progress = progress
        self.clock = PhaseClock(out / "seconds.json")
        self.knowledge = KnowledgeBase(out / "knowledge.jsonl")
        self.results: list[PhaseResult] = []
        self.fresh: list[list[Example]] = []
        """New examples of each iteration so far."""
        self.trainings: list[DistillResult] = []

    def run(self) -> Summary:
        self._evaluate(0)
        for iteration in range(1, self.config.iterations + 1):
            explored = self._play(_Phase("explore_large", "large", iteration), self._large_agent)
            self._remember(explored, iteration, "large")
            synthesized = self._play(_Phase("synthesize", "both", iteration), self._speculative_agent(iteration))
            self._remember(synthesized, iteration, "both")
            self._distill(iteration, explored + synthesized)
            found = self._play(_Phase("explore_small", "small", iteration), self._small_agent(iteration, self._sampled))
            self._remember(found, iteration, "small")
            self._evaluate(iteration)
        return self._save()

    # --- agents ---

    @property
    def _sampled(self) -> Sampling:
        return Sampling(temperature=self.config.temperature, top_p=0.95, max_tokens=self.config.max_action_tokens)

    def _large_agent(self, task: str) -> Agent:
        return self.large.agent(self.knowledge, task, evaluated=False)

    def _evaluated_large_agent(self, task: str) -> Agent:
        return self.large.agent(self.knowledge, task, evaluated=True)

    def _small_agent(self, iteration: int, sampling: Sampling) -> MakeAgent:
        """Agents on the weights that `iteration` produced; 0 is the untrained model."""
        adapter = self._adapter(iteration)

        def make(task: str) -> Agent:
            self.small.set_adapter(adapter)
            budget, constrained = self.config.train.page_budget, self.config.constrained
            return SmallAgent(self.small, sampling=sampling, page_budget=budget, constrained=constrained)

        return make

    def _speculative_agent(self, iteration: int) -> MakeAgent:
        """The student of the iteration before, verified by the teacher, whose answers are kept: each costs only once."""
        make_student = self._small_agent(iteration - 1, self._sampled)
        cache = CandidateCache(self.out / "candidates" / f"iteration-{iteration}.jsonl") if self.large.retrieves else None
        return lambda task: SpeculativeAgent(make_student(task), self._large_agent(task), cache=cache)

    def _adapter(self, iteration: int) -> Path | None:
        return self.out / "checkpoints" / f"iteration-{iteration}" / "adapter" if iteration else None

    # --- phases ---

    def _evaluate(self, iteration: int) -> None:
        greedy = Sampling(max_tokens=self.config.max_action_tokens)
        self._play(_Phase("evaluate", "small", iteration), self._small_agent(iteration, greedy))
        if iteration == 0 or self.large.retrieves:
            self._play(_Phase("evaluate", "large", iteration), self._evaluated_large_agent)
        write_curves(self._save(), self.out / "tensorboard" / "iterations")

    def _play(self, phase: _Phase, make_agent: MakeAgent) -> list[Trajectory]:
        seeds = self.config.seeds(phase.name, phase.iteration)
        if phase.name == "evaluate":
            seeds = self.config.seeds("evaluate")  # the same instances every time, so that iterations can be compared
        tasks = self.config.tasks
        # what an agent with a memory may retrieve depends on the task, so it plays one task after the other
        groups = [(task,) for task in tasks] if self.large.retrieves and phase.player != "small" else [tasks]
        log = EpisodeLog(self.out / "episodes" / f"{phase.key}.jsonl")
        won = 0
        with self.clock.phase(phase.key), self.progress.phase(phase.title, len(tasks) * len(seeds)) as bar:

            def note(trajectory: Trajectory) -> None:
                nonlocal won
                won += trajectory.success
                self.clock.tick()
                bar.advance(f"{won} succeeded")

            trajectories: list[Trajectory] = []
            for group in groups:
                trajectories += self.rollouts.run(
                    [Episode(task, seed) for task in group for seed in seeds],
                    partial(make_agent, group[0]),
                    name=self.large.name if phase.player == "large" else phase.player,
                    max_steps=self.config.max_steps,
                    max_refused=self.config.max_refused,
                    log=log,
                    on_episode=note,
                    whole_waves=phase.player != "large",
                )
        self.results.append(PhaseResult(phase.name, phase.player, phase.iteration, phase.key, tuple(trajectories)))
        self._save()
        return trajectories

    def _remember(self, trajectories: Sequence[Trajectory], iteration: int, source: str) -> None:
        for trajectory in trajectories:
            if trajectory.success:
                self.knowledge.add(trajectory, iteration=iteration, source=source)

    def _distill(self, iteration: int, trajectories: Sequence[Trajectory]) -> None:
        new = examples_from(trajectories, further=self.config.train.lambda_further)
        earlier = [example for examples in self.fresh for example in examples]
        self.fresh.append(new)
        again = min(len(earlier), round(self.config.replay * len(new)))
        rng = random.Random(f"replay {self.config.seed} {iteration}")
        examples = new + rng.sample(earlier, again)
        key = f"{iteration:02d}-distill"
        with self.clock.phase(key), self.progress.phase(f"iteration {iteration}: small model is distilled", None) as bar:

            def note(step: int, steps: int, text: str) -> None:
                self.clock.tick()
                bar.set(step, steps, text)

            result = distill(
                self.config.train,
                examples,
                self.out / "checkpoints" / f"iteration-{iteration}",
                base_model=resolve_model(self.config.small),
                initial_adapter=self._adapter(iteration - 1),
                tensorboard=self.out / "tensorboard" / f"iteration-{iteration}",
                progress=note,
            )
        self.trainings.append(result)
        self._save()

    def _save(self) -> Summary:
        summary = summarize(self.config, self.large.name, self.results, self.trainings, self.clock.seconds)
        if self.large.retrieves:  # said of what was retrieved, not of what the config asked for
            summary["leaks"] = [
                {"iteration": result.iteration, **leaks(result.trajectories, self.knowledge).to_json()}
                for result in self.results
                if result.phase == "evaluate" and result.player == "large"
            ]
        write_json(self.out / "summary.json", summary)
        return summary
