"""trl's DistillationTrainer over whole episodes: the student plays, a teacher says of each token what it would have written.

    bridge = EpisodeBridge(tokenizer, rollouts, max_steps=5)
    EpisodeDistillationTrainer(
        bridge=bridge, model=student, teacher_model=teacher, processing_class=tokenizer, train_dataset=bridge.dataset(episodes)
    )

On-policy distillation (GKD, arXiv 2306.13649) in environments of many turns. Observation tokens are masked, episodes that the
infrastructure spoiled are dropped and counted by the bridge. trl generates by itself, one turn, and has no hook for anything
else: what is overridden is the method that generates, of trl 1.16.
"""

from typing import Any

from trl import DistillationTrainer

from symbiotic_gym.errors import ConfigError, explain
from symbiotic_gym.trainers.episode_bridge import EpisodeBridge

__all__ = ["EpisodeDistillationTrainer"]


class EpisodeDistillationTrainer(DistillationTrainer):
    """DistillationTrainer whose completions are episodes.

    Logs, beside trl's own metrics, `reward`: the mean over the step's scored episodes.

    Args:
        bridge: plays the episodes; its dataset is the `train_dataset`.
        kwargs: DistillationTrainer's.

    Raises:
        ConfigError: this version of trl generates in another way.
    """

    def __init__(self, *, bridge: EpisodeBridge, **kwargs: Any) -> None:
        if not hasattr(DistillationTrainer, "_generate"):
            import trl

            raise ConfigError(
                explain(
                    f"trl {trl.__version__}, whose DistillationTrainer has no method _generate",
                    "trl 1.16, for which this was written",
                    "it would train on single answers and not on episodes",
                    "install trl==1.16.*",
                )
            )
        self._bridge = bridge
        super().__init__(**kwargs)

    def _generate(self, prompts: list[Any]) -> tuple[list[list[int]], list[list[int]], list[list[int]], None, list[Any]]:
        """Prompts, completions, and which of their tokens the student wrote; no pictures."""
        given = self._bridge(prompts, self)
        model: Any = self.model
        mode = "train" if model.training else "eval"
        scored = [reward for reward in given["episode_reward"] if reward is not None]
        if scored:
            self._metrics[mode]["reward"].append(sum(scored) / len(scored))
        return given["prompt_ids"], given["completion_ids"], given["env_mask"], None, []
