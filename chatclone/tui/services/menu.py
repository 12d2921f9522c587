"""The places of the app in one table; the menu shows those that the persona is far enough for, and nothing else.

A new place (a scorecard, a quiz) is a row here and an action of the app.
"""

from dataclasses import dataclass
from typing import Literal

from chatclone.personas.persona import Persona


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go; {name} is the persona's."""

    id: str
    title: str
    about: str
    action: str
    needs: Literal["nothing", "persona", "adapter"] = "nothing"
    """What must be there."""


PLACES = (
    Place("chat", "Chat with {name}", "go to your conversations", "app.chat", "persona"),
    Place("train", "Train", "have a model learn to write as {name} does", "app.train", "persona"),
    Place("export", "Export", "write the clone as files that start fast and run anywhere", "app.export", "adapter"),
    Place("import", "Import my chats", "from an export of Telegram: result.json, its folder or a zip", "app.import"),
    Place("demo", "Try the demo", "an invented person, offline, in a few minutes", "app.demo"),
    Place("help", "Help", "keys and commands", "app.help"),
    Place("quit", "Quit", "everything is saved", "app.quit"),
)


def places_for(persona: Persona | None) -> list[Place]:
    """Return the places that are open with this persona, or with none."""
    there = {"nothing"} if persona is None else {"nothing", "persona"}
    if persona is not None and persona.adapter:
        there.add("adapter")
    return [place for place in PLACES if place.needs in there]
