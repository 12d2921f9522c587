"""Messages are immutable values, compared by their fields."""

import pickle
from datetime import date

import pytest
from msgspec.structs import replace

from importers.message import Media, Message, Span

MESSAGE = Message(chat="c", id=1, sent_at=2, sender="s", text="hi", media=Media("photo"), spans=(Span("link", 0, 2),))


class TestMessage:
    def test_equal_by_value(self) -> None:
        """Messages with equal fields are equal and have the same hash."""
        same = pickle.loads(pickle.dumps(MESSAGE))
        assert (same, hash(same)) == (MESSAGE, hash(MESSAGE))
        assert len({MESSAGE, same, replace(MESSAGE, id=2)}) == 2

    def test_is_not_changed(self) -> None:
        """A message cannot be changed, nor created without its required fields."""
        with pytest.raises(AttributeError):
            MESSAGE.text = "other"  # type: ignore[misc]
        with pytest.raises(TypeError):
            Message(chat="c", id=1)  # type: ignore[call-arg]

    @pytest.mark.usefixtures("machine_zone")
    @pytest.mark.parametrize(
        ("sent_at", "utc_offset", "day"),
        [
            (1_714_581_000, 9 * 3600, date(2024, 5, 2)),  # 16:30 UTC, 01:30 in Tokyo
            (1_714_617_000, -7 * 3600, date(2024, 5, 1)),  # 02:30 UTC, 19:30 in Los Angeles
            (1_714_617_000, None, date(2024, 5, 2)),
            (-1, None, date(1969, 12, 31)),
        ],
    )
    def test_day(self, sent_at: int, utc_offset: int | None, day: date) -> None:
        """A message's day is the local day of the export, in any time zone of the machine."""
        assert replace(MESSAGE, sent_at=sent_at, utc_offset=utc_offset).day == day

    @pytest.mark.parametrize(
        ("media", "text", "content"),
        [
            (None, "hi", "hi"),
            (Media("photo"), "", "[photo]"),
            (Media("voice", seconds=12), "", "[voice 0:12]"),
            (Media("call", seconds=3600), "", "[call 60:00]"),
            (Media("sticker", "😂"), "hi", "😂\nhi"),
            (Media("sticker"), "", "[sticker]"),
        ],
    )
    def test_content(self, media: Media | None, text: str, content: str) -> None:
        """Media has a language-neutral placeholder, on a line before the text."""
        assert replace(MESSAGE, media=media, text=text).content == content
