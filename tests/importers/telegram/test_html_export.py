"""Telegram's HTML pages become the same messages as its JSON, as far as the pages tell."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from importers.message import Media, Message, Person, Span
from importers.source import ImportFailure, Reading
from importers.telegram.html_export import NAMES_ONLY, TelegramHtmlExport
from importers.telegram.json_export import TelegramExport
from tests.importers.making import NOON, account, chat, raw, write
from tests.importers.making_html import block, card, page_of, service, text, write_html


def read(folder: Path) -> tuple[list[Message], Reading]:
    """Read the pages below a folder, and check that every message of them is accounted for."""
    export = TelegramHtmlExport({p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*.html"))})
    assert export.recognise()
    messages = list(export.messages())
    assert export.reading.read == export.reading.dropped.total() + len(messages)
    assert export.reading.counts.total() == len(messages)
    return messages, export.reading


def pages(folder: Path, *blocks: str, title: str = "Theo Marsh", whole: bool = True) -> tuple[list[Message], Reading]:
    """Read one page around some blocks."""
    (folder / "messages.html").write_text(page_of(title, "".join(blocks), whole=whole), "utf-8")
    return read(folder)


def only(folder: Path, inside: str, name: str = "Theo Marsh") -> Message:
    (message,), _ = pages(folder, block(5, inside, name))
    return message


class TestText:
    @pytest.mark.parametrize(
        ("inner", "expected"),
        [
            ("first<br>second", "first\nsecond"),
            ("привет, как дела? &laquo;так&raquo;", "привет, как дела? «так»"),
            ("안녕 <strong>뭐 해</strong>", "안녕 뭐 해"),
            ("مرحبا <em>كيف حالك</em>", "مرحبا كيف حالك"),
            ("сайн уу? <u>яаж</u> <s>байна</s>", "сайн уу? яаж байна"),
            ("yaxshimisiz, o&apos;rtoq", "yaxshimisiz, o'rtoq"),
            ("apa kabar &lt;b&gt;", "apa kabar <b>"),
            ("🐌🐌", "🐌🐌"),
            ('a <span class="spoiler hidden"><span aria-hidden="true">secret</span></span>', "a secret"),
            ('<a href="" onclick="return ShowNotLoadedEmoji();">🔥</a> yes', "🔥 yes"),
            ("a&#x0C;b", "ab"),
            ("<pre>if x:<br>  y</pre>", "if x:\n  y"),
        ],
    )
    def test_written(self, tmp_path: Path, inner: str, expected: str) -> None:
        """Text is read in any language, marks kept as text, line breaks as lines."""
        assert only(tmp_path, text(inner)).text == expected

    @pytest.mark.parametrize(
        ("inner", "kind"),
        [
            ('<a href="example.org">example.org</a>', "link"),
            ('<a href="https://example.org/x">here</a>', "link"),
            ('<a href="mailto:a@example.org">a@example.org</a>', "email"),
            ('<a href="tel:+15550100">+15550100</a>', "phone"),
            ('<a href="https://t.me/ann">@ann</a>', "mention"),
            ('<a href="" onclick="return ShowMentionName()">Ann</a>', "mention"),
            ('<a href="" onclick="return ShowHashtag(&quot;tea&quot;)">#tea</a>', "hashtag"),
            ('<a href="" onclick="return ShowCashtag(&quot;TEA&quot;)">$TEA</a>', "hashtag"),
            ('<a href="" onclick="return ShowBotCommand(&quot;start&quot;)">/start</a>', "command"),
            ("<code>x = 1</code>", "code"),
            ("<pre>if x:<br>  y = 1</pre>", "code"),
            ("<blockquote>so they said</blockquote>", "quote"),
        ],
    )
    def test_spans(self, tmp_path: Path, inner: str, kind: str) -> None:
        """Links and marks become spans over exactly their text."""
        message = only(tmp_path, text(f"so {inner} ok"))
        (span,) = message.spans
        assert span.kind == kind
        assert message.text[span.start : span.end] == message.text.removeprefix("so ").removesuffix(" ok")

    def test_custom_emoji_is_text(self, tmp_path: Path) -> None:
        """The link of a custom emoji to a file of the export is not a link in the message."""
        assert only(tmp_path, text('<a href = "../../stickers/a.webp">🔥</a>')).spans == ()

    def test_rich_message(self, tmp_path: Path) -> None:
        """Blocks of a rich message stand on lines of their own."""
        rich = '<div class="rich_message"><h2>\nPlan\n</h2><p>one <b>two</b></p><ul><li>a</li></ul></div>'
        assert only(tmp_path, rich).text == "Plan\none two\na"


class TestMedia:
    @pytest.mark.parametrize(
        ("inside", "media"),
        [
            ('<div class="media_wrap clearfix"><a class="photo_wrap clearfix pull_left"></a></div>', Media("photo")),
            (card("media_photo", "Photo", "1280x960, 12 KB"), Media("photo")),
            (card("media_photo", "Self-destructing photo", "Expired"), Media("photo")),
            (card("media_photo", "Sticker", "😀, 25.1 KB"), Media("sticker", "😀")),
            (card("media_photo", "Sticker", "25.1 KB"), Media("sticker")),
            ('<div class="media_wrap"><a class="sticker_wrap"><img class="sticker"/></a></div>', Media("sticker")),
            ('<div class="media_wrap"><a class="animated_wrap"><div>GIF</div></a></div>', Media("gif")),
            (card("media_video", "Animation", "1 MB"), Media("gif")),
            (card("media_video", "Video message", "00:09, 1 MB"), Media("round", seconds=9)),
            (card("media_video", "Video file", "1:02:03"), Media("video", seconds=3723)),
            (
                '<div class="media_wrap"><a class="video_file_wrap"><div class="video_duration">00:12</div></a></div>',
                Media("video", seconds=12),
            ),
            (card("media_voice_message", "Voice message", "01:05, 2 MB"), Media("voice", seconds=65)),
            (card("media_audio_file", "Ann – Song", "03:20"), Media("audio", seconds=200)),
            (card("media_file", "Video message", "2.0 KB"), Media("file")),
            (card("media_contact", "Ann", "+1"), Media("contact")),
            (card("media_location", "Location"), Media("location")),
            (card("media_live_location", "Live location"), Media("location")),
            (card("media_venue", "Café"), Media("location")),
            (card("media_game", "Chess"), Media("game")),
            (card("media_invoice", "Tea", "1 EUR"), Media("invoice")),
            ('<div class="media_wrap"><div class="media_poll"></div></div>', Media("poll")),
            (card("media_call success", "Theo", "Outgoing (65 seconds)"), Media("call", seconds=65)),
            (card("media_call", "Theo", "Missed"), Media("call")),
            (card("media_from_the_future", "Hm"), Media("file")),
        ],
    )
    def test_kinds(self, tmp_path: Path, inside: str, media: Media) -> None:
        """The kind of media follows from classes and titles; file names are never text."""
        message = only(tmp_path, inside)
        assert (message.media, message.text) == (media, "")

    def test_question(self, tmp_path: Path) -> None:
        """A poll's question is the message's text, as in JSON."""
        poll = '<div class="media_poll"><div class="question bold">Tea?</div><div class="answer">- yes</div></div>'
        assert only(tmp_path, f'<div class="media_wrap clearfix">{poll}</div>').content == "[poll]\nTea?"

    def test_caption(self, tmp_path: Path) -> None:
        """A caption is the message's text."""
        message = only(tmp_path, card("media_photo", "Photo") + text("look"))
        assert message.content == "[photo]\nlook"


