"""Tiny random models made in seconds: a folder with config, tokenizer, chat template and weights.

They say nothing sensible, but everything that loads, trains, exports or runs a model can be tried on them. Gemma-2 has
a sentencepiece tokenizer and its own template, which knows no system turn; the others a byte-level BPE and ChatML.
"""

import io
import json
import warnings
from pathlib import Path
from typing import Any, Literal, get_args

Family = Literal["llama", "qwen2", "qwen3", "mistral", "gpt_neox", "gemma2"]
FAMILIES: tuple[Family, ...] = get_args(Family)

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('not in turn') }}{% endif %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ message['content'] | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
CONTEXT = 256
HIDDEN = 64
VOCABULARY = 400

# The pre-tokenizers of three families, as in their own tokenizer.json.
SPLIT: dict[Literal["llama", "qwen2", "gpt2"], str] = {
    "llama": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "qwen2": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}
_SPLIT_OF: dict[Family, str] = {
    "llama": SPLIT["llama"],
    "mistral": SPLIT["llama"],
    "qwen2": SPLIT["qwen2"],
    "qwen3": SPLIT["qwen2"],
    "gpt_neox": SPLIT["gpt2"],
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
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    if family == "gemma2":
        tokenizer = _gemma_tokenizer(folder)
    else:
        tokenizer = _tokenizer(pre_tokenizer or _SPLIT_OF[family])
        tokenizer.save_pretrained(folder)
    config = AutoConfig.for_model(family, **_shape(family, tokenizer))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_config(config)
    other_end = "<eos>" if family == "gemma2" else tokenizer.pad_token
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(other_end)]
    model.to(torch.bfloat16).save_pretrained(folder)  # as models are shipped; each such weight is exact in f16 too
    return folder


def _shape(family: Family, tokenizer: Any) -> dict[str, Any]:
    """Return what a family's config needs to be tiny."""
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": CONTEXT,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        # Wide enough that the next token is a choice and not a tie.
        "initializer_range": 0.3,
    }
    if family == "gpt_neox":  # Polyglot's shape: half of each head rotated, attention and MLP side by side
        return {**shape, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5}}
    shape |= {"num_key_value_heads": 2, "tie_word_embeddings": True}
    if family in ("qwen3", "gemma2"):
        shape["head_dim"] = HIDDEN // 4
    if family == "gemma2":  # a window shorter than the conversations, and scores that the caps reach
        shape |= {"sliding_window": 32, "query_pre_attn_scalar": HIDDEN // 4}
    return shape


def tiny_adapter(base: Path, folder: Path, *, rslora: bool = False, dora: bool = False) -> Path:
    """Write a LoRA adapter for `base` to `folder`, with weights large enough to change what the model says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, local_files_only=True)
    config = LoraConfig(
        r=4,
        lora_alpha=8,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        use_rslora=rslora,
        use_dora=dora,
    )
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


def _gemma_tokenizer(folder: Path) -> Any:
    """Write a sentencepiece model of about 400 tokens to `folder`, with a fast tokenizer made from it."""
    import sentencepiece
    from transformers import GemmaTokenizer
    from transformers.convert_slow_tokenizer import generate_merges

    model = _sentencepiece_model()
    (folder / "tokenizer.model").write_bytes(model)
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    vocabulary = {pieces.IdToPiece(i): i for i in range(pieces.vocab_size())}
    scores = {piece: pieces.GetScore(i) for piece, i in vocabulary.items() if not pieces.IsByte(i)}
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    fast = GemmaTokenizer(
        vocab=vocabulary,
        merges=generate_merges(vocabulary, scores, special),
        mask_token=None,
        eos_token="<end_of_turn>",
        additional_special_tokens=special[4:],
    )
    fast.chat_template = GEMMA
    fast.save_pretrained(folder)
    # As Google ships it, and as the converter wants to know which tokens are special.
    path = folder / "tokenizer_config.json"
    added = {str(vocabulary[token]): {"content": token, "special": True} for token in special}
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "added_tokens_decoder": added}), "utf-8")
    return fast


def _sentencepiece_model() -> bytes:
    """Train a BPE model with Gemma's special tokens on a few lines."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 4),
        model_writer=model,
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        character_coverage=1.0,
        pad_id=0,
        eos_id=1,
        bos_id=2,
        unk_id=3,
        pad_piece="<pad>",
        eos_piece="<eos>",
        bos_piece="<bos>",
        user_defined_symbols=["<start_of_turn>", "<end_of_turn>"],
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        minloglevel=2,
    )
    return model.getvalue()
