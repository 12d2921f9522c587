"""What all commands share: the common options, the current persona, and how results are put out."""

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any

from chatclone import config
from chatclone.errors import ChatcloneError
from chatclone.paths import home_directory
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona


def common() -> argparse.ArgumentParser:
    """Return a parent parser with the options every command takes."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("common options")
    # Suppressed defaults let the same option stand before or after the command.
    add = group.add_argument
    add(
        "--home",
        metavar="DIR",
        type=Path,
        default=argparse.SUPPRESS,
        help="where personas live (CHATCLONE_HOME)",
    )
    add(
        "--persona",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="which persona (default: the current one)",
    )
    add(
        "--json",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print one JSON document on stdout",
    )
    return parser


def home_of(args: argparse.Namespace) -> Path:
    """Return the home these arguments name."""
    return home_directory(getattr(args, "home", None))


def slug_of(args: argparse.Namespace) -> str | None:
    """Return the persona these arguments name, if any."""
    return getattr(args, "persona", None)


def current_persona(args: argparse.Namespace) -> Persona:
    """Return the persona named, or the current one."""
    home = home_of(args)
    slug = slug_of(args) or config.load(home).current
    if not slug:
        raise ChatcloneError("there is no persona yet", "chatclone import result.json, or chatclone demo")
    return personas.find(home, slug)


def emit(args: argparse.Namespace, document: Any, text: str) -> None:
    """Print the document with --json, else the text."""
    if wants_json(args):
        print_utf8()
        print(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        print(text)


def wants_json(args: argparse.Namespace) -> bool:
    """Return whether the result is wanted as a JSON document."""
    return bool(getattr(args, "json", False))


def print_utf8() -> None:
    """Write stdout as UTF-8 from now on, as JSON must be, whatever the terminal's encoding is."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def say(text: str) -> None:
    """Print a line for the person, beside the result."""
    print(text, file=sys.stderr, flush=True)


class Status:
    """A line on stderr that is rewritten as work goes on; silent where stderr is no terminal."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._live:
            print(f"\r\033[2K{text}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the line."""
        self.show("")
