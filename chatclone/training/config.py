"""What can be set for a training run: every setting's kind and bounds, the presets, and what the user changes.

Light: it reads small TOML files of the package and imports nothing heavy. All mistakes are told at once.
"""

import difflib
import importlib.resources
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chatclone.errors import ChatcloneError

DEFAULT_PRESET = "persona"
"""What the other presets leave out is as here."""
AUTO = "auto"
"""Decided from the base, the data and the machine, each with a reason."""
TRUE, FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
NEAR = 0.5
"""How alike two names must be for one to be meant by the other; else all are listed."""

Values = dict[str, Any]
Reasons = dict[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """The kind of a setting, its bounds (`above` is exclusive), and what it costs beyond training, if anything."""

    kind: type[int] | type[float] | type[bool] | type[str]
    least: float | None = None
    most: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    auto: bool = False
    cost: str = ""

    def parse(self, text: str) -> Any:
        """Return the value that `text` names; a ValueError says what is wrong with it."""
        if self.auto and text == AUTO:
            return AUTO
        if self.kind is bool:
            if text.lower() not in TRUE | FALSE:
                raise ValueError("must be true or false")
            return text.lower() in TRUE
        try:
            value = self.kind(text)
        except ValueError:
            article = {int: "a whole number", float: "a number"}[self.kind]
            raise ValueError(f"must be {article}") from None
        self._check(value)
        return value

    def _check(self, value: Any) -> None:
        if self.choices and value not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        if self.kind is str:
            return
        if not math.isfinite(value):
            raise ValueError("must be a finite number")
        if self.above is not None and value <= self.above:
            raise ValueError(f"must be above {self.above:g}")
        if self.least is not None and value < self.least:
            raise ValueError(f"must be at least {self.least:g}")
        if self.most is not None and value > self.most:
            raise ValueError(f"must be at most {self.most:g}")


Dtype = Literal["float32", "bfloat16", "float16"]

SETTINGS: dict[str, Setting] = {
    # the adapter
    "rank": Setting(int, least=1, most=512),
    "alpha": Setting(int, least=1),
    "dropout": Setting(float, least=0, most=0.9, auto=True),
    "targets": Setting(str),
    "rslora": Setting(bool, cost="exported with alpha rewritten, as llama.cpp knows no other scale; vLLM takes it"),
    "dora": Setting(
        bool, cost="slower, less so with dropout=0, and a GGUF adapter cannot hold it: chatclone export --kind merged"
    ),
    "lora_plus": Setting(float, least=0, cost="nothing at export: only the optimizer differs"),
    "neftune": Setting(float, least=0, cost="nothing at export; longer replies than the person's"),
    # the optimizer
    "learning_rate": Setting(float, above=0, most=1, auto=True),
    "schedule": Setting(str, choices=("cosine", "linear", "constant")),
    "warmup": Setting(float, least=0),
    "epochs": Setting(int, least=1),
    "replies_per_step": Setting(int, least=1),
    "minimum_steps": Setting(int, least=0),
    "optimizer": Setting(str, choices=("adamw", "adamw_8bit", "paged_adamw_8bit"), auto=True),
    "weight_decay": Setting(float, least=0, most=1),
    "clip": Setting(float, above=0),
    "seed": Setting(int, least=0),
    # the machine
    "device": Setting(str, choices=("cpu", "cuda", "mps"), auto=True),
    "dtype": Setting(str, choices=("float32", "bfloat16", "float16"), auto=True),
    "quantisation": Setting(str, choices=("none", "4-bit", "8-bit"), auto=True),
    "max_length": Setting(int, least=16, auto=True),
    "packing": Setting(bool),
    "rows_at_once": Setting(int, least=1, auto=True),
    "checkpointing": Setting(str, choices=("on", "off"), auto=True),
    # when to look, and when to stop
    "evaluations_per_epoch": Setting(int, least=1),
    "evaluate_every": Setting(int, least=0),
    "patience": Setting(int, least=0),
    "threshold": Setting(float, least=0),
    # what else it learns from
    "memory_share": Setting(float, least=0, most=1),
    "memory_irrelevant": Setting(float, least=0, most=1),
    "replay_file": Setting(str),
    "replay_share": Setting(float, least=0, most=0.9, cost="nothing at export; as much more time to train"),
}

ELSEWHERE = {
    "lr": "learning_rate", "r": "rank", "lora_r": "rank", "lora_rank": "rank",
    "batch": "replies_per_step", "batch_size": "replies_per_step", "gradient_accumulation_steps": "replies_per_step",
    "per_device_train_batch_size": "rows_at_once", "num_train_epochs": "epochs", "max_grad_norm": "clip",
    "eval_steps": "evaluate_every", "save_steps": "evaluate_every", "early_stopping_patience": "patience",
    "load_in_4bit": "quantisation", "load_in_8bit": "quantisation", "bits": "quantisation",
    "bf16": "dtype", "fp16": "dtype", "precision": "dtype",
}  # fmt: skip
"""What PEFT, TRL and their users call a setting, where its letters alone would lead elsewhere or nowhere."""


def preset_names() -> list[str]:
    """Return the presets in the package."""
    return sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))


