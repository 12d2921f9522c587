"""Decisions that depend on the machine, tested for hardware that is not present."""

import pytest

from chatclone.bases.inspect_base import Base
from chatclone.bases.licence import Licence
from chatclone.errors import ChatcloneError
from chatclone.training import auto_settings
from chatclone.training.device import (
    Machine,
    choose_dtype,
    choose_quantisation,
    find_machine,
    hide_other_gpus,
    weight_bytes,
)
from tests.chatclone.training.making import small_plan

GB = 1_000_000_000
H100 = Machine("cuda", "H100", 80 * GB, bf16=True)
RTX = Machine("cuda", "RTX 4060", 8 * GB, bf16=True)
T4 = Machine("cuda", "T4", 15 * GB, bf16=False)
LAPTOP = Machine("cpu", "8 cores", 8 * GB, bf16=False)


def base(billions: float) -> Base:
    """A base with this many parameters, a tenth of them in embeddings, about as in Qwen2.5."""
    from pathlib import Path

    return Base("b", Path(), "qwen2", int(billions * 1e9), int(0.9 * billions * 1e9), 32768, "f", Licence("mit"))


class TestDtype:
    """The type to compute in."""

    @pytest.mark.parametrize(
        ("machine", "billions", "dtype"),
        [
            (H100, 7, "bfloat16"),
            (T4, 7, "float16"),
            (LAPTOP, 0.5, "float32"),
            (LAPTOP, 3, "bfloat16"),
        ],
    )
    def test_chosen(self, machine: Machine, billions: float, dtype: str) -> None:
        """bfloat16 if the GPU supports it, float16 on older GPUs, float32 on a processor if it fits."""
        chosen, reason = choose_dtype(machine, base(billions), "auto")
        assert chosen == dtype
        assert len(reason.split()) > 2

    def test_asked(self) -> None:
        """A type that was asked for is used."""
        assert choose_dtype(H100, base(7), "float32")[0] == "float32"


class TestQuantisation:
    """How the frozen weights are held."""

    @pytest.mark.parametrize(
        ("machine", "billions", "kind"),
        [(H100, 7, "none"), (RTX, 1.5, "none"), (RTX, 7, "4-bit"), (T4, 7, "4-bit"), (H100, 70, "4-bit")],
    )
    def test_only_for_memory(self, machine: Machine, billions: float, kind: str) -> None:
        """Weights that fit are not quantised."""
        assert choose_quantisation(machine, base(billions), "bfloat16", "auto")[0] == kind

    def test_sizes(self) -> None:
        """The sizes of a 7B base agree with QLoRA's table: embeddings in 16 bits, layers in 4.127."""
        assert weight_bytes(base(7), "none", "bfloat16") == pytest.approx(14e9, rel=1e-6)
        assert weight_bytes(base(7), "4-bit", "bfloat16") == pytest.approx(1.4e9 + 6.3e9 * 4.127 / 8, rel=1e-6)
        assert weight_bytes(base(7), "8-bit", "bfloat16") < weight_bytes(base(7), "none", "bfloat16")

    def test_too_large(self) -> None:
        """The error for a base that is too large says how large a base may be."""
        with pytest.raises(ChatcloneError) as error:
            choose_quantisation(RTX, base(70), "bfloat16", "auto")
        assert "70" not in error.value.hint.partition("machine")[0]
        assert "a base of at most 7.4B parameters" in error.value.hint

    def test_asked_for_too_much(self) -> None:
        """If unquantised weights were asked for and do not fit, the error names the quantisation that does."""
        with pytest.raises(ChatcloneError) as error:
            choose_quantisation(T4, base(7), "float16", "none")
        assert "--set quantisation=8-bit" in error.value.hint


def test_one_gpu() -> None:
    """Without a launcher only the first of several GPUs stays visible; with a launcher or one GPU nothing changes."""
    environment: dict[str, str] = {}
    assert "number 0" in hide_other_gpus(environment, 2)
    assert environment == {"CUDA_VISIBLE_DEVICES": "0"}
    environment = {"CUDA_VISIBLE_DEVICES": "3,1"}
    assert "number 3" in hide_other_gpus(environment, 2)
    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
    for count, given in ((1, {}), (0, {}), (2, {"LOCAL_RANK": "1", "WORLD_SIZE": "2"})):
        environment = dict(given)
        assert hide_other_gpus(environment, count) == ""
        assert environment == given


def test_this_machine() -> None:
    """The processor is always available; a missing device is an error."""
    import torch

    machine = find_machine("cpu")
    assert machine.device == "cpu" and machine.free > 0
    if not torch.cuda.is_available():
        assert find_machine().device == "cpu"
        with pytest.raises(ChatcloneError, match="no CUDA device"):
            find_machine("cuda")


class TestDecided:
    """The decisions that complete a plan."""

    def test_machine(self) -> None:
        """Device, type, quantisation and optimizer get a value and a reason; settings of the user stay."""
        decided = auto_settings.decide_for_machine(small_plan(), T4, base(7))
        values = [getattr(decided.settings, k) for k in ("device", "dtype", "quantisation", "optimizer")]
        assert values == ["cuda", "float16", "4-bit", "paged_adamw_8bit"]
        assert "NF4" in decided.reasons["quantisation"]
        asked = auto_settings.decide_for_machine(small_plan(quantisation="8-bit", optimizer="adamw"), LAPTOP, base(0.5))
        assert [getattr(asked.settings, k) for k in ("device", "quantisation", "optimizer")] == [
            "cpu",
            "8-bit",
            "adamw",
        ]

    def test_lengths(self) -> None:
        """The length is at most the base's context."""
        assert auto_settings.decide_length(small_plan(max_length=2048), [9], 512).settings.max_length == 512
        assert auto_settings.decide_length(small_plan(max_length=256), [9], 512).settings.max_length == 256
        assert auto_settings.decide_length(small_plan(), [9] * 20, 512).settings.max_length == 64

    def test_checkpointing(self) -> None:
        """It is off for small weights, measured for large ones on a GPU, and on if it cannot be measured."""
        small = auto_settings.decide_for_machine(small_plan(), H100, base(0.5))
        large = auto_settings.decide_for_machine(small_plan(), H100, base(14))
        assert not auto_settings.needs_measuring(small, H100, base(0.5))
        assert auto_settings.needs_measuring(large, H100, base(14))
        assert auto_settings.decide_checkpointing(small, H100, base(0.5), None).settings.checkpointing == "off"
        for fit, value in (
            (auto_settings.Fit(40_000, 80_000), "off"),
            (auto_settings.Fit(79_000, 80_000), "on"),
            (auto_settings.Fit(None, 80_000), "on"),
            (None, "on"),
        ):
            assert auto_settings.decide_checkpointing(large, H100, base(14), fit).settings.checkpointing == value
