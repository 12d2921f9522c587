"""The fields that Telegram Desktop has written since 2018, version by version."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from importers.json_stream.values import JsonStream
from importers.message import Media, Message, Person, Span
from importers.telegram.json_export import TelegramExport
from tests.importers.making import NOON, account, chat, raw, write
from tests.importers.making import read_export as read


@pytest.fixture(params=["in runs", "singly"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is read in both ways: many messages decoded at once, and each by the parser."""
    if request.param == "singly":
        monkeypatch.setattr(JsonStream, "run", lambda stream, decoder: [])


def all_of(folder: Path, *messages: dict[str, Any], number: int = 2, kind: str = "personal_chat") -> list[Message]:
    """Return the messages of a chat; one more is appended, so that the others form a batch."""
    return read(folder, chat([*messages, raw(10**6)], number, kind))[0][:-1]


def only(folder: Path, one: dict[str, Any], **where: Any) -> Message:
    (message,) = all_of(folder, one, **where)
    return message


class TestFile:
    def test_other_parts_of_an_account(self, tmp_path: Path) -> None:
        """Stories, contacts, sessions and other lists are skipped."""
        document = account([chat([raw(1, 2), raw(2, 1)])])
        document |= {
            "profile_pictures": [{"date": "2020-01-01T00:00:00", "photo": "SECRET.jpg"}],
            "stories": [{"date_unixtime": "1700000000", "media": "SECRET"}],
            "profile_music": [raw(1, text="SECRET")],
            "frequent_contacts": {"about": "…", "list": [{"id": 3, "category": "people", "name": "SECRET"}]},
            "sessions": {"about": "…", "list": [{"last_ip": "SECRET", "deep": {"er": [{"and": ["SECRET"]}]}}]},
            "web_sessions": {"about": "…", "list": []},
            "other_data": {"about_meta": "…", "help": {"messages": [{"SECRET": 1}]}},
        }
        messages, reading = read(tmp_path, document)
        assert [m.id for m in messages] == [1, 2]
        assert "SECRET" not in repr((messages, reading))
        assert reading.warnings == []

    def test_account_without_chats(self, tmp_path: Path) -> None:
        """Chats may not have been exported at all."""
        document = {"personal_information": {"user_id": 5, "first_name": "Mira"}, "contacts": {"list": []}}
        messages, reading = read(tmp_path, document)
        assert not messages
        assert reading.owner == Person("user5", "Mira")

    def test_duplicate_keys(self, tmp_path: Path) -> None:
        """A key that is written twice has its last value, as for every JSON reader."""
        text = json.dumps(chat([raw(1, text="first"), raw(2)])).replace('"first"', '"first", "text": "second"')
        assert [m.text for m in read(tmp_path, text)[0]] == ["second", "hello"]

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        """Invalid UTF-8 is replaced, and the report says how often."""
        path = write(tmp_path, chat([raw(1, text="one"), raw(2, text="HERE"), raw(3, text="\ufffd")]))
        path.write_bytes(path.read_bytes().replace(b"HERE", b"a\xff\xfeb"))
        export = TelegramExport(path)
        assert [m.text for m in export.messages()] == ["one", "a\ufffd\ufffdb", "\ufffd"]
        assert export.reading.repairs == ["bytes that are not UTF-8 were replaced (2)"]

    def test_merged_exports(self, tmp_path: Path) -> None:
        """One chat exported in two eras and merged by hand is one chat, and its people are the same people."""
        old = chat([raw(1, from_id=(1 << 32) | 5), raw(2, from_id=(1 << 32) | 1)], (1 << 32) | 5)
        new = chat([raw(2, 1), raw(3, 5)], 5)
        messages, reading = read(tmp_path, [old, new])
        assert {m.chat for m in messages} == set(reading.chats) == {"user5"}
        assert [m.sender for m in messages] == ["user5", "user1", "user1", "user5"]
        assert reading.counts == {"user5": 2, "user1": 2}
        assert (reading.owner, reading.owner_how) == (Person("user1", "Person 1"), "chat_partner")

    def test_latest_name(self, tmp_path: Path) -> None:
        """If merged exports have several names of a person, the last one is used."""
        named = [{**raw(n, 2), "from": name} for n, name in enumerate(["Old", "New", None], start=1)] + [raw(4, 1)]
        assert read(tmp_path, chat(named))[1].people["user2"].name == "New"


