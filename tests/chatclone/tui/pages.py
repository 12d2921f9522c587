"""The way from an export to a clone on a stage: a persona that is there, and rooms that do nothing but answer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Static

from chatclone.clone.clone import Clone
from chatclone.conversations import ChatStore
from chatclone.errors import ChatcloneError
from chatclone.export.export_run import ExportedFile, ExportResult
from chatclone.export.parity_report import Loss, Parity
from chatclone.personas.persona import Persona
from chatclone.repl.loaded_model import Loaded
from chatclone.training.events import BaseLoaded, Begun, Evaluated, EventLog, Started, Step
from chatclone.training.plan import Plan
from chatclone.training.run_result import Measured, PlanMeasurement, RunResult, write
from chatclone.training.setting_bounds import preset as load_preset
from chatclone.tui.app import ChatcloneApp
from chatclone.tui.services.export_sizes import Sizes
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.model_choices import Models
from chatclone.tui.services.open_personas import Opened
from chatclone.tui.services.work import Work
from tests.chatclone.training.making import run_result
from tests.chatclone.tui.stage import NOW, until
from tests.fakes import FakeEngine, fake_clone

RESULT = run_result()
PARITY = Parity(
    prompts=40,
    prompts_from={"hostile": 40},
    token_ids_equal=True,
    reference_bits=32,
    positions=400,
    top1_agreement=0.9987,
    mean_logprob_diff=0.0004,
    max_logprob_diff=0.01,
    mean_kl=1e-6,
    loss=Loss(0),
)

SETTINGS, _ = load_preset("persona")
SIZES = Sizes(8_000_000, 1_400_000, "f16", "a model this small saves nothing by quantising")


def persona_in(home: Path, *, adapter: str = "", name: str = "Mira") -> Persona:
    """Make a persona whose folder has a persona.toml and nothing else."""
    persona = Persona(home / "personas" / "mira", name, adapter=adapter)
    persona.save()
    return persona


def plan_in(persona: Persona, base: str = "starter", preset: str = "persona") -> Plan:
    """Return a plan with a few settings."""
    return Plan(
        run="2026-11-21-1",
        folder=str(persona.runs_folder / "2026-11-21-1"),
        base=base,
        base_folder="/nowhere",
        preset=preset,
        name=persona.name,
        system="",
        train_file="",
        eval_file="",
        settings=replace(SETTINGS, learning_rate=0.005),
        reasons={
            "learning_rate": "a tiny base (0.008B parameters by its weights)",
            "epochs": "one to three are usual; early stopping may end sooner",
            "device": "an NVIDIA or AMD card where there is one",
            "data": "431 replies to train on, 41 held out, later in time",
        },
        licence="MIT, as chatclone",
    )


@dataclass
class Rooms:
    """What the fake rooms were asked for, and what holds them back."""

    planned: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    trained: list[Plan] = field(default_factory=list)
    exported: list[tuple[str, str]] = field(default_factory=list)
    opened: list[Persona] = field(default_factory=list)
    models: list[tuple[str, str]] = field(default_factory=list)
    clones: list[Clone] = field(default_factory=list)
    alive: set[Path] = field(default_factory=set)
    measured: list[Plan] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    """A room that was let in works on when it is set."""
    failure: ChatcloneError | None = None
    resumable: Plan | None = None
    sizes: Callable[[Persona], Sizes] = lambda persona: SIZES

    def plan(self, persona: Persona, base: str, preset: str, changes: dict[str, str]) -> Plan:
        """Plan; a base called `nothing` is an error."""
        self.planned.append((base, preset, changes))
        if base == "nothing":
            raise ChatcloneError("the base model nothing is not on this machine", "name a folder")
        return plan_in(persona, base, preset)

    def measure(self, plan: Plan, cancelled: Callable[[], bool]) -> PlanMeasurement:
        """Decide the device and predict two minutes."""
        self.measured.append(plan)
        settings = {**asdict(plan.settings), "device": "cpu", "planned_steps": 100}
        measured = Measured(700.0, 512.0, 120.0, 100.0, 20.0, 3)
        return PlanMeasurement(settings, {**plan.reasons, "device": "no card"}, "", RESULT.data, measured)

    def train(self, persona: Persona, plan: Plan) -> RunResult:
        """Tell of half a run, wait, and end as a real one does."""
        self.trained.append(plan)
        half_way(Path(plan.folder))
        assert self.gate.wait(30)
        if self.failure is not None:
            raise self.failure
        end(Path(plan.folder))
        persona.update(adapter=f"runs/{plan.run}/adapter")
        return RESULT

    def unfinished(self, persona: Persona) -> Plan:
        """Return the plan that can be gone on with."""
        if self.resumable is None:
            raise ChatcloneError("there is no interrupted training to resume", "chatclone train")
        return self.resumable

    def export(
        self,
        persona: Persona,
        kind: str,
        quant: str,
        home: Path,
        progress: Callable[[str], None],
        announce: Callable[[str], None],
    ) -> ExportResult:
        """Convert, wait, compare, and say what was written."""
        self.exported.append((kind, quant))
        announce(f"{kind}, {quant}: as asked")
        progress("converting the adapter")
        assert self.gate.wait(30)
        progress("comparing with the adapter")
        if self.failure is not None:
            raise self.failure
        files = [ExportedFile("/home/mira/models/mira-lora-f16.gguf", 1_400_000)]
        return ExportResult(kind, quant, files, PARITY, ["/home/mira/models/README"], 1.0)

    def open(self, persona: Persona, home: Path) -> tuple[Clone, str]:
        """Return a clone that says ok."""
        self.opened.append(persona)
        return fake_clone(FakeEngine()), ""

    def open_model(self, persona: Persona, home: Path, engine: str, model: str) -> tuple[Clone, str]:
        """Return a clone that says which model it is; one called `gone` is an error."""
        self.models.append((engine, model))
        if model == "gone":
            raise ChatcloneError("the model is gone", "choose another")
        clone = fake_clone(FakeEngine(*[(f"I am {model}",)] * 9))
        self.clones.append(clone)
        return clone, ""

    def work(self) -> Work:
        """Return them as the app takes them; the import is the true one."""
        return Work(
            embed_memory=lambda persona, progress: "",
            plan_training=self.plan,
            measure_training=self.measure,
            train_adapter=self.train,
            unfinished_training=self.unfinished,
            worker_lives=lambda run: run in self.alive,
            size_export=self.sizes,
            export_adapter=self.export,
            open_persona=self.open,
            open_model=self.open_model,
        )


def loaded(rooms: Rooms, persona: Persona, home: Path) -> Loaded:
    """Return what the plain chat talks with, started with what a room opens."""
    opened = Opened()
    as_started = opened.keeping(lambda: rooms.open(persona, home))
    return Loaded(as_started, Models(persona, home, opened, rooms.open_model))


def half_way(run: Path) -> None:
    """Write the events of a run that is half way."""
    run.mkdir(parents=True, exist_ok=True)
    log = EventLog(run)
    log.write(Started(pid=1))
    log.write(BaseLoaded(text="starter"))
    log.write(Evaluated(step=0, eval_loss=5.9, eval_mean_token_accuracy=0.14))
    log.write(Begun(steps=100, first_step=0))
    for step in range(2, 51, 2):
        figures = {"mean_token_accuracy": 0.2 + step / 1000, "tokens_per_second": 810.0, "memory_mb": 640.0}
        log.write(Step(step=step, loss=6 - step / 40 + (step % 3) / 10, seconds=step * 0.9, **figures))
        if step % 20 == 0:
            accuracy = 0.14 + step / 400
            log.write(Evaluated(step=step, eval_loss=5.9 - step / 30, eval_mean_token_accuracy=accuracy))


def end(run: Path, **changes: Any) -> None:
    """Write the result of a run."""
    write(replace(RESULT, **{"adapter": str(run / "adapter"), **changes}), run)


def app_on(home: Path, rooms: Rooms, persona: Persona | None = None) -> ChatcloneApp:
    """Return the app with fake rooms, on its welcome, or on the chat with `persona`."""
    journey = Journey(home, work=rooms.work(), start=home)
    if persona is None:
        app = ChatcloneApp(None, journey=journey, clock=lambda: NOW)
    else:
        store = ChatStore.open(persona.chats_file, lambda: NOW)
        app = ChatcloneApp(persona, lambda: rooms.open(persona, home), store, journey=journey, clock=lambda: NOW)
    app.animation_level = "none"
    return app


async def on_page(pilot: Pilot[None], heading: str) -> None:
    """Wait until the page with this heading is on the screen."""
    await until_shown(pilot, lambda: page_heading(pilot.app) == heading)


def page_heading(app: App[None]) -> str:
    """Return the heading of the page on the screen, or nothing."""
    found = app.screen.query("#heading .title")
    return str(found.first(Static).content) if found else ""


async def until_shown(pilot: Pilot[None], happened: Callable[[], object]) -> None:
    """Wait until `happened` is true, with what the page says where it never is."""
    try:
        await until(pilot, happened)
    except (AssertionError, ValueError) as error:
        raise AssertionError(f"never; on the screen: {text_of(pilot.app)}") from error


def text_of(app: App[None]) -> str:
    """Return all that is written on the screen, hidden lines left out."""
    return "\n".join(str(widget.render()) for widget in app.screen.query(Static) if widget.display)


def offered(app: App[None]) -> list[str]:
    """Return the buttons that can be pressed."""
    return [str(button.id) for button in app.screen.query(Button) if button.display and not button.disabled]
