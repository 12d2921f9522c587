"""Commands of the plain chat that ask the store or the clone something, or tell it, and print how that went."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.clone.saved_reply import explain
from chatclone.conversations import StoredMessage
from chatclone.conversations.corrections import correct
from chatclone.conversations.file_formats import read, written
from chatclone.errors import ChatcloneError
from chatclone.i18n.dates import local_day
from chatclone.i18n.error_text import explained_text
from chatclone.i18n.translate import number, tr, tr_message, trn
from chatclone.safe_text import visible
from chatclone.storage.atomic_files import write_atomically
from chatclone.tui.commands.save_target import file_for, kind_of, loaded, unreadable, unwritable
from chatclone.tui.commands.set_command import SIDES, both_sides, described, strength_told, with_setting
from chatclone.tui.services.model_choices import Key, key_of
from memory.memory import Memory

if TYPE_CHECKING:
    from chatclone.repl.plain_chat import PlainChat

RESULTS = 10
"""Messages that a search prints."""
LISTED = 20
"""Conversations that are listed."""
YES = ("y", "yes")
"""What agrees in any language, beside the language's own word."""


def told(chat: "PlainChat") -> dict[str, Callable[[str], None]]:
    """Return what runs for a command's id."""
    return {
        "chats": lambda argument: _chats(chat, argument),
        "memory": lambda argument: _cite(chat),
        "delete": lambda argument: _delete(chat),
        "undo": lambda argument: _undo(chat),
        "model": lambda argument: _model(chat, argument),
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
        "settings": lambda argument: _set(chat, "", ""),
        "unread": lambda argument: _unread(chat),
        "compare": lambda argument: _compare(chat),
        "set": lambda text: _set(chat, *text.partition(" ")[::2]),
    }


def _open(chat: "PlainChat") -> int:
    if chat.conversation is None:
        raise ChatcloneError(tr("this conversation has not begun"), tr("write a message"))
    return chat.conversation


def _chats(chat: "PlainChat", argument: str) -> None:
    """List the conversations, or go to one."""
    if argument:
        chat.open(chat.store.conversation(int(argument) if argument.isdecimal() else 0).id)
        return
    for one in chat.store.conversations(LISTED):
        marks = [tr("pinned")] if one.pinned else []
        marks += [trn("{count} new", "{count} new", one.unread)] if one.unread else []
        about = ", ".join([*marks, str(local_day(one.updated_at))])
        chat.print(f"{one.id:>5}  {visible(one.title)} ({about})")
    chat.print(tr("/chats NUMBER goes to one."))


def _delete(chat: "PlainChat") -> None:
    """Delete the open conversation, once that is agreed to."""
    open_one = _open(chat)
    title = visible(chat.store.conversation(open_one).title)
    chat.print(tr("Delete “{title}”? /undo brings it back, for a week.", title=title))
    if chat.ask(tr("yes or no")).strip().casefold() not in (*YES, tr("yes")):
        chat.print(tr("Kept."))
        return
    chat.store.delete(open_one)
    chat.open(None)
    chat.print(tr("Deleted; /undo brings it back, for a week."))


def _undo(chat: "PlainChat") -> None:
    deleted = chat.store.deletions(limit=1)
    if not deleted:
        raise ChatcloneError(tr("nothing was deleted within a week"), "chatclone chats restore")
    chat.open(chat.store.restore(deleted[0]).conversation)


def _cite(chat: "PlainChat") -> None:
    """Print the memories used for the last reply."""
    if chat.reply is None or not chat.reply.memory:
        nothing = tr("Nothing was remembered for the last reply.")
        chat.print(nothing if chat.reply else tr("There is no reply yet."))
        return
    for place, hit in enumerate(chat.reply.memory, start=1):
        head = f"[{place}] {hit.day} · {visible(hit.who)} · {visible(hit.chat)}"
        head += f" · {number(hit.score, '.2f')}"
        body = visible(hit.text.strip()).replace("\n", "\n    ")
        chat.print(f"{head}\n    {body}")


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


def _unread(chat: "PlainChat") -> None:
    chat.store.mark_read(_open(chat), read=False)
    chat.print(tr("Marked as not read."))


def _compare(chat: "PlainChat") -> None:
    """Answer the last question without the adapter and with it; the one that is chosen stays, or what was there."""
    question, before, seed = chat.question, chat.reply, random.randrange(2**31)
    if question is None:
        raise ChatcloneError(tr("there is no message yet"), tr("write one"))
    if not chat.wakes():
        return
    sides: list[StoredMessage] = []
    for title, settings in zip(SIDES, both_sides(chat.settings), strict=True):
        chat.print(tr(title))
        sides.append(chat.answer(seed, settings))
    chat.print(tr("1 or 2 keeps that one, anything else what was there."))
    chosen = chat.ask("1, 2").strip()
    kept = sides[int(chosen) - 1] if chosen in ("1", "2") else before
    for side in sides:
        if side is not kept:
            chat.store.delete_message(side)
    if kept is None:
        chat.store.show_until(question.id)
    else:
        chat.store.show(kept.id)
    chat.open(question.conversation)


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
    chat.print(tr("Saved to corrections.jsonl. Training does not use corrections yet."))


def _set(chat: "PlainChat", name: str, value: str) -> None:
    if not name or (name == "partner" and not value):
        for known, now in described(chat.settings, chat.clone.sampling):
            chat.print(f"{known:<13}{visible(now)}")
        return
    settings = with_setting(chat.settings, chat.clone.sampling, name, value)
    if key_of(settings) != key_of(chat.settings):
        _answer_by(chat, key_of(settings))
        return
    chat.configure(settings)
    chat.print(tr("{name} is {value} in this conversation.", name=name, value=visible(value) or tr("as loaded")))


def _model(chat: "PlainChat", argument: str) -> None:
    """List what can answer, or have one of it answer here."""
    choices = chat.loaded.models.choices()
    if not argument:
        for place, model in enumerate(choices, start=1):
            now = f", {tr('it answers now')}" if model.key == key_of(chat.settings) else ""
            chat.print(f"{place:>5}  {visible(model.title)} ({visible(model.about)}{now})")
        chat.print(tr("/model NUMBER chooses one."))
        return
    if not argument.isdecimal() or not 1 <= int(argument) <= len(choices):
        raise ChatcloneError(tr("there is no model {number}", number=argument), tr("/model lists what there is"))
    _answer_by(chat, choices[int(argument) - 1].key)


def _answer_by(chat: "PlainChat", key: Key) -> None:
    """Have a model answer in this conversation; one that cannot be loaded changes nothing."""
    try:
        chat.load(key)
    except Exception as error:
        chat.print(visible(explained_text(explain(error))))
        return
    chat.configure(replace(chat.settings, engine=key[0], model=key[1]))
    engine = chat.clone.engine
    chat.print(tr("{engine}, {model} answers in this conversation.", engine=engine.name, model=visible(engine.model)))
    if note := chat.loaded.note:
        chat.print(visible(tr_message(note)))


def _strength(chat: "PlainChat", number: str) -> None:
    settings = with_setting(chat.settings, chat.clone.sampling, "strength", number)
    chat.clone.engine.set_strength(1.0 if settings.strength is None else settings.strength)
    chat.configure(settings)
    chat.print(strength_told(settings.strength))
