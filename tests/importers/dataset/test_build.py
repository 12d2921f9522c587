"""A data set holds every trained reply once, with its context, and its account adds up."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importers.conversations.context_windows import WINDOW_WORDS
from importers.filters.reply_filters import FILTERS, Reason, strict
from importers.message import ChatKind, Media, Message
from importers.privacy.pseudonyms import Pseudonyms
from importers.privacy.redaction import Redactor
from importers.source import ImportFailure
from importers.text.segmentation import count_words
from tests.importers.making import DAY, HOUR, NOON, PEOPLE, Made, conversation, many_sessions, message
from tests.importers.making import data_set as made


def turns(result: Made) -> list[tuple[str, str, int | None]]:
    (example,) = result.train + result.eval
    return list(example.messages)


def trained(result: Made) -> Counter[str]:
    return Counter(text for e in result.train + result.eval for _, text, weight in e.messages if weight == 1)


class TestLines:
    def test_form(self) -> None:
        """A line is the OpenAI chat format with weights, and says where it is from."""
        result = made(conversation(("you", "hi"), ("you", "you there?"), ("me", "yep"), ("me", "what's up")))
        (example,) = result.train
        assert example.line() == {
            "messages": [
                {"role": "user", "content": "hi\nyou there?"},
                {"role": "assistant", "content": "yep\nwhat's up", "weight": 1},
            ],
            "meta": {
                "chat": "chat",
                "chat_name": "Chat chat",
                "partner": "Theo",
                "kind": "personal",
                "session": NOON,
                "from": NOON,
                "to": NOON + 180,
            },
        }
        assert json.loads(json.dumps(example.line())) == example.line()

    def test_nothing_pending_is_lost(self) -> None:
        """All that was said before a reply is its context, however long it took."""
        said = [
            message(1, "you", "my dog died", at=NOON),
            message(2, "you", "", media=Media("voice", seconds=12), at=NOON + 180),
            message(3, "you", "are you there?", at=NOON + 600),
            message(4, "me", "oh no", at=NOON + 600 + 50 * 60),
        ]
        assert turns(made(said)) == [
            ("user", "my dog died\n[voice 0:12]\nare you there?", None),
            ("assistant", "oh no", 1),
        ]

    def test_untrained_replies_stay_as_context(self) -> None:
        """A reply with a reason keeps its place, with weight 0."""
        said = conversation(("you", "hi"), ("me", "forwarded words"), ("you", "haha"), ("me", "right"))
        said[1] = message(2, "me", "forwarded words", forwarded=True)
        assert [weight for _, _, weight in turns(made(said))] == [None, 0, None, 1]

    def test_lines_begin_with_the_other_side(self) -> None:
        """What the persona opened with is not the beginning of a line, unless nothing is filtered."""
        said = conversation(("me", "morning everyone here"), ("you", "hi"), ("me", "hey"))
        result = made(said)
        assert [role for role, _, _ in turns(result)] == ["user", "assistant"]
        assert result.report.untrained == {Reason.NO_CONTEXT: 1}
        assert [weight for _, _, weight in turns(made(said, filter="none"))] == [1, None, 1]

    def test_groups_name_their_speakers(self) -> None:
        """In a group each of the others' turns carries a name, and they are one turn together."""
        said = conversation(("ann", "pizza, Mira?"), ("bob", "yes"), ("bob", "please"), ("me", "ok"))
        result = made(said, "group")
        assert turns(result)[0] == ("user", "Ann: pizza, Mira?\nBob: yes\nplease", None)
        assert result.train[0].meta["partner"] == "Ann, Bob"

    def test_redaction(self) -> None:
        """Placeholders stand in the lines, the same for the same address, and their number in the report."""
        said = conversation(("you", "write to a@b.org"), ("me", "A@B.org? sure"))
        result = made(said, redactor=Redactor())
        assert [text for _, text, _ in turns(result)] == ["write to [email-1]", "[email-1]? sure"]
        assert result.report.redacted == {"email": 2}

    def test_unknown_filter(self) -> None:
        """A filter that is none is refused with those there are."""
        with pytest.raises(ImportFailure) as caught:
            made(conversation(("me", "x")), filter="harsh")
        assert "strict" in caught.value.hint

    def test_nobody(self) -> None:
        """A persona who wrote nothing has an empty data set."""
        result = made(conversation(("you", "hi"), ("you", "?")))
        assert (result.train, result.eval, result.report.total) == ([], [], 0)


