"""Detectors by other people, for those who have them: Presidio, GLiNER, and a local language model as in the paper.

None is needed, none is imported before it is asked for, and none may reach the network: Presidio's e-mail check would fetch a
list of domains at the first address it sees, so it gets one that cannot; models are loaded from disk only.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from symbiotic_gym.errors import ConfigError, MissingDependencyError, explain
from symbiotic_gym.nodes import Node
from symbiotic_gym.protocols import Finding, LanguageModel, Sampling

__all__ = ["GlinerDetector", "LocalModelDetector", "PresidioDetector"]

_PRESIDIO: Mapping[str, str] = {
    "PERSON": "name", "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "LOCATION": "address", "CREDIT_CARD": "card",
    "IBAN_CODE": "iban", "US_SSN": "ssn", "IP_ADDRESS": "ip", "US_PASSPORT": "ssn", "US_DRIVER_LICENSE": "ssn", "CRYPTO": "key",
    "US_BANK_NUMBER": "iban", "MEDICAL_LICENSE": "ssn", "UK_NHS": "health",
}  # fmt: skip
"""Not DATE_TIME, NRP and URL, which are on every page."""

_GLINER: Mapping[str, str] = {
    "person": "name", "email": "email", "phone number": "phone", "address": "address", "credit card number": "card",
    "password": "password", "date of birth": "birthday", "social security number": "ssn", "medical condition": "health",
}  # fmt: skip


def _missing(package: str, command: str, error: ImportError) -> MissingDependencyError:
    return MissingDependencyError(
        explain(
            f"{package} is not installed ({error})",
            "it, for the detector of that name",
            "a detector that is missing is none that found nothing",
            f"{command}, or leave it out of the detectors",
        )
    )


class PresidioDetector:
    """Microsoft Presidio, node by node.

    Args:
        nlp: a loaded spaCy pipeline, for names and places; None: rules alone.
        threshold: in [0, 1]; what Presidio is less sure of is left out.

    Raises:
        MissingDependencyError: presidio-analyzer is not installed.
    """

    name = "presidio"

    def __init__(self, nlp: Any = None, *, threshold: float = 0.4) -> None:
        try:
            import presidio_analyzer
            import tldextract
            from presidio_analyzer.nlp_engine import NlpEngine, NoOpNlpEngine, SpacyNlpEngine
        except ImportError as error:
            raise _missing("presidio-analyzer", "pip install presidio-analyzer", error) from error
        # as it is, tldextract fetches its list at the first address; remove when Presidio takes an extractor as an argument
        tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
        engine: NlpEngine = NoOpNlpEngine()
        if nlp is not None:

            class Loaded(SpacyNlpEngine):  # type: ignore[misc] # presidio is not typed
                def load(self) -> None:  # the original downloads a model, and ends the process where it cannot
                    self.nlp = {"en": nlp}

            engine = Loaded()
            engine.load()
        self._analyzer = presidio_analyzer.AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
        self._threshold = threshold
        self.version = str(getattr(presidio_analyzer, "__version__", "2"))

    def find(self, nodes: Sequence[Node], url: str) -> list[Finding]:
        """Presidio's entities in each node."""
        return [
            Finding(node=i, start=e.start, end=e.end, kind=_PRESIDIO[e.entity_type], score=float(e.score), source=self.name)
            for i, node in enumerate(nodes)
            for e in self._analyzer.analyze(node.text, language="en", score_threshold=self._threshold)
            if e.entity_type in _PRESIDIO and e.end > e.start
        ]


class GlinerDetector:
    """A GLiNER model from disk.

    Args:
        folder: the model's.
        threshold: in [0, 1].

    Raises:
        MissingDependencyError: gliner is not installed.
    """

    name = "gliner"

    def __init__(self, folder: str, *, threshold: float = 0.5) -> None:
        try:
            import gliner
        except ImportError as error:
            raise _missing("gliner", "pip install gliner", error) from error
        self._model = gliner.GLiNER.from_pretrained(folder, local_files_only=True)
        self._threshold = threshold
        self.version = str(getattr(gliner, "__version__", "0"))

    def find(self, nodes: Sequence[Node], url: str) -> list[Finding]:
        """GLiNER's entities in each node."""
        answers = self._model.batch_predict_entities([node.text for node in nodes], list(_GLINER), threshold=self._threshold)
        return [
            Finding(node=i, start=e["start"], end=e["end"], kind=_GLINER[e["label"]], score=float(e["score"]), source=self.name)
            for i, entities in enumerate(answers)
            for e in entities
        ]


_ASK = (
    "Here are the texts of a web page, one a line, with numbers. Which of them are private: names of people, addresses, phone "
    "numbers, e-mail addresses, passwords, card numbers, orders, messages, health? Answer with JSON only: "
    '{"private": [numbers]}. Answer {"private": []} if there are none.\n'
)


class LocalModelDetector:
    """A language model on this machine that is asked about the whole page, as AgentSymbiotic does it (arXiv 2502.07942).

    Whatever it answers but the JSON it was asked for is an error, which counts as private.

    Args:
        model: must run on this machine: it sees everything.

    Raises:
        ConfigError: the model is behind an endpoint elsewhere.
    """

    name = "local-model"

    def __init__(self, model: LanguageModel) -> None:
        url = getattr(model, "base_url", None)
        if isinstance(url, str):
            from symbiotic_gym.agents.endpoints import is_local

            if not is_local(url):
                raise ConfigError(
                    explain(
                        f"the detector's model is at {url}",
                        "a model on this machine",
                        "it is shown everything, in order to say what must not be shown",
                        "use a LocalModel, or an endpoint on loopback",
                    )
                )
        self._model = model
        self.version = model.name

    def find(self, nodes: Sequence[Node], url: str) -> list[Finding]:
        """The nodes the model calls private, whole.

        Raises:
            ValueError: its answer is not what it was asked for.
        """
        texts = [" ".join(node.text.split())[:200] for node in nodes]
        prompt = _ASK + "\n".join(f"{i} {text}" for i, text in enumerate(texts))
        answer = self._model.generate([[{"role": "user", "content": prompt}]], Sampling(max_tokens=256), [0])[0]
        if answer.finish != "stop":
            raise ValueError("its answer was cut off")
        data = json.loads(answer.text[answer.text.find("{") : answer.text.rfind("}") + 1])
        numbers = data["private"]
        if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n < len(nodes) for n in numbers):
            raise ValueError("its answer names no nodes")
        return [
            Finding(node=n, start=0, end=len(nodes[n].text), kind="private", score=1.0, source=self.name)
            for n in dict.fromkeys(numbers)
            if nodes[n].text
        ]
