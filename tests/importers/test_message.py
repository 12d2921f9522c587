"""Messages are values: equal by what they hold, never changed, and copied with a change."""

import pickle
from dataclasses import asdict, fields, replace

import pytest

from importers.message import Media, Message, Span

MESSAGE = Message(chat="c", id=1, sent_at=2, sender="s", text="hi", media=Media("photo"), spans=(Span("link", 0, 2),))


class TestMessage:
    def test_equal_by_value(self) -> None:
        """Two messages that hold the same are equal, and one in a set; any difference tells them apart."""
        same = pickle.loads(pickle.dumps(MESSAGE))
        assert (same, hash(same)) == (MESSAGE, hash(MESSAGE))
        assert len({MESSAGE, same, replace(MESSAGE, id=2)}) == 2

    def test_is_not_changed(self) -> None:
        """A message cannot be changed in place, nor made without what every message has."""
        with pytest.raises(AttributeError):
            MESSAGE.text = "other"  # type: ignore[misc]
        with pytest.raises(TypeError):
            Message(chat="c", id=1)  # type: ignore[call-arg]

    def test_works_with_dataclasses(self) -> None:
        """The functions of `dataclasses` take messages and spans as they take people and chats."""
        changed = replace(MESSAGE, text="ho", spans=())
        assert (changed.text, changed.spans, changed.media) == ("ho", (), Media("photo"))
        assert [field.name for field in fields(Message)][:3] == ["chat", "id", "sent_at"]
        assert asdict(MESSAGE)["media"] == {"kind": "photo", "emoji": "", "seconds": None}
        assert replace(Span("link", 0, 2), end=3) == Span("link", 0, 3)

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
        """What a message carries has a form in no language, on a line before its text."""
        assert replace(MESSAGE, media=media, text=text).content == content
