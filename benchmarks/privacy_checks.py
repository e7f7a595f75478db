"""The parts of the privacy benchmark that need no browser: detectors on held-out texts, faults, round trips, cost."""

import json
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any

from symbiotic_gym.agents.hybrid import HybridAgent
from symbiotic_gym.agents.privacy_classifier import ClassifierDetector
from symbiotic_gym.agents.privacy_detectors import DetectorStack, default_detectors
from symbiotic_gym.agents.privacy_encodings import ENCODINGS
from symbiotic_gym.agents.privacy_guard import EgressGuard
from symbiotic_gym.agents.privacy_policy import Situation, decide
from symbiotic_gym.agents.privacy_vault import Vault
from symbiotic_gym.agents.privacy_view import redact_observation
from symbiotic_gym.benchmarks.privacy_keys import canaries, secrets_of
from symbiotic_gym.benchmarks.privacy_public import public_strings
from symbiotic_gym.benchmarks.report import Row, share
from symbiotic_gym.nodes import Node, page_nodes
from symbiotic_gym.protocols import Detector, Finding
from symbiotic_gym.types import Decision, Observation

__all__ = ["cost_rows", "fault_rows", "node_rows", "offline_rows", "page_rows", "round_trip_rows"]

_MARKS = 2
"""Characters of a text that may be left over, a bracket or a full stop."""


def node_rows(limit: int | None = None) -> Iterator[Row]:
    """Recall on held-out locales by kind and by locale, on keys, and false hits on public texts.

    The rules know words of streets in some of these languages, so the recall of the classifier alone stands beside that of all
    detectors together.
    """
    stack = DetectorStack(timeout_s=120)
    texts = [json.loads(line) for line in _data("privacy_nodes.jsonl").splitlines()][:: 1 if limit is None else 20]
    alone = DetectorStack([ClassifierDetector()], timeout_s=120)
    by_classifier = [
        _whole(text, n) for (text, _, _), n in zip(texts, _covered(alone, [text for text, _, _ in texts]), strict=True)
    ]
    for kind in sorted({kind for _, kind, _ in texts}):
        verdicts = [found for found, (_, of, _) in zip(by_classifier, texts, strict=True) if of == kind]
        yield share(f"nodes/recall by the classifier alone/{kind}", sum(verdicts), len(verdicts))
    right, there = Counter[str](), Counter[str]()
    for (text, kind, locale), covered in zip(texts, _covered(stack, [text for text, _, _ in texts]), strict=True):
        for key in (kind, f"{locale}/{kind}"):
            right[key] += _whole(text, covered)
            there[key] += 1
    mails = [value for kind, value in canaries(600, 5) if kind == "email"]
    found_mails = zip(mails, _covered(stack, mails), strict=True)
    right["email"], there["email"] = sum(_whole(text, covered) for text, covered in found_mails), len(mails)
    for key in sorted(there, key=lambda key: ("/" in key, key)):
        yield share(f"nodes/recall/{key}", right[key], there[key], target=None if "/" in key else 0.98)
    keys = list(secrets_of(5 if limit else 50))
    found = sum(covered >= 8 for covered in _covered(stack, [f"Your key is {key}, keep it." for _, key in keys]))
    yield share("nodes/recall/secrets", found, len(keys), target=1.0)
    products = [text.strip() for line in _data("privacy_strings.txt").splitlines() for text in line.split("|")]
    interface = public_strings()
    for name, some in (("products", products), ("interface", interface), ("all", products + interface)):
        hits = sum(covered > 0 for covered in _covered(stack, some))
        target = 0.05 if name == "all" else None
        yield Row(
            name=f"nodes/false hits/{name}", value=hits / len(some), unit="share", n=len(some), target=target, better="lower"
        )


def _data(name: str) -> str:
    return files("symbiotic_gym.benchmarks").joinpath(name).read_text(encoding="utf-8")


def _whole(text: str, covered: int) -> bool:
    """Whether a text counts as found: all of it but for a mark or two around it; its spaces do not count."""
    return covered >= len("".join(text.split())) - _MARKS


def _covered(stack: DetectorStack, texts: Sequence[str]) -> list[int]:
    """How many characters of each text are found private, each counted once."""
    covered = []
    for start in range(0, len(texts), 300):
        covered += _covered_in(stack, [Node(text=text, role="text", part="name") for text in texts[start : start + 300]])
    return covered


def _covered_in(stack: DetectorStack, nodes: Sequence[Node]) -> list[int]:
    """The same of the nodes of one page."""
    scan = stack.scan(nodes, "http://site.test/")
    if scan.faults:
        raise RuntimeError(f"nothing can be said of the detectors: {', '.join(scan.faults)} failed on this machine")
    places: list[set[int]] = [set() for _ in nodes]
    for finding in scan.findings:
        places[finding.node].update(range(finding.start, finding.end))
    return [sum(not nodes[i].text[at].isspace() for at in found) for i, found in enumerate(places)]


