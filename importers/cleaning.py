"""Why a reply of the persona is not trained on: one enum of reasons, one function each.

Nothing is taken out of a conversation: a reply with a reason stays in it as context, with weight 0. What the persona
did not write (forwarded, via a bot) is trained on in no mode. Besides that, `none` filters nothing, `strict` is the
filter of word counts and stock replies, and `balanced` thins what repeats instead of removing it, so that somebody who
often says "ok" still does.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import regex

from importers.message import Message
from importers.sessions import Turn
from importers.words import count_words, graphemes, only_emoji

FILTERS = ("balanced", "strict", "none")
"""The modes of cleaning, by the names that `--filter` takes."""

_DRAWN_OUT = regex.compile(r"(\p{L})\1{2,}|((?=[^\p{L}\p{N}\s])\X)\2+")


class Reason(StrEnum):
    """Why a turn of the persona is not trained on."""

    NO_CONTEXT = "no_context"
    """Nobody said anything before it in the session."""
    FORWARDED = "forwarded"
    VIA_BOT = "via_bot"
    COMMAND_ONLY = "command_only"
    LINK_ONLY = "link_only"
    MEDIA_ONLY = "media_only"
    LOW_INFORMATION = "low_information"
    """A very short reply that repeats more often than it teaches."""
    DUPLICATE = "duplicate"
    """The same words again, or in the evaluation part words that the training part has."""
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
    if any(message.forwarded for message in turn.messages):
        return Reason.FORWARDED
    return Reason.VIA_BOT if any(message.via_bot for message in turn.messages) else None


def command_only(turn: Turn) -> bool:
    """Tell whether a turn says nothing to anybody but a bot."""
    return _nothing_but("command", turn)


def link_only(turn: Turn) -> bool:
    """Tell whether a turn holds links and no words."""
    return _nothing_but("link", turn)


def media_only(turn: Turn) -> bool:
    """Tell whether a turn holds pictures, voices or stickers and no words."""
    return not any(message.text for message in turn.messages)


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
        return strict("\n".join(_said(t) for t in prompt), _said(turn))
    return next((reason for reason, applies in BALANCED.items() if applies(turn)), None)


def thin(replies: Sequence[str]) -> dict[int, Reason]:
    """Return the places of those among all of a persona's replies that repeat too often, with the reason.

    What is kept of a reply is spread evenly over time, and what was said more often stays more often.
    """
    places: dict[str, list[int]] = defaultdict(list)
    for place, reply in enumerate(replies):
        places[same(reply)].append(place)
    untrained: dict[int, Reason] = {}
    for key, found in places.items():
        low = count_words(key) <= SHORT_WORDS and len(graphemes(key)) <= SHORT_GRAPHEMES
        share, floor = (LOW_INFORMATION_SHARE, LOW_INFORMATION_FLOOR) if low else (DUPLICATE_SHARE, DUPLICATE_FLOOR)
        whole = max(floor, math.ceil(share * len(replies)))
        keep = min(len(found), whole + max(0, len(found) - whole) // 4)
        kept = {found[i * len(found) // keep] for i in range(keep)}
        reason = Reason.LOW_INFORMATION if low else Reason.DUPLICATE
        untrained.update({place: reason for place in found if place not in kept})
    return untrained


def same(reply: str) -> str:
    """Return what is equal for replies that say the same: no casing, no drawn-out letters, no punctuation around."""
    drawn_in = _DRAWN_OUT.sub(r"\1\2", " ".join(reply.casefold().split()))
    return drawn_in.strip(" .,!?…)(:;-~") or drawn_in


def _nothing_but(kind: str, turn: Turn) -> bool:
    """Tell whether every message of a turn is text that lies within spans of a kind."""
    return all(message.text and not _outside(message, kind).strip() for message in turn.messages)


def _outside(message: Message, kind: str) -> str:
    kept = message.text
    for span in sorted((s for s in message.spans if s.kind == kind), key=lambda s: s.start, reverse=True):
        kept = kept[: span.start] + kept[span.end :]
    return kept


def _said(turn: Turn) -> str:
    """Return a turn's words without the placeholders of what it carries."""
    return "\n".join(message.text for message in turn.messages if message.text)