class TestChats:
    @pytest.mark.parametrize(
        ("kind", "ours", "place"),
        [
            ("saved_messages", "saved", "user7"),
            ("replies", "bot", "user7"),
            ("verification_codes", "bot", "user7"),
            ("personal_chat", "personal", "user7"),
            ("bot_chat", "bot", "user7"),
            ("private_group", "group", "chat7"),
            ("private_supergroup", "group", "channel7"),
            ("public_supergroup", "group", "channel7"),
            ("public_group", "group", "channel7"),
            ("private_channel", "channel", "channel7"),
            ("public_channel", "channel", "channel7"),
            ("invented_in_2030", "group", "chat7"),
        ],
    )
    def test_types(self, tmp_path: Path, kind: str, ours: str, place: str) -> None:
        """Every chat type is known."""
        reading = read(tmp_path, chat([raw(1), raw(2)], 7, kind))[1]
        assert [(c.id, c.kind) for c in reading.chats.values()] == [(place, ours)]

    def test_left_chats(self, tmp_path: Path) -> None:
        """Of chats that were left only one's own messages are exported, and that is warned of."""
        left = chat([raw(n, 1) for n in range(1, 30)], 9, "private_group", name="Choir")
        messages, reading = read(tmp_path, account([], left=[left]))
        assert len(messages) == 29
        assert any(warning.startswith("Choir") for warning in reading.warnings)

    def test_linked_channel(self, tmp_path: Path) -> None:
        """A channel's post in its discussion group is the channel's, and forwarded."""
        post = raw(1, from_id="channel8", forwarded_from="News", saved_from="News", author="Ann")
        message = only(tmp_path, post, number=9, kind="public_supergroup")
        assert (message.sender, message.forwarded) == ("channel8", True)


class TestIds:
    @pytest.mark.parametrize(
        ("mine", "partner", "place"),
        [
            ("user1", "user7000000000", 7_000_000_000),
            (1, 5, 5),
            ((1 << 32) | 1, (1 << 32) | 5, (1 << 32) | 5),
        ],
    )
    def test_eras(self, tmp_path: Path, mine: Any, partner: Any, place: int) -> None:
        """Strings, numbers and shifted numbers name the same people, and tell the owner in a personal chat."""
        said = [raw(1, from_id=partner), raw(2, from_id=mine), raw(3, from_id=partner)]
        messages, reading = read(tmp_path, chat(said, place))
        assert messages[1].sender == "user1"
        assert messages[0].sender == messages[2].sender == messages[0].chat
        assert reading.owner_how == "chat_partner"

    def test_names_alone(self, tmp_path: Path) -> None:
        """Before v1.4.8, a person's id is the name; people without a name are one."""
        said = [{**raw(n, from_id=...), "from": name} for n, name in enumerate(["Ann", "Bob", None, "Ann"], start=1)]
        assert [m.sender for m in all_of(tmp_path, *said)] == ["name:Ann", "name:Bob", "deleted", "name:Ann"]

    @pytest.mark.parametrize("era", ["channel9", (2 << 32) | 9])
    def test_anonymous_admin(self, tmp_path: Path, era: Any) -> None:
        """An admin who posts as the group has the group's id, for ids of numbers and of strings."""
        place = 9 if isinstance(era, str) else era
        message = only(tmp_path, raw(1, from_id=era, author="boss"), number=place, kind="private_supergroup")
        assert message.sender == message.chat == "channel9"

    def test_basic_group_of_the_shifted_era(self, tmp_path: Path) -> None:
        """A basic group's id was shifted as a user's was."""
        assert only(tmp_path, raw(1, from_id=5), number=5_083_816_460, kind="private_group").chat == "chat788849164"

    @pytest.mark.parametrize("odd", [True, 1.0, "1", None, [1], 1 << 63, -(1 << 63) - 1])
    def test_what_is_no_id(self, tmp_path: Path, odd: Any) -> None:
        """A message whose id is not a 64-bit number is unsupported."""
        assert read(tmp_path, chat([{**raw(1), "id": odd}, raw(2), raw(3)]))[1].dropped == {"unsupported": 1}

    def test_ids_that_no_file_holds(self, tmp_path: Path) -> None:
        """Control characters and lone surrogates are removed from ids and names."""
        text = json.dumps(chat([raw(1, from_id="user\ud83d5"), {**raw(2, from_id=...), "from": "A\x00\udc00"}, raw(3)]))
        messages, reading = read(tmp_path, text)
        assert [m.sender for m in messages[:2]] == ["user5", "name:A"]
        assert reading.people["name:A"].name == "A"

    def test_migration(self, tmp_path: Path) -> None:
        """Before a group's migration ids are negative, those replied to as well, and its services are dropped."""
        old = raw(-999_999_998, date_unixtime=str(NOON), reply_to_message_id=-999_999_999)
        pair = [
            {**raw(-999_999_990, type="service", action="migrate_to_supergroup", text=""), "actor_id": "user1"},
            {**raw(1, type="service", action="migrate_from_group", title="Choir", text=""), "actor_id": "user1"},
        ]
        said = [old, *pair, raw(2, reply_to_message_id=-999_999_998)]
        messages = all_of(tmp_path, *said, number=9, kind="private_supergroup")
        assert [(m.id, m.reply_to) for m in messages] == [(-999_999_998, -999_999_999), (2, -999_999_998)]


