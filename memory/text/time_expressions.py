"""Words for time in a question, in the languages we meet, turned into spans of time where they can be.

A span is from and until, in seconds since 1970 by the clock where something was written, so that days are local days. A
month or a season without a year means that of every year; "last summer" the latest that is over; what was "two years
ago" was in that calendar year. Seasons are those of the northern hemisphere.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

Span = tuple[int, int]

YEARS_BACK = 12
"""How many years a month or a season without a year is looked for in."""
_DAY = timedelta(days=1)


def _table(rows: dict[int, str]) -> dict[str, int]:
    return {word: number for number, words in rows.items() for word in words.split()}


MONTHS = _table(
    {
        1: "january jan enero januar janvier январь января январе yanvar yanvarda ocak 1월",
        2: "february feb febrero februar fevrier февраль февраля феврале fevral fevralda subat 2월",
        3: "march marzo marz март марта марте mart martda 3월",
        4: "april abril avril апрель апреля апреле aprel aprelda nisan 4월",
        5: "mayo mai май мая мае mayda mayis 5월",  # "may" asks for permission far more often
        6: "june junio juni juin июнь июня июне iyun iyunda haziran 6월",
        7: "july julio juli juillet июль июля июле iyul iyulda temmuz 7월",
        8: "august aug agosto aout август августа августе avgust avgustda agustos 8월",
        9: "september sept septiembre septembre сентябрь сентября сентябре sentabr sentabrda eylul 9월",
        10: "october oct octubre oktober octobre октябрь октября октябре oktabr oktabrda ekim 10월",
        11: "november nov noviembre novembre ноябрь ноября ноябре noyabr noyabrda kasim 11월",
        12: "december dec diciembre dezember decembre декабрь декабря декабре dekabr dekabrda aralik 12월",
    }
)
_WINTER, _SPRING, _SUMMER, _AUTUMN = 12, 3, 6, 9
_SEASONS = _table(
    {
        _WINTER: "winter зима зимой зиму зимы invierno qish qishda qishki 겨울 hiver kis kisin",
        _SPRING: "spring весна весной весну весны primavera bahor bahorda 봄 fruhling printemps ilkbahar",
        _SUMMER: "summer лето летом лета verano yoz yozda yozgi yozi yozida 여름 sommer ete yaz yazin",
        _AUTUMN: "autumn осень осенью осени otono kuz kuzda 가을 herbst automne sonbahar",
    }
)
_YEAR, _MONTH, _WEEK, _ONE_DAY = range(4)
_UNITS = _table(
    {
        _YEAR: "year years год года году лет ano anos yil yili yilda 년 해 jahr jahre jahren an ans annee sene",
        _MONTH: "month months месяц месяца месяцев месяце mes meses oy oyda 달 개월 monat monate monaten mois",
        _WEEK: "week weeks weekend неделя неделю недели недель неделе выходные"
        " выходных semana semanas hafta haftada 주 주말"
        " woche wochen semaine semaines",
        _ONE_DAY: "day days night день дня дней dia dias kun kunda 일 tag tage tagen jour jours gun",
    }
)
_DAYS_AGO = _table(
    {
        0: "today сегодня hoy bugun 오늘 heute aujourdhui",
        1: "yesterday вчера ayer kecha 어제 gestern hier dun",
        2: "позавчера anteayer 그저께 그제 vorgestern",
    }
)
_YEARS_AGO = _table({0: "올해", 1: "작년 bultur", 2: "재작년"})
_MONTHS_AGO = _table({0: "이번달", 1: "지난달"})
_WEEKS_AGO = _table({0: "이번주", 1: "지난주"})
_WEEKDAYS = _table(
    {
        0: "monday понедельник lunes dushanba 월요일 montag lundi",
        1: "tuesday вторник martes seshanba 화요일 dienstag mardi",
        2: "wednesday среду miercoles chorshanba 수요일 mittwoch mercredi",
        3: "thursday четверг jueves payshanba 목요일 donnerstag jeudi",
        4: "friday пятницу viernes juma 금요일 freitag vendredi",
        5: "saturday субботу sabado shanba 토요일 samstag samedi",
        6: "sunday воскресенье domingo yakshanba 일요일 sonntag dimanche",
    }
)
_LAST = frozenset(
    "last previous past прошлый прошлой прошлом прошлым прошлого прошлую прошлая pasado pasada ultimo ultima otgan 지난"
    " letzten letzte letztes letzter dernier derniere gecen".split()
)
_THIS = frozenset("this этот этом этой этим эту этого este esta bu 이번 diesen dieses diesem cet cette".split())
_AGO = frozenset("ago назад hace oldin avval 전 전에 vor once evvel".split())
_NUMBERS = _table(
    {
        1: "a an one один одну un una bir 한 일 ein einem einer une",
        2: "two couple два две dos ikki 두 이 zwei deux iki",
        3: "three few три tres uch 세 삼 drei trois",
        4: "four четыре cuatro tort 네 vier quatre dort",
        5: "five пять cinco besh 다섯 funf cinq bes",
        6: "six шесть seis olti 여섯 sechs",
        7: "seven семь siete yetti 일곱 sieben sept yedi",
        8: "eight восемь ocho sakkiz acht huit sekiz",
        9: "nine девять nueve toqqiz neun neuf dokuz",
        10: "ten десять diez on zehn dix",
    }
)
_ASKS_WHEN = frozenset(
    "when date когда cuando qachon qachonga 언제 언제야 wann quand zaman сколько long since month year days".split()
)
_YEAR_NUMBER = re.compile("(19[5-9][0-9]|20[0-9][0-9])년?에?")
_KOREAN = re.compile("([0-9]{1,2}월|[0-9]+(?=(?:년|개월|달|주|일)))?(.+?)(?:에는|에|의|은|는|이|에서|때)?")

TIME_WORDS = (
    MONTHS.keys() | _SEASONS.keys() | _UNITS.keys() | _DAYS_AGO.keys() | _YEARS_AGO.keys() | _MONTHS_AGO.keys()
    | _WEEKS_AGO.keys() | _WEEKDAYS.keys() | _LAST | _AGO
    | set("tomorrow tonight завтра manana ertaga 내일 morgen demain next следующий recently since soon may".split())
)  # fmt: skip
"""Words that say when something is: a message that holds one may answer a question for the time."""
RELATIVE_WORDS = (
    _UNITS.keys() | _DAYS_AGO.keys() | _YEARS_AGO.keys() | _MONTHS_AGO.keys() | _WEEKS_AGO.keys() | _LAST | _AGO
)
"""Words that name a time as seen from now, so that it is of no use to look for them in what was said then."""


def month_of(word: str) -> int | None:
    """Return the month, 1 to 12, that a folded word names."""
    return MONTHS.get(word)


def asks_when(words: Sequence[str]) -> bool:
    """Tell whether a question is for a time."""
    return not _ASKS_WHEN.isdisjoint(words)


def local_offset(moment: int) -> int:
    """Return how far this computer's clock is ahead of UTC at a moment, in seconds; both are Unix seconds."""
    offset = datetime.fromtimestamp(moment).astimezone().utcoffset()
    return int(offset.total_seconds()) if offset else 0


