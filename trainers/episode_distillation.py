"""trl's DistillationTrainer over whole episodes: the student plays, a teacher says of each token what it would have written.

    bridge = EpisodeBridge(tokenizer, rollouts, max_steps=5)
    EpisodeDistillationTrainer(
        bridge=bridge, model=student, teacher_model=teacher, processing_class=tokenizer, train_dataset=bridge.dataset(episodes)
    )

On-policy distillation (GKD, arXiv 2306.13649) in environments of many turns. Observation tokens are masked, episodes that the
infrastructure spoiled are dropped and counted by the bridge. trl generates by itself, one turn, and has no hook for anything
else: what is overridden is the method that generates, of trl 1.16.
"""

from importlib.metadata import version
from typing import Any

import torch
from trl import DistillationTrainer

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.trainers.episode_bridge import EpisodeBridge

__all__ = ["EpisodeDistillationTrainer"]

_TRL = "1.16"


class EpisodeDistillationTrainer(DistillationTrainer):
    """DistillationTrainer whose completions are episodes.

    In place of trl's metrics of single answers it logs `reward`, the mean over the step's scored episodes of all processes,
    and `completions/mean_length`, the tokens that the student wrote in an episode.

    Args:
        bridge: plays the episodes; its dataset is the `train_dataset`.
        kwargs: DistillationTrainer's.

    Raises:
        ConfigError: the installed trl is another version, and may generate in another way.
    """

    def __init__(self, *, bridge: EpisodeBridge, **kwargs: Any) -> None:
        if not (installed := version("trl")).startswith(f"{_TRL}."):
            raise ConfigError(
                explain(
                    f"trl {installed}",
                    f"trl {_TRL}, whose method _generate is overridden here",
                    "another version could train on single answers and not on episodes",
                    f"pip install 'trl=={_TRL}.*'",
                )
            )
        self._bridge = bridge
        super().__init__(**kwargs)

    def _generate(self, prompts: list[Any]) -> tuple[list[list[int]], list[list[int]], list[list[int]], None, list[Any]]:
        """Prompts, completions, and which of their tokens the student wrote; no pictures."""
        given = self._bridge(prompts, self)
        scored = [reward for reward in given["episode_reward"] if reward is not None]
        written = sum(sum(mask) for mask in given["env_mask"])
        sums = torch.tensor([sum(scored), len(scored), written, len(prompts)], device=self.accelerator.device)
        reward, n, written, episodes = self.accelerator.reduce(sums, "sum").tolist()
        model: Any = self.model
        metrics = self._metrics["train" if model.training else "eval"]
        metrics["completions/mean_length"].append(written / episodes)
        if n:
            metrics["reward"].append(reward / n)
        return given["prompt_ids"], given["completion_ids"], given["env_mask"], None, []
