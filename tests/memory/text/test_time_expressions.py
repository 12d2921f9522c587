"""Words for time become spans of days, counted from when the question is asked."""

from datetime import UTC, datetime

import pytest

from memory.text.time_expressions import month_of, spans_of

NOW = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp())


def days(question: str) -> list[tuple[str, str]]:
    """Return the spans of a question as dates, the end not included."""
    return [
        (str(datetime.fromtimestamp(start, UTC).date()), str(datetime.fromtimestamp(end, UTC).date()))
        for start, end in spans_of(question.split(), NOW)
    ]


@pytest.mark.parametrize(
    ("question", "span"),
    [
        ("what did we do last summer", ("2026-06-01", "2026-09-01")),
        ("el verano pasado", ("2026-06-01", "2026-09-01")),
        ("otgan yozda", ("2026-06-01", "2026-09-01")),
        ("작년 여름", ("2025-06-01", "2025-09-01")),
        ("two years ago", ("2024-01-01", "2025-01-01")),
        ("in 2019", ("2019-01-01", "2020-01-01")),
        ("yesterday", ("2026-11-20", "2026-11-21")),
    ],
)
def test_one_span(question: str, span: tuple[str, str]) -> None:
    """A question that names one time is about that time."""
    assert days(question) == [span]


def test_a_month_alone_is_that_month_of_every_year() -> None:
    """Nobody said which May, so the latest comes first and earlier ones follow."""
    assert days("в мае")[:2] == [("2026-05-01", "2026-06-01"), ("2025-05-01", "2025-06-01")]


def test_no_time_is_no_span() -> None:
    """A question without a word for time is not narrowed down."""
    assert days("what is your cat called") == []


def test_months_are_known_in_several_languages() -> None:
    """A month's name is understood where it cannot be mistaken for something else."""
    assert [month_of(name) for name in ("march", "марте", "oktabrda", "may")] == [3, 3, 10, None]
