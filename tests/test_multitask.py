"""The objective and the packing, held against plain separate sequences."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from symbiotic_gym.agents import attention as parts
from symbiotic_gym.agents.weights import load_base
from symbiotic_gym.trainers import attention
from symbiotic_gym.trainers.fast import speed_up
from symbiotic_gym.trainers.multitask import IGNORE, count_targets, multitask_loss
from symbiotic_gym.trainers.packing import Target, collate, mask_mod, model_inputs, pack
from tests.tiny import tiny_model

LAMBDA = 0.3


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


def batch(seed: int = 0, rows: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    logits = torch.randn(rows, 9, 11, requires_grad=True)
    labels = torch.randint(0, 11, (rows, 9))
    labels[torch.rand(rows, 9) < 0.4] = IGNORE
    task = (torch.rand(rows, 9) < 0.8).long()
    return logits, labels, task


def test_each_task_is_a_mean_over_its_own_tokens() -> None:
    logits, labels, task = batch()
    loss, means = multitask_loss(logits, labels, task, LAMBDA)
    logp = logits.log_softmax(-1)
    for i, name in enumerate(("action", "reason")):
        places = ((labels != IGNORE) & (task == i)).nonzero().tolist()
        by_hand = -sum(logp[b, t, labels[b, t]].item() for b, t in places) / len(places)
        assert means[name].item() == pytest.approx(by_hand, rel=1e-5)
    assert loss.item() == pytest.approx((means["action"] + LAMBDA * means["reason"]).item())


def test_repeating_the_reasons_does_not_drown_the_actions() -> None:
    logits, labels, task = batch()
    reasons_only = labels.masked_fill(task == 0, IGNORE)
    more_logits, more_labels, more_task = (
        torch.cat((x, *[y] * 10)) for x, y in ((logits, logits), (labels, reasons_only), (task, task))
    )
    once, _ = multitask_loss(logits, labels, task, LAMBDA)
    often, _ = multitask_loss(more_logits, more_labels, more_task, LAMBDA)
    assert often.item() == pytest.approx(once.item(), rel=1e-5)


def test_columns_without_a_target_have_no_gradient() -> None:
    logits, labels, task = batch()
    multitask_loss(logits, labels, task, LAMBDA)[0].backward()
    assert logits.grad is not None
    assert (logits.grad.abs().sum(-1) == 0).tolist() == (labels == IGNORE).tolist()


def test_without_reasons_only_the_action_counts() -> None:
    logits, labels, task = batch()
    loss, means = multitask_loss(logits, labels, torch.zeros_like(task), LAMBDA)
    assert means["reason"] == 0
    assert torch.isfinite(loss)
    assert loss.item() == pytest.approx(means["action"].item())


def test_micro_batches_add_up_to_the_batch() -> None:
    logits, labels, task = batch(rows=8)
    whole, means = multitask_loss(logits, labels, task, LAMBDA)
    whole.backward()
    assert logits.grad is not None
    expected = logits.grad.clone()
    logits.grad = None
    counts = count_targets(labels, task)
    parts = [multitask_loss(logits[i : i + 1], labels[i : i + 1], task[i : i + 1], LAMBDA, counts) for i in range(8)]
    torch.stack([loss for loss, _ in parts]).sum().backward()
    torch.testing.assert_close(logits.grad, expected)
    assert sum(part["reason"].item() for _, part in parts) == pytest.approx(means["reason"].item(), rel=1e-5)


def test_a_weight_multiplies_a_tokens_loss() -> None:
    logits, labels, task = batch()
    plain, _ = multitask_loss(logits, labels, task, LAMBDA)
    ones, _ = multitask_loss(logits, labels, task, LAMBDA, weight_BT=torch.ones(labels.shape))
    assert ones == plain
    weight = torch.rand(labels.shape)
    weight[0] = 0
    loss, _ = multitask_loss(logits, labels, task, LAMBDA, weight_BT=weight)
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[0].any(), "what weighs nothing teaches nothing"
    parts = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    by_hand = sum(
        share * (parts * weight)[(labels != IGNORE) & (task == i)].sum() / ((labels != IGNORE) & (task == i)).sum()
        for i, share in enumerate((1, LAMBDA))
    )
    torch.testing.assert_close(loss, by_hand)


def targets(seed: int, branches: int) -> list[Target]:
    """Prompts that share a beginning, then go their own ways for a few tokens."""
    torch.manual_seed(seed)

    def ids(n: int) -> tuple[int, ...]:
        return tuple(torch.randint(3, 300, (n,)).tolist())

    shared = ids(20 + 7 * seed)
    return [Target(prompt=(*shared, 5 + i, *ids(2 + i)), answer=(*ids(3 + 4 * i), 2), task=min(i, 1)) for i in range(branches)]


def separate(model: Any, rows: list[list[Target]]) -> torch.Tensor:
    """The reference: every target a sequence of its own, alone in its batch, all scores computed, no packing code involved."""
    losses: dict[int, list[torch.Tensor]] = {0: [], 1: []}
    for target in (target for row in rows for target in row):
        ids = torch.tensor([[*target.prompt, *target.answer]])
        logits = model(input_ids=ids).logits[0, len(target.prompt) - 1 : -1]
        losses[target.task] += torch.nn.functional.cross_entropy(logits, torch.tensor(target.answer), reduction="none")
    reason = torch.stack(losses[1]).mean() if losses[1] else torch.tensor(0.0)
    return torch.stack(losses[0]).mean() + LAMBDA * reason


def packed(model: Any, rows: list[list[Target]], pad: int = 2, *, whole: bool = True, joined: bool = False) -> torch.Tensor:
    data = collate([pack(row) for row in rows], pad, whole=whole, joined=joined)
    assert (data["attention_mask"].shape[2] == data["input_ids"].shape[1]) is whole
    out = model(**model_inputs(data, torch.float32))
    assert out.logits.shape[1] == data["labels"].shape[1] < data["input_ids"].shape[1]
    return multitask_loss(out.logits, data["labels"], data["task"], LAMBDA)[0]


def lora(base: Path, attention: str) -> Any:
    model = load_base(str(base), device="cpu", dtype="float32", attention=attention)
    torch.manual_seed(1)
    adapted = get_peft_model(model, LoraConfig(r=4, lora_alpha=12, target_modules="all-linear", init_lora_weights=False))
    return adapted.train()


def gradients(model: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("branches", [(1, 1), (2, 2), (3, 3), (4, 4), (1, 4, 2)])
@pytest.mark.parametrize("way", ["stock", "masked", "branched", "stock, joined", "branched, joined"])
def test_a_packed_batch_equals_separate_sequences(
    base: Path, branches: tuple[int, ...], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of their own, padded, or all steps in one row; with LoRA; through transformers' attention or ours."""
    way, _, joined = way.partition(", ")
    monkeypatch.setattr(parts, "SHORT", 30)  # so that these prompts go both ways
    rows = [targets(seed, n) for seed, n in enumerate(branches)]
    reference = lora(base, "eager")
    expected_loss = separate(reference, rows)
    expected = gradients(reference, expected_loss)
    model = lora(base, "sdpa" if way == "stock" else attention.register_attention())
    if way != "stock":
        speed_up(model)
    loss = packed(model, rows, whole=way != "branched", joined=bool(joined))
    torch.testing.assert_close(loss, expected_loss, atol=1e-5, rtol=0)
    found = gradients(model, loss)
    assert found.keys() == expected.keys()
    assert len(found) == 28, "two LoRA matrices for each of 14 products"
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=1e-5, rtol=1e-4)


