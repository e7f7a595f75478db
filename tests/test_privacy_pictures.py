"""Screenshots for the cloud: what is painted over, when none is sent, and what the guard lets pass."""

import base64
import io
import json
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import sync_playwright

from symbiotic_gym.agents.hybrid import HybridAgent
from symbiotic_gym.agents.openai_model import OpenAIModel
from symbiotic_gym.agents.privacy_detectors import DetectorStack
from symbiotic_gym.agents.privacy_guard import EgressGuard
from symbiotic_gym.agents.privacy_pictures import masked_picture
from symbiotic_gym.agents.privacy_vault import Vault
from symbiotic_gym.agents.testing import FakeEndpoint
from symbiotic_gym.browser import session
from symbiotic_gym.browser.find import require_chromium
from symbiotic_gym.browser.look import look
from symbiotic_gym.browser.picture import decode_png
from symbiotic_gym.errors import ConfigError, PrivacyError
from symbiotic_gym.types import Decision, Observation

NAME = "Nora Diallo"
PAGE = f'[1] heading "Welcome"\ntext "{NAME}"'


def encoded(picture_HWC: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(picture_HWC).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def vault_of(*values: str) -> Vault:
    vault = Vault(1)
    for value in values:
        vault.add(value, "name", declared=True)
    return vault


def seen(body: str, boxes: dict[str, Any], page: str = PAGE, **changes: Any) -> Observation:
    extra = {bid: {"bbox": box} for bid, box in boxes.items()}
    picture = np.full((40, 100, 3), 255, np.uint8)
    html = f"<html><head><title>{NAME}</title></head><body>{body}</body></html>"
    found: Any = {"goal": "Go", "page": page, "url": "http://shop.test/", "title": "", "tabs": "", "last_action": ""}
    found |= {"last_action_error": "", "screenshot": picture, "dom": html, "extra": json.dumps(extra), **changes}
    return cast(Observation, found)


def blackened(body: str, boxes: dict[str, Any], page: str = PAGE) -> list[str] | None:
    """Which of the boxes are black all over."""
    picture = masked_picture(seen(body, boxes, page), vault_of(NAME), None)
    if picture is None:
        return None
    return [bid for bid, box in boxes.items() if box and not picture[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].any()]


A, B, C = [0, 0, 20, 10], [30, 0, 20, 10], [60, 0, 20, 10]


@pytest.mark.parametrize(
    ("body", "boxes", "black"),
    [
        (f'<h1 bid="1">Welcome</h1><p bid="2">{NAME}</p>', {"1": A, "2": B}, ["2"]),
        ('<h1 bid="1">Welcome</h1><p bid="2">Nora <b bid="3">Diallo</b></p>', {"1": A, "2": B, "3": C}, ["2"]),
        (f'<p bid="2">{NAME} <b bid="3">{NAME}</b></p><i bid="4">x</i>', {"2": A, "3": B, "4": C}, ["2", "3"]),
        (f'<div bid="2"><x-name>{NAME}</x-name></div><p bid="3">Hello</p>', {"2": A, "3": B}, ["2"]),
        (f'<div bid="2"><p bid="3">{NAME}</p></div>', {"2": A, "3": None}, ["2"]),
        (f'<input bid="2" value="{NAME}"><p bid="3">Hello</p>', {"2": A, "3": B}, ["2"]),
        (f'<p bid="2">{NAME}</p><img bid="3"><canvas bid="4"></canvas>', {"2": A, "3": B, "4": C}, ["2", "3", "4"]),
        (f'<p bid="2">{NAME}</p><img bid="3"><p bid="4">Hello</p>', {"2": A, "3": None, "4": C}, ["2"]),
    ],
)
def test_what_is_private_is_painted_over_and_nothing_else(body: str, boxes: dict[str, Any], black: list[str]) -> None:
    assert blackened(body, boxes) == black


@pytest.mark.parametrize(
    ("body", "boxes"),
    [
        ("<x-shadow></x-shadow>", {"1": A}),  # the text is in a shadow root, which HTML does not show
        (f"<script>{NAME}</script>", {"1": A}),
        (f"<p>{NAME}</p>", {"1": A}),  # nothing around it has a box
        ("<p bid='1'>x</p>" * 3000 + f"<div>{NAME * 300_000}</div>", {"1": A}),
    ],
)
def test_a_text_that_is_nowhere_keeps_the_picture_here(body: str, boxes: dict[str, Any]) -> None:
    assert blackened(body, boxes) is None


def test_what_is_typed_into_a_field_is_known_by_its_id_and_frames_are_painted_whole() -> None:
    typed = f'[2] textbox "Name" value="{NAME}"\n[a] iframe "Chat"\n  text "{NAME}"'
    assert blackened('<input bid="2"><iframe bid="a"></iframe>', {"2": A, "a": B}, typed) == ["2", "a"]


def test_texts_that_the_page_text_leaves_out_are_looked_at_too() -> None:
    mail = "nora.diallo@inkwell.example"
    observation = seen(f'<p bid="2" aria-hidden="true">{mail}</p>', {"2": A}, page='[1] heading "Welcome"')
    vault = Vault(1)
    picture = masked_picture(observation, vault, DetectorStack(timeout_s=30))
    assert picture is not None and not picture[0:10, 0:20].any() and picture[20:].all()
    assert [known.value for known in vault.values] == [mail]


def test_a_screenshot_alone_is_an_error() -> None:
    with pytest.raises(ConfigError, match="dom"):
        masked_picture(seen("", {}, dom=""), Vault(1), None)


def test_a_masked_picture_passes_in_any_lossless_form_until_something_else_becomes_private() -> None:
    guard, vault = EgressGuard(), vault_of(NAME)
    guard.protect(vault)
    picture = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)

    def body(format: str) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, format, lossless=True)
        return json.dumps({"url": f"data:image/x;base64,{base64.b64encode(file.getvalue()).decode()}"}).encode()

    guard.allow_picture(picture, vault)
    for form in ("PNG", "WEBP", "BMP"):
        guard.check("http://c.test/", {}, body(form))
    with pytest.raises(PrivacyError, match="changed"):
        guard.check("http://c.test/", {}, body("JPEG"))
    vault.add("Bo Lindqvist", "name")
    with pytest.raises(PrivacyError, match="masked"):
        guard.check("http://c.test/", {}, body("PNG"))


