"""How much of the evidence memory recalls within a word budget, on LoCoMo, through Memory.sync and Memory.recall.

    python benchmarks/memory.py --data locomo10.json [--embedder auto|none|MODEL] [--embedded SHARE] [--vectors FILE]
                                [--ablate] [--json]

No model judges: a question scores the share of its evidence messages that stand in the recalled text. Categories 1 to
4 (multi-hop, temporal, open-domain, single-hop), questions with usable evidence only. The search was tuned on every
other conversation; `held_out` are the ones between. The data is CC BY-NC 4.0: it measures, and is no part of this
project; the weights of the ranking were found on other chats (tools/ranking/fit.py). `--embedded 0.33` stops embedding
at that share of the passages, as an interruption would, and lets meaning speak however small it is. `--ablate` also
shows what is lost without each property that lines are ranked by.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is this script
    sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.kept_vectors import KeptVectors
from benchmarks.memory_ablation import ablate
from memory.embedding.embedder import Embedder, SentenceTransformerEmbedder, choose_model
from memory.memory import Memory
from memory.passages import Line
from memory.search import semantic

BUDGETS = (200, 400, 800)
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}


@dataclass(frozen=True, slots=True)
class Scored:
    """The share of a question's evidence that was shown, by budget."""

    category: int
    conversation: str
    tuned: bool
    shares: tuple[float, ...]


