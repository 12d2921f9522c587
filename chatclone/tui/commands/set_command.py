"""One setting of a conversation, written by a person: `/set temperature 0.9`, `/strength 0.8`, `/partner Mum`.

The app and the plain chat share it; the settings screen puts every field through it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import cast, get_args

from chatclone.conversations import Settings
from chatclone.conversations.chat_settings import STRONGEST
from chatclone.engines.choose import EngineKind
from chatclone.engines.protocol import Sampling
from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import mark, tr

STRANGER = "a stranger"
"""A partner whom the clone does not know; it stands in the prompt, so it is no text to translate."""
LONGEST = 4096
"""Tokens of the longest reply that can be asked for."""
SIDES = (mark("1 · without the adapter"), mark("2 · with the adapter"))
"""What a comparison sets side by side."""
_ON, _OFF = ("on", "yes", "true", "1"), ("off", "no", "false", "0")


def with_setting(settings: Settings, usual: Sampling, name: str, value: str) -> Settings:
    """Return the settings with one of them changed; `usual` is the persona's own sampling."""
    name, value = name.strip().casefold().replace("-", "_"), value.strip()
    if name not in _READERS:
        what = tr("there is no setting {name}", name=name or tr("(none)"))
        raise ChatcloneError(what, tr("there is {names}", names=", ".join(_READERS)))
    return _READERS[name](settings, usual, value)


def described(settings: Settings, usual: Sampling) -> list[tuple[str, str]]:
    """Return every setting's name with its value, as `with_setting` reads them."""
    sampling = settings.sampling or usual
    return [
        ("partner", settings.partner),
        ("model", f"{settings.engine} {settings.model}".rstrip()),
        ("adapter", _switch(settings.adapter)),
        ("strength", "" if settings.strength is None else f"{settings.strength:g}"),
        ("memory", _switch(settings.memory)),
        ("rhythm", _switch(settings.rhythm)),
        ("temperature", f"{sampling.temperature:g}"),
        ("min_p", f"{sampling.min_p:g}"),
        ("length", str(sampling.max_tokens)),
        ("notes", settings.notes),
    ]


def both_sides(settings: Settings) -> tuple[Settings, Settings]:
    """Return the settings of both sides of a comparison: without the adapter, and with it at a strength above 0."""
    strength = settings.strength if settings.strength != 0 else None
    return replace(settings, adapter=False), replace(settings, adapter=True, strength=strength)


def strength_told(strength: float | None) -> str:
    """Return in words how much of the adapter is applied."""
    if strength is None:
        return tr("As it was loaded.")
    return tr("The adapter is applied at {strength:g}.", strength=strength)


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _read_switch(name: str, value: str) -> bool:
    if value.casefold() in (*_ON, *_OFF):
        return value.casefold() in _ON
    raise ChatcloneError(tr("{name} is on or off, not {value!r}", name=name, value=value), f"/set {name} off")


def _read_number(name: str, value: str, least: float, most: float, example: str) -> float:
    try:
        number = float(value.replace(",", "."))
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        what = tr(
            "{name} is a number from {least:g} to {most:g}, not {value!r}",
            name=name,
            least=least,
            most=most,
            value=value,
        )
        raise ChatcloneError(what, f"/set {name} {example}")
    return number


def _strength(settings: Settings, usual: Sampling, value: str) -> Settings:
    if not value:
        return replace(settings, strength=None)
    return replace(settings, strength=_read_number("strength", value, 0, STRONGEST, "0.8"))


def _model(settings: Settings, usual: Sampling, value: str) -> Settings:
    """Read an engine with what it loads: a run's adapter, a GGUF file, or a server's model."""
    engine, _, model = value.partition(" ")
    known = get_args(EngineKind)
    if engine not in known:
        what = tr("there is no engine {name}", name=engine or tr("(none)"))
        raise ChatcloneError(what, tr("there is {names}", names=", ".join(known)))
    return replace(settings, engine=cast("EngineKind", engine), model=model.strip())


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
    "model": _model,
    "adapter": lambda settings, usual, value: replace(settings, adapter=_read_switch("adapter", value)),
    "strength": _strength,
    "memory": lambda settings, usual, value: replace(settings, memory=_read_switch("memory", value)),
    "rhythm": lambda settings, usual, value: replace(settings, rhythm=_read_switch("rhythm", value)),
    "temperature": _temperature,
    "min_p": _min_p,
    "length": _length,
    "notes": lambda settings, usual, value: replace(settings, notes=value),
}
