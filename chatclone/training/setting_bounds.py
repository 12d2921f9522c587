"""The settings of a training run: one typed record with bounds, the presets that fill it, and the user's changes.

Light: it reads small TOML files of the package and imports nothing heavy.
"""

import difflib
import importlib.resources
import tomllib
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, inspect

from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message

DEFAULT_PRESET = "persona"
"""The other presets take from it what they leave out."""
AUTO: Final = "auto"
"""Decided from the base, the data and the machine, with a reason."""
SIMILARITY = 0.5
"""From this similarity on, an unknown name is answered with "did you mean"; below it, with all names."""

Auto = Literal["auto"]
Dtype = Literal["float32", "bfloat16", "float16"]
Reasons = dict[str, str]
Share = Annotated[float, Meta(ge=0, le=1)]


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every setting of a run. Presets, `--set key=value`, the app, plan.json and the worker all use this record."""

    rank: Annotated[int, Meta(ge=1, le=512)]
    """Rank of the LoRA matrices."""
    alpha: Annotated[int, Meta(ge=1, le=4096)]
    """LoRA's alpha; the adapter is scaled by alpha / rank."""
    dropout: Annotated[float, Meta(ge=0, le=0.9)] | Auto
    """Dropout on the adapter's input."""
    targets: str
    """Layers with an adapter: all-linear, attention, or names of layers separated by commas."""
    rslora: bool
    """Scale by alpha / sqrt(rank) instead (rsLoRA)."""
    dora: bool
    """Train magnitude and direction separately (DoRA)."""
    lora_plus: Annotated[float, Meta(ge=0, le=1000)]
    """Learning rate of B over that of A (LoRA+); 0 is off."""
    neftune: Annotated[float, Meta(ge=0, le=1000)]
    """Noise on the embeddings while training (NEFTune's alpha); 0 is off."""
    learning_rate: Annotated[float, Meta(gt=0, le=1)] | Auto
    """The highest learning rate of the schedule."""
    schedule: Literal["cosine", "linear", "constant"]
    """How the learning rate falls after the warm-up."""
    warmup: Annotated[float, Meta(ge=0, le=100_000)]
    """Below 1 a share of the steps, from 1 on a number of steps."""
    epochs: Annotated[int, Meta(ge=1, le=10_000)]
    """Times through the data."""
    replies_per_step: Annotated[int, Meta(ge=1, le=100_000)]
    """Trained replies in one step of the optimizer: the batch size."""
    minimum_steps: Annotated[int, Meta(ge=0, le=100_000)]
    """Steps of the whole run at least; on small data the batch shrinks to reach it."""
    optimizer: Literal["auto", "adamw", "adamw_8bit", "paged_adamw_8bit"]
    """Which AdamW."""
    weight_decay: Share
    """Weight decay of the adapter."""
    clip: Annotated[float, Meta(gt=0, le=1e30)]
    """Gradients are clipped to this norm."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    """Seed of the data order, the adapter's first weights and dropout."""
    device: Literal["auto", "cpu", "cuda", "mps"]
    """Where to train."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    """Type of the base's weights and of the computation."""
    quantisation: Literal["auto", "none", "4-bit", "8-bit"]
    """How the base's linear layers are held."""
    max_length: Annotated[int, Meta(ge=16, le=2**20)] | Auto
    """Tokens of a sample at most; longer ones lose their oldest turns."""
    packing: bool
    """Put several short samples into one row; they do not attend to each other."""
    rows_at_once: Annotated[int, Meta(ge=1, le=1024)] | Auto
    """Rows computed together: the batch size of one device."""
    checkpointing: Literal["auto", "on", "off"]
    """Recompute activations in the backward pass: less memory, slower."""
    evaluations_per_epoch: Annotated[int, Meta(ge=1, le=1000)]
    """Evaluations on the held-out replies in an epoch."""
    evaluate_every: Annotated[int, Meta(ge=0)]
    """Steps between evaluations; 0 leaves it to evaluations_per_epoch."""
    patience: Annotated[int, Meta(ge=0, le=1000)]
    """Evaluations without progress before the run stops; 0 never stops early."""
    threshold: Annotated[float, Meta(ge=0, le=100)]
    """The eval loss must fall by at least this much to count as progress."""
    memory_share: Share
    """Share of the samples that get recalled lines."""
    memory_irrelevant: Share
    """Share of those whose recalled lines do not answer the question."""
    replay_file: str
    """JSON lines of neutral conversations to mix in; empty for none."""
    replay_share: Annotated[float, Meta(ge=0, le=0.9)]
    """Share of all samples that are taken from replay_file."""


COSTS = {
    "rslora": "exported with alpha rewritten, since llama.cpp has no other scale; vLLM supports it",
    "dora": "slower, less so with dropout=0; a GGUF adapter cannot hold it, use chatclone export --kind merged",
    "lora_plus": "no effect on the export: only the optimizer differs",
    "neftune": "no effect on the export; replies become longer than the person's",
    "replay_share": "no effect on the export; training takes longer by this share",
}
"""What an option costs, told when the user turns it on."""

OTHER_NAMES = {
    "lr": "learning_rate", "r": "rank", "lora_r": "rank", "lora_rank": "rank",
    "batch": "replies_per_step", "batch_size": "replies_per_step", "gradient_accumulation_steps": "replies_per_step",
    "per_device_train_batch_size": "rows_at_once", "num_train_epochs": "epochs", "max_grad_norm": "clip",
    "eval_steps": "evaluate_every", "save_steps": "evaluate_every", "early_stopping_patience": "patience",
    "load_in_4bit": "quantisation", "load_in_8bit": "quantisation", "bits": "quantisation",
    "bf16": "dtype", "fp16": "dtype", "precision": "dtype",
}  # fmt: skip
"""What PEFT and TRL call a setting, where similar spelling would suggest another one or none."""

