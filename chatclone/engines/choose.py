"""Which engine writes the replies of a persona, and why; and where a base model is on this machine.

Imports nothing heavy: an engine, and with it torch or llama.cpp, is imported when it is opened.
"""

import importlib.util
import os
from pathlib import Path
from typing import Literal

from chatclone.engines.endpoint import Endpoint, RemoteModel
from chatclone.engines.protocol import Engine
from chatclone.errors import ChatcloneError, MissingExtra, UsageError
from chatclone.gguf.embedded_persona import files_to_load
from chatclone.gguf.export_record import ExportRecord, current_export
from chatclone.gguf.load_progress import Loading, LoadingCancelled, keep_loading
from chatclone.i18n.message import Message
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
    loading: Loading = keep_loading,
) -> tuple[Engine, str]:
    """Open an engine for a persona and return it with the reason for the choice.

    `auto` takes the persona's GGUF when it was exported from the current adapter and llama.cpp is installed, else
    transformers. `model` is a GGUF file to use instead of the persona's own export. `remote` goes with `openai`, which
    is never chosen by itself: nothing leaves the machine unless the user names a server.
    """
    if kind == "openai":
        if model is not None:
            raise UsageError("--model is a GGUF file, and --engine openai uses none", "use --remote-model NAME")
        return _openai(persona, remote)
    if remote is not None:
        raise UsageError("--url is for --engine openai", "add --engine openai, or leave out --url")
    if model is not None:
        if kind == "transformers":
            raise ChatcloneError("--model is a GGUF file, and transformers does not run it", "use --engine gguf")
        return _llama(*files_to_load(model, home), loading), Message("{file}, as asked", file=model.name)
    if kind == "transformers":
        return _transformers(persona, loading), Message("transformers, as asked")
    export = current_export(persona, home)
    if kind == "gguf":
        if export is None:
            raise ChatcloneError("{name} has no GGUF of the current adapter", "chatclone export", name=persona.name)
        reason = Message("the exported GGUF, as asked{note}", note=_older_base_note(persona, export))
    elif export is None:
        return _transformers(persona, loading), Message(
            "transformers: the current adapter has not been exported to GGUF"
        )
    elif not installed("llama_cpp"):
        return _transformers(persona, loading), Message("transformers: llama-cpp-python is not installed")
    else:
        reason = Message(
            "llama.cpp: exported as {kind} {quant}{note}",
            kind=export.kind,
            quant=export.quant,
            note=_older_base_note(persona, export),
        )
    export.check_files()
    return _llama(export.model, export.lora, loading), reason


def resolve_base(base: str) -> Path:
    """Return the folder of a base model: the starter, a folder, or a hub model that was downloaded before."""
    if base == "starter":
        return _complete(starter_model(), base)
    folder = Path(base).expanduser()
    if folder.is_dir():
        return _complete(folder.absolute(), base)
    if not installed("huggingface_hub"):
        raise MissingExtra(Message("the base model {base}", base=base), "train")
    from huggingface_hub import snapshot_download

    try:
        return _complete(Path(snapshot_download(base, local_files_only=True)), base)
    except (OSError, ValueError):  # not in the cache, or not a valid hub id
        raise ChatcloneError(
            "the base model {base} is not on this machine",
            "hf download {base}, or name a folder; `starter` is built in",
            base=base,
        ) from None


def base_label(base: str) -> str:
    """Return the short name of a base: `starter`, or the last part of its folder or hub id."""
    return base.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or base


def installed(package: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def _complete(folder: Path, base: str) -> Path:
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ChatcloneError(
            "the base model {base} is incomplete: {folder} has no config.json or no *.safetensors",
            "download all of it, or use --base starter",
            base=base,
            folder=folder,
        )
    return folder


def _transformers(persona: Persona, loading: Loading) -> Engine:
    if not (installed("torch") and installed("transformers") and installed("peft")):
        raise MissingExtra(Message("a reply through transformers"), "train")
    from chatclone.engines.transformers import TransformersEngine

    label = base_label(persona.base) + (f" + {persona.adapter}" if persona.adapter else "")
    base = resolve_base(persona.base)
    if not loading(0.0):
        raise LoadingCancelled(label)
    engine = TransformersEngine(base, persona.adapter_folder, label=label)
    loading(1.0)  # transformers reports no progress in between
    return engine


def _openai(persona: Persona, remote: RemoteModel | None) -> tuple[Engine, str]:
    if remote is None:
        raise UsageError("--engine openai needs the address of a server", "--url http://127.0.0.1:8080/v1")
    endpoint = Endpoint.of(remote.url, os.environ)
    if not installed("httpx2"):
        raise MissingExtra(Message("a reply from a server"), "remote")
    from chatclone.engines.openai_api import OpenAIEngine

    engine = OpenAIEngine.connect(endpoint, remote.model, remote.context, prefer=persona.slug)
    return engine, Message("openai: {privacy}", privacy=endpoint.privacy_note)


def _llama(model: Path, lora: Path | None, loading: Loading) -> Engine:
    if not installed("llama_cpp"):
        raise MissingExtra(Message("a reply from a GGUF model"), "gguf")
    from chatclone.engines.llama_cpp import LlamaEngine

    return LlamaEngine(model, lora, loading=loading)


def _older_base_note(persona: Persona, export: ExportRecord) -> str:
    """Return a note where the base has other weights by now; the export keeps its own and answers as before."""
    folder = starter_model() if persona.base == "starter" else Path(persona.base).expanduser()
    if not folder.is_dir() or weights_mark(folder) == export.base_weights:
        return ""
    return Message(
        ", on {base} as it was then (to use its new weights, train and export again)", base=base_label(persona.base)
    )
