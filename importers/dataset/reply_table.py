"""What is known of every reply of a persona, in columns: a few bytes each, and no text.

Thinning, balance, the split and the style before and after look at all replies at once; the words themselves wait in
packed form until a line is written.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence

from importers.conversations.turns import JudgedReply
from importers.filters.near_duplicates import FEWEST_WORDS
from importers.filters.reply_filters import Reason, is_low, same
from importers.privacy.contact_patterns import is_link
from importers.text.language_id import Languages
from importers.text.segmentation import words
from importers.text.style_figures import Style, laughs, traits

REASONS: tuple[Reason | None, ...] = (None, *Reason)
"""Reasons by the number they have in a column."""
_NUMBERS = {reason: number for number, reason in enumerate(REASONS)}
_MOST = 65_535


class Vocabulary(dict[str, int]):
    """Words to numbers; what can be said of a word alone is found out the first time it is met."""

    def __init__(self) -> None:
        super().__init__()
        self.laughing: set[str] = set()

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self)
        if laughs(word):
            self.laughing.add(word)
        return number


class Ledger:
    """All replies, by number, in the order they were added: chat after chat, each in time."""

    def __init__(self) -> None:
        self.languages = Languages()
        self.session = array("I")
        """Which session, of all chats', a reply belongs to."""
        self.started = array("q")
        self.first = array("q")
        """The id of a reply's first message."""
        self._reason = bytearray()
        self._key = array("q")
        """What is equal for replies that say the same."""
        self._low = bytearray()
        self._sets: dict[int, array[int]] = {}
        self._words, self._bubbles, self._opener = array("H"), array("H"), array("I")
        self._traits = bytearray()
        self._vocabulary = Vocabulary()

    def __len__(self) -> int:
        return len(self._reason)

    def add(self, session: int, reply: JudgedReply) -> None:
        """Take down one reply."""
        folded = reply.said.casefold()
        found = words(folded)
        numbers = list(map(self._vocabulary.__getitem__, found))
        laughing = not self._vocabulary.laughing.isdisjoint(found)
        self.session.append(session)
        self.started.append(reply.started)
        self.first.append(reply.first)
        self._reason.append(_NUMBERS[reply.reason])
        self._words.append(min(len(numbers), _MOST))
        self._bubbles.append(min(reply.bubbles, _MOST))
        # An address says nothing about a manner.
        opens = bool(found) and not is_link(folded, folded.index(found[0]))
        self._opener.append(numbers[0] + 1 if opens else 0)
        self._traits.append(traits(reply.said, laughing))
        if reply.reason is None:
            key = same(reply.said)
            self._key.append(hash(key))
            self._low.append(is_low(key, found))
            distinct = set(numbers)
            if len(distinct) >= FEWEST_WORDS:
                self._sets[len(self._reason) - 1] = array("I", distinct)
        else:
            self._key.append(0)
            self._low.append(False)
        if not is_foreign(reply.reason):
            self.languages.add(reply.said)

    def reason(self, number: int) -> Reason | None:
        """Return why a reply is not trained on, or None."""
        return REASONS[self._reason[number]]

    def give(self, number: int, reason: Reason) -> None:
        """Say that a reply is not trained on, and why."""
        self._reason[number] = _NUMBERS[reason]

    def trained(self) -> Iterator[int]:
        """Yield the numbers of the replies that are trained on."""
        return (number for number, reason in enumerate(self._reason) if not reason)

    def is_trained(self, number: int) -> bool:
        """Tell whether a reply is trained on."""
        return not self._reason[number]

    def saying(self, number: int) -> tuple[int, bool]:
        """Return what is equal for replies that say the same, and whether this one is low in information."""
        return self._key[number], bool(self._low[number])

    def word_set(self, number: int) -> Sequence[int] | None:
        """Return the words of a reply as numbers, each once, or None for one too short to be nearly another."""
        return self._sets.get(number)

    def style(self, wanted: Callable[[Reason | None], bool]) -> Style:
        """Return the style of the replies whose reason is wanted."""
        chosen = [wanted(reason) for reason in REASONS]
        names = ["", *self._vocabulary]
        style = Style()
        for number, reason in enumerate(self._reason):
            if chosen[reason]:
                style.turns += 1
                style.words += self._words[number]
                style.bubbles += self._bubbles[number]
                style.traits[self._traits[number]] += 1
                if opener := self._opener[number]:
                    style.openers[names[opener]] += 1
        return style

    def counts(self) -> dict[str, int]:
        """Return how many replies each reason has, most first."""
        found = ((reason.value, self._reason.count(_NUMBERS[reason])) for reason in Reason)
        return dict(sorted(((name, n) for name, n in found if n), key=lambda pair: -pair[1]))


def is_foreign(reason: Reason | None) -> bool:
    """Tell whether a reply with this reason was written by somebody else, and says nothing about the persona."""
    return reason in (Reason.FORWARDED, Reason.VIA_BOT, Reason.QUOTED)
