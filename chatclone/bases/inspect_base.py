"""A base model on disk: found, checked and described by its files, without loading it.

Bases that cannot be trained on are refused here: pickled, missing or damaged weights, a folder without a model.
Light: it reads JSON and the headers of safetensors files.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from chatclone.bases.licence import Licence, licence_of
from chatclone.engines.choose import resolve_base
from chatclone.errors import ChatcloneError
from chatclone.paths import starter_model
from chatclone.storage.safetensors_header import read_headers

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
CONTEXT_KEYS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
CONTEXT = 2048
"""Tokens of context if the base's config does not say."""
NOT_QUANTISED = ("embed", "lm_head", "wte", "wpe", "norm")
"""Parts of the names of matrices that are not quantised."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base model by its files; `linear` counts the parameters that can be quantised, `context` is in tokens."""

    name: str
    folder: Path
    model_type: str
    parameters: int
    linear: int
    context: int
    fingerprint: str
    licence: Licence

    @property
    def billions(self) -> float:
        """Parameters in billions."""
        return self.parameters / 1e9


def find_base(name: str) -> Base:
    """Return the base called `name`: `starter`, a folder, or a hub id that was downloaded before."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        _refuse_pickles(folder)
    try:
        found = resolve_base(name)
    except ChatcloneError as error:
        if folder.is_dir() or name == "starter":
            raise
        hint = "chatclone train --base {name} --download shows its size first; or name a folder, or starter"
        raise ChatcloneError(error.message, hint, name=name) from None
    return describe(name, found)


def describe(name: str, folder: Path) -> Base:
    """Describe the model in a folder; a damaged or incomplete one is an error."""
    _refuse_pickles(folder)
    config = _config(folder)
    shapes = {name: tensor.shape for _, tensors in read_headers(folder) for name, tensor in tensors.items()}
    if not shapes:
        hint = "download the base in full, or --base starter"
        raise ChatcloneError("{folder} has no safetensors weights", hint, folder=folder)
    _require_shards(folder)
    text = config.get("text_config") or config
    licence = licence_of(folder)
    return Base(
        name=name,
        folder=folder,
        model_type=str(config.get("model_type", "")),
        parameters=sum(math.prod(shape) for shape in shapes.values()),
        linear=sum(math.prod(shape) for tensor, shape in shapes.items() if _is_linear(tensor, shape)),
        context=next((int(text[key]) for key in CONTEXT_KEYS if text.get(key)), CONTEXT),
        fingerprint=fingerprint(folder),
        licence=Licence("MIT, as chatclone") if folder == starter_model() else licence,
    )


def fingerprint(folder: Path) -> str:
    """Return a hash of a base's config and of its weights' names, shapes, types and offsets.

    The weights' values are not read, since that would take minutes for a large base.
    """
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path, tensors in read_headers(folder):
        digest.update(msgspec.json.encode([path.name, path.stat().st_size, tensors], order="sorted"))
    return digest.hexdigest()[:32]


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        hint = "name a model's folder"
        raise ChatcloneError("{folder} is not a model: config.json is missing", hint, folder=folder) from None
    except (OSError, ValueError) as error:
        hint = "download the base again"
        raise ChatcloneError("cannot read {path}: {error}", hint, path=path, error=error) from None
    if not isinstance(config, dict):
        raise ChatcloneError("{path} is not a model's configuration", "download the base again", path=path)
    return config


def _require_shards(folder: Path) -> None:
    """Refuse a model whose index names weight files that are missing."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        files = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        hint = "download the base again"
        raise ChatcloneError("cannot read {path}: {error}", hint, path=index, error=error) from error
    if missing := sorted(name for name in files if not (folder / name).is_file()):
        hint = "download the base again"
        raise ChatcloneError("weights are missing in {folder}: {names}", hint, folder=folder, names=", ".join(missing))


def _refuse_pickles(folder: Path) -> None:
    """Refuse a folder with pickled weights only: loading a pickle runs the code in it."""
    if any(folder.glob("*.safetensors")):
        return
    if pickled := sorted(path.name for pattern in PICKLED for path in folder.glob(pattern)):
        raise ChatcloneError(
            "{folder} has only pickled weights ({file}), which are never loaded, and no safetensors",
            "use a version of the base with *.safetensors files",
            folder=folder,
            file=pickled[0],
        )


def _is_linear(tensor: str, shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and not any(part in tensor for part in NOT_QUANTISED)
