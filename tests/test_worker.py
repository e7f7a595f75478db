"""The browser's worker process, without a browser."""

import subprocess
import sys


def test_a_parent_that_is_gone_leaves_no_traceback_on_the_terminal() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", "from symbiotic_gym.browser.worker import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin and worker.stdout and worker.stderr
    worker.stdin.write('{"session": 0, "call": "nothing", "arguments": {}}\n')
    worker.stdin.flush()
    assert "error" in worker.stdout.readline(), "it must have come as far as answering"
    worker.stdout.close()
    worker.stdin.write('{"session": 0, "call": "nothing", "arguments": {}}\n')
    worker.stdin.close()
    assert (worker.wait(30), worker.stderr.read()) == (0, "")
    worker.stderr.close()
