"""The arguments for TRL and PEFT."""

from pathlib import Path
from typing import Any

import pytest
import torch

from chatclone.errors import UsageError
from chatclone.training.events import EventLog, EventTail, Notice
from chatclone.training.load_base import load
from chatclone.training.plan import Plan
from chatclone.training.schedule import schedule
from chatclone.training.trainer import adapter_config, arguments, cast_trainables, known_arguments, target_modules
from tests.chatclone.training.conftest import Bases
from tests.chatclone.training.making import small_plan
from tests.tiny import Family

MACHINE = {"device": "cpu", "dtype": "float32", "quantisation": "none", "max_length": 512, "checkpointing": "off"}
DECIDED = {**MACHINE, "optimizer": "adamw", "learning_rate": 1e-4, "rows_at_once": 1}


def plan(name: str = "persona", **changes: Any) -> Plan:
    return small_plan(name, **{**DECIDED, **changes})


class TestTargets:
    """Which layers get an adapter."""

    @pytest.mark.parametrize(
        ("family", "names"),
        [
            ("llama", ["k_proj", "o_proj", "q_proj", "v_proj"]),
            ("gemma2", ["k_proj", "o_proj", "q_proj", "v_proj"]),
            ("gpt_neox", ["dense", "query_key_value"]),
        ],
    )
    def test_attention(self, bases: Bases, family: Family, names: list[str]) -> None:
        """`attention` adapts only attention layers, by their names in the architecture."""
        from peft import get_peft_model

        from chatclone.training.trainer import quiet

        model = load(bases(family), plan().settings).model
        assert target_modules(model, "attention") == names
        settings = plan(targets="attention", dropout=0.0).settings
        with quiet():
            adapted = get_peft_model(model, adapter_config(model, settings))
        touched = {name for name, p in adapted.named_parameters() if p.requires_grad}
        assert touched and not any(part in name for name in touched for part in ("mlp", "lm_head", "embed"))

    def test_names(self, bases: Bases) -> None:
        """Layers may be named; the error for an unknown one lists the base's layers."""
        model = load(bases("gpt_neox"), plan().settings).model
        assert target_modules(model, "dense, query_key_value") == ["dense", "query_key_value"]
        assert target_modules(model, "all-linear") == "all-linear"
        for wrong in ("q_proj", "lm_head", ""):
            with pytest.raises(UsageError) as error:
                target_modules(model, wrong)
            assert "query_key_value" in error.value.hint and "lm_head" not in error.value.hint


class TestArguments:
    """TRL's arguments."""

    def test_known(self, tmp_path: Path) -> None:
        """The installed TRL knows every argument; an unknown one is left out with a notice."""
        log, tail = EventLog(tmp_path), EventTail(tmp_path)
        wanted = arguments(plan(), schedule([60] * 200, 200, plan().settings))
        assert known_arguments(wanted, log) == wanted
        assert tail.new() == []
        assert known_arguments({"max_length": 1, "max_seq_length": 2}, log) == {"max_length": 1}
        assert any("max_seq_length" in notice.text for notice in tail.new() if isinstance(notice, Notice))

    @pytest.mark.parametrize(
        ("device", "dtype", "flags"),
        [
            ("cuda", "bfloat16", (True, False, False)),
            ("cuda", "float16", (False, True, False)),
            ("cuda", "float32", (False, False, False)),
            ("cpu", "float32", (False, False, True)),
            ("cpu", "bfloat16", (False, False, True)),
        ],
    )
    def test_number_types(self, device: str, dtype: str, flags: tuple[bool, bool, bool]) -> None:
        """A T4 trains in float16 with a scaler, newer GPUs in bfloat16, a processor in the type of the weights."""
        settings = plan(device=device, dtype=dtype).settings
        made = arguments(plan(device=device, dtype=dtype), schedule([60] * 200, 200, settings))
        assert (made["bf16"], made["fp16"], made["use_cpu"]) == flags

    def test_unpacked(self) -> None:
        """Without packing the samples of a batch are concatenated, and TRL neither pads nor cuts."""
        made = arguments(plan(packing=False), schedule([60] * 200, 200, plan(packing=False).settings))
        assert (made["packing"], made["padding_free"], made["max_length"]) == (False, True, None)

    def test_seed_e(self) -> None:
        """A warm-up of 1 or more is a number of steps."""
        seed = plan("mongolian-llama2", optimizer="adamw_8bit")
        made = arguments(seed, schedule([60] * 2000, 2000, seed.settings))
        assert (made["warmup_steps"], made["lr_scheduler_type"], made["eval_steps"]) == (5, "linear", 100)
        assert made["optim"] == "adamw_8bit"


def test_cast_trainables() -> None:
    """Trained parameters become float32, frozen ones stay."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)).to(torch.bfloat16)
    model[0].requires_grad_(False)
    cast_trainables(model)
    assert [layer.weight.dtype for layer in model] == [torch.bfloat16, torch.float32]
