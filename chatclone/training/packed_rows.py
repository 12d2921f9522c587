"""Packed rows on a CPU without wasted work: each sample attends only to itself, only trained tokens are scored.

On a GPU, kernels of TRL and transformers do this. On a CPU the attention of transformers compares every token of a row
with every other and masks most of it, and TRL's loss scores every token, trained or not. For a row of five samples with
a fifth of the tokens trained, four fifths of attention and head are wasted. The results are the same.
"""

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface
from transformers.modeling_utils import AttentionInterface
from trl.trainer import utils as trl_utils

PACKED_SDPA = "packed_sdpa"
"""The name of the attention, for `attn_implementation`."""


def use_on_cpu(model: Any) -> None:
    """Make a model loaded with `sdpa` use the attention of this module, and TRL score trained tokens only."""
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(PACKED_SDPA, packed_attention)
        AttentionMaskInterface.register(PACKED_SDPA, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
        model.set_attn_implementation(PACKED_SDPA)
    # TRL scores only trained tokens if Triton is available, which this function tells it; else it keeps every token
    # for compilers that need rows of one length (TRL 1.16, trainer/utils.py).
    trl_utils._use_triton = lambda device: True


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **arguments: Any,
) -> tuple[torch.Tensor, None]:
    """Return causal attention within each sample of a row: query (1, heads, tokens, size), as (1, tokens, heads, size).

    If the row is not packed, or a sample is longer than a sliding window, transformers' own attention is used.
    """
    bounds, window = arguments.get("cu_seq_lens_q"), arguments.get("sliding_window")
    if bounds is None or len(query) != 1 or (window is not None and int(arguments["max_length_q"]) > window):
        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **arguments)
        return attended, None
    lengths = bounds.diff().tolist()
    parts = zip(*(torch.split(states, lengths, 2) for states in (query, key, value)), strict=True)
    each = [
        scaled_dot_product_attention(
            q, k, v,
            dropout_p=arguments.get("dropout", 0.0), scale=arguments.get("scaling"), is_causal=True,
            enable_gqa=key.shape[1] != query.shape[1],
        )
        for q, k, v in parts
    ]  # fmt: skip
    return torch.cat(each, 2).transpose(1, 2).contiguous(), None
