"""A few lines of a data set as a person reads them, with what is trained on marked by a sign, not by colour alone."""

import random
from collections.abc import Sequence
from typing import Any

from textual.content import Content

from chatclone.safe_text import visible

TRAINED = "▌"
COUNT = 3
TURNS = 4
"""Turns shown of a sample: the last ones, which end in what is trained."""


def shown_samples(lines: Sequence[dict[str, Any]], name: str, seed: int = 0) -> Content:
    """Return some samples, the trained replies with a bar before them."""
    chosen = random.Random(seed).sample(list(lines), min(COUNT, len(lines)))
    return Content("\n\n").join([_sample(line, name) for line in chosen])


def _sample(line: dict[str, Any], name: str) -> Content:
    partner = line.get("meta", {}).get("partner", "") or "somebody"
    turns = [m for m in line["messages"] if m["role"] != "system"]
    trained = [number for number, m in enumerate(turns) if m.get("weight")]
    last = trained[-1] if trained else len(turns) - 1
    return Content("\n").join(
        [_turn(m, name if m["role"] == "assistant" else partner) for m in turns[max(0, last + 1 - TURNS) : last + 1]]
    )


def _turn(message: dict[str, Any], who: str) -> Content:
    trained = bool(message.get("weight"))
    mark, style = (f"{TRAINED} ", "$accent") if trained else ("  ", "$foreground 60%")
    rows = visible(message["content"]).splitlines() or [""]
    parts: list[Content] = []
    for number, row in enumerate(rows):
        lead = f"{visible(who)}: " if number == 0 else "    "
        parts.append(Content.assemble((mark, "bold $accent"), (lead, "bold"), (row, style)))
    return Content("\n").join(parts)