def spans_of(words: Sequence[str], now: int) -> tuple[Span, ...]:
    """Return the spans of time that a question's folded words name; none where it names none.

    They are counted from `now`, in seconds of the reader's own clock.
    """
    today = datetime.fromtimestamp(now, UTC).date()
    words = [part for word in words for part in _parts(word)]
    years = [int(found[1]) for word in words if (found := _YEAR_NUMBER.fullmatch(word))]
    for place, word in enumerate(words):
        if word in _YEARS_AGO:
            years.append(today.year - _YEARS_AGO[word])
        elif _UNITS.get(word) == _YEAR and (count := _back(words, place)) is not None:
            years.append(today.year - count)
    starts = [(MONTHS[word], 1, place) for place, word in enumerate(words) if word in MONTHS]
    starts += [(_SEASONS[word], 3, place) for place, word in enumerate(words) if word in _SEASONS]
    if starts:
        return tuple(span for found in starts for span in _months(words, *found, years, today))
    if years:
        return tuple(_span(date(year, 1, 1), date(year + 1, 1, 1)) for year in dict.fromkeys(years))
    return tuple(span for place in range(len(words)) if (span := _relative(words, place, today)))


def _parts(word: str) -> list[str]:
    """Return a word, a Korean one without its particle and apart from its number."""
    if not word or not ("\uac00" <= word[-1] <= "\ud7a3"):
        return [word]
    found = _KOREAN.fullmatch(word)
    if found is None or word in TIME_WORDS or _YEAR_NUMBER.fullmatch(word):
        return [word]
    return [part for part in (found[1], found[2]) if part]


