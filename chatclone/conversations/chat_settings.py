"""What is set for one conversation and saved with it; everything else is as the persona has it."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from chatclone.engines.choose import EngineKind
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError

STRONGEST = 2.0
"""The highest strength of an adapter; 1 is as it was trained."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings for one conversation; the defaults change nothing."""

    partner: str = ""
    """Who I am to the clone; empty for whom it wrote with most."""
    notes: str = ""
    """What the clone should know today, a fact a line; it stands in the system prompt."""
    engine: EngineKind = "auto"
    model: str = ""
    """The GGUF file, or the server's model; empty for the persona's own."""
    adapter: bool = True
    """Whether the adapter is applied at all: off shows what the base alone would say."""
    strength: float | None = None
    """How much of the adapter is applied, 0 to STRONGEST; None is as the engine was loaded."""
    memory: bool = True
    """Whether replies are given what was said before."""
    rhythm: bool = True
    """Whether bubbles come at the person's own pace."""
    sampling: Sampling | None = None
    """How tokens are chosen; None is as the persona has it."""

    def __post_init__(self) -> None:
        """Refuse a strength that no engine takes."""
        if self.strength is not None and not 0 <= self.strength <= STRONGEST:
            raise ChatcloneError(
                "the adapter's strength must be between 0 and {most}, not {strength}",
                "1 applies it as trained",
                most=STRONGEST,
                strength=self.strength,
            )

    @property
    def applied_strength(self) -> float | None:
        """The strength to set before a reply; None leaves the engine as it was loaded."""
        return self.strength if self.adapter else 0.0

    def to_json(self) -> str:
        """Return what differs from the defaults as JSON."""
        return json.dumps(self.document())

    def document(self) -> dict[str, Any]:
        """Return what differs from the defaults, as a table."""
        plain = asdict(Settings())
        return {name: value for name, value in asdict(self).items() if value != plain[name]}

    @classmethod
    def from_json(cls, text: str) -> "Settings":
        """Read `to_json`; what a newer version has set more is left out."""
        table = json.loads(text)
        known = {f.name: table[f.name] for f in fields(cls) if f.name in table}
        if known.get("sampling") is not None:
            known["sampling"] = Sampling(**known["sampling"])
        return cls(**known)
