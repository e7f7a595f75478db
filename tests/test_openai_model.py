"""The endpoint client against a real HTTP server on the loopback interface that fails in the ways real ones do."""

import json
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from symbiotic_gym.agents import openai_model
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.agents.privacy_guard import EgressGuard
from symbiotic_gym.agents.privacy_vault import Vault
from symbiotic_gym.agents.spending import Budget, Price, Spending
from symbiotic_gym.agents.testing import FakeEndpoint, Fault
from symbiotic_gym.errors import ConfigError, ModelError, PrivacyError
from symbiotic_gym.protocols import Message, Sampling

CHAT: list[Message] = [{"role": "user", "content": "say hello"}]
SOON = {"retry-after-ms": "5"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with FakeEndpoint(lambda prompt: "echo " + prompt[-1]["content"]) as server:
        yield server


@pytest.fixture
def model(endpoint: FakeEndpoint) -> Iterator[OpenAIModel]:
    model = OpenAIModel(
        "fake", base_url=endpoint.url, timeout_s=30, max_retries=2, prices={"fake": Price(prompt=1.0, completion=10.0)}
    )
    yield model
    model.close()


def test_an_answer_with_its_usage_and_cost(model: OpenAIModel, endpoint: FakeEndpoint) -> None:
    (answer,) = model.generate([CHAT], Sampling(temperature=0.5, top_p=0.9, max_tokens=7), [11])
    assert answer.text == "echo say hello"
    assert (answer.usage.requests, answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1, 2, 3)
    assert answer.usage.cost_usd == pytest.approx((2 * 1.0 + 3 * 10.0) / 1e6)
    assert answer.usage.seconds > 0
    sent = endpoint.requests[0]
    assert (sent["model"], sent["messages"], sent["seed"], sent["max_tokens"]) == ("fake", CHAT, 11, 7)
    assert (sent["temperature"], sent["top_p"]) == (0.5, 0.9)


def test_many_prompts_keep_their_order_and_run_at_once() -> None:
    together = threading.Barrier(4, timeout=20)

    def answer(prompt: Sequence[Message]) -> str:
        together.wait()  # nobody is answered before four are asking
        return "echo " + prompt[-1]["content"]

    with FakeEndpoint(answer) as endpoint:
        model = OpenAIModel("fake", base_url=endpoint.url, concurrency=4)
        endpoint.fail(*[Fault(delay_s=0.15 - 0.05 * i) for i in range(4)])
        chats: list[list[Message]] = [[{"role": "user", "content": str(i)}] for i in range(4)]
        answers = model.generate(chats, Sampling(), range(4))
        assert [answer.text for answer in answers] == [f"echo {i}" for i in range(4)]
        assert {r["messages"][0]["content"]: r["seed"] for r in endpoint.requests} == {str(i): i for i in range(4)}
        assert model.generate([], Sampling()) == []
        model.close()


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(status=429, headers=SOON), Fault(status=503, headers=SOON)],
        [Fault(status=500, headers=SOON)],
        [Fault(cut=True)],
        [Fault(body="<html>busy</html>", headers={"Content-Type": "text/html"})],
        [Fault(body='{"id": "x", "choi')],
        [Fault(body='{"id": "x", "choices": []}'), Fault(body="null")],
        [Fault(body='{"error": {"message": "upstream is down"}}')],
    ],
)
def test_what_passes_by_itself_is_tried_again(model: OpenAIModel, endpoint: FakeEndpoint, faults: list[Fault]) -> None:
    endpoint.fail(*faults)
    assert model.generate([CHAT], Sampling())[0].text == "echo say hello"
    assert len(endpoint.requests) == len(faults) + 1


def test_the_wait_that_the_server_asks_for_is_kept(model: OpenAIModel, endpoint: FakeEndpoint) -> None:
    endpoint.fail(Fault(status=429, headers={"Retry-After": "1"}))
    start = time.monotonic()
    model.generate([CHAT], Sampling())
    assert time.monotonic() - start >= 1.0


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "check the key"), (403, "ask for access"), (404, "name"), (400, "shorten")]
)
def test_what_stays_wrong_fails_at_once_and_says_what_to_do(
    model: OpenAIModel, endpoint: FakeEndpoint, status: int, advice: str
) -> None:
    endpoint.fail(Fault(status=status, message="maximum context length is 8192 tokens", code="context_length_exceeded"))
    with pytest.raises(ModelError) as caught:
        model.generate([CHAT], Sampling())
    text = str(caught.value)
    assert f"status {status}" in text
    assert "maximum context length" in text
    assert advice in text.split("what to do:")[1]
    assert text.count("\n") == 3
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("fault", "requests", "complaint"),
    [
        (Fault(status=503, headers=SOON), 3, "status 503"),
        (Fault(body='{"choices": []}'), 3, "no choices"),
        (Fault(body="not json"), 3, "no JSON"),
    ],
)
def test_retries_end(model: OpenAIModel, endpoint: FakeEndpoint, fault: Fault, requests: int, complaint: str) -> None:
    endpoint.fail(*[fault] * 9)
    with pytest.raises(ModelError, match=complaint):
        model.generate([CHAT], Sampling())
    assert len(endpoint.requests) == requests


