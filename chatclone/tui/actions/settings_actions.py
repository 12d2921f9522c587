"""Actions on a conversation's settings: partner, adapter strength, pace; and the comparison."""

import random
from dataclasses import dataclass, field, replace

from chatclone.conversations import StoredMessage
from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import tr
from chatclone.tui.actions.action_base import ChatBase
from chatclone.tui.commands.set_command import both_sides, strength_told, with_setting
from chatclone.tui.screens.choose_model import ModelScreen
from chatclone.tui.screens.choose_partner import PartnerScreen
from chatclone.tui.screens.compare import CompareScreen
from chatclone.tui.screens.conversation_settings import SettingsScreen
from chatclone.tui.services.model_choices import key_of


@dataclass
class Comparison:
    """Two replies to one question on their way, without the adapter first."""

    question: StoredMessage
    screen: CompareScreen
    seed: int
    shown_before: int | None
    done: list[StoredMessage] = field(default_factory=list)


class HoldingActions(ChatBase):
    """Actions on the settings of the open conversation."""

    _comparison: Comparison | None = None
    _unwanted: int | None = None
    """A reply of a comparison that was left, while it is still being stopped."""

    def action_partner(self, name: str = "") -> None:
        """Choose whom the clone talks to in this conversation."""
        if name:
            self._set("partner", name)
            text = tr("To {name} you are {partner} now.", name=self._persona.name, partner=self._settings.partner)
            self.notify(text, markup=False)
        else:
            self.run_worker(self._choose_partner(), group="partner", exclusive=True)

    async def _choose_partner(self) -> None:
        name = await self.app.push_screen_wait(PartnerScreen(self._persona.name, self._persona.partners, self._partner))
        if name:
            self.action_partner(name)

    def action_settings(self, text: str = "") -> None:
        """Show all settings of this conversation, or change one: a name and a value."""
        name, _, value = text.partition(" ")
        if text:
            self._set(name, value)
        else:
            self.run_worker(self._change_settings(), group="settings", exclusive=True)

    async def _change_settings(self) -> None:
        changed = await self.app.push_screen_wait(SettingsScreen(self._settings, self._usual, self._models.choices()))
        if changed is not None:
            self._configure(changed)
            self.notify(tr("Saved for this conversation."), timeout=3)

    def action_model(self) -> None:
        """Choose the engine and the model that answer in this conversation."""
        if not self._is_busy():
            self.run_worker(self._choose_model(), group="model", exclusive=True)

    async def _choose_model(self) -> None:
        chosen = await self.app.push_screen_wait(ModelScreen(self._models.choices(), key_of(self._settings)))
        if chosen is not None:
            self._configure(replace(self._settings, engine=chosen.engine, model=chosen.model))
            if self.replies.clone is None and not self._model_coming:
                self._load_model(chosen.key)  # it could not be loaded before

    def action_strength(self, number: str = "") -> None:
        """Set how much of the adapter is applied, at once."""
        if not number:
            self._begin_command("/strength ")
            return
        if self._set("strength", number) and self.replies.clone is not None:
            strength = self._settings.strength
            try:
                self.replies.clone.engine.set_strength(1.0 if strength is None else strength)
            except ChatcloneError as error:
                self._explain(error)
            else:
                self.notify(strength_told(strength))

    def action_rhythm(self) -> None:
        """Let bubbles come one after another as people send them, or at once."""
        settings = replace(self._settings, rhythm=not self._settings.rhythm)
        self._configure(settings)
        text = tr("Bubbles come one after another.") if settings.rhythm else tr("Bubbles come at once.")
        self.notify(text, timeout=3)

    def _set(self, name: str, value: str) -> bool:
        """Change one setting, or say what is wrong with it; returns whether it changed."""
        try:
            self._configure(with_setting(self._settings, self._usual, name, value))
        except ChatcloneError as error:
            self._explain(error)
            return False
        return True

    async def action_compare(self) -> None:
        """Answer the last question without the adapter and with it, side by side."""
        question = self._last_of("user")
        if question is None or self.replies.clone is None:
            self.notify(tr("Ask something first, and wait until the model is loaded."), severity="warning")
        elif not self._is_busy():
            after = self._store.messages(question.conversation, 1, after=question.id)
            screen = CompareScreen(self._persona.name)
            self._comparison = Comparison(question, screen, random.randrange(2**31), after[0].id if after else None)
            self._store.show_until(question.id)
            self.app.push_screen(screen, self._compared)
            await self._begun(self.replies.ask(question, self._comparison.seed, both_sides(self._settings)[0]))

    def _compare_changed(self, reply: StoredMessage) -> None:
        """Show a reply on its side of the comparison, if it is part of one."""
        if (comparison := self._comparison) is not None and reply.parent == comparison.question.id:
            comparison.screen.show(len(comparison.done), reply)

    async def _compare_ended(self, reply: StoredMessage) -> None:
        """Go on with the other side, or let the reader choose."""
        comparison = self._comparison
        if reply.id == self._unwanted:
            self._unwanted = None
            self._store.delete_message(reply)
            return
        if comparison is None or reply.parent != comparison.question.id:
            return
        comparison.screen.show(len(comparison.done), reply)
        comparison.done.append(reply)
        if len(comparison.done) == 1:
            await self._begun(self.replies.ask(comparison.question, comparison.seed, both_sides(self._settings)[1]))

    async def _compared(self, side: int | None) -> None:
        """Keep the side that was chosen and delete the rest; with none chosen, what was there before is shown."""
        comparison, self._comparison = self._comparison, None
        if comparison is None:
            return
        current, question = self.replies.current, comparison.question
        if current is not None and current.parent == question.id:
            self._unwanted = current.id
            self.replies.stop()
        for place, reply in enumerate(comparison.done):
            if place != side:
                self._store.delete_message(reply)
        kept = comparison.done[side].id if side is not None else comparison.shown_before
        if kept is None:
            self._store.show_until(question.id)
        else:
            self._store.show(kept)
        if question.conversation == self._conversation:
            await self._show_branch(self._store.message(kept or question.id))