class TestQuotes:
    def test_reply_to_an_earlier_session(self) -> None:
        """A reply to what was said days ago is quoted into its context, which makes it one."""
        said = [
            message(1, "you", "can you lend me your drill", at=NOON),
            message(2, "me", "yes you can have it", at=NOON + 3 * DAY, reply_to=1),
        ]
        assert turns(made(said)) == [
            ("user", "> can you lend me your drill", None),
            ("assistant", "yes you can have it", 1),
        ]

    def test_in_sight_is_not_quoted(self) -> None:
        """A reply to what stands just above needs no quote."""
        said = [message(1, "you", "hi"), message(2, "me", "hey", reply_to=1)]
        assert turns(made(said))[0][1] == "hi"

    def test_others_quote_too(self) -> None:
        """What the other side answers from days ago stands before their words; what is missing is not quoted."""
        said = [
            message(1, "me", "shall we go to lisbon", at=NOON),
            message(2, "you", "yes!", at=NOON + 3 * DAY, reply_to=1),
            message(3, "me", "finally", at=NOON + 3 * DAY + 60, reply_to=99),
        ]
        assert turns(made(said))[0] == ("user", "> shall we go to lisbon\nyes!", None)


class TestWindows:
    def test_long_sessions(self) -> None:
        """A lively evening becomes several lines with overlapping context, and every reply is trained once."""
        said = conversation(*((("you", "me")[i % 2], f"number {i} " + "word " * 20) for i in range(120)))
        result = made(said)
        assert trained(result) == Counter(m.text for m in said if m.sender == "me")
        lines = result.train + result.eval
        assert len(lines) > 5
        for example in lines:
            assert sum(count_words(text) for _, text, _ in example.messages) <= WINDOW_WORDS
            assert example.messages[0][0] == "user"
        assert all(any(weight == 0 for _, _, weight in example.messages) for example in result.train[1:])

    def test_nothing_is_dropped_for_its_length(self) -> None:
        """An endless question is cut to its end, an endless reply is kept whole."""
        question, answer = "\n".join(f"line {i}" for i in range(900)), "long " * 900
        (_, asked, _), (_, said, weight) = turns(made(conversation(("you", question), ("me", answer))))
        assert asked.endswith("line 899")
        assert count_words(asked) <= 350
        assert (said, weight) == (answer, 1)


class TestSplit:
    def test_last_sessions_of_each_chat(self) -> None:
        """Evaluation is what was said last, in each chat."""
        pairs = [(f"what about number {i} then", f"answer {i} is entirely {i * 7} unlike") for i in range(40)]
        result = made([*many_sessions(pairs, "one"), *many_sessions(pairs[:10], "two")], filter="none")
        for place, number in (("one", 4), ("two", 1)):
            train = [e.meta["to"] for e in result.train if e.meta["chat"] == place]
            evaluation = [e.meta["from"] for e in result.eval if e.meta["chat"] == place]
            assert len(evaluation) == number
            assert max(train) < min(evaluation)

    def test_near_duplicates_do_not_cross(self) -> None:
        """What nearly stands in the training part is no test."""
        pairs = [(f"question {i}", f"unique thing number {i} said {i} here") for i in range(9)]
        result = made(many_sessions([*pairs, ("and now", "Unique thing number 3 said 3 here!")]))
        assert result.eval == []
        assert result.report.untrained == {Reason.DUPLICATE: 1}

    def test_one_endless_session(self) -> None:
        """With a single session its last replies are for evaluation, each with what it answers."""
        said = conversation(*((("you", "me")[i % 2], f"thing {i} and {i * 3}") for i in range(80)))
        result = made(said, filter="none")
        assert (result.report.train, result.report.eval) == (36, 4)
        assert result.eval[0].messages[0] == ("user", "thing 72 and 216", None)

    def test_tiny_chats_give_nothing_away(self) -> None:
        """A handful of replies is all for training, however many sessions without one lie around it."""
        assert made(conversation(("you", "hi"), ("me", "hey"))).eval == []
        lonely = [message(number, "me", at=NOON + number * DAY) for number in range(1, 13)]
        answered = conversation(("you", "hi"), ("me", "hey"), first=13, start=NOON + 20 * DAY)
        result = made([*lonely, *answered])
        assert (result.report.train, result.eval) == (1, [])


TEXTS = [
    "ok",
    "👍",
    "so what shall we do about the garden",
    "я не знаю что тебе сказать сегодня",
    "그래 알았어 내일 보자 친구야",
    "لا أعرف ماذا أقول لك",
    "бид маргааш уулзана шүү дээ найз минь",
    "write to ann@example.org please and thank you",
    "good night my love",
    "ㅋㅋㅋㅋ",
    "+",
    "🎉🎉",
    "yo‘q, bugun kelolmayman, kechirasan do‘stim",
    "aku nggak bisa datang besok, maaf ya",
    "> что ты сказал\nда так, ничего",
    "я уже говорил mira тебе об этом",
    "https://example.org/a?b=1",
]
SAID = st.tuples(
    st.sampled_from(["me", "me", "you", "ann"]),
    st.sampled_from(TEXTS),
    st.sampled_from([5, 60, 600, 2 * HOUR, 2 * DAY]),
    st.sampled_from([None, None, None, 1, 2, 5]),
    st.booleans(),
)


