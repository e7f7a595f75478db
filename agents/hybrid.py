"""The hybrid agent: a large model in the cloud, a small one on this machine, and a decision step by step which of them may
look.

In its default mode, `guarded`, what is private becomes placeholders and the large model goes on; the small one decides where a
value must stay, has to be read, or anything is in doubt; and one guard looks at every request that leaves. The other modes are
there to compare it with: what each of them shows is written in `MODES`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.actions import compare, elements, parse
from symbiotic_gym.agents.large import COMMON_VERBS
from symbiotic_gym.agents.privacy_actions import Rule, Verdict
from symbiotic_gym.agents.privacy_detectors import DetectorStack, Scan
from symbiotic_gym.agents.privacy_episode import Episode, redact_trajectory
from symbiotic_gym.agents.privacy_guard import guard_of, has_guard
from symbiotic_gym.agents.privacy_ledger import Ledger, LedgerRow
from symbiotic_gym.agents.privacy_policy import HARD, READ, Ruling, Situation, decide
from symbiotic_gym.agents.privacy_router import Router, describe
from symbiotic_gym.agents.privacy_view import Redacted, outline, redact_observation, without_imitations
from symbiotic_gym.errors import ActionError, ConfigError, PrivacyError, explain, nearest
from symbiotic_gym.policies import NOT_KEPT, Concurrent, Observer, Retelling, agent_name, as_agent
from symbiotic_gym.protocols import BatchAgent
from symbiotic_gym.types import Candidate, Decision, Observation, Trajectory, Usage

__all__ = ["MODES", "PRIVATE_VERBS", "HybridAgent"]

MODES: Mapping[str, str] = {
    "large": "the large model sees everything",
    "small": "the small model sees everything; nothing leaves",
    "paper": "pages in which the detectors find anything go to the small model, others as they are to the large one",
    "redact": "the large model sees placeholders, always; no guard, no small model",
    "guarded": "placeholders, the small model where they do not do, the guard over every request",
    "delegate": "the large model sees controls and headings only, and the small one reads and types for it",
    "oracle": "guarded, with the list of what is private instead of detectors",
    "learned": "guarded, and the large model is asked only where a router thinks it worth its price",
}
PRIVATE_VERBS = (*COMMON_VERBS, "noop")
"""The actions to offer a large model that sees placeholders: with `noop` it says that it cannot choose without a value."""

_GUARDED = frozenset({"guarded", "delegate", "oracle", "learned"})
_CONTENT = frozenset({"fill", "keyboard_type", "keyboard_insert_text", "send_msg_to_user", "report_infeasible"})


@dataclass(kw_only=True)
class _Step:
    """One step on its way to a decision."""

    seen: Observation
    view: Redacted
    situation: Situation
    ruling: Ruling
    usage: Usage = Usage()  # noqa: RUF009 - frozen
    stopped: int = 0
    refused: str = ""
    proposal: Decision | None = None
    """What the small model answered, where it was asked before the large one."""


class HybridAgent:
    """A `BatchAgent` made of two agents.

    Args:
        large: the agent whose model is elsewhere; in guarded modes its model's `guard` must be set (`OpenAIModel(guard=...)`).
        small: the agent whose model is on this machine; None: what must stay here ends the episode.
        mode: one of `MODES`.
        detectors: what looks at pages.
        declared: the user's own values, `(kind, value)`; in mode `oracle` all there is to know.
        origins: where these may be typed, `http://shop.test:80`, and where going to is not leaving the site.
        side_effects: `allow`, `ask` or `deny` for `leave`, `upload`, `submit`, `pay`, `delete`.
        ask: called for those under `ask`.
        bind: whether values may be typed only on the origin they came from.
        fence: whether to take imitations of prompts, and texts that people cannot see, out of pages.
        router: of mode `learned`.
        price_usd: what asking the large model once is expected to cost, for the router.
        ledger: where decisions are written down.

    Raises:
        ConfigError: there is no such mode; a guarded mode's large model has no guard; or the large agent's prompt does not
            explain the placeholders that it would be shown.
    """

    def __init__(
        self,
        large: Any,
        small: Any,
        *,
        mode: str = "guarded",
        detectors: DetectorStack | None = None,
        declared: Sequence[tuple[str, str]] = (),
        origins: Sequence[str] = (),
        side_effects: Mapping[str, Rule] | None = None,
        ask: Callable[[str, str], bool] | None = None,
        bind: bool = True,
        fence: bool = True,
        router: Router | None = None,
        price_usd: float = 0.0,
        ledger: Ledger | None = None,
    ) -> None:
        if mode not in MODES:
            raise ConfigError(
                explain(
                    f"there is no mode {mode!r} ({nearest(mode, MODES)})",
                    f"one of {', '.join(MODES)}",
                    "what may leave this machine depends on it",
                    "correct mode",
                )
            )
        if mode not in ("large", "small", "paper") and not getattr(large, "explains_placeholders", True):
            raise ConfigError(
                explain(
                    f"{agent_name(large)} has a prompt that says nothing of placeholders, or no noop to answer them with",
                    'LargeAgent(model, prompt="private_v3", verbs=PRIVATE_VERBS)',
                    f"mode {mode!r} shows it ⟦name_1_abcd⟧ where a private text stood, and it would be taken for that text",
                    "choose that prompt, or one of your own that explains them",
                )
            )
        self.mode = mode
        self.name = f"hybrid-{mode}({agent_name(large)}, {agent_name(small) if small is not None else 'none'})"
        self.ledger = ledger or Ledger()
        self.guard = guard_of(large, needed=mode in _GUARDED)
        self.router = router or Router()
        self.concurrent = all(isinstance(one, Concurrent) and one.concurrent for one in (large, small) if one is not None)
        self._has_small = small is not None
        self._observers = [agent if isinstance(agent, Observer) else None for agent in (large, small)]
        self._memory = large if isinstance(large, Retelling) else None
        self._told = 0
        self._large = as_agent(large)
        self._small = as_agent(small if small is not None else _nobody)
        needs_detectors = mode not in ("large", "small", "oracle")
        self._stack = (detectors or DetectorStack()) if needs_detectors else None
        self._price_usd = price_usd
        self._fence = fence
        self._settings = (tuple(declared), tuple(origins), dict(side_effects or {}), ask, bind)
        self._episodes = 0
        self.reset("")

    def reset(self, goal: str, *, seed: int | None = None) -> None:
        """Forget the last episode and all its values."""
        self._episodes += 1
        self._episode = Episode(goal, seed, *self._settings)
        if self.mode in _GUARDED:
            self.guard.protect(self._episode.vault)
        hidden = goal
        if self._hides:
            only: Observation = {"goal": goal, "page": ""}
            hidden = redact_observation(only, self._episode.vault, self._stack).observation["goal"]
        self._episode.show([hidden])
        self._told = len(self._episode.vault)
        self._large.reset(hidden, seed=seed)
        self._small.reset(goal, seed=seed)

    def act(self, observation: Observation) -> Decision:
        """Choose the next action, and who chooses it."""
        seen = self._episode.begin(observation)
        step = self._look(seen)
        decision = self._decided(step)
        verdict = self._verdict(decision.action, step)
        if not verdict.action:
            step.refused = verdict.why
            if not verdict.placeholder_fault:
                self._episode.denied = verdict.why
        action = verdict.action or "noop(1)"
        if step.ruling.route == "BLOCK":
            action = f"report_infeasible({step.ruling.why!r})"
        if step.ruling.route == "LOCAL" and self._hides and self._stack is not None:
            self._episode.type_here(verdict.action, seen.get("url", ""))
        self._episode.step += 1
        self._episode.actions.append(action)
        self._write(step)
        extra = {**decision.extra, "privacy": _said(step)}
        usage = decision.usage if step.usage is decision.usage else decision.usage + step.usage
        candidates = self._runnable(decision, verdict.action, step)
        return replace(decision, action=action, candidates=candidates, usage=usage, extra=extra)

    def _runnable(self, decision: Decision, chosen: str, step: _Step) -> tuple[Candidate, ...]:
        """The candidates as they could be run here, values for placeholders; none where the chosen one was not let through."""
        if not chosen or step.ruling.route == "BLOCK":
            return ()
        actions = [
            chosen if candidate.action == decision.action else self._verdict(candidate.action, step, asks=False).action
            for candidate in decision.candidates
        ]
        return tuple(replace(one, action=action) for one, action in zip(decision.candidates, actions, strict=True) if action)

    @classmethod
    def act_batch(cls, agents: Sequence[BatchAgent], observations: Sequence[Observation]) -> list[Decision]:
        """One decision per agent, in order; each goes its own way, so nothing is shared between them."""
        return [agent.act(observation) for agent, observation in zip(agents, observations, strict=True)]

    def record(self, trajectory: Trajectory) -> Trajectory:
        """The episode with placeholders, as it may lie on a disk; as it is in the modes that hide nothing.

        Pages that no decision was asked for, such as the last one, are looked at now; a page that a detector failed on is left
        out.
        """
        if not self._hides:
            return trajectory
        for texts in (*(step.observation for step in trajectory.steps), trajectory.final):
            if self._stack is not None and not self._episode.looked_at(texts):
                seen: Any = {"goal": trajectory.goal, "page": "", **texts}
                view = redact_observation(seen, self._episode.vault, self._stack, self._episode.origins)
                self._episode.note(texts, view.scan)
        return redact_trajectory(trajectory, self._episode.vault, self._episode.unclear)

    def record_picture(self, observation: Observation) -> NDArray[np.uint8] | None:
        """The screenshot, in the modes that hide nothing; in the others nobody can vouch for one."""
        return None if self._hides else observation["screenshot"]

    # --- one step ---

    @property
    def _hides(self) -> bool:
        return self.mode not in ("large", "paper")

    def _look(self, seen: Observation) -> _Step:
        episode = self._episode
        if self.mode in ("large", "small"):
            route = Ruling(route="CLOUD" if self.mode == "large" else "LOCAL", why=f"mode {self.mode}")
            return _Step(
                seen=seen, view=Redacted(observation=seen, counts={}, scan=_NO_SCAN), situation=Situation(), ruling=route
            )
        view = redact_observation(seen, episode.vault, self._stack, episode.origins, fence=self._fence)
        episode.note(seen, view.scan)
        situation = Situation(
            counts=view.counts, faults=view.scan.faults, has_local=self._has_small, redacts=self.mode != "paper"
        )
        if self.mode == "redact":
            ruling = Ruling(route="CLOUD_REDACTED" if view.counts else "CLOUD", why="mode redact")
        else:
            if self.mode == "delegate":  # what has to be read is read here anyway
                situation = replace(situation, counts={k: n for k, n in view.counts.items() if k not in HARD | READ})
            ruling = decide(situation)
        if self.mode == "paper":
            view = replace(view, observation=seen)
        return _Step(seen=seen, view=view, situation=situation, ruling=ruling)

    def _decided(self, step: _Step) -> Decision:
        if step.ruling.route.startswith("CLOUD") and self.mode == "learned" and not self._worth_asking(step):
            step.ruling = Ruling(route="LOCAL", why="asking would hardly change the action")
        if step.ruling.route.startswith("CLOUD"):
            decision = self._from_large(step)
            if decision is not None:
                if step.proposal is None and self._observers[1] is not None:
                    self._observers[1].observe(self._for_small(step))
                return decision
        elif self._observers[0] is not None and self.mode != "small":
            self._observers[0].observe(self._for_memory(step))
        if step.ruling.route == "BLOCK":
            return Decision(action="noop(1)", reason=step.ruling.why, source="policy")
        return step.proposal or self._small.act(self._for_small(step))

    def _for_small(self, step: _Step) -> Observation:
        """What the small model sees: what a person would, and nothing that is written like a part of its prompt."""
        return without_imitations(step.seen) if self._fence and self._hides else step.seen

    def _for_memory(self, step: _Step) -> Observation:
        """What the large model's memory keeps of a step that is decided here."""
        shown = step.view.observation
        if step.view.scan.faults:
            return _nothing_of(shown)
        return shown if self._hides else {**shown, "page": NOT_KEPT}

    def _worth_asking(self, step: _Step) -> bool:
        step.proposal = self._small.act(self._for_small(step))
        private = sum(step.view.counts.values())
        features = self._features(step)
        return self.router.asks(features, price_usd=self._price_usd, private=private)

    def _features(self, step: _Step) -> Mapping[str, float]:
        assert step.proposal is not None  # it was asked for before
        texts = {key: value for key, value in step.seen.items() if isinstance(value, str)}
        private = sum(step.view.counts.values())
        return describe(texts, step.proposal, step=self._episode.step, private=private, recent=self._episode.actions[-5:])

    def _from_large(self, step: _Step) -> Decision | None:
        """The large model's decision; None when it must not, or cannot, decide, and the ruling says so."""
        shown = step.view.observation
        if self.mode == "delegate":
            shown = {**shown, "page": outline(shown["page"])}
        vault = self._episode.vault
        if self._memory is not None and self._hides and len(vault) > self._told:
            self._told = len(vault)
            self._memory.retell(vault.hide)  # what is known to be private now may have been shown before
        try:
            with self.guard.listening(vault) as left:
                try:
                    if self.mode in _GUARDED and not has_guard(self._large, self.guard):
                        self.guard.check_text("\n".join(str(value) for value in shown.values() if isinstance(value, str)))
                    decision = self._large.act(shown)
                finally:
                    self._episode.show(left)
        except PrivacyError:
            if self.mode not in _GUARDED:
                raise
            step.stopped = 1  # it ends the turn: what was stopped is not tried again
            self._rerule(step, guard_hit=True)
            return None
        step.usage = decision.usage
        self._episode.show((decision.action, decision.reason))
        self._episode.show(text for candidate in decision.candidates for text in (candidate.action, candidate.reason))
        if self.mode not in _GUARDED:
            return decision
        if not self._usable(decision, step):
            self._rerule(step, cloud_failed=True)
            return None
        if step.proposal is not None:
            changed = not compare(
                self._verdict(decision.action, step).action, step.seen["page"], step.proposal.action, step.seen["page"]
            )
            self.router.learn(self._features(step), changed)
        return decision

    def _rerule(self, step: _Step, **facts: bool) -> None:
        step.situation = replace(step.situation, **facts)  # type: ignore[arg-type] # flags by name
        step.ruling = decide(step.situation)

    def _usable(self, decision: Decision, step: _Step) -> bool:
        """Whether the large model has decided, with what it was shown."""
        try:
            action = parse(decision.action)
        except ActionError:
            return False
        delegated = self.mode == "delegate" and action.verb in _CONTENT
        lost = any(bid not in elements(step.seen["page"]) for bid in action.bids)
        return (
            action.verb != "noop" and not delegated and not lost and not self._verdict(decision.action, step).placeholder_fault
        )

    def _verdict(self, action: str, step: _Step, *, asks: bool = True) -> Verdict:
        if not self._hides:
            return Verdict(action=action)
        return self._episode.rules.complete(action, step.seen, asks=asks)

    def _write(self, step: _Step) -> None:
        sent = step.ruling.route.startswith("CLOUD") or step.situation.cloud_failed
        self.ledger.add(
            LedgerRow(
                episode=f"{self._episode.vault.tag}-{self._episodes}",
                step=self._episode.step - 1,
                mode=self.mode,
                route=step.ruling.route,
                why=step.ruling.why,
                counts=step.view.counts,
                faults=step.situation.faults,
                detectors=self._stack.versions if self._stack is not None else {},
                stopped=step.stopped,
                refused=step.refused,
                body_sha256=self.guard.last_sha256 if sent and self.mode in _GUARDED else "",
                prompt_tokens=step.usage.prompt_tokens,
                completion_tokens=step.usage.completion_tokens,
                cost_usd=step.usage.cost_usd,
            )
        )


_NO_SCAN = Scan(findings=())


def _nothing_of(observation: Observation) -> Observation:
    """An observation in which a detector may have missed something, for a memory that is sent later."""
    unsure: Any = {key: "" if isinstance(value, str) else value for key, value in observation.items()}
    unsure |= {"goal": observation["goal"], "page": NOT_KEPT}
    blank: Observation = unsure
    return blank


def _said(step: _Step) -> dict[str, Any]:
    """What the decision tells of itself, for the record and for the viewer: counts and reasons, never a value."""
    told = {
        "route": step.ruling.route,
        "why": step.ruling.why,
        "found": dict(step.view.counts),
        "detectors that failed": list(step.situation.faults),
        "requests stopped": step.stopped,
        "not run": step.refused,
    }
    return {key: value for key, value in told.items() if value}


def _nobody(observation: Observation) -> str:
    return "noop(1)"