class TestDates:
    def test_zone_of_the_message_before(self, tmp_path: Path) -> None:
        """A message with only local time uses the UTC offset of the latest message with both times."""
        said = [
            raw(1, date="2023-11-15T01:13:20", date_unixtime=str(NOON)),
            raw(2, date="2023-11-15T01:14:20", date_unixtime=...),
            raw(3, date="2023-11-15T01:15:20", date_unixtime=..., edited="2023-11-15T01:16:20"),
        ]
        messages, reading = read(tmp_path, chat(said))
        assert [m.sent_at for m in messages] == [NOON, NOON + 60, NOON + 120]
        assert messages[2].edited_at == NOON + 180
        assert [m.utc_offset for m in messages] == [3 * 3600] * 3
        assert reading.warnings == ["some messages carry only local time; it is read in the zone of the one before"]

    def test_local_time_alone(self, tmp_path: Path) -> None:
        """Before v3.7.6 there is only local time, and the report says how it is read."""
        messages, reading = read(tmp_path, chat([raw(1, date_unixtime=...), raw(2, date_unixtime=...)]))
        assert [m.sent_at for m in messages] == [NOON, NOON]
        assert [m.utc_offset for m in messages] == [None, None]
        assert reading.warnings == ["some messages carry only local time; it is read as UTC"]

    @pytest.mark.usefixtures("machine_zone")
    @pytest.mark.parametrize(
        ("fields", "utc_offset", "day"),
        [
            ({"date": "2024-05-02T01:30:00", "date_unixtime": "1714581000"}, 9 * 3600, 2),
            ({"date": "2024-05-01T18:30:00", "date_unixtime": "1714613400"}, -7 * 3600, 1),
            ({"date": "2024-05-01T23:45:00", "date_unixtime": "1714587300"}, 5 * 3600 + 1800, 1),
            ({"date": "2024-05-02T00:30:00", "date_unixtime": ...}, None, 2),
            ({"date": "soon", "date_unixtime": "1714613400"}, None, 2),
            ({"date": "2024-05-02T00:30:00", "date_unixtime": "soon"}, None, 2),
            ({"date": "2024-05-01T18:31:00", "date_unixtime": "1714613400"}, None, 2),
        ],
    )
    def test_local_day(self, tmp_path: Path, fields: Any, utc_offset: Any, day: int) -> None:
        """The day is that of the export's local date, in any time zone of the machine; dates that disagree are UTC."""
        message = only(tmp_path, raw(1, **fields))
        assert (message.utc_offset, message.day) == (utc_offset, date(2024, 5, day))

    @pytest.mark.parametrize(
        ("fields", "sent_at"),
        [
            ({"date_unixtime": NOON}, NOON),
            ({"date_unixtime": "soon"}, NOON),
            ({"date_unixtime": ..., "date": "2023-11-14T22:13:20Z"}, NOON),
            ({"date_unixtime": ..., "date": "2023-11-15T00:13:20+02:00"}, NOON),
        ],
    )
    def test_forms(self, tmp_path: Path, fields: dict[str, Any], sent_at: int) -> None:
        """Other programs write numbers and zones."""
        assert only(tmp_path, raw(1, **fields)).sent_at == sent_at

    @pytest.mark.parametrize(
        "fields",
        [
            {"date_unixtime": "0", "date": "1970-01-01T00:00:00"},
            {"date_unixtime": ..., "date": "1970-01-01T05:30:00"},
            {"date_unixtime": "1e99"},
            {"date_unixtime": "99999999999"},
            {"date_unixtime": ..., "date": 5},
        ],
    )
    def test_no_date(self, tmp_path: Path, fields: dict[str, Any]) -> None:
        """A message without a plausible date is a placeholder of one that was deleted."""
        fields = {"date": "never", **fields}
        assert read(tmp_path, chat([raw(1, **fields), raw(2), raw(3)]))[1].dropped == {"undated": 1}

    def test_edits(self, tmp_path: Path) -> None:
        """An edit is read in either form; before v2.1.9 every message was said to be edited in 1970."""
        said = [
            raw(1, edited="2023-11-14T23:00:00", edited_unixtime="1700000900"),
            raw(2, edited="1970-01-01T03:00:00"),
            raw(3, edited="1970-01-01T03:00:00", edited_unixtime="0"),
            raw(4),
        ]
        assert [m.edited_at for m in all_of(tmp_path, *said)] == [1_700_000_900, None, None, None]


