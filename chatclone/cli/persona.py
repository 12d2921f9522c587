"""`chatclone persona`: the personas there are, and which one is current."""

import argparse
import sys
from typing import Any

from chatclone import config
from chatclone.cli.common_options import current_persona, emit, home_of, say
from chatclone.errors import UsageError
from chatclone.personas import persona as personas
from chatclone.personas.persona import Persona


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser("persona", parents=parents, help="list, show, choose or delete personas")
    parser.set_defaults(run=run_list)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    verbs.add_parser("list", parents=parents, help="all personas").set_defaults(run=run_list)
    verbs.add_parser("show", parents=parents, help="one persona").set_defaults(run=run_show)
    use = verbs.add_parser("use", parents=parents, help="make a persona the current one")
    use.add_argument("name", metavar="NAME")
    use.set_defaults(run=run_use)
    delete = verbs.add_parser("delete", parents=parents, help="delete a persona with everything it holds")
    delete.add_argument("name", metavar="NAME")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.set_defaults(run=run_delete)


def run_list(args: argparse.Namespace) -> int:
    """List the personas, the current one marked."""
    home = home_of(args)
    current = config.load(home).current
    every = personas.list_all(home)
    lines = [f"{'*' if p.slug == current else ' '} {p.slug:<16} {p.name:<24} {_state(p)}" for p in every]
    emit(
        args,
        [{**_document(p), "current": p.slug == current} for p in every],
        "\n".join(lines) or "no personas yet: chatclone import result.json",
    )
    for slug, error in personas.damaged(home).items():
        say(f"{slug} cannot be read: {error.message}\ntry: {error.hint}, or chatclone persona delete {slug}")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Show what one persona is made of."""
    document = _document(current_persona(args))
    emit(args, document, "\n".join(f"{key:<9} {_shown(value)}".rstrip() for key, value in document.items()))
    return 0


def run_use(args: argparse.Namespace) -> int:
    """Make a persona the current one."""
    home = home_of(args)
    persona = personas.find(home, args.name)
    config.set_current(home, persona.slug)
    emit(args, _document(persona), f"{persona.slug} is the current persona")
    return 0


def run_delete(args: argparse.Namespace) -> int:
    """Delete a persona after asking."""
    home = home_of(args)
    folder = personas.folder_of(home, args.name)
    if not args.yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "deleting {name} has to be confirmed", "chatclone persona delete {name} --yes", name=folder.name
            )
        if input(f"Delete {folder.name} with archive, memory, adapters and chats? [y/N] ").casefold() != "y":
            return 0
    personas.delete(folder)
    if config.load(home).current == folder.name:
        config.set_current(home, next((p.slug for p in personas.list_all(home)), ""))
    emit(args, {"deleted": folder.name}, f"deleted {folder.name}")
    return 0


def _shown(value: str | list[str] | dict[str, str] | None) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{platform} {person}" for platform, person in value.items())
    return ", ".join(value) if isinstance(value, list) else value or ""


def _state(persona: Persona) -> str:
    return f"adapter on {persona.base}" if persona.adapter else "not trained yet"


def _document(persona: Persona) -> dict[str, Any]:
    return {
        "slug": persona.slug,
        "name": persona.name,
        "ids": persona.ids,
        "base": persona.base,
        "adapter": persona.adapter,
        "partners": list(persona.partners),
        "consent": persona.consent,
        "folder": str(persona.folder),
    }
