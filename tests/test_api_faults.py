"""What the endpoint does wrong, script by script: which failures are tried again, which stop what, and what all of it costs.

Waits are counted on a clock of their own: `sleep` moves it and returns at once.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from symbiotic_gym.agents import retrying, spending
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.agents.retrying import asked_wait_s
from symbiotic_gym.agents.spending import Budget, Price, Spending
from symbiotic_gym.agents.testing import FakeEndpoint, Fault
from symbiotic_gym.errors import BudgetError, ConfigError, ModelError, SchemaRefusedError
from symbiotic_gym.protocols import Message, Sampling
from symbiotic_gym.types import Usage

CHAT: list[Message] = [{"role": "user", "content": "say hello"}]
PRICES = {"fake": Price(prompt=1.0, completion=10.0, cached=0.5)}
ANSWER_USD = (2 * 1.0 + 3 * 10.0) / 1e6
"""Of `echo say hello`: two words in, three out."""
RETRIES = 3


class Clock:
    """Monotonic time that `sleep` moves."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    def monotonic(self) -> float:
        return time.monotonic() + sum(self.waited)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retrying, "sleep", clock.sleep)
    monkeypatch.setattr(retrying, "time", SimpleNamespace(monotonic=clock.monotonic, time=time.time))
    return clock


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(lambda prompt: "echo " + prompt[-1]["content"]) as server:
        yield server


@pytest.fixture
def model(endpoint: FakeEndpoint, clock: Clock) -> Iterator[OpenAIModel]:
    account = Spending()
    model = OpenAIModel("fake", base_url=endpoint.url, timeout_s=1.0, max_retries=RETRIES, prices=PRICES, spending=account)
    model._client  # noqa: B018 - imports openai, which takes longer than a request may
    yield model
    model.close()


def said(text: str | None, finish: str) -> str:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    return json.dumps({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage})


