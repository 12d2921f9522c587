"""Stand-ins for tests: folders that look like base models, plans, and results of runs."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from chatclone.training.plan import Plan
from chatclone.training.run_result import DataCounts, RunResult, Verdict
from chatclone.training.setting_bounds import preset

LAYER = {"model.layers.0.mlp.up_proj.weight": (8, 8)}


def model_folder(
    folder: Path,
    tensors: Mapping[str, tuple[int, ...]] = LAYER,
    *,
    config: dict[str, Any] | None = None,
) -> Path:
    """Make a folder with bfloat16 weights of these shapes; the file is sparse, so large ones need no disk space."""
    folder.mkdir(parents=True)
    given = {"model_type": "llama", "max_position_embeddings": 512} if config is None else config
    (folder / "config.json").write_text(json.dumps(given), "utf-8")
    header, end = {}, 0
    for name, shape in tensors.items():
        start, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return folder


def small_plan(preset_name: str = "persona", **settings: Any) -> Plan:
    """Return a plan from a preset, with some settings changed."""
    config, reasons = preset(preset_name)
    config = msgspec.structs.replace(config, **settings)
    return Plan("r", "folder", "b", "bf", preset_name, "n", "s", "t", "e", config, reasons)


def run_result(**changes: Any) -> RunResult:
    """Return the result of a run, with some fields changed."""
    values: dict[str, Any] = {
        "run": "2026-11-21-1", "base": "starter", "versions": {}, "base_fingerprint": "f", "licence": "MIT",
        "preset": "persona", "settings": {"epochs": 3}, "reasons": {"epochs": "set by you"},
        "data": DataCounts(*range(13)), "loaded": "14 Linear layers", "own_template": True,
        "steps": 100, "best_step": 90, "train_loss": 4.0, "eval_loss": 4.1, "eval_token_accuracy": 0.31,
        "base_eval_loss": 5.9, "base_eval_token_accuracy": 0.14, "trained_tokens": 9000, "adapter": "adapter",
        "last_adapter": "last", "stopped": "finished", "tokens_per_second": 812.0, "peak_memory_mb": 640.0,
        "processes": 1, "verdict": Verdict("good", "level"), "report": "report.md", "seconds": 95.0,
    }  # fmt: skip
    return RunResult(**values | changes)
