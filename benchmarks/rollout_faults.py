"""What a run survives: kill -9, a machine of the cluster that dies, and faults in one of ten episodes.

- `kills`: runs of 60 episodes on an environment without a browser, killed at 200 random points in all. After each kill every
  episode that had finished must still be there once; each run that ends must equal an uninterrupted one.
- `soak`: 500 episodes in real browsers, of which one in ten is killed under the policy. All must be accounted for, what is
  invalid apart from what failed, and neither memory nor file handles nor processes may grow.
- `cluster`: 60 episodes in real browsers on a Ray cluster of three nodes on this machine, one of which is killed. The results
  must be those of the threads. Left out where Ray is not installed.

What is finished is kept in the folder that `--kept` names: a benchmark cut short goes on from it.
"""

import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from symbiotic_gym.benchmarks.report import Report, argument_parser
from symbiotic_gym.benchmarks.rollout_cluster import cluster_rows
from symbiotic_gym.benchmarks.rollout_kills import killed_rows
from symbiotic_gym.benchmarks.rollout_soak import soak_rows
from symbiotic_gym.progress import Progress

__all__ = ["main"]

PARTS = ("kills", "soak", "cluster")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 1 where a target is missed."""
    parser = argument_parser(__doc__ or "")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="only these (default: all)")
    parser.add_argument(
        "--kept", type=Path, metavar="FOLDER", help="keep what is finished there; a run cut short goes on from it"
    )
    options = parser.parse_args(arguments)
    smoke, report = options.smoke, Report("rollout_faults")
    with tempfile.TemporaryDirectory() as scratch, Progress().phase("rollout faults", None) as bar:
        folder = options.kept or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if "kills" in options.parts:
            report.add(*killed_rows(folder / "kills", 3 if smoke else 200, bar))
        if "soak" in options.parts:
            report.add(*soak_rows(folder / "soak", 12 if smoke else 500, bar))
        if "cluster" in options.parts and find_spec("ray"):
            report.add(*cluster_rows(folder / "cluster", 9 if smoke else 60, bar))
        elif "cluster" in options.parts:
            print("cluster: left out, Ray is not installed (pip install 'symbiotic-gym[ray]')", file=sys.stderr)
    held = report.finish(options.json)
    return 0 if held or smoke else 1


if __name__ == "__main__":
    sys.exit(main())
