"""What counts as a word and as an emoji, in any alphabet."""

import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]"
# Scripts written without spaces have no words to be seen; one to four characters make one, depending on the script.
_WORD = regex.compile(
    rf"(?V1)\p{{Han}}|\p{{Hiragana}}{{1,2}}|\p{{Katakana}}+|[\p{{Thai}}\p{{Lao}}\p{{Khmer}}\p{{Myanmar}}]{{1,4}}"
    rf"|{_LETTER}+(?:['‘’_-]{_LETTER}+)*"
)
_EMOJI = regex.compile(r"[\p{Emoji_Presentation}\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]")
_EMOJI_ONLY = regex.compile(
    r"(?:[\p{Emoji_Presentation}\p{Extended_Pictographic}\p{Regional_Indicator}\p{Emoji_Modifier}\ufe0e\ufe0f\u200d]"
    r"|[0-9#*]\ufe0f?\u20e3|\s)+"
)
_GRAPHEME = regex.compile(r"\X")


def words(text: str) -> list[str]:
    """Return the words of a text; emoji and punctuation are none."""
    return _WORD.findall(text)


def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(_WORD.findall(text))


def has_emoji(text: str) -> bool:
    """Tell whether a text holds an emoji."""
    return _EMOJI.search(text) is not None


def only_emoji(text: str) -> bool:
    """Tell whether a text holds nothing but emoji, and at least one."""
    return _EMOJI_ONLY.fullmatch(text) is not None and has_emoji(text)


def graphemes(text: str) -> list[str]:
    """Return what a reader sees as the characters of a text."""
    return _GRAPHEME.findall(text)


def beginning(text: str, limit: int) -> str:
    """Return a text up to its first `limit` words, with an ellipsis where it was cut."""
    starts = [match.start() for match in _WORD.finditer(text)]
    return text if len(starts) <= limit else f"{text[: starts[limit]].rstrip()}…"


def ending(text: str, limit: int) -> str:
    """Return a text from its last `limit` words on, from the beginning of a line if one is near."""
    starts = [match.start() for match in _WORD.finditer(text)]
    if len(starts) <= limit:
        return text
    start = starts[-limit]
    newline = text.find("\n", start, start + (len(text) - start) // 2)
    return text[start:] if newline < 0 or text[start - 1] == "\n" else text[newline + 1 :]
