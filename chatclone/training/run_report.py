"""What a run leaves for people: `report.md` with verdict, figures, settings and reasons, and `curves.svg`."""

from pathlib import Path
from typing import Any

from chatclone.storage.atomic_files import write_atomically
from chatclone.training.curves import Curves
from chatclone.training.curves_svg import svg
from chatclone.training.events import Notice, history
from chatclone.training.model_card import base_name
from chatclone.training.plan import Plan
from chatclone.training.run_result import RunResult
from chatclone.training.verdict import sentences

REPORT_FILE, CURVES_FILE = "report.md", "curves.svg"


def write(plan: Plan, result: RunResult, curves: Curves) -> None:
    """Write both files into the run's folder."""
    folder = Path(plan.folder)
    title = f"{plan.name} on {base_name(plan)}, preset {plan.preset}, run {plan.run}"
    write_atomically(folder / CURVES_FILE, svg(curves, title))
    notices = [event.text for event in history(folder) if isinstance(event, Notice)]
    write_atomically(folder / REPORT_FILE, _report(title, result, curves, notices, plan.name))


def _report(title: str, result: RunResult, curves: Curves, notices: list[str], name: str) -> str:
    document = result.document()
    settings, reasons = result.settings, result.reasons
    rows = [f"| {key} | {_cell(settings[key])} | {_cell(reasons[key])} |" for key in settings if key in reasons]
    parts = [
        f"# {title}",
        *sentences(result, name),
        f"![loss, token accuracy and learning rate by step]({CURVES_FILE})",
        "## Held-out replies",
        _evaluations(curves),
        "## Data",
        "\n".join(f"- {key.replace('_', ' ')}: {value:,}" for key, value in document["data"].items()),
        "## Settings",
        "\n".join(["| setting | value | reason |", "|---|---|---|", *rows]),
        "## Run",
        _run(result),
    ]
    if notices:
        parts += ["## Notices", "\n".join(f"- {notice}" for notice in notices)]
    return "\n\n".join(parts) + "\n"


def _evaluations(curves: Curves) -> str:
    """Return a row for every evaluation, with the mean train loss since the one before."""
    rows = ["| step | train loss since | eval loss | token accuracy | |", "|---|---|---|---|---|"]
    before = 0
    for e in curves.evaluations:
        train = curves.train_loss(before, e.step)
        note = "the base" if e.step == 0 else "kept" if e == curves.best else ""
        shown = "" if train is None else f"{train:.3f}"
        rows.append(f"| {e.step} | {shown} | {e.loss:.3f} | {e.accuracy:.3f} | {note} |")
        before = e.step
    return "\n".join(rows)


def _run(result: RunResult) -> str:
    lines = [
        f"loaded: {result.loaded}",
        f"licence of the base: {result.licence}",
        f"{result.seconds:,.0f} s in all, {result.tokens_per_second:,.0f} tokens/s, peak memory "
        f"{result.peak_memory_mb:,.0f} MB",
        f"{result.trained_tokens:,} trained tokens, each counted once an epoch",
        f"versions: {', '.join(f'{name} {version}' for name, version in result.versions.items())}",
    ]
    if result.processes > 1:
        lines.insert(0, f"{result.processes} processes; memory is that of the first")
    return "\n".join(f"- {line}" for line in lines)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