def page_rows(count: int) -> Iterator[Row]:
    """Pages made of public texts, clean or with one private value in a random place: who decides them, and what is missed."""
    rng = random.Random(7)
    texts, private = public_strings(), [json.loads(line) for line in _data("privacy_nodes.jsonl").splitlines()]
    stack, local, redacted, missed = DetectorStack(timeout_s=60), 0, 0, 0
    for _ in range(count):
        lines = [f"[{i}] link {json.dumps(text)}" for i, text in enumerate(rng.sample(texts, 40))]
        scan = stack.scan(page_nodes("\n".join(lines)), "http://site.test/")
        route = decide(Situation(counts=Counter(f.kind for f in scan.findings), faults=scan.faults)).route
        local, redacted = local + (route == "LOCAL"), redacted + (route == "CLOUD_REDACTED")
        value = rng.choice(private)[0]
        lines.insert(rng.randrange(40), f"text {json.dumps(value)}")
        nodes = page_nodes("\n".join(lines))
        place = next(i for i, node in enumerate(nodes) if node.text == value)
        missed += not _whole(value, _covered_in(stack, nodes)[place])
    yield Row(name="pages/clean sent LOCAL", value=local / count, unit="share", n=count, target=0.05, better="lower")
    yield Row(name="pages/clean with a placeholder", value=redacted / count, unit="share", n=count, better="lower")
    yield Row(name="pages/private missed", value=missed / count, unit="share", n=count, target=0.01, better="lower")


class _Broken:
    """A detector with a fault."""

    name, version = "broken", "0"

    def __init__(self, answer: Callable[[Sequence[Node]], Any]) -> None:
        self._answer = answer

    def find(self, nodes: Sequence[Node], url: str) -> Any:
        return self._answer(nodes)


def _finding(**changes: Any) -> Finding:
    return Finding(**{"node": 0, "start": 0, "end": 1, "kind": "name", "score": 0.9, "source": "x", **changes})


def _raise(error: BaseException) -> Any:
    raise error


FAULTS: dict[str, Callable[[Sequence[Node]], Any]] = {
    "raises": lambda nodes: _raise(RuntimeError("no")),
    "runs out of memory": lambda nodes: _raise(MemoryError()),
    "exits": lambda nodes: _raise(SystemExit(1)),
    "hangs": lambda nodes: time.sleep(3600),
    "None": lambda nodes: None,
    "NaN": lambda nodes: [_finding(score=float("nan"))],
    "score above 1": lambda nodes: [_finding(score=7.0)],
    "wrong offsets": lambda nodes: [_finding(end=10**6)],
    "wrong node": lambda nodes: [_finding(node=10**6)],
    "no findings": lambda nodes: ["private"],
    "unparsable verdict": lambda nodes: json.loads("I think it is private"),
}


def fault_rows() -> Iterator[Row]:
    """Steps with a broken detector, an endless node, or an unknown alphabet: none may be sent."""
    held = 0
    whole = _sends(default_detectors(), "Hello")
    yield Row(name="faults/sent without a fault", value=float(whole), unit="of 1", target=1)
    cases: list[tuple[list[Detector], str]] = [([*default_detectors(), _Broken(answer)], "Hello") for answer in FAULTS.values()]
    cases += [(default_detectors(), "x" * 10_000_000), (default_detectors(), "ខ្ញុំឈ្មោះសុខា ហើយរស់នៅភ្នំពេញ")]
    for detectors, text in cases:
        held += not _sends(detectors, text)
    yield Row(name="faults/not sent", value=held, unit=f"of {len(cases)}", n=len(cases), target=len(cases))


def _sends(detectors: Sequence[Detector], text: str) -> bool:
    """Whether a step with that text on its page is sent to the cloud."""
    sent: list[Observation] = []

    def cloud(observation: Observation) -> Decision:
        sent.append(observation)
        return Decision(action='click("1")')

    agent = HybridAgent(cloud, lambda observation: 'click("1")', detectors=DetectorStack(detectors, timeout_s=0.5))
    agent.reset("Go on", seed=1)
    agent.act(_observation(f'[1] link "Home"\ntext {json.dumps(text, ensure_ascii=False)}'))
    return bool(sent)


def _observation(page: str) -> Observation:
    return {
        "goal": "Go on",
        "page": page,
        "url": "http://site.test/",
        "title": "",
        "tabs": "",
        "last_action": "",
        "last_action_error": "",
    }


