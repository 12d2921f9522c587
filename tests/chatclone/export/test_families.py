"""Every family of models answers alike through transformers and through its GGUF, adapter included."""

import pytest

from chatclone.export.base_gguf import DIFFICULT_TEXTS, check_stop_ids, verify_tokenizer
from chatclone.export.parity_prompts import Probe
from chatclone.prompt.render import ChatMessage
from tests.chatclone.conftest import Tiny
from tests.tiny import FAMILIES, Family

pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")

SYSTEM = ChatMessage("system", "You are Mira, chatting with Theo. Write the way Mira writes.")
TURNS = (
    SYSTEM,
    ChatMessage("user", "hey what are you up to"),
    ChatMessage("assistant", "making soup 🍲\nyou?", trained=True),
    ChatMessage("user", "not much"),
    ChatMessage("assistant", "haha same!!", trained=True),
)
PROBES = [
    Probe(TURNS, "held_out"),
    *(Probe((SYSTEM, ChatMessage("user", text)), "hostile") for text in DIFFICULT_TEXTS),
]


@pytest.mark.parametrize("family", FAMILIES)
def test_answers(family: Family, families: dict[Family, Tiny]) -> None:
    """Prompts become the same ids, and the adapter on the GGUF chooses as in transformers, at the same loss."""
    from chatclone.export.parity import measure

    tiny = families[family]
    parity = measure(tiny.base, tiny.adapter, tiny.gguf, tiny.lora, PROBES)
    assert parity.token_ids_equal
    assert parity.prompts_from == {"held_out": 2, "hostile": 10}
    assert parity.top1_agreement >= 0.98
    assert parity.mean_kl < 1e-3
    base, adapter, gguf = parity.loss.base, parity.loss.adapter, parity.loss.gguf
    assert base and adapter and gguf
    assert abs(gguf - adapter) < 0.1 * abs(base - adapter), "the GGUF answers rather like the base alone"


def test_precision() -> None:
    """The adapter is computed in 32 bits wherever they fit: bfloat16 disagrees with itself too often."""
    import torch

    from chatclone.export.parity import reference_dtype

    assert reference_dtype(1_500_000_000, 12_000_000_000) == torch.float32
    assert reference_dtype(7_600_000_000, 32_000_000_000) is None


@pytest.mark.parametrize("family", FAMILIES)
def test_tokenizer(family: Family, families: dict[Family, Tiny]) -> None:
    """Difficult text becomes the same ids, and the end of a turn is the same in llama.cpp."""
    tiny = families[family]
    verify_tokenizer(tiny.base, tiny.gguf)
    check_stop_ids(tiny.base, tiny.gguf)
