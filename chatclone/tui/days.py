"""Times as a messenger shows them: a day's name, a time of day; always the reader's local time."""

from datetime import date, datetime


def local_day(moment: float) -> date:
    """Return the day of a Unix time."""
    return datetime.fromtimestamp(moment).date()


def day_title(moment: float, now: float) -> str:
    """Return the heading of a day: Today, Yesterday, Friday 14 November, and the year where it is another."""
    day, today = local_day(moment), local_day(now)
    age = (today - day).days
    if age in (0, 1):
        return ("Today", "Yesterday")[age]
    title = f"{day:%A} {day.day} {day:%B}"
    return title if day.year == today.year else f"{title} {day.year}"


def short_day(moment: float, now: float) -> str:
    """Return when something was, in as few letters as tell it: 14:05, Tue, 3 Nov, 2023-11-03."""
    day, today = local_day(moment), local_day(now)
    age = (today - day).days
    if age == 0:
        return clock_time(moment)
    if 0 < age < 7:
        return f"{day:%a}"
    return f"{day.day} {day:%b}" if day.year == today.year else day.isoformat()


def clock_time(moment: float) -> str:
    """Return the time of day, 14:05."""
    return f"{datetime.fromtimestamp(moment):%H:%M}"
