"""Two themes of our own, calm and with one accent; every theme of Textual works too."""

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
