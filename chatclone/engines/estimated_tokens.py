"""Estimates of prompt lengths for a model on a server, whose tokenizer is not available."""

import math

from chatclone.prompt.render import ChatTemplate

BYTES_PER_TOKEN = 3
"""UTF-8 bytes counted as one token. Today's vocabularies need 3 to 6, so the estimate is on the safe side."""
COUNTED = "{% for m in messages %}<{{ m.role }}>\n{{ m.content }}\n</{{ m.role }}>\n{% endfor %}"
"""Stands for the server's template in estimates: about as many tokens a turn as the usual ones need."""
MARKERS = (
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"),
    *("<|start_header_id|>", "<|end_header_id|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>"),
    *("<|user|>", "<|assistant|>", "<|system|>", "<start_of_turn>", "<end_of_turn>"),
    *("[INST]", "[/INST]", "<s>", "</s>", "<bos>", "<eos>"),
)
"""Special tokens of the usual model families; a server does not list its own."""


def estimating_template() -> ChatTemplate:
    """Return a template that only counts tokens, by BYTES_PER_TOKEN, since the server's tokenizer is not available."""

    def encode(text: str) -> list[int]:
        return [0] * math.ceil(len(text.encode(errors="replace")) / BYTES_PER_TOKEN)

    return ChatTemplate(COUNTED, encode, lambda ids: "", stop_ids=frozenset(), markers=MARKERS)
