"""The app's texts in the reader's language, from gettext catalogues: the English text is the key.

`tr` and `trn` translate when a text is shown, so tables of texts stay in English and are only `mark`ed.
Placeholders are those of `str.format`, by name; a value is never read as a template. A text without a translation
is shown in English. `make translations` brings the catalogues up to the code. Nothing here needs Textual, so that the
plain chat shares it.
"""

import re
import string
from collections.abc import Mapping
from gettext import GNUTranslations, NullTranslations, translation
from pathlib import Path
from typing import Any

from chatclone.errors import ChatcloneError
from chatclone.i18n.message import Message

ENGLISH = "en"
DOMAIN = "chatclone"
FOLDER = Path(__file__).parent / "locale"
LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""The variables that name the reader's language; the first that is set counts (POSIX, 8.2)."""
SEPARATORS = {"ru": ("\u00a0", ",")}
"""What a language writes between thousands and before decimals, where it is not English's comma and point."""


class _Numbers(string.Formatter):
    """Formats numbers as a language writes them."""

    def __init__(self, language: str) -> None:
        group, decimal = SEPARATORS.get(language, (",", "."))
        self._signs = str.maketrans({",": group, ".": decimal})

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return one value in its format."""
        text: str = format(value, format_spec)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return text.translate(self._signs) if is_number else text


_language = ENGLISH
_catalogue: NullTranslations = NullTranslations()
_numbers = _Numbers(ENGLISH)


def use(language: str) -> None:
    """Show texts in a language from now on; raise ChatcloneError where there is no catalogue for it."""
    global _language, _catalogue, _numbers
    _catalogue = read(language)
    _language, _numbers = language, _Numbers(language)


def language() -> str:
    """Return the language in use."""
    return _language


def languages() -> list[str]:
    """Return all languages that texts can be shown in."""
    return [ENGLISH, *sorted(file.parent.parent.name for file in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))]


def chosen_language(wanted: str, environ: Mapping[str, str]) -> str:
    """Return the `wanted` language, else the locale's where there is a catalogue, else English."""
    if wanted:
        return wanted
    locale = next((environ[name] for name in LOCALE_VARIABLES if environ.get(name)), "")
    named = re.split(r"[_.@-]", locale)[0].casefold()
    return named if named in languages() else ENGLISH


def read(language: str) -> NullTranslations:
    """Return the catalogue of a language."""
    if language == ENGLISH:
        return NullTranslations()
    if language not in languages():
        what = tr("there is no translation into {language!r}", language=language)
        raise ChatcloneError(what, tr("there is {names}", names=", ".join(languages())))
    return translation(DOMAIN, FOLDER, [language], GNUTranslations)


def tr(text: str, /, **values: object) -> str:
    """Return a text in the reader's language with `values` in the places of its placeholders."""
    return _filled(_catalogue.gettext(text) if text else "", values)


def trn(one: str, other: str, count: float, /, **values: object) -> str:
    """Return a text that counts something, in the form that its number needs; `{count}` is the number."""
    # A fraction takes the form of 2 in English and in Russian, and gettext's rules are for whole numbers.
    whole = int(count) if count == int(count) else 2
    return _filled(_catalogue.ngettext(one, other, whole), {"count": count, **values})


def mark(text: str) -> str:
    """Return a text unchanged; extraction finds it, and `tr` is called where it is shown."""
    return text


def tr_message(text: str) -> str:
    """Return an error or a reason of another package in the reader's language, its values too.

    A Message is translated by its template; any other text is looked up as a whole, and so is each part of a list
    with semicolons.
    """
    if isinstance(text, Message):
        values = {name: tr_message(v) if isinstance(v, str) else v for name, v in text.values.items()}
        return tr(text.template, **values)
    found = tr(text)
    return "; ".join(map(tr, text.split("; "))) if found == text else found


def number(value: float, spec: str = "") -> str:
    """Return a number as the reader's language writes it."""
    return _filled(f"{{value:{spec}}}", {"value": value})


def _filled(template: str, values: Mapping[str, object]) -> str:
    return _numbers.vformat(template, (), values) if values else template
