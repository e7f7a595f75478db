"""Ways out that are easily forgotten: what a failed detector leaves in a memory, odd values, borrowed origins, frames, keys."""

import base64
import json
from typing import Any

import pytest

from symbiotic_gym.agents.hybrid import PRIVATE_VERBS, HybridAgent
from symbiotic_gym.agents.large import LargeAgent
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.agents.privacy_actions import ActionRules
from symbiotic_gym.agents.privacy_detectors import DetectorStack
from symbiotic_gym.agents.privacy_guard import EgressGuard
from symbiotic_gym.agents.privacy_ledger import LedgerRow, summary
from symbiotic_gym.agents.privacy_vault import Vault
from symbiotic_gym.agents.privacy_view import redact_observation
from symbiotic_gym.agents.testing import FakeEndpoint
from symbiotic_gym.errors import PrivacyError
from tests.test_privacy import see

SHORT = ("4417", "A-1", "#$%&/(=a1!", "#7$K!%q^2&Z*", "Bo Li")


class Sometimes:
    """A detector that fails where a page says so, and finds nothing elsewhere."""

    name, version = "sometimes", "0"

    def find(self, nodes: Any, url: str) -> Any:
        if any("fail" in node.text for node in nodes):
            raise ValueError
        return []


def test_what_a_failed_detector_may_have_missed_is_not_told_later() -> None:
    page = 'text "fail"\n[5] link "Perpetua Hollings"'
    with FakeEndpoint(lambda messages: '<reason>r</reason><action>click("6")</action>') as endpoint:
        model = OpenAIModel("fake", base_url=endpoint.url, guard=EgressGuard(), max_retries=0)
        agent = HybridAgent(
            LargeAgent(model, prompt="private_v3", verbs=PRIVATE_VERBS),
            lambda observation: 'click("5")',
            detectors=DetectorStack([Sometimes()], timeout_s=30),
        )
        agent.reset("Go on", seed=1)
        assert agent.act(see(page, title="Perpetua Hollings")).action == 'click("5")'
        assert not endpoint.requests
        assert agent.act(see('[6] link "Next"', last_action='click("5")')).action == 'click("6")'
        assert endpoint.requests and "Perpetua" not in json.dumps([str(request) for request in endpoint.requests])


@pytest.mark.parametrize("value", SHORT)
def test_short_and_odd_values_are_found_as_they_are_and_in_runs(value: str) -> None:
    vault = Vault(1)
    vault.add(value, "code", declared=True)
    data = value.encode()
    runs = [base64.b64encode(before + data + b" and so on").decode() for before in (b"", b" ", b": ")]
    for text in (f"it is {value}.", data.hex(), data.hex().upper(), base64.b64encode(data).decode(), *runs):
        assert vault.find(text), text
    assert not vault.find("nothing of the kind: 94417, DATA-12, aGVsbG8gd29ybGQ= and 68656c6c6f")


def test_a_page_gets_no_claim_on_what_only_its_neighbours_show() -> None:
    stack = DetectorStack(timeout_s=30)
    for channel in ("tabs", "last_action", "last_action_error"):
        vault = Vault(1)
        redact_observation(
            see('[7] textbox "Note"', url="http://evil.test/", **{channel: "Inbox nora@inkwell.example"}), vault, stack
        )
        (known,) = vault.values
        assert not known.origins, channel


def test_a_page_that_lists_all_codes_gets_no_claim_on_the_user_s() -> None:
    vault = Vault(1)
    vault.add("4417", "code", origin="http://bank.test:80", declared=True)
    page = "\n".join(f'text "{code}"' for code in range(4400, 4430)) + '\n[7] textbox "Code"'
    evil = see(page, url="http://evil.test/")
    view = redact_observation(evil, vault, DetectorStack(timeout_s=30)).observation
    mark = next(line for line in view["page"].split("\n") if "⟦code_" in line)[6:-1]
    assert not ActionRules(vault).complete(f'fill("7", "{mark}")', evil).action
    assert ActionRules(vault).complete(f'fill("7", "{mark}")', see(page, url="http://bank.test/")).action


