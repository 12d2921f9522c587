"""The models that a conversation may be answered by: a persona's runs, its GGUF files, and a server that was named.

A conversation keeps its choice in its settings; a model is loaded when it is wanted, and the one before is freed first.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone import config
from chatclone.conversations import Settings
from chatclone.engines.choose import EngineKind, base_label
from chatclone.errors import ChatcloneError
from chatclone.i18n.dates import date_title
from chatclone.i18n.translate import tr
from chatclone.personas.persona import Persona
from chatclone.training.run_result import RESULT_FILE
from chatclone.tui.services.export_sizes import shown_bytes
from chatclone.tui.services.open_personas import CloneFactory, Opened

if TYPE_CHECKING:
    from chatclone.clone.clone import Clone

    OpenModel = Callable[[Persona, Path, EngineKind, str], tuple[Clone, str]]

Key = tuple[EngineKind, str]
"""What settings say of a model: the engine, and its model where it has several."""
AS_STARTED: Key = ("auto", "")


@dataclass(frozen=True, slots=True)
class Model:
    """One that can be chosen, with what a person reads of it."""

    engine: EngineKind
    model: str
    title: str
    about: str

    @property
    def key(self) -> Key:
        """What settings say of it."""
        return self.engine, self.model


def key_of(settings: Settings) -> Key:
    """Return which model a conversation wants."""
    return settings.engine, settings.model


class Models:
    """What a persona can be answered by, and how that is loaded; loading may be asked for from any thread."""

    def __init__(self, persona: Persona, home: Path, opened: Opened, open_model: "OpenModel") -> None:
        self._persona = persona
        self._home = home
        self._opened = opened
        self._open_model = open_model
        self._lock = threading.Lock()

    def choices(self) -> list[Model]:
        """Return what can be chosen now, in the order of how it is likely meant."""
        started = tr("the newest export of the current adapter, else transformers")
        found = [
            Model(*AS_STARTED, tr("as started"), started),
            *_runs(self._persona),
            *_files(self._persona, self._home),
        ]
        if server := config.load(self._home).server:
            found.append(Model("openai", "", tr("server {url}", url=server), tr("from config.toml; words go there")))
        return found

    def factory(self, key: Key, as_started: CloneFactory) -> CloneFactory:
        """Return what frees the models that are loaded and loads this one."""

        def load() -> "tuple[Clone, str]":
            with self._lock:
                self._opened.closing_clones()()
                if key == AS_STARTED:
                    return as_started()
                return self._opened.keeping(lambda: self._open_model(self._persona, self._home, *key))()

        return load


def open_chosen(persona: Persona, home: Path, engine: EngineKind, model: str) -> "tuple[Clone, str]":
    """Load a model as settings name it; one that is gone is a ChatcloneError."""
    from chatclone.clone.clone import open_clone
    from chatclone.engines.endpoint import RemoteModel

    if engine == "openai":
        server = config.load(home).server
        if not server:
            raise ChatcloneError(tr("config.toml names no server"), "server = 'http://127.0.0.1:8080/v1'")
        return open_clone(persona, home, engine=engine, remote=RemoteModel(server, model, None))
    if not model:
        return open_clone(persona, home, engine=engine)
    path = persona.folder / model
    if not path.exists():
        what = tr("{path} is not there any more", path=path)
        raise ChatcloneError(what, tr("choose another model: /model"))
    if engine == "transformers":
        base = _result(path.parent).get("base", persona.base)
        return open_clone(replace(persona, base=base, adapter=model), home, engine=engine)
    return open_clone(persona, home, engine=engine, model=path)


def _runs(persona: Persona) -> list[Model]:
    """Return the adapters of a persona's runs, the current one first, then the latest."""
    found = []
    folders = sorted(persona.runs_folder.glob("*/adapter"), key=lambda f: f.stat().st_mtime, reverse=True)
    for folder in sorted(folders, key=lambda f: f != persona.adapter_folder):
        weights = folder / "adapter_model.safetensors"
        if not weights.is_file():
            continue
        model = folder.relative_to(persona.folder).as_posix()
        base = base_label(_result(folder.parent).get("base", persona.base))
        title = tr("transformers, {base} with run {run}", base=base, run=folder.parent.name)
        about = _about(weights)
        if model == persona.adapter:
            about = f"{about} · {tr('the current adapter')}"
        found.append(Model("transformers", model, title, about))
    if not found:
        title = tr("transformers, {base} alone", base=base_label(persona.base))
        found.append(Model("transformers", "", title, tr("not trained yet")))
    return found


def _files(persona: Persona, home: Path) -> list[Model]:
    """Return the GGUF files of a persona, the latest first: recorded exports, and what else lies beside them."""
    from chatclone.gguf.export_record import read_exports

    exports = {entry.lora or entry.model: f"{entry.kind}, {entry.quant}" for entry in read_exports(persona, home)}
    loose = {file: "" for file in persona.models_folder.glob("*.gguf") if file not in exports}
    bases = {entry.model for entry in read_exports(persona, home) if entry.lora}
    files = [file for file in {**exports, **loose} if file.is_file() and file not in bases]
    found = []
    for file in sorted(files, key=lambda f: f.stat().st_mtime, reverse=True):
        inside = file.is_relative_to(persona.folder)
        model = file.relative_to(persona.folder).as_posix() if inside else str(file)
        about = " · ".join(part for part in (exports.get(file, ""), _about(file)) if part)
        found.append(Model("gguf", model, f"gguf, {file.name}", about))
    return found


def _about(file: Path) -> str:
    """Return how large a file is and of when."""
    stat = file.stat()
    return f"{shown_bytes(stat.st_size)} · {date_title(datetime.fromtimestamp(stat.st_mtime).date())}"


def _result(run: Path) -> dict[str, Any]:
    """Return what a run came to, nothing where it says nothing."""
    try:
        document: dict[str, Any] = json.loads((run / RESULT_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return document