class TestSenders:
    def test_joined(self, tmp_path: Path) -> None:
        """A block without a name is by whom the one before is by, its via included."""
        messages, reading = pages(
            tmp_path,
            block(1, text("a"), "Theo Marsh"),
            block(2, text("b"), None),
            block(3, text("c"), "Mira via @gif"),
            block(4, text("d"), None),
            block(5, text("e"), "Mira"),
        )
        assert [(m.sender, m.via_bot) for m in messages] == [
            ("name:Theo Marsh", False),
            ("name:Theo Marsh", False),
            ("name:Mira", True),
            ("name:Mira", True),
            ("name:Mira", False),
        ]
        assert reading.people["name:Mira"] == Person("name:Mira", "Mira")
        assert NAMES_ONLY in reading.warnings

    def test_forwarded(self, tmp_path: Path) -> None:
        """Forwarded messages are marked, and their original sender is not a sender of the chat."""
        whom = '<div class="from_name">Zed<span class="date details"> 1.2.</span></div>'
        inner = f'<div class="forwarded body">{whom}{text("x")}</div>'
        joined = f'<div class="forwarded body">{text("y")}</div>'
        messages, reading = pages(
            tmp_path, block(1, inner, "Mira"), block(2, joined, None), block(3, text("z"), "Mira")
        )
        assert [(m.text, m.forwarded) for m in messages] == [("x", True), ("y", True), ("z", False)]
        assert set(reading.people) == {"name:Mira"}

    def test_deleted(self, tmp_path: Path) -> None:
        """Deleted accounts have no names; the page gives them one."""
        assert only(tmp_path, text("hi"), "").sender == "name:Deleted Account"

    def test_reply(self, tmp_path: Path) -> None:
        """A reply names its message, on this page or another; one to another chat or to a topic's root is none."""
        to = '<div class="reply_to details">In reply to <a href="{}">this message</a></div>'
        elsewhere = '<div class="reply_to details">In reply to a message in another chat</div>'
        messages, _ = pages(
            tmp_path,
            service(3, "Ann created topic &laquo;Tea&raquo;"),
            block(5, to.format("#go_to_message4") + text("a"), "Ann"),
            block(6, to.format("messages2.html#go_to_message-999999001") + text("b"), None),
            block(7, elsewhere + text("c"), None),
            block(8, to.format("#go_to_message3") + text("d"), None),
        )
        assert [m.reply_to for m in messages] == [4, -999_999_001, None, None]

    def test_signature_and_reactions(self, tmp_path: Path) -> None:
        """Signature and reactions are not part of the text."""
        around = '<div class="signature details">Ann</div><span class="reactions"><span class="emoji">👍</span></span>'
        assert only(tmp_path, text("hi") + around).text == "hi"


