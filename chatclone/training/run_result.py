"""What a run came to, as it stands in result.json and `train --json`; and what `train --plan` measured.

`result.json` is a run's last file: its presence means that the run is complete.
"""

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from chatclone.errors import ChatcloneError
from chatclone.storage.atomic_files import write_atomically
from chatclone.training.setting_bounds import Reasons

RESULT_FILE = "result.json"
T = TypeVar("T")

Settings = dict[str, Any]
"""The decided TrainConfig and the Schedule, as one table."""


class DataCounts(msgspec.Struct, frozen=True):
    """How much a run was trained and evaluated on."""

    samples: int
    replies: int
    """Trained replies."""
    tokens: int
    """Context included."""
    trained_tokens: int
    """Tokens the loss is computed on."""
    dropped_turns: int
    """Oldest turns that did not fit into their sample."""
    refused: int
    """Lines that gave no sample."""
    eval_samples: int
    eval_replies: int
    eval_tokens: int
    memory_samples: int
    """Samples with recalled lines."""
    irrelevant_memory_samples: int
    """Those of them whose recalled lines do not answer the question."""
    undated_samples: int
    """Samples without the time of their session, which get no recalled lines."""
    replay_samples: int
    """Neutral conversations."""


class Verdict(msgspec.Struct, frozen=True):
    """What the curves of a run say about it, and why."""

    state: Literal["still improving", "good", "memorising", "unsteady", "nothing learnt"]
    reason: str


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """The document of `train --json`; losses in nats a token, accuracies as shares."""

    run: str
    base: str
    versions: dict[str, str]
    """Version by package."""
    base_fingerprint: str
    licence: str
    preset: str
    settings: Settings
    reasons: Reasons
    data: DataCounts
    loaded: str
    """Layers and size of the base as it was loaded."""
    own_template: bool
    """Whether the base has a chat template of its own."""
    steps: int
    best_step: int
    """The step whose adapter is kept: that of the lowest eval loss."""
    train_loss: float
    """Mean over all steps."""
    eval_loss: float
    """Of the kept adapter."""
    eval_token_accuracy: float
    base_eval_loss: float
    """Of the base without an adapter."""
    base_eval_token_accuracy: float
    trained_tokens: int
    """Tokens the loss was computed on, each as often as there were epochs."""
    adapter: str
    """Folder of the kept adapter."""
    last_adapter: str
    """Folder of the adapter after the last step; may be the same."""
    stopped: Literal["early", "by_user", "finished"]
    tokens_per_second: float
    peak_memory_mb: float
    processes: int
    verdict: Verdict
    report: str
    """Path of report.md."""
    seconds: float

    @classmethod
    def read(cls, run: Path) -> "RunResult":
        """Read the result in a run's folder; a missing file is a FileNotFoundError, a damaged one a ChatcloneError."""
        return _read(run, cls)

    def document(self) -> dict[str, Any]:
        """Return the result as JSON shows it."""
        document: dict[str, Any] = msgspec.to_builtins(self, enc_hook=str)
        return document


class Measured(msgspec.Struct, frozen=True):
    """What a few steps say about the whole run."""

    tokens_per_second: float
    peak_memory_mb: float
    seconds: float
    """Of the whole run, evaluations included."""
    training_seconds: float
    evaluation_seconds: float
    measured_passes: int


class PlanMeasurement(msgspec.Struct, frozen=True):
    """A decided plan, and what measuring it gave."""

    settings: Settings
    reasons: Reasons
    loaded: str
    data: DataCounts
    measured: Measured

    @classmethod
    def read(cls, run: Path) -> "PlanMeasurement":
        """Read what the worker wrote with --probe."""
        return _read(run, cls)


def write(result: RunResult | PlanMeasurement, run: Path) -> None:
    """Write result.json into a run's folder."""
    encoded = msgspec.json.encode(result, enc_hook=str)
    write_atomically(run / RESULT_FILE, msgspec.json.format(encoded, indent=1).decode())


def _read(run: Path, kind: type[T]) -> T:
    path = run / RESULT_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise ChatcloneError(
            "{path} cannot be used: it is damaged or from another version of chatclone ({error})",
            "train again: chatclone train",
            path=path,
            error=error,
        ) from None
