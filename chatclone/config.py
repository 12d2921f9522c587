"""The settings of a home, `config.toml`: read strictly, every unknown key an error, all errors at once."""

import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tomli_w

from chatclone.errors import ChatcloneError
from chatclone.paths import ensure
from chatclone.storage.atomic_files import write_atomically


@dataclass(frozen=True)
class Config:
    """What a person may set for all personas; each field's text is its documentation."""

    current: str = field(
        default="",
        metadata={"help": "the persona that commands use when none is named"},
    )
    theme: str = field(
        default="",
        metadata={"help": "the app's colour theme, as the palette lists them"},
    )
    language: str = field(
        default="",
        metadata={"help": "the app's language, such as ru; empty is the locale's where there is a translation"},
    )
    server: str = field(
        default="",
        metadata={"help": "an OpenAI-compatible server to offer for chats, such as http://127.0.0.1:8080/v1"},
    )
    keys: dict[str, str] = field(
        default_factory=dict,
        metadata={"help": "command id (docs/terminal.md) to keys, such as stop = 'ctrl+x'"},
    )


def config_file(home: Path) -> Path:
    """Return where the settings of `home` lie."""
    return home / "config.toml"


def load(home: Path) -> Config:
    """Read the settings of `home`; a missing file means the defaults."""
    path = config_file(home)
    if not path.exists():
        return Config()
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ChatcloneError("{path} is not valid TOML: {error}", "fix that line", path=path, error=error) from None
    if problems := _problems(table):
        known = ", ".join(f.name for f in fields(Config))
        raise ChatcloneError(
            "{path}: {problems}", "known settings: {known}", path=path, problems="; ".join(problems), known=known
        )
    return Config(**table)


def set_current(home: Path, slug: str) -> None:
    """Make `slug` the persona that commands use."""
    config = replace(load(home), current=slug)
    write_atomically(config_file(ensure(home)), tomli_w.dumps(asdict(config)))


def set_theme(home: Path, theme: str) -> None:
    """Make `theme` the one the app begins with."""
    config = replace(load(home), theme=theme)
    write_atomically(config_file(ensure(home)), tomli_w.dumps(asdict(config)))


def _problems(table: dict[str, Any]) -> list[str]:
    """Return what is wrong with a table of settings, everything at once."""
    expected = {"current": str, "theme": str, "language": str, "server": str, "keys": dict}
    unknown = [f"unknown setting {key}" for key in table if key not in expected]
    wrong = [
        f"{key} must be a {kind.__name__}, not {table[key]!r}"
        for key, kind in expected.items()
        if key in table and not isinstance(table[key], kind)
    ]
    return unknown + wrong
