"""What a run leaves for people and programs: report, curves, and the model card and lineage of each adapter.

`report.md` has verdict, figures, settings and reasons, `curves.svg` the curves. Beside an adapter's weights are
`README.md`, a model card in PEFT's form, and `lineage.json`: both name the base with its hash, the amount of data, the
settings and the figures. Neither contains messages, names of partners or paths of this computer.
"""

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from chatclone.storage.atomic_files import write_atomically
from chatclone.storage.fingerprint import weights_mark
from chatclone.training.checkpoints import WEIGHTS
from chatclone.training.curves_svg import svg
from chatclone.training.events import Notice, history
from chatclone.training.loss_history import Curves
from chatclone.training.plan import Plan
from chatclone.training.run_result import RunResult
from chatclone.training.verdict import sentences

REPORT_FILE, CURVES_FILE = "report.md", "curves.svg"
CARD_FILE, LINEAGE_FILE = "README.md", "lineage.json"
LINEAGE_VERSION = 1
METRICS = (
    "base_eval_loss", "base_eval_token_accuracy", "eval_loss", "eval_token_accuracy", "train_loss", "steps",
    "best_step", "stopped", "trained_tokens", "tokens_per_second", "peak_memory_mb", "seconds",
)  # fmt: skip
"""Fields of the result that the lineage has."""
PLAIN_YAML = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
"""Strings that need no quotes in YAML."""
REVISION = re.compile(r"[0-9a-f]{40}")
"""A revision's folder in the hub's cache."""


def write_report(plan: Plan, result: RunResult, curves: Curves) -> None:
    """Write report and curves into the run's folder."""
    folder = Path(plan.folder)
    title = f"{plan.name} on {base_name(plan)}, preset {plan.preset}, run {plan.run}"
    write_atomically(folder / CURVES_FILE, svg(curves, title))
    report = _rendered(
        "report.md.jinja",
        title=title,
        sentences=sentences(result, plan.name),
        curves_file=CURVES_FILE,
        evaluations=_evaluations(curves),
        notices=[event.text for event in history(folder) if isinstance(event, Notice)],
        **result.document(),
    )
    write_atomically(folder / REPORT_FILE, report)


def write_card(adapter: Path, plan: Plan, result: RunResult, *, step: int) -> None:
    """Write card and lineage into an adapter's folder; `step` is the step of its weights."""
    lineage = _lineage(adapter, plan, result, step)
    write_atomically(adapter / LINEAGE_FILE, json.dumps(lineage, indent=1, ensure_ascii=False) + "\n")
    write_atomically(adapter / CARD_FILE, _rendered("model_card.md.jinja", name=plan.name, **lineage))


def base_name(plan: Plan) -> str:
    """Return the base's name without paths: `starter`, a hub id, or the folder's name."""
    return Path(plan.base_folder).name if Path(plan.base).expanduser().is_dir() else plan.base


def yaml_string(text: str) -> str:
    """Return a string with quotes if YAML needs them."""
    return text if PLAIN_YAML.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _evaluations(curves: Curves) -> list[tuple[int, float | None, float, float, str]]:
    """Return for each evaluation its step, the mean train loss since the one before, its figures and a note."""
    rows = []
    before = 0
    for e in curves.evaluations:
        note = "the base" if e.step == 0 else "kept" if e == curves.best else ""
        rows.append((e.step, curves.train_loss(before, e.step), e.loss, e.accuracy, note))
        before = e.step
    return rows


def _lineage(adapter: Path, plan: Plan, result: RunResult, step: int) -> dict[str, Any]:
    """Return the document of `lineage.json`."""
    document = result.document()
    base = Path(plan.base_folder)
    in_hub_cache = base.parent.name == "snapshots" and REVISION.fullmatch(base.name)
    return {
        "format": LINEAGE_VERSION,
        "made": date.today().isoformat(),
        "run": plan.run,
        "base": {
            "name": base_name(plan),
            "revision": base.name if in_hub_cache else None,
            "fingerprint": result.base_fingerprint,
            "weights": weights_mark(base),
            "licence": plan.licence,
        },
        "adapter": {
            "step": step,
            "kept_for": "the lowest eval loss" if step == result.best_step else "the last step",
            "sha256": _sha256(adapter / WEIGHTS),
        },
        "data": {**_import_counts(Path(plan.train_file)), **document["data"], "digest": plan.data_digest},
        "preset": plan.preset,
        "settings": {**document["settings"], "replay_file": Path(document["settings"]["replay_file"]).name},
        "metrics": {key: document[key] for key in METRICS},
        "verdict": document["verdict"],
        "template": {
            "sha256": _sha256(adapter.parent / "adapter" / "chat_template.jinja"),
            "own": result.own_template,
        },
        "versions": result.versions,
    }


def _import_counts(train_file: Path) -> dict[str, Any]:
    """Return platform and counts from the data set's report."""
    try:
        report = json.loads(train_file.with_name("report.json").read_text("utf-8"))["import"]
        return {"platform": report["platform"], "chats": report["chats"], "messages": report["messages"]["kept"]}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rendered(template: str, /, **values: Any) -> str:
    """Return a template of this package filled with values, as Markdown."""
    environment = Environment(
        loader=PackageLoader("chatclone.training", "."),
        undefined=StrictUndefined,
        autoescape=False,  # Markdown, not HTML
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "yaml": yaml_string,
        "cell": lambda value: str(value).replace("|", "\\|").replace("\n", " "),
    }
    return environment.get_template(template).render(values)
