"""Telegram exports of every shape and era become messages, and every message is accounted for."""

import json
from pathlib import Path
from typing import Any

import pytest

from importers.message import Media, Message, Person, Span
from importers.telegram.json_export import TelegramExport
from tests.importers.making import NOON, account, chat, raw, write
from tests.importers.making import read_export as read


def only(folder: Path, one: dict[str, Any]) -> Message:
    (message,), _ = read(folder, chat([one]))
    return message


class TestShapes:
    def test_single_chat(self, tmp_path: Path) -> None:
        """One chat gives its messages in order, its people and itself."""
        messages, reading = read(tmp_path, chat([raw(1, 2, "hi"), raw(2, 1, "hey")]))
        assert [(m.chat, m.id, m.sender, m.text) for m in messages] == [
            ("user2", 1, "user2", "hi"),
            ("user2", 2, "user1", "hey"),
        ]
        assert reading.people == {"user1": Person("user1", "Person 1"), "user2": Person("user2", "Person 2")}
        assert reading.chats["user2"].kind == "personal"

    def test_account(self, tmp_path: Path) -> None:
        """An account gives all its chats, those that were left too, and its owner."""
        left = chat([raw(1, 1)], 9, "private_group")
        messages, reading = read(tmp_path, account([chat([raw(1, 2)]), chat([raw(1, 3)], 3)], left=[left]))
        assert [m.chat for m in messages] == ["user2", "user3", "chat9"]
        assert reading.owner == Person("user1", "Person 1")
        assert reading.owner_how == "personal_information"

    def test_list_of_chats(self, tmp_path: Path) -> None:
        """A list of chats, as people merge them by hand, is read like an account's."""
        messages, reading = read(tmp_path, [chat([raw(1, 2)]), chat([raw(1, 3)], 3)])
        assert [m.chat for m in messages] == ["user2", "user3"]
        assert set(reading.chats) == {"user2", "user3"}

    def test_header_after_the_messages(self, tmp_path: Path) -> None:
        """A chat whose id follows its messages is read, also after another chat."""
        late = {"messages": [raw(1, 3)], "name": "Person 3", "type": "personal_chat", "id": 3}
        assert [m.chat for m in read(tmp_path, late)[0]] == ["user3"]
        assert [m.chat for m in read(tmp_path, account([chat([raw(1, 2)]), late]))[0]] == ["user2", "user3"]

    def test_minified(self, tmp_path: Path) -> None:
        """White space does not matter."""
        messages, _ = read(tmp_path, json.dumps(account([chat([raw(1), raw(2)])]), separators=(",", ":")))
        assert len(messages) == 2

    def test_empty_chats(self, tmp_path: Path) -> None:
        """A chat without messages is a chat."""
        messages, reading = read(tmp_path, account([chat([])]))
        assert not messages
        assert set(reading.chats) == {"user2"}

    def test_reading_twice_gives_the_same(self, tmp_path: Path) -> None:
        """A second pass resets all figures."""
        export = TelegramExport(write(tmp_path, chat([raw(1), raw(2, type="service")])))
        first = list(export.messages())
        assert list(export.messages()) == first
        assert export.reading.read == 2

    @pytest.mark.parametrize(
        ("kind", "ours", "prefix"),
        [
            ("bot_chat", "bot", "user"),
            ("saved_messages", "saved", "user"),
            ("private_group", "group", "chat"),
            ("public_supergroup", "group", "channel"),
            ("private_channel", "channel", "channel"),
            (None, "group", "chat"),
        ],
    )
    def test_chat_kinds(self, tmp_path: Path, kind: Any, ours: str, prefix: str) -> None:
        """Every chat type is one of our kinds, and its id cannot be taken for another type's."""
        _, reading = read(tmp_path, chat([raw(1)], 7, kind))
        (found,) = reading.chats.values()
        assert (found.kind, found.id) == (ours, f"{prefix}7")


class TestDropped:
    def test_reasons(self, tmp_path: Path) -> None:
        """Other entries than messages are dropped with a reason."""
        _, reading = read(
            tmp_path,
            chat(
                [
                    raw(1),
                    {"id": 2, "type": "service", "date_unixtime": str(NOON), "action": "pin_message", "text": ""},
                    {"id": 3, "type": "unsupported"},
                    raw(4, text=""),
                    raw(5, date_unixtime="0", date="1970-01-01T00:00:00"),
                    raw(6, date=..., date_unixtime=...),
                    {**raw(7), "id": "seven"},
                    "not an object",
                ]
            ),
        )
        assert reading.dropped == {"service": 1, "unsupported": 3, "empty": 1, "undated": 2}
        assert reading.read == 8

    def test_own_only_group_is_warned_of(self, tmp_path: Path) -> None:
        """A group of which only one person's messages were exported has no context, and says so."""
        _, reading = read(tmp_path, chat([raw(i) for i in range(1, 30)], 9, "private_supergroup", name="Climbing"))
        assert any("Climbing" in warning for warning in reading.warnings)


