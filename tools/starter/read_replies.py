"""Samples replies to held-out conversations for somebody to rate, and counts the ratings.

    python -m tools.starter.read_replies DATA MODEL FILE     # writes FILE, one reply a line, judgements empty
    python -m tools.starter.read_replies --count FILE        # after a person has filled them in

A line holds the last turns before the reply, the reply, the turn that really followed, and `grammatical` and
`on_topic`, which a reader sets to true or false. Half of the replies are cut from conversations with persona facts.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, LlamaForCausalLM

from tools.starter.corpus import Conversation, load_conversations, to_messages
from tools.starter.evaluate import SEED, held_out_sample, reply

REPLIES = 60
SHOWN_TURNS = 3
TEMPERATURE, MIN_P = 0.7, 0.1
"""The default sampling of chatclone."""


def contexts(conversations: list[Conversation], count: int) -> Iterator[tuple[Conversation, int]]:
    """Yield held-out conversations and the number of the turn to write, which is the second speaker's."""
    rng = random.Random(SEED)
    held_out = [c for c in conversations if c.held_out and len(c.turns) >= 4]
    for has_persona in (True, False):
        group = [c for c in held_out if bool(c.persona) == has_persona]
        for conversation in rng.sample(group, count // 2):
            yield conversation, rng.randrange(1, min(len(conversation.turns), 10), 2)


def sampled(
    model: LlamaForCausalLM, tokenizer: Tokenizer, conversations: list[Conversation]
) -> Iterator[dict[str, Any]]:
    """Yield one reply for each context, from the first seed, without selection."""
    rng = random.Random(SEED)
    for conversation, turn in contexts(conversations, REPLIES):
        sample = held_out_sample(conversation, rng)
        asked = [text for _, text in sample.turns[:turn]]
        messages = to_messages(sample)[: turn + 1]
        yield {
            "context": asked[-SHOWN_TURNS:],
            "reply": reply(model, tokenizer, messages, temperature=TEMPERATURE, min_p=MIN_P),
            "person": sample.turns[turn][1],
            "grammatical": None,
            "on_topic": None,
        }


def count(lines: list[dict[str, Any]]) -> dict[str, int]:
    """Return how many replies were read, and how many are grammatical, on topic, and both."""
    read = [line for line in lines if line["grammatical"] is not None and line["on_topic"] is not None]
    return {
        "read": len(read),
        "grammatical": sum(line["grammatical"] for line in read),
        "on_topic": sum(line["on_topic"] for line in read),
        "both": sum(line["grammatical"] and line["on_topic"] for line in read),
    }


def main() -> None:
    """Parse the command line; write the replies, or count the judgements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="DATA MODEL FILE")
    parser.add_argument("--count", type=Path, metavar="FILE")
    args = parser.parse_args()
    if args.count:
        print(json.dumps(count([json.loads(line) for line in args.count.read_text("utf-8").splitlines()])))
        return
    if len(args.files) != 3:
        parser.error("name the conversations, the model's folder and the file to write")
    data, folder, out = args.files
    model = LlamaForCausalLM.from_pretrained(folder).float()
    tokenizer: Tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    with out.open("w", encoding="utf-8") as file:
        for line in sampled(model, tokenizer, load_conversations(data)):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