def _months(words: Sequence[str], first: int, length: int, place: int, years: Sequence[int], today: date) -> list[Span]:
    """Return the spans of a month or season: of the years named, of the latest that is over, or of every year."""
    candidates = list(years) or range(today.year + 1, today.year - YEARS_BACK, -1)
    found = []
    for year in candidates:
        for begins in (year - 1, year) if first + length > 13 and years else (year,):
            start = date(begins, first, 1)
            end = date(begins + (first + length - 1) // 12, (first + length - 1) % 12 + 1, 1)
            found.append((start, end))
    if not years:
        found = [(start, end) for start, end in found if start <= today]
        if _near(words, place, _LAST):
            found = [(start, end) for start, end in found if end <= today][:1]
        elif _near(words, place, _THIS):
            found = found[:1]
    return [_span(start, end) for start, end in found]


def _relative(words: Sequence[str], place: int, today: date) -> Span | None:
    """Return the span of `yesterday`, `last week`, `three days ago`, `on monday`."""
    word = words[place]
    monday = today - today.weekday() * _DAY
    if (days := _DAYS_AGO.get(word)) is not None:
        return _span(today - days * _DAY, today - (days - 1) * _DAY)
    if (weekday := _WEEKDAYS.get(word)) is not None:
        day = today - ((today.weekday() - weekday - 1) % 7 + 1) * _DAY
        return _span(day, day + _DAY)
    if (weeks := _WEEKS_AGO.get(word)) is not None:
        return _span(monday - 7 * weeks * _DAY, monday - 7 * (weeks - 1) * _DAY)
    if (months := _MONTHS_AGO.get(word)) is not None:
        return _month_back(today, months)
    unit = _UNITS.get(word)
    if unit is None or unit == _YEAR or (count := _back(words, place)) is None:
        return None
    if unit == _ONE_DAY:
        day = today - count * _DAY
        return _span(day, day + _DAY)
    if unit == _WEEK:
        return _span(monday - 7 * count * _DAY, monday - 7 * (count - 1) * _DAY)
    return _month_back(today, count)


def _back(words: Sequence[str], place: int) -> int | None:
    """Return how many units before now are meant: 2 by `two years ago`, 1 by `last year`, 0 by `this year`."""
    around = words[max(0, place - 3) : place + 3]
    if not _AGO.isdisjoint(around):
        before = words[place - 1] if place else ""
        return int(before) if before.isdecimal() and len(before) < 3 else _NUMBERS.get(before, 1)
    if _near(words, place, _LAST):
        return 1
    return 0 if place and words[place - 1] in _THIS else None


def _near(words: Sequence[str], place: int, those: frozenset[str]) -> bool:
    return not those.isdisjoint((*words[max(0, place - 1) : place], *words[place + 1 : place + 2]))


def _month_back(today: date, count: int) -> Span:
    number = 12 * today.year + today.month - 1 - count
    start, end = divmod(number, 12), divmod(number + 1, 12)
    return _span(date(start[0], start[1] + 1, 1), date(end[0], end[1] + 1, 1))


def _span(start: date, end: date) -> Span:
    return tuple(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in (start, end))  # type: ignore[return-value]
