"""Measures the starter model on held-out conversations: bits per byte, use of facts, sample replies.

    python -m tools.starter.evaluate DATA MODEL

prints the numbers as JSON, then replies to the prompts of `prompts.PROMPTS`.
"""

import argparse
import json
import math
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoTokenizer, LlamaForCausalLM

from tools.starter.corpus import (
    NO_LOSS,
    Conversation,
    Message,
    Sample,
    encode,
    fill_names,
    load_conversations,
    to_messages,
)
from tools.starter.names import NAMES
from tools.starter.parity import differing_texts
from tools.starter.prompts import PROMPTS

CONTEXT = 1024  # tokens
SCORED = 300  # held-out conversations in the bits-per-byte score
SEED = 2024


def held_out_sample(conversation: Conversation, rng: random.Random, with_facts: bool = True) -> Sample:
    """Return a held-out conversation as speaker 1 would be prompted in it, both speakers' facts given."""
    names = tuple(rng.sample(NAMES, 2))
    turns = tuple((i % 2, fill_names(turn, i % 2, names)) for i, turn in enumerate(conversation.turns))
    facts = conversation.persona if with_facts else ()
    return Sample(names, 1, facts, turns, has_system=with_facts)


@torch.inference_mode()
def token_bits(model: LlamaForCausalLM, rows: list[tuple[list[int], list[int]]]) -> Iterator[float]:
    """Yield for each row of ids and labels the bits of its labelled tokens."""
    if (longest_row := max(len(ids) for ids, _ in rows)) > CONTEXT:
        raise ValueError(f"a held-out conversation has {longest_row} tokens, more than the context of {CONTEXT}")
    order = sorted(range(len(rows)), key=lambda index: len(rows[index][0]))
    bits = [0.0] * len(rows)
    for batch in (order[i : i + 8] for i in range(0, len(order), 8)):
        longest = max(len(rows[index][0]) for index in batch)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        labels = torch.full((len(batch), longest), NO_LOSS)
        for place, index in enumerate(batch):
            row_ids, row_labels = rows[index]
            ids[place, : len(row_ids)] = torch.tensor(row_ids)
            labels[place, : len(row_labels)] = torch.tensor(row_labels)
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        targets = labels[:, 1:]
        kept = targets != NO_LOSS
        nats = torch.zeros(targets.shape)
        nats[kept] = functional.cross_entropy(model.lm_head(hidden[kept]).float(), targets[kept], reduction="none")
        for place, index in enumerate(batch):
            bits[index] = nats[place].sum().item() / math.log(2)
    yield from bits


def bits_per_byte(
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    conversations: list[Conversation],
    count: int = SCORED,
    with_facts: bool = True,
) -> float:
    """Return bits of turn texts and end-of-turn tokens over UTF-8 bytes of the texts, for `count` conversations."""
    rng = random.Random(SEED)
    chosen = rng.sample([c for c in conversations if c.held_out], count)
    samples = [held_out_sample(c, rng, with_facts=with_facts) for c in chosen]
    rows = [encode(to_messages(sample), tokenizer) for sample in samples]
    total_bytes = sum(len(text.encode()) for sample in samples for _, text in sample.turns)
    return sum(token_bits(model, rows)) / total_bytes


def assistant_only(messages: list[Message], tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return ids and labels with loss on assistant turns alone."""
    ids: list[int] = []
    labels: list[int] = []
    for message in messages:
        some_ids, some_labels = encode([message], tokenizer)
        ids += some_ids
        labels += some_labels if message.role == "assistant" else [NO_LOSS] * len(some_ids)
    return ids, labels


def persona_test(
    model: LlamaForCausalLM, tokenizer: Tokenizer, conversations: list[Conversation]
) -> tuple[float, int, float]:
    """Compare each speaker's replies with their own facts and with another held-out person's.

    Returns the share of speakers whose replies cost fewer bits with their own facts, the number of speakers, and
    the mean relative saving.
    """
    rng = random.Random(SEED)
    people = [(c, speaker) for c in conversations if c.held_out and c.persona for speaker in (0, 1)]
    rows = []
    for conversation, speaker in people:
        names = tuple(rng.sample(NAMES, 2))
        turns = tuple((i % 2, fill_names(turn, i % 2, names)) for i, turn in enumerate(conversation.turns))
        other, other_speaker = rng.choice([person for person in people if person[0] is not conversation])
        for own in (conversation.persona[speaker], other.persona[other_speaker]):
            facts = (own, ()) if speaker == 0 else ((), own)
            rows.append(assistant_only(to_messages(Sample(names, speaker, facts, turns)), tokenizer))
    bits = list(token_bits(model, rows))
    pairs = list(zip(bits[::2], bits[1::2], strict=True))
    better = sum(own < other for own, other in pairs)
    saving = 1 - sum(own for own, _ in pairs) / sum(other for _, other in pairs)
    return better / len(pairs), len(pairs), saving


@torch.inference_mode()
def reply(
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    messages: list[Message],
    seed: int = 0,
    temperature: float = 0.7,
    top_p: float = 1.0,
    min_p: float = 0.1,
) -> str:
    """Return one sampled assistant reply to the messages."""
    torch.manual_seed(seed)
    ids, _ = encode(messages, tokenizer)
    ids += tokenizer.encode("<|im_start|>assistant\n", add_special_tokens=False).ids
    output = model.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=True,
        temperature=temperature,
        top_p=top_p,
        min_p=min_p,
        top_k=0,
        max_new_tokens=80,
        eos_token_id=[2, 0],
        pad_token_id=0,
    )
    return tokenizer.decode(output[0, len(ids) :].tolist())


@dataclass(frozen=True)
class Measures:
    """What is known of a model after `measure`; bits per byte are over the held-out conversations' turns."""

    parameters: int
    bits_per_byte: float
    bits_per_byte_without_system: float
    persona_share: float
    persona_speakers: int
    persona_saving: float
    parity_texts: int
    parity_differing: int
    replies: tuple[tuple[str, str, str], ...]  # kind of prompt, last user turn, reply


def measure(folder: Path, conversations: list[Conversation]) -> Measures:
    """Measure the model in a folder."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer: Tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    share, speakers, saving = persona_test(model, tokenizer, conversations)
    compared, differing = differing_texts(folder, conversations)
    return Measures(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        bits_per_byte=bits_per_byte(model, tokenizer, conversations),
        bits_per_byte_without_system=bits_per_byte(model, tokenizer, conversations, with_facts=False),
        persona_share=share,
        persona_speakers=speakers,
        persona_saving=saving,
        parity_texts=compared,
        parity_differing=len(differing),
        replies=tuple(
            (kind, sample.turns[-1][1], reply(model, tokenizer, to_messages(sample))) for kind, sample in PROMPTS
        ),
    )


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="gzipped lines of conversations")
    parser.add_argument("model", type=Path, help="folder of the model")
    args = parser.parse_args()
    print(json.dumps(asdict(measure(args.model, load_conversations(args.data))), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
