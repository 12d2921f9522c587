"""One export from beginning to end: convert, compare with the adapter it came from, report, and record it."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

from chatclone.engines.choose import base_label
from chatclone.errors import ChatcloneError
from chatclone.export.adapter_gguf import adapter_gguf
from chatclone.export.base_gguf import base_gguf, template_of
from chatclone.export.converter import Progress
from chatclone.export.export_job import Job, Source, Wanted, prepare, source_of
from chatclone.export.large_files import written_whole
from chatclone.export.merged_gguf import merged_gguf
from chatclone.export.other_programs import Carried, write_beside
from chatclone.export.parity_prompts import PROMPTS, probes
from chatclone.export.parity_report import Subject, breaches, write_report
from chatclone.export.user_base import check_architecture, check_base
from chatclone.gguf import export_record
from chatclone.gguf.embedded_persona import BASE_WEIGHTS, files_to_load, persona_metadata
from chatclone.gguf.header import quantization_of, read_metadata
from chatclone.personas.persona import Persona
from chatclone.storage.fingerprint import check_weights, file_mark, weights_mark

LORA_SUFFIX = "-lora-f16.gguf"


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
) -> dict[str, Any]:
    """Export the persona's current adapter to GGUF and return the document of `export --json`.

    `quant` None chooses by the size of the base; `out` None is the persona's own models folder; `base_gguf` is a GGUF
    of the base to use instead of converting it; `llama_cpp` is a checkout of llama.cpp whose scripts are to be used.
    `progress` hears what is being done now, `announce` what should be read.
    """
    started = time.perf_counter()
    job = prepare(persona, Wanted(kind, quant, out, base_gguf, llama_cpp), home, progress, announce)
    name, written, model, lora = _write_adapter(job) if job.kind == "adapter" else _write_merged(job)
    subject = Subject(name, persona.name, persona.adapter, persona.base, job.kind, written, model, lora)
    export_record.forget_export(persona, home, model, lora)  # an older export with the same file names is no more
    try:
        if base_gguf:
            check_architecture(model, job.out / f"{job.source.stem}{LORA_SUFFIX}")
        parity, report = _compared(job.source, subject, job.out, progress, announce)
    except BaseException:
        _discard(job, subject)  # nobody has seen it answer like the adapter
        raise
    _check(persona, home, subject, parity, report)
    weights = export_record.adapter_sha256(job.source.adapter)
    entry = export_record.ExportRecord(
        kind=job.kind,
        quant=written,
        base=persona.base,
        adapter=persona.adapter,
        adapter_sha256=weights,
        model=model,
        lora=lora,
        base_weights=weights_mark(job.source.base),
        model_mark=file_mark(model),
    )
    export_record.record_export(persona, home, entry)
    beside = write_beside(job.out, _carried(job.source, subject))
    return _document(subject, parity, [report, *beside], started)


def verify(
    persona: Persona,
    file: Path | None = None,
    *,
    home: Path,
    progress: Progress = lambda _: None,
    announce: Progress = lambda _: None,
) -> dict[str, Any]:
    """Repeat the parity of the current export, or of a GGUF file, and return the document of `export --json`."""
    started = time.perf_counter()
    source = source_of(persona)
    model, lora = _current(persona, home) if file is None else _files(persona, file.absolute(), home)
    weights = str(read_metadata(lora or model).get(BASE_WEIGHTS, ""))
    check_weights(source.base, base_label(persona.base), lora or model, weights)
    quant = quantization_of(read_metadata(model))
    kind = "adapter" if lora else "merged"
    name = _pair_name(source, quant) if lora else model.stem
    subject = Subject(name, persona.name, persona.adapter, persona.base, kind, quant, model, lora)
    parity, report = _compared(source, subject, (lora or model).parent, progress, announce)
    _check(persona, home, subject, parity, report)
    return _document(subject, parity, [report], started)


def _write_adapter(job: Job) -> tuple[str, str, Path, Path]:
    """Write the base, once for all, and the adapter; in a folder of the user's own, both together."""
    source, progress = job.source, job.progress
    if job.base_gguf:
        progress("comparing the base GGUF with the base")
        quant = check_base(job.base_gguf, source.base)
        model = shared = job.base_gguf.absolute()
        job.announce(f"adapter on {model.name}, which is {quant}")
    else:
        quant, label = job.quant, base_label(source.persona.base)
        shared = base_gguf(source.base, label, job.quant, job.home, job.scripts, progress)
        model = shared if job.own_folder else job.out / shared.name
    lora = job.out / f"{source.stem}{LORA_SUFFIX}"
    progress("converting the adapter")
    keys = persona_metadata(source.persona, weights_mark(source.base), shared)
    adapter_gguf(source.adapter, source.base, lora, job.scripts, keys)
    if model != shared:
        with written_whole(model) as partial:
            _link_or_copy(shared, partial)
    return _pair_name(source, quant), quant, model, lora


