"""A training run before it begins: every setting with its reason, from the preset, the base's files and the user.

What depends on the machine or on the tokenised data stays "auto" here; the worker decides it.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec

from chatclone.bases.inspect_base import Base, find_base
from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message
from chatclone.ingest.stored_report import StoredReport, read_report
from chatclone.personas.persona import Persona
from chatclone.storage.atomic_files import write_atomically
from chatclone.training.setting_bounds import AUTO, DEFAULT_PRESET, Reasons, TrainConfig, override, preset

LEARNING_RATES = (
    (0.1, 5e-3, Message("a tiny base")),
    (4, 2e-4, Message("below 4B")),
    (float("inf"), 1e-4, Message("4B and up")),
)
"""(billions of parameters, learning rate below that, in words)."""
FEW_REPLIES = 1000
"""Below this, dropout is doubled."""
MINIMUM_REPLIES = 20
"""With fewer trained replies than this, training only memorises them."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a worker needs, as it stands in plan.json; paths are absolute, every setting has a reason."""

    run: str
    """The run's name, YYYY-MM-DD-N."""
    folder: str
    """The run's folder."""
    base: str
    """The base as the user named it."""
    base_folder: str
    preset: str
    name: str
    """The persona's name."""
    system: str
    """The system prompt; `{partner}` is filled in for each sample."""
    train_file: str
    eval_file: str
    settings: TrainConfig
    reasons: Reasons
    base_fingerprint: str = ""
    """Hash of the base's config and headers: a checkpoint is only continued on the same base."""
    licence: str = ""
    """The base's licence, and what it restricts."""
    memory_file: str = ""
    """Where earlier messages are recalled from; empty for a persona without a memory."""
    redact: bool = True
    """Whether personal data in recalled messages becomes placeholders, as in the data set."""
    data_digest: str = ""
    """Hash of the tokenised samples, set by the worker: a run is only continued on the same data."""
    resume: bool = False
    version: Literal[1] = 1
    """Version of plan.json."""

    def write(self, path: Path) -> None:
        """Write the plan as JSON, whole or not at all."""
        write_atomically(path, msgspec.json.format(msgspec.json.encode(self, enc_hook=str), indent=1).decode())

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Read what `write` wrote; a file of another version of chatclone is an error."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except OSError as error:
            hint = "check that the file exists"
            raise ChatcloneError("cannot read {path}: {error}", hint, path=path, error=error.strerror) from None
        except msgspec.DecodeError as error:
            raise ChatcloneError(
                "{path} cannot be used: it is damaged or from another version of chatclone ({error})",
                "start a new run: chatclone train",
                path=path,
                error=error,
            ) from None

    def decided(self, **settings: tuple[Any, str]) -> "Plan":
        """Return the plan with these settings decided, each a value and its reason."""
        values = {key: value for key, (value, _) in settings.items()}
        reasons = {key: reason for key, (_, reason) in settings.items()}
        config = msgspec.structs.replace(self.settings, **values)
        return msgspec.structs.replace(self, settings=config, reasons=self.reasons | reasons)


def make_plan(
    persona: Persona,
    base: str,
    preset_name: str = DEFAULT_PRESET,
    overrides: Mapping[str, str] | None = None,
) -> Plan:
    """Decide what can be decided for training `persona` on `base` before either is loaded; nothing is written."""
    config, reasons = override(*preset(preset_name), overrides or {})
    report = _require_data(persona)
    found = find_base(base)
    if config.replay_file and not Path(config.replay_file).expanduser().is_file():
        hint = "--set replay_file=FILE with one conversation a line"
        raise ChatcloneError("replay_file {path} is not a file", hint, path=config.replay_file)
    options, split = report.options, report.last_import.split
    run = _next_run(persona.runs_folder)
    data = Message(
        "{train} replies to train on, {held_out} held out, later in time", train=split.train, held_out=split.eval
    )
    plan = Plan(
        run=run,
        folder=str(persona.runs_folder / run),
        base=base,
        base_folder=str(found.folder),
        preset=preset_name,
        name=persona.name,
        system=persona.system_prompt("{partner}"),
        train_file=str(persona.dataset_folder / "train.jsonl"),
        eval_file=str(persona.dataset_folder / "eval.jsonl"),
        settings=config,
        reasons=reasons | {"data": data},
        base_fingerprint=found.fingerprint,
        licence=str(found.licence),
        memory_file=str(persona.memory_file) if persona.memory_file.exists() else "",
        redact=options.redact,
    )
    if config.learning_rate == AUTO:
        plan = plan.decided(learning_rate=_learning_rate(found))
    if config.dropout == AUTO:
        plan = plan.decided(dropout=_dropout(split.train))
    if options.pseudonyms:
        reason = Message("the data set has pseudonyms, the memory has real names")
        plan = plan.decided(memory_share=(0.0, reason))
    return plan


def _require_data(persona: Persona) -> StoredReport:
    """Return the report of the data set; a missing one, too few replies or no held-out ones are errors."""
    if not (persona.dataset_folder / "report.json").exists():
        name = persona.name or Message("this persona")
        raise ChatcloneError("{name} has no data set", "chatclone import result.json", name=name)
    report = read_report(persona.dataset_folder)
    split = report.last_import.split
    if split.train < MINIMUM_REPLIES:
        raise ChatcloneError(
            "only {replies} replies to train on, at least {minimum} are needed",
            "export more chats, or import with --filter none",
            replies=split.train,
            minimum=MINIMUM_REPLIES,
        )
    if not split.eval:
        raise ChatcloneError(
            "no replies are held out, so training could not tell when to stop",
            "import more chats: the last tenth is held out",
        )
    for name in ("train.jsonl", "eval.jsonl"):
        if not (persona.dataset_folder / name).is_file():
            hint = "import again: chatclone import"
            raise ChatcloneError("{name}'s data set has no {file}", hint, name=persona.name, file=name)
    return report


def _learning_rate(base: Base) -> tuple[float, str]:
    rate, size = next((rate, size) for limit, rate, size in LEARNING_RATES if base.billions < limit)
    count = f"{base.billions:.3g}B" if base.billions >= 0.1 else f"{base.parameters / 1e6:.2g}M"
    return rate, Message("{size} ({count} parameters by its weights)", size=size, count=count)


def _dropout(replies: int) -> tuple[float, str]:
    if replies < FEW_REPLIES:
        return 0.1, Message("fewer than {limit:,} replies are quickly memorised", limit=FEW_REPLIES)
    return 0.05, Message("a little, for {replies:,} replies", replies=replies)


def _next_run(runs: Path) -> str:
    """Return the next free name YYYY-MM-DD-N."""
    today = date.today().isoformat()
    number = 1
    while (runs / f"{today}-{number}").exists():
        number += 1
    return f"{today}-{number}"