def test_frames_are_nobody_s() -> None:
    """They may be of another origin than the page around them, and the page text does not say which."""
    page = '[7] textbox "Mail"\n[a] iframe "ad"\n  text "nora@inkwell.example"\n  [a8] textbox "Your mail"{}\n[9] button "Go"'
    seen = see(page.format(""))
    vault = Vault(1)
    redact_observation(seen, vault, DetectorStack(timeout_s=30))
    (known,) = vault.values
    assert not known.origins
    known.origins.add("http://shop.test:80")
    rules, mark = ActionRules(vault), vault.placeholder(known)
    assert rules.complete(f'fill("7", "{mark}")', seen).action
    assert "frame" in rules.complete(f'fill("a8", "{mark}")', seen).why
    assert rules.complete('fill("a8", "something else")', seen).action
    assert rules.complete(f'keyboard_type("{mark}")', seen).action
    assert "frame" in rules.complete(f'keyboard_type("{mark}")', see(page.format(" focused"))).why


def test_submitting_has_more_than_one_way() -> None:
    vault = Vault(1)
    vault.add("nora@inkwell.example", "email", origin="http://shop.test:80")
    seen = see('[5] textbox "Mail" value="nora@inkwell.example"\n[6] link "Save"\n[7] button "Back"')
    rules = ActionRules(vault, {"submit": "deny"})
    for action in ('press("5", "Enter")', 'keyboard_press("Enter")', 'click("6")'):
        assert "submit" in rules.complete(action, seen).why, action
    for action in ('press("5", "Tab")', 'click("7")'):
        assert rules.complete(action, seen).action, action


def test_an_unknown_placeholder_is_not_quoted() -> None:
    with pytest.raises(PrivacyError) as caught:
        Vault(1).restore("⟦Nora Diallo⟧")
    assert "Nora" not in str(caught.value)


def _base64(magic: bytes) -> str:
    return base64.b64encode(magic + bytes(range(60))).decode()


@pytest.mark.parametrize(
    "text",
    [
        "data:image/png;x=y;base64,AAAA",
        "DATA:image/PNG;base64,AAAA",
        " data:image/svg+xml,<svg>",
        "![x](data:image/gif;base64,R0)",
        f"see {_base64(b'GIF87a')}",
        base64.b64encode(b"BM" + bytes(1000)).decode(),
        "%2F9j%2F" + "A" * 40,
        "\n".join(["QUJD" * 19] * 20),
        *map(_base64, (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF", b"II*\0", b"MM\0*", b"<svg ", b"%PDF-")),
        _base64(b"\0\0\0 ftypavif"),
    ],
)
def test_no_picture_passes_however_it_is_written(text: str) -> None:
    with pytest.raises(PrivacyError, match="picture"):
        EgressGuard().check("http://c.test/", {}, json.dumps({"messages": [{"content": text}]}).encode())


def test_a_body_that_is_no_text_does_not_pass_and_long_pages_do() -> None:
    with pytest.raises(PrivacyError, match="could not be looked at"):
        EgressGuard().check("http://c.test/", {}, b"--part\r\n\x89PNG\xff")
    page = "\n".join(f'[{i}] link "A walk by the sea, part {i}/200" url="/walks/by-the-sea/{i}"' for i in range(200))
    told = "UklGR is what it says, iVBORw0KGgo too, and /9j/; data: image/png, image/jpeg"
    EgressGuard().check("http://c.test/", {}, json.dumps({"content": page + told}).encode())


def test_the_summary_counts_what_was_sent_in_vain() -> None:
    rows = [
        LedgerRow(episode="a", step=0, mode="guarded", route="CLOUD_REDACTED", why="", counts={"email": 2}, body_sha256="1"),
        LedgerRow(episode="a", step=1, mode="guarded", route="LOCAL", why="no answer", counts={"email": 3}, body_sha256="2"),
        LedgerRow(episode="a", step=2, mode="guarded", route="LOCAL", why="a password", counts={"password": 1}),
    ]
    told = summary(rows)
    assert "1 had been sent there too" in told and "Behind placeholders: email 5." in told
