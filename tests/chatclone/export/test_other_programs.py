"""Files for other programs: Ollama's Modelfile, and the README."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatclone.engines.protocol import Sampling
from chatclone.export.other_programs import ChatSetup, is_chatml, modelfile, readme, write_setup_files
from chatclone.export.parity_report import ExportedFiles
from chatclone.personas.persona import Persona
from tests.fakes import chatml
from tests.tiny import CHATML, GEMMA


@pytest.fixture
def merged(tmp_path: Path) -> ChatSetup:
    """A merged export of Mira in ChatML."""
    sampling = Sampling(temperature=0.7, min_p=0.1)
    persona = Persona(tmp_path / "mira", "Mira", system='Be {name}, """really""".', sampling=sampling)
    model = tmp_path / "models" / "mira-1-q8_0.gguf"
    files = ExportedFiles("mira-1-q8_0", persona, "merged", "q8_0", model, None)
    return ChatSetup(files, chatml(), ("<|im_end|>",), 2048)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where both files lie."""
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def with_files(setup: ChatSetup, **changes: Any) -> ChatSetup:
    """Return the setup for other files."""
    return replace(setup, files=replace(setup.files, **changes))


class TestModelfile:
    """What `ollama create` reads."""

    def test_merged(self, merged: ChatSetup, folder: Path) -> None:
        """One file, its template in Ollama's language, the stop token, and the persona's sampling."""
        lines = modelfile(folder, merged).splitlines()
        assert lines[1] == "FROM ./mira-1-q8_0.gguf"
        assert not [line for line in lines if line.startswith("ADAPTER")]
        assert lines[2].startswith('TEMPLATE """{{- range .Messages }}<|im_start|>{{ .Role }}')
        for line in ('stop "<|im_end|>"', "temperature 0.7", "min_p 0.1", "repeat_penalty 1.0", "num_ctx 2048"):
            assert f"PARAMETER {line}" in lines
        assert lines[-1] == "SYSTEM \"\"\"Be Mira, '''really'''.\"\"\""

    def test_adapter(self, merged: ChatSetup, folder: Path, tmp_path: Path) -> None:
        """An adapter names its base by a relative path, so that a home can be moved."""
        base, lora = tmp_path / "cache" / "gguf" / "base.gguf", merged.files.model
        lines = modelfile(folder, with_files(merged, model=base, lora=lora)).splitlines()
        assert lines[1:3] == ["FROM ../cache/gguf/base.gguf", "ADAPTER ./mira-1-q8_0.gguf"]

    def test_other_template(self, merged: ChatSetup, folder: Path) -> None:
        """A template other than ChatML is left to Ollama, and its stop marker is a stop text."""
        plain = replace(chatml(), source="{#- stop_marker=[end] -#}{% for m in messages %}{{ m.content }}{% endfor %}")
        text = modelfile(folder, replace(merged, template=plain))
        assert "TEMPLATE " not in text.replace("# No TEMPLATE", "")
        assert 'PARAMETER stop "[end]"' in text


class TestNote:
    """The commands for other programs."""

    def test_merged(self, merged: ChatSetup, folder: Path) -> None:
        """A merged file works in every program."""
        text = readme(folder, merged)
        assert "chatclone chat --engine gguf --model ./mira-1-q8_0.gguf --plain" in text
        assert "llama-server -m ./mira-1-q8_0.gguf -c 2048" in text
        assert "lms import ./mira-1-q8_0.gguf" in text

    def test_adapter(self, merged: ChatSetup, folder: Path) -> None:
        """LM Studio cannot load adapters; the others get both files."""
        text = readme(folder, with_files(merged, lora=folder / "lora.gguf"))
        assert "llama-server -m ./mira-1-q8_0.gguf --lora ./lora.gguf" in text
        assert "chat --engine gguf --model ./lora.gguf" in text
        assert "both files, lora.gguf and mira-1-q8_0.gguf, to one folder" in text
        assert "--kind merged" in text and "lms import" not in text

    def test_names(self, merged: ChatSetup, folder: Path) -> None:
        """Spaces in a path are quoted, and Ollama gets a valid name."""
        persona = replace(merged.files.persona, folder=folder / "мира")
        text = readme(folder, with_files(merged, persona=persona, model=folder / "my files" / "мира.gguf"))
        assert "llama-server -m './my files/мира.gguf'" in text
        assert "ollama create clone -f" in text

    def test_written(self, merged: ChatSetup, folder: Path) -> None:
        """Both are named after the export, so that an existing README stays."""
        assert [path.name for path in write_setup_files(folder, merged)] == [
            "mira-1-q8_0.Modelfile",
            "mira-1-q8_0.README.md",
        ]


def test_is_chatml() -> None:
    """ChatML is recognized by what a template renders."""
    assert is_chatml(chatml())
    assert is_chatml(replace(chatml(), source=CHATML))
    assert not is_chatml(replace(chatml(), source=GEMMA, variables={"bos_token": "<bos>"}))