def late(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


GROWING = (0.375, 0.5)
"""The first pause where nothing is asked for: half a second, less up to a quarter."""

PASSING: dict[str, tuple[Fault, tuple[float, float]]] = {
    "429 without a wait": (Fault(status=429), GROWING),
    "429, seconds": (Fault(status=429, headers={"Retry-After": "7"}), (6.65, 7.35)),
    "429, a fraction": (Fault(status=429, headers={"Retry-After": "0.5"}), (0.475, 0.525)),
    "429, milliseconds": (Fault(status=429, headers={"retry-after-ms": "2500", "Retry-After": "60"}), (2.375, 2.625)),
    "429, a wait that is no number": (Fault(status=429, headers={"Retry-After": "soon"}), GROWING),
    "429, a negative wait": (Fault(status=429, headers={"Retry-After": "-5"}), GROWING),
    "500": (Fault(status=500), GROWING),
    "502": (Fault(status=502, body="<html>bad gateway</html>", headers={"Content-Type": "text/html"}), GROWING),
    "503 with a wait": (Fault(status=503, headers={"Retry-After": "20"}), (19.0, 21.0)),
    "504": (Fault(status=504), GROWING),
    "529 overloaded": (Fault(status=529), GROWING),
    "408": (Fault(status=408), GROWING),
    "409": (Fault(status=409), GROWING),
    "time-out": (Fault(delay_s=1.6), GROWING),
    "connection reset": (Fault(reset=True), GROWING),
    "half a body": (Fault(cut=True), GROWING),
    "invalid JSON": (Fault(body='{"id": "x", "choi'), GROWING),
    "HTML with status 200": (Fault(body="<html>busy</html>", headers={"Content-Type": "text/html"}), GROWING),
    "no choices": (Fault(body='{"id": "x", "choices": []}'), GROWING),
    "an error object with status 200": (Fault(body='{"error": {"message": "upstream is down"}}'), GROWING),
}


@pytest.mark.parametrize("script", PASSING)
def test_what_passes_is_tried_again_after_the_wait_that_is_asked_for(
    model: OpenAIModel, endpoint: FakeEndpoint, clock: Clock, script: str
) -> None:
    fault, (low, high) = PASSING[script]
    endpoint.fail(fault)
    (answer,) = model.generate([CHAT], Sampling())
    assert answer.text == "echo say hello"
    assert len(endpoint.requests) == answer.usage.requests == 2
    assert low <= sum(clock.waited) <= high
    assert answer.usage.cost_usd == pytest.approx(ANSWER_USD), "a failed try costs nothing, a good one once"
    spent = model._spending.spent
    assert (spent["requests"], spent["tokens"]) == (2, 5)
    assert spent["usd"] == pytest.approx(ANSWER_USD)


def test_a_wait_until_a_date(model: OpenAIModel, endpoint: FakeEndpoint, clock: Clock) -> None:
    model.generate([CHAT], Sampling())  # imports the client, which takes time
    endpoint.fail(Fault(status=429, headers={"Retry-After": late(40)}))
    model.generate([CHAT], Sampling())
    assert 38 <= sum(clock.waited) <= 42


@pytest.mark.parametrize("script", PASSING)
def test_what_never_passes_ends_after_its_tries(model: OpenAIModel, endpoint: FakeEndpoint, clock: Clock, script: str) -> None:
    if script == "time-out":
        pytest.skip("four real time-outs show nothing that one does not")
    endpoint.fail(*[PASSING[script][0]] * 9)
    with pytest.raises(ModelError) as caught:
        model.generate([CHAT], Sampling())
    assert len(endpoint.requests) == RETRIES + 1
    assert caught.value.outage
    assert model._spending.spent["requests"] == RETRIES + 1


PERMANENT: dict[str, tuple[Fault, bool, str]] = {
    "400": (Fault(status=400), False, "shorten"),
    "400, the prompt is too long": (Fault(status=400, code="context_length_exceeded"), False, "shorten"),
    "400, content filter": (Fault(status=400, code="content_filter"), False, "shorten"),
    "413": (Fault(status=413), False, "wait and run it again"),
    "401": (Fault(status=401), True, "check the key"),
    "403": (Fault(status=403), True, "ask for access"),
    "404": (Fault(status=404), True, "the model's name"),
    "insufficient quota": (Fault(status=429, code="insufficient_quota"), True, "account is empty"),
    "insufficient quota, with a wait": (
        Fault(status=429, code="insufficient_quota", headers={"Retry-After": "1"}),
        True,
        "account is empty",
    ),
    "429, 600 s": (Fault(status=429, headers={"Retry-After": "600"}), True, "for 600 s"),
    "503 that says not to": (Fault(status=503, headers={"x-should-retry": "false"}), True, "wait and run it again"),
}


@pytest.mark.parametrize("script", PERMANENT)
def test_what_stays_wrong_fails_at_once(model: OpenAIModel, endpoint: FakeEndpoint, clock: Clock, script: str) -> None:
    fault, outage, advice = PERMANENT[script]
    endpoint.fail(*[fault] * 3)
    with pytest.raises(ModelError) as caught:
        model.generate([CHAT], Sampling())
    assert len(endpoint.requests) == 1
    assert clock.waited == []
    assert caught.value.outage == outage, "an outage stops the run, a bad prompt only its episode"
    assert advice in str(caught.value).split("what to do:")[1]


ANSWERS: dict[str, tuple[str | None, str, str, str]] = {
    "content filter": (None, "content_filter", "", "stop"),
    "cut off": ("half an ans", "length", "half an ans", "length"),
    "a finish reason that nobody knows": ("all", "eos_token", "all", "stop"),
    "empty": ("", "stop", "", "stop"),
}


@pytest.mark.parametrize("script", ANSWERS)
def test_odd_answers_are_answers_and_are_paid_for(
    model: OpenAIModel, endpoint: FakeEndpoint, clock: Clock, script: str
) -> None:
    sent, reason, text, finish = ANSWERS[script]
    endpoint.fail(Fault(body=said(sent, reason)))
    (answer,) = model.generate([CHAT], Sampling())
    assert (answer.text, answer.finish, answer.usage.requests) == (text, finish, 1)
    assert answer.usage.cost_usd == pytest.approx(ANSWER_USD)


def test_tokens_of_an_answer_without_choices_are_paid_for(model: OpenAIModel, endpoint: FakeEndpoint, clock: Clock) -> None:
    endpoint.fail(Fault(body='{"id": "x", "choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 0}}'))
    (answer,) = model.generate([CHAT], Sampling())
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 3)
    assert model._spending.spent["tokens"] == 7


def test_cached_tokens_have_a_price_of_their_own(model: OpenAIModel, endpoint: FakeEndpoint) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 600}}
    endpoint.fail(Fault(body=json.dumps(json.loads(said("x", "stop")) | {"usage": usage})))
    assert model.generate([CHAT], Sampling())[0].usage.cost_usd == pytest.approx((400 * 1.0 + 600 * 0.5) / 1e6)


