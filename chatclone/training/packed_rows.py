"""Rows of several samples on a processor without wasted work: each sample attends to itself, trained tokens are scored.

On a GPU, kernels of TRL and transformers do so. On a CPU the attention of transformers compares every token of a row
with every other and masks most of it, and TRL's loss scores every token, trained or not. For a row of five samples, a
fifth of whose tokens are trained, that is four fifths of attention and head in vain. What comes out is the same.
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
    """Let a model that was loaded with `sdpa` train packed rows with the attention and the loss of this file."""
    if model.config._attn_implementation == "sdpa":
        AttentionInterface.register(PACKED_SDPA, packed_attention)
        AttentionMaskInterface.register(PACKED_SDPA, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
        model.set_attn_implementation(PACKED_SDPA)
    # TRL scores trained tokens alone where Triton is, for which it asks here; elsewhere it keeps every token for
    # compilers that want rows of one length (TRL 1.16, trainer/utils.py).
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

    Where the row is not packed, or a sample is longer than a sliding window, transformers' own attention does it.
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
