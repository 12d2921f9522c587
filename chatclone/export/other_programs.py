"""Files for other programs beside an export: a Modelfile for Ollama, and a README with the exact commands."""

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePath

from chatclone.export.parity_report import ExportedFiles, render_text
from chatclone.prompt.render import ChatMessage, ChatTemplate
from chatclone.storage.atomic_files import write_atomically


@dataclass(frozen=True)
class ChatSetup:
    """What another program needs to chat with an export."""

    files: ExportedFiles
    template: ChatTemplate
    stop_texts: tuple[str, ...]
    """The tokens that end a turn, as text."""
    context: int
    """Context in tokens."""

    @property
    def model_name(self) -> str:
        """A name that Ollama accepts: Latin letters, digits and hyphens."""
        return re.sub(r"[^a-z0-9-]", "", self.files.persona.slug) or "clone"

    @property
    def system(self) -> str:
        """The system prompt, for the persona's first partner."""
        return self.files.persona.system_prompt(next(iter(self.files.persona.partners), ""))


def write_setup_files(folder: Path, setup: ChatSetup) -> list[Path]:
    """Write NAME.Modelfile and NAME.README.md to `folder` and return both."""
    texts = {"Modelfile": modelfile(folder, setup), "README.md": readme(folder, setup)}
    paths = []
    for suffix, text in texts.items():
        path = folder / f"{setup.files.name}.{suffix}"
        write_atomically(path, text)
        paths.append(path)
    return paths


def modelfile(folder: Path, setup: ChatSetup) -> str:
    """Return what `ollama create` reads; paths are relative to `folder`."""
    files, template = setup.files, setup.template
    stops = [*setup.stop_texts, *([template.stop_marker] if template.stop_marker else [])]
    return render_text(
        "modelfile",
        setup=setup,
        sampling=files.persona.sampling,
        model=_relative(files.model, folder),
        lora=files.lora and _relative(files.lora, folder),
        chatml=is_chatml(template),
        stops=[_quoted(stop) for stop in stops],
    )


def readme(folder: Path, setup: ChatSetup) -> str:
    """Return how to chat with the files in other programs, in Markdown."""
    files = setup.files
    return render_text(
        "readme",
        setup=setup,
        sampling=files.persona.sampling,
        model=shlex.quote(_relative(files.model, folder)),
        lora=files.lora and shlex.quote(_relative(files.lora, folder)),
    )


def is_chatml(template: ChatTemplate) -> bool:
    """Return whether a template renders a conversation as plain ChatML, as the one in templates/modelfile.jinja."""
    turns = [
        ChatMessage("system", "s"),
        ChatMessage("user", "u"),
        ChatMessage("assistant", "a"),
        ChatMessage("user", "v"),
    ]
    expected = "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in turns)
    return template.render(turns, reply_next=True) == f"{expected}<|im_start|>assistant\n"


def _relative(path: Path, folder: Path) -> str:
    """Return `path` relative to `folder`, so that a home can be moved; absolute on another drive."""
    try:
        relative = PurePath(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # Windows: no relative path leads to another drive
        return path.as_posix()
    return relative if relative.startswith("../") else f"./{relative}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
