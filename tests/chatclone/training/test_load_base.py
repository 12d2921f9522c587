"""Loading: the model in memory is as planned, and its gradients are correct."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from chatclone.errors import ChatcloneError
from chatclone.prompt.render import IGNORED, ChatMessage
from chatclone.training.load_base import disable_avx512bf16, load
from chatclone.training.setting_bounds import TrainConfig
from tests.chatclone.training.conftest import Bases
from tests.chatclone.training.making import model_folder, small_plan
from tests.tiny import FAMILIES, Family


def settings(**changes: Any) -> TrainConfig:
    return small_plan(**{"device": "cpu", "dtype": "float32", "quantisation": "none", **changes}).settings


@pytest.mark.parametrize(
    ("quantisation", "kind"), [("none", "Linear"), ("4-bit", "Linear4bit"), ("8-bit", "Linear8bitLt")]
)
def test_layers(bases: Bases, quantisation: str, kind: str) -> None:
    """Every layer but the head is quantised as asked, and the layers are counted."""
    loaded = load(bases("qwen2"), settings(quantisation=quantisation))
    assert loaded.layers == {kind: 14}
    assert f"14 {kind}" in str(loaded)
    assert loaded.model.config.use_cache is False


def test_nf4(bases: Bases) -> None:
    """Four bits are NF4 with double quantisation, computed in the type of the plan, and take less memory."""
    whole, small = (load(bases("qwen2"), settings(quantisation=kind)) for kind in ("none", "4-bit"))
    layer = next(m for m in small.model.modules() if type(m).__name__ == "Linear4bit")
    assert (layer.weight.quant_type, layer.weight.compress_statistics) == ("nf4", True)
    assert layer.compute_dtype == torch.float32
    assert small.bytes < whole.bytes


def test_not_as_planned(bases: Bases, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a library silently skips quantisation, loading fails."""
    monkeypatch.setattr("chatclone.training.load_base.quantisation_config", lambda *_: None)
    with pytest.raises(ChatcloneError, match="loaded in 4-bit, but its layers are 14 Linear"):
        load(bases("qwen2"), settings(quantisation="4-bit"))


def test_gemma_is_eager(bases: Bases) -> None:
    """Gemma-2's soft-capped scores are computed by eager attention."""
    assert load(bases("gemma2"), settings()).model.config._attn_implementation == "eager"


def test_template(bases: Bases) -> None:
    """A base without a chat template gets ours with its stop marker, to be saved with the adapter."""
    loaded = load(bases("gpt_neox"), settings())
    assert not loaded.own_template
    assert loaded.template.stop_marker == "[end]"
    assert loaded.tokenizer.chat_template == loaded.template.source
    assert load(bases("llama"), settings()).own_template


@pytest.mark.parametrize("family", FAMILIES)
def test_ends_a_turn(bases: Bases, family: Family) -> None:
    """The token trained as the end of a reply is one that ends generation."""
    loaded = load(bases(family), settings())
    turns = [ChatMessage("user", "hey"), ChatMessage("assistant", "hi", trained=True)]
    trained = [label for label in loaded.template.sample(turns, 256).labels if label != IGNORED]
    ends = loaded.model.generation_config.eos_token_id
    assert trained[-1] in (ends if isinstance(ends, list) else [ends])


def test_template_without_an_end(bases: Bases, tmp_path: Path) -> None:
    """A template whose replies do not end with the end token is refused: the clone would never stop."""
    folder = Path(shutil.copytree(bases("llama"), tmp_path / "base"))
    template = (folder / "chat_template.jinja").read_text("utf-8").replace("<|im_end|>", "<|im_start|>")
    (folder / "chat_template.jinja").write_text(template, "utf-8")
    with pytest.raises(ChatcloneError, match="no end-of-turn token") as error:
        load(folder, settings())
    assert "instruct version" in error.value.hint


def test_gradients_survive_an_evaluation(bases: Bases) -> None:
    """4-bit gradients are the same before and after an evaluation, on processors with AVX512-BF16 too.

    There bitsandbytes repacks each layer in the first pass without gradients, and computes others afterwards.
    """
    from peft import LoraConfig, get_peft_model

    from chatclone.training.trainer import quiet

    loaded = load(bases("llama"), settings(quantisation="4-bit"))
    layers = [m for m in loaded.model.modules() if type(m).__name__ == "Linear4bit"]
    assert len(layers) == 14
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers)
    with quiet():
        model = get_peft_model(loaded.model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    torch.manual_seed(3)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    ids = torch.arange(3, 40)[None]

    def gradients() -> dict[str, torch.Tensor]:
        model.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad and p.grad is not None}

    before = gradients()
    model.eval()
    with torch.no_grad():
        model(input_ids=ids)
    model.train()
    after = gradients()
    assert len(before) == 28 and all(grad.abs().sum() > 0 for grad in before.values())
    for name, grad in before.items():
        torch.testing.assert_close(after[name], grad, rtol=1e-5, atol=1e-7)


def test_only_4_bit_layers_are_changed(bases: Bases) -> None:
    """Other layers are not changed."""
    assert disable_avx512bf16(load(bases("llama"), settings()).model) == 0


class TestRefused:
    """What cannot be loaded."""

    def test_no_tokenizer(self, tmp_path: Path) -> None:
        """A base without a tokenizer is a ChatcloneError."""
        with pytest.raises(ChatcloneError, match="cannot be loaded"):
            load(model_folder(tmp_path / "base"), settings())

    def test_code_of_its_own(self, bases: Bases, tmp_path: Path) -> None:
        """A base that needs custom code is refused."""
        folder = Path(shutil.copytree(bases("llama"), tmp_path / "base"))
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config |= {"model_type": "mine", "auto_map": {"AutoConfig": "mine.C", "AutoModelForCausalLM": "mine.M"}}
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
        (folder / "mine.py").write_text("raise SystemExit('it ran')", "utf-8")
        with pytest.raises(ChatcloneError, match="never run"):
            load(folder, settings())
