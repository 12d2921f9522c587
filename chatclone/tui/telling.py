"""Commands of the plain chat that tell the store or the clone something, and print how that went."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.chats.corrections import correct
from chatclone.chats.transfer import read, written
from chatclone.errors import ChatcloneError
from chatclone.files import write_atomically
from chatclone.tui.days import local_day
from chatclone.tui.saving import file_for, kind_of, loaded, unreadable, unwritable
from chatclone.tui.setting import described, strength_told, with_setting
from chatclone.tui.texts import tr
from chatclone.tui.visible import visible
from memory.memory import Memory

if TYPE_CHECKING:
    from chatclone.tui.plain import PlainChat

RESULTS = 10
"""Messages that a search prints."""


def told(chat: "PlainChat") -> dict[str, Callable[[str], None]]:
    """Return what runs for a command's id."""
    return {
        "search": lambda words: _search(chat, words),
        "rename": lambda title: chat.store.rename(_open(chat), title),
        "pin": lambda argument: _pin(chat),
        "save": lambda name: _save(chat, name),
        "load": lambda name: _load(chat, name),
        "remember": lambda argument: _remember(chat),
        "note": lambda text: _note(chat, text),
        "better": lambda text: _correct(chat, text),
        "partner": lambda name: _set(chat, "partner", name),
        "strength": lambda number: _strength(chat, number),
        "set": lambda text: _set(chat, *text.partition(" ")[::2]),
    }


def _open(chat: "PlainChat") -> int:
    if chat.conversation is None:
        raise ChatcloneError(tr("this conversation has not begun"), tr("write a message"))
    return chat.conversation


def _search(chat: "PlainChat", words: str) -> None:
    found = chat.store.search(words, limit=RESULTS)
    for one in found:
        who = tr("you") if one.role == "user" else tr("clone")
        chat.print(f"{one.conversation:>5}  {visible(one.snippet)} ({who}, {visible(one.title)})")
    chat.print(tr("/chats NUMBER goes there.") if found else tr("Nothing."))


def _pin(chat: "PlainChat") -> None:
    number = _open(chat)
    pinned = not chat.store.conversation(number).pinned
    chat.store.pin(number, pinned)
    chat.print(tr("Pinned.") if pinned else tr("No longer pinned."))


def _save(chat: "PlainChat", name: str) -> None:
    if not name:
        raise ChatcloneError(tr("a file needs a name"), "/save chat.md")
    document = chat.store.document(_open(chat))
    path = file_for(document.title, name)
    try:
        write_atomically(path, written([document], kind_of(path), chat.clone.persona.name))
    except OSError as error:
        raise unwritable(name, error) from error
    chat.print(tr("Saved as {path}", path=visible(str(path))))


def _load(chat: "PlainChat", name: str) -> None:
    try:
        documents = read(Path(name).expanduser().read_bytes())
    except OSError as error:
        raise unreadable(name or tr("it"), error) from error
    added = chat.store.insert(documents)
    chat.print(loaded(len(added), len(documents)))


def _remember(chat: "PlainChat") -> None:
    """Keep my last message in memory."""
    if chat.question is None:
        raise ChatcloneError(tr("there is no message yet"), tr("write one"))
    who = chat.settings.partner or chat.clone.partner or "you"
    _memory(chat).add(f"{who}: {' '.join(chat.question.text.split())}", chat.question.created_at)
    chat.print(tr("Remembered."))


def _note(chat: "PlainChat", text: str) -> None:
    if not text:
        raise ChatcloneError(tr("a note needs words"), tr("/note mum's birthday"))
    now = time.time()
    _memory(chat).add(text, int(now), local_day(now))
    chat.print(tr("Noted for today."))


def _memory(chat: "PlainChat") -> Memory:
    if chat.clone.memory is None:
        raise ChatcloneError(tr("this clone has no memory"), tr("chatclone import makes one"))
    return chat.clone.memory


def _correct(chat: "PlainChat", text: str) -> None:
    if chat.reply is None:
        raise ChatcloneError(tr("there is no reply yet"), tr("write a message"))
    correct(chat.store, chat.clone.persona.dataset_folder, chat.reply, text, chat.reply.created_at)
    chat.print(tr("Kept: training can learn from it."))


def _set(chat: "PlainChat", name: str, value: str) -> None:
    if not name or (name == "partner" and not value):
        for known, now in described(chat.settings, chat.clone.sampling):
            chat.print(f"{known:<13}{visible(now)}")
        return
    chat.configure(with_setting(chat.settings, chat.clone.sampling, name, value))
    chat.print(tr("{name} is {value} in this conversation.", name=name, value=visible(value) or tr("as loaded")))
    if name == "model":
        runs = visible(chat.clone.engine.model)
        chat.print(tr("The app loads it; here {model} goes on until you start with --engine and --model.", model=runs))


def _strength(chat: "PlainChat", number: str) -> None:
    settings = with_setting(chat.settings, chat.clone.sampling, "strength", number)
    chat.clone.engine.set_strength(1.0 if settings.strength is None else settings.strength)
    chat.configure(settings)
    chat.print(strength_told(settings.strength))
