"""Long conversations and long lists: pages come and go as they are read, and search lands in the middle."""

from functools import partial

from textual import events
from textual.app import App
from textual.widgets import Input

from chatclone.conversations import ChatStore
from chatclone.conversations.document import ConversationDocument, MessageDocument
from chatclone.tui.screens.search import SearchScreen
from chatclone.tui.widgets.chat_list import PAGE as LIST_PAGE
from chatclone.tui.widgets.chat_list import ChatList
from chatclone.tui.widgets.conversation_view import MOST, PAGE, ConversationView, PageLine
from chatclone.tui.widgets.message_bubbles import Bubble
from tests.chatclone.tui.stage import NOW, app_with, awake, chat, lines, quiet, send, until
from tests.fakes import FakeEngine

LONG = 20_000


def shows_first(app: App[None], text: str) -> bool:
    """Tell whether this is the first bubble that is drawn."""
    return lines(app)[0] == text


def fill(store: ChatStore, messages: int) -> None:
    """Put a conversation of so many messages into the store at once."""
    said = tuple(
        MessageDocument(
            *(n + 1, "user" if n % 2 == 0 else "assistant", f"m{n}", NOW),
            parent=n or None,
            selected=n + 2 if n < messages - 1 else None,
        )
        for n in range(messages)
    )
    store.insert([ConversationDocument("long", NOW, NOW, said, first=1, read=messages)])


class TestConversation:
    """Only what is looked at is drawn."""

    async def test_a_long_one_is_read_page_by_page(self, store: ChatStore) -> None:
        """It opens at its end; scrolling back brings pages and lets others go, and what is read stays in place."""
        fill(store, LONG)
        async with app_with(FakeEngine(("last",)), store).run_test(size=(100, 30)) as pilot:
            await awake(pilot)
            view = pilot.app.query_one(ConversationView)
            assert (lines(pilot.app)[0], lines(pilot.app)[-1]) == (f"m{LONG - PAGE}", f"m{LONG - 1}")
            await until(pilot, lambda: view.scroll_y == view.max_scroll_y > 0)
            view.scroll_to(y=3, animate=False)
            await pilot.pause()
            top = next(row for row in view.rows if row.region.y >= view.region.y)
            before = top.region.y
            await pilot.press("pageup")
            await until(pilot, lambda: lines(pilot.app)[0] == f"m{LONG - 2 * PAGE}")
            await until(pilot, lambda: view._held is None)
            assert top.region.y - before == 3
            assert len(view.query(PageLine)) == 1
            for pages in range(3, 6):
                view.scroll_to(y=0, animate=False)
                first = f"m{LONG - pages * PAGE}"
                await until(pilot, partial(shows_first, pilot.app, first))
                await until(pilot, lambda: view._held is None)
            assert len(view.rows) == MOST
            assert len(view.query(PageLine)) == 2
            view.scroll_end(animate=False)
            await until(pilot, lambda: lines(pilot.app)[-1] == f"m{LONG - PAGE - 1}")
            await send(pilot, "and now")
            await quiet(pilot)
            assert lines(pilot.app)[-2:] == ["and now", "last"]
            await until(pilot, lambda: view.scroll_y == view.max_scroll_y)

    async def test_a_page_is_drawn_with_few_parts(self, store: ChatStore) -> None:
        """A message is its row, a line above or beside it, and its bubbles: opening costs what is drawn."""
        fill(store, LONG)
        async with app_with(FakeEngine(), store).run_test(size=(100, 30)) as pilot:
            await awake(pilot)
            view = pilot.app.query_one(ConversationView)
            assert not view.query(".outcome")
            assert len(view.query("*")) == 3 * PAGE + len(view.query("DayLine")) + len(view.query(PageLine))

    async def test_a_reader_who_scrolled_up_is_left_there(self, store: ChatStore) -> None:
        """A reply that grows below moves nothing; wheel and keys both reach the beginning."""
        fill(store, 36)
        engine = FakeEngine(("a\n" * 30, "b\n" * 30), hold=True)
        async with app_with(engine, store).run_test(size=(100, 24)) as pilot:
            await awake(pilot)
            view = pilot.app.query_one(ConversationView)
            await send(pilot, "go")
            engine.release()
            await until(pilot, lambda: "a" in lines(pilot.app))
            await until(pilot, lambda: view.scroll_y == view.max_scroll_y)
            view._on_mouse_scroll_up(_wheel(view))
            await until(pilot, lambda: view.scroll_y < view.max_scroll_y)
            place = view.scroll_y
            engine.release()
            await quiet(pilot)
            assert "b" in lines(pilot.app)
            assert view.scroll_y == place
            await pilot.press("ctrl+home")
            await until(pilot, lambda: lines(pilot.app)[0] == "m0")
            assert not [line for line in view.query(PageLine) if line.way == "earlier"]

    async def test_search_goes_to_the_place_and_marks_it(self, store: ChatStore) -> None:
        """Results come while one types; around the place pages are read both ways."""
        fill(store, 400)
        store.add(store.create("other").id, "user", "hello")
        async with app_with(FakeEngine(), store).run_test(size=(100, 30)) as pilot:
            await awake(pilot)
            assert lines(pilot.app) == ["hello"]
            await pilot.press("ctrl+f")
            await until(pilot, lambda: isinstance(pilot.app.screen, SearchScreen))
            await pilot.press(*"m201")
            screen = pilot.app.screen
            assert isinstance(screen, SearchScreen)
            await until(pilot, lambda: [place.message is not None for place in screen._places] == [True])
            await pilot.press("enter")
            await until(pilot, lambda: "m201" in lines(pilot.app))
            view = pilot.app.query_one(ConversationView)
            assert view.chosen is not None
            assert view.chosen.text == "m201"
            (marked,) = [b for b in chat(pilot.app).query(Bubble) if "reverse" in repr(b.render())]
            assert str(marked.render()) == "m201"
            assert len(view.query(PageLine)) == 2
            last = lines(pilot.app)[-1]
            view.scroll_end(animate=False)
            await until(pilot, lambda: int(lines(pilot.app)[-1][1:]) > int(last[1:]))
            await pilot.press("ctrl+f", *"zebra")
            await until(pilot, lambda: pilot.app.screen.query_one(Input).value == "zebra")
            await pilot.press("enter", "escape")
            await until(pilot, lambda: pilot.app.screen is chat(pilot.app))


