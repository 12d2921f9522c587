"""Packed rows on a processor give the same results as each sample alone."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM
from trl.kernels import chunked_logprob
from trl.trainer import utils as trl_utils

from chatclone.training import packed_rows
from tests.tiny import Family, tiny_base

SAMPLES = [[5, 9, 30, 12, 7], [40, 3], [22, 8, 6, 19, 50, 33, 21]]


@pytest.fixture(autouse=True)
def leave_trl_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore TRL's function after a test."""
    monkeypatch.setattr(trl_utils, "_use_triton", trl_utils._use_triton)


def row(samples: list[list[int]]) -> dict[str, torch.Tensor | int]:
    """Return samples in one row, as TRL's collator gives them."""
    lengths = [len(sample) for sample in samples]
    bounds = torch.tensor([0, *torch.tensor(lengths).cumsum(0).tolist()], dtype=torch.int32)
    return {
        "input_ids": torch.tensor([[token for sample in samples for token in sample]]),
        "position_ids": torch.tensor([[place for length in lengths for place in range(length)]]),
        "cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": max(lengths), "max_length_k": max(lengths),
    }  # fmt: skip


@pytest.mark.parametrize("family", ["llama", "qwen2", "mistral", "gpt_neox"])
def test_each_sample_as_if_alone(family: Family, tmp_path: Path) -> None:
    """Logits and gradients of a packed row equal those of its samples one by one."""
    model = AutoModelForCausalLM.from_pretrained(tiny_base(tmp_path, family), dtype=torch.float32).eval()
    alone = [model(input_ids=torch.tensor([sample])).logits[0] for sample in SAMPLES]
    torch.autograd.backward(torch.cat(alone).square().mean())
    wanted = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    packed_rows.use_on_cpu(model)
    assert model.config._attn_implementation == packed_rows.PACKED_SDPA
    together = model(**row(SAMPLES), use_cache=False).logits[0]
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)
    torch.autograd.backward(together.square().mean())
    for name, parameter in model.named_parameters():
        if name in wanted:
            assert parameter.grad is not None
            assert torch.allclose(parameter.grad, wanted[name], atol=1e-4, rtol=1e-4), name


def test_padded_batches_are_as_before(tmp_path: Path) -> None:
    """Padded batches, as in evaluation, use the attention mask."""
    model = AutoModelForCausalLM.from_pretrained(tiny_base(tmp_path, "llama"), dtype=torch.float32).eval()
    ids = torch.tensor([SAMPLES[0], [0, 0, 0, *SAMPLES[1]]])
    mask = torch.tensor([[1] * 5, [0, 0, 0, 1, 1]])
    with torch.no_grad():
        before = model(input_ids=ids, attention_mask=mask).logits
        packed_rows.use_on_cpu(model)
        after = model(input_ids=ids, attention_mask=mask).logits
    assert torch.equal(after[mask.bool()], before[mask.bool()])


def test_a_sliding_window_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a sample is longer than the sliding window, the mask with the window is used."""
    asked: list[int] = []

    def stand_in(*arguments: object, **_: object) -> tuple[torch.Tensor, None]:
        asked.append(1)
        return torch.zeros(1), None

    monkeypatch.setattr(packed_rows, "sdpa_attention_forward", stand_in)
    states = torch.randn(1, 2, 14, 4)
    bounds = {"cu_seq_lens_q": torch.tensor([0, 5, 7, 14], dtype=torch.int32), "max_length_q": 7}
    for window in (None, 7, 6):
        packed_rows.packed_attention(torch.nn.Module(), states, states, states, None, sliding_window=window, **bounds)
        assert len(asked) == (window == 6)


def test_a_base_with_attention_of_its_own_keeps_it(tmp_path: Path) -> None:
    """Gemma-2 needs its eager attention."""
    model = AutoModelForCausalLM.from_pretrained(tiny_base(tmp_path, "gemma2"), attn_implementation="eager")
    packed_rows.use_on_cpu(model)
    assert model.config._attn_implementation == "eager"


def test_trl_scores_trained_tokens_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head computes only trained tokens, with the same losses and gradients."""
    base = tiny_base(tmp_path, "llama")
    ids = torch.tensor([[token for sample in SAMPLES for token in sample]])
    labels = ids.clone()
    labels[:, :10] = -100

    def trained() -> tuple[float, torch.Tensor, int]:
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        trl_utils.add_fused_lm_head(model, outputs=("log_probs", "entropy", "is_top1"))
        with FlopCounterMode(display=False) as counted:
            loss = model(input_ids=ids, labels=labels, fused_lm_head=True).loss
            loss.backward()
        return loss.item(), model.model.layers[0].mlp.up_proj.weight.grad, counted.get_total_flops()

    # As the library is, whatever a test before this one has trained: the place is still there and asks what it asked.
    monkeypatch.setattr(trl_utils, "_use_triton", chunked_logprob._use_triton)
    assert trl_utils._use_triton(torch.device("cpu")) is False
    loss, gradient, flops = trained()
    packed_rows.use_on_cpu(AutoModelForCausalLM.from_pretrained(base))
    assert trl_utils._use_triton(torch.device("cpu")) is True
    fewer_loss, fewer_gradient, fewer_flops = trained()
    assert fewer_loss == pytest.approx(loss, rel=1e-5)
    assert torch.allclose(fewer_gradient, gradient, rtol=1e-3, atol=1e-6)
    assert fewer_flops < 0.95 * flops
