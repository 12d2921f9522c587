"""What can be done with conversations: begin, go to, search, name, pin, delete, save to a file and read from one."""

import asyncio
from pathlib import Path

from textual import on
from textual.widgets import OptionList

from chatclone.conversations.file_formats import read, written
from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr
from chatclone.storage.atomic_files import write_atomically
from chatclone.tui.actions.action_base import ChatBase
from chatclone.tui.commands.save_target import file_for, kind_of, loaded, unreadable, unwritable
from chatclone.tui.screens.confirm import ConfirmScreen
from chatclone.tui.screens.search import SearchScreen
from chatclone.tui.widgets.chat_list import ChatList
from chatclone.tui.widgets.conversation_view import ConversationView


class ConversationActions(ChatBase):
    """Actions on the open conversation, and ways to others."""

    async def action_new(self) -> None:
        """Begin a new conversation; it is saved with its first message."""
        await self._open(None)
        self._composer.focus()

    async def action_chats(self, number: str = "") -> None:
        """Go to the list of conversations, or back to writing; with a number, to that conversation."""
        if number:
            try:
                await self._open(self._store.conversation(int(number) if number.isdecimal() else 0).id)
            except ChatcloneError as error:
                self._explain(error)
            return
        chats = self.query_one(ChatList)
        opening = not chats.has_focus
        self.set_class(opening, "-chats")
        (chats if opening else self._composer).focus()

    @on(OptionList.OptionSelected, "#chats")
    async def _chat_selected(self, event: OptionList.OptionSelected) -> None:
        self.remove_class("-chats")
        await self._open(int(event.option_id or 0))
        self._composer.focus()

    @on(ConversationView.Wanted)
    async def _page_wanted(self, event: ConversationView.Wanted) -> None:
        await self._view.further(event.way)

    def action_scroll(self, pages: int) -> None:
        """Scroll the conversation, wherever the cursor is."""
        self._view.scroll_relative(y=pages * (self._view.size.height - 2), animate=False)

    async def action_ends(self, way: int) -> None:
        """Go to the first or the last message."""
        first = self._view.rows[0].message if self._view.rows else None
        if first is None:
            return
        if way < 0:
            oldest = self._store.branch(first.id, first.depth + 1)[0]
            await self._open(self._conversation, around=oldest.id)
        else:
            await self._open(self._conversation)

    def action_search(self, words: str = "") -> None:
        """Find words in all conversations, and go to the place."""
        self.run_worker(self._search(words), group="search", exclusive=True)

    async def _search(self, words: str) -> None:
        found = await self.app.push_screen_wait(SearchScreen(self._store, words, self._clock))
        if found is not None and found.message is not None and not self._is_busy_elsewhere(found.conversation):
            self._store.show(found.message)
            await self._open(found.conversation, found.message, found.query)
        elif found is not None and found.message is None:
            await self._open(found.conversation)

    def _is_busy_elsewhere(self, conversation: int) -> bool:
        """Return whether a reply in this conversation must not be turned away from."""
        return (
            self.replies.current is not None and self.replies.current.conversation == conversation and self._is_busy()
        )

    def _meant(self) -> int | None:
        """Return the conversation under the cursor of the list, else the open one."""
        return self.query_one(ChatList).pointed or self._conversation

    def action_rename(self, title: str = "") -> None:
        """Give the conversation a title."""
        if not title:
            self._begin_command("/rename ")
        elif self._conversation is not None:
            self._store.rename(self._conversation, title)
            self._list_chats()

    def action_pin(self) -> None:
        """Keep a conversation at the top of the list, or no longer."""
        if (number := self._meant()) is not None:
            pinned = not self._store.conversation(number).pinned
            self._store.pin(number, pinned)
            self.notify(tr("Pinned: it stays at the top, with a ★.") if pinned else tr("No longer pinned."), timeout=3)
            self._list_chats()

    def action_unread(self) -> None:
        """Mark the last reply as one to read again."""
        if (number := self._meant()) is not None:
            self._store.mark_read(number, read=False)
            self._list_chats()

    def action_delete(self) -> None:
        """Delete a conversation, after asking."""
        self.run_worker(self._delete(), group="delete", exclusive=True)

    async def _delete(self) -> None:
        number = self._meant()
        if number is None:
            return
        title = self._store.conversation(number).title or tr("this conversation")
        question = tr("Delete “{title}”? /undo brings it back, for a week.", title=title)
        if await self.app.push_screen_wait(ConfirmScreen(question, tr("Delete"))):
            self.replies.forget(number)
            self._store.delete(number)
            await self._open_latest()

    def action_save(self, name: str = "") -> None:
        """Write the conversation to a file: Markdown or JSON, by the name's ending."""
        if not name or self._conversation is None:
            self._begin_command("/save ")
            return
        try:
            document = self._store.document(self._conversation)
            path = file_for(document.title, name)
            write_atomically(path, written([document], kind_of(path), self._persona.name))
        except ChatcloneError as error:
            self._explain(error)
        except OSError as error:
            self._explain(unwritable(name, error))
        else:
            self.notify(tr("Saved as {path}", path=path), markup=False)

    def action_load(self, name: str = "") -> None:
        """Read conversations from a file that /save or `chatclone chats export` wrote."""
        if name:
            self.run_worker(self._load(Path(name).expanduser()), group="load", exclusive=True)
        else:
            self._begin_command("/load ")

    async def _load(self, path: Path) -> None:
        try:
            documents = read(await asyncio.to_thread(path.read_bytes))
            added = self._store.insert(documents)
        except ChatcloneError as error:
            self._explain(error)
        except OSError as error:
            self._explain(unreadable(str(path), error))
        else:
            self.notify(loaded(len(added), len(documents)))
            if added:
                await self._open(added[0].id)