def test_a_wait_holds_for_all_threads(model: OpenAIModel, endpoint: FakeEndpoint, clock: Clock) -> None:
    endpoint.fail(Fault(status=429, headers={"Retry-After": "600"}))
    with pytest.raises(ModelError):
        model.generate([CHAT], Sampling())
    endpoint.fail(Fault(status=429, headers={"Retry-After": "30"}))
    model._patience._not_before = clock.monotonic() + 12  # another thread was told to wait just now
    model.generate([CHAT], Sampling())
    assert clock.waited[0] == pytest.approx(12, rel=0.05), "before it asks at all"
    assert sum(clock.waited) == pytest.approx(42, rel=0.05)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
        ({"retry-after": formatdate(5000, usegmt=True)}, 1000.0),
        ({"retry-after": formatdate(5000, usegmt=True), "date": formatdate(4990, usegmt=True)}, 10.0),
        ({"retry-after": formatdate(10, usegmt=True)}, 0.0),
        ({"retry-after": "Wed, 99 Foo 2026"}, None),
    ],
)
def test_waits_that_are_asked_for(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait_s(headers, now=4000.0) == seconds


# --- schemas


SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(("takes", "asked"), [("json_schema", 1), ("json_object", 2)])
def test_the_way_a_server_takes_schemas_is_found_once(clock: Clock, takes: str, asked: int) -> None:
    with FakeEndpoint(lambda prompt: '{"a": "b"}', schemas=[takes]) as endpoint:
        model = OpenAIModel("fake", base_url=endpoint.url)
        for _ in range(2):
            answers = model.generate_json([CHAT] * 2, [SCHEMA] * 2, Sampling())
            assert [answer.text for answer in answers] == ['{"a": "b"}'] * 2
        model.close()
        assert [request["response_format"]["type"] for request in endpoint.requests][-4:] == [takes] * 4
        assert len(endpoint.requests) == 4 + asked - 1


@pytest.mark.parametrize("schemas", [[], ["json_schema", "json_object"]])
def test_a_server_that_refuses_or_ignores_schemas_is_remembered(clock: Clock, schemas: list[str]) -> None:
    with FakeEndpoint(lambda prompt: "no JSON at all", schemas=schemas) as endpoint:
        model = OpenAIModel("fake", base_url=endpoint.url)
        for _ in range(2):
            with pytest.raises(SchemaRefusedError):
                model.generate_json([CHAT], [SCHEMA], Sampling())
        assert len(endpoint.requests) == 2, "one for each way there is, and none the second time"
        assert model.generate([CHAT], Sampling())[0].text == "no JSON at all"
        model.close()


def test_a_long_prompt_does_not_count_as_a_refusal_of_schemas(clock: Clock) -> None:
    with FakeEndpoint(lambda prompt: '{"a": "b"}', schemas=["json_schema"]) as endpoint:
        model = OpenAIModel("fake", base_url=endpoint.url)
        endpoint.fail(Fault(status=400, code="context_length_exceeded"))
        with pytest.raises(ModelError, match="shorten"):
            model.generate_json([CHAT], [SCHEMA], Sampling())
        assert model.generate_json([CHAT], [SCHEMA], Sampling())[0].text == '{"a": "b"}'
        model.close()


# --- budgets


def spend_all(url: str, account: Spending, workers: int) -> list[BudgetError]:
    """Workers that ask until they may not."""
    errors: list[BudgetError] = []

    def work() -> None:
        model = OpenAIModel("fake", base_url=url, prices=PRICES, spending=account)
        try:
            while True:
                model.generate([CHAT], Sampling(max_tokens=20))
        except BudgetError as error:
            errors.append(error)
        finally:
            model.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(
    ("budget", "cap", "one"),
    [
        (Budget(requests=9), 9, 0),
        (Budget(tokens=43), 43, 5),
        (Budget(usd=9.5 * ANSWER_USD), 9.5 * ANSWER_USD, ANSWER_USD),
    ],
    ids=["requests", "tokens", "usd"],
)
def test_a_cap_is_overshot_by_one_request_at_most_and_holds_over_a_resume(
    endpoint: FakeEndpoint, tmp_path: Path, budget: Budget, cap: float, one: float, workers: int
) -> None:
    unit = next(name for name in ("usd", "tokens", "requests") if getattr(budget, name) is not None)
    path = tmp_path / "spending.json"
    errors = spend_all(endpoint.url, Spending(budget, path), workers)
    assert len(errors) == workers
    assert all(error.outage and error.kind == "budget" for error in errors)
    spent = Spending(budget, path).spent
    assert cap <= spent[unit] <= cap + one + 1e-12
    assert spent["requests"] == len(endpoint.requests) > 5
    assert spent["usd"] == pytest.approx(ANSWER_USD * len(endpoint.requests))
    assert spent["tokens"] == 5 * len(endpoint.requests)
    before = len(endpoint.requests)
    assert len(spend_all(endpoint.url, Spending(budget, path), 1)) == 1
    assert len(endpoint.requests) == before, "the cap is still there the next day"


_WORKER = """
import sys
from pathlib import Path
from symbiotic_gym.agents import openai_model
from symbiotic_gym.agents.spending import Budget, Spending
from symbiotic_gym.errors import BudgetError
from symbiotic_gym.protocols import Sampling
openai_model.ALLOW_REMOTE = False
model = openai_model.OpenAIModel("fake", base_url=sys.argv[1], spending=Spending(Budget(requests=12), Path(sys.argv[2])))
try:
    while True:
        model.generate([[{"role": "user", "content": "say hello"}]], Sampling(max_tokens=20))
except BudgetError:
    print("stopped")
"""


def test_processes_share_an_account(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WORKER, endpoint.url, str(tmp_path / "spending.json")]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [worker.communicate(timeout=120)[0].strip() for worker in workers] == ["stopped", "stopped"]
    assert len(endpoint.requests) == 12


def test_a_cap_in_money_needs_a_price(endpoint: FakeEndpoint) -> None:
    with pytest.raises(ConfigError, match="no price"):
        OpenAIModel("fake", base_url=endpoint.url, spending=Spending(Budget(usd=1.0)))
    for wrong in ({"usd": 0}, {"tokens": -1}, {"seconds": 0.0}):
        with pytest.raises(ConfigError, match="caps above 0"):
            Budget(**wrong)
    with pytest.raises(ConfigError, match="prices of 0 or more"):
        Price(prompt=-1, completion=0)


class Watch:
    """A clock for the account: both times move together."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(spending, "time", watch)
    return watch


def test_the_time_while_a_run_goes_is_capped_and_the_time_between_is_not(tmp_path: Path, watch: Watch) -> None:
    path, budget = tmp_path / "spending.json", Budget(seconds=100)
    first = Spending(budget, path)
    first.settle(first.begin(), Usage(requests=1))
    watch.now += 60
    first.settle(first.begin(), Usage(requests=1))
    watch.now += 5000  # interrupted
    second = Spending(budget, path)
    assert second.spent["seconds"] == pytest.approx(60)
    third = Spending(budget, path)  # beside the second: an hour of two processes is an hour
    watch.now += 30
    assert third.spent["seconds"] == pytest.approx(90)
    assert second.spent["seconds"] == pytest.approx(90)
    watch.now += 11
    with pytest.raises(BudgetError, match="100 seconds"):
        second.begin()


def test_the_clock_may_jump(tmp_path: Path, watch: Watch) -> None:
    account = Spending(Budget(), tmp_path / "spending.json")
    watch.now -= 500
    assert account.spent["seconds"] == 0
    watch.now += 520
    assert account.spent["seconds"] <= 520


def test_the_ticket_of_a_dead_process_is_charged_once(tmp_path: Path, watch: Watch) -> None:
    path = tmp_path / "spending.json"
    account = Spending(Budget(tokens=1000), path)
    ticket = account.begin(tokens=300, usd=0.5)
    state: dict[str, Any] = json.loads(path.read_text("utf-8"))
    state["open"][ticket]["pid"] = 2**22 + 7  # above what Linux and macOS give out
    path.write_text(json.dumps(state), "utf-8")
    assert (account.spent["tokens"], account.spent["usd"], account.spent["requests"]) == (300, 0.5, 1)
    account.settle(ticket, Usage(requests=1, prompt_tokens=10))
    assert account.spent["tokens"] == 300
    lost = account.begin(tokens=100, lives_s=50)
    watch.now += 51
    assert account.spent["tokens"] == 400
    account.settle(lost, Usage(requests=1))
    assert account.spent["requests"] == 2


def test_a_request_waits_for_those_under_way_where_they_could_use_the_budget_up(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Spending(Budget(tokens=100))
    first = account.begin(tokens=100)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        account.settle(first, Usage(requests=1, prompt_tokens=5))

    monkeypatch.setattr(watch, "sleep", sleep)
    account.begin(tokens=100, lives_s=20)
    assert len(waits) == 1, "not before it is known what the first one took"
    watch.now += 21
    with pytest.raises(BudgetError, match="105 tokens"):
        account.begin(tokens=1)
