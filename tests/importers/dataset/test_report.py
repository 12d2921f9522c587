"""The report tells where every reply went, survives JSON, and draws itself within the width and as one safe page."""

import json
import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.dataset.report import ChatRow, DataReport, waterfall
from importers.dataset.report_html import page
from importers.dataset.report_text import REASONS, columns
from importers.privacy.redaction import Redactor
from importers.text.style_figures import Style, moved
from tests.importers.making import conversation, many_sessions, message
from tests.importers.making import data_set as made


class TestReport:
    def test_style_and_chats(self) -> None:
        """The report tells the manner before and after, and what each chat gave."""
        pairs = [(f"question {i}", "haha ok" if i % 2 else f"a thought of number {i} 🎉") for i in range(60)]
        report = made(many_sessions(pairs)).report.to_dict()
        before, after = report["style"]["before"], report["style"]["after"]
        assert (before["turns"], before["laughter_share"], before["emoji_share"]) == (60, 0.5, 0.5)
        assert after["turns"] == report["replies"]["trained"] < 60
        assert before["openers"][0][0] in ("haha", "a")
        assert any("laughter" in warning for warning in report["warnings"])
        assert any('begins with "haha"' in warning for warning in report["warnings"])
        (row,) = report["chats"]
        assert (row["name"], row["sessions"], row["replies"], row["share"]) == ("Chat chat", 60, 60, 1.0)
        assert report["messages"] == {"all": 120, "mine": 60}
        assert report["languages"] == {"en": 1.0}
        assert json.dumps(report)

    def test_examples(self) -> None:
        """Each reason has a few replies to look at, as the data set shows them: personal data is not printed."""
        said = conversation(("me", "first words of a@b.org"), ("you", "hi"), ("me", "fine"))
        report = made([*said, message(9, "me", "look at that", forwarded=True)], redactor=Redactor()).report
        assert report.examples["no_context"] == ["first words of [email-1]"]
        assert set(report.examples) == set(report.untrained)

    @pytest.mark.parametrize(
        ("reply", "laughing", "punctuated", "emoji"),
        [
            ("hahaha what", 1, 0, 0), ("ахах да.", 1, 1, 0), ("ㅋㅋㅋ 진짜?", 1, 1, 0), ("هههه لا؟", 1, 1, 0),
            ("wkwk iya", 1, 0, 0),
            ("jajaja no!", 1, 1, 0), ("ну да)))", 1, 0, 0), ("хаха тийм", 1, 0, 0), ("no way 😂", 1, 0, 1),
            ("the chapel 🎉", 0, 0, 1), ("за", 0, 0, 0), ("555555 มาก", 1, 0, 0), ("xaxa zo‘r", 1, 0, 0),
        ],
    )  # fmt: skip
    def test_manner(self, reply: str, laughing: int, punctuated: int, emoji: int) -> None:
        """Laughter, closing punctuation and emoji are seen in the languages people write."""
        style = made(conversation(("you", "hi"), ("me", reply))).report.style_before
        found = (style["laughter_share"], style["punctuation_share"], style["emoji_share"])
        assert found == (laughing, punctuated, emoji)

    def test_a_link_is_no_opener(self) -> None:
        """A reply that begins with a link begins with no word: an address says nothing about a manner."""
        links = ["https://example.org/{}", "👉 HTTP://example.org/{} look", "www.example.org/{}", "(t.me/c/{})"]
        pairs = [(f"question {n}", f"{links[n % 4].format(n)} that one of them") for n in range(40)]
        talk = many_sessions([*pairs, ("really?", "www is what it says"), ("and?", "https, of all things")])
        openers = made(talk).report.style_before["openers"]
        assert sorted(word for word, _ in openers) == ["https", "www"]

    def test_openers_that_fell_behind(self) -> None:
        """A first word that many others overtook is still compared by its true share, not by none."""
        many = {f"word{n}": 5 for n in range(12)}
        before = Style(turns=100, words=100, bubbles=100, openers=Counter({"well": 6, **many})).to_dict()
        after = Style(turns=100, words=100, bubbles=100, openers=Counter({"well": 4, **many}))
        listed = after.to_dict(also=[word for word, _ in before["openers"]])
        assert dict(listed["openers"])["well"] == 0.04
        assert moved(before, listed) == []

    def test_moved(self) -> None:
        """A number that cleaning moved is named, one that stayed is not."""
        before = {
            "turns": 100, "mean_words": 4.0, "bubbles_per_turn": 2.0, "emoji_share": 0.5, "laughter_share": 0.2,
            "punctuation_share": 0.4, "lowercase_share": 1.0, "openers": [["ok", 0.2], ["so", 0.1]],
        }  # fmt: skip
        after = {**before, "mean_words": 6.0, "punctuation_share": 0.6, "openers": [["so", 0.11]]}
        found = moved(before, after)
        assert [w for w in found if "words" in w or "punctuation" in w or '"ok"' in w] == found
        assert len(found) == 3
        assert moved({**before, "turns": 5}, after) == []

    def test_round_trip(self) -> None:
        """A report that was written as JSON draws the same waterfall; one of an earlier version draws one too."""
        report = made(conversation(("me", "first"), ("you", "hi"), ("me", "hey a@b.org")), redactor=Redactor()).report
        document = json.loads(json.dumps(report.to_dict()))
        assert waterfall(DataReport.from_dict(document), read=3, dropped={}) == waterfall(report, read=3, dropped={})
        for key in ("messages", "languages", "examples"):
            del document[key]
        assert waterfall(DataReport.from_dict(document), read=3, dropped={})