def test_the_fast_parts_are_in_force(base: Path) -> None:
    """Were they silently left out, the test above would still pass."""
    model = lora(base, attention.register_attention())
    stock = {name for name, module in model.named_modules() if "forward" not in vars(module)}
    speed_up(model)
    changed = [name for name, module in model.named_modules() if name in stock and "forward" in vars(module)]
    assert len(changed) == 14 + 5, "14 LoRA products and 5 norms"


@pytest.mark.parametrize("whole", [True, False])
def test_padding_has_no_influence(base: Path, whole: bool) -> None:
    rows = [targets(seed, 2) for seed in range(3)]
    model = lora(base, attention.register_attention())
    with torch.no_grad():
        assert packed(model, rows, pad=2, whole=whole) == packed(model, rows, pad=77, whole=whole)


def test_joined_steps_take_no_padding_and_score_only_what_is_predicted() -> None:
    rows = [pack(targets(seed, n)) for seed, n in enumerate((1, 3, 2))]
    data = collate(rows, 77, joined=True)
    assert data["input_ids"].shape == (1, sum(map(len, rows)))
    assert 77 not in data["input_ids"].tolist()[0]
    starts = (data["position_ids"][0] == 0).nonzero()[:, 0].tolist()
    assert starts == [0, len(rows[0]), len(rows[0]) + len(rows[1])], "every step counts from 0"
    predicted = [token for row in rows for branch in row.branches for token in branch.tokens[branch.start :]]
    assert data["labels"].tolist() == [predicted]
    assert (data["input_ids"][0, data["keep"] + 1] == data["labels"][0]).all(), "each column predicts the one behind it"


