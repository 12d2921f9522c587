"""What an export is about, found and checked before anything is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from chatclone.engines.choose import base_label, installed, resolve_base
from chatclone.errors import ChatcloneError, MissingExtra, UsageError
from chatclone.export.adapter_gguf import expressible_config
from chatclone.export.base_gguf import cached_base
from chatclone.export.converter import Progress, scripts_folder
from chatclone.export.disk_space import check_space, gigabytes, merge_memory_bytes, model_bytes
from chatclone.export.large_files import remove_left_over
from chatclone.export.quantize import Quant, checked_quant, default_quant
from chatclone.paths import cache_directory
from chatclone.personas.persona import Persona
from chatclone.storage.safetensors_header import count_parameters

ExportKind = Literal["adapter", "merged"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks for; None leaves a choice to the program."""

    kind: str
    quant: str | None
    out: Path | None
    base_gguf: Path | None
    llama_cpp: Path | None


@dataclass(frozen=True, slots=True)
class Source:
    """A persona's current adapter, and the base it was trained on."""

    persona: Persona
    adapter: Path
    base: Path

    @property
    def stem(self) -> str:
        """The beginning of the file names: the persona and its run."""
        return f"{self.persona.slug}-{self.adapter.parent.name}"


@dataclass(frozen=True, slots=True)
class Job:
    """What is exported, from what, and to where."""

    source: Source
    kind: ExportKind
    quant: Quant
    out: Path
    home: Path
    scripts: Path
    progress: Progress
    """Told what is being done now."""
    announce: Progress
    """Told what should be read, and stay."""
    base_gguf: Path | None = None

    @property
    def own_folder(self) -> bool:
        """Whether the files stay with the persona, where the shared base need not lie beside them."""
        return self.out == self.source.persona.models_folder


def source_of(persona: Persona) -> Source:
    """Return what there is to export, or say what is missing."""
    if persona.adapter_folder is None:
        raise ChatcloneError(f"{persona.name} has not been trained yet", "chatclone train")
    for package, extra in (("torch", "train"), ("transformers", "train"), ("peft", "train"), ("llama_cpp", "gguf")):
        if not installed(package):
            raise MissingExtra("an export to GGUF", extra)
    return Source(persona, persona.adapter_folder, resolve_base(persona.base))


def prepare(persona: Persona, wanted: Wanted, home: Path, progress: Progress, announce: Progress) -> Job:
    """Find everything the export needs and make room for it; nothing is written where something is missing."""
    kind = _checked_kind(wanted)
    source = source_of(persona)
    quant, reason = default_quant(count_parameters(source.base))
    if wanted.quant:
        quant, reason = checked_quant(wanted.quant), "as asked"
    if kind == "adapter":
        expressible_config(source.adapter)
    out = (wanted.out or persona.models_folder).absolute()
    remove_left_over(out, cache_directory(home) / "gguf", cache_directory(home) / "converter")
    check_space(_space_needed(source, kind, quant, out, home, count_parameters(source.base), wanted.base_gguf))
    if wanted.base_gguf is None:
        announce(f"{kind}, {quant}: {reason}")
    if kind == "merged":
        announce(_merge_memory(source.base, count_parameters(source.base)))
    scripts = scripts_folder(home, wanted.llama_cpp, progress)
    return Job(source, kind, quant, out, home, scripts, progress, announce, wanted.base_gguf)


def _checked_kind(wanted: Wanted) -> ExportKind:
    known = [k for k in get_args(ExportKind) if k == wanted.kind]
    if not known:
        raise UsageError(f"there is no kind of export called {wanted.kind}", "known are adapter and merged")
    if wanted.quant:
        checked_quant(wanted.quant)
    if wanted.base_gguf and known[0] == "merged":
        raise UsageError("a merged export is made from the base's own weights", "leave out --base-gguf")
    if wanted.base_gguf and wanted.quant:
        raise UsageError("a base GGUF is quantised already", "leave out --quant")
    kind: ExportKind = known[0]
    return kind


def _space_needed(
    source: Source, kind: ExportKind, quant: Quant, out: Path, home: Path, parameters: int, base_gguf: Path | None
) -> dict[Path, int]:
    """Return the bytes to be written, by folder."""
    if kind == "merged":
        from chatclone.export.merged_gguf import merge_dtype

        return {out: parameters * merge_dtype(source.base).itemsize + model_bytes(parameters, quant)}
    lora = (source.adapter / "adapter_model.safetensors").stat().st_size
    shared = cached_base(source.base, base_label(source.persona.base), quant, home)
    copied = shared.stat().st_size if shared.is_file() else int(model_bytes(parameters, quant))
    needs = {out: lora if out == source.persona.models_folder or base_gguf else lora + copied}
    if base_gguf is None and not shared.is_file():
        needs[shared.parent] = model_bytes(parameters, quant)
    return needs


def _merge_memory(base: Path, parameters: int) -> str:
    """Say what the merge needs of the memory, and what there is."""
    import psutil  # type: ignore[import-untyped]  # it brings no types

    from chatclone.export.merged_gguf import merge_dtype

    dtype = merge_dtype(base)
    needed, free = merge_memory_bytes(parameters, dtype.itemsize), psutil.virtual_memory().available
    bits = 8 * dtype.itemsize
    told = f"merging in {bits} bits takes up to {gigabytes(needed)} of memory; {gigabytes(free)} is free"
    return told if needed <= free else f"{told}: close other programs, or this may be slow or fail"
