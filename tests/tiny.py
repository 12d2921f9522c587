"""Tiny random models made in seconds: a folder with config, byte-level BPE tokenizer, ChatML template and weights.

They say nothing sensible, but everything that loads, trains, exports or runs a model can be tried on them.
"""

import json
import warnings
from pathlib import Path
from typing import Any, Literal

Family = Literal["llama", "qwen2"]

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT = 256
HIDDEN = 64
VOCABULARY = 400

# The pre-tokenizers of the two families, as in their own tokenizer.json.
SPLIT: dict[Family, str] = {
    "llama": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "qwen2": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}

LINES = (
    "hey what are you up to",
    "not much, just got home. you?",
    "haha same!! I'm making soup 🍲 and it smells great",
    "it's 2023 already, can you believe it? I can't...",
    "we'll see each other on Friday at 18:30, don't be late",
    "привет, как дела? всё хорошо",
    "user assistant system memory name",
)


def tiny_base(folder: Path, family: Family = "llama", *, pre_tokenizer: str | None = None) -> Path:
    """Write a random two-layer model with its tokenizer to `folder`; the same weights every time.

    `pre_tokenizer` is the regular expression that splits words; the family's own when None.
    """
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(pre_tokenizer or SPLIT[family])
    tokenizer.save_pretrained(folder)
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        # Wide enough that the next token is a choice and not a tie.
        "initializer_range": 0.3,
    }
    config = LlamaConfig(**shape) if family == "llama" else Qwen2Config(**shape)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_config(config)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.to(torch.bfloat16).save_pretrained(folder)  # as models are shipped; each such weight is exact in f16 too
    return folder


def tiny_adapter(base: Path, folder: Path, *, rslora: bool = False) -> Path:
    """Write a LoRA adapter for `base` to `folder`, with weights large enough to change what the model says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, local_files_only=True)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM", use_rslora=rslora)
    with torch.random.fork_rng(), warnings.catch_warnings():
        # PEFT 0.21 still asks for the name that transformers 5.23 renamed.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        torch.manual_seed(11)
        adapted = get_peft_model(model, config)
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.2)
    adapted.save_pretrained(folder)
    # PEFT writes where the base lay; tests compare folders that move.
    path = folder / "adapter_config.json"
    table = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**table, "base_model_name_or_path": str(base)}), "utf-8")
    return folder


def _tokenizer(split: str) -> Any:
    """Train a byte-level BPE of about 400 tokens on a few lines, with the ChatML tokens in front."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES * 4, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    fast.chat_template = CHATML
    return fast
