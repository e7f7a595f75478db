"""Our own node classifier: is this short text a person's name, an address, a phone number, or none of them?

Character n-grams hashed into 2^16 buckets, one linear layer, numpy alone. A page is classified in one go: all its texts stand
in one array of code points, the hashes of all windows are computed by shifting it, and the scores of a text are the sum over
its windows. Weights lie beside this file as 8-bit integers in safetensors; `python -m symbiotic_gym.trainers.privacy_training`
makes them. Longer texts are also looked at in parts, so that a name inside of a sentence is found where it stands.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symbiotic_gym.agents.privacy_search import CodeTable, Remembered, codes_of
from symbiotic_gym.errors import MissingDependencyError, explain
from symbiotic_gym.nodes import Node
from symbiotic_gym.protocols import Finding

__all__ = [
    "BUCKETS",
    "CLASSES",
    "ClassifierDetector",
    "Weights",
    "hashes_of",
    "load_weights",
    "parts_of",
    "probabilities",
    "save_weights",
    "script_of",
]

CLASSES = ("none", "name", "address", "phone")
BUCKETS = 1 << 16
LONGEST = 240
"""Characters of a text that are looked at as one; longer ones are looked at in their parts."""

_LENGTHS = (1, 2, 3, 4, 5)
_SHAPE_LENGTHS = (3, 5, 7)
_BREAK = re.compile(r"\s*(?:: |[|;•·\n\t()]|, | - | – )\s*")
_BREAKS = re.compile(r"[|;•·\n\t()]|[:,] | [-–] ")
"""What every one of `_BREAK` holds."""

_THREE = re.compile(r"[^\W_](?:[\W_]*[^\W_]){2}")
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ]"
_NAMED = rf"(?:(?:{_CAPITAL}\w?\.)+|{_CAPITAL}[\w'’-]*(?:\.[\w'’-]+)*)"
"""A word of a name; a dot ends the sentence, but for "J." and "Dr."."""

_RUN = re.compile(rf"{_NAMED}(?: (?:(?:de|da|del|van|von|der|den|la|di|bin|al|el|dos|du|le) )*{_NAMED}){{1,3}}")
_ADDRESS = re.compile(r"\b\d{1,5}[a-zA-Z]? (?:[^\W\d_][\w'’.-]* ){0,3}[^\W\d_][\w'’.-]*(?:, [\w '’.-]{2,40}){0,3}")
_NO_NAME = re.compile(
    r"(?:The|A|An|My|Our|Your|This|That|These|How|Why|What|When|Where|Is|Are|Do|Does|Can|Add|Fix|New|All|No|Selling|Looking)\b"
)
"""Words that no name begins with, and titles and invented places do."""

_DOUBT = 0.2
"""At most so sure is it of what is not shaped like its kind: enough beside a label, never alone."""

_COUNTED = re.compile(r"[\d.,]+(?: to [\d.,]+)? [a-zµ%°][\w²³/-]*")
"""A number of things, "131 km²", "216 places", which is no house in a street."""

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?"
    r"|Dec(?:ember)?)\b\.?"
)
_DATE = re.compile(
    rf"(?:{_MONTH} \d{{1,2}}|\d{{1,2}}\.? {_MONTH})(?:,? \d{{4}})?(?:,? (?:at )?\d{{1,2}}:\d\d)?|\d{{4}}-\d\d-\d\d"
    r"|\b\d+ of \d+\b"
)
_CODE = re.compile(r"[A-Za-z]\d|\d[A-Za-z]")
"""Letters and digits in one word, as in "ADO1532" and "961a0026"."""

_EXTENSION = re.compile(r"\s*(?:ext\.?|x)\s*\d+$", re.I)

_DATED = re.compile(r"(?:19|20)\d\d [a-z]|\d+ [a-z][\w'’-]*$")
_WORD = re.compile(r"\b[^\W\d_A-Z][\w'’-]{2,}")


class Weights:
    """A trained layer.

    Attributes:
        columns: float64, (BUCKETS,) for each class: faster to add up than a table is.
        bias_C: float32, (classes,).
        scripts: names of the alphabets it was trained on, as `unicodedata.name` begins.
    """

    def __init__(
        self, table_HC: NDArray[np.float32], bias_C: NDArray[np.float32], scripts: frozenset[str], version: str
    ) -> None:
        self.columns = [np.ascontiguousarray(column_H, np.float64) for column_H in table_HC.T]
        self.bias_C = bias_C
        self.scripts = scripts
        self.version = version


@cache
def load_weights(path: Path | None = None) -> Weights:
    """The weights that are shipped, or those of another file.

    Raises:
        MissingDependencyError: safetensors is not installed.
    """
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise MissingDependencyError(
            explain(
                "the package safetensors is not installed",
                "it, for the weights of the node classifier",
                "without the classifier names and addresses without a label would not be found",
                "pip install safetensors",
            )
        ) from error
    file = path or Path(str(files("symbiotic_gym.agents").joinpath("privacy_nodes.safetensors")))
    with safe_open(file, framework="numpy") as opened:
        facts = opened.metadata()
        table = opened.get_tensor("table").astype(np.float32) * opened.get_tensor("scale")
        return Weights(table, opened.get_tensor("bias"), frozenset(facts["scripts"].split(",")), facts["version"])


def hashes_of(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The buckets of all windows of all texts: those of one length after those of another, and in them text after text.

    Returns:
        int64, (windows,): buckets in [0, BUCKETS); and int64, (lengths, texts): how many windows each text has of each length.
    """
    joined = "".join(f"\x02{text[:LONGEST]}\x03" for text in texts)
    size_B = np.array([min(len(text), LONGEST) + 2 for text in texts], np.int64)
    owner_T = np.repeat(np.arange(len(texts)), size_B)
    codes_T = codes_of(joined.encode(errors="replace").decode())  # half an emoji is as good as none
    shape_T = _SHAPE(codes_T).astype(np.uint64)
    plain_T = np.where((codes_T >= 48) & (codes_T <= 57), 48, codes_T).astype(np.uint64)
    kinds = [(plain_T, 1, length) for length in _LENGTHS] + [(shape_T, 2, length) for length in _SHAPE_LENGTHS]
    bucket_W = np.concatenate([_windows(array_T, owner_T, length, salt) for array_T, salt, length in kinds])
    return bucket_W, np.maximum(size_B + 1 - np.array([length for _, _, length in kinds])[:, None], 0)


