"""Each reason for not training on a reply has its cases, in any alphabet; strict is the filter it is said to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.cleaning import Reason, judge, same, strict, thin
from importers.duplicates import NearDuplicates
from importers.message import Media, Message, Span
from importers.sessions import Turn
from importers.words import beginning, count_words, ending, only_emoji
from tests.importers.making import message

ASKED = [Turn("you", (message(1, "you", "so what do you think of it"),))]


def reply(*messages: Message) -> Turn:
    return Turn("me", messages)


class TestWords:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("don't stop, well-known friend", 4),
            ("я не знаю, правда", 4),
            ("그래 알았어 ㅋㅋ", 3),
            ("我不知道", 4),
            ("bilmayman, o‘zbekcha", 2),
            ("لا أعرف", 2),
            ("би мэдэхгүй", 2),
            ("👍🏽 👨‍👩‍👧", 0),
            ("...", 0),
        ],
    )
    def test_count(self, text: str, number: int) -> None:
        """Words are counted in every alphabet; emoji and punctuation are none."""
        assert count_words(text) == number

    @pytest.mark.parametrize("text", ["👍", "❤️ 🎉", "👨‍👩‍👧", "🇺🇿", "1️⃣", "👍🏽"])
    def test_only_emoji(self, text: str) -> None:
        """Emoji of every make are emoji, also several."""
        assert only_emoji(text)

    @pytest.mark.parametrize("text", ["", " ", "1", "+", "ok 👍", "ㅋㅋ"])
    def test_not_only_emoji(self, text: str) -> None:
        """Digits, signs and letters are not."""
        assert not only_emoji(text)

    def test_cuts(self) -> None:
        """A text is cut between words; its end begins with a line where one is near."""
        assert beginning("one two three", 2) == "one two…"
        assert ending("one two three", 2) == "two three"
        assert ending("a\nb c d\ne f g h", 7) == "b c d\ne f g h"
        assert beginning("one", 2) == ending("one", 2) == "one"


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


class TestThin:
    def test_frequent_short_replies_are_thinned_and_not_removed(self) -> None:
        """Somebody who says ok all the time still does, and more often than anything else."""
        replies = ["ok" if i % 2 else f"a sentence that is said once {i}" for i in range(400)]
        untrained = thin(replies)
        assert set(untrained.values()) == {Reason.LOW_INFORMATION}
        kept = [i for i in range(1, 400, 2) if i not in untrained]
        assert len(kept) == 8 + (200 - 8) // 4
        assert kept[0] < 20
        assert kept[-1] > 380

    @pytest.mark.parametrize("short", ["👍", "+", "ага", "ㅇㅇ", "لا", "rahmat", "за", "ок)))"])
    def test_any_alphabet(self, short: str) -> None:
        """It is frequency and length that count, not a list of English words."""
        untrained = thin([short] * 100 + [f"quite another reply number {i}" for i in range(100)])
        assert set(untrained) <= set(range(100))
        assert 60 < len(untrained) < 90

    def test_rare_short_replies_stay(self) -> None:
        """What is short but said seldom is manner."""
        assert thin(["ok", "lol", "👍", "ok", "no", "ok"]) == {}

    def test_duplicates(self) -> None:
        """A whole sentence again and again is a duplicate, in whatever casing."""
        untrained = thin(["Good night my love"] * 3 + ["good night my love!!!"] * 3)
        assert list(untrained.values()) == [Reason.DUPLICATE] * 3

    @given(st.lists(st.sampled_from(["ok", "OK!", "👍", "a b c d", "hello there", "x"]), max_size=200))
    def test_something_always_stays(self, replies: list[str]) -> None:
        """No reply disappears altogether."""
        untrained = thin(replies)
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


class TestNearDuplicates:
    @pytest.mark.parametrize(
        ("text", "near"),
        [
            ("I will bring the blue umbrella tomorrow", True),
            ("i will bring the blue umbrella tomorrow!!", True),
            ("i will bring the big blue umbrella tomorrow", True),
            ("i will bring the red car today", False),
            ("see you later", False),
        ],
    )
    def test_near(self, text: str, near: bool) -> None:
        """Casing and a word more or less do not make a new sentence; short sentences may repeat."""
        known = NearDuplicates(["I will bring the blue umbrella tomorrow", "see you later", "something else"])
        assert known.holds(text) is near

    @given(
        st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8).map(" ".join), max_size=20), st.data()
    )
    def test_index_misses_nothing(self, known: list[str], data: st.DataObject) -> None:
        """The index finds what comparing with every reply finds."""
        text = data.draw(st.lists(st.sampled_from("abcdefgh"), min_size=4, max_size=8).map(" ".join))
        wanted = set(text.split())
        compared = any(len(wanted & set(k.split())) >= 0.8 * len(wanted | set(k.split())) for k in known)
        assert NearDuplicates(known).holds(text) is compared
