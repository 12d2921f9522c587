"""Which engine answers for a persona, and why; and where a base model lies on this machine.

Light by itself: the engines, and with them torch or llama.cpp, are imported when one is opened.
"""

import importlib.util
import os
from pathlib import Path
from typing import Literal

from chatclone.engines.endpoint import Endpoint, RemoteModel
from chatclone.engines.protocol import Engine, Loading, LoadingStopped, undisturbed
from chatclone.errors import ChatcloneError, MissingExtra, UsageError
from chatclone.export.export_record import Exported, check, current_export
from chatclone.gguf.embedded_persona import files_of
from chatclone.paths import starter_model
from chatclone.personas.persona import Persona
from chatclone.storage.fingerprint import weights_mark

EngineKind = Literal["auto", "transformers", "gguf", "openai"]


def open_engine(
    persona: Persona,
    kind: EngineKind = "auto",
    *,
    model: Path | None = None,
    remote: RemoteModel | None = None,
    home: Path,
    loading: Loading = undisturbed,
) -> tuple[Engine, str]:
    """Open the engine for a persona and say why this one.

    `model` is a GGUF file to use instead of the persona's own export. `auto` takes the persona's GGUF when it was
    exported from the current adapter and llama.cpp is installed, else transformers. `remote` is for `openai` alone,
    which is never chosen by itself: nothing leaves the machine unless it is named. `loading` hears how far a model on
    this machine is, and can stop that.
    """
    if kind == "openai":
        if model is not None:
            raise UsageError("--model names a GGUF file, which a server does not get", "use --remote-model NAME")
        return _openai(persona, remote)
    if remote is not None:
        raise UsageError("--url is for --engine openai", "add --engine openai, or leave out --url")
    if model is not None:
        if kind == "transformers":
            raise ChatcloneError("--model names a GGUF file, which transformers does not run", "use --engine gguf")
        return _llama(*files_of(model, home), loading), f"{model.name}, as asked"
    if kind == "transformers":
        return _transformers(persona, loading), "transformers, as asked"
    exported = current_export(persona, home)
    if kind == "gguf":
        if exported is None:
            raise ChatcloneError(f"{persona.name} has no GGUF of the current adapter", "chatclone export")
        return _exported(exported, loading), f"the exported GGUF, as asked{_older_base(persona, exported)}"
    if exported is None:
        return _transformers(persona, loading), "transformers: the current adapter has not been exported to GGUF"
    if not installed("llama_cpp"):
        return _transformers(persona, loading), "transformers: llama-cpp-python is not installed"
    how = f"exported as {exported.kind} {exported.quant}{_older_base(persona, exported)}"
    return _exported(exported, loading), f"llama.cpp: {how}"


def resolve_base(base: str) -> Path:
    """Return the folder of a base model: the starter, a folder, or a hub model that was downloaded before."""
    if base == "starter":
        return _checked(starter_model(), base)
    folder = Path(base).expanduser()
    if folder.is_dir():
        return _checked(folder.absolute(), base)
    if not installed("huggingface_hub"):
        raise MissingExtra(f"the base model {base}", "train")
    from huggingface_hub import snapshot_download

    try:
        return _checked(Path(snapshot_download(base, local_files_only=True)), base)
    except (OSError, ValueError):  # not in the cache; not even a possible name
        raise ChatcloneError(
            f"the base model {base} is not on this machine",
            f"hf download {base}, or name a folder; `starter` is built in",
        ) from None


def base_label(base: str) -> str:
    """Return what a base is called: `starter`, or the last part of its folder or hub id."""
    return base.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or base


def installed(package: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def _checked(folder: Path, base: str) -> Path:
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ChatcloneError(
            f"the base model {base} is incomplete: {folder} has no config.json or no *.safetensors",
            "download it whole, or use --base starter",
        )
    return folder


def _transformers(persona: Persona, loading: Loading) -> Engine:
    if not installed("torch") or not installed("transformers") or not installed("peft"):
        raise MissingExtra("a reply through transformers", "train")
    from chatclone.engines.transformers import TransformersEngine

    label = base_label(persona.base) + (f" + {persona.adapter}" if persona.adapter else "")
    base = resolve_base(persona.base)
    if not loading(0.0):
        raise LoadingStopped(label)
    engine = TransformersEngine(base, persona.adapter_folder, label=label)
    loading(1.0)  # transformers tells nothing between
    return engine


def _openai(persona: Persona, remote: RemoteModel | None) -> tuple[Engine, str]:
    if remote is None:
        raise UsageError("--engine openai needs the address of a server", "--url http://127.0.0.1:8080/v1")
    endpoint = Endpoint.of(remote.url, os.environ)
    if not installed("httpx2"):
        raise MissingExtra("a reply from a server", "remote")
    from chatclone.engines.openai_api import OpenAIEngine

    engine = OpenAIEngine.connect(endpoint, remote.model, remote.context, prefer=persona.slug)
    return engine, f"openai: {endpoint.where_words_go}"


def _exported(exported: Exported, loading: Loading) -> Engine:
    check(exported)
    return _llama(exported.model, exported.lora, loading)


def _older_base(persona: Persona, exported: Exported) -> str:
    """Say so where the base has other weights now; the export keeps its own, and answers as it did."""
    folder = starter_model() if persona.base == "starter" else Path(persona.base).expanduser()
    if not exported.base_weights or not folder.is_dir() or weights_mark(folder) == exported.base_weights:
        return ""
    return f", on {base_label(persona.base)} as it was then (train and export again for the one there is now)"


def _llama(model: Path, lora: Path | None, loading: Loading) -> Engine:
    if not installed("llama_cpp"):
        raise MissingExtra("a reply from a GGUF model", "gguf")
    from chatclone.engines.llama_cpp import LlamaEngine

    return LlamaEngine(model, lora, loading=loading)