def _wheel(view: ConversationView) -> events.MouseScrollUp:
    return events.MouseScrollUp(view, 5, 5, 0, -1, 0, False, False, False)


class TestList:
    """Ten thousand conversations are read by the hundred."""

    async def test_pages_pins_and_what_is_unread(self, store: ChatStore) -> None:
        """The end of the list brings more; signs and words say what is pinned and unread."""
        store.insert(ConversationDocument(f"c{n}", NOW - n, NOW - n) for n in range(10_000))
        newest = store.conversations(1)[0].id
        question = store.add(newest, "user", "hi")
        store.add(newest, "assistant", "hey", parent=question.id)
        async with app_with(FakeEngine(), store).run_test(size=(120, 30)) as pilot:
            await awake(pilot)
            chats = pilot.app.query_one(ChatList)
            assert chats.option_count == LIST_PAGE
            await send(pilot, "/unread")
            await until(pilot, lambda: "1 new" in str(chats.get_option_at_index(0).prompt))
            await pilot.press("ctrl+g", "down", "down")
            await until(pilot, lambda: chats.highlighted == 2)
            await pilot.press("ctrl+g")
            await pilot.press("ctrl+g", "end")
            await until(pilot, lambda: chats.option_count == 2 * LIST_PAGE)
            await pilot.press("enter")
            await until(pilot, lambda: lines(pilot.app) == [])
            await send(pilot, "/pin")
            await until(pilot, lambda: str(chats.get_option_at_index(0).prompt).startswith("★ "))
