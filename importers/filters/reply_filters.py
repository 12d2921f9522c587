"""Why a reply of the persona is not trained on: one enum of reasons, one function each.

Nothing is taken out of a conversation: a reply with a reason stays in it as context, with weight 0. What the persona
did not write (forwarded, via a bot) is trained on in no mode. Besides that, `none` filters nothing, `strict` is the
filter of word counts and stock replies, and `balanced` thins what repeats instead of removing it, so that somebody who
often says "ok" still does.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum

import regex
from msgspec.structs import replace

from importers.conversations.sessions import Turn
from importers.message import Message, Span
from importers.text.segmentation import count_words, graphemes, only_emoji

FILTERS = ("balanced", "strict", "none")
"""The modes of cleaning, by the names that `--filter` takes."""

_DRAWN_OUT = regex.compile(r"(\p{L})\1{2,}|((?=[^\p{L}\p{N}\s])\X)\2+")
_REPEATED = re.compile(r"([^\w\s]{1,8}?)\1|([^\W\d_])\2\2")
"""Where something may be drawn out; an emoji may take several code points."""
_BARE_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_BARE_COMMAND = re.compile(r"/[A-Za-z][\w]{0,31}(?:@\w+)?")
_QUOTED_LINE = re.compile(r"^[ \t]*>+[ \t]+\S.*\n?", re.MULTILINE)
"""A line quoted as in a mail; the space tells it from a face such as >_<."""


class Reason(StrEnum):
    """Why a turn of the persona is not trained on."""

    NO_CONTEXT = "no_context"
    """Nobody said anything before it in the session."""
    UNADDRESSED = "unaddressed"
    """In a group, what it answers cannot be seen: see `importers.conversations.reply_context`."""
    FORWARDED = "forwarded"
    VIA_BOT = "via_bot"
    QUOTED = "quoted"
    """It holds nothing but what somebody else said before."""
    COMMAND_ONLY = "command_only"
    LINK_ONLY = "link_only"
    MEDIA_ONLY = "media_only"
    LOW_INFORMATION = "low_information"
    """A very short reply that repeats more often than it teaches."""
    DUPLICATE = "duplicate"
    """Nearly the same words again, or in the evaluation part words that the training part has."""
    BALANCE = "balance"
    """Of a chat that would dominate all others: see `importers.filters.chat_balance`."""
    STRICT_SHORT_PROMPT = "strict_short_prompt"
    STRICT_SHORT_REPLY = "strict_short_reply"
    STRICT_STOCK_REPLY = "strict_stock_reply"
    STRICT_EMOJI_ONLY = "strict_emoji_only"


STRICT_PROMPT_WORDS, STRICT_REPLY_WORDS = 3, 5
"""The fewest words that `strict` lets pass."""
STRICT_STOCK_REPLIES = frozenset({"ok", "ок", "спасибо", "👍", "хорошо", "+"})
"""What `strict` never trains on."""

SHORT_WORDS, SHORT_GRAPHEMES = 2, 15
"""A reply is low in information when it is no longer than both."""
LOW_INFORMATION_SHARE, DUPLICATE_SHARE = 0.02, 0.005
"""The share of all replies up to which the same one is kept whole; of what goes beyond, a quarter is."""
LOW_INFORMATION_FLOOR, DUPLICATE_FLOOR = 3, 2
"""How often the same reply is kept whole however few there are."""


def not_written(turn: Turn) -> Reason | None:
    """Say why the persona is not the author of all of a turn."""
    for message in turn.messages:
        if message.forwarded:
            return Reason.FORWARDED
        if message.via_bot:
            return Reason.VIA_BOT
    return None


def command_only(turn: Turn) -> bool:
    """Tell whether a turn says nothing to anybody but a bot."""
    return _nothing_but("command", _BARE_COMMAND, turn)


def link_only(turn: Turn) -> bool:
    """Tell whether a turn holds links and no words."""
    return _nothing_but("link", _BARE_LINK, turn)


def media_only(turn: Turn) -> bool:
    """Tell whether a turn holds pictures, voices or stickers and no words."""
    return not any([message.text for message in turn.messages])


BALANCED: Mapping[Reason, Callable[[Turn], bool]] = {
    Reason.MEDIA_ONLY: media_only,
    Reason.COMMAND_ONLY: command_only,
    Reason.LINK_ONLY: link_only,
}
"""What `balanced` finds in a single turn; see `thin` for what it finds in all of them."""


def strict(prompt: str, reply: str) -> Reason | None:
    """Say why the strict filter drops a pair, or None: too short, a stock reply, or nothing but emoji."""
    if reply.strip().casefold() in STRICT_STOCK_REPLIES:
        return Reason.STRICT_STOCK_REPLY
    if only_emoji(reply):
        return Reason.STRICT_EMOJI_ONLY
    if count_words(reply) < STRICT_REPLY_WORDS:
        return Reason.STRICT_SHORT_REPLY
    return Reason.STRICT_SHORT_PROMPT if count_words(prompt) < STRICT_PROMPT_WORDS else None


def judge(turn: Turn, prompt: Sequence[Turn], mode: str) -> Reason | None:
    """Say why a turn that follows the turns of `prompt` is not trained on, or None if it is."""
    if reason := not_written(turn):
        return reason
    if mode == "none":
        return None
    if not prompt:
        return Reason.NO_CONTEXT
    if mode == "strict":
        return strict("\n".join(said(t) for t in prompt), said(turn))
    for reason, applies in BALANCED.items():
        if applies(turn):
            return reason
    return None


def without_quotes(turn: Turn) -> Turn | None:
    """Return a turn without what it quotes, marked so or by `> ` before a line; None where nothing else is left."""
    for message in turn.messages:
        if message.spans or ">" in message.text:
            break
    else:
        return turn
    stripped = [_unquoted(message) if _may_quote(message) else message for message in turn.messages]
    kept = tuple(message for message in stripped if message.text or message.media)
    return Turn(turn.sender, kept) if kept else None


def thin(replies: Sequence[tuple[int, bool]]) -> dict[int, Reason]:
    """Return the places of those among all of a persona's replies that repeat too often, with the reason.

    A reply is given by what is the same for all that say the same, and whether it is low in information. What is kept
    of those that are the same is spread evenly over time, and what was said more often stays more often.
    """
    places: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for place, reply in enumerate(replies):
        places[reply].append(place)
    untrained: dict[int, Reason] = {}
    for (_, low), found in places.items():
        share, floor = (LOW_INFORMATION_SHARE, LOW_INFORMATION_FLOOR) if low else (DUPLICATE_SHARE, DUPLICATE_FLOOR)
        whole = max(floor, math.ceil(share * len(replies)))
        keep = min(len(found), whole + max(0, len(found) - whole) // 4)
        if keep == len(found):
            continue
        kept = {found[i * len(found) // keep] for i in range(keep)}
        reason = Reason.LOW_INFORMATION if low else Reason.DUPLICATE
        untrained.update({place: reason for place in found if place not in kept})
    return untrained


def same(reply: str) -> str:
    """Return what is equal for replies that say the same: no casing, no drawn-out letters, no punctuation around."""
    folded = " ".join(reply.casefold().split())
    if _REPEATED.search(folded):
        folded = _DRAWN_OUT.sub(r"\1\2", folded)
    return folded.strip(" .,!?…)(:;-~") or folded


def is_low(reply: str, words: Collection[str]) -> bool:
    """Tell whether a reply of these words is low in information: no longer than a word or two, in any alphabet."""
    if len(words) > SHORT_WORDS:
        return False
    return len(reply) <= SHORT_GRAPHEMES or len(graphemes(reply)) <= SHORT_GRAPHEMES


def said(turn: Turn) -> str:
    """Return a turn's words without the placeholders of what it carries."""
    if len(turn.messages) == 1:
        return turn.messages[0].text
    return "\n".join([message.text for message in turn.messages if message.text])


