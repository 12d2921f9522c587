"""What can be done with memory: see what a reply was given, where that was said, forget it, and add to it."""

import asyncio

from textual import on

from chatclone.i18n.dates import date_title, local_day
from chatclone.i18n.translate import tr, trn
from chatclone.tui.actions.action_base import ChatBase
from chatclone.tui.screens.confirm import ConfirmScreen
from chatclone.tui.screens.memory_context import SurroundingsScreen
from chatclone.tui.widgets.memory_panel import HitCard, MemoryPanel
from memory.memory import Memory
from memory.search.recall import Hit


class MemoryActions(ChatBase):
    """Actions on the clone's memory; while there is none they say so."""

    def action_memory(self) -> None:
        """Show the memory panel, or hide it."""
        panel = self.query_one(MemoryPanel)
        panel.display = not panel.display
        if panel.display:
            self._show_notes()

    def _show_notes(self) -> None:
        clone = self.replies.clone
        if clone is not None and clone.memory is not None:
            self.query_one(MemoryPanel).note(clone.memory.notes_for(local_day(self._clock())))

    def _memory(self) -> Memory | None:
        """Return the clone's memory, or say why there is none."""
        clone = self.replies.clone
        if clone is None:
            self.notify(tr("The clone is not awake yet."), severity="warning")
            return None
        if clone.memory is None:
            text = tr("This clone has no memory: `chatclone import` makes one.")
            self.notify(text, severity="warning", markup=False)
        return clone.memory

    async def action_remember(self) -> None:
        """Keep the chosen message, or the last one of mine, in memory as a note."""
        message = self._view.chosen or self._last_of("user")
        if message is None or not message.text.strip():
            self.notify(tr("Choose a message with words: Alt+↑ and Alt+↓."), severity="warning")
        elif (memory := self._memory()) is not None:
            who = self._persona.name if message.role == "assistant" else self._partner or "you"
            text = f"{who}: {' '.join(message.text.split())}"
            await asyncio.to_thread(memory.add, text, message.created_at)
            self.notify(tr("Remembered. A note comes first where it fits."), timeout=3)

    async def action_note(self, text: str = "") -> None:
        """Tell the clone what is on today; it is given that all day, whatever is asked."""
        if not text:
            self._begin_command("/note ")
        elif (memory := self._memory()) is not None:
            today = local_day(self._clock())
            await asyncio.to_thread(memory.add, text, int(self._clock()), today)
            self._show_notes()
            self.notify(tr("Noted for today."), timeout=3)

    @on(HitCard.Opened)
    def _hit_opened(self, event: HitCard.Opened) -> None:
        if (memory := self._memory()) is None:
            return
        found = memory.show(event.hit.id)
        if found is None:
            self.notify(tr("Memory does not hold this any more."), severity="warning")
        else:
            self.app.push_screen(SurroundingsScreen(found, event.hit.chat))

    @on(HitCard.Forgotten)
    def _hit_forgotten(self, event: HitCard.Forgotten) -> None:
        if (memory := self._memory()) is not None:
            self.run_worker(self._forget(memory, event.hit), group="forget", exclusive=True)

    async def _forget(self, memory: Memory, hit: Hit) -> None:
        question = tr(
            "Forget this of {day}, for good? It leaves memory and every reply that was given it.",
            day=date_title(hit.day),
        )
        if not await self.app.push_screen_wait(ConfirmScreen(question, tr("Forget"))):
            return
        gone = await asyncio.to_thread(memory.forget, passage=hit.id)
        lines = set(hit.text.split("\n"))
        self._store.drop_memory(lambda other: other.id == hit.id or bool(lines & set(other.text.split("\n"))))
        self.notify(trn("Forgotten: {count} message.", "Forgotten: {count} messages.", gone))
        chosen = self._view.chosen
        await self._open(self._conversation, around=chosen.id if chosen else None)
