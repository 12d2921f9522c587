"""Batches yield the same objects as reading one by one, in any layout; errors are left to the parser."""

import io
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importers.json_stream import batches, read_ahead, values
from importers.json_stream.batches import decode_run
from importers.json_stream.values import JsonStream, Malformed, Truncated

ANY = msgspec.json.Decoder(list[dict[str, Any]])
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('\\"{}[],:\n'), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 99), "text": TEXT, "parts": VALUES})
    | st.dictionaries(TEXT, VALUES, max_size=3),
    max_size=12,
)
LAYOUTS = st.sampled_from(["telegram", "minified", "one line", "wide", "crlf"])


def laid_out(document: Any, layout: str, ascii_only: bool = False) -> bytes:
    indent = {"telegram": 1, "crlf": 1, "wide": 4}.get(layout)
    separators = (",", ":") if layout == "minified" else None
    text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=ascii_only)
    return (text.replace("\n", "\r\n") if layout == "crlf" else text).encode()


def read(raw: bytes, runs: bool = True) -> Iterator[Any]:
    """Yield the elements of a list of lists, with or without runs."""
    stream = JsonStream(io.BytesIO(raw))
    for _ in stream.elements():
        for _ in stream.elements():
            run: list[Any] = stream.run(ANY) if runs else []
            yield from run if run else [stream.value()]
        yield "end"
    stream.finish()


def outcome(raw: bytes, runs: bool) -> tuple[list[Any], str]:
    """Return the elements that come before a fault, and the fault."""
    found = []
    try:
        for element in read(raw, runs):
            found.append(element)
    except (Malformed, Truncated) as fault:
        return found, repr(fault)
    return found, ""


@pytest.fixture(params=["short", "long"])
def reach(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "short":
        monkeypatch.setattr(batches, "LONGEST", 64)
        monkeypatch.setattr(batches, "SHORTEST", 32)
        monkeypatch.setattr(values, "LONGEST", 64)
        monkeypatch.setattr(read_ahead, "BLOCK", 64)


@pytest.mark.usefixtures("reach")
class TestSameAsOneByOne:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.lists(OBJECTS, max_size=4), LAYOUTS, st.booleans())
    def test_valid(self, document: list[list[Any]], layout: str, ascii_only: bool) -> None:
        """Any lists of objects come out as they went in, each in its own list."""
        expected = [element for part in document for element in [*part, "end"]]
        assert list(read(laid_out(document, layout, ascii_only))) == expected

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.lists(OBJECTS, max_size=3), LAYOUTS, st.data())
    def test_damaged(self, document: list[list[Any]], layout: str, data: st.DataObject) -> None:
        """An error is reported at the same place with and without batches, after the same elements."""
        raw = laid_out(document, layout)
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 5)))
        put = data.draw(
            st.sampled_from([b"", b"\\x0C", b"\\ud83d", b"\xff", b"]", b"}", b"[", b"{", b'"', b",", b"NaN"])
        )
        broken = raw[:start] + put + raw[end:]
        assert outcome(broken, runs=True) == outcome(broken, runs=False)


def telegram(count: int, chats: int = 1) -> bytes:
    return laid_out([[{"id": n, "text": ["a", {"id": n}]} for n in range(count)] for _ in range(chats)], "telegram")


class TestRuns:
    def test_nearly_all_are_taken_in_runs(self) -> None:
        """In Telegram's layout no more than a few messages of a chat are read singly, however many chats there are."""
        stream = JsonStream(io.BytesIO(telegram(200, chats=50)))
        singly = 0
        for _ in stream.elements():
            for _ in stream.elements():
                if not stream.run(ANY):
                    singly += 1
                    stream.value()
        assert singly <= 2 * 50

    def test_a_fault_costs_few_messages(self) -> None:
        """One message that only the parser can read does not leave all others to it."""
        raw = telegram(3000).replace(b'"id": 1500,', b'"id": NaN,')
        stream = JsonStream(io.BytesIO(raw))
        singly = 0
        for _ in stream.elements():
            for _ in stream.elements():
                if not stream.run(ANY):
                    singly += 1
                    stream.value()
        assert singly <= 10

    def test_reach(self) -> None:
        """The reach grows where a run went as far as it could, and is small where there was none."""
        raw = telegram(3)[telegram(3).index(b"{") :]
        values, end, reach = decode_run(raw, 0, 40, ANY)
        assert not values
        assert (end, reach) == (0, min(80, batches.LONGEST))
        values, end, reach = decode_run(raw, 0, 1 << 10, ANY)
        assert [value["id"] for value in values] == [0, 1]
        assert raw[end : end + 1] == b","
        values, _, reach = decode_run(b'{"id": x}, {"id": 1}, {"id": 2}', 0, 1 << 10, ANY)
        assert (values, reach) == ([], batches.SHORTEST)
        assert decode_run(b"7, 8", 0, 1 << 10, ANY) == ([], 0, 1 << 10)
