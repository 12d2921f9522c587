"""How much of the evidence memory recalls within a word budget, on LoCoMo, through Memory.sync and Memory.recall.

    python benchmarks/memory.py --data locomo10.json [--json]

No model judges: a question scores the share of its evidence messages that stand in the recalled text. Categories 1 to
4 (multi-hop, temporal, open-domain, single-hop), questions with usable evidence only. The data is CC BY-NC 4.0: it
measures, and is no part of this project.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is this script
    sys.path[0] = str(Path(__file__).parents[1])

from memory.memory import Memory
from memory.passages import Line

BUDGETS = (200, 400, 800)
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}


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


def measure(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return recall in percent by budget, overall, by category and by conversation, and the time a recall takes."""
    scores: dict[int, list[tuple[int, str, float]]] = {budget: [] for budget in BUDGETS}
    milliseconds: list[float] = []
    started = time.perf_counter()
    for sample in samples:
        lines = lines_of(sample)
        with tempfile.TemporaryDirectory() as folder, Memory.open(Path(folder) / "memory.sqlite") as memory:
            memory.sync(lines.values())
            for category, question, evidence in questions_of(sample, lines):
                for budget in BUDGETS:
                    recall = memory.recall(question, words=budget)
                    assert recall.words <= budget
                    shown = {line for hit in recall.hits for line in hit.text.split("\n")}
                    share = sum(line.shown in shown for line in evidence) / len(evidence)
                    scores[budget].append((category, sample["sample_id"], share))
                    milliseconds.append(recall.ms)
    return {
        "questions": len(scores[BUDGETS[0]]),
        "recall": {str(b): percent(s for _, _, s in scores[b]) for b in BUDGETS},
        "by_category": {
            name: {str(b): percent(s for c, _, s in scores[b] if c == number) for b in BUDGETS}
            for number, name in CATEGORIES.items()
        },
        "by_conversation": {
            x["sample_id"]: {str(b): percent(s for _, i, s in scores[b] if i == x["sample_id"]) for b in BUDGETS}
            for x in samples
        },
        "ms": {
            "median": round(statistics.median(milliseconds), 2),
            "p95": round(sorted(milliseconds)[-len(milliseconds) // 20], 2),
        },
        "seconds": round(time.perf_counter() - started, 1),
    }


def percent(shares: Iterable[float]) -> float:
    """Return the mean of shares in percent."""
    return round(100 * statistics.fmean(shares), 1)


def main() -> None:
    """Print the table, or the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="locomo10.json")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    result = measure(json.loads(arguments.data.read_text("utf-8")))
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{'recall of evidence, %':24}" + "".join(f"{b:>7}" for b in BUDGETS) + "  words")
    for name, row in {"all": result["recall"], **result["by_category"]}.items():
        print(f"{name:24}" + "".join(f"{row[str(b)]:>7.1f}" for b in BUDGETS))
    print(f"{result['questions']} questions, {result['ms']['median']} ms a recall (p95 {result['ms']['p95']} ms)")


if __name__ == "__main__":
    main()
