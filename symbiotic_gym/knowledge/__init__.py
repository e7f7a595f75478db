"""The shared knowledge base: the steps of both models' episodes, kept, found again, and held back where they would leak.

    base = KnowledgeBase("runs/a/knowledge.jsonl")
    base.add(trajectory, iteration=1, source="large")
    found = base.search(goal, page, exclude=Exclusion(task="miniwob.click-tab", seed=7))

`entries.py` says what is kept, `base.py` keeps and finds it, `exclusion.py` decides what may not be returned, `leaks.py`
reports what was returned. An agent takes anything `Searchable`: the base itself, or one of the things around it, which mask
what they return (`masking.py`) or return nothing where nothing is needed (`states.py`; with a language model,
`agents/retrieval.py`).
"""

from symbiotic_gym.knowledge.base import KnowledgeBase
from symbiotic_gym.knowledge.entries import Entry, Retrieved, Searchable
from symbiotic_gym.knowledge.excerpts import excerpt
from symbiotic_gym.knowledge.exclusion import Exclusion, Level
from symbiotic_gym.knowledge.index import Bm25Index, Index
from symbiotic_gym.knowledge.leaks import LeakReport, leaks
from symbiotic_gym.knowledge.masking import Masked
from symbiotic_gym.knowledge.states import Gated, StateValues, state_key

__all__ = [
    "Bm25Index",
    "Entry",
    "Exclusion",
    "Gated",
    "Index",
    "KnowledgeBase",
    "LeakReport",
    "Level",
    "Masked",
    "Retrieved",
    "Searchable",
    "StateValues",
    "excerpt",
    "leaks",
    "state_key",
]
