"""Where an adapter comes from: `README.md`, a model card in PEFT's form, and `lineage.json`, for programs.

Both name the base with its hash, the amount of data, the settings and the figures. Neither contains messages, names
of partners or paths of this computer.
"""

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from chatclone.storage.atomic_files import write_atomically
from chatclone.storage.fingerprint import weights_mark
from chatclone.training.checkpoints import WEIGHTS
from chatclone.training.plan import Plan
from chatclone.training.run_result import RunResult

CARD, LINEAGE = "README.md", "lineage.json"
FORMAT = 1
"""Version of `lineage.json`."""
METRICS = (
    "base_eval_loss", "base_eval_token_accuracy", "eval_loss", "eval_token_accuracy", "train_loss", "steps",
    "best_step", "stopped", "trained_tokens", "tokens_per_second", "peak_memory_mb", "seconds",
)  # fmt: skip
PATHS = ("replay_file",)
"""Settings that are files: only the file's name is written."""
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
SNAPSHOT = re.compile(r"[0-9a-f]{40}")
"""A revision's folder in the hub's cache."""

TEXT = """\
---
base_model: {base_yaml}
library_name: peft
pipeline_tag: text-generation
tags:
- {tag_yaml}
- lora
- transformers
- trl
- sft
- chatclone
---

# Model Card for {name}'s adapter, run {run}

A LoRA adapter that makes {base} write like {name} in chats, trained by chatclone on one person's own messages, on
their own computer.

## Model Details

### Model Description

- **Model type:** {kind} of rank {rank}, alpha {alpha}
- **Finetuned from model:** {base}{revision}; files `{fingerprint}`, weights `{weights}`
- **License of the base:** {licence}
- **Weights of step:** {step}, {kept_for}; sha256 \
`{adapter_sha256}`
- **Chat template:** sha256 `{template_sha256}`, \
{template_origin}

## Uses

`chatclone chat` uses it, `chatclone export` converts it to GGUF. Elsewhere: `PeftModel.from_pretrained(base, folder)`,
with the tokenizer and the chat template in the same folder.

### Out-of-Scope Use

Pretending to be {name} to people who do not know that they are writing with a model.

## Bias, Risks, and Limitations

It may repeat what it was trained on, including what others wrote to {name}, to anybody who has this file. Forgetting
a person in chatclone does not change an adapter: train again.

## Training Details

### Training Data

{data}

### Training Procedure

TRL's SFTTrainer on token ids and labels made by chatclone; the loss is on the replies only. Preset `{preset}`.

#### Training Hyperparameters

{settings}

## Evaluation

On held-out replies, later in time than all trained ones, without recalled memory:

| | base | this run's best |
|---|---|---|
| loss in nats a token | {m[base_eval_loss]:.3f} | {m[eval_loss]:.3f} |
| token accuracy | {m[base_eval_token_accuracy]:.3f} | {m[eval_token_accuracy]:.3f} |

{verdict}.

### Framework versions

{versions}
"""
"""The card, with the headings of PEFT's own in their order."""


def write(adapter: Path, plan: Plan, result: RunResult, *, step: int) -> None:
    """Write card and lineage into an adapter's folder; `step` is the step of its weights."""
    lineage = _lineage(adapter, plan, result, step)
    write_atomically(adapter / LINEAGE, json.dumps(lineage, indent=1, ensure_ascii=False) + "\n")
    write_atomically(adapter / CARD, _card(plan, lineage))


def _lineage(adapter: Path, plan: Plan, result: RunResult, step: int) -> dict[str, Any]:
    """Return the document of `lineage.json`."""
    document = result.document()
    settings = {key: Path(value).name if key in PATHS else value for key, value in document["settings"].items()}
    template = adapter.parent / "adapter" / "chat_template.jinja"
    return {
        "format": FORMAT,
        "made": date.today().isoformat(),
        "run": plan.run,
        "base": {
            "name": base_name(plan),
            "revision": _revision(Path(plan.base_folder)),
            "fingerprint": result.base_fingerprint,
            "weights": weights_mark(Path(plan.base_folder)),
            "licence": plan.licence,
        },
        "adapter": {"step": step, "kept_for": _kept_for(step, result), "sha256": _sha256(adapter / WEIGHTS)},
        "data": {**_sources(Path(plan.train_file)), **document["data"], "digest": plan.data_digest},
        "preset": plan.preset,
        "settings": settings,
        "metrics": {key: document[key] for key in METRICS},
        "verdict": document["verdict"],
        "template": {"sha256": _sha256(template), "own": result.own_template},
        "versions": result.versions,
    }


def base_name(plan: Plan) -> str:
    """Return the base's name without paths: `starter`, a hub id, or the folder's name."""
    return Path(plan.base_folder).name if Path(plan.base).expanduser().is_dir() else plan.base


def _kept_for(step: int, result: RunResult) -> str:
    return "the lowest eval loss" if step == result.best_step else "the last step"


def _revision(folder: Path) -> str | None:
    """Return the revision of a base in the hub's cache, None for any other folder."""
    return folder.name if folder.parent.name == "snapshots" and SNAPSHOT.fullmatch(folder.name) else None


def _sources(train_file: Path) -> dict[str, Any]:
    """Return platform and counts from the data set's report."""
    try:
        report = json.loads(train_file.with_name("report.json").read_text("utf-8"))["import"]
        return {"platform": report["platform"], "chats": report["chats"], "messages": report["messages"]["kept"]}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _card(plan: Plan, lineage: dict[str, Any]) -> str:
    """Return the model card."""
    base, adapter, template = lineage["base"], lineage["adapter"], lineage["template"]
    verdict, settings = lineage["verdict"], lineage["settings"]
    return TEXT.format(
        base_yaml=_yaml(base["name"]),
        tag_yaml=_yaml(f"base_model:adapter:{base['name']}"),
        name=plan.name,
        run=plan.run,
        base=base["name"],
        kind="DoRA" if settings["dora"] else "LoRA",
        rank=settings["rank"],
        alpha=settings["alpha"],
        revision=f", revision `{base['revision']}`" if base["revision"] else "",
        fingerprint=base["fingerprint"],
        weights=base["weights"],
        licence=base["licence"],
        step=adapter["step"],
        kept_for=adapter["kept_for"],
        adapter_sha256=adapter["sha256"],
        template_sha256=template["sha256"],
        template_origin="the base's own" if template["own"] else "chatclone's, since the base has none",
        data=_listed(lineage["data"]),
        settings=_listed(settings),
        preset=plan.preset,
        m=lineage["metrics"],
        verdict=f"{verdict['state'].capitalize()}: {verdict['reason']}",
        versions=_versions(lineage["versions"]),
    )


def _yaml(text: str) -> str:
    """Return a string quoted for YAML if needed."""
    return text if PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _listed(values: dict[str, Any]) -> str:
    return "\n".join(f"- {key}: {value}" for key, value in values.items() if value not in ("", None))


def _versions(versions: dict[str, str]) -> str:
    """Return the versions, PEFT's first, as PEFT lists them."""
    ordered = sorted(versions.items(), key=lambda item: item[0] != "peft")
    return "\n".join(f"- {'PEFT' if name == 'peft' else name} {version}" for name, version in ordered)
