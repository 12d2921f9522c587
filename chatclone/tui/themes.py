"""Two themes of our own, calm and with one accent; every theme of Textual works too, and so do no colours at all."""

from textual.app import App
from textual.theme import Theme

DUSK = Theme(
    name="dusk",
    primary="#7fb8a4",
    secondary="#8aa1b8",
    accent="#7fb8a4",
    foreground="#d9dde3",
    background="#15181d",
    surface="#1a1e24",
    panel="#232932",
    success="#7fb8a4",
    warning="#d9b36c",
    error="#d98080",
    dark=True,
)
PAPER = Theme(
    name="paper",
    primary="#2f7d68",
    secondary="#4d6580",
    accent="#2f7d68",
    foreground="#2b2e33",
    background="#faf8f4",
    surface="#f3f0ea",
    panel="#e7e3da",
    success="#2f7d68",
    warning="#96690a",
    error="#b23b3b",
    dark=False,
)
THEMES = (DUSK, PAPER)
FEW_COLOURS = "-few-colours"
"""The class of an app whose colours cannot tell shades apart: what is highlighted is underlined there."""


def has_few_colours(app: App[None]) -> bool:
    """Return whether this is a terminal of 16 colours, or one that was asked for none."""
    return app.no_color or app.console.color_system in ("standard", "windows")
