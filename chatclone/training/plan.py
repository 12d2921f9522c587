"""A training run before it begins: every setting with its reason, from the preset, the base's files and the user.

What depends on the machine or on the tokenised data stays "auto" here and is decided by the worker, which has loaded
both; `chatclone train --plan` lets it do so without training.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from chatclone.bases.inspect_base import Base, find_base
from chatclone.errors import ChatcloneError
from chatclone.personas.persona import Persona
from chatclone.storage.atomic_files import write_atomically
from chatclone.training.config import AUTO, DEFAULT_PRESET, Reasons, Values, override, preset, preset_names

__all__ = ["DEFAULT_PRESET", "Plan", "make_plan", "preset_names"]

LEARNING_RATES = (
    (0.1, 5e-3, "a tiny base"),
    (4, 2e-4, "below 4B"),
    (float("inf"), 1e-4, "4B and up"),
)
"""Below so many billion parameters: the learning rate and the words for it."""
FEW_REPLIES = 1000
"""Below this, dropout is doubled."""
MINIMUM_REPLIES = 20
"""Fewer trained replies than this teach nothing but themselves."""


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to know; paths are absolute, every setting has a reason of its name."""

    run: str
    folder: str
    base: str
    base_folder: str
    preset: str
    name: str
    system: str
    train_file: str
    eval_file: str
    settings: Values
    reasons: Reasons
    base_fingerprint: str = ""
    """Of the base's files: another base under the same name is noticed before a checkpoint is continued on it."""
    licence: str = ""
    """The base's licence, and what it restricts."""
    memory_file: str = ""
    """Where earlier messages are recalled from; empty for a persona without a memory."""
    redact: bool = True
    """Whether personal data in recalled messages becomes placeholders, as the import did with the data set."""
    data_digest: str = ""
    """Of the tokenised samples, once the worker has made them: a run goes on with the same data or not at all."""
    resume: bool = False

    def write(self, path: Path) -> None:
        """Write the plan as JSON, whole or not at all."""
        write_atomically(path, json.dumps(asdict(self), ensure_ascii=False, indent=1))

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text("utf-8")))

    def decided(self, **settings: tuple[Any, str]) -> "Plan":
        """Return the plan with these settings decided, each a value and its reason."""
        return replace(
            self,
            settings=self.settings | {key: value for key, (value, _) in settings.items()},
            reasons=self.reasons | {key: reason for key, (_, reason) in settings.items()},
        )


def make_plan(
    persona: Persona,
    base: str,
    preset_name: str = DEFAULT_PRESET,
    overrides: Mapping[str, str] | None = None,
) -> Plan:
    """Decide what can be decided for training `persona` on `base` before either is loaded; nothing is written."""
    values, reasons = override(*preset(preset_name), overrides or {})
    report = _require_data(persona)
    found = find_base(base)
    _require_file(values["replay_file"])
    if values["learning_rate"] == AUTO:
        values["learning_rate"], reasons["learning_rate"] = _learning_rate(found)
    if values["dropout"] == AUTO:
        values["dropout"], reasons["dropout"] = _dropout(report["import"]["split"]["train"])
    options = report.get("options", {})
    withhold_names(values, reasons, options)
    split = report["import"]["split"]
    run = _next_run(persona.runs_folder)
    return Plan(
        run=run,
        folder=str(persona.runs_folder / run),
        base=base,
        base_folder=str(found.folder),
        preset=preset_name,
        name=persona.name,
        system=persona.system_prompt("{partner}"),
        train_file=str(persona.dataset_folder / "train.jsonl"),
        eval_file=str(persona.dataset_folder / "eval.jsonl"),
        settings=values,
        reasons=reasons | {"data": f"{split['train']} replies to train on, {split['eval']} held out, later in time"},
        base_fingerprint=found.fingerprint,
        licence=str(found.licence),
        memory_file=str(persona.memory_file) if persona.memory_file.exists() else "",
        redact=bool(options.get("redact", True)),
    )


def withhold_names(values: Values, reasons: Reasons, options: Mapping[str, Any]) -> None:
    """Let samples of a data set with pseudonyms, by its import's options, recall nothing: memory has real names."""
    if options.get("pseudonyms"):
        values["memory_share"], reasons["memory_share"] = 0.0, "the data set has pseudonyms, the memory real names"


def _require_data(persona: Persona) -> dict[str, Any]:
    """Return the report of the data set; none, too few replies or no held-out ones are errors."""
    path = persona.dataset_folder / "report.json"
    if not path.exists():
        raise ChatcloneError(f"{persona.name or 'this persona'} has no data set", "chatclone import result.json")
    try:
        report: dict[str, Any] = json.loads(path.read_text("utf-8"))
        split = {part: int(report["import"]["split"][part]) for part in ("train", "eval")}
    except (ValueError, LookupError, TypeError) as error:
        raise ChatcloneError(f"{path} is no data set's report: {error}", "import again: chatclone import") from error
    if split["train"] < MINIMUM_REPLIES:
        raise ChatcloneError(
            f"only {split['train']} replies to train on, {MINIMUM_REPLIES} is the least that makes sense",
            "export more chats, or import with --filter none",
        )
    if not split["eval"]:
        raise ChatcloneError(
            "no reply is held out, so nothing could tell when to stop",
            "import more chats: the last tenth is held out",
        )
    for name in ("train.jsonl", "eval.jsonl"):
        if not (persona.dataset_folder / name).is_file():
            raise ChatcloneError(f"{persona.name}'s data set has no {name}", "import again: chatclone import")
    return report


def _require_file(name: str) -> None:
    if name and not Path(name).expanduser().is_file():
        raise ChatcloneError(f"replay_file {name} is no file", "--set replay_file=FILE with one conversation a line")


def _learning_rate(base: Base) -> tuple[float, str]:
    rate, size = next((rate, size) for limit, rate, size in LEARNING_RATES if base.billions < limit)
    count = f"{base.billions:.3g}B" if base.billions >= 0.1 else f"{base.parameters / 1e6:.2g}M"
    return rate, f"{size} ({count} parameters by its weights)"


def _dropout(replies: int) -> tuple[float, str]:
    if replies < FEW_REPLIES:
        return 0.1, f"fewer than {FEW_REPLIES:,} replies are soon known by heart"
    return 0.05, f"a little, for {replies:,} replies"


def _next_run(runs: Path) -> str:
    """Return the next free `YYYY-MM-DD-N`."""
    today = date.today().isoformat()
    taken = {p.name for p in runs.glob(f"{today}-*")} if runs.is_dir() else set()
    number = 1
    while f"{today}-{number}" in taken:
        number += 1
    return f"{today}-{number}"
