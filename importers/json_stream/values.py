"""Pulls values out of a JSON file of any size, one at a time, at the speed of the standard library's own scanner.

The caller walks the document (`members`, `elements`) and takes what it wants whole (`value`) or leaves it (`skip`);
no more than one such value and one chunk of the file is in memory. Where objects follow each other in an array, `run`
takes as many as can be decoded at once as they stand, several times faster, and leaves all others to `value`.
A file that ends early raises `Truncated` after everything complete was given out; anything else that is not JSON raises
`Malformed` with its line and column. Two faults that Telegram Desktop writes itself are put right on the way, and so
are bytes that are no UTF-8; they are counted in `repairs`.
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
"""Bytes decoded to see what comes next: little, where a run follows."""
RAREST_TRY = 63
"""Elements that are taken singly between two tries of a run, at most."""
LARGEST_VALUE = 1 << 23
"""Characters one value may take; beyond it the file is not what it seems, and memory must stay bounded."""

_SPACE = re.compile(r"[ \t\n\r]*")
_HEX_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\x([0-9A-Fa-f]{2})")
_BARE_PATH = re.compile(r"[^\",\[\]{}\n][^\n]*?(?=,?\r?\n)")
_LITERALS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_NUMBER_PARTS = ".eE+-"
"""What a number may be cut off in the middle of, besides digits."""
_ENTERED = 3
"""Levels of a skipped value that are passed over piece by piece; what lies deeper is taken whole."""
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
            else:
                # What stands at the very end of the chunk, half a number perhaps, may go on in the next.
                if not self._text[end : end + _TAIL].strip(_NUMBER_PARTS) and self._more(CHUNK):
                    continue
                self._at = end
                return value

    def run(self, decoder: msgspec.json.Decoder[list[T]]) -> list[T]:
        """Take the next elements, as many as `decoder` can tell at once; none where only `value` can.

        Stands at an element of `elements`, like `value`, and gives what `value` would.
        """
        if self._waiting:
            self._waiting -= 1
            return []
        self._return_text()
        ahead = self._ahead
        ahead.fill(self._reach)
        values, end, self._reach = decode_run(ahead.data, ahead.at, self._reach, decoder)
        self._pass_bytes(end)
        # Where no run is found, tries get rarer, since each turns text into bytes and back.
        self._wait = 0 if values else min(2 * self._wait + 1, RAREST_TRY)
        self._waiting = self._wait
        return values

    def skip(self, levels: int = _ENTERED) -> None:
        """Pass over the next value, holding no more of it at a time than lies `levels` below."""
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
        raw = self._ahead.take(size)
        self._ended = not raw
        self._forget()
        self._text += self._decode(raw)
        return not self._ended or bool(self._text)

    def _forget(self) -> None:
        """Keep of the text only what was not taken, and how many lines and columns went before."""
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
        """Make bytes again of the text that was not taken."""
        self._forget()
        self._ahead.give_back(self._text.encode() + self._utf8.getstate()[0])
        self._utf8.setstate((b"", 0))
        self._text, self._ended = "", False

    def _pass_bytes(self, end: int) -> None:
        """Take bytes that were read without making text of them."""
        data, start = self._ahead.data, self._ahead.at
        newline = data.rfind(b"\n", start, end)
        last = len(data[max(newline + 1, start) : end].decode("utf-8", "replace"))
        self._lines += data.count(b"\n", start, end)
        self._columns = last if newline >= 0 else self._columns + last
        self._ahead.at = end

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


def _integer(digits: str) -> float:
    """Return a number; one of thousands of digits, which no message is lost for, counts as endless."""
    try:
        return int(digits)
    except ValueError:
        return math.inf
