"""Chat styles applied to plain sentences, one style for each speaker.

The corpora are tidy, chats are not. A share of the samples is rewritten, so that a small adapter can learn lower case,
bubbles, emoji and laughter.
"""

import random
import re
from dataclasses import dataclass

EMOJI: tuple[str, ...] = tuple(
    (
        "😂 🤣 😅 😊 😍 🥰 😘 😎 🤔 🙄 😭 😢 😡 😱 🥺 😴 🤗 🙃 😉 😏 "
        "🤷 🤦 🙌 👏 👍 👎 🙏 💪 🔥 💯 ✨ 🎉 ❤️ 💔 😆 😬 🤯 😁 🫠 💀"
    ).split()
)
EMOJI_BLOCKS = (range(0x1F300, 0x1F650), range(0x1F680, 0x1F6D8), range(0x1F90C, 0x1FA00), range(0x1FA70, 0x1FAFF))
"""Code points of the other emoji: a person may use any, so the model must have been trained on all their bytes."""
LAUGHTER: tuple[str, ...] = ("haha", "hahaha", "lol", "lmao", "ahahaha", "hehe", "ahah", "haha yeah", "LOL")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
STRETCHABLE = re.compile(r"\b(so|no|yes|yeah|really|hey|wow|love|cool|nice|please|what|omg|oh)\b", re.IGNORECASE)


@dataclass(frozen=True)
class ChatStyle:
    """The style of one speaker."""

    lower: bool = False
    bare_end: bool = False
    bubbles: bool = False
    emoji: tuple[str, ...] = ()
    laughter: tuple[str, ...] = ()
    stretch: bool = False
    no_apostrophes: bool = False


def random_style(rng: random.Random) -> ChatStyle:
    """Draw the style of one speaker, with few favourites."""
    return ChatStyle(
        lower=rng.random() < 0.6,
        bare_end=rng.random() < 0.6,
        bubbles=rng.random() < 0.5,
        emoji=favourites(rng) if rng.random() < 0.6 else (),
        laughter=tuple(rng.sample(LAUGHTER, rng.randint(1, 2))) if rng.random() < 0.4 else (),
        stretch=rng.random() < 0.3,
        no_apostrophes=rng.random() < 0.4,
    )


def favourites(rng: random.Random) -> tuple[str, ...]:
    """Draw the few emoji that one speaker uses: common ones, or any at all."""
    if rng.random() < 0.5:
        return tuple(rng.sample(EMOJI, rng.randint(1, 5)))
    return tuple(chr(rng.choice(rng.choice(EMOJI_BLOCKS))) for _ in range(rng.randint(1, 4)))


def apply_style(text: str, style: ChatStyle, rng: random.Random) -> str:
    """Return one turn as this speaker would have typed it."""
    parts = [part for part in SENTENCE_END.split(text) if part]
    if style.laughter and rng.random() < 0.25:
        laugh = rng.choice(style.laughter)
        parts = [laugh, *parts] if rng.random() < 0.6 else [*parts, laugh]
    if style.stretch and rng.random() < 0.3:
        parts = [STRETCHABLE.sub(lambda m: m.group() + m.group()[-1] * rng.randint(1, 4), p, count=1) for p in parts]
    if style.bare_end:
        parts = [part[:-1] if part.endswith(".") and not part.endswith("..") else part for part in parts]
    joint = "\n" if style.bubbles else " " if not style.bare_end else rng.choice((", ", "\n", ". "))
    styled = joint.join(parts)
    if style.no_apostrophes:
        styled = styled.replace("'", "").replace("’", "")
    if style.lower:
        styled = styled.lower()
    if style.emoji and rng.random() < 0.35:
        emoji = rng.choice(style.emoji) * rng.choice((1, 1, 1, 2, 3))
        styled += ("\n" if style.bubbles and rng.random() < 0.4 else " ") + emoji
    return styled
