"""The models to choose from for a conversation: a persona's runs, its GGUF files, and the configured server.

A conversation keeps its choice in its settings; before a model is loaded, the one before is freed.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

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
"""A model in the settings: the engine, and its model where it has several."""
AS_STARTED: Key = ("auto", "")


@dataclass(frozen=True, slots=True)
class Model:
    """A choice, with its title and description."""

    engine: EngineKind
    model: str
    title: str
    about: str

    @property
    def key(self) -> Key:
        """The model as the settings name it."""
        return self.engine, self.model


def key_of(settings: Settings) -> Key:
    """Return the model that a conversation has chosen."""
    return settings.engine, settings.model


class Models:
    """The models of a persona, and how they are loaded; thread-safe."""

    def __init__(self, persona: Persona, home: Path, opened: Opened, open_model: "OpenModel") -> None:
        self._persona = persona
        self._home = home
        self._opened = opened
        self._open_model = open_model
        self._lock = threading.Lock()

    def choices(self) -> list[Model]:
        """Return the current choices, the likeliest first."""
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
        """Return a function that frees the loaded models and loads this one."""

        def load() -> "tuple[Clone, str]":
            with self._lock:
                self._opened.closing_clones()()
                if key == AS_STARTED:
                    return as_started()
                return self._opened.keeping(lambda: self._open_model(self._persona, self._home, *key))()

        return load


def open_chosen(persona: Persona, home: Path, engine: EngineKind, model: str) -> "tuple[Clone, str]":
    """Load a model as the settings name it; one that no longer exists is a ChatcloneError."""
    from chatclone.clone.clone import open_clone
    from chatclone.engines.endpoint import RemoteModel

    if engine == "openai":
        server = config.load(home).server
        if not server:
            raise ChatcloneError("config.toml names no server", "server = 'http://127.0.0.1:8080/v1'")
        return open_clone(persona, home, engine=engine, remote=RemoteModel(server, model, None))
    if not model:
        return open_clone(persona, home, engine=engine)
    path = persona.folder / model
    if not path.exists():
        raise ChatcloneError("{path} no longer exists", "choose another model: /model", path=path)
    if engine == "transformers":
        trained = replace(persona, base=_trained_on(path.parent, persona), adapter=model)
        return open_clone(trained, home, engine=engine)
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
        base = base_label(_trained_on(folder.parent, persona))
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
    """Return the GGUF files of a persona, the latest first: recorded exports, and other files in the same folder."""
    from chatclone.gguf.export_record import read_exports

    records = read_exports(persona, home)
    exports = {record.lora or record.model: f"{record.kind}, {record.quant}" for record in records}
    bases = {record.model for record in records if record.lora}
    files = {file for file in (*exports, *persona.models_folder.glob("*.gguf")) if file.is_file()} - bases
    found = []
    for file in sorted(files, key=lambda f: f.stat().st_mtime, reverse=True):
        inside = file.is_relative_to(persona.folder)
        model = file.relative_to(persona.folder).as_posix() if inside else str(file)
        about = " · ".join(part for part in (exports.get(file, ""), _about(file)) if part)
        found.append(Model("gguf", model, f"gguf, {file.name}", about))
    return found


def _about(file: Path) -> str:
    """Return the size and the date of a file."""
    stat = file.stat()
    return f"{shown_bytes(stat.st_size)} · {date_title(datetime.fromtimestamp(stat.st_mtime).date())}"


class _Result(msgspec.Struct):
    """The part of a run's result that is needed here."""

    base: str


def _trained_on(run: Path, persona: Persona) -> str:
    """Return the base that a run was trained on; the persona's where the run does not say."""
    try:
        return msgspec.json.decode((run / RESULT_FILE).read_bytes(), type=_Result).base
    except (OSError, msgspec.MsgspecError):
        return persona.base
