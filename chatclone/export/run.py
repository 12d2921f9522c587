"""One export from beginning to end: convert, compare with the adapter it came from, and record it."""

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from chatclone.engines.choose import base_label, installed, resolve_base
from chatclone.errors import ChatcloneError, MissingExtra, UsageError
from chatclone.export import record
from chatclone.export.adapter import adapter_gguf
from chatclone.export.base import HOSTILE, base_gguf
from chatclone.export.converter import Progress, scripts_folder
from chatclone.export.merged import merged_gguf
from chatclone.export.outfile import written_whole
from chatclone.export.quantise import Quant, checked_quant, default_quant
from chatclone.persona import Persona
from chatclone.prompt import ChatMessage

if TYPE_CHECKING:
    from chatclone.export.parity import Parity

ExportKind = Literal["adapter", "merged"]

PARITY_PROMPTS = 16
"""Prompts of the person's held-out conversations in the parity report, beside the hostile ones."""


@dataclass(frozen=True, slots=True)
class _Job:
    """What is exported, from what, and to where."""

    persona: Persona
    adapter: Path
    base: Path
    kind: ExportKind
    quant: Quant
    out: Path
    home: Path
    scripts: Path
    progress: Progress

    @property
    def stem(self) -> str:
        """The beginning of the file names: the persona and its run."""
        return f"{self.persona.slug}-{self.adapter.parent.name}"


def export(
    persona: Persona,
    kind: str = "adapter",
    quant: str | None = None,
    out: Path | None = None,
    *,
    home: Path,
    llama_cpp: Path | None = None,
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Export the persona's current adapter to GGUF and return the document of `export --json`.

    `quant` None chooses by the size of the base; `out` None is the persona's own models folder; `llama_cpp` is a
    checkout of llama.cpp whose scripts are to be used.
    """
    started = time.perf_counter()
    job = _prepared(persona, kind, quant, out or persona.models_folder, home, llama_cpp, progress)
    model, lora = _write_adapter(job) if job.kind == "adapter" else (_write_merged(job), None)
    progress("comparing with the adapter")
    parity = _parity(job, model, lora)
    weights = record.adapter_sha256(job.adapter)
    entry = record.Exported(job.kind, job.quant, persona.base, persona.adapter, weights, model, lora, parity.as_dict())
    record.add(persona, home, entry)
    return {
        "kind": job.kind,
        "quant": job.quant,
        "files": [{"path": str(file), "bytes": file.stat().st_size} for file in (lora, model) if file],
        "parity": parity.as_dict(),
        "seconds": round(time.perf_counter() - started, 1),
    }


def held_out(persona: Persona, count: int = PARITY_PROMPTS) -> list[list[ChatMessage]]:
    """Return up to `count` conversations of the held-out data set, evenly spread, each up to before a reply."""
    path = persona.dataset_folder / "eval.jsonl"
    if not path.is_file():
        return []
    lines = [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    conversations = []
    for line in lines[:: max(1, len(lines) // count)][:count]:
        messages = [ChatMessage(m["role"], m["content"]) for m in json.loads(line)["messages"]]
        while messages and messages[-1].role != "user":
            messages.pop()
        if messages:
            conversations.append(_with_system(persona, messages))
    return conversations


def _prepared(
    persona: Persona, kind: str, quant: str | None, out: Path, home: Path, llama_cpp: Path | None, progress: Progress
) -> _Job:
    """Find everything the export needs, or say what is missing before anything is written."""
    known = [k for k in get_args(ExportKind) if k == kind]
    if not known:
        raise UsageError(f"there is no kind of export called {kind}", "known are adapter and merged")
    if persona.adapter_folder is None:
        raise ChatcloneError(f"{persona.name} has not been trained yet", "chatclone train")
    for package, extra in (("torch", "train"), ("transformers", "train"), ("peft", "train"), ("llama_cpp", "gguf")):
        if not installed(package):
            raise MissingExtra("an export to GGUF", extra)
    from chatclone.engines.transformers import parameters

    base = resolve_base(persona.base)
    chosen, reason = (checked_quant(quant), "as asked") if quant else default_quant(parameters(base))
    progress(f"{kind}, {chosen}: {reason}")
    scripts = scripts_folder(home, llama_cpp, progress)
    return _Job(persona, persona.adapter_folder, base, known[0], chosen, out.absolute(), home, scripts, progress)


def _write_adapter(job: _Job) -> tuple[Path, Path]:
    """Write the base, once for all, and the adapter; in a folder of the user's own, both together."""
    shared = base_gguf(job.base, base_label(job.persona.base), job.quant, job.home, job.scripts, job.progress)
    lora = job.out / f"{job.stem}-lora-f16.gguf"
    job.progress("converting the adapter")
    adapter_gguf(job.adapter, job.base, lora, job.scripts)
    if job.out == job.persona.models_folder:
        return shared, lora
    model = job.out / shared.name
    with written_whole(model) as partial:
        _link_or_copy(shared, partial)
    return model, lora


def _write_merged(job: _Job) -> Path:
    target = job.out / f"{job.stem}-{job.quant}.gguf"
    merged_gguf(job.adapter, job.base, target, job.quant, job.scripts, job.progress)
    return target


def _parity(job: _Job, model: Path, lora: Path | None) -> "Parity":
    """Compare what was written with the adapter it came from; one that reads other tokens is no export."""
    from chatclone.engines.llama import LlamaEngine
    from chatclone.engines.transformers import TransformersEngine
    from chatclone.export.parity import compare

    hostile = [_with_system(job.persona, [ChatMessage("user", text)]) for text in HOSTILE]
    reference, candidate = TransformersEngine(job.base, job.adapter), LlamaEngine(model, lora)
    try:
        parity = compare(reference, candidate, [*held_out(job.persona), *hostile])
    finally:
        reference.close()
        candidate.close()
    if not parity.token_ids_equal:
        raise ChatcloneError(
            f"{model.name} reads prompts as other tokens than the adapter was trained on",
            "chat with --engine transformers; the file is left for inspection and will not be used",
        )
    return parity


def _with_system(persona: Persona, messages: list[ChatMessage]) -> list[ChatMessage]:
    """Put the persona's system turn before a conversation that has none."""
    if messages[0].role == "system":
        return messages
    partner = persona.partners[0] if persona.partners else ""
    return [ChatMessage("system", persona.system_prompt(partner)), *messages]


def _link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or where the disk cannot, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
