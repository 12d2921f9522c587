"""Which embedder a persona's memory uses, and fetching one that is not on this computer, which is always asked for."""

import os
from collections.abc import Callable
from fnmatch import fnmatch

from chatclone.errors import ChatcloneError, MissingExtra
from chatclone.personas.persona import Persona
from chatclone.recall.persona_memory import open_memory
from memory.embedding.embedder import AUTO, E5_SMALL, OFF, choose_model, find_model

WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
"""Files of a model that are fetched: weights that are no pickle, and what describes them."""
UNWANTED = ("onnx/*", "openvino/*")

Agree = Callable[[str, int], bool]
"""Asked with a model's name and its size in bytes before anything of it is fetched."""


def use_embedder(persona: Persona, choice: str, agree: Agree | None = None) -> None:
    """Search this persona's memory with another embedder from now on; vectors of the old one are replaced in time.

    `choice` is a folder, a hub id, `auto` or `none`. A model that is not on this computer is fetched if `agree` says
    so; without `agree` nothing is.
    """
    if choice not in (AUTO, OFF):
        if find_model(choice) is None:
            _fetch(choice, agree)
        model, reason = choose_model(choice)
        if model is None:
            raise ChatcloneError(reason, "pip install 'chatclone[memory]'")
    with open_memory(persona, "no") as memory:
        memory.embedder_choice = choice


def _fetch(model: str, agree: Agree | None) -> None:
    if model.startswith(("/", ".", "~")) or model.count("/") != 1:
        raise ChatcloneError(f"there is no sentence-transformers model in {model}", "name its folder, or a hub id")
    if agree is None:
        raise ChatcloneError(f"{model} is not on this computer", "--download fetches it from the hub")
    if os.environ.get("HF_HUB_OFFLINE", "").casefold() in ("1", "true", "yes", "on"):
        raise ChatcloneError(f"{model} is not on this computer, and HF_HUB_OFFLINE forbids to fetch it", "unset it")
    try:
        from huggingface_hub import HfApi, snapshot_download
    except ImportError:
        raise MissingExtra(f"the embedder {model}", "memory") from None
    try:
        found = HfApi().model_info(model, files_metadata=True)
        files = [file for file in found.siblings or [] if _is_wanted(file.rfilename)]
        if not any(file.rfilename.endswith(".safetensors") for file in files):
            raise ChatcloneError(f"{model} has no safetensors weights", f"use another one, such as {E5_SMALL}")
        if not agree(model, sum(file.size or 0 for file in files)):
            raise ChatcloneError("nothing was fetched", "chatclone memory rebuild --embedder auto goes on without")
        names = [file.rfilename for file in files]
        snapshot_download(model, revision=found.sha, allow_patterns=names)
    except ChatcloneError:
        raise
    except Exception as error:  # the hub's client has no common base for what the network and the server do
        what = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ChatcloneError(f"{model} cannot be fetched: {what}", "check the name and the network") from error


def _is_wanted(name: str) -> bool:
    return any(fnmatch(name, p) for p in WANTED) and not any(fnmatch(name, p) for p in UNWANTED)
