"""Token-level speculation as an agent: it plays like `SpeculativeAgent`, and leaves the same kind of record.

An action is written by student and teacher together, token by token. Where the teacher had to step in, the student finishes
alone what it had begun, on the side, so that the record has a whole proposal beside the action that was executed: preference
pairs, the acceptance rate and examples are made from it as from any other speculative synthesis.
"""

from typing import Any

from symbiotic_gym.actions import compare
from symbiotic_gym.agents.chat import encode_prompt
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.small import PAGE_BUDGET, extend_history, prompt_messages, read_action
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.trainers.skd import Drafted, check_pair, speculate
from symbiotic_gym.types import Acceptance, Candidate, Decision, Observation, Usage

__all__ = ["TokenSpeculativeAgent"]


class TokenSpeculativeAgent:
    """Student and open-weight teacher of one tokenizer as one agent, on the small agent's prompt.

    Args:
        student: drafts.
        teacher: reads; a larger model of the family, tuned to write actions.
        gamma: tokens drafted before the teacher reads them.
        k: how many of the teacher's likeliest tokens stand.
        max_tokens: of an action.
        sampling: how the student draws.
        page_budget: characters of the page in a prompt.
    """

    def __init__(
        self,
        student: LocalModel,
        teacher: LocalModel,
        *,
        gamma: int = 5,
        k: int = 25,
        max_tokens: int = 64,
        sampling: Sampling = Sampling(temperature=0.5, top_p=0.5),  # noqa: B008 - frozen
        page_budget: int = PAGE_BUDGET,
    ) -> None:
        self.name = f"token-speculative({student.name}, {teacher.name})"
        self._student, self._teacher = student, teacher
        self._options: dict[str, Any] = {"gamma": gamma, "k": k, "max_tokens": max_tokens, "student_sampling": sampling}
        self._alone = Sampling(temperature=sampling.temperature, top_p=sampling.top_p, max_tokens=max_tokens)
        self._page_budget = page_budget
        self._checked = False
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Forget the last episode. Without a seed, every episode draws the same numbers."""
        self._goal, self._seed, self._step = goal, seed or 0, 0
        self._history: tuple[str, ...] = ()

    def act(self, observation: Observation) -> Decision:
        """Write the next action.

        Raises:
            ConfigError: student and teacher have different vocabularies.
        """
        self._history = extend_history(self._history, observation)
        self._step += 1
        student, teacher = self._student.open(), self._teacher.open()
        if not self._checked:
            check_pair(student, teacher)
            self._checked = True
        messages = prompt_messages(self._goal, observation, self._history, "action", page_budget=self._page_budget)
        prompt = encode_prompt(student.tokenizer, messages)
        seed = self._seed * 1009 + self._step
        done = speculate(student, teacher, prompt, seed=seed, **self._options)
        text = read_action(student.tokenizer.decode(done.tokens, skip_special_tokens=True))
        proposal = text if not any(done.replaced) else self._finished(prompt, done, seed)
        same = proposal == text or bool(compare(proposal, observation["page"], text, observation["page"]))
        return self._decision(text, proposal, same, done, len(prompt))

    def _finished(self, prompt: list[int], done: Drafted, seed: int) -> str:
        """What the student would have written from where the teacher first stepped in, with nobody to stop it."""
        student = self._student.open()
        first = done.replaced.index(True)
        begun = [*done.tokens[:first], done.refused]
        if begun[-1] not in student.ends and len(begun) < self._options["max_tokens"]:
            left = self._options | {"max_tokens": self._options["max_tokens"] - len(begun), "k": len(student.tokenizer)}
            begun += speculate(student, student, [*prompt, *begun], seed=seed, **left).tokens
        return read_action(student.tokenizer.decode(begun, skip_special_tokens=True))

    def _decision(self, text: str, proposal: str, same: bool, done: Drafted, prompt_tokens: int) -> Decision:
        stood = not any(done.replaced)
        count = f"{len(done.tokens) - sum(done.replaced)} of {len(done.tokens)} tokens stood"
        alone = ", and the student alone would have done the same" if same and not stood else ""
        read = {"requests": 1, "prompt_tokens": prompt_tokens + done.drafted, "completion_tokens": sum(done.replaced)}
        verdict = Acceptance(
            accepted=same,
            why=f"{count} in {done.passes} passes of the teacher{alone}",
            proposal=Candidate(action=proposal),
            verifier=f"top-{self._options['k']} of each token",
        )
        return Decision(
            action=text,
            usage=Usage(requests=2, prompt_tokens=2 * prompt_tokens, completion_tokens=len(done.tokens)),
            source="student" if verdict.accepted else "teacher",
            acceptance=verdict,
            extra={"teacher_usage": read},
        )