def test_one_failure_for_good_fails_the_batch(endpoint: FakeEndpoint) -> None:
    model = OpenAIModel("fake", base_url=endpoint.url, max_retries=0, concurrency=1)
    endpoint.fail(Fault(), Fault(status=401))
    with pytest.raises(ModelError, match="status 401"):
        model.generate([CHAT, CHAT, CHAT], Sampling())
    model.close()


def test_a_slow_answer_is_a_timeout(endpoint: FakeEndpoint) -> None:
    model = OpenAIModel("fake", base_url=endpoint.url, timeout_s=0.2, max_retries=0)
    endpoint.fail(Fault(delay_s=0.8))
    with pytest.raises(ModelError, match=r"within 0\.2 s"):
        model.generate([CHAT], Sampling())
    model.close()


def test_nobody_listens() -> None:
    with FakeEndpoint() as gone:
        url = gone.url
    model = OpenAIModel("fake", base_url=url, max_retries=0)
    with pytest.raises(ModelError, match="start the server"):
        model.check()
    model.close()


@pytest.mark.parametrize(
    ("choice", "text", "finish"),
    [
        ({"message": {"role": "assistant", "content": None}, "finish_reason": "content_filter"}, "", "stop"),
        ({"message": {"role": "assistant", "content": "half an ans"}, "finish_reason": "length"}, "half an ans", "length"),
        ({"message": {"role": "assistant", "content": "a\ud800b"}, "finish_reason": "stop"}, "a?b", "stop"),
    ],
)
def test_answers_that_are_empty_or_cut_off_are_answers(
    model: OpenAIModel, endpoint: FakeEndpoint, choice: dict[str, object], text: str, finish: str
) -> None:
    endpoint.fail(Fault(body=json.dumps({"id": "x", "choices": [{"index": 0, **choice}]})))
    (answer,) = model.generate([CHAT], Sampling())
    assert (answer.text, answer.finish, answer.usage.prompt_tokens) == (text, finish, 0)


def test_arguments_a_model_refuses_are_adapted_once(model: OpenAIModel, endpoint: FakeEndpoint) -> None:
    endpoint.fail(
        Fault(status=400, code="unsupported_parameter", param="max_tokens"),
        Fault(status=400, code="unsupported_value", param="temperature"),
    )
    for _ in range(2):
        assert model.generate([CHAT], Sampling(max_tokens=7), [1])[0].text == "echo say hello"
    assert len(endpoint.requests) == 4, "remembered for the second prompt"
    last = endpoint.requests[-1]
    assert last["max_completion_tokens"] == 7
    assert last["seed"] == 1
    assert not last.keys() & {"max_tokens", "temperature"}


# --- check


def test_a_listed_model_is_checked_for_nothing(model: OpenAIModel, endpoint: FakeEndpoint) -> None:
    model.check()
    assert endpoint.requests == []


def test_without_a_list_one_token_is_asked_for() -> None:
    with FakeEndpoint(["ok"], models=None) as endpoint:
        model = OpenAIModel("any", base_url=endpoint.url)
        model.check()
        model.close()
        assert [request["max_tokens"] for request in endpoint.requests] == [1]


def test_an_unlisted_model_is_tried_and_the_nearest_are_named() -> None:
    with FakeEndpoint(lambda prompt: "ok", models=["gpt-4.1-mini", "other"]) as endpoint:
        model = OpenAIModel("gpt-4.1-mino", base_url=endpoint.url, max_retries=0)
        model.check()  # many servers answer to any name
        endpoint.fail(Fault(status=404, message="no such model"))
        with pytest.raises(ModelError, match=r"nearest: gpt-4\.1-mini"):
            model.check()
        model.close()


# --- names and keys


