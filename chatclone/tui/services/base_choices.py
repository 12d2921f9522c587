"""Choices before a training: presets, and base models on this machine."""

from chatclone.i18n.translate import tr, tr_message
from chatclone.personas.persona import Persona
from chatclone.training.setting_bounds import DEFAULT_PRESET, preset_names, preset_summary

ANOTHER = "another"
"""The choice for a base that is typed."""


def preset_choices() -> list[tuple[str, str]]:
    """Return a label with its summary, and the name, of each preset; the default one first."""
    names = sorted(preset_names(), key=lambda name: (name != DEFAULT_PRESET, name))
    return [(f"{name}: {tr_message(preset_summary(name))}", name) for name in names]


def base_choices(persona: Persona) -> list[tuple[str, str]]:
    """Return the label and the name of each base to choose from."""
    choices = [(tr("starter: built in, tiny, trains in minutes"), "starter")]
    if persona.base != "starter":
        choices.insert(0, (tr("{base}: as before", base=persona.base), persona.base))
    return [*choices, (tr("another: a model's folder, or a downloaded hub id"), ANOTHER)]
