"""Pulls values out of a JSON file of any size, one at a time, at the speed of the standard library's own scanner.

The caller walks the document (`members`, `elements`) and takes what it wants whole (`value`) or leaves it (`skip`);
no more than one such value and one chunk of the file is in memory. A file that ends early raises `Truncated` after
everything complete was given out; anything else that is not JSON raises `Malformed` with its line and column.
Two faults that Telegram Desktop writes itself are put right on the way, and counted in `repairs`.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

CHUNK = 1 << 20
"""Bytes read at a time."""
LARGEST_VALUE = 1 << 28
"""Characters one value may take; beyond it the file is not what it seems, and memory must stay bounded."""

_SPACE = re.compile(r"[ \t\n\r]*")
_HEX_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_BARE_PATH = re.compile(r"[^\",\[\]{}\n][^\n]*?(?=,?\r?\n)")
_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_NUMBER_PARTS = ".eE+-"
"""What a number may be cut off in the middle of, besides digits."""
_TAIL = 12
"""How near the end of a chunk a fault may be the chunk's end showing: half an escape, half a literal."""


class Truncated(Exception):
    """The file ends in the middle of a value."""


class Malformed(Exception):
    """The file is not JSON at this place; lines and columns count from 1."""

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(f"{what} in line {line}, column {column}")
        self.what, self.line, self.column = what, line, column


class JsonStream:
    """A JSON document in a binary file, read from front to back."""

    def __init__(self, file: BinaryIO) -> None:
        self.repairs: Counter[str] = Counter()
        self._file = file
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._scan = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._ended = False
        self._lines = 0
        self._columns = 0

    def peek(self) -> str:
        """Return the next character that is not white space, or an empty string at the end of the file."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(CHUNK):
                return ""

    def members(self) -> Iterator[str]:
        """Enter an object and yield its keys; the caller takes or skips each value before the next key."""
        self._take("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() not in ('"', ""):
                raise self._malformed("expected a key in double quotes", self._at)
            key = self.value()
            self._take(":")
            yield key
            if self._separator("}"):
                return

    def elements(self) -> Iterator[None]:
        """Enter an array and stop at each element; the caller takes or skips it before the next."""
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield
            if self._separator("]"):
                return

    def value(self) -> Any:
        """Take the next value whole."""
        wanted = CHUNK
        if not self.peek():
            raise Truncated
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._repair(error):
                    continue
                if not self._cut_short(error):
                    raise self._malformed(error.msg, error.pos) from None
                if not self._more(wanted):
                    raise Truncated from None
                wanted *= 2
            except RecursionError:
                raise self._malformed("nested too deeply", self._at) from None
            except ValueError:
                raise self._malformed("a number with too many digits", self._at) from None
            else:
                # What stands at the very end of the chunk, half a number perhaps, may go on in the next.
                if not self._text[end : end + _TAIL].strip(_NUMBER_PARTS) and self._more(CHUNK):
                    continue
                self._at = end
                return value

    def skip(self) -> None:
        """Pass over the next value, holding no more than one of its members at a time."""
        match self.peek():
            case "{":
                for _ in self.members():
                    self.value()
            case "[":
                for _ in self.elements():
                    self.value()
            case _:
                self.value()

    def finish(self) -> None:
        """Make sure that nothing follows the document."""
        if self.peek():
            raise self._malformed("something follows the end of the document", self._at)

    def _take(self, character: str) -> None:
        found = self.peek()
        if not found:
            raise Truncated
        if found != character:
            raise self._malformed(f"expected {character}", self._at)
        self._at += 1

    def _separator(self, closing: str) -> bool:
        """Pass a comma or the closing bracket, and tell whether it was the bracket."""
        found = self.peek()
        if not found or (self._ended and not self._text[self._at : self._at + _TAIL].strip(_NUMBER_PARTS)):
            raise Truncated
        if found != closing and found != ",":
            raise self._malformed(f"expected , or {closing}", self._at)
        self._at += 1
        return found == closing

    def _more(self, size: int) -> bool:
        """Read on, forgetting what was taken; False at the end of the file."""
        if self._ended:
            return False
        if len(self._text) - self._at > LARGEST_VALUE:
            raise self._malformed("a value that does not end", self._at)
        raw = self._file.read(size)
        self._ended = not raw
        passed = self._text[: self._at]
        newline = passed.rfind("\n")
        self._lines += passed.count("\n")
        self._columns = self._columns + len(passed) if newline < 0 else len(passed) - newline - 1
        self._text = self._text[self._at :] + self._utf8.decode(raw, final=self._ended)
        self._at = 0
        return not self._ended or bool(self._text)

    def _cut_short(self, error: json.JSONDecodeError) -> bool:
        """Tell whether a fault is only the end of what has been read so far."""
        if error.msg.startswith("Unterminated string"):
            return True
        if not self._ended:
            return error.pos >= len(self._text) - _TAIL
        rest = self._text[error.pos :].strip()
        if error.msg.startswith("Invalid \\"):
            return len(rest) < len("\\u0000")
        return not rest.strip(_NUMBER_PARTS) or any(word.startswith(rest) for word in _LITERALS)

    def _repair(self, error: json.JSONDecodeError) -> bool:
        """Put right what Telegram Desktop is known to write, and tell whether something was."""
        if error.msg.startswith("Invalid \\escape"):
            # Written since v1.3.8 for control characters. A real backslash before an x is itself escaped, hence the
            # count of backslashes.
            rest, count = _HEX_ESCAPE.subn(r"\1\\u00\2", self._text[self._at :])
            self._text = self._text[: self._at] + rest
            self.repairs["escape"] += count
            return count > 0
        if error.msg == "Expecting value" and self._text[: error.pos].endswith('"document_id": '):
            # v4.0.4 to v4.1.1 left the quotes out.
            if "\n" not in self._text[error.pos :] and self._more(CHUNK):
                return True
            if match := _BARE_PATH.match(self._text, error.pos):
                self._text = self._text[: error.pos] + json.dumps(match[0]) + self._text[match.end() :]
                self.repairs["document_id"] += 1
                return True
        return False

    def _malformed(self, what: str, position: int) -> Malformed:
        before = self._text[:position]
        newline = before.rfind("\n")
        column = self._columns + position if newline < 0 else position - newline - 1
        what = what.removesuffix(": ").strip()
        return Malformed(what[:1].lower() + what[1:], self._lines + before.count("\n") + 1, column + 1)
