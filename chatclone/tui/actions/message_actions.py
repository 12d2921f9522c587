"""What can be done with a message: edit, write again, go on, go to another version, correct, copy, delete."""

import random

from textual import on
from textual.app import SuspendNotSupported

from chatclone.conversations.corrections import correct, correction_of
from chatclone.conversations.file_formats import written
from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr, trn
from chatclone.tui.actions.action_base import ChatBase
from chatclone.tui.terminal.clipboard import copied
from chatclone.tui.terminal.external_editor import edited
from chatclone.tui.widgets.composer import Composer
from chatclone.tui.widgets.memory_panel import MemoryPanel
from chatclone.tui.widgets.message_bubbles import MessageChosen, Versions


class MessageActions(ChatBase):
    """Actions on the chosen message; with none chosen, on the last one they make sense for."""

    async def action_edit(self, text: str = "") -> None:
        """Put a message of mine where it can be changed; Enter then sends it beside the old one."""
        question = self._last_of("user")
        if question is None:
            self.notify(tr("Choose a message of your own; “I would say” is for the clone's."), severity="warning")
        elif text:
            await self._edited(question.id, text)
        elif not self._is_busy():
            self._composer.begin(question.text, "edit", question.id)

    async def _edited(self, number: int, text: str) -> None:
        """Send another version of a message."""
        if self._is_busy():
            self._composer.begin(text, "edit", number)
            return
        message = self._store.message(number)
        if text.strip() == message.text.strip():
            return
        new = self._store.edit(message, text)
        if new.conversation == self._conversation:
            await self._view.add(new)
        self._view.choose(None)
        self._list_chats()
        await self._begun(self.replies.ask(new))

    async def action_better(self, text: str = "") -> None:
        """Say what I would have said instead of a reply."""
        reply = self._last_of("assistant")
        if reply is None or not reply.text.strip():
            self.notify(tr("Nothing to correct yet."), severity="warning")
        elif text:
            self._correct(reply.id, text)
        else:
            known = correction_of(self._persona.dataset_folder, reply)
            self._composer.begin(known.chosen if known else reply.text, "better", reply.id)

    def _correct(self, number: int, text: str) -> None:
        try:
            correct(self._store, self._persona.dataset_folder, self._store.message(number), text, self._clock())
        except ChatcloneError as error:
            self._explain(error)
        else:
            self.notify(
                tr("Saved to corrections.jsonl. Training does not use corrections yet."), title=tr("I would say")
            )

    async def action_regenerate(self) -> None:
        """Have a reply written again, or a question answered that never was."""
        target = self._chosen_or_last()
        if target is None:
            return
        if self.replies.clone is None:
            self.notify(tr("The clone is not awake yet."), severity="warning")
        if self.replies.clone is None or self._is_busy():
            return
        if target.role == "assistant" and target.parent is None:
            return
        question = target if target.role == "user" else self._store.message(target.parent or 0)
        self._store.show_until(question.id)
        self._view.choose(None)
        await self._begun(self.replies.ask(question, seed=random.randrange(2**31)))

    async def action_continue(self) -> None:
        """Let a reply that was cut go on where it ended."""
        reply = self._last_of("assistant")
        if reply is None or self._is_busy():
            return
        try:
            resumed = self.replies.resume(reply)
        except ChatcloneError as error:
            self._explain(error)
            return
        if resumed is None:
            self.notify(tr("The clone is not awake yet."), severity="warning")
            return
        await self._view.change(resumed)
        self._say(tr("typing…"))

    async def action_sibling(self, step: int) -> None:
        """Go to another version of the chosen message, or of the last one."""
        target = self._chosen_or_last()
        if target is not None and target.versions == 1 and self._view.chosen is None and target.parent is not None:
            target = self._store.message(target.parent)
        if target is not None and target.conversation == self._conversation and not self._is_busy():
            versions = self._store.siblings(target)
            wanted = versions.index(target.id) + step
            if 0 <= wanted < len(versions):
                self._store.show(versions[wanted])
                await self._show_branch(self._store.message(versions[wanted]))

    @on(Versions.Wanted)
    async def _version_wanted(self, event: Versions.Wanted) -> None:
        self._view.choose(event.message.id)
        await self.action_sibling(event.step)

    async def action_select(self, step: int) -> None:
        """Choose the message above or below."""
        chosen = self._view.choose_next(step)
        if chosen is not None and chosen.role == "assistant":
            await self.query_one(MemoryPanel).show(chosen)

    @on(MessageChosen)
    async def _message_chosen(self, event: MessageChosen) -> None:
        self._view.choose(event.message.id)
        if event.message.role == "assistant":
            await self.query_one(MemoryPanel).show(event.message)

    def action_copy(self, what: str = "") -> None:
        """Copy the chosen message, the last reply as it is even while it is written, or the whole conversation."""
        if what == "all" and self._conversation is not None:
            text = written([self._store.document(self._conversation)], "markdown", self._persona.name)
        else:
            said = [row.message for row in reversed(self._view.rows)]
            found = self._view.chosen or next((m for m in said if m.role == "assistant" and m.text.strip()), None)
            if found is None:
                self.notify(tr("There is no reply to copy yet."), severity="warning", timeout=2)
                return
            text = found.text
        self.app.copy_to_clipboard(text)
        self.notify(copied(text, self._persona.folder), timeout=4, markup=False)

    async def action_unsend(self) -> None:
        """Delete a message with all that follows it; /undo brings it back."""
        target = self._chosen_or_last()
        if target is None or self._is_busy():
            return
        deletion = self._store.delete_message(target)
        self._view.choose(None)
        await self._open(self._conversation, around=None)
        text = trn(
            "{count} message deleted. /undo brings it back, for a week.",
            "{count} messages deleted. /undo brings them back, for a week.",
            deletion.messages,
        )
        self.notify(text, timeout=8)

    async def action_undo(self) -> None:
        """Bring back what was deleted last, and show it."""
        deleted = self._store.deletions(limit=1)
        if not deleted:
            self.notify(tr("Nothing was deleted within a week."), severity="warning")
        elif not self._is_busy():
            found = self._store.restore(deleted[0])
            await self._open(found.conversation, around=found.message)
            self.notify(tr("Back again."), timeout=3)

    def action_editor(self) -> None:
        """Write the message in the editor that $EDITOR names."""
        try:
            with self.app.suspend():
                text = edited(self._composer.text)
        except SuspendNotSupported:
            self.notify(tr("The editor needs a terminal of its own."), severity="warning")
        except ChatcloneError as error:
            self._explain(error)
        else:
            self._composer.write(text)
        self.refresh()

    async def _compose_done(self, event: Composer.Sent) -> bool:
        """Take what was written for another purpose than sending; returns whether it was."""
        if event.purpose == "edit" and event.about is not None:
            await self._edited(event.about, event.text)
        elif event.purpose == "better" and event.about is not None:
            self._correct(event.about, event.text)
        else:
            return False
        return True
