"""The one table of what a person can do in a chat: keys, palette, slash commands and help are all made from it.

It needs no Textual, so that the plain chat shares it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr


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
    group: str = ""
    """The heading it stands under in the help and in the docs."""

    @property
    def key(self) -> str:
        """The first key, as people write it."""
        return spell_key(self.keys.split(",")[0]) if self.keys else ""

    @property
    def usage(self) -> str:
        """The slash command with its argument."""
        return f"/{self.slash} {self.argument}".rstrip() if self.slash else ""


WRITING, MESSAGES, CHATS, MEMORY, CLONE, APP = "Writing", "Messages", "Conversations", "Memory", "The clone", "The app"
GROUPS = (WRITING, MESSAGES, CHATS, MEMORY, CLONE, APP)


def _on(group: str, *rows: tuple[str, str, str, str, str, str, str, str]) -> tuple[Command, ...]:
    """Return the commands of a group; the last column's letters are h for hinted and p for plain."""
    return tuple(
        Command(id, slash, keys, action, title, text, argument, "h" in flags, "p" in flags, group)
        for id, slash, keys, action, title, text, argument, flags in rows
    )


# id, slash command, keys, action, title, what it does, argument, flags
# fmt: off
COMMANDS = (
    *_on(WRITING,
        ("stop", "stop", "escape", "screen.stop", "Stop", "Stop the reply and keep what it has.", "", "h"),
        ("edit", "edit", "f4", "screen.edit", "Edit",
            "Write a message of yours anew; the old one stays a version.", "[TEXT]", "p"),
        ("editor", "editor", "f9", "screen.editor", "Editor", "Write the message in $EDITOR.", "", ""),
        ("better", "better", "f8", "screen.better", "I would say",
            "Say what you would say instead; saved to a file.",
            "TEXT", "p"),
    ),
    *_on(MESSAGES,
        ("regenerate", "regen", "ctrl+r", "screen.regenerate", "Again", "Have the reply written again.", "", "hp"),
        ("continue", "continue", "ctrl+t", "screen.continue", "Go on", "Let a reply that was cut go on.", "", "p"),
        ("older", "older", "alt+left", "screen.sibling(-1)", "Earlier version",
            "Go back to an earlier version.", "", "p"),
        ("newer", "newer", "alt+right", "screen.sibling(1)", "Later version", "Go to a later version.", "", "p"),
        ("select-up", "", "alt+up", "screen.select(-1)", "Select up",
            "Choose a message; Alt+↓ comes back, Esc lets go.", "", ""),
        ("select-down", "", "alt+down", "screen.select(1)", "Select down", "", "", ""),
        ("copy", "copy", "ctrl+o", "screen.copy", "Copy",
            "Copy the chosen message or the last reply; /copy all takes all.",
            "[all]", ""),
        ("unsend", "unsend", "", "screen.unsend", "Delete message",
            "Delete a message and all that follows it.", "", "p"),
        ("undo", "undo", "", "screen.undo", "Undo delete", "Bring back what was deleted last.", "", "p"),
        ("scroll-up", "", "pageup", "screen.scroll(-1)", "Scroll up",
            "Read further back; PageDown comes back.", "", ""),
        ("scroll-down", "", "pagedown", "screen.scroll(1)", "Scroll down", "", "", ""),
        ("first", "first", "ctrl+home", "screen.ends(-1)", "First message",
            "Go to the beginning of the conversation.", "", ""),
        ("last", "last", "ctrl+end", "screen.ends(1)", "Last message", "Go to the end of the conversation.", "", ""),
    ),
    *_on(CHATS,
        ("new", "new", "ctrl+n", "screen.new", "New chat", "Begin a new conversation.", "", "hp"),
        ("chats", "chats", "ctrl+g", "screen.chats", "Chats",
            "Go to the list of conversations, or to one of it.", "[NUMBER]", "p"),
        ("search", "search", "ctrl+f", "screen.search", "Search", "Find words in all conversations.", "[WORDS]", "p"),
        ("rename", "rename", "", "screen.rename", "Rename", "Give this conversation another title.", "TITLE", "p"),
        ("pin", "pin", "", "screen.pin", "Pin", "Keep this conversation at the top, or no longer.", "", "p"),
        ("unread", "unread", "", "screen.unread", "Mark unread", "Mark the last reply as not read.", "", "p"),
        ("delete", "delete", "", "screen.delete", "Delete", "Delete this conversation, after asking.", "", "p"),
        ("save", "save", "", "screen.save", "Save as", "Write this conversation to a .md or .json file.", "FILE", "p"),
        ("load", "load", "", "screen.load", "Load", "Read conversations that were saved.", "FILE", "p"),
    ),
    *_on(MEMORY,
        ("memory", "memory", "f2", "screen.memory", "Memory", "Memories used for this reply.", "", "hp"),
        ("remember", "remember", "", "screen.remember", "Remember this", "Keep the chosen message in memory.", "", "p"),
        ("note", "note", "", "screen.note", "Note for today", "Tell the clone what is on today.", "TEXT", "p"),
    ),
    *_on(CLONE,
        ("partner", "partner", "ctrl+l", "screen.partner", "Who am I",
            "Choose whom the clone talks to here.", "NAME", "p"),
        ("settings", "settings", "f3", "screen.settings", "Settings", "Settings for this conversation.", "", "p"),
        ("model", "model", "", "screen.model", "Model", "Choose the engine and the model that answer here.", "", "p"),
        ("set", "set", "", "screen.settings", "Set",
            "Change one setting, such as /set temperature 0.9", "NAME VALUE", "p"),
        ("strength", "strength", "", "screen.strength", "Strength",
            "How much of the adapter is applied: 0 is the base alone, 1 as trained.", "NUMBER", "p"),
        ("compare", "compare", "f6", "screen.compare", "Compare",
            "Answer with and without the adapter, side by side.", "", "p"),
        ("rhythm", "rhythm", "f7", "screen.rhythm", "Rhythm",
            "Bubbles one after another as people send them, or at once.",
            "", ""),
    ),
    *_on(APP,
        ("menu", "menu", "f10", "app.menu", "Menu", "Import, train, chat, export: where one can go.", "", ""),
        ("import", "import", "", "app.import", "Import", "Read an export of your chats.", "", ""),
        ("train", "train", "", "app.train", "Train", "Train the clone, or see how the training goes.", "", ""),
        ("export", "export", "", "app.export", "Export", "Make a model file of the clone for other programs.", "", ""),
        ("palette", "palette", "ctrl+p", "app.command_palette", "Palette", "Find any command by its name.", "", ""),
        ("help", "help", "f1", "app.help", "Help", "Show keys and commands.", "", "hp"),
        ("quit", "quit", "ctrl+q", "app.quit", "Quit", "Leave; everything is saved.", "", "p"),
    ),
)
# fmt: on
"""Keys follow what every terminal can send: no Shift+Enter, no Ctrl+I, M, H, S or B."""


