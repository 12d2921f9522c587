"""The parser agrees with the standard library for any chunk size, and distinguishes errors from truncation."""

import io
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.json_stream import values
from importers.json_stream.values import JsonStream, Malformed, Truncated

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def stream(text: str) -> JsonStream:
    return JsonStream(io.BytesIO(text.encode("utf-8")))


def walk(source: JsonStream) -> Any:
    """Read a document by walking its outer level and taking inner values whole."""
    match source.peek():
        case "{":
            return {key: source.value() for key in source.members()}
        case "[":
            return [source.value() for _ in source.elements()]
        case _:
            return source.value()


@pytest.fixture(params=[1, 7, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(values, "CHUNK", request.param)
    return int(request.param)


class TestReading:
    @given(JSON, st.sampled_from([None, 1]))
    def test_equals_the_standard_library(self, document: Any, indent: int | None) -> None:
        """Walking a document yields the same as json.loads."""
        assert walk(stream(json.dumps(document, indent=indent))) == document

    def test_chunks_do_not_show(self, chunk: int) -> None:
        """Strings, escapes, numbers and characters of several bytes survive any chunk border."""
        document = {"привет": ["안녕 👋🏽", 'a"\\\n', -12.5e3, 1234567890123, True, None], "x": {"y": []}}
        for ascii_only in (True, False):
            assert walk(stream(json.dumps(document, ensure_ascii=ascii_only, indent=1))) == document

    def test_numbers_are_read_to_their_end(self, chunk: int) -> None:
        """A number is not taken for its beginning where a chunk ends within it."""
        numbers = {"a": 8.80101783150745e-147, "b": -1.5, "c": 12e300, "d": [0.25, 7]}
        assert walk(stream(json.dumps(numbers))) == numbers

    def test_byte_order_mark_is_passed_over(self) -> None:
        """A file may begin with a byte order mark."""
        assert walk(stream("\ufeff[1]")) == [1]

    def test_skip_passes_over_values(self) -> None:
        """Skipped values do not affect later ones."""
        source = stream('{"a": {"b": [1, {"c": 2}]}, "d": [[], "]"], "e": 5}')
        found = {}
        for key in source.members():
            if key == "e":
                found[key] = source.value()
            else:
                source.skip()
        assert found == {"e": 5}


class TestRepairs:
    def test_hexadecimal_escapes(self, chunk: int) -> None:
        """Control characters written as \\xHH are read, and a real backslash before an x is left alone."""
        source = stream(r'["a\x0Cb\x01", "C:\\x41", "\\\x0b"]')
        assert walk(source) == ["a\x0cb\x01", r"C:\x41", "\\\x0b"]
        assert source.repairs["escape"] == 3

    def test_document_id_without_quotes(self, chunk: int) -> None:
        """An unquoted path in document_id is quoted."""
        source = stream('[{\n "document_id": video_files/sticker (2).webm\n},\n{"document_id": a.webp,\n "b": 1}]')
        assert walk(source) == [
            {"document_id": "video_files/sticker (2).webm"},
            {"document_id": "a.webp", "b": 1},
        ]
        assert source.repairs["document_id"] == 2


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "line", "column"),
        [
            ('{"a": 1\n "b": 2}', 2, 2),
            ("[1,\n 2,\n x]", 3, 2),
            ('[{"a": "b" "c"}]', 1, 12),
            ('["a\nb"]', 1, 4),
            ("[1] [2]", 1, 5),
        ],
    )
    def test_position_is_told(self, text: str, line: int, column: int, chunk: int) -> None:
        """Invalid JSON is refused with line and column."""
        source = stream(text)
        with pytest.raises(Malformed) as caught:
            walk(source)
            source.finish()
        assert (caught.value.line, caught.value.column) == (line, column)

    @given(JSON.filter(lambda document: isinstance(document, dict | list)), st.data())
    def test_every_beginning_is_truncated(self, document: Any, data: st.DataObject) -> None:
        """A document that was cut off anywhere is truncated, and not malformed."""
        text = json.dumps(document)
        source = stream(text[: data.draw(st.integers(0, len(text) - 1))])
        if not source.peek():
            return
        with pytest.raises(Truncated):
            walk(source)

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
    def test_absurd_documents_are_refused(self, text: str) -> None:
        """Endless nesting is a fault of the file, not of the program."""
        with pytest.raises((Malformed, Truncated)):
            walk(stream(text))

    def test_a_value_that_does_not_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Memory stays bounded where a file is one endless value."""
        monkeypatch.setattr(values, "CHUNK", 100)
        monkeypatch.setattr(values, "LARGEST_VALUE", 1000)
        with pytest.raises(Malformed, match="does not end"):
            walk(stream('["' + "a" * 5000 + '"]'))

    def test_endless_numbers(self) -> None:
        """A number of thousands of digits is read as infinity; values around it are unaffected."""
        assert walk(stream("[1, " + "1" * 5000 + ", -2]")) == [1, math.inf, -2]