class TestIds:
    def test_shifted(self, tmp_path: Path) -> None:
        """Ids of v2.4.1 to v2.7.1, shifted by 2^32, are the people and chats of later exports."""
        shifted = chat([raw(1, from_id=(1 << 32) | 5), raw(2, from_id=(2 << 32) | 6)], (1 << 32) | 5)
        messages, reading = read(tmp_path, shifted)
        assert [m.sender for m in messages] == ["user5", "channel6"]
        assert set(reading.chats) == {"user5"}

    def test_bare_numbers(self, tmp_path: Path) -> None:
        """Ids of v1.4.8 to v2.4.0 are numbers without a prefix."""
        messages, _ = read(tmp_path, chat([raw(1, from_id=5), raw(2, from_id=6)], 5))
        assert [m.sender for m in messages] == ["user5", "user6"]

    def test_large_modern_ids_are_not_unshifted(self, tmp_path: Path) -> None:
        """A file whose ids are strings has chats and people beyond 2^32."""
        messages, reading = read(tmp_path, chat([raw(1, from_id="user7000000000")], 7_000_000_000))
        assert messages[0].sender == "user7000000000"
        assert set(reading.chats) == {"user7000000000"}

    def test_without_ids(self, tmp_path: Path) -> None:
        """Before v1.4.8 a name is all there is."""
        assert only(tmp_path, raw(1, from_id=...)).sender == "name:Person 1"

    def test_deleted_accounts_stay_apart(self, tmp_path: Path) -> None:
        """Accounts without a name are named by their ids."""
        _, reading = read(tmp_path, chat([raw(1, 5, **{"from": None}), raw(2, 6, **{"from": None})], name=None))
        assert [p.name for p in reading.people.values()] == ["Deleted 5", "Deleted 6"]
        assert reading.chats["user2"].name == "Deleted 2"

    def test_anonymous_admin(self, tmp_path: Path) -> None:
        """An admin who posts as the group has the group's id."""
        messages, _ = read(tmp_path, chat([raw(1, from_id="channel9")], 9, "private_supergroup"))
        assert messages[0].sender == "channel9"

    def test_impossible_ids(self, tmp_path: Path) -> None:
        """A message whose id exceeds 64 bits is dropped."""
        _, reading = read(tmp_path, chat([raw(1), raw(10**30)]))
        assert reading.dropped == {"unsupported": 1}


class TestOwner:
    def test_saved_messages(self, tmp_path: Path) -> None:
        """The id of the saved messages is their owner's."""
        _, reading = read(tmp_path, chat([raw(1, 4), raw(2, 1)], 1, "saved_messages"))
        assert (reading.owner, reading.owner_how) == (Person("user1", "Person 1"), "saved_messages")

    def test_partner(self, tmp_path: Path) -> None:
        """A personal chat has its partner's id, so the owner is the other."""
        _, reading = read(tmp_path, chat([raw(1, 2), raw(2, 1)]))
        assert (reading.owner, reading.owner_how) == (Person("user1", "Person 1"), "chat_partner")

    def test_unknown(self, tmp_path: Path) -> None:
        """A group does not tell."""
        _, reading = read(tmp_path, chat([raw(1, 2), raw(2, 1)], 9, "private_group"))
        assert reading.owner is None

    def test_name_of_a_silent_owner(self, tmp_path: Path) -> None:
        """An owner without messages has the account's name."""
        _, reading = read(tmp_path, account([chat([raw(1, 2)])]))
        assert reading.owner == Person("user1", "Mira Vale")


class TestText:
    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"text": "plain"}, "plain"),
            ({"text": ["a ", {"type": "bold", "text": "b"}, ", c"]}, "a b, c"),
            (
                {"text": "", "text_entities": [{"type": "plain", "text": "from "}, {"type": "x", "text": "parts"}]},
                "from parts",
            ),
            ({"text": "안녕 ㅋㅋ"}, "안녕 ㅋㅋ"),
            ({"text": "Привет\r\nмир\x00"}, "Привет\nмир"),
            ({"text": "half \ud83d pair"}, "half  pair"),
            ({"text": {"not": "known"}, "photo": "p.jpg"}, ""),
        ],
    )
    def test_shapes(self, tmp_path: Path, fields: dict[str, Any], text: str) -> None:
        """Text may be a string or a list of parts; it is joined, and control characters are removed."""
        document = json.dumps(chat([raw(1, **fields)]))
        assert [m.text for m in read(tmp_path, document)[0]] == [text]

    def test_spans(self, tmp_path: Path) -> None:
        """Entities become spans of the joined text, after its ends were stripped."""
        parts = [
            " see ",
            {"type": "link", "text": "a.io"},
            " ",
            {"type": "bold", "text": "now"},
            {"type": "mention", "text": "@x"},
        ]
        message = only(tmp_path, raw(1, text=parts))
        assert message.text == "see a.io now@x"
        assert message.spans == (Span("link", 4, 8), Span("mention", 12, 14))

    def test_rich_message(self, tmp_path: Path) -> None:
        """The rich messages of 2026 are flattened to a line for each block, without generated parts."""
        blocks = [
            {"type": "heading", "level": 1, "text": {"type": "bold", "text": "Title"}},
            {"type": "paragraph", "text": ["see ", {"type": "link", "text": "a.io", "href": "https://a.io"}]},
            {"type": "list", "items": [{"content": "text", "text": "one"}, {"content": "text", "text": "two"}]},
            {"type": "table", "rows": [{"cells": [{"text": "a"}, {"text": "b"}]}]},
            {"type": "button_row", "buttons": [{"text": "Buy"}]},
        ]
        message = only(tmp_path, raw(1, text=..., rich_message={"rtl": False, "blocks": blocks}))
        assert message.text == "Title\nsee a.io\none\ntwo\na b"
        assert message.spans == (Span("link", 10, 14),)


