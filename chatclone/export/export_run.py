"""One export from start to finish: convert, compare with the adapter, report, and record."""

import os
import shutil
import time
from pathlib import Path

import msgspec

from chatclone.engines.choose import base_label
from chatclone.errors import ChatcloneError
from chatclone.export.adapter_gguf import adapter_gguf
from chatclone.export.base_gguf import base_gguf, check_user_base, template_of
from chatclone.export.converter import Progress
from chatclone.export.export_job import ExportOptions, Job, Source, prepare, source_of
from chatclone.export.large_files import written_whole
from chatclone.export.merged_gguf import merged_gguf
from chatclone.export.other_programs import ChatSetup, write_setup_files
from chatclone.export.parity_prompts import PROMPTS, probes
from chatclone.export.parity_report import ExportedFiles, Parity, write_report
from chatclone.gguf.embedded_persona import BASE_WEIGHTS, files_to_load, persona_metadata
from chatclone.gguf.export_record import (
    ExportRecord,
    adapter_sha256,
    current_export,
    forget_export,
    read_exports,
    record_export,
)
from chatclone.gguf.header import architecture_value, quantization_of, read_metadata
from chatclone.i18n.message import Message
from chatclone.personas.persona import Persona
from chatclone.storage.fingerprint import check_weights, file_mark, weights_mark

LORA_SUFFIX = "-lora-f16.gguf"


class ExportedFile(msgspec.Struct, frozen=True):
    """A GGUF file of an export."""

    path: str
    bytes: int


class ExportResult(msgspec.Struct, frozen=True):
    """The document of `export --json`."""

    kind: str
    quant: str
    files: list[ExportedFile]
    parity: Parity
    beside: list[str]
    """The parity report, and the files for other programs."""
    seconds: float


def export(
    persona: Persona,
    kind: str = "adapter",
    quant: str | None = None,
    out: Path | None = None,
    *,
    home: Path,
    base_gguf: Path | None = None,
    llama_cpp: Path | None = None,
    progress: Progress = lambda _: None,
    announce: Progress = lambda _: None,
) -> ExportResult:
    """Export the persona's current adapter to GGUF; see ExportOptions for the choices.

    `progress` is called with what is being done now, `announce` with what the user should read.
    """
    started = time.perf_counter()
    options = ExportOptions(kind, quant, out, base_gguf, llama_cpp)
    job = prepare(persona, options, home, progress, announce)
    files = _write_adapter(job) if job.kind == "adapter" else _write_merged(job)
    forget_export(persona, home, files.model, files.lora)  # an older export with the same names was overwritten
    try:
        parity, report = _compare(job.source, files, job.out, progress, announce)
    except BaseException:
        _remove_written(job, files)  # it was not verified
        raise
    _require_parity(files, home, parity, report)
    record = ExportRecord(
        kind=files.kind,
        quant=files.quant,
        base=persona.base,
        adapter=persona.adapter,
        adapter_sha256=adapter_sha256(job.source.adapter),
        model=files.model,
        lora=files.lora,
        base_weights=weights_mark(job.source.base),
        model_mark=file_mark(files.model),
    )
    record_export(persona, home, record)
    return _result(files, parity, [report, *write_setup_files(job.out, _setup(job.source, files))], started)


def verify(
    persona: Persona,
    file: Path | None = None,
    *,
    home: Path,
    progress: Progress = lambda _: None,
    announce: Progress = lambda _: None,
) -> ExportResult:
    """Repeat the parity report of the current export, or of a GGUF file."""
    started = time.perf_counter()
    source = source_of(persona)
    model, lora = _current(persona, home) if file is None else _recorded_or_found(persona, file.absolute(), home)
    weights = str(read_metadata(lora or model).get(BASE_WEIGHTS, ""))
    check_weights(source.base, base_label(persona.base), lora or model, weights)
    quant = quantization_of(read_metadata(model))
    name = _pair_name(source, quant) if lora else model.stem
    files = ExportedFiles(name, persona, "adapter" if lora else "merged", quant, model, lora)
    parity, report = _compare(source, files, (lora or model).parent, progress, announce)
    _require_parity(files, home, parity, report)
    return _result(files, parity, [report], started)