def round_trip_rows(count: int) -> Iterator[Row]:
    """Texts of values in all encodings, placeholders that pages invented, and other characters: there and back again."""
    rng = random.Random(11)
    wrong = readable = 0
    for case in range(count):
        vault = Vault(case)
        values = [value for _, value in canaries(4, case)] + ["Zoë Ångström", "王小明先生", values_inside(rng)]
        for value in values:
            vault.add(value, "name", declared=True)
        pieces = [rng.choice(list(ENCODINGS.values()))(rng.choice(values)) for _ in range(rng.randrange(1, 5))]
        pieces += rng.sample(["⟦name_1⟧", "⟦", "⟧", '"\\', "\u200b", "<action>", "\n", "é", "%41", "&amp;", "+"], 4)
        rng.shuffle(pieces)
        text = rng.choice(("", " ", ", ")).join(pieces)
        redacted = vault.redact(text)
        wrong += vault.restore(redacted) != text
        readable += any(value in redacted for value in values)
    yield Row(name="placeholders/wrong round trips", value=wrong, unit="cases", n=count, target=0, better="lower")
    yield Row(name="placeholders/values left readable", value=readable, unit="cases", n=count, target=0, better="lower")


def values_inside(rng: random.Random) -> str:
    """A value that is part of another one."""
    return canaries(1, rng.randrange(1000))[0][1][:8] + "xyz"


def cost_rows(steps: int) -> Iterator[Row]:
    """Milliseconds for detecting, redacting and guarding a page of 300 nodes and about 10,000 characters.

    Each page is new. Its public texts are those of the sites, which come again on other pages; and, in rows of their own
    without a target, texts that were never seen before.
    """
    for name, again in (("guard", True), ("guard, nothing seen before", False)):
        times = _costs(steps, again=again)
        p95 = sorted(times)[int(0.95 * (len(times) - 1))]
        for which, value, target in (("p50", statistics.median(times), 20), ("p95", p95, 60)):
            yield Row(
                name=f"cost/{name} {which}",
                value=value,
                unit="ms",
                n=len(times),
                target=target if again else None,
                better="lower",
            )


def _costs(steps: int, *, again: bool) -> list[float]:
    """Milliseconds of each step."""
    rng = random.Random(3)
    texts, private = public_strings(), [json.loads(line)[0] for line in _data("privacy_nodes.jsonl").splitlines()]
    stack, guard, vault = DetectorStack(timeout_s=60), EgressGuard(), Vault(1)
    guard.protect(vault)
    times: list[float] = []
    for step in range(steps + 3):
        own = "" if again else f" {step}"
        lines = [f"[{i}] link {json.dumps(rng.choice(texts)[:60] + (own and f'{own}.{i}'))}" for i in range(270)]
        lines += [f"text {json.dumps(rng.choice(private) + own)}" for _ in range(30)]
        observation = _observation("\n".join(lines)[:20_000])
        if step % 20 == 0:  # an episode's vault does not live longer
            guard, vault = EgressGuard(), Vault(step)
            guard.protect(vault)
        started = time.perf_counter()
        view = redact_observation(observation, vault, stack)
        body = json.dumps({"messages": [{"role": "user", "content": view.observation["page"]}]}).encode()
        with suppress(PermissionError):  # a stop costs what a pass costs
            guard.check("http://cloud.test/", {}, body)
        if step >= 3:
            times.append((time.perf_counter() - started) * 1000)
    return times


_OFFLINE = """
import sys
tries = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.gethostbyname"):
        tries.append(event)
sys.addaudithook(watch)
import symbiotic_gym.agents.hybrid, symbiotic_gym.agents.privacy_plugins
from symbiotic_gym.agents.privacy_classifier import ClassifierDetector
from symbiotic_gym.agents.privacy_detectors import DetectorStack
from symbiotic_gym.agents.privacy_vault import Vault
from symbiotic_gym.agents.privacy_view import redact_observation
page = 'text "Nora Diallo"\\ntext "nora@mailhaven.example"\\ntext "20 Linden Avenue, 43672 Kestrel Point"'
seen = dict(goal="", page=page, url="http://site.test/", title="", tabs="", last_action="", last_action_error="")
view = redact_observation(seen, Vault(1), DetectorStack())
assert "mailhaven" not in view.observation["page"]
print(len(tries))
"""


def offline_rows() -> Iterator[Row]:
    """Connection attempts in a fresh process that imports, detects and redacts."""
    done = subprocess.run([sys.executable, "-c", _OFFLINE], capture_output=True, text=True, check=True, timeout=120)
    yield Row(name="offline/connection attempts", value=int(done.stdout), unit="attempts", target=0, better="lower")