def _write_merged(job: Job) -> tuple[str, str, Path, None]:
    target = job.out / f"{job.source.stem}-{job.quant}.gguf"
    source, keys = job.source, persona_metadata(job.source.persona, weights_mark(job.source.base))
    merged_gguf(source.adapter, source.base, target, job.quant, job.scripts, job.progress, keys)
    return target.stem, job.quant, target, None


def _compared(
    source: Source, subject: Subject, folder: Path, progress: Progress, announce: Progress
) -> tuple[dict[str, Any], Path]:
    """Compare the file with the adapter it came from, and write the report."""
    from chatclone.export.measure_parity import measure

    compared = probes(source.persona)
    own = sum(len(probe.prompts()) for probe in compared if probe.source != "hostile")
    if own < PROMPTS:
        announce(f"only {own} prompts to compare on, of {PROMPTS} wanted: the data set has no more")
    progress("comparing with the adapter")
    parity = measure(source.base, source.adapter, subject.model, subject.lora, compared).as_dict()
    return parity, write_report(folder, subject, parity)


def _check(persona: Persona, home: Path, subject: Subject, parity: dict[str, Any], report: Path) -> None:
    """Refuse a file that falls short; it stays to be looked at, with its report, and no chat uses it."""
    if found := breaches(parity, subject.quant):
        export_record.forget_export(persona, home, subject.model, subject.lora)
        raise ChatcloneError(
            f"{subject.name} does not answer like the adapter: {'; '.join(found)}",
            f"chat with --engine transformers; the file will not be used, and {report} tells more",
        )


def _discard(job: Job, subject: Subject) -> None:
    """Remove what this export has written, but not the base that all personas share, nor the user's own."""
    for file in (subject.lora, subject.model):
        if file and file.parent == job.out and not (job.base_gguf and file == job.base_gguf.absolute()):
            file.unlink(missing_ok=True)


def _current(persona: Persona, home: Path) -> tuple[Path, Path | None]:
    """Return the files of the current export."""
    if (current := export_record.current_export(persona, home)) is None:
        raise ChatcloneError(f"{persona.name} has no GGUF of the current adapter", "chatclone export")
    current.check_files()
    return current.model, current.lora


def _files(persona: Persona, file: Path, home: Path) -> tuple[Path, Path | None]:
    """Return model and LoRA to load for a file, as they were exported where that was here."""
    pairs = {entry.lora: entry for entry in export_record.read_exports(persona, home) if entry.lora}
    if file not in pairs:
        return files_to_load(file, home)
    pairs[file].check_files()
    return pairs[file].model, file


def _carried(source: Source, subject: Subject) -> Carried:
    """Return what the files for other programs are about."""
    from chatclone.engines.token_loop import MAX_CONTEXT
    from chatclone.engines.transformers import load_tokenizer

    template = template_of(source.base)
    stops = load_tokenizer(source.base).convert_ids_to_tokens(sorted(template.stop_ids))
    metadata = read_metadata(subject.model)
    trained = int(metadata.get(f"{metadata['general.architecture']}.context_length", MAX_CONTEXT))
    context = min(trained, MAX_CONTEXT)
    return Carried(subject.name, source.persona, template, tuple(stops), context, subject.model, subject.lora)


def _pair_name(source: Source, quant: str) -> str:
    """Return the beginning of the report's name for an adapter on a base: the LoRA is one, the bases are several."""
    return f"{source.stem}-lora-on-{quant.replace(' ', '-')}"


def _document(subject: Subject, parity: dict[str, Any], beside: list[Path], started: float) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "quant": subject.quant,
        "files": [{"path": str(file), "bytes": file.stat().st_size} for file in (subject.lora, subject.model) if file],
        "parity": parity,
        "beside": [str(path) for path in beside],
        "seconds": round(time.perf_counter() - started, 1),
    }


def _link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or where the disk cannot, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
