"""How large the files of an export become, and which quant suits the base, before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chatclone.i18n.translate import mark, tr, tr_elsewhere
from chatclone.personas.persona import Persona

KINDS = (
    (mark("adapter: a small file on a base that all personas share"), "adapter"),
    (mark("merged: one file that needs no other"), "merged"),
)
WHY = {
    "f16": mark("as exact as the adapter itself"),
    "q8_0": mark("half the file, and next to nothing is lost"),
    "q6_k": mark("smaller, and little is lost"),
    "q5_k_m": mark("smaller, and some of the manner is lost on small bases"),
    "q4_k_m": mark("the smallest and fastest; for bases above 1.5 billion parameters"),
}


@dataclass(frozen=True)
class Sizes:
    """The base's parameters, the adapter's bytes, and the quant that is advised with its reason."""

    parameters: int
    adapter_bytes: int
    quant: str
    reason: str

    def quants(self) -> list[tuple[str, str]]:
        """Return the quants to choose from, each as what a person reads and its name."""
        advised = tr("advised")
        return [
            (f"{quant}: {shown_bytes(self.model_bytes(quant))}{f' ({advised})' if quant == self.quant else ''}", quant)
            for quant in WHY
        ]

    def rows(self, kind: str, quant: str) -> list[tuple[str, str, str]]:
        """Return what an export of this kind and quant writes: name, size, reason."""
        why = tr_elsewhere(self.reason) if quant == self.quant else tr(WHY[quant])
        model = (quant, tr("about {size}", size=shown_bytes(self.model_bytes(quant))), why)
        if kind == "merged":
            return [model, (tr("adapter"), tr("none"), tr("it is in the file; no strength can be set later"))]
        small = (
            tr("adapter"),
            tr("about {size}", size=shown_bytes(self.adapter_bytes)),
            tr("what was learnt; a chat can set its strength"),
        )
        return [model, small]

    def model_bytes(self, quant: str) -> int:
        """Return the size of the model's file, by measured sizes of whole files."""
        from chatclone.export.disk_space import BYTES_PER_WEIGHT

        bytes_per_weight: dict[Any, float] = dict(BYTES_PER_WEIGHT)
        return int(self.parameters * bytes_per_weight[quant])


def sizes_of(persona: Persona) -> Sizes:
    """Return the sizes for a persona's current adapter; a base or an adapter that is gone is a ChatcloneError."""
    from chatclone.bases.inspect_base import describe
    from chatclone.export.export_job import source_of
    from chatclone.export.quantize import default_quant

    source = source_of(persona)
    base = describe(persona.base, source.base)
    quant, reason = default_quant(base.parameters)
    weights = source.adapter / "adapter_model.safetensors"
    return Sizes(base.parameters, weights.stat().st_size if weights.is_file() else 0, quant, reason)


def report_lines(document: dict[str, Any]) -> Sequence[str]:
    """Return what an export came to: its files with their sizes, and how equal it answers."""
    from chatclone.export.parity_report import summary

    files = [f"{file['path']}  ({shown_bytes(file['bytes'])})" for file in document["files"]]
    return [*files, *document["beside"], "", *summary(document["parity"]).splitlines()]


def shown_bytes(count: float) -> str:
    """Return a size as people read it."""
    if count >= 1e9:
        return tr("{gigabytes:.1f} GB", gigabytes=count / 1e9)
    return tr("{megabytes:.1f} MB", megabytes=count / 1e6)
