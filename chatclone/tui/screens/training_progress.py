"""A training as it goes on: how far, how long still, its figures and curves, a way to stop, and at last the verdict."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import mark, number, tr, tr_elsewhere
from chatclone.safe_text import visible
from chatclone.training.verdict import verdict
from chatclone.tui.screens.page import Page
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.training_runs import RunState, Training
from chatclone.tui.widgets.training_curves import Curves

LOOK_SECONDS = 0.5
BAR = 24
"""Characters of the bar."""


@dataclass
class _Looked(Message):
    """How the run is."""

    state: RunState
    running: bool


class TrainingScreen(Page):
    """Follows a run by its files; Esc leaves it to itself."""

    heading = mark("Training")
    esc = mark("back, it goes on")

    def __init__(self, journey: Journey, training: Training) -> None:
        super().__init__(journey)
        self._training = training
        self._looking = False
        self._over = False

    def body(self) -> Iterable[Widget]:
        """Return the lines that tell how it is."""
        yield Static(id="doing", markup=False)
        yield Static(id="figures")
        yield Static(id="verdict", markup=False)
        yield Curves(id="curves")
        yield Static(id="notices", markup=False)

    def buttons(self) -> Iterable[Button]:
        """Return what can be done now, and when it is over."""
        yield Button(tr("Stop, keep what it has"), id="stop", compact=True)
        yield Button(tr("Chat with it now"), id="chat", variant="primary", compact=True)
        yield Button(tr("Export"), id="export", compact=True)
        yield Button(tr("Train again"), id="again", compact=True)

    def on_mount(self) -> None:
        """Look at once, and then again and again."""
        self.complain(None)
        for button in ("#chat", "#export", "#again"):
            self.query_one(button).display = False
        self._look()
        self.set_interval(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        if not self._looking and not self._over:
            self._looking = True
            self.run_worker(self._read, thread=True, group="look")

    def _read(self) -> None:
        """Read the run's files, in a thread."""
        running = self._training.running()
        self.post_message(_Looked(self._training.state(), running))

    @on(_Looked)
    async def _looked(self, event: _Looked) -> None:
        self._looking = False
        state = event.state
        self.query_one("#doing", Static).update(_progress(state) if event.running else "")
        self.query_one("#figures", Static).update(_figures(state))
        self.query_one("#notices", Static).update(visible("\n".join(f"! {notice}" for notice in state.notices)))
        await self.query_one(Curves).show(state.losses, state.evals)
        if not event.running and not self._over:
            self._over = True
            self._end()

    def _end(self) -> None:
        """Say how it ended, and offer what comes next."""
        self._training.told = self._training.seen = True
        self.query_one("#stop").display = False
        self.set_esc(mark("back"))
        failure, result = self._training.failure, self._training.result()
        self.query_one("#doing").display = False
        if failure is not None or result is None:
            self.complain(failure or ChatcloneError(tr("the run has no result"), tr("train again")))
            self._offer("#again")
            return
        self.query_one("#heading .title", Static).update(Content.styled(tr("Trained"), "bold"))
        self.query_one("#verdict").display = True
        said = verdict(result, self._training.persona.name)
        self.query_one("#verdict", Static).update(visible("\n\n".join(tr_elsewhere(line) for line in said)))
        self._offer("#chat", "#export", "#again")

    def _offer(self, *buttons: str) -> None:
        for button in buttons:
            self.query_one(button).display = True
        self.query_one(buttons[0]).focus()

    def action_stop(self) -> None:
        """End after this step and keep what was learnt."""
        self._training.stop()
        self.query_one("#stop", Button).disabled = True
        self._look()

    async def action_chat(self) -> None:
        """Chat with what was trained."""
        await self.run_action("app.chat")

    async def action_export(self) -> None:
        """Write it as files."""
        await self.run_action("app.export")

    async def action_again(self) -> None:
        """Plan another run."""
        self.journey.training = None
        await self.run_action("app.train")


def clock(seconds: float) -> str:
    """Return a time as people say it: 1:05 or 2:03:20."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _progress(state: RunState) -> str:
    if not state.steps:
        return f"{state.doing} …"
    done = BAR * state.step // state.steps
    step = tr("step {step:,} of {steps:,}", step=state.step, steps=state.steps)
    left = f"  {tr('{time} left', time=clock(state.seconds_left))}" if state.seconds_left is not None else ""
    doing = f"\n{state.doing} …" if state.doing else ""
    return f"{'█' * done}{'░' * (BAR - done)}  {step}{left}{doing}"


def _figures(state: RunState) -> Content:
    """Return the latest figures, a line each for learning, held-out replies and the machine, as far as known."""
    lines: list[list[tuple[str, str]]] = [[], [], []]
    if state.losses:
        lines[0].append((tr("loss"), number(state.losses[-1][1], ".3f")))
    if state.token_accuracy is not None:
        lines[0].append((tr("tokens right"), number(state.token_accuracy, ".0%")))
    if state.evals:
        now, base = state.evals[-1][1], state.evals[0][1]
        lines[1].append((tr("held out"), tr("{now:.3f} (base {base:.3f})", now=now, base=base)))
    if state.eval_token_accuracy is not None:
        lines[1].append((tr("tokens right"), number(state.eval_token_accuracy, ".0%")))
    if state.tokens_per_second is not None:
        lines[2].append((tr("tokens/s"), number(state.tokens_per_second, ",.0f")))
    if state.memory_mb is not None:
        lines[2].append((tr("memory"), tr("{megabytes:,.0f} MB", megabytes=state.memory_mb)))
    return Content("\n").join([_line(figures) for figures in lines if figures])


def _line(figures: list[tuple[str, str]]) -> Content:
    shown = [Content.assemble((f"{name} ", "$foreground 60%"), (value, "bold")) for name, value in figures]
    return Content("   ").join(shown)
