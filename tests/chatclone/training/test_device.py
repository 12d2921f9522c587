"""What follows from a machine: tried for cards that are not here."""

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
    """A base of so many parameters, a tenth of them in embeddings, about as Qwen2.5 has it."""
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
        """bfloat16 where the card computes in it, float16 on older cards, float32 on a processor while it fits."""
        chosen, reason = choose_dtype(machine, base(billions), "auto")
        assert chosen == dtype
        assert len(reason.split()) > 2

    def test_asked(self) -> None:
        """What is asked for is taken."""
        assert choose_dtype(H100, base(7), "float32")[0] == "float32"


class TestQuantisation:
    """How the frozen weights are held."""

    @pytest.mark.parametrize(
        ("machine", "billions", "kind"),
        [(H100, 7, "none"), (RTX, 1.5, "none"), (RTX, 7, "4-bit"), (T4, 7, "4-bit"), (H100, 70, "4-bit")],
    )
    def test_only_for_memory(self, machine: Machine, billions: float, kind: str) -> None:
        """Weights that fit are not quantised: that is faster and exports cleaner."""
        assert choose_quantisation(machine, base(billions), "bfloat16", "auto")[0] == kind

    def test_sizes(self) -> None:
        """A 7B base takes what QLoRA's table says: embeddings in 16 bits, layers in 4.127."""
        assert weight_bytes(base(7), "none", "bfloat16") == pytest.approx(14e9, rel=1e-6)
        assert weight_bytes(base(7), "4-bit", "bfloat16") == pytest.approx(1.4e9 + 6.3e9 * 4.127 / 8, rel=1e-6)
        assert weight_bytes(base(7), "8-bit", "bfloat16") < weight_bytes(base(7), "none", "bfloat16")

    def test_too_large(self) -> None:
        """What fits in no way says how large a base would."""
        with pytest.raises(ChatcloneError) as error:
            choose_quantisation(RTX, base(70), "bfloat16", "auto")
        assert "70" not in error.value.hint.partition("machine")[0]
        assert "a base of at most 7.4B parameters" in error.value.hint

    def test_asked_for_too_much(self) -> None:
        """Weights asked for unquantised that do not fit are refused with the kind that does."""
        with pytest.raises(ChatcloneError) as error:
            choose_quantisation(T4, base(7), "float16", "none")
        assert "--set quantisation=8-bit" in error.value.hint


def test_one_gpu() -> None:
    """Of several GPUs a process without a launcher keeps the first; under a launcher, or with one, nothing changes."""
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
    """The processor is always there, and a device that is not is an error."""
    import torch

    machine = find_machine("cpu")
    assert machine.device == "cpu" and machine.free > 0
    if not torch.cuda.is_available():
        assert find_machine().device == "cpu"
        with pytest.raises(ChatcloneError, match="no CUDA device"):
            find_machine("cuda")


class TestDecided:
    """A plan with nothing left open."""

    def test_machine(self) -> None:
        """Device, type, quantisation and optimizer each get a value and a reason; what was set stays."""
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
        """The context bounds what was asked for."""
        assert auto_settings.decide_length(small_plan(max_length=2048), [9], 512).settings.max_length == 512
        assert auto_settings.decide_length(small_plan(max_length=256), [9], 512).settings.max_length == 256
        assert auto_settings.decide_length(small_plan(), [9] * 20, 512).settings.max_length == 64

    def test_checkpointing(self) -> None:
        """Small weights need none, large ones on a GPU are measured, and without a measure it is on."""
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