class Looking:
    """A policy whose model is shown the screenshot, where there is one."""

    def __init__(self, model: OpenAIModel) -> None:
        self.model = model

    def act(self, observation: Observation) -> str:
        content: list[Any] = [{"type": "text", "text": observation["page"]}]
        if "screenshot" in observation:
            url = f"data:image/png;base64,{encoded(observation['screenshot'])}"
            content.append({"type": "image_url", "image_url": {"url": url}})
        chat: Any = [{"role": "user", "content": content}]
        return self.model._client.chat.completions.create(model="fake", messages=chat).choices[0].message.content or ""


def stays(observation: Observation) -> Decision:
    return Decision(action="noop(2)", source="small")


def hybrid(endpoint: FakeEndpoint, **settings: Any) -> HybridAgent:
    model = OpenAIModel("fake", base_url=endpoint.url, guard=EgressGuard(), max_retries=0)
    agent = HybridAgent(Looking(model), stays, detectors=DetectorStack(timeout_s=30), declared=[("name", NAME)], **settings)
    agent.reset("Go", seed=1)
    return agent


def pictures(endpoint: FakeEndpoint) -> list[NDArray[np.uint8]]:
    """Those that the endpoint got."""
    parts = [part for request in endpoint.requests for message in request["messages"] for part in message["content"]]
    return [decode_png(part["image_url"]["url"].partition(",")[2]) for part in parts if part["type"] == "image_url"]


def test_the_hybrid_sends_masked_pictures_where_it_is_told_to_and_else_none() -> None:
    known, unknown = seen(f'<p bid="2">{NAME}</p>', {"2": A}), seen("<x-shadow></x-shadow>", {"1": A})
    with FakeEndpoint(['click("1")'] * 9) as endpoint:
        assert hybrid(endpoint).act(known).action == 'click("1")'
        assert not pictures(endpoint)
        masking = hybrid(endpoint, screenshots="masked")
        assert masking.act(known).action == 'click("1")'
        (sent,) = pictures(endpoint)
        assert not sent[0:10, 0:20].any() and sent[20:].all()
        decision = masking.act(unknown)
        assert (decision.action, decision.extra["privacy"]["route"]) == ("noop(2)", "LOCAL")
        assert "picture" in decision.extra["privacy"]["why"]
        assert hybrid(endpoint, screenshots="masked", mode="delegate").act(known) and len(pictures(endpoint)) == 1
    with pytest.raises(ConfigError, match="masked"):
        HybridAgent(stays, stays, screenshots="always")  # type: ignore[arg-type]


@pytest.mark.browser
def test_in_a_real_browser_nothing_private_can_be_seen() -> None:
    mail, code = "nora@inkwell.example", "AB-4417"
    private = f"""<div class=p>{NAME}</div><table><tr><td>x</td><td class=p>{mail}</td></tr></table>
        <span class=p>Nora <b>Diallo</b></span> <label>Mail <input class=p></label><button class=p>{mail}</button>
        <select class=p><option>{code}</option></select><p class=p aria-hidden=true>{code}</p>"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_chromium())
        page = browser.new_page()
        page.add_init_script(session._NAMES)
        page.add_init_script(session._WATCH)
        page.goto("about:blank")
        page.set_content(f"<style>.p, .p * {{color: #f00; background: #fff}}</style><h1>Shop</h1>{private}<p>Open today</p>")
        page.fill("input", NAME)
        host: Any = SimpleNamespace(page=page, context=page.context)
        observation: Any = look(host, observe=("screenshot", "dom", "extra"), max_page_lines=1000)
        browser.close()
    picture = decode_png(observation["screenshot"])
    observation["screenshot"] = picture
    masked = masked_picture(observation, vault_of(NAME, mail, code), None)
    assert masked is not None

    def red(picture_HWC: NDArray[np.uint8]) -> int:
        red_HW, green_HW, _ = np.moveaxis(picture_HWC.astype(int), -1, 0)
        return int((red_HW - green_HW > 60).sum())

    assert red(picture) > 500 and red(masked) == 0
    assert 0.02 < (masked != picture).any(-1).mean() < 0.3
