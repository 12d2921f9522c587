"""Real exports, made once a session: of an adapter, and of a merged model."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatclone.export.export_run import export
from chatclone.personas.persona import Persona
from tests.chatclone.conftest import Tiny
from tests.tiny import tiny_adapter

TURNS = (("user", "hey"), ("assistant", "hi"), ("user", "soup?"), ("assistant", "yes 🍲"))


@dataclass(frozen=True)
class Done:
    """An export that was made, and everything around it."""

    home: Path
    persona: Persona
    document: dict[str, Any]
    stages: list[str]
    announced: list[str]

    @property
    def files(self) -> list[Path]:
        """The GGUF files."""
        return [Path(file["path"]) for file in self.document["files"]]


def home_with(folder: Path, scripts: Path) -> Path:
    """Return a home whose converter is fetched already."""
    (folder / "cache" / "converter").mkdir(parents=True)
    (folder / "cache" / "converter" / scripts.name).symlink_to(scripts)
    return folder


def trained_persona(home: Path, base: Path, adapter: Path) -> Persona:
    """Return a persona trained on `base`, with a held-out conversation."""
    folder = home / "personas" / "mira"
    shutil.copytree(adapter, folder / "runs" / "1" / "adapter")
    (folder / "dataset").mkdir()
    messages = [{"role": role, "content": text, "weight": int(role == "assistant")} for role, text in TURNS]
    (folder / "dataset" / "eval.jsonl").write_text(json.dumps({"messages": messages}) + "\n")
    return Persona(folder, "Mira", base=str(base), adapter="runs/1/adapter", partners=("Theo",))


def export_with(persona: Persona, home: Path, *arguments: Any, **named: Any) -> Done:
    stages: list[str] = []
    announced: list[str] = []
    result = export(persona, *arguments, home=home, progress=stages.append, announce=announced.append, **named)
    return Done(home, persona, msgspec.to_builtins(result), stages, announced)


@pytest.fixture(scope="session")
def adapter_export(tiny: Tiny, scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The tiny Llama's adapter, exported with the defaults."""
    home = home_with(tmp_path_factory.mktemp("home"), scripts)
    return export_with(trained_persona(home, tiny.base, tiny.adapter), home)


@pytest.fixture(scope="session")
def merged_export(tiny: Tiny, scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A DoRA on the tiny Llama, merged, to a folder of the user's."""
    home = home_with(tmp_path_factory.mktemp("home"), scripts)
    dora = tiny_adapter(tiny.base, home / "dora", dora=True)
    return export_with(trained_persona(home, tiny.base, dora), home, "merged", "f16", home / "stick")
