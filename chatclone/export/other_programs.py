"""How the files of an export are used in other programs: a Modelfile for Ollama, and a note with exact commands."""

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePath

from chatclone.personas.persona import Persona
from chatclone.prompt.render import ChatMessage, ChatTemplate
from chatclone.storage.atomic_files import write_atomically

CHATML_FOR_OLLAMA = """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
"""ChatML in the language of Ollama, Go's text/template."""


@dataclass(frozen=True)
class Carried:
    """What the two files are about: an export, and the template it answers with."""

    name: str
    """The beginning of the file names."""
    persona: Persona
    template: ChatTemplate
    stop_texts: tuple[str, ...]
    """The tokens that end a turn, as text."""
    context: int
    model: Path
    lora: Path | None


def write_beside(folder: Path, carried: Carried) -> list[Path]:
    """Write NAME.Modelfile and NAME.README.md to `folder` and return both."""
    texts = {"Modelfile": modelfile(folder, carried), "README.md": note(folder, carried)}
    paths = []
    for suffix, text in texts.items():
        path = folder / f"{carried.name}.{suffix}"
        write_atomically(path, text)
        paths.append(path)
    return paths


def modelfile(folder: Path, carried: Carried) -> str:
    """Return what `ollama create` reads; paths are relative to `folder`, where it lies."""
    sampling = carried.persona.sampling
    stops = [*carried.stop_texts, *([carried.template.stop_marker] if carried.template.stop_marker else [])]
    return "\n".join(
        [
            f"# ollama create {_model_name(carried)} -f {carried.name}.Modelfile",
            f"FROM {_relative(carried.model, folder)}",
            *([f"ADAPTER {_relative(carried.lora, folder)}"] if carried.lora else []),
            *_template_lines(carried.template),
            *(f"PARAMETER stop {_quoted(stop)}" for stop in stops),
            f"PARAMETER temperature {sampling.temperature}",
            f"PARAMETER top_p {sampling.top_p}",
            f"PARAMETER min_p {sampling.min_p}",
            f"PARAMETER num_predict {sampling.max_tokens}",
            f"PARAMETER num_ctx {carried.context}",
            "# Ollama's own 1.1 would make hahaha and ㅋㅋㅋ shorter than the person writes them.",
            "PARAMETER repeat_penalty 1.0",
            f'SYSTEM """{_system(carried).replace(chr(34) * 3, chr(39) * 3)}"""',
            "",
        ]
    )


def note(folder: Path, carried: Carried) -> str:
    """Return how to chat with the files in other programs, in Markdown."""
    sampling = carried.persona.sampling
    model = _typed(carried.model, folder)
    lora = f" --lora {_typed(carried.lora, folder)}" if carried.lora else ""
    return f"""# {carried.name}

What {carried.persona.name} wrote can be told from these files: give them to nobody they were not told of.
Paths are as seen from this folder.

## chatclone, on any computer

    pip install 'chatclone[gguf]'
    chatclone chat --engine gguf --model {_typed(carried.lora or carried.model, folder)} --plain
{_together(carried)}
## Ollama

    ollama create {_model_name(carried)} -f {carried.name}.Modelfile
    ollama run {_model_name(carried)}

## llama-server (llama.cpp)

    llama-server -m {model}{lora} -c {carried.context} --jinja \\
      --temp {sampling.temperature} --top-p {sampling.top_p} --min-p {sampling.min_p} --repeat-penalty 1.0

It speaks OpenAI's protocol on http://127.0.0.1:8080/v1. Send this as the system message:

{_indented(_system(carried))}

## LM Studio

{_lm_studio(carried, model)}
Set the temperature to {sampling.temperature}, min-p to {sampling.min_p} and the repeat penalty to 1.0 (off), and use
the system message above.
"""


def is_chatml(template: ChatTemplate) -> bool:
    """Return whether a template renders a conversation as plain ChatML, and so as CHATML_FOR_OLLAMA does."""
    turns = [
        ChatMessage("system", "s"),
        ChatMessage("user", "u"),
        ChatMessage("assistant", "a"),
        ChatMessage("user", "v"),
    ]
    expected = "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in turns)
    return template.render(turns, reply_next=True) == f"{expected}<|im_start|>assistant\n"


def _template_lines(template: ChatTemplate) -> list[str]:
    if is_chatml(template):
        return [f'TEMPLATE """{CHATML_FOR_OLLAMA}"""']
    return ["# No TEMPLATE: Ollama takes the chat template in the GGUF, where it knows that one."]


def _lm_studio(carried: Carried, model: str) -> str:
    if carried.lora:
        return "It loads no adapters: export one file with `chatclone export --kind merged`, and import that.\n"
    return f"    lms import {model}\n"


def _together(carried: Carried) -> str:
    if not carried.lora:
        return ""
    return f"\nOn another computer both files, {carried.lora.name} and {carried.model.name}, must lie in one folder.\n"


def _model_name(carried: Carried) -> str:
    """Return a name that Ollama takes: Latin letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9-]", "", carried.persona.slug) or "clone"


def _system(carried: Carried) -> str:
    return carried.persona.system_prompt(next(iter(carried.persona.partners), ""))


def _relative(path: Path, folder: Path) -> str:
    """Return `path` as seen from `folder`, so that a home can be moved; on another drive, whole."""
    try:
        relative = PurePath(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # Windows: no way leads from one drive to another
        return path.as_posix()
    return relative if relative.startswith("../") else f"./{relative}"


def _typed(path: Path, folder: Path) -> str:
    """Return `path` as it is typed in a shell."""
    return shlex.quote(_relative(path, folder))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
