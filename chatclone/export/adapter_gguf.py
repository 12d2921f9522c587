"""A LoRA adapter as GGUF, which llama.cpp applies to the base model's GGUF when it loads."""

import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError
from chatclone.export.converter import NO_METADATA, Metadata, run_script
from chatclone.export.large_files import written_whole
from chatclone.i18n.message import Message


def adapter_gguf(adapter: Path, base: Path, target: Path, scripts: Path, metadata: Metadata = NO_METADATA) -> None:
    """Write a PEFT adapter as a LoRA GGUF in f16, with `metadata` added."""
    config = read_adapter_config(adapter)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copy(adapter / "adapter_model.safetensors", copy)
        (copy / "adapter_config.json").write_text(json.dumps(with_plain_scale(config)), "utf-8")
        with written_whole(target) as partial:
            options = ("--base", base, "--outtype", "f16", "--outfile", partial)
            # Without a name the model is called after the temporary folder.
            named = {"general.name": target.stem, **metadata}
            run_script(scripts, "convert_lora_to_gguf.py", *options, copy, metadata=named)


def read_adapter_config(adapter: Path) -> dict[str, Any]:
    """Return PEFT's config of an adapter; one that llama.cpp can apply only after a merge is a ChatcloneError."""
    config: dict[str, Any] = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    if reason := why_merged_only(config):
        raise ChatcloneError(
            "this adapter cannot be a GGUF of its own: {reason}", "chatclone export --kind merged", reason=reason
        )
    return config


def why_merged_only(config: dict[str, Any]) -> str | None:
    """Return why an adapter cannot be a LoRA GGUF, or None: llama.cpp supports two matrices a layer and one alpha."""
    if config.get("peft_type") != "LORA":
        return Message("its type is {type}, and llama.cpp supports LoRA", type=config.get("peft_type"))
    if config.get("use_dora"):
        return Message("it is a DoRA, and llama.cpp has no magnitude vectors")
    if config.get("modules_to_save") or config.get("trainable_token_indices"):
        return Message("it trains whole layers or embeddings as well")
    if config.get("lora_bias") or config.get("bias", "none") != "none":
        return Message("it trains biases")
    if config.get("alpha_pattern") or (config.get("use_rslora") and config.get("rank_pattern")):
        return Message("its layers are scaled differently, and llama.cpp has one alpha")
    return None


def with_plain_scale(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config with rsLoRA's scale in alpha: llama.cpp applies alpha / rank, rsLoRA alpha / sqrt(rank)."""
    if not config.get("use_rslora"):
        return config
    return {**config, "use_rslora": False, "lora_alpha": config["lora_alpha"] * math.sqrt(config["r"])}