class TestWaterfall:
    def test_every_number(self) -> None:
        """Every number of the account stands in the waterfall, within the width."""
        result = made(conversation(("me", "first words"), ("you", "hi"), ("me", "hey a@b.org")), redactor=Redactor())
        lines = waterfall(result.report, read=1205, dropped={"service": 1202}, width=70)
        text = "\n".join(lines)
        for part in ("read", "1,205", "- service", "1,202", "kept", "- no context", "trained", "Redacted: email 1"):
            assert part in text
        assert "parted by 60 min (default) of silence" in text
        assert max(map(columns, lines)) <= 70

    def test_with_examples(self) -> None:
        """With examples each reason is explained and shown."""
        report = made(conversation(("me", "first words"), ("you", "hi"), ("me", "hey"))).report
        text = "\n".join(waterfall(report, read=3, dropped={}, examples=True))
        assert f"{REASONS['no_context']}\n      │ first words" in text

    def test_of_nothing(self) -> None:
        """No messages make an empty waterfall."""
        assert waterfall(made([]).report, read=0, dropped={})[0] == "Messages of this import"

    def test_what_is_cut_says_so(self) -> None:
        """A name or an example that does not fit ends in an ellipsis, and in its columns; one that fits is whole."""
        report = DataReport("balanced", total=2, train=1, sessions=1)
        report.untrained["no_context"] = 1
        report.examples["no_context"] = ["好" * 50, "a" * 72]
        report.chats = [ChatRow("1", "Friends of the sea " * 3, "group", 3, 600, "learned", 1, 2, 1, 1.0)]
        lines = waterfall(report, read=3, dropped={}, examples=True)
        assert f"      │ {'好' * 35}…" in lines
        assert f"      │ {'a' * 72}" in lines
        assert any(line.startswith("  Friends of the sea Friend… ") for line in lines)

    def test_nothing_turns_a_line_round(self) -> None:
        """A name with a sign that overrides the direction does not mirror the numbers and the bar after it."""
        report = DataReport("balanced", total=2, train=2, sessions=1, warnings=["\u202eolleh: \u2067ask"])
        report.chats = [ChatRow("1", "\u202eأحمد", "personal", 3, 600, "learned", 1, 2, 2, 1.0)]
        lines = waterfall(report, read=3, dropped={})
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", "\n".join(lines))
        (row,) = [line for line in lines if "أحمد" in line]
        assert columns(row.partition("2")[0]) == 28 + 1 + 9 - 1

    @given(st.text(max_size=60), st.text(max_size=200), st.integers(60, 120))
    def test_never_wider(self, name: str, said: str, width: int) -> None:
        """No name and no text makes a line wider than the terminal, or moves its cursor."""
        report = DataReport("balanced", total=2, train=1, sessions=1, languages={"en": 1.0}, warnings=[said])
        report.untrained["no_context"] = 1
        report.examples["no_context"] = [said]
        report.chats = [ChatRow("1", name, "personal", 3, 600, "learned", 1, 2, 1, 1.0, 5)]
        lines = waterfall(report, read=3, dropped={}, width=width, examples=True)
        assert max(map(columns, lines)) <= width
        assert not any(c < " " for line in lines for c in line)


class _Tags(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(report: DataReport, persona: str = "Mira") -> _Tags:
    tags = _Tags()
    tags.feed(page(report, persona=persona, read=1205, dropped={"service": 2}))
    assert tags.open == []
    return tags


class TestPage:
    def test_every_number(self) -> None:
        """The page holds what the waterfall holds, examples included."""
        said = conversation(("me", "first words"), ("you", "hi"), ("me", "hey a@b.org"))
        text = parsed(made(said, redactor=Redactor()).report).text
        for part in ("1,205", "service", "no context", "first words", "Chat chat", "60 min", "English", "mean words"):
            assert part in text

    def test_needs_nothing_else(self) -> None:
        """The page loads nothing and runs nothing, and says so itself; it knows phones and the dark."""
        report = made(conversation(("you", "hi"), ("me", "see https://example.org"))).report
        tags = parsed(report)
        assert not {"script", "link", "img", "iframe", "object", "a", "form", "base"} & set(tags.tags)
        assert not {name for name, _ in tags.attributes} & {"src", "href", "srcset", "onclick", "onload", "action"}
        content = dict(tags.attributes)
        assert "width=device-width" in str([value for _, value in tags.attributes])
        assert "default-src 'none'" in str([value for _, value in tags.attributes])
        assert content
        written = page(report, persona="Mira", read=2, dropped={})
        style = written[written.index("<style>") : written.index("</style>")]
        assert "prefers-color-scheme: dark" in style
        assert not re.search(r"url\(|@import", style)

    @given(st.text(max_size=30), st.text(max_size=60))
    def test_everything_is_escaped(self, name: str, said: str) -> None:
        """No name and no word of anybody becomes a part of the page's structure."""
        hostile = f"<script>{said}</script><img src=x onerror=alert(1)>\"'&{name}"
        plain, loaded = (
            DataReport("balanced", total=2, train=1, untrained=DataReport("x").untrained, languages={"en": 1.0})
            for _ in range(2)
        )
        for report, words in ((plain, "words"), (loaded, hostile)):
            report.untrained["no_context"] = 1
            report.examples["no_context"] = [words]
            report.warnings = [words]
            report.chats = [ChatRow("1", words, "personal", 3, 600, "learned", 1, 2, 1, 1.0, 5)]
            report.style_before = report.style_after = {"turns": 1, "openers": [[words, 1.0]]}
        assert parsed(loaded, hostile).tags == parsed(plain).tags
