"""Broken and odd Telegram exports: repaired and reported, or refused with the place of the fault."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importers.message import Person
from importers.source import ImportFailure
from importers.telegram.json_export import TelegramExport
from tests.importers.making import chat, raw, write
from tests.importers.making import read_export as read


class TestBroken:
    def test_escapes_are_repaired(self, tmp_path: Path) -> None:
        """The \\x0C that Telegram writes is read, and the repair reported; a real backslash stays."""
        text = json.dumps(chat([raw(1, text="FORMFEEDnext"), raw(2, text="C:\\x41")])).replace("FORMFEED", "\\x0C")
        messages, reading = read(tmp_path, text)
        assert [m.text for m in messages] == ["next", "C:\\x41"]
        assert len(reading.repairs) == 1
        assert "(1)" in reading.repairs[0]

    def test_truncated(self, tmp_path: Path) -> None:
        """All complete messages of a truncated file are kept, the owner is known, and the repair is reported."""
        text = json.dumps(chat([raw(1, 2), raw(2, 1), raw(3, 2, "cut off here")]), indent=1)
        messages, reading = read(tmp_path, text[: text.index("cut off")])
        assert [m.id for m in messages] == [1, 2]
        assert reading.owner == Person("user1", "Person 1")
        assert "2 complete" in reading.repairs[0]

    @pytest.mark.parametrize("end", ['"name"', '"messages"', '"text"'])
    def test_truncated_before_the_first_message(self, tmp_path: Path, end: str) -> None:
        """A file without a single complete message is refused."""
        text = json.dumps(chat([raw(1)]))
        export = TelegramExport(write(tmp_path, text[: text.index(end)]))
        with pytest.raises(ImportFailure, match="before its first complete message"):
            export.recognise()

    def test_fault_within(self, tmp_path: Path) -> None:
        """An error in the middle gives its line, after the messages before it were yielded."""
        text = json.dumps(chat([raw(1), raw(2)]), indent=1).replace('"id": 2,\n   "type"', '"id": 2\n   "type"')
        export = TelegramExport(write(tmp_path, text))
        assert export.recognise()
        messages = export.messages()
        assert next(messages).id == 1
        line = text.split("\n").index('   "id": 2') + 2
        with pytest.raises(ImportFailure, match=f"line {line}, column 4"):
            next(messages)

    def test_other_json_is_not_recognised(self, tmp_path: Path) -> None:
        """JSON of other programs is not recognised."""
        for document in ({}, [], {"about": "x"}, {"messages": [{"text": "no id"}]}, [1, 2], {"chats": 1}):
            assert not TelegramExport(write(tmp_path, document)).recognise()


ODD = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = ODD | st.lists(ODD | st.dictionaries(st.sampled_from(["type", "text"]), ODD), max_size=3)
FIELDS = ["id", "type", "date", "date_unixtime", "from", "from_id", "text", "text_entities", "media_type", "photo"]
FIELDS += ["sticker_emoji", "duration_seconds", "reply_to_message_id", "reply_to_peer_id", "rich_message", "edited"]


class TestAnything:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
    @given(st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES), max_size=5), VALUES, VALUES)
    def test_no_value_is_trusted(self, tmp_path: Path, odd: list[dict[str, Any]], name: Any, kind: Any) -> None:
        """With any values in its fields, a message is yielded or dropped, and nothing fails."""
        made = [{**raw(number), **fields} for number, fields in enumerate(odd)]
        messages, reading = read(tmp_path, json.dumps(chat(made, 2, kind, name=name)))
        assert reading.read == len(odd)
        for message in messages:
            assert message.content.encode("utf-8")
            assert message.sender in reading.people
            assert message.chat in reading.chats
