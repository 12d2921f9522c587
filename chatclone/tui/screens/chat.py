"""The chat with the clone: conversations at the left, the one that is open, and what the reply remembered.

The screen never waits for the model: it loads and writes in threads, which tell the screen through events. What can
be done here is in `tui.chat`.
"""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from chatclone.i18n.error_text import hinted
from chatclone.i18n.translate import tr, tr_message
from chatclone.tui.actions.conversation_actions import ConversationActions
from chatclone.tui.actions.memory_actions import MemoryActions
from chatclone.tui.actions.message_actions import MessageActions
from chatclone.tui.actions.settings_actions import HoldingActions
from chatclone.tui.commands import command_table
from chatclone.tui.services import thread_messages
from chatclone.tui.services.model_choices import AS_STARTED
from chatclone.tui.widgets.chat_list import ChatList
from chatclone.tui.widgets.composer import Composer
from chatclone.tui.widgets.conversation_view import ConversationView
from chatclone.tui.widgets.memory_panel import MemoryPanel
from chatclone.tui.widgets.status_bar import StatusLine, Title, what_runs


class ChatScreen(MessageActions, ConversationActions, MemoryActions, HoldingActions):
    """Messaging the clone of a person."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(command_table.binding_keys(c), c.action, c.title, id=c.id, tooltip=c.description, priority=True)
        for c in command_table.COMMANDS
        if c.action.startswith("screen.")
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (72, "-narrow"), (90, "-wide"), (160, "-huge")]  # noqa: RUF012 - declared so by Textual

    def compose(self) -> ComposeResult:
        """Build the three columns and the line below them."""
        name = self._persona.name
        with Horizontal(id="columns"):
            yield ChatList(self._store, self._clock, id="chats")
            with Vertical(id="middle"):
                yield Title(name, id="title")
                yield ConversationView(name, self._store, self._clock, id="conversation")
                with Vertical(id="writing"):
                    yield Composer(tr("Message {name}…", name=name), id="composer")
            yield MemoryPanel(id="memory")
        yield StatusLine(id="status")

    async def on_mount(self) -> None:
        """Open the latest conversation, and wake the clone once something is on the screen."""
        await self._open_latest()
        self._composer.focus()
        self._say(tr("waking up {name}…", name=self._persona.name))
        self.call_after_refresh(self._load_model, AS_STARTED)
        self.call_after_refresh(self.run_worker, self._learn_rhythm, thread=True, group="rhythm", exit_on_error=False)
        self.call_after_refresh(self.run_worker, self._store.purge, thread=True, group="purge", exit_on_error=False)

    def on_unmount(self) -> None:
        """Stop what is being written, or its thread would keep a closed app alive; what there is of it is kept."""
        self.replies.stop()

    @on(thread_messages.CloneAwake)
    async def _clone_awake(self, event: thread_messages.CloneAwake) -> None:
        self._model_coming = False
        self.query_one(StatusLine).say(what_runs(event.clone.engine), tr_message(event.note))
        self._say(tr("awake"))
        await self._begun(self.replies.awake(event.clone))

    @on(thread_messages.CloneAsleep)
    def _clone_asleep(self, event: thread_messages.CloneAsleep) -> None:
        self._model_coming = False
        self._say(tr("failed to load the model"))
        self.query_one(StatusLine).say(tr("no model"))
        title = tr("{name}: failed to load the model", name=self._persona.name)
        message = hinted(*event.explanation.partition("\n")[::2])
        self.notify(message, title=title, severity="error", timeout=60, markup=False)

    @on(Composer.Sent)
    async def _sent(self, event: Composer.Sent) -> None:
        if await self._compose_done(event):
            return
        if command_table.is_command(event.text):
            await self._run_slash(event.text)
            return
        text = command_table.unescape(event.text)
        number = self._conversation if self._conversation is not None else self._begin_conversation(text)
        before = self._store.messages(number, limit=1)
        message = self._store.add(number, "user", text, parent=before[0].id if before else None)
        self._view.choose(None)
        await self._view.add(message)
        self._list_chats()
        await self._begun(self.replies.ask(message))

    async def _run_slash(self, line: str) -> None:
        command, argument = command_table.find(line)
        if command is None:
            text = tr("There is no {command}. F1 shows what there is.", command=line.split()[0])
            self.notify(text, severity="warning", markup=False)
        elif command.argument and argument:
            await self.run_action(f"{command.action}({argument!r})")
        else:
            await self.run_action(command.action)

    @on(thread_messages.PromptRead)
    async def _prompt_read(self, event: thread_messages.PromptRead) -> None:
        if self.replies.current is not None:
            await self._view.show_reading(self.replies.current.id, event.done, event.total)

    @on(thread_messages.ReplyChanged)
    async def _reply_changed(self, event: thread_messages.ReplyChanged) -> None:
        self._compare_changed(event.reply)
        if event.reply.conversation == self._conversation:
            await self._view.change(event.reply)
            await self.query_one(MemoryPanel).show(event.reply)

    @on(thread_messages.ReplyEnded)
    async def _reply_ended(self, event: thread_messages.ReplyEnded) -> None:
        reply, clone = event.reply, self.replies.clone
        if reply.conversation == self._conversation:
            await self._view.change(reply)
            await self.query_one(MemoryPanel).show(reply)
            self._store.mark_read(reply.conversation)
        begun = self.replies.ended()
        self._say(tr("awake") if reply.state != "failed" else tr("the last reply failed"))
        if clone is not None:
            speed = reply.stats.get("tokens_per_second", 0.0)
            self.query_one(StatusLine).say(what_runs(clone.engine, speed))
        self._list_chats()
        await self._begun(begun)
        await self._compare_ended(reply)

    async def action_stop(self) -> None:
        """Stop the reply, else leave what is being done; with nothing to leave, go back to writing."""
        hurried = await self._view.hurry()
        if self.replies.stop() or hurried or self._composer.leave():
            return
        self._view.choose(None)
        if self.has_class("-tiny") or self.has_class("-narrow"):
            self.query_one(MemoryPanel).display = False
        self.remove_class("-chats")
        self._composer.focus()
