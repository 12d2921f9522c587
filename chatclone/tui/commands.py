"""The one table of what a person can do in a chat: keys, palette, slash commands and help are all made from it.

It needs no Textual, so that the plain chat shares it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do; `action` is what Textual runs for it, and `id` its name in a table of keys."""

    id: str
    slash: str
    """Its slash command without the slash; empty where only a key makes sense."""
    keys: str
    action: str
    title: str
    description: str
    argument: str = ""
    """What follows the slash command, such as TITLE; empty where nothing does."""
    hinted: bool = False
    """Whether the line at the bottom of the app names it."""
    plain: bool = False
    """Whether the plain chat knows it too."""

    @property
    def key(self) -> str:
        """The first key, as people write it."""
        return spell_key(self.keys.split(",")[0]) if self.keys else ""

    @property
    def usage(self) -> str:
        """The slash command with its argument."""
        return f"/{self.slash} {self.argument}".rstrip() if self.slash else ""


COMMANDS = (
    Command("stop", "stop", "escape", "screen.stop", "Stop", "Stop the reply and keep what it has.", hinted=True),
    Command("new", "new", "ctrl+n", "screen.new", "New chat", "Begin a new conversation.", hinted=True, plain=True),
    Command(
        "regenerate",
        "regen",
        "ctrl+r",
        "screen.regenerate",
        "Again",
        "Have the last reply written again.",
        hinted=True,
        plain=True,
    ),
    Command(
        "memory",
        "memory",
        "f2",
        "screen.memory",
        "Memory",
        "What the reply was given to remember.",
        hinted=True,
        plain=True,
    ),
    Command(
        "older",
        "older",
        "alt+left",
        "screen.sibling(-1)",
        "Earlier version",
        "Go back to an earlier version of the reply.",
    ),
    Command(
        "newer",
        "newer",
        "alt+right",
        "screen.sibling(1)",
        "Later version",
        "Go to a later version of the reply.",
    ),
    Command("copy", "copy", "ctrl+o", "screen.copy", "Copy", "Copy the last reply."),
    Command("scroll-up", "", "pageup", "screen.scroll(-1)", "Scroll up", "Read further back; PageDown comes back."),
    Command("scroll-down", "", "pagedown", "screen.scroll(1)", "Scroll down", ""),
    Command("chats", "chats", "ctrl+g", "screen.chats", "Chats", "Go to the list of conversations, and back."),
    Command(
        "rename", "rename", "", "screen.rename", "Rename", "Give this conversation another title.", argument="TITLE"
    ),
    Command("delete", "delete", "", "screen.delete", "Delete", "Delete this conversation, after asking."),
    Command(
        "strength",
        "strength",
        "",
        "screen.strength",
        "Strength",
        "How much of the adapter is applied: 0 is the base alone, 1 as trained.",
        argument="NUMBER",
        plain=True,
    ),
    Command("palette", "palette", "ctrl+p", "app.command_palette", "Palette", "Find any command by its name."),
    Command("help", "help", "f1", "app.help", "Help", "Show keys and commands.", hinted=True, plain=True),
    Command("quit", "quit", "ctrl+q", "app.quit", "Quit", "Leave; everything is saved.", plain=True),
)
"""Keys follow what every terminal can send: no Shift+Enter, no Ctrl+I, M, H, S or B."""


def find(line: str) -> tuple[Command | None, str]:
    """Return the command that a line beginning with a slash names, or None, and its argument."""
    word, _, argument = line.removeprefix("/").partition(" ")
    named = {command.slash: command for command in COMMANDS if command.slash}
    return named.get(word.strip().casefold()), argument.strip()


def read_strength(argument: str) -> float | None:
    """Return the strength that a person wrote, 0 to 2, or None where that is none."""
    try:
        strength = float(argument.replace(",", "."))
    except ValueError:
        return None
    return strength if 0 <= strength <= 2 else None


def is_command(line: str) -> bool:
    """Return whether a line is meant as a command: one slash and a word. Two slashes say it is a message."""
    return line.startswith("/") and line[1:2].isalpha() and "\n" not in line


def unescape(line: str) -> str:
    """Return the message that a line means, `//` at its beginning being a slash."""
    return line[1:] if line.startswith("//") else line


def spell_key(key: str) -> str:
    """Return `ctrl+r` as people write it: Ctrl+R."""
    names = {"escape": "Esc", "left": "←", "right": "→", "pageup": "PageUp", "pagedown": "PageDown"}
    return "+".join(names.get(part, part.upper() if len(part) <= 2 else part.capitalize()) for part in key.split("+"))
