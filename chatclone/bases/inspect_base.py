"""A base model as it lies on disk: found, checked and described by its files, with nothing loaded.

What cannot be trained on is refused here in words: pickled weights, missing or damaged ones, a folder that is no model.
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
"""The context of a base that names none."""
NOT_QUANTISED = ("embed", "lm_head", "wte", "wpe", "norm")
"""Parts of the names of matrices that stay as they are when the layers are quantised."""


@dataclass(frozen=True, slots=True)
class Base:
    """A base model's folder by its files; `linear` are those of its parameters that quantisation makes smaller."""

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
        """Parameters in billions, as names of models count them."""
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
        hint = f"chatclone train --base {name} --download tells its size first; or name a folder, or starter"
        raise ChatcloneError(error.message, hint) from None
    return describe(name, found)


def describe(name: str, folder: Path) -> Base:
    """Return what the files of a model's folder say; one that is damaged or incomplete is an error."""
    _refuse_pickles(folder)
    config = _config(folder)
    shapes = {name: tensor.shape for _, tensors in read_headers(folder) for name, tensor in tensors.items()}
    if not shapes:
        raise ChatcloneError(f"{folder} holds no safetensors weights", "download the base whole, or --base starter")
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
    """Return a hash of a base's config and of its weights' names, shapes, types and places.

    Any other base, and nearly any change to this one, gives another; the weights' values are not read, since that
    would take minutes for a large one.
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
        raise ChatcloneError(f"{folder} holds no model: config.json is missing", "name a model's folder") from None
    except (OSError, ValueError) as error:
        raise ChatcloneError(f"{path} cannot be read: {error}", "download the base again") from None
    if not isinstance(config, dict):
        raise ChatcloneError(f"{path} is no model's configuration", "download the base again")
    return config


def _require_shards(folder: Path) -> None:
    """Refuse a model whose index names weight files that are not there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        files = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ChatcloneError(f"{index} cannot be read: {error}", "download the base again") from error
    if missing := sorted(name for name in files if not (folder / name).is_file()):
        raise ChatcloneError(f"weights are missing in {folder}: {', '.join(missing)}", "download the base again")


def _refuse_pickles(folder: Path) -> None:
    """Refuse a folder that has weights in pickles alone: loading one runs whatever code it holds."""
    if any(folder.glob("*.safetensors")):
        return
    if pickled := sorted(path.name for pattern in PICKLED for path in folder.glob(pattern)):
        raise ChatcloneError(
            f"{folder} has pickled weights only ({pickled[0]}), which are never loaded: no safetensors",
            "take a version of the base with *.safetensors files, or convert it on a machine you can spare",
        )


def _is_linear(tensor: str, shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and not any(part in tensor for part in NOT_QUANTISED)
