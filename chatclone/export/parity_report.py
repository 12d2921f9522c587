"""The parity report: how well an export agrees with its adapter, what it must reach, and the two report files."""

from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import msgspec

from chatclone.export.quantize import QUANTIZATIONS
from chatclone.i18n.message import Message
from chatclone.paths import ensure
from chatclone.personas.persona import Persona
from chatclone.storage.atomic_files import write_atomically

LEAST_GAIN = 0.01
"""Nats a token that the adapter must have gained before a share of it is meaningful."""


@dataclass(frozen=True, slots=True)
class ExportedFiles:
    """What was exported from which adapter."""

    name: str
    """The start of the names of the report and of the files for other programs."""
    persona: Persona
    kind: str
    quant: str
    model: Path
    lora: Path | None

    @property
    def paths(self) -> list[Path]:
        """The GGUF files."""
        return [path for path in (self.lora, self.model) if path]


class Loss(msgspec.Struct, frozen=True):
    """Eval loss in nats a token on the held-out replies; None where none is held out."""

    trained_tokens: int
    base: float | None = None
    adapter: float | None = None
    gguf: float | None = None
    kept: float | None = None
    """Share of the adapter's gain over the base that the export keeps; None where the adapter gained nothing."""

    def __post_init__(self) -> None:
        """Compute `kept` from the losses."""
        if self.base is None or self.adapter is None or self.gguf is None:
            return
        gain = self.base - self.adapter
        kept = (self.base - self.gguf) / gain if gain >= LEAST_GAIN else None
        msgspec.structs.force_setattr(self, "kept", kept)


class Parity(msgspec.Struct, frozen=True):
    """Comparison of an export with its adapter; log-probabilities and KL in nats."""

    prompts: int
    prompts_from: dict[str, int]
    """Number of prompts by source: held_out, training, hostile."""
    token_ids_equal: bool
    """Whether all prompts became the same token ids."""
    reference_bits: int
    """Precision of the adapter's computation in transformers."""
    positions: int
    """Positions compared."""
    top1_agreement: float
    """Share of positions where both find the same next token likeliest."""
    max_logprob_diff: float
    """Largest difference in the log-probability of the adapter's likeliest token."""
    mean_logprob_diff: float
    mean_kl: float
    """KL(adapter ‖ export), mean over all positions."""
    loss: Loss

    def least_agreement(self, quant: str) -> float | None:
        """Return what `top1_agreement` must reach; None in 16 bits, where transformers itself rounds too much."""
        least = {name: quantization.least_agreement for name, quantization in QUANTIZATIONS.items()}
        return least.get(quant) if self.reference_bits == 32 else None  # type: ignore[call-overload]

    def breaches(self, quant: str) -> list[str]:
        """Return in what an export falls short; one with any is not used."""
        found: list[str] = []
        if not self.token_ids_equal:
            found.append(Message("prompts become other token ids than the adapter was trained on"))
        least = self.least_agreement(quant)
        if least is not None and self.top1_agreement < least:
            found.append(
                Message(
                    "the next token agrees in {share:.2f} % of positions, and {quant} must reach {least:.0f} %",
                    share=100 * self.top1_agreement,
                    quant=quant,
                    least=100 * least,
                )
            )
        return found

    def summary(self) -> str:
        """Return the report in one line, and the loss in a second one where it was measured."""
        first = (
            f"parity on {self.prompts} prompts: token ids {'equal' if self.token_ids_equal else 'DIFFER'}, "
            f"next token agrees {100 * self.top1_agreement:.2f} %, "
            f"log-probability differs by {self.mean_logprob_diff:.2g} (at most {self.max_logprob_diff:.2g}), "
            f"mean KL {self.mean_kl:.2g}"
        )
        return first if self.loss.gguf is None else f"{first}\n{_loss_text(self.loss)}"


class _Document(msgspec.Struct):
    """NAME.parity.json."""

    persona: str
    adapter: str
    base: str
    kind: str
    quant: str
    files: list[str]
    parity: Parity
    breaches: list[str]


def write_report(folder: Path, files: ExportedFiles, parity: Parity) -> Path:
    """Write NAME.parity.json and NAME.parity.md to `folder` and return the second."""
    ensure(folder)
    document = _Document(
        persona=files.persona.name,
        adapter=files.persona.adapter,
        base=files.persona.base,
        kind=files.kind,
        quant=files.quant,
        files=[file.name for file in files.paths],
        parity=parity,
        breaches=[str(breach) for breach in parity.breaches(files.quant)],  # msgspec encodes no subclass of str
    )
    json = msgspec.json.format(msgspec.json.encode(document), indent=1).decode()
    write_atomically(folder / f"{files.name}.parity.json", json)
    text = folder / f"{files.name}.parity.md"
    write_atomically(text, report_text(files, parity))
    return text


def report_text(files: ExportedFiles, parity: Parity) -> str:
    """Return the report in Markdown."""
    sources = {"held_out": "of held-out conversations", "training": "of training data", "hostile": "of difficult text"}
    counts = ((parity.prompts_from.get(key), text) for key, text in sources.items())
    return render_text(
        "parity",
        files=files,
        parity=parity,
        prompts=", ".join(f"{count} {text}" for count, text in counts if count),
        least=parity.least_agreement(files.quant),
        loss=_loss_text(parity.loss, "\n"),
        breaches=parity.breaches(files.quant),
    )


def render_text(template: str, **values: Any) -> str:
    """Return a text file of an export, from its template in `templates/`."""
    import jinja2

    source = (package_files("chatclone.export") / "templates" / f"{template}.jinja").read_text("utf-8")
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(source).render(values)


def _loss_text(loss: Loss, separator: str = " ") -> str:
    if loss.gguf is None:
        return "No reply is held out, so no loss was measured."
    measured = (
        f"Eval loss in nats a token, on {loss.trained_tokens} tokens of held-out replies: base {loss.base:.4f}, "
        f"adapter {loss.adapter:.4f}, this export {loss.gguf:.4f}."
    )
    if loss.kept is None:
        return f"{measured}{separator}The adapter gained nothing there that an export could keep."
    return f"{measured}{separator}It keeps {100 * loss.kept:.1f} % of what the adapter gained over the base."
