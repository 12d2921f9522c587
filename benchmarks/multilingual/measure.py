"""Whether memory finds in Russian, Korean, Spanish and Uzbek what a person would ask for, in their words.

    python benchmarks/multilingual/measure.py [--embedder] [--half tuned|held_out] [--json]

Four invented chats over two years, forty questions each, asked as people do: mostly in other words than the message.
A question scores the share of its messages that stand in the first five hits of Memory.recall. The questions with odd
numbers were seen while the search was built; those with even numbers (`held_out`) only at the end.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # else this script's own folder stands first
    sys.path[0] = str(Path(__file__).parents[2])

from benchmarks.multilingual.chats import Asked, Chat, read_chats
from memory.embedding.embedder import MINILM, Embedder, SentenceTransformerEmbedder, find_model
from memory.memory import Memory

HITS = 5
HALVES = {"tuned": slice(0, None, 2), "held_out": slice(1, None, 2)}


def measure(chats: Sequence[Chat], halves: Sequence[str], embedder: Embedder | None = None) -> dict[str, Any]:
    """Return recall at five hits in percent by chat, and the questions whose evidence was not found."""
    result: dict[str, Any] = {"recall@5": {}, "missed": []}
    for chat in chats:
        with tempfile.TemporaryDirectory() as folder, Memory.open(Path(folder) / "memory.sqlite", embedder) as memory:
            memory.sync(chat.lines)
            if embedder is not None:
                memory.embed()
            found = {half: [_share(memory, asked) for asked in chat.questions[HALVES[half]]] for half in halves}
        shares = [share for half in halves for share in found[half]]
        result["recall@5"][chat.name] = {"messages": len(chat.lines), "questions": len(shares)} | {
            name: round(100 * statistics.fmean(values), 1) for name, values in {"all": shares, **found}.items()
        }
        asked = [asked.question for half in halves for asked in chat.questions[HALVES[half]]]
        result["missed"] += [question for question, share in zip(asked, shares, strict=True) if share < 1]
    return result


def _share(memory: Memory, asked: Asked) -> float:
    hits = memory.recall(asked.question).hits[:HITS]
    shown = {line for hit in hits for line in hit.text.split("\n")}
    return sum(line.shown in shown for line in asked.evidence) / len(asked.evidence)


def main() -> None:
    """Print the table, or the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedder", action="store_true", help="with all-MiniLM-L6-v2, which knows English only")
    parser.add_argument("--half", choices=HALVES, help="one half of the questions")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    halves = [arguments.half] if arguments.half else list(HALVES)
    embedder = None
    if arguments.embedder:
        if (folder := find_model(MINILM)) is None:
            raise SystemExit(f"{MINILM} is not on this computer")
        embedder = SentenceTransformerEmbedder(folder, MINILM)
    result = measure(read_chats(), halves, embedder)
    if arguments.json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
        return
    print(f"{'recall@5, %':12}{'messages':>9}{'questions':>10}" + "".join(f"{half:>10}" for half in ("all", *halves)))
    for name, row in result["recall@5"].items():
        values = "".join(f"{row[half]:>10.1f}" for half in ("all", *halves))
        print(f"{name:12}{row['messages']:>9}{row['questions']:>10}{values}")
    print("\nnot found in full:", *result["missed"], sep="\n  ")


if __name__ == "__main__":
    main()