ENTITIES = {
    **dict.fromkeys(
        ["plain", "unknown", "bold", "italic", "underline", "strikethrough", "spoiler", "custom_emoji"], ""
    ),
    **dict.fromkeys(["code", "pre"], "code"),
    **dict.fromkeys(["mention", "mention_name"], "mention"),
    **dict.fromkeys(["hashtag", "cashtag"], "hashtag"),
    **dict.fromkeys(["link", "text_link"], "link"),
    "bot_command": "command",
    "email": "email",
    "phone": "phone",
    "bank_card": "card",
    "blockquote": "quote",
}


class TestText:
    @pytest.mark.parametrize(("kind", "span"), ENTITIES.items())
    @pytest.mark.parametrize("key", ["text", "text_entities"])
    def test_entities(self, tmp_path: Path, kind: str, span: str, key: str) -> None:
        """Each type of entity keeps its text, and is marked where cleaning or redaction wants to know."""
        parts = [{"type": "plain", "text": "so "}, {"type": kind, "text": "это", "user_id": 3, "href": "x"}, ""]
        message = only(tmp_path, {**raw(1, text=""), key: parts})
        assert message.text == "so это"
        assert message.spans == ((Span(span, 3, 6),) if span else ())

    def test_entities_before_text(self, tmp_path: Path) -> None:
        """Entities say more than the text, which counts where they are empty."""
        link = {"type": "link", "text": "a.io"}
        assert only(tmp_path, raw(1, text="a.io", text_entities=[link])).spans == (Span("link", 0, 4),)
        assert only(tmp_path, raw(1, text="a.io", text_entities=[])).text == "a.io"
        assert only(tmp_path, raw(1, text="", text_entities=[{"type": "plain", "text": "a "}, link])).text == "a a.io"

    @pytest.mark.parametrize(
        "text", ["안녕 ㅋㅋ", "Привет\nмир", "مرحبا", "oʻylayman", "сайн уу", "👩‍👩‍👧", "apa kabar", "🥹"]
    )
    def test_languages(self, tmp_path: Path, text: str) -> None:
        """Text in any alphabet comes out as it went in, joiners of emoji and line breaks included."""
        parts = [{"type": "plain", "text": text}]
        assert only(tmp_path, raw(1, text=text, text_entities=parts)).text == text

    def test_rich_message(self, tmp_path: Path) -> None:
        """A rich message has the text of its blocks at any depth, and the first picture as media."""
        blocks = [
            {"type": "photo", "photo": "(File not included.)", "caption": {"type": "italic", "text": "Lake"}},
            {"type": "quote", "content": "blocks", "blocks": [{"type": "paragraph", "text": "said"}], "caption": "Ann"},
            {"type": "details", "title": "More", "blocks": [{"type": "math", "formula": "x^2"}]},
            {"type": "paragraph", "text": {"type": "concat", "text": ["a", {"type": "math", "source": "y"}, "b"]}},
            {"type": "code", "text": "print()", "language": "python"},
            {"type": "divider"},
            {"type": "list", "items": [{"content": "blocks", "blocks": [{"type": "paragraph", "text": "deep"}]}]},
            {"type": "related_articles", "title": "Read on"},
            {"type": "from_2030", "blocks": [{"type": "odd", "text": "kept"}]},
        ]
        message = only(tmp_path, raw(1, text=..., rich_message={"rtl": False, "part": False, "blocks": blocks}))
        assert message.text == "Lake\nsaid\nAnn\nMore\nx^2\nayb\nprint()\ndeep\nkept"
        assert message.media == Media("photo")
        assert [message.text[s.start : s.end] for s in message.spans if s.kind == "quote"] == ["said", "Ann"]

    def test_rich_message_without_words(self, tmp_path: Path) -> None:
        """A rich message with only a map is a location; one without content is empty."""
        said = [raw(1, text=..., rich_message={"blocks": [{"type": "map"}]}), raw(2, text=..., rich_message={}), raw(3)]
        messages, reading = read(tmp_path, chat(said))
        assert messages[0].content == "[location]"
        assert reading.dropped == {"empty": 1}

    @pytest.mark.parametrize("kind", [["photo"], {"a": 1}, 5, None, True])
    def test_odd_types(self, tmp_path: Path, kind: Any) -> None:
        """A type that is not a string is unknown, in rich text and in entities."""
        rich = {"blocks": [{"type": kind, "text": {"type": kind, "text": "said"}}]}
        assert only(tmp_path, raw(1, text=..., rich_message=rich)).text == "said"
        assert only(tmp_path, raw(1, text=[{"type": kind, "text": "said"}])).text == "said"

    @pytest.mark.parametrize("said", [["nested"], {"type": "link", "text": "a.io"}, 5, None, ""])
    def test_odd_entities(self, tmp_path: Path, said: Any) -> None:
        """If the entities are unreadable, the text is read."""
        parts = [{"type": "plain", "text": said}]
        assert only(tmp_path, raw(1, text="here", text_entities=parts)).text == "here"