class TestMessages:
    @pytest.mark.parametrize(
        ("fields", "media"),
        [
            ({"photo": "(File not included. Change data exporting settings to download.)"}, Media("photo")),
            ({"file": "v.ogg", "media_type": "voice_message", "duration_seconds": 12}, Media("voice", seconds=12)),
            ({"file": "r.mp4", "media_type": "video_message", "duration_seconds": 3}, Media("round", seconds=3)),
            ({"file": "s.webp", "media_type": "sticker", "sticker_emoji": "🤭"}, Media("sticker", "🤭")),
            ({"file": "x", "media_type": "hologram"}, Media("file")),
            ({"file": "x.pdf"}, Media("file")),
            ({"location_information": None}, Media("location")),
            ({"poll": {"question": [1]}}, Media("poll")),
        ],
    )
    def test_media(self, tmp_path: Path, fields: dict[str, Any], media: Media) -> None:
        """The kind of media follows from the keys, never from the path, which may be a sentence."""
        message = only(tmp_path, raw(1, text="", **fields))
        assert (message.media, message.text) == (media, "")

    @pytest.mark.parametrize(
        ("fields", "content"),
        [
            ({"poll": {"question": "Tea?", "answers": [{"text": "yes"}]}}, "[poll]\nTea?"),
            ({"poll": {"question": ["Tea ", {"type": "bold", "text": "now"}, "?"]}}, "[poll]\nTea now?"),
            ({"todo_list": {"title": [{"type": "plain", "text": "Shopping"}]}}, "[list]\nShopping"),
            ({"poll": None}, "[poll]"),
        ],
    )
    def test_question(self, tmp_path: Path, fields: dict[str, Any], content: str) -> None:
        """A poll's question and a list's title are the text of a message without other text."""
        assert only(tmp_path, raw(1, text="", **fields)).content == content
        assert only(tmp_path, raw(1, text="look", **fields)).text == "look"

    def test_forwarded_and_via_bot(self, tmp_path: Path) -> None:
        """A forwarded message says so even when its author is unknown."""
        assert only(tmp_path, raw(1, forwarded_from=None)).forwarded
        assert only(tmp_path, raw(1, via_bot="@gif")).via_bot

    def test_dates(self, tmp_path: Path) -> None:
        """Local time is read where it is all there is, and edits of 1970 never were."""
        message = only(tmp_path, raw(1, date="2020-10-13T23:31:04", date_unixtime=..., edited="1970-01-01T05:30:00"))
        assert (message.sent_at, message.edited_at) == (1_602_631_864, None)
        assert only(tmp_path, raw(1, edited_unixtime="1700000500")).edited_at == 1_700_000_500

    def test_replies(self, tmp_path: Path) -> None:
        """A reply points into its own chat, and not to the message that opens a topic."""
        topic = {"id": 1, "type": "service", "date_unixtime": str(NOON), "action": "topic_created", "text": ""}
        said = [
            topic,
            raw(2, reply_to_message_id=1),
            raw(3, reply_to_message_id=2),
            raw(4, reply_to_message_id=2, reply_to_peer_id="channel8"),
            raw(5, reply_to_message_id=2, reply_to_peer_id="channel9"),
        ]
        messages, _ = read(tmp_path, chat(said, 9, "private_supergroup"))
        assert [m.reply_to for m in messages] == [None, 2, None, 2]

    def test_migrated_group(self, tmp_path: Path) -> None:
        """The part before a group's migration has negative ids, which are kept."""
        messages, _ = read(
            tmp_path, chat([raw(-999_999_000, date_unixtime=str(NOON)), raw(1)], 9, "private_supergroup")
        )
        assert [m.id for m in messages] == [-999_999_000, 1]
