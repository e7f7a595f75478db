"""Constrained decoding: the automaton, the grammar of a page, real and made tokenizers, and a random model that cannot miss."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbiotic_gym.actions import elements, format_action, parse
from symbiotic_gym.agents.action_grammar import action_grammar, to_gbnf
from symbiotic_gym.agents.automaton import Alt, Chars, Expr, Seq, State, Text, automaton
from symbiotic_gym.agents.chat import load_tokenizer
from symbiotic_gym.agents.endpoint import GrammarEndpoint
from symbiotic_gym.agents.local import LocalModel
from symbiotic_gym.agents.request import Request
from symbiotic_gym.agents.small import SmallAgent
from symbiotic_gym.agents.testing import FakeEndpoint, ScriptedModel
from symbiotic_gym.agents.vocabulary import Vocabulary, token_bytes
from symbiotic_gym.errors import ConfigError
from symbiotic_gym.protocols import Sampling
from symbiotic_gym.types import Observation
from tests.tiny import tiny_model

PAGE = """[5] textbox "Name" value="bob"
[6] textbox "Fixed" readonly
[7] textbox "Born" type=date
[8] spinbutton "Age"
[12] button "Go"
[13] button "Off" disabled
[14] checkbox "Yes" checked
[15] radio "Red"
[20] combobox "Country" value="Peru"
  [21] option "Peru" selected
  [22] option "Côte \\"d'Ivoire\\""
  [23] option "Mars" disabled
[30] listbox "Colours"
  [31] option "red"
  [32] option "blue"
[a3] iframe ""
  [a4] link "inside"
