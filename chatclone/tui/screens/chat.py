"""The chat with the clone: conversations at the left, the one that is open, and what the reply remembered.

The screen never waits for the model: it loads and writes in threads, which tell the screen through events.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import OptionList

from chatclone.chats import ChatStore, StoredMessage
from chatclone.errors import ChatcloneError
from chatclone.persona import Persona
from chatclone.tui import commands, events
from chatclone.tui.replies import Replies
from chatclone.tui.screens.confirm import ConfirmScreen
from chatclone.tui.waking import CloneFactory, wake
from chatclone.tui.widgets.bubbles import CloneMessage
from chatclone.tui.widgets.chat_list import ChatList
from chatclone.tui.widgets.composer import Composer
from chatclone.tui.widgets.conversation import WINDOW, ConversationView, EarlierLine
from chatclone.tui.widgets.memory_panel import MemoryPanel
from chatclone.tui.widgets.status import StatusLine, Title, what_runs


class ChatScreen(Screen[None]):
    """Messaging the clone of a person."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(c.keys, c.action, c.title, id=c.id, tooltip=c.description, priority=True)
        for c in commands.COMMANDS
        if c.keys and c.action.startswith("screen.")
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (72, "-narrow"), (90, "-wide")]  # noqa: RUF012 - declared so by Textual

    def __init__(
        self, persona: Persona, clone_factory: CloneFactory, store: ChatStore, clock: Callable[[], float]
    ) -> None:
        super().__init__()
        self._persona = persona
        self._clone_factory = clone_factory
        self._store = store
        self._clock = clock
        self._conversation: int | None = None
        self._window = WINDOW
        self.replies = Replies(store, self.post_message, lambda work: self.run_worker(work, thread=True, group="reply"))

    def compose(self) -> ComposeResult:
        """Build the three columns and the line below them."""
        name = self._persona.name
        with Horizontal(id="columns"):
            yield ChatList(id="chats")
            with Vertical(id="middle"):
                yield Title(name, id="title")
                yield ConversationView(name, self._clock, id="conversation")
                with Vertical(id="writing"):
                    yield Composer(f"Message {name}…", id="composer")
            yield MemoryPanel(id="memory")
        yield StatusLine(id="status")

    async def on_mount(self) -> None:
        """Open the latest conversation, and wake the clone once something is on the screen."""
        latest = self._store.conversations(limit=1)
        await self._open(latest[0].id if latest else None)
        self.query_one(Composer).focus()
        self._say(f"waking up {self._persona.name}…")
        load = partial(wake, self._clone_factory, self.post_message)
        self.call_after_refresh(self.run_worker, load, thread=True, group="wake")

    def on_unmount(self) -> None:
        """Stop what is being written, or its thread would keep a closed app alive; what there is of it is kept."""
        self.replies.stop()

    @on(events.CloneAwake)
    async def _clone_awake(self, event: events.CloneAwake) -> None:
        engine = event.clone.engine
        self.query_one(StatusLine).say(what_runs(engine))
        if event.note:
            self.notify(event.note, markup=False)
        self._say("awake")
        await self._begun(self.replies.awake(event.clone))

    @on(events.CloneAsleep)
    def _clone_asleep(self, event: events.CloneAsleep) -> None:
        what, _, hint = event.explanation.partition("\n")
        self._say("could not wake up")
        self.query_one(StatusLine).say("no model")
        message = f"{what}\ntry: {hint}" if hint else what
        self.notify(
            message, title=f"{self._persona.name} could not wake up", severity="error", timeout=60, markup=False
        )

    @on(Composer.Sent)
    async def _sent(self, event: Composer.Sent) -> None:
        if commands.is_command(event.text):
            await self._run_slash(event.text)
            return
        text = commands.unescape(event.text)
        if self._conversation is None:
            partner = self.replies.clone.partner if self.replies.clone else ""
            self._conversation = self._store.create(text, partner).id
        before = self._store.messages(self._conversation, limit=1)
        message = self._store.add(self._conversation, "user", text, parent=before[0].id if before else None)
        await self.query_one(ConversationView).add(message)
        self._list_chats()
        await self._begun(self.replies.ask(message))

    async def _run_slash(self, line: str) -> None:
        command, argument = commands.find(line)
        if command is None:
            self.notify(f"There is no {line.split()[0]}. F1 shows what there is.", severity="warning", markup=False)
        elif command.id == "rename" and argument:
            self._rename(argument)
        elif command.id == "strength" and argument:
            self._set_strength(argument)
        else:
            await self.run_action(command.action)

    async def _begun(self, reply: StoredMessage | None) -> None:
        """Show a reply that has just begun."""
        if reply is None:
            return
        self._say("typing…")
        if reply.conversation == self._conversation:
            await self.query_one(ConversationView).add(reply, self._place(reply))

    @on(events.PromptRead)
    def _prompt_read(self, event: events.PromptRead) -> None:
        if self.replies.current is not None:
            self.query_one(ConversationView).show_reading(self.replies.current.id, event.done, event.total)

    @on(events.ReplyChanged)
    async def _reply_changed(self, event: events.ReplyChanged) -> None:
        if event.reply.conversation == self._conversation:
            await self.query_one(ConversationView).change(event.reply)
            await self.query_one(MemoryPanel).show(event.reply)

    @on(events.ReplyEnded)
    async def _reply_ended(self, event: events.ReplyEnded) -> None:
        reply, clone = event.reply, self.replies.clone
        if reply.conversation == self._conversation:
            await self.query_one(ConversationView).change(reply)
            await self.query_one(MemoryPanel).show(reply)
        begun = self.replies.ended()
        self._say("awake" if reply.state != "failed" else "the last reply failed")
        if clone is not None:
            speed = reply.stats.get("tokens_per_second", 0.0)
            written = f" · {speed:.0f} tokens/s" if speed else ""
            self.query_one(StatusLine).say(f"{what_runs(clone.engine)}{written}")
        await self._begun(begun)

    @on(CloneMessage.Selected)
    async def _reply_selected(self, event: CloneMessage.Selected) -> None:
        await self.query_one(MemoryPanel).show(event.reply)

    @on(OptionList.OptionSelected, "#chats")
    async def _chat_selected(self, event: OptionList.OptionSelected) -> None:
        self.remove_class("-chats")
        await self._open(int(event.option_id or 0))
        self.query_one(Composer).focus()

    @on(EarlierLine.Wanted)
    async def _earlier_wanted(self) -> None:
        view = self.query_one(ConversationView)
        first = view.first_message
        await self._open(self._conversation, self._window + WINDOW)
        view.bring_to_top(first)

    def action_stop(self) -> None:
        """Stop the reply; with none to stop, go back to writing."""
        if self.replies.stop():
            return
        if self.has_class("-tiny") or self.has_class("-narrow"):
            self.query_one(MemoryPanel).display = False
        self.remove_class("-chats")
        self.query_one(Composer).focus()

    async def action_new(self) -> None:
        """Begin a new conversation; it is saved with its first message."""
        await self._open(None)
        self.query_one(Composer).focus()

    async def action_regenerate(self) -> None:
        """Have the last reply written again, or a question answered that never was."""
        if self._conversation is None:
            return
        if self.replies.current is not None or self.replies.clone is None:
            self.notify("Wait until the clone is free; Esc stops a reply.", severity="warning")
            return
        last = self._store.messages(self._conversation, limit=2)
        question = last[-1] if last and last[-1].role == "user" else last[0] if len(last) == 2 else None
        if question is None:
            return
        self._store.show_until(question.id)
        await self._open(self._conversation, self._window)
        await self._begun(self.replies.ask(question, seed=random.randrange(2**31)))

    async def action_sibling(self, step: int) -> None:
        """Go to another version of the last reply."""
        last = self._store.messages(self._conversation, limit=1) if self._conversation is not None else []
        if not last or self.replies.current is not None:
            return
        versions = self._store.siblings(last[0])
        wanted = versions.index(last[0].id) + step
        if 0 <= wanted < len(versions):
            self._store.show(versions[wanted])
            await self._open(self._conversation, self._window)

    def action_scroll(self, pages: int) -> None:
        """Scroll the conversation, wherever the cursor is."""
        view = self.query_one(ConversationView)
        view.scroll_relative(y=pages * (view.size.height - 2), animate=False)

    def action_memory(self) -> None:
        """Show the memory panel, or hide it."""
        panel = self.query_one(MemoryPanel)
        panel.display = not panel.display

    def action_copy(self) -> None:
        """Copy the last reply as it is shown, even while it is written."""
        replies = [row.reply for row in self.query(CloneMessage) if row.reply.text.strip()]
        if replies:
            self.app.copy_to_clipboard(replies[-1].text)
            self.notify("Copied.", timeout=2)
        else:
            self.notify("There is no reply to copy yet.", severity="warning", timeout=2)

    def action_chats(self) -> None:
        """Go to the list of conversations, or back to writing."""
        chats = self.query_one(ChatList)
        opening = not chats.has_focus
        self.set_class(opening, "-chats")
        (chats if opening else self.query_one(Composer)).focus()

    def action_strength(self) -> None:
        """Let the number be written."""
        self._begin_command("/strength ")

    def _set_strength(self, argument: str) -> None:
        strength = commands.read_strength(argument)
        if strength is None or self.replies.clone is None:
            self.notify("Write a number from 0 (the base alone) to 2, such as /strength 0.8", severity="warning")
            return
        try:
            self.replies.clone.engine.set_strength(strength)
        except ChatcloneError as error:
            self.notify(f"{error.message}: {error.hint}", severity="warning", markup=False)
        else:
            self.notify(f"The adapter is applied at {strength:g}.")

    def action_rename(self) -> None:
        """Let the title be written."""
        self._begin_command("/rename ")

    def _begin_command(self, text: str) -> None:
        """Put a command where messages are written."""
        composer = self.query_one(Composer)
        composer.text = text
        composer.move_cursor(composer.document.end)
        composer.focus()

    def action_delete(self) -> None:
        """Delete the open conversation, after asking."""
        self.run_worker(self._delete(), group="delete", exclusive=True)

    async def _delete(self) -> None:
        number = self._conversation
        if number is None:
            return
        if await self.app.push_screen_wait(ConfirmScreen("Delete this conversation? It cannot be undone.", "Delete")):
            self.replies.forget(number)
            self._store.delete(number)
            latest = self._store.conversations(limit=1)
            await self._open(latest[0].id if latest else None)

    def _rename(self, title: str) -> None:
        if self._conversation is not None:
            self._store.rename(self._conversation, title)
            self._list_chats()

    async def _open(self, conversation: int | None, window: int = WINDOW) -> None:
        """Show a conversation, or the beginning of a new one."""
        self._conversation, self._window = conversation, window
        found = [] if conversation is None else self._store.messages(conversation, window + 1)
        messages = found[-window:]
        places = {m.id: self._place(m) for m in messages if m.role == "assistant"}
        await self.query_one(ConversationView).show(messages, places, more=len(found) > window)
        replies = [m for m in messages if m.role == "assistant"]
        await self.query_one(MemoryPanel).show(replies[-1] if replies else None)
        self._list_chats()

    def _place(self, reply: StoredMessage) -> tuple[int, int]:
        """Return which of how many versions a reply is."""
        versions = self._store.siblings(reply)
        return versions.index(reply.id) + 1, len(versions)

    def _list_chats(self) -> None:
        self.query_one(ChatList).show(self._store.conversations(), self._conversation, self._clock())

    def _say(self, state: str) -> None:
        self.query_one(Title).say(state)
        self.query_one(StatusLine).offer_stop(self.replies.current is not None)
