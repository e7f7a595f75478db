"""One experiment a file, each run as `python -m symbiotic_gym.benchmarks.NAME`; their numbers are logged in RESULTS.md."""