text "[99] button \\"no\\""
"""


def seen(page: str = PAGE, **more: str) -> Observation:
    base = {"goal": "g", "page": page, "url": "http://shop.test/a", "tabs": "* 0: a http://shop.test/a", "last_action": ""}
    return {**base, "last_action_error": "", **more}  # type: ignore[typeddict-item]


def fits(action: str, **more: str) -> bool:
    return automaton(action_grammar(seen(**more))).accepts(action)


def some_text(start: State, rng: random.Random, longest: int = 60) -> bytes:
    """A random text of the language, byte by byte; brought to an end when it gets long."""
    state, out = start, b""
    while not state.done:
        byte = state.shortest[0] if len(out) >= longest else rng.choice(list(state.edges))
        out, state = out + bytes([byte]), state.edges[byte]
    return out


@pytest.mark.parametrize(
    "action",
    [
        'click("12")',
        'click("22")',
        'click("a4", "right")',
        'click("12", "left", ["Control"])',
        'fill("5", "say \\"hi\\" \\\\ größe 🙂\\n")',
        'fill("5", "x", True)',
        'fill("7", "2024-02-28")',
        'fill("8", "-3.5")',
        'clear("5")',
        'select_option("20", ["Côte \\"d\'Ivoire\\""])',
        'select_option("30", ["red", "blue"])',
        'check("15")',
        'uncheck("14")',
        'press("5", "Control+a")',
        'drag_and_drop("5", "a4")',
        'hover("12")',
        "scroll(0, -300)",
        "mouse_click(10, 0)",
        'goto("http://shop.test/cart?id=1")',
        'send_msg_to_user("42")',
        "noop(500)",
        "go_back()",
    ],
)
def test_what_the_page_allows_fits(action: str) -> None:
    assert fits(action)
    assert str(parse(action)) == action, "the grammar speaks the normal form"


@pytest.mark.parametrize(
    "action",
    [
        'click("1")',
        'click("99")',
        'click("13")',
        "click('12')",
        'click("12"',
        'click("12") ',
        'fill("12", "x")',
        'fill("6", "x")',
        'fill("5", "a\nb")',
        'fill("5", "a\\x")',
        'fill("5", "\ud800")',
        'fill("7", "tomorrow")',
        'fill("7", "2024-02-31")',
        'fill("8", "old")',
        'fill("20", "Peru")',
        'clear("12")',
        'select_option("20", ["Mars"])',
        'select_option("20", ["Chile"])',
        'select_option("20", ["Peru", "Peru"])',
        'select_option("12", ["Peru"])',
        'check("12")',
        'uncheck("15")',
        'hover("21")',
        'press("5", "Entr")',
        "scroll(0, 007)",
        "tab_focus(1)",
        'goto("http://evil.test/")',
        "",
    ],
)
def test_what_it_does_not_allow_does_not_fit(action: str) -> None:
    assert not fits(action)


def test_tabs_that_are_open_can_be_chosen() -> None:
    tabs = "  0: a http://shop.test/a\n* 1: b http://wiki.test/b"
    assert all(fits(action, tabs=tabs) for action in ("tab_focus(1)", "tab_close()", 'goto("http://wiki.test/c")'))
    assert not fits("tab_focus(2)", tabs=tabs)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), names=st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_every_text_of_the_grammar_is_an_action_in_normal_form(seed: int, names: list[str]) -> None:
    """Whatever the options are called, and whichever bytes are drawn."""
    options = "\n".join(f"  [{i}] option {json.dumps(name, ensure_ascii=False)}" for i, name in enumerate(names, start=40))
    page = f'{PAGE}[39] combobox "x"\n{options}'
    rng, start = random.Random(seed), automaton(action_grammar(seen(page)))
    for _ in range(5):
        action = some_text(start, rng).decode()
        parsed = parse(action)
        assert str(parsed) == action
        assert set(parsed.bids) <= set(elements(page))


def test_equal_states_are_one_object_and_know_their_shortest_end() -> None:
    one, two = (automaton(Seq(verb, Text(), '")')) for verb in ('fill("', 'type("'))
    inside = one.after(b'fill("a')
    assert inside is two.after(b'type("\xc3\xa9')
    assert inside is not None
    assert (inside.text, inside.shortest) == (True, b'")')
    middle = one.after(b'fill("\xf0')
    assert middle is not None
    assert middle.shortest == b'\x90\x80\x80")'
    assert one.after(b'fill("\xed\xa0') is None, "half a surrogate pair is no character"
    counted = automaton(Chars("ab", 1, 3))
    assert [counted.accepts("ab" * n) for n in range(3)] == [False, True, False]
    assert counted.accepts("bab")
    assert automaton(Alt("", "x")).final


def sentencepiece(*, fallback: bool) -> Any:
    """A tokenizer as Gemma and Llama 2 have it: blanks as U+2581, bytes as <0x..> where `fallback`."""
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<s>", "</s>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256) if fallback)]
    pieces += ["▁", "▁click", "click", '("', '")', "()", "no", "op", "▁12", "1", "2", "▁said", "ück", "fill"]
    pieces += [chr(code) for code in range(0x21, 0x7F) if chr(code) not in pieces]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=fallback, unk_token="<unk>"))
    backend.normalizer = normalizers.Replace(" ", "▁")
    parts: list[Any] = [decoders.Replace("▁", " ")]
    backend.decoder = (
        decoders.Sequence([*parts, decoders.ByteFallback(), decoders.Fuse()]) if fallback else decoders.Metaspace()
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@pytest.fixture(scope="module", params=["smollm2", "tiny", "sentencepiece", "metaspace"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    if request.param == "smollm2":
        return load_tokenizer(str(request.getfixturevalue("small_model")))
    if request.param == "tiny":
        return load_tokenizer(str(tiny_model(tmp_path_factory.mktemp("tiny"))))
    return sentencepiece(fallback=request.param == "sentencepiece")


def by_hand(vocabulary: Vocabulary, state: State, room: int) -> set[int]:
    """The allowed tokens, one after the other, without a trie."""
    after = {token: state.after(data) for token, data in vocabulary.bytes.items()}
    return {token for token, end in after.items() if end is not None and vocabulary.needs(end) < room}


def test_masks_are_those_of_trying_every_token_and_lead_to_an_end(tokenizer: Any) -> None:
    vocabulary, rng = Vocabulary(tokenizer), random.Random(0)
    special = set(tokenizer.all_special_ids)
    for number in range(40):
        state, out = vocabulary.start(action_grammar(seen())), b""
        room = int(vocabulary.needs(state)) + rng.choice([0, 1, 4, 30])
        if number < 3:
            assert set(vocabulary.allowed(state, room).tolist()) == by_hand(vocabulary, state, room)
        while not state.done:
            allowed = vocabulary.allowed(state, room).tolist()
            assert allowed, f"{out!r} cannot be finished in {room}"
            assert not special & set(allowed)
            if number < 3 and len(vocabulary.bytes) < 1000:
                assert set(allowed) == by_hand(vocabulary, state, room)
            data = vocabulary.bytes[rng.choice(allowed)]
            state, out, room = state.after(data) or state, out + data, room - 1
        assert room >= 0
        assert str(parse(out.decode())) == out.decode().strip()


def test_inside_a_text_the_mask_is_exact_too(tokenizer: Any) -> None:
    vocabulary = Vocabulary(tokenizer)
    inside = automaton(Seq(Text(), '")'))
    for room in (2, 20):
        assert set(vocabulary.allowed(inside, room).tolist()) == by_hand(vocabulary, inside, room)


def test_what_a_token_writes_is_what_the_tokenizer_decodes(tokenizer: Any) -> None:
    written, _ = token_bytes(tokenizer)
    text = 'fill("12", "größe 🙂")' if len(written) > 200 else 'fill("12")'
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert b"".join(written[token] for token in ids).decode().strip() == text


def test_a_tokenizer_that_cannot_be_read_is_refused() -> None:
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordPiece(vocab={"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    backend.decoder = decoders.WordPiece()
    with pytest.raises(ConfigError, match="decoder is WordPiece"):
        Vocabulary(PreTrainedTokenizerFast(tokenizer_object=backend))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    return LocalModel(tiny_model(tmp_path_factory.mktemp("tiny")), dtype="float32")


@pytest.mark.parametrize("sampling", [Sampling(max_tokens=8), Sampling(temperature=1.5, max_tokens=24)])
def test_a_random_model_gives_valid_actions_only(model: LocalModel, sampling: Sampling) -> None:
    pages = [PAGE, "", '[7] link "a"', '[3] combobox ""\n  [4] option "x y"']
    requests = [
        Request(messages=[{"role": "user", "content": f"{i}"}], seed=i, grammar=action_grammar(seen(pages[i % 4])))
        for i in range(24)
    ]
    answers = model.answer(requests, sampling)
    for i, answer in enumerate(answers):
        assert str(parse(answer.text)) == answer.text
        assert set(parse(answer.text).bids) <= set(elements(pages[i % 4]))
        assert answer.finish == "stop"
        assert answer.usage.completion_tokens <= sampling.max_tokens
        assert answer.logprob is not None
        assert answer.logprob <= 0
    alone = [model.answer([request], sampling)[0].text for request in requests]
    assert alone == [answer.text for answer in answers], "each row has its own grammar and its own seed"
    assert len({answer.text for answer in answers}) > 1


def test_free_and_bound_rows_share_a_batch(model: LocalModel) -> None:
    messages = [{"role": "user", "content": "click"}]
    sampling = Sampling(max_tokens=12)
    free = model.answer([Request(messages=messages)], sampling)[0]
    both = model.answer([Request(messages=messages, grammar='click("12")'), Request(messages=messages)], sampling)
    assert [both[0].text, both[1].text] == ['click("12")', free.text]
    with pytest.raises(ConfigError, match="shortest answer takes"):
        model.answer([Request(messages=messages, grammar='click("12")')], Sampling(max_tokens=1))


def test_the_agent_is_bound_to_the_page_it_was_shown(model: LocalModel) -> None:
    agent = SmallAgent(model, sampling=Sampling(temperature=1.0, max_tokens=24), constrained=True, page_budget=40)
    page = "\n".join(f'[{i}] link "item {i}"' for i in range(50))
    for seed in range(12):
        agent.reset("g", seed=seed)
        decision = agent.act(seen(page))
        assert set(parse(decision.action).bids) <= {"0", "1"}
        assert decision.extra["hidden_chars"] == len(page) - len('[0] link "item 0"\n[1] link "item 1"')
        assert decision.extra["logprob"] < 0
    with pytest.raises(ConfigError, match="takes no grammar"):
        SmallAgent(ScriptedModel([]), constrained=True)


def test_an_endpoint_is_sent_the_grammar() -> None:
    with FakeEndpoint(lambda prompt: 'click("12")') as server:
        model = GrammarEndpoint("fake", base_url=server.url)
        decision = SmallAgent(model, constrained=True).act(seen('[12] button "Go"'))
        free = SmallAgent(model).act(seen('[12] button "Go"'))
        model.close()
    bound, unbound = server.requests
    assert decision.action == free.action == 'click("12")'
    assert bound["grammar"] == bound["structured_outputs"]["grammar"] == to_gbnf(action_grammar(seen('[12] button "Go"')))
    assert "grammar" not in unbound
    assert bound["messages"] == unbound["messages"]


def test_gbnf_says_the_same() -> None:
    expression: Expr = Seq("a(", Alt('"x"', Chars("-9", 1, 2)), Text(), ")")
    rule, text, _ = to_gbnf(expression).split("\n")
    assert rule == r'root ::= "a(" ("\"x\"" | [\-9]{1,2}) text ")"'
    assert text.startswith("text ::= (")


def test_normal_forms_with_defaults_left_out_are_those_of_format_action() -> None:
    for action in (
        format_action("noop"),
        format_action("click", bid="12"),
        format_action("scroll", delta_x=0.0, delta_y=5000.0),
    ):
        assert fits(action)
