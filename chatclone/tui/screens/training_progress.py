"""The page of a training run: progress, time left, figures and curves, a way to stop, and at the end the verdict."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Static

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import mark, number, tr, tr_message
from chatclone.safe_text import visible
from chatclone.training.run_state import RunState, clock
from chatclone.training.verdict import sentences
from chatclone.tui.screens.page import Page
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.training_runs import Training
from chatclone.tui.widgets.training_curves import Curves

REFRESH_SECONDS = 0.5
BAR = 24
"""Characters of the progress bar."""


@dataclass
class _Refreshed(Message):
    """The state of the run."""

    state: RunState
    running: bool


class TrainingScreen(Page):
    """Follows a run by its files; Esc leaves the page, and the run goes on."""

    heading = mark("Training")
    esc = mark("back, training goes on")

    def __init__(self, journey: Journey, training: Training) -> None:
        super().__init__(journey)
        self._training = training
        self._reading = False
        self._ended = False

    def body(self) -> Iterable[Widget]:
        """Return the widgets that show the run."""
        yield Static(id="doing", markup=False)
        yield Static(id="figures")
        yield Static(id="verdict", markup=False)
        yield Curves(id="curves")
        yield Static(id="notices", markup=False)

    def buttons(self) -> Iterable[Button]:
        """Return the buttons during the run and after it."""
        yield Button(tr("Stop and keep"), id="stop", compact=True)
        yield Button(tr("Chat"), id="chat", variant="primary", compact=True)
        yield Button(tr("Export"), id="export", compact=True)
        yield Button(tr("Train again"), id="again", compact=True)

    def on_mount(self) -> None:
        """Show the state now and regularly."""
        self.complain(None)
        for button in ("#chat", "#export", "#again"):
            self.query_one(button).display = False
        self._refresh_state()
        self.set_interval(REFRESH_SECONDS, self._refresh_state)

    def _refresh_state(self) -> None:
        if not self._reading and not self._ended:
            self._reading = True
            self.run_worker(self._read, thread=True, group="refresh")

    def _read(self) -> None:
        """Read the run's files, in a thread."""
        running = self._training.running()
        self.post_message(_Refreshed(self._training.state(), running))

    @on(_Refreshed)
    async def _refreshed(self, event: _Refreshed) -> None:
        self._reading = False
        state = event.state
        self.query_one("#doing", Static).update(_progress(state) if event.running else "")
        self.query_one("#figures", Static).update(_figures(state))
        self.query_one("#notices", Static).update(visible("\n".join(f"! {notice}" for notice in state.notices)))
        await self.query_one(Curves).show(state.losses, state.evals)
        if not event.running and not self._ended:
            self._ended = True
            self._end()

    def _end(self) -> None:
        """Show how it ended, and the next steps."""
        self._training.notified = self._training.seen = True
        self.query_one("#stop").display = False
        self.set_esc(mark("back"))
        failure, result = self._training.failure, self._training.result()
        self.query_one("#doing").display = False
        if failure is not None or result is None:
            self.complain(failure or ChatcloneError("the run has no result", "train again"))
            self._offer("#again")
            return
        self.query_one("#heading .title", Static).update(Content.styled(tr("Trained"), "bold"))
        self.query_one("#verdict").display = True
        lines = sentences(result, self._training.persona.name)
        self.query_one("#verdict", Static).update(visible("\n\n".join(tr_message(line) for line in lines)))
        self._offer("#chat", "#export", "#again")

    def _offer(self, *buttons: str) -> None:
        for button in buttons:
            self.query_one(button).display = True
        self.query_one(buttons[0]).focus()

    def action_stop(self) -> None:
        """Stop after this step and keep the adapter."""
        self._training.stop()
        self.query_one("#stop", Button).disabled = True
        self._refresh_state()

    async def action_chat(self) -> None:
        """Chat with the new adapter."""
        await self.run_action("app.chat")

    async def action_export(self) -> None:
        """Export the adapter."""
        await self.run_action("app.export")

    async def action_again(self) -> None:
        """Plan another run."""
        self.journey.training = None
        await self.run_action("app.train")


def _progress(state: RunState) -> str:
    stage = f"{tr_message(state.stage)} …" if state.stage else ""
    if not state.steps:
        return stage
    done = BAR * state.step // state.steps
    step = tr("step {step:,} of {steps:,}", step=state.step, steps=state.steps)
    left = f"  {tr('{time} left', time=clock(state.seconds_left))}" if state.seconds_left is not None else ""
    return f"{'█' * done}{'░' * (BAR - done)}  {step}{left}" + (f"\n{stage}" if stage else "")


def _figures(state: RunState) -> Content:
    """Return the latest figures, a line each for training, held-out replies and the machine, as far as known."""
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