@pytest.mark.parametrize("joined", [False, True])
def test_flex_attention_is_told_what_the_dense_mask_says(joined: bool) -> None:
    from torch.nn.attention.flex_attention import create_mask

    steps = [targets(seed, n) for seed, n in enumerate((1, 3, 2))]
    rows = [pack(step) for step in steps]
    data = collate(rows, 2, joined=joined)
    length = max(map(len, rows))
    expected, part, prompt = list[list[tuple[int, int]]](), list[list[int]](), list[list[int]]()
    for number, row in enumerate(rows):  # by hand: which step, which part of it, and where
        at = [(number, 1)] * len(row.prefix) + [(number, 2 + i) for i, b in enumerate(row.branches) for _ in b.tokens]
        expected.append(at if joined else [(number, 0)] * (length - len(row)) + at)
    if joined:
        expected = [[place for places in expected for place in places]]
    for places in expected:
        part.append([0 if kind == 0 else 10 * step + kind for step, kind in places])
        prompt.append([10 * step + 1 for step, _ in places])
    for b, places in enumerate(expected):
        for q, (step, kind) in enumerate(places):
            for k, (other, other_kind) in enumerate(places):
                allowed = step == other and k < q and kind != 0 and other_kind != 0 and other_kind in (1, kind)
                assert data["attention_mask"][b, 0, q, k].item() is (q == k or allowed), (b, q, k)
    mod = mask_mod(torch.tensor(part), torch.tensor(prompt))
    B, T = len(expected), len(expected[0])
    assert torch.equal(create_mask(mod, B, None, T, T, device="cpu"), data["attention_mask"])


def test_flex_attention_computes_what_the_branches_compute() -> None:
    import warnings

    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    rows = [pack(targets(seed, n)) for seed, n in enumerate((2, 3))]
    data = collate(rows, 2, joined=True)
    part: list[int] = []
    prompt: list[int] = []
    for number, row in enumerate(rows):
        part += [10 * number + 1] * len(row.prefix)
        part += [10 * number + 2 + i for i, branch in enumerate(row.branches) for _ in branch.tokens]
        prompt += [10 * number + 1] * len(row)
    T = len(part)
    query, key, value = (torch.randn(1, heads, T, 16) for heads in (4, 2, 2))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="flex_attention called without torch.compile")
        mod = mask_mod(torch.tensor([part]), torch.tensor([prompt]))
        block = create_block_mask(mod, 1, None, T, T, device="cpu")
        found = flex_attention(query, key, value, block_mask=block, scale=0.3, enable_gqa=True)
    split = collate(rows, 2, joined=True, whole=False)
    inputs = model_inputs(split, torch.float32)
    ours, _ = attention.branched_attention(
        torch.nn.Module(),
        query,
        key,
        value,
        inputs["attention_mask"],
        0.3,
        inputs["starts"],
        columns_SL=inputs["columns_SL"],
        places_T=inputs["places_T"],
    )
    assert data["input_ids"].equal(split["input_ids"])
    torch.testing.assert_close(ours.transpose(1, 2), found)


