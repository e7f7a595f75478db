"""Run folders: what an interrupted run has finished is on disk, and reading it back tells exactly how far it came."""

from symbiotic_gym.store.clock import PhaseClock
from symbiotic_gym.store.episodes import EpisodeLog
from symbiotic_gym.store.folder import RunFolder, read_json, write_json

__all__ = ["EpisodeLog", "PhaseClock", "RunFolder", "read_json", "write_json"]
