"""A LoRA adapter as GGUF, to be applied to its base model's GGUF when that is loaded."""

import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError
from chatclone.export.converter import NO_KEYS, Keys, run_script
from chatclone.export.large_files import written_whole


def adapter_gguf(adapter: Path, base: Path, target: Path, scripts: Path, keys: Keys = NO_KEYS) -> None:
    """Write a PEFT adapter as a LoRA GGUF in f16, with `keys` added to its metadata."""
    config = expressible_config(adapter)
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        shutil.copy(adapter / "adapter_model.safetensors", copy)
        (copy / "adapter_config.json").write_text(json.dumps(plainly_scaled(config)), "utf-8")
        with written_whole(target) as partial:
            options = ("--base", base, "--outtype", "f16", "--outfile", partial)
            # Else the file is called after the temporary folder.
            run_script(scripts, "convert_lora_to_gguf.py", *options, copy, keys={"general.name": target.stem, **keys})


def expressible_config(adapter: Path) -> dict[str, Any]:
    """Return the adapter's config, or refuse one that llama.cpp could apply only after a merge."""
    config: dict[str, Any] = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    if reason := why_merged_only(config):
        raise ChatcloneError(f"this adapter cannot be a GGUF of its own: {reason}", "chatclone export --kind merged")
    return config


def why_merged_only(config: dict[str, Any]) -> str | None:
    """Return why an adapter has no LoRA GGUF, or None: llama.cpp knows two matrices a layer and one alpha."""
    if config.get("peft_type") != "LORA":
        return f"it is a {config.get('peft_type')}, and llama.cpp knows LoRA"
    if config.get("use_dora"):
        return "it is a DoRA, and llama.cpp has no magnitude vectors"
    if config.get("modules_to_save") or config.get("trainable_token_indices"):
        return "it changes whole layers or embeddings, beside LoRA"
    if config.get("lora_bias") or config.get("bias", "none") != "none":
        return "it trains biases"
    if config.get("alpha_pattern") or (config.get("use_rslora") and config.get("rank_pattern")):
        return "its layers are scaled differently, and llama.cpp keeps one alpha"
    return None


def plainly_scaled(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config with rsLoRA's scale in alpha: llama.cpp applies alpha / rank, rsLoRA alpha / sqrt(rank)."""
    if not config.get("use_rslora"):
        return config
    return {**config, "use_rslora": False, "lora_alpha": config["lora_alpha"] * math.sqrt(config["r"])}
