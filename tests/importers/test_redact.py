"""Personal data becomes typed placeholders, the same one for the same thing, and nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.message import Span
from importers.redact import Redactor
from tests.importers.making import message


def redacted(text: str, *spans: Span) -> str:
    return Redactor().redact(message(1, text=text, spans=spans))


class TestRedact:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("mail ann.lee+x@mail.example.org!", "mail [email-1]!"),
            ("call +44 20 7946 0958 or +1 415-555-2671", "call [phone-1] or [phone-2]"),
            ("card 4111 1111 1111 1111 ok", "card [card-1] ok"),
            ("look https://example.org/a?b=c, nice", "look [link], nice"),
            ("позвони +7 495 123-45-67 завтра", "позвони [phone-1] завтра"),
            ("내 메일 kim@example.com 이야", "내 메일 [email-1] 이야"),
        ],
    )
    def test_recognised(self, text: str, shown: str) -> None:
        """What is personal for certain is found without the platform's help."""
        assert redacted(text) == shown

    @pytest.mark.parametrize(
        "text",
        [
            "see you at 10:30 on 2023-11-14",
            "order 4111 1111 1111 1112",
            "v1.2.3 + 4.5.6",
            "2+2=4",
            "ㅋㅋㅋ 👍",
            "@mira hi",
        ],
    )
    def test_left_alone(self, text: str) -> None:
        """Times, versions, numbers that fail the check and names stay."""
        assert redacted(text) == text

    def test_marked(self) -> None:
        """What the platform marked is believed, as far as it stands in the text."""
        spans = (Span("phone", 5, 13), Span("link", 14, 18))
        assert redacted("call 555 1234 here", *spans) == "call [phone-1] here"
        assert redacted("call 555 1234 a.io", *spans) == "call [phone-1] [link]"

    def test_consistent_and_counted(self) -> None:
        """The same address in another spelling keeps its number, across messages."""
        redactor = Redactor()
        shown = [redactor.redact(message(i, text=t)) for i, t in enumerate(["A@b.org", "c@d.org", "a@B.org"])]
        assert shown == ["[email-1]", "[email-2]", "[email-1]"]
        assert redactor.counts == {"email": 3}

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """No text makes it fail, and what holds no digit, dot or sign of an address stays as it is."""
        shown = redacted(text)
        if not set(text) & set("@:.+") and not any(c.isdecimal() for c in text):
            assert shown == text
