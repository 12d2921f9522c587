"""Which adapters llama.cpp can apply, and that rsLoRA keeps its scale."""

from pathlib import Path
from typing import Any

import pytest

from chatclone.errors import ChatcloneError
from chatclone.export.adapter_gguf import adapter_gguf, why_merged_only, with_plain_scale

PLAIN: dict[str, Any] = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "bias": "none"}


class TestWhyMergedOnly:
    """What a LoRA GGUF cannot express is refused with its reason."""

    def test_plain(self) -> None:
        """Plain LoRA and rsLoRA can be a GGUF of their own."""
        assert why_merged_only(PLAIN) is None
        assert why_merged_only({**PLAIN, "use_rslora": True}) is None

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"peft_type": "IA3"}, "its type is IA3"),
            ({"use_dora": True}, "DoRA"),
            ({"modules_to_save": ["lm_head"]}, "whole layers"),
            ({"trainable_token_indices": [1]}, "embeddings"),
            ({"bias": "all"}, "biases"),
            ({"alpha_pattern": {"q_proj": 2}}, "scaled differently"),
            ({"use_rslora": True, "rank_pattern": {"q_proj": 2}}, "scaled differently"),
        ],
    )
    def test_others(self, change: dict[str, Any], reason: str) -> None:
        """Everything except two matrices a layer and one alpha has a reason."""
        assert reason in str(why_merged_only({**PLAIN, **change}))

    def test_refused(self, tmp_path: Path) -> None:
        """The hint is a merged export."""
        (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "use_dora": true}')
        with pytest.raises(ChatcloneError, match="DoRA") as caught:
            adapter_gguf(tmp_path, tmp_path, tmp_path / "lora.gguf", tmp_path)
        assert caught.value.hint == "chatclone export --kind merged"
        assert not list(tmp_path.glob("*.gguf"))


class TestRsLora:
    """rsLoRA divides by the square root of the rank, llama.cpp by the rank."""

    def test_alpha(self) -> None:
        """Alpha is changed accordingly; a plain adapter is unchanged."""
        assert with_plain_scale({**PLAIN, "use_rslora": True}) == {**PLAIN, "use_rslora": False, "lora_alpha": 16.0}
        assert with_plain_scale(PLAIN) is PLAIN