@pytest.mark.parametrize(
    ("spec", "name", "url"),
    [
        ("openai:gpt-4.1-mini", "gpt-4.1-mini", "https://api.openai.com/v1"),
        ("openai:qwen@http://127.0.0.1:8000/v1/", "qwen", "http://127.0.0.1:8000/v1"),
        ("openai:@cf/meta/llama:8b@https://x.y/v1", "@cf/meta/llama:8b", "https://x.y/v1"),
    ],
)
def test_specs(monkeypatch: pytest.MonkeyPatch, spec: str, name: str, url: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    model = OpenAIModel.from_spec(spec)
    assert (model.name, model.base_url) == (name, url)


@pytest.mark.parametrize("spec", ["", "openai:", "gpt-4.1-mini", "anthropic:x", "openai: x", "openai:q@127.0.0.1:8000/v1"])
def test_wrong_specs(spec: str) -> None:
    with pytest.raises(ConfigError, match="names no model"):
        OpenAIModel.from_spec(spec)


def test_a_key_in_the_environment_is_not_sent_to_this_machine(
    monkeypatch: pytest.MonkeyPatch, model: OpenAIModel, endpoint: FakeEndpoint
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    model.generate([CHAT], Sampling())
    named = OpenAIModel("fake", base_url=endpoint.url, api_key="mine")
    named.generate([CHAT], Sampling())
    named.close()
    assert endpoint.keys == ["none", "mine"]
    assert "secret" not in repr(named)
    assert "mine" not in repr(named)


@pytest.mark.parametrize(
    "spec", ["openai:q@http://", "openai:q@ftp://h/v1", "openai:q@https://me:secret@h/v1", "openai:q@https://secret@h/v1"]
)
def test_wrong_addresses_and_none_that_holds_a_password(spec: str) -> None:
    with pytest.raises(ConfigError, match="address of a model") as caught:
        OpenAIModel.from_spec(spec)
    assert "secret" not in str(caught.value)


def test_a_key_in_the_environment_goes_to_its_own_provider_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://router.example/v1")
    keys = {
        url: OpenAIModel("q", base_url=url)._key
        for url in (
            "https://api.openai.com/v1",
            "https://router.example/other",
            "http://router.example/v1",
            "http://192.168.1.5:8000/v1",
            "https://elsewhere.example/v1",
            "HTTP://127.0.0.1:1/v1",
        )
    }
    assert list(keys.values()) == ["secret", "secret", "none", "none", "none", "none"]


def test_an_endpoint_elsewhere_needs_a_key_before_any_work() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAIModel("gpt-4.1-mini")


def test_one_switch_keeps_tests_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_model, "ALLOW_REMOTE", False)
    model = OpenAIModel("gpt-4.1-mini", api_key="k")
    for ask in (model.check, lambda: model.generate([CHAT], Sampling())):
        with pytest.raises(ModelError, match="ALLOW_REMOTE"):
            ask()
    model.close()


@pytest.mark.parametrize("wrong", [{"timeout_s": 0}, {"max_retries": -1}, {"concurrency": 0}, {"longest_wait_s": -1}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="what to do"):
        OpenAIModel("m", base_url="http://127.0.0.1:1/v1", **wrong)  # type: ignore[arg-type]


def test_what_the_guard_stops_is_neither_sent_nor_tried_again_nor_paid(endpoint: FakeEndpoint) -> None:
    guard, vault = EgressGuard(), Vault(1)
    vault.add("Nora Diallo", "name", declared=True)
    guard.protect(vault)
    spending = Spending(Budget(requests=1))
    model = OpenAIModel("fake", base_url=endpoint.url, max_retries=3, guard=guard, spending=spending)
    private: list[Message] = [{"role": "user", "content": "write to Nora Diallo"}]
    for chats in ([private], [private, private]):
        with pytest.raises(PrivacyError, match="kind name"):
            model.generate(chats, Sampling())
    with pytest.raises(PrivacyError):
        model.generate_json([private], [{"type": "object"}], Sampling())
    assert endpoint.requests == [] and guard.stopped == guard.requests <= 4
    (answer,) = model.generate([CHAT], Sampling())  # the one request that may be paid is still there
    assert answer.text == "echo say hello" and guard.stopped == guard.requests - 1
    model.close()


def test_the_guard_sees_every_try(endpoint: FakeEndpoint) -> None:
    guard = EgressGuard()
    model = OpenAIModel("fake", base_url=endpoint.url, max_retries=2, guard=guard)
    endpoint.fail(Fault(status=503, headers=SOON), Fault(status=429, headers=SOON))
    model.generate([CHAT], Sampling())
    assert (guard.requests, len(endpoint.requests), guard.stopped) == (3, 3, 0)
    model.close()
