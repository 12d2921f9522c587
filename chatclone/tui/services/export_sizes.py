"""Sizes of the files of an export, and the quantization that suits the base, before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatclone.export.quantize import QUANTIZATIONS, default_quant, model_bytes, parse_quant
from chatclone.i18n.translate import mark, tr, tr_message
from chatclone.personas.persona import Persona

if TYPE_CHECKING:
    from chatclone.export.export_run import ExportResult

KINDS = (
    (mark("adapter: a small file on a base that all personas share"), "adapter"),
    (mark("merged: one file that needs no other"), "merged"),
)


@dataclass(frozen=True)
class Sizes:
    """What the sizes depend on, and the recommended quantization with its reason."""

    parameters: int
    adapter_bytes: int
    quant: str
    reason: str

    def quants(self) -> list[tuple[str, str]]:
        """Return the quantizations to choose from, each as its label and its name."""
        advised = f" ({tr('advised')})"
        return [
            (f"{name}: {shown_bytes(model_bytes(self.parameters, name))}{advised if name == self.quant else ''}", name)
            for name in QUANTIZATIONS
        ]

    def rows(self, kind: str, quant: str) -> list[tuple[str, str, str]]:
        """Return the files of an export: name, size, reason."""
        name = parse_quant(quant)
        reason = tr_message(self.reason if name == self.quant else QUANTIZATIONS[name].note)
        model = (quant, tr("about {size}", size=shown_bytes(model_bytes(self.parameters, name))), reason)
        if kind == "merged":
            return [model, (tr("adapter"), tr("none"), tr("it is in the file; no strength can be set later"))]
        size = tr("about {size}", size=shown_bytes(self.adapter_bytes))
        return [model, (tr("adapter"), size, tr("what was learned; a chat can set its strength"))]


def sizes_of(persona: Persona) -> Sizes:
    """Return the sizes for a persona's current adapter; a missing base or adapter is a ChatcloneError."""
    from chatclone.bases.inspect_base import describe
    from chatclone.export.export_job import source_of

    source = source_of(persona)
    base = describe(persona.base, source.base)
    quant, reason = default_quant(base.parameters)
    weights = source.adapter / "adapter_model.safetensors"
    return Sizes(base.parameters, weights.stat().st_size if weights.is_file() else 0, quant, reason)


def report_lines(result: "ExportResult") -> Sequence[str]:
    """Return the files of an export with their sizes, and the summary of its parity report."""
    files = [f"{file.path}  ({shown_bytes(file.bytes)})" for file in result.files]
    return [*files, *result.beside, "", *result.parity.summary().splitlines()]


def shown_bytes(count: float) -> str:
    """Return a size as text."""
    if count >= 1e9:
        return tr("{gigabytes:.1f} GB", gigabytes=count / 1e9)
    return tr("{megabytes:.1f} MB", megabytes=count / 1e6)
