"""Preparing an export: everything it needs is found and checked before anything is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatclone.engines.choose import base_label, installed, resolve_base
from chatclone.errors import ChatcloneError, MissingExtra, UsageError
from chatclone.export.adapter_gguf import read_adapter_config
from chatclone.export.base_gguf import cached_base
from chatclone.export.converter import Progress, scripts_folder
from chatclone.export.large_files import check_disk_space, remove_partial_files
from chatclone.export.quantize import Quant, default_quant, disk_bytes, parse_quant
from chatclone.i18n.message import Message
from chatclone.paths import cache_directory
from chatclone.personas.persona import Persona
from chatclone.storage.safetensors_header import count_parameters

ExportKind = Literal["adapter", "merged"]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What the user asked for; None leaves a choice to the program."""

    kind: str = "adapter"
    quant: str | None = None
    out: Path | None = None
    base_gguf: Path | None = None
    """A GGUF of the base to use instead of converting it."""
    llama_cpp: Path | None = None
    """A llama.cpp checkout whose scripts to use."""


@dataclass(frozen=True, slots=True)
class Source:
    """A persona's current adapter and the base it was trained on."""

    persona: Persona
    adapter: Path
    base: Path

    @property
    def stem(self) -> str:
        """The start of the file names: the persona and its run."""
        return f"{self.persona.slug}-{self.adapter.parent.name}"


@dataclass(frozen=True, slots=True)
class Job:
    """An export ready to run."""

    source: Source
    kind: ExportKind
    quant: Quant
    out: Path
    home: Path
    scripts: Path
    base_gguf: Path | None
    progress: Progress
    """Called with what is being done now."""
    announce: Progress
    """Called with what the user should read."""

    @property
    def in_models_folder(self) -> bool:
        """Whether the files stay with the persona, where the shared base need not be beside them."""
        return self.out == self.source.persona.models_folder


def source_of(persona: Persona) -> Source:
    """Return the adapter to export and its base; what is missing is an error."""
    if persona.adapter_folder is None:
        raise ChatcloneError("{name} has not been trained yet", "chatclone train", name=persona.name)
    for package, extra in (("torch", "train"), ("transformers", "train"), ("peft", "train"), ("llama_cpp", "gguf")):
        if not installed(package):
            raise MissingExtra(Message("an export to GGUF"), extra)
    return Source(persona, persona.adapter_folder, resolve_base(persona.base))


def prepare(persona: Persona, options: ExportOptions, home: Path, progress: Progress, announce: Progress) -> Job:
    """Find everything the export needs and check that there is space for it."""
    kind = _checked_kind(options)
    source = source_of(persona)
    parameters = count_parameters(source.base)
    quant, reason = default_quant(parameters)
    if options.quant:
        quant, reason = parse_quant(options.quant), Message("as asked")
    if kind == "adapter":
        read_adapter_config(source.adapter)
    out = (options.out or persona.models_folder).absolute()
    remove_partial_files(out, cache_directory(home) / "gguf", cache_directory(home) / "converter")
    check_disk_space(_disk_needs(source, kind, quant, out, home, parameters, options.base_gguf))
    if options.base_gguf is None:
        announce(Message("{kind}, {quant}: {reason}", kind=kind, quant=quant, reason=reason))
    if kind == "merged":
        announce(_merge_memory(source.base, parameters))
    scripts = scripts_folder(home, options.llama_cpp, progress)
    return Job(source, kind, quant, out, home, scripts, options.base_gguf, progress, announce)


def _checked_kind(options: ExportOptions) -> ExportKind:
    if options.quant:
        parse_quant(options.quant)
    if options.base_gguf and options.kind == "merged":
        raise UsageError("a merged export is made from the base's own weights", "leave out --base-gguf")
    if options.base_gguf and options.quant:
        raise UsageError("a base GGUF is quantized already", "leave out --quant")
    if options.kind == "adapter":
        return "adapter"
    if options.kind == "merged":
        return "merged"
    raise UsageError("there is no kind of export called {kind}", "choose adapter or merged", kind=options.kind)


def _disk_needs(
    source: Source, kind: ExportKind, quant: Quant, out: Path, home: Path, parameters: int, base_gguf: Path | None
) -> dict[Path, int]:
    """Return the bytes that will be written, by folder."""
    if kind == "merged":
        from chatclone.export.merged_gguf import merge_dtype

        return {out: parameters * merge_dtype(source.base).itemsize + disk_bytes(parameters, quant)}
    lora = (source.adapter / "adapter_model.safetensors").stat().st_size
    shared = cached_base(source.base, base_label(source.persona.base), quant, home)
    copied = shared.stat().st_size if shared.is_file() else disk_bytes(parameters, quant)
    needs = {out: lora if out == source.persona.models_folder or base_gguf else lora + copied}
    if base_gguf is None and not shared.is_file():
        needs[shared.parent] = disk_bytes(parameters, quant)
    return needs


def _merge_memory(base: Path, parameters: int) -> str:
    """Return what the merge needs of memory, and what is free."""
    import psutil  # type: ignore[import-untyped]  # it brings no types

    from chatclone.export.merged_gguf import merge_dtype, merge_memory_bytes

    size = merge_dtype(base).itemsize
    needed, free = merge_memory_bytes(parameters, size), psutil.virtual_memory().available
    text = "merging in {bits} bits takes up to {needed:.1f} GB of memory; {free:.1f} GB is free"
    if needed > free:
        text += ": close other programs, or this may be slow or fail"
    return Message(text, bits=8 * size, needed=needed / 1e9, free=free / 1e9)
