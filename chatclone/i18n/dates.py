"""Times as a messenger shows them: a day's name, a time of day; always the reader's local time."""

from datetime import date, datetime

from chatclone.i18n.translate import tr


def local_day(moment: float) -> date:
    """Return the day of a Unix time."""
    return datetime.fromtimestamp(moment).date()


def day_title(moment: float, now: float) -> str:
    """Return the heading of a day: Today, Yesterday, Friday 14 November, and the year where it is another."""
    day, today = local_day(moment), local_day(now)
    age = (today - day).days
    if age in (0, 1):
        return (tr("Today"), tr("Yesterday"))[age]
    parts = {"weekday": _weekdays()[day.weekday()], "day": day.day, "month": _months()[day.month - 1]}
    if day.year == today.year:
        return tr("{weekday} {day} {month}", **parts)
    return tr("{weekday} {day} {month} {year}", **parts, year=day.year)


def short_day(moment: float, now: float) -> str:
    """Return when something was, in as few letters as tell it: 14:05, Tue, 3 Nov, 2023-11-03."""
    day, today = local_day(moment), local_day(now)
    age = (today - day).days
    if age == 0:
        return clock_time(moment)
    if 0 < age < 7:
        return _short_weekdays()[day.weekday()]
    if day.year == today.year:
        return tr("{day} {month}", day=day.day, month=_short_months()[day.month - 1])
    return day.isoformat()


def date_title(day: date) -> str:
    """Return a date in full: 3 Nov 2023."""
    return tr("{day} {month} {year}", day=day.day, month=_short_months()[day.month - 1], year=day.year)


def clock_time(moment: float) -> str:
    """Return the time of day, 14:05."""
    return f"{datetime.fromtimestamp(moment):%H:%M}"


# fmt: off
def _weekdays() -> tuple[str, ...]:
    return (
        tr("Monday"), tr("Tuesday"), tr("Wednesday"), tr("Thursday"), tr("Friday"), tr("Saturday"), tr("Sunday"),
    )


def _short_weekdays() -> tuple[str, ...]:
    return tr("Mon"), tr("Tue"), tr("Wed"), tr("Thu"), tr("Fri"), tr("Sat"), tr("Sun")


def _months() -> tuple[str, ...]:
    """Return the months as they stand after a day."""
    return (
        tr("January"), tr("February"), tr("March"), tr("April"), tr("May"), tr("June"), tr("July"), tr("August"),
        tr("September"), tr("October"), tr("November"), tr("December"),
    )


def _short_months() -> tuple[str, ...]:
    return (
        tr("Jan"), tr("Feb"), tr("Mar"), tr("Apr"), tr("May"), tr("Jun"), tr("Jul"), tr("Aug"), tr("Sep"),
        tr("Oct"), tr("Nov"), tr("Dec"),
    )
# fmt: on