NOT_THERE = "(File not included. Change data exporting settings to download.)"
TOO_BIG = "cat.mp4 (File exceeds maximum size. Change data exporting settings to download.)"


class TestMedia:
    @pytest.mark.parametrize(
        ("fields", "content"),
        [
            ({"photo": NOT_THERE, "width": 9, "height": 9}, "[photo]"),
            ({"photo": "p.jpg", "media_spoiler": True, "self_destruct_period_seconds": 5}, "[photo]"),
            ({"file": TOO_BIG, "media_type": "video_file", "duration_seconds": 75}, "[video 1:15]"),
            ({"file": NOT_THERE, "media_type": "animation", "duration_seconds": 3}, "[gif]"),
            ({"file": "v.ogg", "media_type": "voice_message", "duration_seconds": 12}, "[voice 0:12]"),
            ({"file": "r.mp4", "media_type": "video_message", "duration_seconds": 0}, "[round 0:00]"),
            (
                {"file": "a.mp3", "media_type": "audio_file", "performer": "P", "duration_seconds": 3601},
                "[audio 60:01]",
            ),
            ({"file": NOT_THERE, "media_type": "sticker", "sticker_emoji": "🤭"}, "🤭"),
            ({"file": NOT_THERE, "media_type": "sticker"}, "[sticker]"),
            ({"file": "(File unavailable, please try again later)", "mime_type": "application/pdf"}, "[file]"),
            (
                {"contact_information": {"first_name": "A", "phone_number": "+1"}, "contact_vcard": "c.vcard"},
                "[contact]",
            ),
            ({"location_information": None, "live_location_period_seconds": 900}, "[location]"),
            ({"location_information": {"latitude": 1.5, "longitude": 2}, "place_name": "Quay"}, "[location]"),
            ({"game_title": "Chess", "game_description": "…", "game_link": "https://x"}, "[game]"),
            ({"invoice_information": '{"title": "Tea"}'}, "[invoice]"),
            ({"poll": {"question": "", "closed": False, "total_voters": 0, "answers": []}}, "[poll]"),
            ({"todo_list": {"title": "", "answers": [{"text": "tea", "id": 1}]}}, "[list]"),
            ({"giveaway_information": {"quantity": 1}}, "[giveaway]"),
            ({"giveaway_results": {"winners": []}}, "[giveaway]"),
            ({"paid_stars_amount": 5}, "[file]"),
        ],
    )
    def test_placeholders(self, tmp_path: Path, fields: dict[str, Any], content: str) -> None:
        """All media have a language-neutral placeholder, without the path or sentence in the export."""
        assert only(tmp_path, raw(1, text="", text_entities=[], **fields)).content == content
        assert only(tmp_path, raw(1, text="look", **fields)).content == f"{content}\nlook"

    @pytest.mark.parametrize("seconds", [-1, "x", None, [], 1 << 40, 1e300])
    def test_odd_durations(self, tmp_path: Path, seconds: Any) -> None:
        """A duration that cannot be is none."""
        fields = {"file": "v.ogg", "media_type": "voice_message", "duration_seconds": seconds}
        assert only(tmp_path, raw(1, text="", **fields)).content == "[voice]"

    @pytest.mark.parametrize(
        ("more", "content"),
        [({"duration_seconds": 65}, "[call 1:05]"), ({"discard_reason": "missed"}, "[call]")],
    )
    def test_calls(self, tmp_path: Path, more: dict[str, Any], content: str) -> None:
        """A call is a message of the caller; no other service message is read."""
        call = raw(1, type="service", from_id=..., text="", action="phone_call", actor="Theo", actor_id="user2", **more)
        call.pop("from")
        messages, reading = read(tmp_path, chat([call, raw(2), raw(3)]))
        assert (messages[0].content, messages[0].sender) == (content, "user2")
        assert reading.people["user2"].name == "Theo"

    def test_call_before_anybody_wrote(self, tmp_path: Path) -> None:
        """A call by an unknown sender before the first message belongs to its chat."""
        call = {"id": 1, "type": "service", "date_unixtime": str(NOON), "action": "phone_call", "text": ""}
        assert [m.chat for m in read(tmp_path, chat([call, raw(2), raw(3)]))[0]] == ["user2"] * 3


