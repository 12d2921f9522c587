"""Each reason for not training on a reply has its cases, in any alphabet; strict is the filter it is said to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.conversations.sessions import Turn
from importers.filters.reply_filters import Reason, is_low, judge, same, strict, thin, without_quotes
from importers.message import Media, Message, Span
from importers.text.segmentation import words
from tests.importers.making import message

ASKED = [Turn("you", (message(1, "you", "so what do you think of it"),))]


def reply(*messages: Message) -> Turn:
    return Turn("me", messages)


class TestBalanced:
    @pytest.mark.parametrize(
        ("turn", "reason"),
        [
            (reply(message(2, text="love it")), None),
            (reply(message(2, text="👍")), None),
            (reply(message(2, text="ок")), None),
            (reply(message(2, text="", media=Media("voice", seconds=3))), Reason.MEDIA_ONLY),
            (reply(message(2, text="", media=Media("photo")), message(3, text="my cat")), None),
            (reply(message(2, text="/start", spans=(Span("command", 0, 6),))), Reason.COMMAND_ONLY),
            (reply(message(2, text="/ban him", spans=(Span("command", 0, 4),))), None),
            (reply(message(2, text="a.io b.io", spans=(Span("link", 0, 4), Span("link", 5, 9)))), Reason.LINK_ONLY),
            (reply(message(2, text="see a.io", spans=(Span("link", 4, 8),))), None),
            (reply(message(2, text="https://a.io/x?y=1")), Reason.LINK_ONLY),
            (reply(message(2, text="www.a.io"), message(3, text="https://b.io")), Reason.LINK_ONLY),
            (reply(message(2, text="https://a.io и ещё вот")), None),
            (reply(message(2, text="/help@some_bot")), Reason.COMMAND_ONLY),
            (reply(message(2, text="да/нет")), None),
            (reply(message(2), message(3, forwarded=True)), Reason.FORWARDED),
            (reply(message(2, via_bot=True)), Reason.VIA_BOT),
        ],
    )
    def test_single_turns(self, turn: Turn, reason: Reason | None) -> None:
        """A turn has a reason only where it holds no words of the persona's own."""
        assert judge(turn, ASKED, "balanced") == reason

    def test_no_context(self) -> None:
        """What opens a conversation answers nothing; only `none` trains on it."""
        opening = reply(message(1, text="you will never believe this"))
        assert judge(opening, [], "balanced") == Reason.NO_CONTEXT
        assert judge(opening, [], "strict") == Reason.NO_CONTEXT
        assert judge(opening, [], "none") is None

    @pytest.mark.parametrize("mode", ["balanced", "strict", "none"])
    def test_what_others_wrote(self, mode: str) -> None:
        """No mode trains on what the persona did not write."""
        assert judge(reply(message(2, forwarded=True)), ASKED, mode) == Reason.FORWARDED


def thinned(replies: list[str]) -> dict[int, Reason]:
    """Thin replies that are given by their words."""
    keys = {key: number for number, key in enumerate(dict.fromkeys(map(same, replies)))}
    return thin([(keys[same(reply)], is_low(same(reply), words(reply))) for reply in replies])


class TestQuotes:
    @pytest.mark.parametrize(
        ("quoting", "left"),
        [
            (message(2, text="what a day\nyes it was", spans=(Span("quote", 0, 10),)), "yes it was"),
            (message(2, text="> what a day\nyes it was"), "yes it was"),
            (message(2, text="> 무슨 날이야\n> 정말\n그래"), "그래"),
            (message(2, text="yes\n>> ты где\nтут"), "yes\nтут"),
            (message(2, text=">_< no\n>:( never"), ">_< no\n>:( never"),
            (message(2, text="a -> b"), "a -> b"),
        ],
    )
    def test_what_is_quoted_is_not_their_own(self, quoting: Message, left: str) -> None:
        """Quoted stretches and lines go, faces and arrows stay."""
        turn = without_quotes(reply(quoting))
        assert turn is not None
        assert turn.messages[0].text == left

    def test_marks_move_along(self) -> None:
        """A mail address behind a quote is still marked where it stands then."""
        spans = (Span("quote", 0, 8), Span("email", 12, 17))
        turn = without_quotes(reply(message(2, text="old text to a@b.c ok", spans=spans)))
        assert turn is not None
        (left,) = turn.messages
        assert [left.text[s.start : s.end] for s in left.spans] == ["a@b.c"]

    def test_nothing_left(self) -> None:
        """A turn that is all quote has nothing of its own, unless it carries something."""
        quoted = message(2, text="all of it", spans=(Span("quote", 0, 9),))
        assert without_quotes(reply(quoted)) is None
        photo = message(3, text="> caption of somebody", media=Media("photo"))
        assert without_quotes(reply(quoted, photo)) == reply(message(3, text="", media=Media("photo")))