def _nothing_but(kind: str, bare: re.Pattern[str], turn: Turn) -> bool:
    """Tell whether every message of a turn is text that lies within spans of a kind, or looks like it."""
    for message in turn.messages:
        text = message.text
        if not text or not (message.spans or "/" in text or "www." in text):
            return False
    return all(not bare.sub("", _outside(message, kind)).strip() for message in turn.messages)


def _outside(message: Message, kind: str) -> str:
    kept = message.text
    for span in sorted((s for s in message.spans if s.kind == kind), key=lambda s: s.start, reverse=True):
        kept = kept[: span.start] + kept[span.end :]
    return kept


def _may_quote(message: Message) -> bool:
    if message.spans and any(span.kind == "quote" for span in message.spans):
        return True
    return ">" in message.text and _QUOTED_LINE.search(message.text) is not None


def _unquoted(message: Message) -> Message:
    """Return a message without its quoted stretches, its other spans moved to where they stand now."""
    text = message.text
    quotes = [(span.start, span.end) for span in message.spans if span.kind == "quote"]
    quotes += [match.span() for match in _QUOTED_LINE.finditer(text)]
    gone = bytearray(len(text))
    for start, end in quotes:
        gone[start:end] = b"\x01" * (end - start)
    kept = "".join(c for c, away in zip(text, gone, strict=True) if not away)
    lead = len(kept) - len(kept.lstrip())
    kept = kept.strip()

    def moved(place: int) -> int:
        return min(max(place - gone[:place].count(1) - lead, 0), len(kept))

    spans = (Span(s.kind, moved(s.start), moved(s.end)) for s in message.spans if s.kind != "quote")
    return replace(message, text=kept, spans=tuple(span for span in spans if span.start < span.end))
