"""Writes the starter's model card from its measures and the log of its run."""

from pathlib import Path
from typing import Any

from tools.starter.evaluate import SCORED, Measures

TEMPLATE = Path(__file__).with_name("card.md")


def model_card(measures: Measures, log: list[dict[str, Any]], note: str = "") -> str:
    """Return the card's text; `log` holds the lines of the run's log.jsonl."""
    last = log[-1]
    rows = [[part.replace("|", "\\|").replace("\n", " ⏎ ") for part in row] for row in measures.replies]
    return TEMPLATE.read_text(encoding="utf-8").format(
        parameters=measures.parameters / 1e6,
        minutes=last["seconds"] / 60,
        steps=last["steps"],
        tokens=last["tokens"],
        loss=[line["loss"] for line in log if "loss" in line][-1],
        note=f"\n\n{note}" if note else "",
        scored=SCORED,
        bits_per_byte=measures.bits_per_byte,
        bits_per_byte_without_system=measures.bits_per_byte_without_system,
        persona_share=measures.persona_share,
        persona_speakers=measures.persona_speakers,
        persona_saving=measures.persona_saving,
        parity_differing=measures.parity_differing,
        parity_texts=measures.parity_texts,
        replies="\n".join(f"| {' | '.join(row)} |" for row in rows),
    )
