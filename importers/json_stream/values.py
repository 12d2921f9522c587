"""A streaming JSON reader for files of any size.

The caller walks the document (`members`, `elements`) and takes values whole (`value`) or skips them (`skip`); one value
and one chunk of the file are in memory. `run` decodes many objects of an array at once with msgspec, several times
faster, and returns none where only `value` can. A file that ends early raises `Truncated` after every complete value
was returned; other invalid JSON raises `Malformed` with line and column. Invalid UTF-8 and two faults of Telegram
Desktop are repaired and counted in `repairs`.
"""

import codecs
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from importers.json_stream.batches import LONGEST, T, decode_run
from importers.json_stream.read_ahead import ReadAhead

CHUNK = 1 << 14
"""Bytes decoded to text at a time."""
GLANCE = 1 << 8
"""Bytes decoded to see what comes next."""
RAREST_TRY = 63
"""Most elements that are taken one by one between two attempts at a run."""
LARGEST_VALUE = 1 << 23
"""Characters of the largest value, so that memory stays bounded."""

_SPACE = re.compile(r"[ \t\n\r]*")
_HEX_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_BARE_PATH = re.compile(r"[^\",\[\]{}\n][^\n]*?(?=,?\r?\n)")
_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_NUMBER_PARTS = ".eE+-"
"""Characters of a number besides digits."""
_ENTERED = 3
"""Levels of a skipped value that are skipped member by member; deeper ones are read whole."""
_TAIL = 12
"""Characters before the end of a chunk in which an error may be an escape or a literal that was cut in two."""


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
        self._ahead = ReadAhead(file)
        self._reach = LONGEST
        self._wait = 0
        self._waiting = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._scan = json.JSONDecoder(parse_int=_integer).raw_decode
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
            if not self._more(min(CHUNK, GLANCE)):
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
        """Return the next value."""
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
            else:
                # A number at the end of the chunk may continue in the next.
                if not self._text[end : end + _TAIL].strip(_NUMBER_PARTS) and self._more(CHUNK):
                    continue
                self._at = end
                return value

    def run(self, decoder: msgspec.json.Decoder[list[T]]) -> list[T]:
        """Return the next elements that `decoder` decodes at once, none where only `value` can; called like `value`."""
        if self._waiting:
            self._waiting -= 1
            return []
        self._return_text()
        ahead = self._ahead
        ahead.fill(self._reach)
        values, end, self._reach = decode_run(ahead.data, ahead.at, self._reach, decoder)
        self._pass_bytes(end)
        # After a failure, attempts become rarer: each converts text to bytes and back.
        self._wait = 0 if values else min(2 * self._wait + 1, RAREST_TRY)
        self._waiting = self._wait
        return values

    def skip(self, levels: int = _ENTERED) -> None:
        """Skip the next value, its outer `levels` levels member by member."""
        match self.peek() if levels else "":
            case "{":
                for _ in self.members():
                    self.skip(levels - 1)
            case "[":
                for _ in self.elements():
                    self.skip(levels - 1)
            case _:
                self.value()

    def finish(self) -> None:
        """Raise Malformed if anything follows the document."""
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
        """Take a comma or the closing bracket, and tell whether it was the bracket."""
        found = self.peek()
        if not found or (self._ended and not self._text[self._at : self._at + _TAIL].strip(_NUMBER_PARTS)):
            raise Truncated
        if found != closing and found != ",":
            raise self._malformed(f"expected , or {closing}", self._at)
        self._at += 1
        return found == closing

    def _more(self, size: int) -> bool:
        """Decode more of the file; False at its end."""
        if self._ended:
            return False
        if len(self._text) - self._at > LARGEST_VALUE:
            raise self._malformed("a value that does not end", self._at)
        raw = self._ahead.take(size)
        self._ended = not raw
        self._forget()
        self._text += self._decode(raw)
        return not self._ended or bool(self._text)

    def _forget(self) -> None:
        """Discard the text that was taken, and count its lines and columns."""
        passed = self._text[: self._at]
        newline = passed.rfind("\n")
        self._lines += passed.count("\n")
        self._columns = self._columns + len(passed) if newline < 0 else len(passed) - newline - 1
        self._text = self._text[self._at :]
        self._at = 0

    def _decode(self, raw: bytes) -> str:
        held = self._utf8.getstate()[0]
        text = self._utf8.decode(raw, final=self._ended)
        if "\ufffd" in text:
            whole = held + raw
            read = whole[: len(whole) - len(self._utf8.getstate()[0])]
            if replaced := text.count("\ufffd") - read.count("\ufffd".encode()):
                self.repairs["utf8"] += replaced
        return text

    def _return_text(self) -> None:
        """Return the text that was not taken to the file, as bytes."""
        self._forget()
        self._ahead.give_back(self._text.encode() + self._utf8.getstate()[0])
        self._utf8.setstate((b"", 0))
        self._text, self._ended = "", False

    def _pass_bytes(self, end: int) -> None:
        """Take bytes up to `end` without decoding them."""
        data, start = self._ahead.data, self._ahead.at
        newline = data.rfind(b"\n", start, end)
        last = len(data[max(newline + 1, start) : end].decode("utf-8", "replace"))
        self._lines += data.count(b"\n", start, end)
        self._columns = last if newline >= 0 else self._columns + last
        self._ahead.at = end

    def _cut_short(self, error: json.JSONDecodeError) -> bool:
        """Tell whether an error is only due to the end of the text read so far."""
        if error.msg.startswith("Unterminated string"):
            return True
        if not self._ended:
            return error.pos >= len(self._text) - _TAIL
        rest = self._text[error.pos :].strip()
        if error.msg.startswith("Invalid \\"):
            return len(rest) < len("\\u0000")
        return not rest.strip(_NUMBER_PARTS) or any(word.startswith(rest) for word in _LITERALS)

    def _repair(self, error: json.JSONDecodeError) -> bool:
        """Repair a known fault of Telegram Desktop, and tell whether anything was repaired."""
        if error.msg.startswith("Invalid \\escape"):
            # Since v1.3.8, \x.. is written for control characters. A real backslash before an x is escaped itself.
            rest, count = _HEX_ESCAPE.subn(r"\1\\u00\2", self._text[self._at :])
            self._text = self._text[: self._at] + rest
            self.repairs["escape"] += count
            return count > 0
        if error.msg == "Expecting value" and self._text[: error.pos].endswith('"document_id": '):
            # v4.0.4 to v4.1.1 omitted the quotes.
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


def _integer(digits: str) -> float:
    """Return a number, or infinity for one with more digits than Python converts."""
    try:
        return int(digits)
    except ValueError:
        return math.inf
