"""Where a person is between a chat export and a clone: what the pages share while one leads to the next."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona
from chatclone.tui.services.work import Work

if TYPE_CHECKING:
    from chatclone.tui.services.training_runs import Training


@dataclass
class Journey:
    """The home, the persona that everything is about, what rooms can do, and the training that is going on."""

    home: Path
    persona: Persona | None = None
    work: Work = field(default_factory=Work)
    start: Path = field(default_factory=Path.home)
    """Where the search for an export begins."""
    training: "Training | None" = None
    preset: str = "persona"
    """What a training begins with; the demo has a preset of its own."""

    def refresh(self) -> Persona | None:
        """Read the persona again, as a training or an import may have changed it, and return it."""
        if self.persona is not None and (self.persona.folder / "persona.toml").exists():
            self.persona = personas.load(self.persona.folder)
        return self.persona