def lines_of(sample: dict[str, Any]) -> dict[str, Line]:
    """Return the turns of a conversation by their LoCoMo id, image captions in the text."""
    conversation = sample["conversation"]
    chat = sample["sample_id"]
    lines: dict[str, Line] = {}
    for name in conversation:
        if (session := re.fullmatch(r"session_(\d+)", name)) is None:
            continue
        start = datetime.strptime(conversation[f"{name}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for position, turn in enumerate(conversation[name]):
            text = turn["text"] + (f" [{turn['blip_caption']}]" if turn.get("blip_caption") else "")
            key = f"locomo:{chat}/{int(session[1]) * 1000 + position}"
            when = int(start.timestamp()) + position
            lines[turn["dia_id"]] = Line(key, chat, chat, turn["speaker"], when, text)
    return lines


def questions_of(sample: dict[str, Any], lines: dict[str, Line]) -> list[tuple[int, str, list[Line]]]:
    """Return category, question and evidence of every question with evidence that exists."""
    asked = []
    for item in sample["qa"]:
        # Some ids are written as "D8:6; D9:17", "D:11:26" or "D30:05".
        ids = [f"D{int(a)}:{int(b)}" for a, b in re.findall(r"D:?(\d+):(\d+)", " ".join(item["evidence"]))]
        evidence = [lines[i] for i in dict.fromkeys(ids) if i in lines]
        if item["category"] in CATEGORIES and evidence:
            asked.append((item["category"], item["question"], evidence))
    return asked


class Enough(Exception):
    """So much is embedded."""


def embed(memory: Memory, share: float) -> None:
    """Embed a share of the passages, in the order that memory itself embeds them."""

    def stop(done: int, total: int) -> None:
        if done >= share * total:
            raise Enough

    with suppress(Enough):
        memory.embed(progress=stop)


def measure(
    samples: list[dict[str, Any]], embedder: Embedder | None = None, ablation: bool = False, share: float = 1.0
) -> dict[str, Any]:
    """Return recall in percent by budget, overall, by category and by conversation, and the time a recall takes."""
    scored: list[Scored] = []
    lost: dict[str, list[tuple[float, ...]]] = {}
    milliseconds: list[float] = []
    started = time.perf_counter()
    for place, sample in enumerate(samples):
        lines = lines_of(sample)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "memory.sqlite"
            with Memory.open(path) as memory:
                memory.sync(lines.values())
            with Memory.open(path, embedder) as memory:
                if embedder is not None:
                    embed(memory, share)
                asked = questions_of(sample, lines)
                for category, question, evidence in asked:
                    shares = []
                    for budget in BUDGETS:
                        recall = memory.recall(question, words=budget)
                        assert recall.words <= budget
                        shares.append(shown([hit.text for hit in recall.hits], evidence))
                        milliseconds.append(recall.ms)
                    scored.append(Scored(category, sample["sample_id"], place % 2 == 0, tuple(shares)))
            if ablation:
                pairs = [(question, evidence) for _, question, evidence in asked]
                for name, found in ablate(path, pairs, BUDGETS, embedder).items():
                    lost.setdefault(name, []).extend(found)
    return summary(scored, milliseconds) | {
        "seconds": round(time.perf_counter() - started, 1),
        "ablation": {name: by_budget(shares) for name, shares in lost.items()},
    }


def shown(texts: Sequence[str], evidence: Sequence[Line]) -> float:
    """Return the share of evidence that stands in full in recalled texts."""
    lines = {line for text in texts for line in text.split("\n")}
    return sum(line.shown in lines for line in evidence) / len(evidence)


def summary(scored: Sequence[Scored], milliseconds: list[float]) -> dict[str, Any]:
    """Return the figures of all questions, of the two halves, by category and by conversation."""
    return {
        "questions": len(scored),
        "recall": by_budget(s.shares for s in scored),
        "tuned": by_budget(s.shares for s in scored if s.tuned),
        "held_out": by_budget(s.shares for s in scored if not s.tuned),
        "by_category": {
            name: by_budget(s.shares for s in scored if s.category == number) for number, name in CATEGORIES.items()
        },
        "by_conversation": {
            name: by_budget(s.shares for s in scored if s.conversation == name)
            for name in dict.fromkeys(s.conversation for s in scored)
        },
        "ms": {
            "median": round(statistics.median(milliseconds), 2),
            "p95": round(sorted(milliseconds)[-len(milliseconds) // 20], 2),
        },
    }


def by_budget(shares: Iterable[tuple[float, ...]]) -> dict[str, float]:
    """Return the mean of shares in percent, for every budget; nothing where there are none."""
    return {
        str(budget): round(100 * statistics.fmean(column), 1)
        for budget, column in zip(BUDGETS, zip(*shares, strict=True), strict=False)
    }


def main() -> None:
    """Print the tables, or the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="locomo10.json")
    parser.add_argument("--embedder", default="auto", help="auto, none for words alone, or a model on this computer")
    parser.add_argument("--embedded", type=float, default=1.0, metavar="SHARE", help="embed only so much of it")
    parser.add_argument("--vectors", type=Path, help="an .npz file to keep vectors in; embedding takes minutes")
    parser.add_argument("--ablate", action="store_true", help="also without each property of the ranking")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    model, reason = choose_model(arguments.embedder)
    embedder = KeptVectors(SentenceTransformerEmbedder(model[1], model[0]), arguments.vectors) if model else None
    if arguments.embedded < 1:
        semantic.BATCH, semantic.LEAST_EMBEDDED = 8, 0.0
    samples = json.loads(arguments.data.read_text("utf-8"))
    result = measure(samples, embedder, arguments.ablate, arguments.embedded)
    if embedder is not None:
        embedder.save()
    result |= {"embedder": model[0] if model else None}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{model[0] if model else 'words alone'}: {reason}\n")
    print(f"{'recall of evidence, %':24}" + "".join(f"{b:>7}" for b in BUDGETS) + "  words")
    rows = {"all": result["recall"], "tuned on": result["tuned"], "held out": result["held_out"]}
    rows |= result["by_category"] | {f"without {name}": row for name, row in result["ablation"].items()}
    for name, row in rows.items():
        print(f"{name:24}" + "".join(f"{row[str(b)]:>7.1f}" for b in BUDGETS))
    print(f"{result['questions']} questions, {result['ms']['median']} ms a recall (p95 {result['ms']['p95']} ms)")


if __name__ == "__main__":
    main()
