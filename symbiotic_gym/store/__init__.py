"""Run folders: what an interrupted run has finished is on disk, and reading it back tells exactly how far it came."""

from symbiotic_gym.store.blobs import Blobs
from symbiotic_gym.store.clock import PhaseClock
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.store.folder import RunFolder, read_json, write_json
from symbiotic_gym.store.runs import Run, find_runs, open_run
from symbiotic_gym.store.tally import Tally

__all__ = [
    "Blobs",
    "EpisodeLog",
    "PhaseClock",
    "Run",
    "RunFolder",
    "Tally",
    "find_runs",
    "open_run",
    "read_json",
    "write_json",
]