ACTIONS = (
    "create_group edit_group_title edit_group_photo delete_group_photo invite_members remove_members "
    "join_group_by_link create_channel pin_message clear_history score_in_game send_payment "
    "take_screenshot allow_sending_messages "
    "send_passport_values joined_telegram requested_phone_number proximity_reached group_call invite_to_group_call "
    "set_messages_ttl edit_chat_theme send_webview_data send_premium_gift topic_edit suggest_profile_photo "
    "requested_peer set_chat_wallpaper gift_code_prize boost_apply refunded_payment send_star_gift conference_call "
    "todo_completions poll_append_answer invented_in_2030"
).split()


class TestService:
    @pytest.mark.parametrize("action", [*ACTIONS, None])
    def test_dropped_by_name_or_without(self, tmp_path: Path, action: str | None) -> None:
        """Service messages are dropped and counted, those without an action or an actor too."""
        one = {"id": 1, "type": "service", "date": "2023-11-14T22:13:20", "date_unixtime": str(NOON), "text": ""}
        one |= {"action": action, "actor": None} if action else {"information_text": "something happened"}
        messages, reading = read(tmp_path, chat([one, raw(2), raw(3)]))
        assert [m.id for m in messages] == [2, 3]
        assert reading.dropped == {"service": 1}

    def test_unsupported(self, tmp_path: Path) -> None:
        """A chat whose name the exporter did not know is shown by its id."""
        said = [{"id": 1, "type": "unsupported"}, raw(2), {**raw(3), "type": "hologram"}, raw(4)]
        assert read(tmp_path, chat(said))[1].dropped == {"unsupported": 2}


class TestReplies:
    def test_peers(self, tmp_path: Path) -> None:
        """A reply into another chat points nowhere here; its own chat may be named in any era's way."""
        peers = [..., "channel9", 9, "9", "channel8", 8, ["channel9"], None]
        said = [raw(n, reply_to_message_id=50, reply_to_peer_id=peer) for n, peer in enumerate(peers, start=1)]
        messages = all_of(tmp_path, *said, number=9, kind="private_supergroup")
        assert [m.reply_to for m in messages] == [50, 50, 50, 50, None, None, None, 50]

    def test_topics(self, tmp_path: Path) -> None:
        """In a forum everything in a topic seems to reply to its root; only replies to messages are replies."""
        root = {"id": 7, "type": "service", "date_unixtime": str(NOON), "action": "topic_created", "title": "T"}
        said = [root, raw(8, reply_to_message_id=7), raw(9, reply_to_message_id=8), raw(10)]
        messages = all_of(tmp_path, *said, number=9, kind="public_supergroup")
        assert [m.reply_to for m in messages] == [None, 8, None]
