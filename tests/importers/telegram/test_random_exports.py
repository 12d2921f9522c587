"""Random valid exports yield the same messages with and without batches, in order and in the right chats."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importers.json_stream import batches
from importers.json_stream.values import JsonStream
from importers.message import Message
from importers.source import Reading
from importers.telegram.json_export import TelegramExport
from tests.importers.making import NOON

WORDS = 'ok да ㅋㅋ مرحبا salom сайн wkwk 👩‍👩‍👧 \\ " { } [ ] , \n 🥹'.split(" ")
TEXT = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
PART = st.builds(
    lambda kind, text: {"type": kind, "text": text},
    st.sampled_from(["bold", "link", "mention", "blockquote", "custom_emoji", "from_2030"]),
    TEXT,
)
BODIES = st.one_of(
    TEXT.map(lambda text: {"text": text, "text_entities": [{"type": "plain", "text": text}] if text else []}),
    TEXT.map(lambda text: {"text": text}),
    st.lists(TEXT | PART, max_size=4).map(lambda parts: {"text": parts}),
    st.lists(PART, max_size=4).map(lambda parts: {"text": "", "text_entities": parts}),
    TEXT.map(lambda text: {"rich_message": {"blocks": [{"type": "paragraph", "text": text}, {"type": "photo"}]}}),
)
EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "photo": st.just("(File not included.)"),
        "media_type": st.sampled_from(["voice_message", "sticker", "from_2030"]),
        "duration_seconds": st.integers(0, 900),
        "sticker_emoji": st.sampled_from(["😂", ""]),
        "poll": st.just({"question": "?", "answers": [{"id": 1}]}),
        "reply_to_message_id": st.integers(1, 20),
        "reply_to_peer_id": st.sampled_from(["channel9", 9]),
        "forwarded_from": st.none() | TEXT,
        "via_bot": st.just("@gif"),
        "edited_unixtime": st.just(str(NOON + 9)),
        "date_unixtime": st.integers(NOON, NOON + 10**7).map(str),
        "reactions": st.just([{"type": "emoji", "count": 1, "recent": [{"id": 3, "date": "…"}]}]),
        "inline_bot_buttons": st.just([[{"type": "url", "text": "{"}]]),
    },
)
KINDS = st.sampled_from(["personal_chat", "private_supergroup", "saved_messages"])
PEOPLE = st.sampled_from(["user1", "user2", 3, (1 << 32) | 4, "channel9", None])


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    """Return one message object but for its id, its keys as Telegram orders them."""
    kind = draw(st.sampled_from(["message"] * 8 + ["service", "unsupported"]))
    head = {"type": kind, "date": "2023-11-15T01:13:20", "from": draw(st.none() | TEXT), "from_id": draw(PEOPLE)}
    if kind == "service":
        head["action"] = draw(st.sampled_from(["pin_message", "topic_created", "phone_call"]))
    return {**head, **draw(EXTRAS), **draw(BODIES)}


@st.composite
def exports(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return chats with their messages, numbered from 1 in each."""
    made = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        body = draw(st.lists(messages(), max_size=9))
        said = [{"id": place, **fields} for place, fields in enumerate(body, start=1)]
        made.append({"name": "N", "type": draw(KINDS), "id": number, "messages": said})
    return made


def laid_out(chats: list[dict[str, Any]], shape: str, layout: str) -> str:
    document: Any = {"chats": {"about": "…", "list": chats}} if shape == "account" else chats
    if shape == "one chat":
        document = chats[0]
    if layout == "minified":
        return json.dumps(document, separators=(",", ":"))
    text = json.dumps(document, indent={"telegram": 1, "crlf": 1, "wide": 4}.get(layout), ensure_ascii=False)
    return text.replace("\n", "\r\n") if layout == "crlf" else text


def read(path: Path, *, runs: bool) -> tuple[list[Message], Reading]:
    with pytest.MonkeyPatch.context() as patch:
        if not runs:
            patch.setattr(JsonStream, "run", lambda stream, decoder: [])
        export = TelegramExport(path)
        found = list(export.messages())
    assert export.reading.read == export.reading.dropped.total() + len(found)
    return found, export.reading


class TestSameEitherWay:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
    @given(
        chats=exports(),
        shape=st.sampled_from(["account", "list", "one chat"]),
        layout=st.sampled_from(["telegram", "minified", "one line", "wide", "crlf"]),
        longest=st.sampled_from([512, 1 << 16]),
    )
    def test_random_exports(
        self, tmp_path: Path, chats: list[dict[str, Any]], shape: str, layout: str, longest: int
    ) -> None:
        """In any layout, batches change nothing: messages, figures, people, chats and owner are the same."""
        path = tmp_path / "result.json"
        path.write_bytes(laid_out(chats, shape, layout).encode())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(batches, "LONGEST", longest)
            found, reading = read(path, runs=True)
        assert (found, reading) == read(path, runs=False)
        places = list(dict.fromkeys(message.chat for message in found))
        assert places == [place for place in reading.chats if place in places]
        written = [c for c in chats[: 1 if shape == "one chat" else None] if c["messages"]]
        for place in places:
            ids = [message.id for message in found if message.chat == place]
            assert ids == sorted(ids)
            said = next(c["messages"] for c in written if place.endswith(str(c["id"])))
            assert set(ids) <= {message["id"] for message in said}
        assert sum(len(c["messages"]) for c in written) == reading.read
