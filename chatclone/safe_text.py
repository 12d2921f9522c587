"""Foreign text made safe to show: nothing in it can steer a terminal or turn the text around it."""

import re

_TAB = "    "
_HIDDEN = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029]")
"""Marks that change the direction of what stands beside them, and separators that terminals draw as they like.

Right-to-left text itself stays; a terminal orders it by its letters.
"""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    """Return `text` with control characters as visible signs; lines, emoji and letters of any script stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", _TAB)
    text = _SURROGATE.sub("\ufffd", _HIDDEN.sub("", text))
    return _CONTROL.sub(_sign, text)


def _sign(match: re.Match[str]) -> str:
    """Return the Unicode picture of a control character: ␛ for escape."""
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\ufffd"