def preset(name: str) -> tuple[Values, Reasons]:
    """Return the values of a preset and their reasons; what it leaves out is as in the default one."""
    if name not in preset_names():
        near = difflib.get_close_matches(name, preset_names(), n=1, cutoff=NEAR)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ChatcloneError(f"there is no preset {name}", f"{meant}presets are {', '.join(preset_names())}")
    values, reasons = _read(DEFAULT_PRESET)
    if name != DEFAULT_PRESET:
        own_values, own_reasons = _read(name)
        values, reasons = values | own_values, reasons | own_reasons
    return values, reasons


def override(values: Values, reasons: Reasons, changes: Mapping[str, str]) -> tuple[Values, Reasons]:
    """Return values and reasons with the user's changes; every mistake in them is told in one error."""
    values, reasons = dict(values), dict(reasons)
    wrong: list[tuple[str, str]] = []
    for key, text in changes.items():
        if key not in SETTINGS:
            near = nearest(key)
            hint = f"did you mean {near}?" if near else f"settings are {', '.join(sorted(SETTINGS))}"
            wrong.append((f"there is no setting {key}", hint))
            continue
        try:
            values[key] = SETTINGS[key].parse(text.strip())
        except ValueError as error:
            wrong.append((f"{key} {error}, not {text!r}", f"for example --set {key}={_example(key, values)}"))
        else:
            reasons[key] = "set by you"
    if not wrong:
        wrong = _contradictions(values)
    if wrong:
        hints = dict.fromkeys(hint for _, hint in wrong)
        raise ChatcloneError("; ".join(message for message, _ in wrong), "; ".join(hints))
    return values, {key: _with_cost(key, values[key], reason) for key, reason in reasons.items()}


def nearest(key: str) -> str:
    """Return the setting that an unknown key most likely means, by its name elsewhere or by its letters; else empty."""
    if key in ELSEWHERE:
        return ELSEWHERE[key]
    return next(iter(difflib.get_close_matches(key, SETTINGS, n=1, cutoff=NEAR)), "")


def _contradictions(values: Values) -> list[tuple[str, str]]:
    """Return which settings do not go together, each with a way out."""
    wrong = []
    if 0 < values["lora_plus"] < 1:
        wrong.append((f"lora_plus {values['lora_plus']} would slow B down", "--set lora_plus=16, or 0 for none"))
    if values["quantisation"] in ("4-bit", "8-bit") and values["device"] == "mps":
        wrong.append(("bitsandbytes has no optimizer for mps", "--set device=cpu, or --set quantisation=none"))
    return wrong


def _with_cost(key: str, value: Any, reason: str) -> str:
    """Add what a setting costs beyond training to its reason, where it is on."""
    setting = SETTINGS[key]
    on = value not in (False, 0, 0.0, "", AUTO)
    return f"{reason}; {setting.cost}" if setting.cost and on and reason == "set by you" else reason


def _example(key: str, values: Values) -> Any:
    """Return a value that would be right for `key`."""
    setting, value = SETTINGS[key], values[key]
    if setting.choices:
        return setting.choices[0]
    if value != AUTO:
        return str(value).lower() if setting.kind is bool else value
    return {"learning_rate": "1e-4", "dropout": 0.1, "max_length": 1024}.get(key, 1)


def _read(name: str) -> tuple[Values, Reasons]:
    table = tomllib.loads((_folder() / f"{name}.toml").read_text("utf-8"))
    return {k: v["value"] for k, v in table.items()}, {k: v["reason"] for k, v in table.items()}


def _folder() -> Any:
    return importlib.resources.files("chatclone.training") / "presets"
