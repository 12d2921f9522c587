"""How far a run is, from its events: for the progress line of the command and the training page of the app."""

from dataclasses import dataclass, field

from chatclone.i18n.message import Message
from chatclone.training.events import (
    AnyEvent,
    BaseLoaded,
    Begun,
    DataReady,
    Evaluated,
    Failed,
    Notice,
    Started,
    Step,
    Stopping,
)

STOPPING = Message("stopping after this step, keeping what was learnt")


@dataclass
class RunState:
    """The state of a run after the events that were taken."""

    stage: str = Message("starting the training process")
    """What happens before and after the steps; empty during training."""
    step: int = 0
    steps: int = 0
    """Planned steps."""
    seconds_left: float | None = None
    losses: list[tuple[int, float]] = field(default_factory=list)
    """Step and train loss."""
    evals: list[tuple[int, float]] = field(default_factory=list)
    """Step and eval loss, the base's at step 0."""
    token_accuracy: float | None = None
    eval_token_accuracy: float | None = None
    tokens_per_second: float | None = None
    memory_mb: float | None = None
    notices: list[str] = field(default_factory=list)
    error: tuple[str, str] | None = None
    """Message and hint."""
    _first_step: int = 0

    def take(self, event: AnyEvent) -> None:
        """Update the state with one event of the worker."""
        match event:
            case Started():
                self.stage, self.error = Message("loading the base"), None
            case BaseLoaded():
                self.stage = Message("preparing the data")
            case DataReady():
                self.stage = Message("evaluating the base")
            case Begun():
                self.stage, self.steps = "", event.steps
                self._first_step = self.step = event.first_step
            case Step():
                self._take_step(event)
            case Evaluated():
                if event.eval_loss is not None:
                    self.evals.append((event.step, event.eval_loss))
                self.eval_token_accuracy = event.eval_mean_token_accuracy
            case Notice():
                self.notices.append(event.text)
            case Stopping():
                self.stage = STOPPING
            case Failed():
                self.error = (event.message, event.hint)

    def _take_step(self, event: Step) -> None:
        self.step = event.step
        if event.loss is not None:
            self.losses.append((event.step, event.loss))
        self.token_accuracy = event.mean_token_accuracy or self.token_accuracy
        self.tokens_per_second = event.tokens_per_second or self.tokens_per_second
        self.memory_mb = event.memory_mb or self.memory_mb
        # Steps before a resume took no time in this process.
        taken = max(event.step - self._first_step, 1)
        self.seconds_left = event.seconds / taken * (self.steps - event.step)


def clock(seconds: float) -> str:
    """Return a duration as 1:05 or 2:03:20."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
