"""The parity report: what must hold of an export, and the two files that say how far it does."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatclone.paths import ensure
from chatclone.storage.atomic_files import write_atomically

TOP1_AT_LEAST = {"f16": 0.99, "q8_0": 0.97}
"""How often the likeliest next token must be the adapter's own; for fewer bits the loss tells what was lost."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was compared."""

    name: str
    """The beginning of the report's file names."""
    persona: str
    adapter: str
    base: str
    kind: str
    quant: str
    model: Path
    lora: Path | None


def breaches(parity: dict[str, Any], quant: str) -> list[str]:
    """Return what an export falls short in; an export with any is not used."""
    found = []
    if not parity["token_ids_equal"]:
        found.append("prompts become other token ids than the adapter was trained on")
    bar = top1_bar(parity, quant)
    if bar is not None and parity["top1_agreement"] < bar:
        share = 100 * parity["top1_agreement"]
        found.append(f"the next token agrees in {share:.2f} % of positions, and {quant} must reach {100 * bar:.0f} %")
    return found


def top1_bar(parity: dict[str, Any], quant: str) -> float | None:
    """Return how often the next token must agree; 16 bits in transformers say too little about it."""
    return TOP1_AT_LEAST.get(quant) if parity["reference_bits"] == 32 else None


def write_report(folder: Path, subject: Subject, parity: dict[str, Any]) -> Path:
    """Write NAME.parity.json and NAME.parity.md to `folder` and return the second."""
    ensure(folder)
    document = {
        "persona": subject.persona,
        "adapter": subject.adapter,
        "base": subject.base,
        "kind": subject.kind,
        "quant": subject.quant,
        "files": [file.name for file in (subject.model, subject.lora) if file],
        "parity": parity,
        "breaches": breaches(parity, subject.quant),
    }
    write_atomically(folder / f"{subject.name}.parity.json", json.dumps(document, indent=1, ensure_ascii=False))
    text = folder / f"{subject.name}.parity.md"
    write_atomically(text, report_text(subject, parity))
    return text


def report_text(subject: Subject, parity: dict[str, Any]) -> str:
    """Return the report for people, in Markdown."""
    bar = top1_bar(parity, subject.quant)
    found = breaches(parity, subject.quant)
    files = " with ".join(f"`{file.name}`" for file in (subject.model, subject.lora) if file)
    rows = [
        ("token ids of the prompts", "identical" if parity["token_ids_equal"] else "**differ**", "identical"),
        (
            "likeliest next token the same",
            f"{100 * parity['top1_agreement']:.2f} %",
            f"{100 * bar:.0f} %" if bar else "",
        ),
        ("log-probability of that token differs by, mean", f"{parity['mean_logprob_diff']:.5f}", ""),
        ("… by, at most", f"{parity['max_logprob_diff']:.5f}", ""),
        ("KL divergence, mean", f"{parity['mean_kl']:.2g}", ""),
    ]
    return "\n".join(
        [
            f"# Parity of {subject.name}",
            "",
            f"{files} ({subject.kind}, {subject.quant}) compared with the adapter `{subject.adapter}` on "
            f"`{subject.base}` in transformers, in {parity['reference_bits']} bits: "
            f"{_prompts_text(parity['prompts_from'])}, {parity['positions']} positions.",
            "",
            "| measure (nats) | result | at least |",
            "|---|---|---|",
            *(f"| {name} | {result} | {least} |" for name, result, least in rows),
            "",
            *_loss_lines(parity["loss"]),
            "",
            *([f"**Falls short**: {breach}." for breach in found] or ["Passed."]),
            "",
        ]
    )


def summary(parity: dict[str, Any]) -> str:
    """Return the report in two lines, for the command line."""
    loss = parity["loss"]
    first = (
        f"parity on {parity['prompts']} prompts: token ids {'equal' if parity['token_ids_equal'] else 'DIFFER'}, "
        f"next token agrees {100 * parity['top1_agreement']:.2f} %, "
        f"log-probability differs by {parity['mean_logprob_diff']:.2g} (at most {parity['max_logprob_diff']:.2g}), "
        f"mean KL {parity['mean_kl']:.2g}"
    )
    if loss["gguf"] is None:
        return first
    return f"{first}\n{' '.join(_loss_lines(loss))}"


def _prompts_text(prompts: dict[str, int]) -> str:
    words = {"held_out": "of held-out conversations", "training": "of training data", "hostile": "of hostile text"}
    return "prompts: " + ", ".join(f"{prompts[key]} {text}" for key, text in words.items() if prompts.get(key))


def _loss_lines(loss: dict[str, Any]) -> list[str]:
    if loss["gguf"] is None:
        return ["No reply is held out, so no loss was measured."]
    lines = [
        f"Eval loss in nats a token, on {loss['trained_tokens']} tokens of held-out replies: base {loss['base']:.4f}, "
        f"adapter {loss['adapter']:.4f}, this export {loss['gguf']:.4f}."
    ]
    if loss["kept"] is None:
        return [*lines, "The adapter gained nothing there that an export could keep."]
    return [*lines, f"It keeps {100 * loss['kept']:.1f} % of what the adapter gained over the base."]
