"""Presets and machine to a plan: every setting of a training run, each with its reason, before anything is loaded."""

import difflib
import importlib.resources
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from chatclone.engines.choose import resolve_base
from chatclone.errors import ChatcloneError, UsageError
from chatclone.persona import Persona

DEFAULT_PRESET = "persona"
LEARNING_RATES = (
    (0.1, 5e-3, "a tiny base"),
    (4, 2e-4, "below 4B"),
    (float("inf"), 1e-4, "4B and up"),
)
"""Below so many billion parameters: the learning rate and the words for it."""
MINIMUM_REPLIES = 20
"""Fewer trained replies than this teach nothing but themselves."""


@dataclass(frozen=True)
class Plan:
    """All that a worker needs to know; paths are absolute, `settings` and `reasons` have the same keys."""

    run: str
    folder: str
    base: str
    base_folder: str
    preset: str
    name: str
    system: str
    train_file: str
    eval_file: str
    settings: dict[str, Any]
    reasons: dict[str, str]
    resume: bool = False

    def write(self, path: Path) -> None:
        """Write the plan as JSON."""
        path.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1), "utf-8")

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """Read what `write` wrote."""
        return cls(**json.loads(path.read_text("utf-8")))


def preset_names() -> list[str]:
    """Return the presets in the package."""
    return sorted(p.name.removesuffix(".toml") for p in _presets().iterdir() if p.name.endswith(".toml"))


def make_plan(
    persona: Persona,
    base: str,
    preset: str = DEFAULT_PRESET,
    overrides: Mapping[str, str] | None = None,
) -> Plan:
    """Decide every setting for training `persona` on `base`, and say why; nothing is written or loaded."""
    base_folder = resolve_base(base)
    counts = _require_data(persona)
    values, reasons = _preset(preset)
    for key, (value, reason) in _decided(base_folder).items():
        values.setdefault(key, value)
        reasons.setdefault(key, reason)
    _override(values, reasons, overrides or {})
    _check(values)
    run = _next_run(persona.runs_folder)
    return Plan(
        run=run,
        folder=str(persona.runs_folder / run),
        base=base,
        base_folder=str(base_folder),
        preset=preset,
        name=persona.name,
        system=persona.system_prompt("{partner}"),
        train_file=str(persona.dataset_folder / "train.jsonl"),
        eval_file=str(persona.dataset_folder / "eval.jsonl"),
        settings=values,
        reasons={
            **reasons,
            "data": f"{counts[0]} replies to train on, {counts[1]} held out, later in time",
        },
    )


def _require_data(persona: Persona) -> tuple[int, int]:
    """Return how many replies there are to train on and to evaluate on; too few is an error."""
    report = persona.dataset_folder / "report.json"
    if not report.exists():
        raise ChatcloneError(
            f"{persona.name or 'this persona'} has no data set",
            "chatclone import result.json",
        )
    split = json.loads(report.read_text("utf-8"))["import"]["split"]
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
    return split["train"], split["eval"]


def _presets() -> Any:
    return importlib.resources.files("chatclone.training") / "presets"


def _preset(name: str) -> tuple[dict[str, Any], dict[str, str]]:
    if name not in preset_names():
        raise UsageError(f"there is no preset {name}", f"presets are {', '.join(preset_names())}")
    table = tomllib.loads((_presets() / f"{name}.toml").read_text("utf-8"))
    return {k: v["value"] for k, v in table.items()}, {k: v["reason"] for k, v in table.items()}


def _decided(base_folder: Path) -> dict[str, tuple[Any, str]]:
    """Return what depends on the base model: learning rate and sequence length."""
    try:
        config = json.loads((base_folder / "config.json").read_text("utf-8"))
    except (OSError, json.JSONDecodeError):
        raise ChatcloneError(
            f"{base_folder} holds no model: config.json is missing",
            "name a model's folder",
        ) from None
    weights = sum(p.stat().st_size for p in base_folder.glob("*.safetensors"))
    if not weights:
        raise ChatcloneError(
            f"{base_folder} holds no safetensors weights",
            "convert them: pickled weights are never loaded",
        )
    billions = weights / 2e9
    rate, size = next((rate, size) for limit, rate, size in LEARNING_RATES if billions < limit)
    context = int(config.get("max_position_embeddings", 1024))
    return {
        "learning_rate": (rate, f"{size} ({billions:.3g}B parameters by its weights)"),
        "max_length": (
            min(context, 1024),
            "chats are short; longer samples lose their oldest turns",
        ),
    }


def _override(values: dict[str, Any], reasons: dict[str, str], overrides: Mapping[str, str]) -> None:
    for key, text in overrides.items():
        if key not in values:
            near = difflib.get_close_matches(key, values, n=1, cutoff=0.0)
            raise UsageError(f"there is no setting {key}", f"did you mean {near[0]}?")
        kind = type(values[key])
        try:
            values[key] = kind(text)
        except ValueError:
            raise UsageError(
                f"{key}={text} is not a {kind.__name__}",
                f"for example --set {key}={values[key]}",
            ) from None
        reasons[key] = "set by you"


def _check(values: Mapping[str, Any]) -> None:
    wrong = [k for k, v in values.items() if isinstance(v, int | float) and v < 0]
    wrong += [k for k in ("rank", "learning_rate", "epochs", "replies_per_step") if values[k] == 0]
    if wrong:
        raise UsageError(f"{', '.join(wrong)} must be above zero", f"for example --set {wrong[0]}=1")


def _next_run(runs: Path) -> str:
    """Return the next free `YYYY-MM-DD-N`."""
    today = date.today().isoformat()
    taken = {p.name for p in runs.glob(f"{today}-*")} if runs.is_dir() else set()
    number = 1
    while f"{today}-{number}" in taken:
        number += 1
    return f"{today}-{number}"
