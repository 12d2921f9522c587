"""Folders that look like base models, by their files alone: a configuration and weights of zeros."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LAYER = {"model.layers.0.mlp.up_proj.weight": (8, 8)}


def model_folder(
    folder: Path,
    tensors: Mapping[str, tuple[int, ...]] = LAYER,
    *,
    config: dict[str, Any] | None = None,
) -> Path:
    """Make a folder with bfloat16 weights of these shapes; large ones take no room on disk, being holes."""
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
