"""One setting of a conversation, written by a person: `/set temperature 0.9`, `/strength 0.8`, `/partner Mum`.

The app and the plain chat share it; the settings screen puts every field through it.
"""

from collections.abc import Callable
from dataclasses import replace

from chatclone.chats import Settings
from chatclone.chats.settings import STRONGEST
from chatclone.engines.base import Sampling
from chatclone.errors import ChatcloneError

STRANGER = "a stranger"
"""A partner whom the clone does not know."""
LONGEST = 4096
"""Tokens of the longest reply that can be asked for."""
_ON, _OFF = ("on", "yes", "true", "1"), ("off", "no", "false", "0")


def with_setting(settings: Settings, usual: Sampling, name: str, value: str) -> Settings:
    """Return the settings with one of them changed; `usual` is the persona's own sampling."""
    name, value = name.strip().casefold().replace("-", "_"), value.strip()
    if name not in _READERS:
        raise ChatcloneError(f"there is no setting {name or '(none)'}", f"there is {', '.join(_READERS)}")
    return _READERS[name](settings, usual, value)


def described(settings: Settings, usual: Sampling) -> list[tuple[str, str]]:
    """Return every setting's name with its value, as `with_setting` reads them."""
    sampling = settings.sampling or usual
    return [
        ("partner", settings.partner),
        ("adapter", _switch(settings.adapter)),
        ("strength", "" if settings.strength is None else f"{settings.strength:g}"),
        ("memory", _switch(settings.memory)),
        ("rhythm", _switch(settings.rhythm)),
        ("temperature", f"{sampling.temperature:g}"),
        ("min_p", f"{sampling.min_p:g}"),
        ("length", str(sampling.max_tokens)),
        ("notes", settings.notes),
    ]


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _read_switch(name: str, value: str) -> bool:
    if value.casefold() in (*_ON, *_OFF):
        return value.casefold() in _ON
    raise ChatcloneError(f"{name} is on or off, not {value!r}", f"/set {name} off")


def _read_number(name: str, value: str, least: float, most: float, example: str) -> float:
    try:
        number = float(value.replace(",", "."))
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise ChatcloneError(f"{name} is a number from {least:g} to {most:g}, not {value!r}", f"/set {name} {example}")
    return number


def _strength(settings: Settings, usual: Sampling, value: str) -> Settings:
    if not value:
        return replace(settings, strength=None)
    return replace(settings, strength=_read_number("strength", value, 0, STRONGEST, "0.8"))


def _temperature(settings: Settings, usual: Sampling, value: str) -> Settings:
    number = _read_number("temperature", value, 0, 2, "0.7")
    return _sampled(settings, usual, replace(settings.sampling or usual, temperature=number))


def _min_p(settings: Settings, usual: Sampling, value: str) -> Settings:
    number = _read_number("min_p", value, 0, 1, "0.1")
    return _sampled(settings, usual, replace(settings.sampling or usual, min_p=number))


def _length(settings: Settings, usual: Sampling, value: str) -> Settings:
    number = _read_number("length", value, 1, LONGEST, "160")
    return _sampled(settings, usual, replace(settings.sampling or usual, max_tokens=int(number)))


def _sampled(settings: Settings, usual: Sampling, sampling: Sampling) -> Settings:
    """Return settings with this sampling; what is as usual follows the persona from now on."""
    return replace(settings, sampling=None if sampling == usual else sampling)


_READERS: dict[str, Callable[[Settings, Sampling, str], Settings]] = {
    "partner": lambda settings, usual, value: replace(settings, partner=" ".join(value.split())),
    "adapter": lambda settings, usual, value: replace(settings, adapter=_read_switch("adapter", value)),
    "strength": _strength,
    "memory": lambda settings, usual, value: replace(settings, memory=_read_switch("memory", value)),
    "rhythm": lambda settings, usual, value: replace(settings, rhythm=_read_switch("rhythm", value)),
    "temperature": _temperature,
    "min_p": _min_p,
    "length": _length,
    "notes": lambda settings, usual, value: replace(settings, notes=value),
}