class TestDates:
    @pytest.mark.parametrize(
        ("title", "seconds", "utc_offset"),
        [
            ("25.06.2022 00:25:11 UTC+03:00", 1_656_105_911, 3 * 3600),
            ("25.06.2022 23:25:11 UTC-05:30", 1_656_219_311, -5 * 3600 - 1800),
            ("25.06.2022 07:25:11", 1_656_141_911, None),
        ],
    )
    def test_zone(self, tmp_path: Path, title: str, seconds: int, utc_offset: int | None) -> None:
        """A date is read with its zone; before 2022 there is none, and local time is read as UTC."""
        messages, reading = pages(tmp_path, block(5, text("hi"), "Ann", title))
        assert (messages[0].sent_at, messages[0].utc_offset) == (seconds, utc_offset)
        assert messages[0].day == date(2022, 6, 25)
        assert any("local time" in warning for warning in reading.warnings) == ("UTC" not in title)

    @pytest.mark.parametrize("title", ["", "99.99.2022 07:25:11", "01.01.1970 00:00:00 UTC+00:00", "yesterday"])
    def test_impossible(self, tmp_path: Path, title: str) -> None:
        """A message without a possible date is dropped as undated."""
        _, reading = pages(tmp_path, block(5, text("hi"), "Ann", title))
        assert reading.dropped == {"undated": 1}


