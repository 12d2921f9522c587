"""The starter's architecture: a small Llama, its initialisation, and its growth to full depth."""

import copy

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

HIDDEN, FEED_FORWARD, HEADS, KEY_VALUE_HEADS = 256, 768, 4, 2
CONTEXT = 1024  # tokens
COPY_SCALE = 0.2  # of the copying heads that growth starts with


def new_model(vocab_size: int, layers: int) -> LlamaForCausalLM:
    """Return a new model whose layers add nothing at first: their output matrices are zero."""
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=HIDDEN,
        intermediate_size=FEED_FORWARD,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_VALUE_HEADS,
        head_dim=HIDDEN // HEADS,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        rms_norm_eps=1e-5,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(eos_token_id=[2, 0], pad_token_id=0)
    for layer in model.model.layers:
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return model


@torch.no_grad()
def grow(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """Return a model of twice the layers: the trained stack, and a copy of it on top whose attention copies.

    In the upper half, what a head moves starts as a projection of the token it looks at (value matrices with
    orthonormal rows, output matrices their transpose), so attending to the right fact or line lowers the loss at once.
    """
    grown = new_model(model.config.vocab_size, 2 * model.config.num_hidden_layers)
    state = copy.deepcopy(model.state_dict())
    layers = model.config.num_hidden_layers
    for name in list(state):
        if name.startswith("model.layers."):
            _, _, number, rest = name.split(".", 3)
            state[f"model.layers.{int(number) + layers}.{rest}"] = state[name].clone()
    grown.load_state_dict(state)
    for layer in grown.model.layers[layers:]:
        values = torch.nn.init.orthogonal_(layer.self_attn.v_proj.weight)
        heads = values.view(KEY_VALUE_HEADS, -1, HIDDEN).repeat_interleave(HEADS // KEY_VALUE_HEADS, dim=0)
        layer.self_attn.o_proj.weight.copy_(COPY_SCALE * heads.flatten(0, 1).T)
    return grown
