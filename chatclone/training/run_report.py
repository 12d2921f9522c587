"""What a run leaves for people: `report.md`, with verdict, figures, settings and their reasons, and `curves.svg`.

Light: it reads the run's events and result, and writes two files.
"""

from pathlib import Path
from typing import Any

from chatclone.storage.atomic_files import write_atomically
from chatclone.training.curves import Curves
from chatclone.training.curves_svg import svg
from chatclone.training.events import history
from chatclone.training.model_card import base_name
from chatclone.training.plan import Plan
from chatclone.training.verdict import verdict

REPORT_FILE, CURVES_FILE = "report.md", "curves.svg"


def write(plan: Plan, result: dict[str, Any], curves: Curves) -> None:
    """Write both files into the run's folder."""
    folder = Path(plan.folder)
    title = f"{plan.name} on {base_name(plan)}, preset {plan.preset}, run {plan.run}"
    write_atomically(folder / CURVES_FILE, svg(curves, title))
    notices = [event["text"] for event in history(folder) if event["kind"] == "notice"]
    write_atomically(folder / REPORT_FILE, text(title, result, curves, notices, plan.name))


def text(title: str, result: dict[str, Any], curves: Curves, notices: list[str], name: str) -> str:
    """Return the report."""
    settings, reasons = result["settings"], result["reasons"]
    rows = [f"| {key} | {_cell(settings[key])} | {_cell(reasons[key])} |" for key in settings if key in reasons]
    parts = [
        f"# {title}",
        *verdict(result, name),
        f"![loss, token accuracy and learning rate by step]({CURVES_FILE})",
        "## Held-out replies",
        _evaluations(curves),
        "## Data",
        "\n".join(f"- {key.replace('_', ' ')}: {value:,}" for key, value in result["data"].items()),
        "## Settings",
        "\n".join(["| setting | value | reason |", "|---|---|---|", *rows]),
        "## Run",
        _run(result),
    ]
    if notices:
        parts += ["## Noticed", "\n".join(f"- {notice}" for notice in notices)]
    return "\n\n".join(parts) + "\n"


def _evaluations(curves: Curves) -> str:
    """Return a row for every look at the held-out replies, with the train loss since the one before."""
    rows = ["| step | train loss since | eval loss | token accuracy | |", "|---|---|---|---|---|"]
    before = 0
    for e in curves.evaluations:
        train = curves.train_loss(before, e.step)
        note = "the base" if e.step == 0 else "kept" if e == curves.best else ""
        told = "" if train is None else f"{train:.3f}"
        rows.append(f"| {e.step} | {told} | {e.loss:.3f} | {e.accuracy:.3f} | {note} |")
        before = e.step
    return "\n".join(rows)


def _run(result: dict[str, Any]) -> str:
    """Return what it ran on, and what lies where."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [
        f"loaded: {result['loaded']}",
        f"licence of the base: {result['licence']}",
        f"{result['seconds']:,.0f} s in all, {result['tokens_per_second']:,.0f} tokens/s, "
        f"{result['peak_memory_mb']:,.0f} MB at most",
        f"{result['trained_tokens']:,} tokens of replies were trained on, each as often as there were epochs",
        f"versions: {versions}",
    ]
    if result["processes"] > 1:
        lines.insert(0, f"{result['processes']} processes together; memory is that of the first")
    return "\n".join(f"- {line}" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