class TestPages:
    def test_order_and_separators(self, tmp_path: Path) -> None:
        """Page 10 comes after page 9, and the dates between messages are none."""
        messages = [raw(n, 1 + n % 2, f"text {n}", date_unixtime=str(NOON + n * 86_400)) for n in range(1, 25)]
        write_html(tmp_path, chat(messages), page=2)
        assert (tmp_path / "messages12.html").exists()
        found, reading = read(tmp_path)
        assert [m.id for m in found] == list(range(1, 25))
        assert reading.read == 24

    def test_migrated(self, tmp_path: Path) -> None:
        """Negative ids from before a migration are messages."""
        messages, _ = pages(tmp_path, service(-1, "1 May 2020"), block(-999_999_990, text("old"), "Ann"))
        assert [m.id for m in messages] == [-999_999_990]

    def test_dropped(self, tmp_path: Path) -> None:
        """Service messages, unsupported ones and empty ones are counted under their reasons."""
        unsupported = (
            "This message is not supported by this version of Telegram Desktop. Please update the application."
        )
        _, reading = pages(tmp_path, service(1, "Ann joined"), service(2, unsupported), block(3, "", "Ann"))
        assert reading.dropped == {"service": 1, "unsupported": 1, "empty": 1}

    def test_truncated(self, tmp_path: Path) -> None:
        """A page that ends early loses its last message, and says so."""
        messages, reading = pages(tmp_path, block(1, text("a"), "Ann"), block(2, text("b"), None)[:-60], whole=False)
        assert [m.text for m in messages] == ["a"]
        assert "messages.html ends early" in reading.repairs[0]

    def test_nothing_complete(self, tmp_path: Path) -> None:
        """A page cut off within its first message is refused."""
        (tmp_path / "messages.html").write_text(page_of("Ann", block(1, text("a"), "Ann")[:-40], whole=False))
        with pytest.raises(ImportFailure, match="ends before its first complete message"):
            read(tmp_path)

    def test_missing_page(self, tmp_path: Path) -> None:
        """A page that is not there is missed by its number."""
        write_html(tmp_path, chat([raw(n) for n in range(1, 7)]), page=2)
        (tmp_path / "messages2.html").unlink()
        assert any("lacks page 2" in warning for warning in read(tmp_path)[1].warnings)


class TestWhole:
    def test_account(self, tmp_path: Path) -> None:
        """An account gives all its chats with their kinds, and its owner by name."""
        mine = {"from": "Mira Vale"}
        chats = [
            chat([raw(1, 2, "hi"), raw(2, 1, "hey", **mine)]),
            chat([raw(3, 1, "note", **mine), raw(4, 3, "kept")], 1, "saved_messages", name="Mira Vale"),
            chat([raw(1, n, "hello") for n in (2, 3)], 7, "private_group", name="Choir"),
        ]
        write_html(tmp_path, account(chats))
        messages, reading = read(tmp_path)
        assert next((c.kind, c.name) for c in reading.chats.values()) == ("personal", "Person 2")
        assert sorted(c.kind for c in reading.chats.values()) == ["group", "personal", "saved"]
        assert reading.owner == Person("name:Mira Vale", "Mira Vale")
        assert reading.owner_how == "personal_information"
        assert [m.forwarded for m in messages if m.text in ("note", "kept")] == [False, True]

    def test_owner_by_partner(self, tmp_path: Path) -> None:
        """A chat of two that is called like one of them is the other's."""
        write_html(tmp_path, chat([raw(1, 2), raw(2, 1)]))
        reading = read(tmp_path)[1]
        assert (reading.owner, reading.owner_how) == (Person("name:Person 1", "Person 1"), "chat_partner")

    def test_group_has_no_owner(self, tmp_path: Path) -> None:
        """The owner of a group's export is unknown."""
        write_html(tmp_path, chat([raw(n, n) for n in (1, 2, 3)], 9, "private_group", name="Choir"))
        reading = read(tmp_path)[1]
        assert reading.owner is None
        assert reading.chats["name:Choir"].kind == "group"

    def test_two_of_one_name(self, tmp_path: Path) -> None:
        """Two chats of one name in an account stay two."""
        alex = {"from": "Alex"}
        chats = [chat([raw(n, n, "hi", **alex), raw(n + 10, 1, "hey")], n, name="Alex") for n in (2, 3)]
        write_html(tmp_path, account(chats))
        messages, reading = read(tmp_path)
        assert len(reading.chats) == len({m.chat for m in messages}) == 2
        assert reading.owner == Person("name:Person 1", "Person 1")

    @pytest.mark.parametrize("declared", [True, False])
    def test_own_only(self, tmp_path: Path, declared: bool) -> None:
        """A group with only the owner's messages gives a warning, by the account's list or by the senders."""
        count = 2 if declared else 25
        group = chat([raw(n, 1) for n in range(1, count)], 9, "private_group", name="Choir", only_mine=declared)
        write_html(tmp_path, account([group]))
        assert any(w.startswith("Choir: only one person's") for w in read(tmp_path)[1].warnings)


PARTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029"), min_size=1, max_size=12),
    st.builds(
        lambda kind, said: {"type": kind, "text": said},
        st.sampled_from(["bold", "spoiler", "code", "hashtag", "mention_name", "custom_emoji", "blockquote", "italic"]),
        st.text("abc йё안ل&<>\"'\n", min_size=1, max_size=8),
    ),
)
MEDIA: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {},
        {"photo": "photos/a.jpg"},
        {"file": "f", "media_type": "voice_message", "duration_seconds": 65},
        {"file": "f", "media_type": "sticker", "sticker_emoji": "😀"},
        {"file": "f", "media_type": "animation"},
        {"file": "f", "media_type": "video_message", "duration_seconds": 3},
        {"file": "f"},
        {"poll": {"question": "Tea?", "answers": []}},
    ]
)


@st.composite
def raw_messages(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return the messages of one personal chat, as Telegram might write them."""
    made: list[dict[str, Any]] = []
    at = NOON
    for number in range(1, draw(st.integers(1, 12)) + 1):
        at += draw(st.sampled_from([0, 5, 901, 90_000]))
        if draw(st.integers(0, 9)) == 0:
            made.append(
                {
                    "id": number,
                    "type": "service",
                    "actor": "P",
                    "action": "joined",
                    "date_unixtime": str(at),
                    "text": "",
                }
            )
            continue
        more = dict(draw(MEDIA))
        if draw(st.booleans()):
            more["forwarded_from"] = draw(st.sampled_from(["Zed", None]))
        if draw(st.booleans()):
            more["reply_to_message_id"] = draw(st.integers(1, number))
        if draw(st.integers(0, 4)) == 0:
            more["via_bot"] = "@gif"
        said = draw(st.lists(PARTS, max_size=4))
        made.append(raw(number, draw(st.sampled_from([1, 2])), said, date_unixtime=str(at), **more))
    return made


def without_ids(messages: Sequence[Message]) -> list[tuple[object, ...]]:
    """Return what JSON and HTML both hold of each message, with people as numbers."""
    return [
        (m.id, m.sent_at, m.sender[-1], m.text, m.media, m.reply_to, m.forwarded, m.via_bot, m.spans) for m in messages
    ]


class TestSameAsJson:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(made=raw_messages(), page=st.integers(1, 5), zone=st.sampled_from([-5, 0, 3]))
    @example(
        made=[raw(1, text=[" "], date_unixtime=str(NOON), poll={"question": "Tea?", "answers": []}, via_bot="@gif")],
        page=1,
        zone=-5,
    )
    def test_random_exports(
        self, tmp_path_factory: pytest.TempPathFactory, made: list[dict[str, Any]], page: int, zone: int
    ) -> None:
        """Any export yields the same messages as JSON and as HTML, and the same counts of dropped ones."""
        folder = tmp_path_factory.mktemp("export")
        document = chat(made)
        write_html(folder, document, page=page, zone=zone)
        json_export = TelegramExport(write(folder, document))
        expected = list(json_export.messages())
        found, reading = read(folder)
        assert without_ids(found) == without_ids(expected)
        assert reading.dropped == json_export.reading.dropped
        assert reading.read == json_export.reading.read


def test_spans_agree_with_text(tmp_path: Path) -> None:
    """White space at the beginning moves the spans with the text."""
    message = only(tmp_path, text('  <br><a href="https://example.org">here</a>  '))
    assert (message.text, message.spans) == ("here", (Span("link", 0, 4),))
