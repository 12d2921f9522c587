"""No chat dominates, where there is enough to balance with; what is put aside is told by the message."""

from hypothesis import given
from hypothesis import strategies as st

from importers.filters.chat_balance import ENOUGH, MOST_PUT_ASIDE, SHARE, limit, put_aside
from importers.filters.reply_filters import Reason
from importers.message import Message
from tests.importers.making import DAY, NOON, conversation, data_set

CHATS = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 20_000), max_size=20)


class TestLimit:
    def test_one_that_dominates(self) -> None:
        """A chat beyond its share gives exactly the share, where the others are enough."""
        trained = {"big": 5000, **{f"other {i}": 500 for i in range(9)}}
        assert limit(trained) == 1500
        assert 1500 / (1500 + 9 * 500) == SHARE

    def test_few_chats(self) -> None:
        """With one or two partners there is nothing to balance with."""
        assert limit({"only": 50_000}) is None
        assert limit({"one": 50_000, "two": 3000}) is None
        assert limit({"one": 50_000, "two": 3000, "three": 3000, "four": 9000}) is None

    def test_little_data(self) -> None:
        """Where there is little, everything stays."""
        assert limit({"big": 1000, **{f"other {i}": 100 for i in range(9)}}) is None

    def test_half_stays(self) -> None:
        """Somebody who writes with one person nine times of ten keeps half of all they wrote."""
        assert limit({"big": 9000, **{f"other {i}": 50 for i in range(20)}}) == 4000

    @given(CHATS)
    def test_bounds(self, trained: dict[str, int]) -> None:
        """Never below what is enough, never more than half; and either the share or one of these is met exactly."""
        allowed = limit(trained)
        total = sum(trained.values())
        if allowed is None:
            return
        left = sum(min(number, allowed) for number in trained.values())
        least = max(ENOUGH, round(total * (1 - MOST_PUT_ASIDE)))
        assert left >= least
        smaller = sum(min(number, allowed - 1) for number in trained.values())
        assert allowed <= SHARE * left + 1 or smaller < least
        assert sum(1 for number in trained.values() if number) > 1 / SHARE


class TestPutAside:
    @given(st.lists(st.integers(), unique=True, max_size=60), st.integers(0, 60), st.integers(0, 60))
    def test_stable(self, messages: list[int], keep: int, more: int) -> None:
        """What stays under a limit stays under a larger one, and when messages are added in between."""
        small = {messages[place] for place in put_aside("chat", messages, keep)}
        large = {messages[place] for place in put_aside("chat", messages, keep + more)}
        assert large <= small
        assert len(small) == max(0, len(messages) - keep)
        backwards = messages[::-1]
        assert {backwards[place] for place in put_aside("chat", backwards, keep)} == small

    def test_spread(self) -> None:
        """What stays is spread over the whole time."""
        aside = set(put_aside("chat", range(1000), 500))
        first = sum(place in aside for place in range(500))
        assert 200 < first < 300


class TestDataSet:
    def test_weight_zero(self) -> None:
        """What is put aside stays as context, is counted under its reason, and said in a warning."""
        messages: list[Message] = []
        for place, days in (("big", 1600), *((f"other {i}", 170) for i in range(6))):
            for day in range(days):
                # Words of their own, so that no two replies are alike.
                own = [f"{place.replace(' ', '')}{day * 7 + i:x}" for i in range(5)]
                pair = (("you", f"what about {own[0]}"), ("me", " ".join(own)))
                messages += conversation(*pair, start=NOON + day * DAY, first=2 * day + 1, place=place)
        report = data_set(messages).report
        rows = {row.id: row for row in report.chats}
        assert report.untrained == {Reason.BALANCE: 1600 - 980}
        assert rows["big"].aside == 620
        assert rows["big"].trained == 980
        assert any("Chat big would dominate" in warning for warning in report.warnings)
        assert sum(row.trained for row in data_set(messages, share=0.7).report.chats) == report.total
        assert data_set(messages, filter="none").report.untrained == {}

    def test_said_where_it_is_left(self) -> None:
        """A chat that is more than its share of little is told of, where there are enough others."""
        messages: list[Message] = []
        for place, days in (("big", 30), *((f"other {i}", 2) for i in range(4))):
            for day in range(days):
                pair = (("you", "what"), ("me", f"{place} {day * 31:x} and {day * 17:x}"))
                messages += conversation(*pair, start=NOON + day * DAY, first=2 * day + 1, place=place)
        whole = [w for w in data_set(messages).report.warnings if "Chat big is" in w]
        assert len(whole) == 1
        assert "over 25%" in whole[0]
        few = [m for m in messages if m.chat in ("big", "other 1")]
        assert not any("Chat big is" in w for w in data_set(few).report.warnings)