def _write_adapter(job: Job) -> ExportedFiles:
    """Write the adapter and, unless it is cached, the base; to a folder of the user's, both."""
    source, progress = job.source, job.progress
    if job.base_gguf:
        progress(Message("comparing the base GGUF with the base"))
        quant = check_user_base(job.base_gguf, source.base)
        model = shared = job.base_gguf.absolute()
        job.announce(Message("adapter on {file}, which is {quant}", file=model.name, quant=quant))
    else:
        quant, label = job.quant, base_label(source.persona.base)
        shared = base_gguf(source.base, label, job.quant, job.home, job.scripts, progress)
        model = shared if job.in_models_folder else job.out / shared.name
    lora = job.out / f"{source.stem}{LORA_SUFFIX}"
    progress(Message("converting the adapter"))
    metadata = persona_metadata(source.persona, weights_mark(source.base), shared)
    adapter_gguf(source.adapter, source.base, lora, job.scripts, metadata)
    if model != shared:
        with written_whole(model) as partial:
            _link_or_copy(shared, partial)
    return ExportedFiles(_pair_name(source, quant), source.persona, job.kind, quant, model, lora)


def _write_merged(job: Job) -> ExportedFiles:
    source, target = job.source, job.out / f"{job.source.stem}-{job.quant}.gguf"
    metadata = persona_metadata(source.persona, weights_mark(source.base))
    merged_gguf(source.adapter, source.base, target, job.quant, job.scripts, job.progress, metadata)
    return ExportedFiles(target.stem, source.persona, job.kind, job.quant, target, None)


def _compare(
    source: Source, files: ExportedFiles, folder: Path, progress: Progress, announce: Progress
) -> tuple[Parity, Path]:
    """Compare the files with the adapter, and write the report to `folder`."""
    from chatclone.export.parity import measure

    conversations = probes(source.persona)
    own = sum(len(probe.prompts()) for probe in conversations if probe.source != "hostile")
    if own < PROMPTS:
        announce(
            Message(
                "only {own} prompts to compare on, of {wanted} wanted: the data set has no more",
                own=own,
                wanted=PROMPTS,
            )
        )
    progress(Message("comparing with the adapter"))
    parity = measure(source.base, source.adapter, files.model, files.lora, conversations)
    return parity, write_report(folder, files, parity)


def _require_parity(files: ExportedFiles, home: Path, parity: Parity, report: Path) -> None:
    """Refuse an export that falls short; its files and the report stay, and no chat uses it."""
    if breaches := parity.breaches(files.quant):
        forget_export(files.persona, home, files.model, files.lora)
        raise ChatcloneError(
            "{name} does not answer like the adapter: {breaches}",
            "chat with --engine transformers; the file will not be used, see {report}",
            name=files.name,
            breaches="; ".join(breaches),
            report=report,
        )


def _remove_written(job: Job, files: ExportedFiles) -> None:
    """Remove what this export has written, but neither the shared base nor the user's."""
    for file in files.paths:
        if file.parent == job.out and not (job.base_gguf and file == job.base_gguf.absolute()):
            file.unlink(missing_ok=True)


def _current(persona: Persona, home: Path) -> tuple[Path, Path | None]:
    if (record := current_export(persona, home)) is None:
        raise ChatcloneError("{name} has no GGUF of the current adapter", "chatclone export", name=persona.name)
    record.check_files()
    return record.model, record.lora


def _recorded_or_found(persona: Persona, file: Path, home: Path) -> tuple[Path, Path | None]:
    """Return model and adapter for a file: as recorded by its export, else as `files_to_load` finds them."""
    for record in reversed(read_exports(persona, home)):
        if record.lora == file:
            record.check_files()
            return record.model, file
    return files_to_load(file, home)


def _setup(source: Source, files: ExportedFiles) -> ChatSetup:
    from chatclone.engines.token_loop import MAX_CONTEXT
    from chatclone.engines.transformers import load_tokenizer

    template = template_of(source.base)
    stops = load_tokenizer(source.base).convert_ids_to_tokens(sorted(template.stop_ids))
    trained = int(architecture_value(read_metadata(files.model), "context_length")) or MAX_CONTEXT
    return ChatSetup(files, template, tuple(stops), min(trained, MAX_CONTEXT))


def _pair_name(source: Source, quant: str) -> str:
    """Return the report's name for an adapter on a base: one adapter may be compared on several bases."""
    return f"{source.stem}-lora-on-{quant.replace(' ', '-')}"


def _result(files: ExportedFiles, parity: Parity, beside: list[Path], started: float) -> ExportResult:
    return ExportResult(
        kind=files.kind,
        quant=files.quant,
        files=[ExportedFile(str(file), file.stat().st_size) for file in files.paths],
        parity=parity,
        beside=[str(path) for path in beside],
        seconds=round(time.perf_counter() - started, 1),
    )


def _link_or_copy(source: Path, target: Path) -> None:
    """Make a hard link, or a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
