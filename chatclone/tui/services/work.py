"""What the screens let other rooms do: import, plan, train, export, open a clone; each loads its room when called.

Screens know these functions by `Work` alone, so that a test hands in others; they take long and run in threads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.personas.persona import Persona

if TYPE_CHECKING:
    from chatclone.clone.clone import Clone
    from chatclone.engines.choose import EngineKind
    from chatclone.export.export_run import ExportResult
    from chatclone.ingest.import_run import Ingested, Request
    from chatclone.ingest.ownership import Asking
    from chatclone.training.plan import Plan
    from chatclone.training.run_result import PlanMeasurement, RunResult
    from chatclone.tui.services.export_sizes import Sizes

Told = Callable[[str, int], None]
"""Told what is being done, and how many messages are through."""
Said = Callable[[str], None]
"""Told what is being done, or what should be read."""
EMBED_SECONDS = 60
"""How long an import embeds at most; the rest is embedded while one chats."""


def import_exports(request: "Request", home: Path, asking: "Asking", told: Told) -> "Ingested":
    """Import into the current persona, or a new one."""
    from chatclone.ingest.import_run import ingest

    return ingest(request, home, asking=asking, progress=told)


def embed_memory(persona: Persona, progress: Callable[[int, int], None]) -> str:
    """Embed the persona's memory for a while, and say how far that came."""
    from chatclone.recall.persona_memory import embed

    return embed(persona, EMBED_SECONDS, progress)


def plan_training(persona: Persona, base: str, preset: str, changes: dict[str, str]) -> "Plan":
    """Decide every setting that can be decided before anything is loaded."""
    from chatclone.training.plan import make_plan

    return make_plan(persona, base, preset, changes)


def measure_training(plan: "Plan", cancelled: Callable[[], bool]) -> "PlanMeasurement":
    """Decide the rest of a plan and measure a few steps, unless `cancelled` returns true meanwhile."""
    from chatclone.training.train_run import probe

    return probe(plan, cancelled=cancelled)


def train_adapter(persona: Persona, plan: "Plan") -> "RunResult":
    """Train, and make the adapter the persona's current one."""
    from chatclone.training.train_run import run

    return run(persona, plan)


def unfinished_training(persona: Persona) -> "Plan":
    """Return the plan of the latest run that can be gone on with; none is a ChatcloneError."""
    from chatclone.training.train_run import last_unfinished

    return last_unfinished(persona)


def worker_lives(run: Path) -> bool:
    """Return whether a training process works in the folder of this run, whoever started it."""
    try:
        import psutil  # type: ignore[import-untyped]  # it brings no types
    except ImportError:  # then there is no trainer either, which needs it
        return False
    from chatclone.training.events import PLAN_FILE

    plan = str(run / PLAN_FILE)
    return any(
        plan in (process.info["cmdline"] or ()) and process.info["status"] != psutil.STATUS_ZOMBIE
        for process in psutil.process_iter(["cmdline", "status"])
    )


def size_export(persona: Persona) -> "Sizes":
    """Return how large an export becomes, by kind and quant."""
    from chatclone.tui.services.export_sizes import sizes_of

    return sizes_of(persona)


def export_adapter(
    persona: Persona, kind: str, quant: str, home: Path, progress: Said, announce: Said
) -> "ExportResult":
    """Write the persona's adapter as GGUF, and compare it with what it came from."""
    from chatclone.export.export_run import export

    return export(persona, kind, quant, home=home, progress=progress, announce=announce)


def open_persona(persona: Persona, home: Path) -> "tuple[Clone, str]":
    """Load what a chat with the persona needs."""
    from chatclone.clone.clone import open_clone

    return open_clone(persona, home)


def open_model(persona: Persona, home: Path, engine: "EngineKind", model: str) -> "tuple[Clone, str]":
    """Load what a chat with the persona needs, with the engine and the model that a conversation chose."""
    from chatclone.tui.services.model_choices import open_chosen

    return open_chosen(persona, home, engine, model)


@dataclass(frozen=True)
class Work:
    """The functions above, one a field."""

    import_exports: "Callable[[Request, Path, Asking, Told], Ingested]" = import_exports
    embed_memory: Callable[[Persona, Callable[[int, int], None]], str] = embed_memory
    plan_training: "Callable[[Persona, str, str, dict[str, str]], Plan]" = plan_training
    measure_training: "Callable[[Plan, Callable[[], bool]], PlanMeasurement]" = measure_training
    train_adapter: "Callable[[Persona, Plan], RunResult]" = train_adapter
    unfinished_training: "Callable[[Persona], Plan]" = unfinished_training
    worker_lives: Callable[[Path], bool] = worker_lives
    size_export: "Callable[[Persona], Sizes]" = size_export
    export_adapter: "Callable[[Persona, str, str, Path, Said, Said], ExportResult]" = export_adapter
    open_persona: "Callable[[Persona, Path], tuple[Clone, str]]" = open_persona
    open_model: "Callable[[Persona, Path, EngineKind, str], tuple[Clone, str]]" = open_model
