"""What the app says, in the reader's language: an English text is the key, `translations/*.toml` have the others.

`tr` and `trn` translate at the moment a text is shown, so tables of texts stay in English and are only `mark`ed.
Placeholders are those of `str.format`, by name; what is put in is never read as a template. What a translation lacks is
said in English. What other rooms say, errors and reasons, comes here in English: `*.elsewhere.toml` know it by its
form. It needs no Textual, so that the plain chat shares it.
"""

import re
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError

ENGLISH = "en"
FOLDER = Path(__file__).parent / "translations"
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""What says a person's language, the first that is set (POSIX, 8.2)."""


def _two_forms(count: float) -> str:
    """Return CLDR's plural category of a language with one and other."""
    return "one" if count == 1 else "other"


def _east_slavic(count: float) -> str:
    """Return CLDR's plural category in Russian, Ukrainian and Belarusian."""
    if count != int(count):
        return "other"
    last, two = int(count) % 10, int(count) % 100
    if last == 1 and two != 11:
        return "one"
    return "few" if last in (2, 3, 4) and two not in (12, 13, 14) else "many"


CATEGORIES: dict[str, Callable[[float], str]] = {"two-forms": _two_forms, "east-slavic": _east_slavic}
"""Rules of plurals, by the name that a translation gives."""


@dataclass(frozen=True)
class Translation:
    """One language: its texts by the English ones, its plurals by category, and how it writes numbers."""

    language: str = ENGLISH
    texts: Mapping[str, str] = field(default_factory=dict)
    counted: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the English plural."""
    category: Callable[[float], str] = _two_forms
    decimal: str = "."
    group: str = ","


class _Numbers(string.Formatter):
    """Formats numbers as a language writes them."""

    def __init__(self, translation: Translation) -> None:
        self._signs = str.maketrans({",": translation.group, ".": translation.decimal})

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value in its format."""
        text: str = format(value, format_spec)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return text.translate(self._signs) if is_number else text


_ENGLISH = Translation()
_current = _ENGLISH
_numbers: _Numbers | None = None


def use(language: str) -> None:
    """Speak a language from now on; one that there is no translation into is a ChatcloneError."""
    global _current, _numbers
    _current = read(language)
    _numbers = None if _current is _ENGLISH else _Numbers(_current)


def language() -> str:
    """Return the language that is spoken."""
    return _current.language


def languages() -> list[str]:
    """Return all languages that can be spoken."""
    return [ENGLISH, *sorted(file.stem for file in FOLDER.glob("*.toml") if "." not in file.stem)]


def chosen_language(wanted: str, environ: Mapping[str, str]) -> str:
    """Return the language that was `wanted`, else the locale's where there is a translation, else English."""
    if wanted:
        return wanted
    locale = next((environ[name] for name in LOCALE_VARIABLES if environ.get(name)), "")
    spoken = re.split(r"[_.@-]", locale)[0].casefold()
    return spoken if spoken in languages() else ENGLISH


def read(language: str) -> Translation:
    """Return the translation into a language."""
    if language == ENGLISH:
        return _ENGLISH
    if language not in languages():
        what = tr("there is no translation into {language!r}", language=language)
        raise ChatcloneError(what, tr("there is {names}", names=", ".join(languages())))
    table = tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))
    about = table["language"]
    return Translation(
        language,
        table["texts"],
        table["counted"],
        CATEGORIES[about["plurals"]],
        about["decimal"],
        about["group"],
    )


def tr(text: str, /, **values: object) -> str:
    """Return a text in the reader's language with `values` in the places of its placeholders."""
    return _filled(_current.texts.get(text, text), values)


def trn(one: str, other: str, count: float, /, **values: object) -> str:
    """Return a text that counts something, in the form that its number asks for; `{count}` is the number."""
    forms = _current.counted.get(other)
    if forms is None:
        template = one if count == 1 else other
    else:
        template = forms.get(_current.category(count)) or forms["other"]
    return _filled(template, {"count": count, **values})


def mark(text: str) -> str:
    """Return a text as it is, and have it translated: it stands in a table, and `tr` is called where it is shown."""
    return text


def tr_elsewhere(text: str) -> str:
    """Return what another room has said in the reader's language, where it is one of the known texts.

    What was put into it may be known too, and so may the parts of a list with semicolons.
    """
    known = elsewhere(_current.language)
    if text in known:
        return known[text]
    for pattern, translated in _patterns(_current.language):
        if match := pattern.fullmatch(text):
            return _filled(translated, {name: tr_elsewhere(said) for name, said in match.groupdict().items()})
    parts = text.split("; ") if known else []
    return "; ".join(map(tr_elsewhere, parts)) if len(parts) > 1 else text


@cache
def elsewhere(language: str) -> Mapping[str, str]:
    """Return the texts of other rooms by the English ones, placeholders standing for what those put in."""
    if language == ENGLISH:
        return {}
    table: dict[str, str] = tomllib.loads((FOLDER / f"{language}.elsewhere.toml").read_text("utf-8"))
    return table


@cache
def _patterns(language: str) -> Sequence[tuple[re.Pattern[str], str]]:
    """Return what matches those texts that have placeholders, the longest first, as it says most."""
    templates = sorted((text for text in elsewhere(language) if "{" in text), key=len, reverse=True)
    return [(_pattern(text), elsewhere(language)[text]) for text in templates]


def number(value: float, spec: str = "") -> str:
    """Return a number as the reader's language writes it."""
    return _filled(f"{{value:{spec}}}", {"value": value})


def _pattern(template: str) -> re.Pattern[str]:
    """Return what matches a filled template, its placeholders as groups."""
    parts = string.Formatter().parse(template)
    return re.compile(
        "".join(re.escape(text) + (f"(?P<{name}>.*?)" if name else "") for text, name, *_ in parts), re.DOTALL
    )


def _filled(template: str, values: Mapping[str, object]) -> str:
    if not values:
        return template
    return template.format(**values) if _numbers is None else _numbers.vformat(template, (), values)
