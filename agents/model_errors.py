"""What a failure of the openai client is called, and what the user can do about it."""

from typing import TYPE_CHECKING

from symbiotic_gym.agents.retrying import asked_for, failure_class
from symbiotic_gym.errors import ModelError, explain

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAIError

__all__ = ["model_error", "translated"]

_ADVICE = {
    400: "shorten the prompt (page_tokens, history_tokens, k_page) or lower max_tokens; the endpoint's words above say which",
    401: "check the key: pass api_key=... or set OPENAI_API_KEY",
    403: "the key may not use this model: ask for access, or name another model",
    404: "check the model's name and that the address ends where /chat/completions begins, usually in /v1",
    429: "lower concurrency, raise max_retries, or look at the account's limits and credit",
}


def model_error(model: str, problem: str, expected: str, advice: str, *, outage: bool = True) -> ModelError:
    """The error in its four parts.

    Args:
        model: what the model is called, with its address.
        problem: what it did.
        expected: what it should have done.
        advice: what the user can do.
        outage: whether it would do so to any prompt.
    """
    then = "a run stops here, and the same command goes on with it" if outage else "its episode is invalid, not a failure"
    why = f"no decision can be made without the model; {then}"
    return ModelError(explain(f"{model} {problem}", expected, why, advice), outage=outage)


def translated(error: "OpenAIError", model: str, *, timeout_s: float, longest_wait_s: float) -> ModelError:
    """The error that a failure of the client is for us."""
    import openai

    if isinstance(error, openai.APIStatusError):
        message = " ".join(error.message.split())[:300]
        problem = f"answered with status {error.status_code}: {message}"
        outage = failure_class(error) != "prompt"
        return model_error(model, problem, "an answer with status 200", _advice(error, longest_wait_s), outage=outage)
    if isinstance(error, openai.APITimeoutError):
        advice = "raise timeout_s, or see whether the server is overloaded"
        return model_error(model, "did not answer in time", f"an answer within {timeout_s:g} s", advice)
    if isinstance(error, openai.APIConnectionError):
        problem, advice = f"cannot be reached ({error.__cause__ or error})", "start the server, or correct the address"
        return model_error(model, problem, "a server that listens and finishes its answers", advice)
    return model_error(model, f"failed: {error}", "an answer", "see the client's message")


def _advice(error: "APIStatusError", longest_wait_s: float) -> str:
    asked_s = asked_for(error)
    if failure_class(error) == "again" and asked_s is not None and asked_s > longest_wait_s:
        return f"the endpoint wants to be left alone for {asked_s:.0f} s: run it again then, or raise longest_wait_s"
    if error.status_code == 429 and failure_class(error) == "outage":
        return "the account is empty or blocked: pay, or use another key; the same command then goes on"
    return _ADVICE.get(error.status_code, "wait and run it again; the endpoint's own log says more")