TYPES: dict[str, Any] = typing.get_type_hints(TrainConfig, include_extras=True)
"""The type of each setting by name, bounds included."""
EXAMPLES = {"learning_rate": "1e-4", "dropout": "0.1", "max_length": "1024"}
SWITCH = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def preset_names() -> list[str]:
    """Return the names of the presets in the package."""
    return sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))


def preset_summary(name: str) -> str:
    """Return the first line of a preset's file, which says what it is for."""
    return str(_text(name).partition("\n")[0].removeprefix("# "))


def preset(name: str) -> tuple[TrainConfig, Reasons]:
    """Return the settings of a preset and the reason of each."""
    if name not in preset_names():
        names = ", ".join(preset_names())
        if near := difflib.get_close_matches(name, preset_names(), n=1, cutoff=SIMILARITY):
            hint = Message("did you mean {near}? presets are {names}", near=near[0], names=names)
        else:
            hint = Message("presets are {names}", names=names)
        raise ChatcloneError("there is no preset {name}", hint, name=name)
    table = tomllib.loads(_text(DEFAULT_PRESET)) | tomllib.loads(_text(name))
    values = {key: entry["value"] for key, entry in table.items()}
    return msgspec.convert(values, TrainConfig), {key: entry["reason"] for key, entry in table.items()}


def override(config: TrainConfig, reasons: Reasons, changes: Mapping[str, str]) -> tuple[TrainConfig, Reasons]:
    """Return settings and reasons with the user's changes; all mistakes in them are raised in one error."""
    values, problems = {}, []
    for key, text in changes.items():
        try:
            values[key] = parse(key, text.strip(), config)
        except ChatcloneError as error:
            problems.append(error)
    config = msgspec.structs.replace(config, **values)
    if not problems:
        problems = _contradictions(config)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        hints = dict.fromkeys(problem.hint for problem in problems)
        raise ChatcloneError("; ".join(problem.message for problem in problems), "; ".join(hints))
    return config, reasons | {key: _reason(key, value) for key, value in values.items()}


def parse(key: str, text: str, config: TrainConfig) -> Any:
    """Return the value of `key=text`; an unknown key or a value out of bounds is an error with an example."""
    if key not in TYPES:
        near = nearest(key)
        hint = Message("did you mean {near}?", near=near) if near else Message("settings are {all}", all=_all_names())
        raise ChatcloneError("there is no setting {key}", hint, key=key)
    try:
        given = SWITCH.get(text.lower(), text) if TYPES[key] is bool else text
        return msgspec.convert(given, TYPES[key], strict=False)
    except msgspec.ValidationError:
        raise ChatcloneError(
            "{key} must be {wanted}, not {text!r}",
            "for example --set {key}={example}",
            key=key,
            wanted=_wanted(inspect.type_info(TYPES[key])),
            text=text,
            example=_example(key, config),
        ) from None


def nearest(key: str) -> str:
    """Return the setting that an unknown key probably means, by its name in other tools or its spelling, or ''."""
    return OTHER_NAMES.get(key) or next(iter(difflib.get_close_matches(key, TYPES, n=1, cutoff=SIMILARITY)), "")


def _all_names() -> str:
    return ", ".join(sorted(TYPES))


def _contradictions(config: TrainConfig) -> list[ChatcloneError]:
    """Return an error for each pair of settings that do not work together."""
    found = []
    if 0 < config.lora_plus < 1:
        problem = "lora_plus must be 1 or more, or 0, not {ratio:g}: below 1 it would slow B down"
        found.append(ChatcloneError(problem, "--set lora_plus=16", ratio=config.lora_plus))
    if config.quantisation in ("4-bit", "8-bit") and config.device == "mps":
        hint = "--set device=cpu, or --set quantisation=none"
        found.append(ChatcloneError("bitsandbytes does not support quantisation on mps", hint))
    return found


def _reason(key: str, value: Any) -> str:
    if key in COSTS and value:
        return Message("set by you; {cost}", cost=Message(COSTS[key]))
    return Message("set by you")


def _wanted(kind: inspect.Type) -> str:
    """Return in words which values a type allows."""
    match kind:
        case inspect.UnionType(types=(number, inspect.LiteralType())):
            return Message("{wanted}, or auto", wanted=_wanted(number))
        case inspect.LiteralType(values=values):
            return Message("one of {values}", values=", ".join(map(str, values)))
        case inspect.IntType() | inspect.FloatType():
            name = Message("a whole number") if isinstance(kind, inspect.IntType) else Message("a number")
            if kind.gt is not None:
                return Message("{name} above {low:g} and at most {high:g}", name=name, low=kind.gt, high=kind.le)
            if kind.le is None:
                return Message("{name}, at least {low:g}", name=name, low=kind.ge)
            return Message("{name} from {low:g} to {high:.7g}", name=name, low=kind.ge, high=kind.le)
        case _:
            return Message("true or false")


def _example(key: str, config: TrainConfig) -> str:
    """Return a value that would be right for `key`."""
    value = getattr(config, key)
    if TYPES[key] is bool:
        return str(value).lower()
    return EXAMPLES.get(key, "1") if value == AUTO and key not in _CHOICES else str(value)


_CHOICES = {key for key, kind in TYPES.items() if isinstance(inspect.type_info(kind), inspect.LiteralType)}
"""Settings that are one of some words; for these `auto` is a good example too."""


def _text(name: str) -> str:
    return str((_folder() / f"{name}.toml").read_text("utf-8"))


def _folder() -> Any:
    return importlib.resources.files("chatclone.training") / "presets"