@st.composite
def chats(draw: st.DrawFn) -> list[Message]:
    """Return messages of up to three chats, with pauses, replies, media and forwards."""
    messages: list[Message] = []
    for place in "abc"[: draw(st.integers(1, 3))]:
        at = NOON
        for number, (sender, text, pause, back, odd) in enumerate(draw(st.lists(SAID, max_size=60))):
            at += pause
            messages.append(
                message(
                    number,
                    sender,
                    f"{text} {place}{number}" if number % 3 else text,
                    at=at,
                    place=place,
                    reply_to=number - back if back else None,
                    media=Media("photo") if odd and number % 4 == 0 else None,
                    forwarded=odd and number % 7 == 0,
                )
            )
    return messages


whole = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50, deadline=None)


class TestAlways:
    @whole
    @given(chats(), st.sampled_from(FILTERS), st.sampled_from(["personal", "group"]))
    def test_every_reply_is_trained_once(self, messages: list[Message], filter: str, kind: ChatKind) -> None:
        """The sums hold; every trained turn is trained in one line only; roles alternate; time runs forward."""
        result = made(messages, kind, filter)
        for example in result.train + result.eval:
            roles = [role for role, _, _ in example.messages]
            assert all(a != b for a, b in pairwise(roles))
            assert filter == "none" or roles[0] == "user"
            assert example.trained
            assert example.meta["from"] <= example.meta["to"]
            assert [w is None for _, _, w in example.messages] == [role == "user" for role in roles]
        replies = trained(result)
        assert replies.total() == result.report.trained
        # Turns that name their chat and number cannot be equal, so none of them may be trained twice.
        assert all(count == 1 for text, count in replies.items() if re.search(r"\b[abc]\d", text))

    @whole
    @given(chats())
    def test_chats_never_mix(self, messages: list[Message]) -> None:
        """A line holds words of its own chat only."""
        said: dict[str, set[str]] = {place: set() for place in "abc"}
        whole = dict.fromkeys("abc", "")
        for m in messages:
            said[m.chat].update(m.content.split("\n"))
            whole[m.chat] += " ".join(m.content.split()) + "\n"
        result = made(messages, filter="none")
        for example in result.train + result.eval:
            lines = [line for _, text, _ in example.messages for line in text.split("\n")]
            shown = {line for line in lines if not line.startswith("> ")}
            quoted = {line[2:].removesuffix("…") for line in lines if line.startswith("> ")}
            assert all(quote in whole[example.meta["chat"]] for quote in quoted)
            assert shown <= said[example.meta["chat"]]

    @whole
    @given(chats(), st.sampled_from(FILTERS))
    def test_order_is_kept(self, messages: list[Message], filter: str) -> None:
        """What stands in a line stands there in the order in which it was said, each message once."""
        result = made(messages, filter=filter)
        for example in result.train + result.eval:
            lines = [line for _, text, _ in example.messages for line in text.split("\n")]
            numbers = [re.search(r" [abc](\d+)$", line) for line in lines if not line.startswith("> ")]
            order = [int(found[1]) for found in numbers if found]
            assert order == sorted(set(order))

    @whole
    @given(chats())
    def test_made_twice_is_made_once(self, messages: list[Message]) -> None:
        """The same messages make the same data set, pseudonyms and all."""
        one, other = (
            made(messages, "group", redactor=Redactor(), pseudonyms=Pseudonyms(PEOPLE, "me")) for _ in range(2)
        )
        assert [e.line() for e in one.train + one.eval] == [e.line() for e in other.train + other.eval]
        assert one.report.to_dict() == other.report.to_dict()

    @whole
    @given(chats())
    def test_strict_trains_what_the_review_keeps(self, messages: list[Message]) -> None:
        """With the strict filter exactly those replies are trained whose pair passes it."""
        own = [m for m in messages if not m.forwarded and m.media is None and m.reply_to is None]
        everything = made(own, filter="none")
        pairs = [
            (asked[1], said[1])
            for example in everything.train + everything.eval
            for asked, said in pairwise(example.messages)
            if said[2] == 1
        ]
        assert trained(made(own, filter="strict")) == Counter(r for p, r in pairs if strict(p, r) is None)
