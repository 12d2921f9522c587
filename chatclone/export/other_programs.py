"""Files for other programs beside an export: a Modelfile for Ollama, and a README with the exact commands."""

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePath

from chatclone.export.parity_report import ExportedFiles
from chatclone.prompt.render import ChatMessage, ChatTemplate
from chatclone.storage.atomic_files import write_atomically

CHATML_FOR_OLLAMA = """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
"""ChatML in Ollama's template language, Go's text/template."""


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
    files, sampling, template = setup.files, setup.files.persona.sampling, setup.template
    lines = [f"# ollama create {setup.model_name} -f {files.name}.Modelfile", f"FROM {_relative(files.model, folder)}"]
    if files.lora:
        lines.append(f"ADAPTER {_relative(files.lora, folder)}")
    if is_chatml(template):
        lines.append(f'TEMPLATE """{CHATML_FOR_OLLAMA}"""')
    else:
        lines.append("# No TEMPLATE: Ollama takes the chat template in the GGUF, where it knows that one.")
    stops = [*setup.stop_texts, *([template.stop_marker] if template.stop_marker else [])]
    lines += [f"PARAMETER stop {_quoted(stop)}" for stop in stops]
    return "\n".join(
        [
            *lines,
            f"PARAMETER temperature {sampling.temperature}",
            f"PARAMETER top_p {sampling.top_p}",
            f"PARAMETER min_p {sampling.min_p}",
            f"PARAMETER num_predict {sampling.max_tokens}",
            f"PARAMETER num_ctx {setup.context}",
            "# Ollama's default of 1.1 would make hahaha and ㅋㅋㅋ shorter than the person writes them.",
            "PARAMETER repeat_penalty 1.0",
            f'SYSTEM """{setup.system.replace(chr(34) * 3, chr(39) * 3)}"""',
            "",
        ]
    )


def readme(folder: Path, setup: ChatSetup) -> str:
    """Return how to chat with the files in other programs, in Markdown."""
    files, sampling = setup.files, setup.files.persona.sampling
    model, chat_file = _shell(files.model, folder), _shell(files.lora or files.model, folder)
    lora_option = together = ""
    lm_studio = f"    lms import {model}\n"
    if files.lora:
        lora_option = f" --lora {chat_file}"
        together = f"\nCopy both files, {files.lora.name} and {files.model.name}, to one folder.\n"
        lm_studio = "It loads no adapters: export one file with `chatclone export --kind merged`, and import that.\n"
    system = "\n".join(f"    {line}" for line in setup.system.splitlines())
    return f"""# {files.name}

These files reveal what {files.persona.name} wrote: give them only to people who may know it.
Paths are relative to this folder.

## chatclone, on any computer

    pip install 'chatclone[gguf]'
    chatclone chat --engine gguf --model {chat_file} --plain
{together}
## Ollama

    ollama create {setup.model_name} -f {files.name}.Modelfile
    ollama run {setup.model_name}

## llama-server (llama.cpp)

    llama-server -m {model}{lora_option} -c {setup.context} --jinja \\
      --temp {sampling.temperature} --top-p {sampling.top_p} --min-p {sampling.min_p} --repeat-penalty 1.0

It serves OpenAI's API on http://127.0.0.1:8080/v1. Send this as the system message:

{system}

## LM Studio

{lm_studio}
Set the temperature to {sampling.temperature}, min-p to {sampling.min_p} and the repeat penalty to 1.0 (off), and use
the system message above.
"""


def is_chatml(template: ChatTemplate) -> bool:
    """Return whether a template renders a conversation as plain ChatML, as CHATML_FOR_OLLAMA does."""
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


def _shell(path: Path, folder: Path) -> str:
    return shlex.quote(_relative(path, folder))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