def _shape(char: str) -> int:
    """Digits are alike, capitals are alike, small letters are alike; signs stay what they are."""
    return 1 if char.isdigit() else 2 if char.isupper() else 3 if char.isalpha() else ord(char) % 97 + 4


_SHAPE = CodeTable(_shape)


def _windows(array_T: NDArray[np.uint64], owner_T: NDArray[np.int64], length: int, salt: int) -> NDArray[np.int64]:
    """Hashes of all windows of one length that lie in one text."""
    count = len(array_T) - length + 1
    if count <= 0:
        return np.zeros(0, np.int64)
    hashed = np.full(count, 1469598103 * salt + length, dtype=np.uint64)
    for shift in range(length):
        hashed ^= array_T[shift : shift + count]
        hashed *= np.uint64(1099511628211)
        hashed ^= hashed >> np.uint64(29)
    inside = owner_T[:count] == owner_T[length - 1 :]
    found: NDArray[np.int64] = (hashed[inside] & np.uint64(BUCKETS - 1)).astype(np.int64)
    return found


def probabilities(texts: Sequence[str], weights: Weights) -> NDArray[np.float32]:
    """How likely each text is of each class: float32, (texts, classes), rows sum to 1."""
    if not texts:
        return np.zeros((0, len(CLASSES)), np.float32)
    bucket_W, count_LB = hashes_of(texts)
    there_LB = count_LB > 0
    firsts = (np.cumsum(count_LB).reshape(count_LB.shape) - count_LB)[there_LB]
    sums_LBC = np.zeros((*count_LB.shape, len(CLASSES)))
    for c, column_H in enumerate(weights.columns):
        sums_LBC[there_LB, c] = np.add.reduceat(column_H.take(bucket_W), firsts)
    scaled_BC = sums_LBC.sum(axis=0) / np.sqrt(count_LB.sum(axis=0))[:, None] + weights.bias_C
    odds_BC = np.exp(scaled_BC - scaled_BC.max(axis=1, keepdims=True))
    result: NDArray[np.float32] = (odds_BC / odds_BC.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def parts_of(text: str) -> list[tuple[int, int]]:
    """Which parts of a text are looked at: all of it, what stands between separators, and names and addresses in sentences."""
    whole = (0, len(text))
    parts = [whole] if len(text) <= LONGEST else []
    start = 0
    if len(text) > 3 and _BREAKS.search(text):
        for found in _BREAK.finditer(text):
            parts.append((start, found.start()))
            start = found.end()
        if start:
            parts.append((start, len(text)))
    if len(_WORD.findall(text)) >= 2:
        parts += [match.span() for match in _RUN.finditer(text)]
        parts += [match.span() for match in _ADDRESS.finditer(text) if not _DATED.match(match[0])]
    return [part for part in dict.fromkeys(parts) if _THREE.search(text, *part)]


class ClassifierDetector:
    """The classifier as a `symbiotic_gym.protocols.Detector`.

    Args:
        threshold: in [0, 1]; parts below it are not reported.
        weights: another file's; None: the shipped ones.
    """

    name = "classifier"

    def __init__(self, threshold: float = 0.1, weights: Path | None = None) -> None:
        self._threshold = threshold
        self._weights = load_weights(weights)
        self._parts = Remembered(self._classified)
        self.version = f"{self._weights.version}, shapes 1"

    def find(self, nodes: Sequence[Node], url: str) -> list[Finding]:
        """All parts of all nodes that are likelier than the threshold.

        Raises:
            ValueError: a text is in an alphabet that the classifier was not trained on, so that its silence means nothing.
        """
        return [
            Finding(node=i, start=start, end=end, kind=kind, score=score, source=self.name)
            for i, (node, parts) in enumerate(zip(nodes, self._parts([node.text for node in nodes]), strict=True))
            for start, end, kind, score, shaped in parts
            if shaped or node.label
        ]

    def _classified(self, texts: Sequence[str]) -> Iterable[list[tuple[int, int, str, float, bool]]]:
        for text in texts:
            if not text.isascii():
                self._check_script(text)
        places = [(text, part) for text in texts for part in parts_of(text)]
        scores_BC = probabilities([text[start:end] for text, (start, end) in places], self._weights)
        found: dict[str, list[tuple[int, int, str, float, bool]]] = {text: [] for text in texts}
        private_B = 1 - scores_BC[:, 0]
        for i in np.flatnonzero(private_B >= self._threshold):
            text, (start, end) = places[int(i)]
            kind = CLASSES[int(scores_BC[i, 1:].argmax()) + 1]
            score = min(max(float(private_B[i]), 0.0), 1.0)
            if kind == "name" and _NO_NAME.match(text, start):
                continue
            shaped = _shaped(kind, text[start:end])
            found[text].append((start, end, kind, score if shaped else min(score, _DOUBT), shaped))
        return found.values()

    def _check_script(self, text: str) -> None:
        letters = [char for char in text if char.isalpha() and ord(char) > 0x24F]
        strange = [char for char in letters if script_of(char) not in self._weights.scripts]
        if len(strange) >= 2 and len(strange) > len(text) / 4:
            raise ValueError(f"a text in an alphabet it was not trained on: {script_of(strange[0])}")


def _shaped(kind: str, text: str) -> bool:
    """Whether a text can be what it was taken for: numbers with a few letters are codes, single words no addresses."""
    digits = sum(char.isdigit() for char in text)
    if kind == "phone":
        return digits >= 6 and not _CODE.search(_EXTENSION.sub("", text))
    if kind == "address" and (_COUNTED.fullmatch(text) or (_DATE.search(text) and not re.search(r"\d", _DATE.sub("", text)))):
        return False  # things that are counted, and days on which somebody did something
    if not text.isascii():
        return True
    if kind == "address":
        return len(text.split()) > 1
    return " " in text or (len(text) > 3 and not text.islower())


def script_of(char: str) -> str:
    """The first word of a letter's name: LATIN, CYRILLIC, CJK."""
    import unicodedata

    return unicodedata.name(char, "UNNAMED").partition(" ")[0].partition("-")[0]


def save_weights(path: Path, table_HC: NDArray[Any], bias_C: NDArray[Any], scripts: Sequence[str], version: str) -> None:
    """Write weights as 8-bit integers, one scale per class."""
    from safetensors.numpy import save_file

    scale_C = np.maximum(np.abs(table_HC).max(axis=0), 1e-9).astype(np.float32) / 127
    table = np.round(table_HC / scale_C).astype(np.int8)
    facts = {"scripts": ",".join(scripts), "version": version, "classes": ",".join(CLASSES)}
    save_file({"table": table, "scale": scale_C, "bias": bias_C.astype(np.float32)}, path, metadata=facts)
