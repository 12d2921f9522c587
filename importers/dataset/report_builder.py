"""The account of a data set: gathered chat by chat while it is read, closed when every reply has its place."""

from collections import Counter

from msgspec.structs import replace

from importers.conversations.sessions import Gap
from importers.conversations.split import Split
from importers.dataset.packed_sessions import Conversations
from importers.dataset.reply_table import Ledger, is_foreign
from importers.dataset.report import ChatRow, DataReport
from importers.filters.reply_filters import Reason
from importers.message import Chat
from importers.privacy.redaction import Redactor
from importers.text.segmentation import beginning
from importers.text.style_figures import moved

EXAMPLES = 3
"""Replies shown for each reason."""
EXAMPLE_WORDS = 16
"""Words of an example at most."""
DOMINANT = 0.5
"""The share of all trained replies from which on a chat that was left whole is told of."""


class Account:
    """What is counted of each chat, to be joined with what became of its replies."""

    def __init__(self, filter: str) -> None:
        self._filter = filter
        self._rows: list[ChatRow] = []
        self._chats: list[Chat] = []
        self._mine = 0

    def begin(self, chat: Chat, name: str, messages: int, mine: int, gap: Gap) -> None:
        """Take down a chat before its sessions are read."""
        self._chats.append(chat)
        self._mine += mine
        self._rows.append(
            ChatRow(
                id=chat.id,
                name=name,
                kind=chat.kind,
                messages=messages,
                gap_seconds=gap.seconds,
                gap_how=gap.how,
            )
        )

    def report(
        self,
        ledger: Ledger,
        talks: Conversations,
        division: Split,
        aside: Counter[str],
        redactor: Redactor | None,
        share: float,
    ) -> DataReport:
        """Return the whole account; no chat was to give more than `share` of the trained replies."""
        before = ledger.style(lambda reason: not is_foreign(reason)).to_dict()
        openers = [word for word, _ in before["openers"]]
        after = ledger.style(lambda reason: reason is None).to_dict(also=openers)
        evaluated = sum(division.is_evaluation(number, ledger.session[number]) for number in ledger.trained())
        rows = self._counted(ledger, talks, aside)
        return DataReport(
            filter=self._filter,
            total=len(ledger),
            train=sum(row.trained for row in rows) - evaluated,
            eval=evaluated,
            untrained=Counter(ledger.counts()),
            sessions=len(talks),
            chats=rows,
            mine=self._mine,
            style_before=before,
            style_after=after,
            languages=ledger.languages.shares(),
            examples=_examples(ledger, talks),
            redacted=Counter(redactor.counts) if redactor else Counter(),
            warnings=moved(before, after) + _aside(rows) + _left_whole(rows, share),
        )

    def _counted(self, ledger: Ledger, talks: Conversations, aside: Counter[str]) -> list[ChatRow]:
        """Return the rows with what the sessions and replies of each chat add up to."""
        sessions: Counter[int] = Counter()
        replies: Counter[int] = Counter()
        trained: Counter[int] = Counter()
        for session in range(len(talks)):
            chat = id(talks.chat(session))
            sessions[chat] += 1
            replies[chat] += len(talks.replies(session))
            trained[chat] += sum(map(ledger.is_trained, talks.replies(session)))
        total = trained.total() or 1
        return [
            replace(
                row,
                sessions=sessions[id(chat)],
                replies=replies[id(chat)],
                trained=trained[id(chat)],
                share=round(trained[id(chat)] / total, 3),
                aside=aside[chat.id],
            )
            for row, chat in zip(self._rows, self._chats, strict=True)
        ]


def _aside(rows: list[ChatRow]) -> list[str]:
    """Return a sentence for each chat that was sampled down."""
    return [
        f"{row.name} would dominate: {row.trained:,} of its {row.trained + row.aside:,} replies are trained"
        for row in rows
        if row.aside
    ]


def _left_whole(rows: list[ChatRow], share: float) -> list[str]:
    """Return a sentence for a chat that dominates and was not sampled down, though there are others to balance with."""
    if sum(row.trained > 0 for row in rows) <= 1 / share or any(row.aside for row in rows):
        return []
    return [
        f"{row.name} is {row.share:.0%} of what is trained, over {share:.0%}: all of it was kept, as there is so little"
        for row in rows
        if row.share > max(share, DOMINANT)
    ]


def _examples(ledger: Ledger, talks: Conversations) -> dict[str, list[str]]:
    """Return a few replies for each reason, spread over all that have it, as the data set shows them."""
    places: dict[Reason, list[int]] = {}
    for number in range(len(ledger)):
        if reason := ledger.reason(number):
            places.setdefault(reason, []).append(number)
    examples: dict[str, list[str]] = {}
    for reason, found in places.items():
        some = dict.fromkeys(found[i * len(found) // EXAMPLES] for i in range(EXAMPLES))
        texts = (talks.reply(ledger.session[number], number)[1].text for number in some)
        examples[reason.value] = list(dict.fromkeys(beginning(" ".join(text.split()), EXAMPLE_WORDS) for text in texts))
    return examples
