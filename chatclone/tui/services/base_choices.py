"""What a person may choose from before a training: presets with their own words, and base models that are here."""

import importlib.resources

from chatclone.i18n.translate import tr, tr_elsewhere
from chatclone.personas.persona import Persona

ANOTHER = "another"
"""The choice of a base that is typed."""


def preset_choices() -> list[tuple[str, str]]:
    """Return the presets, each as what a person reads and its name; the words are the first comment of its file."""
    folder = importlib.resources.files("chatclone.training") / "presets"
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: (file.name != "persona.toml", file.name)):
        if file.name.endswith(".toml"):
            first = file.read_text("utf-8").splitlines()[0]
            name = file.name.removesuffix(".toml")
            found.append((f"{name}: {tr_elsewhere(first.removeprefix('#').strip())}", name))
    return found


def base_choices(persona: Persona) -> list[tuple[str, str]]:
    """Return the bases to choose from, each as what a person reads and its name."""
    choices = [(tr("starter: built in, tiny, trains in minutes"), "starter")]
    if persona.base != "starter":
        choices.insert(0, (tr("{base}: as before", base=persona.base), persona.base))
    return [*choices, (tr("another: a model's folder, or a hub id that is here"), ANOTHER)]
