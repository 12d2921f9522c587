"""A model of the size people chat with, made without the network: random weights, the true shape of Qwen2.5-0.5B."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen2Config

from chatclone.export.base_gguf import convert
from chatclone.export.converter import scripts_folder
from chatclone.paths import home_directory, starter_model


def half_billion(folder: Path) -> Path:
    """Make the model and quantize it with the export's own code.

    The head has Qwen's 151,936 rows, more than a quarter of all weights; the converter fills the vocabulary up
    with names after the starter's 8,192, which are never in a prompt and may well be written.
    """
    config = Qwen2Config(
        vocab_size=151_936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
        num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    base = folder / "base"
    tokenizer = AutoTokenizer.from_pretrained(starter_model(), local_files_only=True)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(base)
    tokenizer.save_pretrained(base)
    target = folder / "random-0.5b-q4_k_m.gguf"
    convert(base, target, "q4_k_m", scripts_folder(home_directory()), "random-0.5b")
    return target
