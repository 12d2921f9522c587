"""Guides a few attention heads to copy from earlier tokens, which a small model learns late or never by itself.

One head of a lower layer should attend to the previous token; one head in each of two upper layers should attend to the
token that followed an earlier copy of the present one, if that token is also the next one here ("induction heads",
Olsson et al. 2022). The guidance is a loss on those heads' attention, added to the language-model loss.
"""

import torch
from torch.nn import functional
from transformers import LlamaForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from tools.starter.corpus import NO_LOSS

PREVIOUS_HEADS = ((1, 0),)  # (layer, head)
INDUCTION_HEADS = ((5, 0), (6, 2))
WEIGHT = 0.3  # of the guidance beside the loss of a labelled token


def log_attention(model: LlamaForCausalLM, hidden: torch.Tensor, layer_index: int, head: int) -> torch.Tensor:
    """Return one head's log attention, shape [rows, tokens, tokens], from its layer's input [rows, tokens, hidden]."""
    layer, size = model.model.layers[layer_index], model.config.head_dim
    group = head // (model.config.num_attention_heads // model.config.num_key_value_heads)
    x = layer.input_layernorm(hidden)
    query = functional.linear(x, layer.self_attn.q_proj.weight[head * size : (head + 1) * size])
    key = functional.linear(x, layer.self_attn.k_proj.weight[group * size : (group + 1) * size])
    positions = torch.arange(x.size(1))[None]
    query, key = apply_rotary_pos_emb(query[:, None], key[:, None], *model.model.rotary_emb(x, positions))
    scores = (query @ key.mT)[:, 0] / size**0.5
    future = torch.ones(x.size(1), x.size(1), dtype=torch.bool).triu(1)
    attention: torch.Tensor = scores.masked_fill(future, -1e9).log_softmax(-1)
    return attention


def guidance_loss(
    model: LlamaForCausalLM, hiddens: tuple[torch.Tensor, ...], ids: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Return the mean guidance in nats; ids and targets (labels of the next tokens) have shape [rows, tokens]."""
    losses = []
    for layer, head in PREVIOUS_HEADS:
        losses.append(-log_attention(model, hiddens[layer], layer, head).diagonal(-1, 1, 2).mean())
    followed = torch.zeros(ids.size(0), ids.size(1), ids.size(1), dtype=torch.bool)
    followed[:, :, 1:] = ids[:, :, None] == ids[:, None, :-1]  # [row, i, j]: token j - 1 is token i
    useful = (followed & (ids[:, None, :] == targets[:, :, None])).tril()
    rows, places = (useful.any(-1) & (targets != NO_LOSS)).nonzero(as_tuple=True)
    if len(rows):
        wanted = useful[rows, places]
        for layer, head in INDUCTION_HEADS:
            attention = log_attention(model, hiddens[layer], layer, head)[rows, places]
            losses.append(-attention.masked_fill(~wanted, -1e9).logsumexp(-1).mean())
    return torch.stack(losses).sum()
