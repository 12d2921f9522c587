"""In a group, a reply is trained only if its context holds what it answers; earlier messages are quoted."""

from importers.filters.reply_filters import Reason
from importers.message import ChatKind, Message, Span
from tests.importers.making import DAY, HOUR, NOON, Made, conversation, data_set, message

CHATTER = [("ann", "pizza tonight"), ("bob", "rather soup"), ("ann", "soup is not food"), ("bob", "it is so"),
           ("ann", "prove it then")]  # fmt: skip


def group(messages: list[Message], filter: str = "balanced") -> Made:
    return data_set(messages, "group", filter)


def reasons(messages: list[Message]) -> dict[str, int]:
    return dict(group(messages).report.untrained)


class TestAddressed:
    def test_out_of_nowhere(self) -> None:
        """A remark in a conversation of others has no visible prompt."""
        assert reasons(conversation(*CHATTER, ("me", "has anyone seen my keys"))) == {Reason.UNADDRESSED: 1}

    def test_reply_edge(self) -> None:
        """A reply to somebody answers them."""
        said = conversation(*CHATTER)
        assert reasons([*said, message(6, "me", "ramen is soup and food", reply_to=3, at=said[-1].sent_at + 60)]) == {}

    def test_somebody_replied_to_them(self) -> None:
        """A reply to the persona addresses the persona."""
        said = [
            message(1, "me", "i baked a cake today", at=NOON),
            *conversation(*CHATTER, start=NOON + 60, first=2),
            message(7, "bob", "which one", at=NOON + 600, reply_to=1),
            message(8, "me", "the one with plums", at=NOON + 660),
        ]
        assert reasons(said) == {Reason.NO_CONTEXT: 1}

    def test_named(self) -> None:
        """A mention by name or username addresses the persona, in any alphabet."""
        for call in ("Mira what do you say", "@mira_vale ?", "mira!"):
            assert reasons(conversation(*CHATTER, ("bob", call), ("me", "soup for me"))) == {}

    def test_names_somebody(self) -> None:
        """A reply that names somebody who has just spoken answers them."""
        assert reasons(conversation(*CHATTER, ("me", "bob is right about it"))) == {}
        marked = message(6, "me", "@bob_z is right", spans=(Span("mention", 0, 6),))
        assert reasons([*conversation(*CHATTER), marked]) == {}

    def test_in_the_talk(self) -> None:
        """The persona is part of the conversation for a few turns after speaking."""
        opening = [("ann", "mira are you there"), ("me", "yes i am here")]
        assert reasons(conversation(*opening, *CHATTER[:4], ("me", "soup please"))) == {}
        assert reasons(conversation(*opening, *CHATTER, ("me", "soup please"))) == {Reason.UNADDRESSED: 1}

    def test_only_in_groups(self) -> None:
        """With one partner everything answers them."""
        said = conversation(*[("you", text) for _, text in CHATTER], ("me", "has anyone seen my keys"))
        assert data_set(said).report.untrained == {}

    def test_balanced_only(self) -> None:
        """The strict filter and no filter ignore who is addressed."""
        said = conversation(*CHATTER, ("me", "has anyone seen my keys today"))
        assert group(said, filter="none").report.trained == 1
        assert group(said, filter="strict").report.trained == 1


class TestOwnOnly:
    def test_not_trained_in_any_mode(self) -> None:
        """A group with only the persona's messages has no context, with any filter."""
        said = [message(n, "me", f"something number {n}", at=NOON + n * HOUR) for n in range(1, 30)]
        kinds: tuple[ChatKind, ...] = ("group", "channel")
        for kind in kinds:
            for mode in ("balanced", "strict", "none"):
                report = data_set(said, kind, mode).report
                assert set(report.untrained) == {Reason.NO_CONTEXT}
                assert report.trained == 0


class TestQuotes:
    def test_not_where_it_can_be_seen(self) -> None:
        """A replied-to message in the same window is not quoted."""
        said = conversation(*CHATTER)
        result = group([*said, message(6, "me", "ramen", reply_to=1, at=said[-1].sent_at + 60)])
        assert ">" not in result.train[0].messages[0][1]

    def test_where_the_window_has_moved_on(self) -> None:
        """In a long session a reply to its beginning is quoted in the window that does not show it, and only there."""
        said = [message(1, "you", "where did you put the ladder", at=NOON)]
        for n in range(2, 60):
            said.append(message(n, ("me", "you")[n % 2], f"word{n} " * 12 + f"end{n}", at=NOON + n))
        said.append(message(60, "me", "in the shed", reply_to=1, at=NOON + 61))
        lines = data_set(said, filter="none").train + data_set(said, filter="none").eval
        holding = [text for e in lines for _, text, _ in e.messages if "> where did you put the ladder" in text]
        assert len(holding) == 1
        (line,) = [e for e in lines if any(text == "in the shed" and w == 1 for _, text, w in e.messages)]
        assert line.messages[-2][1].endswith("> where did you put the ladder")

    def test_cut_off_within_the_block(self) -> None:
        """Only the end of a very long turn is shown; a replied-to message at its beginning is quoted."""
        said = [message(1, "ann", "shall we take the boat", at=NOON)]
        said += [message(n, "bob", f"blah{n} " * 30, at=NOON + n) for n in range(2, 30)]
        said.append(message(30, "me", "the boat leaks", reply_to=1, at=NOON + 31))
        result = group(said)
        assert result.train[0].messages[0][1].endswith("> shall we take the boat")

    def test_another_session(self) -> None:
        """In a group, the reply edge decides what is answered, also for the strict filter."""
        said = [
            message(1, "ann", "who wants to come to the opera", at=NOON),
            message(2, "bob", "hm", at=NOON + 3 * DAY),
            message(3, "me", "i would really love to come", reply_to=1, at=NOON + 3 * DAY + 60),
        ]
        assert group(said, filter="strict").report.trained == 1
        assert group([said[0], said[1], message(3, "me", "i would really love to come", at=NOON + 3 * DAY + 60)],
                     filter="strict").report.trained == 0  # fmt: skip