def binding_keys(command: Command) -> str:
    """Return the keys to bind; one without any has a name no terminal sends, so that config.toml can give it some."""
    return command.keys or f"unbound-{command.id}"


def shown_usage(command: Command) -> str:
    """Return the slash command with its argument in the reader's language."""
    return f"/{command.slash} {tr(command.argument)}".rstrip() if command.slash else ""


def keymap(keys: Mapping[str, object], where: str) -> dict[str, str]:
    """Return keys by command id as config.toml gives them; ChatcloneError, with the nearest id, for what is wrong."""
    known = {command.id: command for command in COMMANDS}
    for name, key in keys.items():
        if name not in known:
            near = get_close_matches(name, known, 1, 0.0)[0]
            what = tr("{where}, [keys]: there is no command {name!r}", where=where, name=name)
            raise ChatcloneError(what, tr("the nearest is {name!r}", name=near))
        if not isinstance(key, str) or not key.strip():
            what = tr("{where}, [keys]: {name} must be a key, not {key!r}", where=where, name=name, key=key)
            raise ChatcloneError(what, f"{name} = 'ctrl+x'")
    wanted = {c.id: str(keys.get(c.id, c.keys)) for c in COMMANDS if keys.get(c.id, c.keys)}
    taken: dict[str, str] = {}
    for name, text in wanted.items():
        for key in text.split(","):
            if (other := taken.setdefault(key.strip(), name)) != name and {name, other} & set(keys):
                double = {"where": where, "key": key.strip(), "other": other, "name": name}
                what = tr("{where}, [keys]: {key} is given to {other} and to {name}", **double)
                raise ChatcloneError(what, tr("give one of them another key"))
    return {name: wanted[name] for name in keys}


def table() -> str:
    """Return the table of commands as it stands in docs/terminal.md."""
    lines = []
    for group in GROUPS:
        lines += [f"### {group}", "", "| key | command | `--plain` | does | id |", "|---|---|---|---|---|"]
        for c in COMMANDS:
            if c.group == group:
                usage = f"`{c.usage}`" if c.usage else ""
                plain = "yes" if c.plain else ""
                lines.append(f"| {c.key} | {usage} | {plain} | {c.description or c.title + '.'} | `{c.id}` |")
        lines.append("")
    return "\n".join(lines)


def find(line: str) -> tuple[Command | None, str]:
    """Return the command that a line beginning with a slash names, or None, and its argument."""
    word, _, argument = line.removeprefix("/").partition(" ")
    named = {command.slash: command for command in COMMANDS if command.slash}
    return named.get(word.strip().casefold()), argument.strip()


def is_command(line: str) -> bool:
    """Return whether a line is meant as a command: one slash and a word. Two slashes say it is a message."""
    return line.startswith("/") and line[1:2].isalpha() and "\n" not in line


def unescape(line: str) -> str:
    """Return the message that a line means, `//` at its beginning being a slash."""
    return line[1:] if line.startswith("//") else line


def spell_key(key: str) -> str:
    """Return `ctrl+r` as people write it: Ctrl+R."""
    names = {
        "escape": "Esc",
        "left": "←",
        "right": "→",
        "up": "↑",
        "down": "↓",
        "home": "Home",
        "end": "End",
        "pageup": "PageUp",
        "pagedown": "PageDown",
    }
    return "+".join(names.get(part, part.upper() if len(part) <= 2 else part.capitalize()) for part in key.split("+"))


if __name__ == "__main__":
    print(table())
