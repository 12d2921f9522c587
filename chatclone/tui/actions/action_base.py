"""What every action of the chat screen stands on: the store, the open conversation, its settings, its parts."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from textual.message import Message
from textual.screen import Screen

from chatclone.conversations import ChatStore, Settings, StoredMessage
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.i18n.error_text import explained
from chatclone.i18n.translate import tr
from chatclone.personas.persona import Persona
from chatclone.tui.services.bubble_timing import USUAL, rhythm_of
from chatclone.tui.services.model_choices import AS_STARTED, Key, Models, key_of
from chatclone.tui.services.model_loader import wake
from chatclone.tui.services.open_personas import CloneFactory
from chatclone.tui.services.reply_queue import Replies
from chatclone.tui.widgets.chat_list import ChatList
from chatclone.tui.widgets.composer import Composer
from chatclone.tui.widgets.conversation_view import ConversationView
from chatclone.tui.widgets.memory_panel import MemoryPanel
from chatclone.tui.widgets.message_bubbles import CloneMessage
from chatclone.tui.widgets.status_bar import StatusLine, Title

READ_SECONDS = 8
"""How long an error with what to try stays: two lines to be read."""


class ChatBase(Screen[None]):
    """A screen with one open conversation, or the beginning of a new one."""

    def __init__(
        self,
        persona: Persona,
        clone_factory: CloneFactory,
        store: ChatStore,
        clock: Callable[[], float],
        models: Models,
    ) -> None:
        super().__init__()
        self._persona = persona
        self._clone_factory = clone_factory
        self._store = store
        self._clock = clock
        self._conversation: int | None = None
        self._fresh = Settings()
        """How the next conversation will be held."""
        self._models = models
        self._rhythm = USUAL
        self._model_key = AS_STARTED
        """Which model is loaded, or on its way."""
        self._model_coming = False
        self._model_loads = 0
        self.replies = Replies(
            store,
            self.post_message,
            lambda work: self.run_worker(work, thread=True, group="reply"),
            lambda conversation: self._has_model(key_of(store.settings(conversation))),
        )

    @property
    def _view(self) -> ConversationView:
        return self.query_one(ConversationView)

    @property
    def _composer(self) -> Composer:
        return self.query_one(Composer)

    @property
    def _settings(self) -> Settings:
        """Settings of the open conversation."""
        return self._fresh if self._conversation is None else self._store.settings(self._conversation)

    @property
    def _usual(self) -> Sampling:
        """How tokens are chosen where a conversation does not say."""
        return self.replies.clone.sampling if self.replies.clone else self._persona.sampling

    @property
    def _partner(self) -> str:
        """Whom the clone talks to."""
        return self._settings.partner or (self.replies.clone.partner if self.replies.clone else "")

    def _configure(self, settings: Settings) -> None:
        """Save new settings for the open conversation."""
        if self._conversation is None:
            self._fresh = settings
        else:
            self._store.configure(self._conversation, settings)
        self._apply(settings)
        if self.replies.current is None:  # else it is loaded with the next question
            self._has_model(key_of(settings))

    def _has_model(self, key: Key) -> bool:
        """Return whether this model is loaded, or at least on its way where nothing else is; else begin to load it."""
        if key == self._model_key:
            return True
        self._load_model(key)
        return False

    def _load_model(self, key: Key) -> None:
        """Load a model in a thread, in the place of the one that is there; what is asked meanwhile waits for it."""
        self._model_key, self._model_coming, self.replies.clone = key, True, None
        self._model_loads += 1
        number = self._model_loads
        self._say(tr("waking up {name}…", name=self._persona.name))

        def tell(event: Message) -> bool:
            return self._model_loads == number and self.post_message(event)  # else it is another one's turn by now

        load = partial(wake, self._models.factory(key, self._clone_factory), tell)
        self.run_worker(load, thread=True, group="wake")

    def _apply(self, settings: Settings) -> None:
        """Let the screen be as the conversation is set."""
        moves = self.app.animation_level != "none"
        self._view.pace = self._delay if settings.rhythm and moves else None
        self.query_one(Title).call(settings.partner)

    def _delay(self, line: str) -> float:
        """Return how many seconds a bubble comes after the one before it, as far as the person's rhythm is known."""
        return self._rhythm.delay(line)

    def _learn_rhythm(self) -> None:
        """Learn how fast the person writes, in a thread."""
        self._rhythm = rhythm_of(self._persona)

    def _chosen_or_last(self) -> StoredMessage | None:
        """Return the message that is chosen, else the last one."""
        if (chosen := self._view.chosen) is not None:
            return self._store.message(chosen.id)
        last = self._store.messages(self._conversation, limit=1) if self._conversation is not None else []
        return last[0] if last else None

    def _last_of(self, role: str) -> StoredMessage | None:
        """Return the chosen message if it is of this role, else the last one that is."""
        chosen = self._view.chosen
        if chosen is not None:
            return self._store.message(chosen.id) if chosen.role == role else None
        found = self._store.messages(self._conversation, limit=20) if self._conversation is not None else []
        return next((m for m in reversed(found) if m.role == role), None)

    def _is_busy(self) -> bool:
        """Return whether a reply is being written, and say so."""
        if self.replies.current is None:
            return False
        self.notify(tr("Wait until the clone is free; Esc stops a reply."), severity="warning")
        return True

    def _explain(self, error: ChatcloneError) -> None:
        self.notify(explained(error), severity="warning", timeout=READ_SECONDS, markup=False)

    def _begin_command(self, text: str) -> None:
        """Put a command where messages are written, for its argument to follow."""
        self._composer.leave()
        self._composer.write(text)

    async def _begun(self, reply: StoredMessage | None) -> None:
        """Show a reply that has just begun."""
        if reply is None:
            return
        self._say(tr("typing…"))
        if reply.conversation == self._conversation:
            await self._view.add(reply)
            await self._view.change(self._store.message(reply.id))  # what came before its row was there

    async def _open(self, conversation: int | None, around: int | None = None, query: str = "") -> None:
        """Show a conversation at its end or around a message, or the beginning of a new one."""
        if conversation != self._conversation:
            self._composer.leave()
        self._conversation = conversation
        if conversation is None:
            self._fresh = Settings()
        else:
            self._store.mark_read(conversation)
        self._apply(self._settings)
        await self._view.open(conversation, around, query)
        rows = self._view.rows
        self._composer.remember([row.message.text for row in rows if row.message.role == "user"])
        chosen = self._view.chosen
        replies = [row.reply for row in rows if isinstance(row, CloneMessage)]
        shown = chosen if chosen is not None and chosen.role == "assistant" else replies[-1] if replies else None
        await self.query_one(MemoryPanel).show(shown)
        self._list_chats()

    async def _show_branch(self, first: StoredMessage) -> None:
        """Show what stands now in the place of a message and after it."""
        last = self._view.rows[-1].message if self._view.rows else None
        page = max(1, (last.depth if last else first.depth) - first.depth + 1)
        await self._view.replace([first, *self._store.messages(first.conversation, page, after=first.id)])
        replies = [row.reply for row in self._view.rows if isinstance(row, CloneMessage)]
        await self.query_one(MemoryPanel).show(replies[-1] if replies else None)
        self._list_chats()

    async def _open_latest(self) -> None:
        latest = self._store.conversations(limit=1)
        await self._open(latest[0].id if latest else None)

    def _begin_conversation(self, text: str) -> int:
        """Save a new conversation and return its id; it keeps whom the clone talks to."""
        settings = replace(self._fresh, partner=self._partner)
        self._conversation = self._store.create(text, settings=settings).id
        self._apply(settings)
        return self._conversation

    def _list_chats(self) -> None:
        self.query_one(ChatList).show(self._conversation)

    def _say(self, state: str) -> None:
        self.query_one(Title).say(state)
        self.query_one(StatusLine).offer_stop(self.replies.current is not None)