class TestThin:
    def test_frequent_short_replies_are_thinned_and_not_removed(self) -> None:
        """Somebody who says ok all the time still does, and more often than anything else."""
        replies = ["ok" if i % 2 else f"a sentence that is said once {i}" for i in range(400)]
        untrained = thinned(replies)
        assert set(untrained.values()) == {Reason.LOW_INFORMATION}
        kept = [i for i in range(1, 400, 2) if i not in untrained]
        assert len(kept) == 8 + (200 - 8) // 4
        assert kept[0] < 20
        assert kept[-1] > 380

    @pytest.mark.parametrize("short", ["👍", "+", "ага", "ㅇㅇ", "لا", "rahmat", "за", "ок)))"])
    def test_any_alphabet(self, short: str) -> None:
        """It is frequency and length that count, not a list of English words."""
        untrained = thinned([short] * 100 + [f"quite another reply number {i}" for i in range(100)])
        assert set(untrained) <= set(range(100))
        assert 60 < len(untrained) < 90

    def test_rare_short_replies_stay(self) -> None:
        """What is short but said seldom is manner."""
        assert thinned(["ok", "lol", "👍", "ok", "no", "ok"]) == {}

    def test_duplicates(self) -> None:
        """A whole sentence again and again is a duplicate, in whatever casing."""
        untrained = thinned(["Good night my love"] * 3 + ["good night my love!!!"] * 3)
        assert list(untrained.values()) == [Reason.DUPLICATE] * 3

    @given(st.lists(st.sampled_from(["ok", "OK!", "👍", "a b c d", "hello there", "x"]), max_size=200))
    def test_something_always_stays(self, replies: list[str]) -> None:
        """No reply disappears altogether."""
        untrained = thinned(replies)
        kept = {same(reply) for place, reply in enumerate(replies) if place not in untrained}
        assert kept == {same(reply) for reply in replies}


STOCK = {"ok", "ок", "спасибо", "👍", "хорошо", "+"}
PLAIN = st.lists(st.sampled_from(["yes", "да", "그래", "no", "x1", "bye"]), max_size=7).map(" ".join)


class TestSame:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Okkkk", "ok"),
            ("👍🏽👍🏽", "👍🏽"),
            ("ок)))", "ок"),
            ("Good night!!", "good  night"),
            ("...", "."),
            ("+++", "+"),
        ],
    )
    def test_same(self, one: str, other: str) -> None:
        """Casing, drawn-out letters and punctuation around do not make another reply."""
        assert same(one) == same(other)

    @pytest.mark.parametrize(("one", "other"), [("god", "good"), ("11", "111"), ("👍", "👍🏽"), ("see", "se")])
    def test_not_same(self, one: str, other: str) -> None:
        """Doubled letters, numbers and tones of skin do."""
        assert same(one) != same(other)


class TestStrict:
    @given(PLAIN, PLAIN | st.sampled_from(sorted(STOCK)) | st.sampled_from(["👍", "🎉 🎉 🎉 🎉 🎉 🎉"]))
    def test_is_the_filter_of_the_review(self, prompt: str, completion: str) -> None:
        """Dropped are: prompts under 3 words, completions under 5, stock replies, and nothing but emoji."""
        dropped = (
            len(prompt.split()) < 3
            or len(completion.split()) < 5
            or completion in STOCK
            or set(completion) <= {"👍", "🎉", " "}
        )
        assert (strict(prompt, completion) is not None) == dropped

    @pytest.mark.parametrize(
        ("prompt", "completion", "reason"),
        [
            ("how are you", "хорошо", Reason.STRICT_STOCK_REPLY),
            ("how are you", "👍🏽🎉", Reason.STRICT_EMOJI_ONLY),
            ("how are you", "I am fine thanks", Reason.STRICT_SHORT_REPLY),
            ("how are", "I am fine thank you", Reason.STRICT_SHORT_PROMPT),
            ("how are you", "I am fine thank you", None),
        ],
    )
    def test_reasons(self, prompt: str, completion: str, reason: Reason | None) -> None:
        """Each rule has its reason."""
        assert strict(prompt, completion) == reason