def test_a_prompt_is_causal_whatever_its_length_and_its_columns_never_meet_the_branches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the branched way saves: the prompt's columns are computed once, and only the last few against all columns."""
    query, key, value = (torch.randn(2, heads, 40, 8) for heads in (4, 2, 2))
    ahead = torch.ones(40, 40, dtype=torch.bool).triu(1)
    causal = torch.zeros(40, 40).masked_fill(ahead, float("-inf"))
    expected = parts.folded_attention(query, key, value, causal, 0.3)
    sizes: list[tuple[int, int]] = []
    plain = parts.folded_attention

    def noted(query: torch.Tensor, key: torch.Tensor, *rest: Any) -> torch.Tensor:
        sizes.append((query.shape[2], key.shape[2]))
        return plain(query, key, *rest)

    for module in (parts, attention):
        monkeypatch.setattr(module, "folded_attention", noted)
    for short, seen in ((512, [(6, 40), (34, 34)]), (8, [(6, 40)])):
        sizes.clear()
        monkeypatch.setattr(parts, "SHORT", short)
        torch.testing.assert_close(parts.causal_attention(query, key, value, 0.3), expected)
        sizes.clear()
        found, _ = attention.branched_attention(
            torch.nn.Module(), query, key, value, causal[None, None, -6:], 0.3, starts=[0, 0]
        )
        torch.testing.assert_close(found.transpose(1, 2), expected)
        assert sizes == seen


def test_a_branch_cannot_see_the_other(base: Path) -> None:
    """Changing the action's tokens must leave the reason's loss alone, and the other way round."""
    row = targets(0, 2)
    other = Target(prompt=row[0].prompt, answer=(9, 8, 7, 2), task=0)
    model = lora(base, "sdpa")
    data = [collate([pack(pair)], 2) for pair in (row, [other, row[1]])]
    losses = []
    for d in data:
        mask = torch.zeros(d["attention_mask"].shape).masked_fill(~d["attention_mask"], float("-inf"))
        with torch.no_grad():
            out = model(input_ids=d["input_ids"], position_ids=d["position_ids"], attention_mask=mask)
        losses.append(multitask_loss(out.logits[:, -d["labels"].shape[1] :], d["labels"], d["task"], 1.0)[1])
    torch.testing.assert_close(losses[0]["reason"], losses[1]["reason"], atol=1e-6, rtol=0)
    assert losses[0]["action"] != losses[1]["action"]


def test_the_prefix_is_shared_and_every_answer_token_is_a_target() -> None:
    row = pack(targets(0, 2))
    assert len(row.prefix) == 20
    assert len(row) == 20 + (3 + 4) + (4 + 8)
    same = pack([Target(prompt=(5, 6, 7), answer=(8, 2), task=0), Target(prompt=(5, 6, 7), answer=(9, 2), task=1)])
    assert same.prefix == (5, 6)
    assert [branch.start for branch in same.branches] == [1, 1]
    data = collate([same, pack([Target(prompt=(3,), answer=(4, 2), task=0)])], 0)
    assert data["labels"].tolist() == [[8, 2, IGNORE, 9, 2, IGNORE], [IGNORE] * 3 + [4, 2, IGNORE]]
    assert data["position_ids"].tolist()[0] == [0, 1, 2, 3, 4, 2, 3, 4]
