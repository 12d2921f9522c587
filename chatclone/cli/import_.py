"""`chatclone import PATH...`: exports in, a persona ready to train."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone.cli.options import Status, emit, home_of, say, slug_of
from chatclone.errors import ChatcloneError

if TYPE_CHECKING:
    from importers.report import DataReport

FILTERS = ("balanced", "strict", "none")


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("import", parents=parents, help="turn chat exports into a persona")
    option = parser.add_argument
    option("paths", nargs="+", type=Path, metavar="PATH", help="an export's file or folder")
    option(
        "--from",
        dest="platform",
        metavar="PLATFORM",
        help="which program wrote it (default: told by its content)",
    )
    option(
        "--me",
        metavar="ID_OR_NAME",
        help="who you are in the export, where it does not say",
    )
    option(
        "--as",
        dest="clone_of",
        metavar="ID_OR_NAME",
        help="whom to clone (default: you)",
    )
    option(
        "--chats",
        nargs="+",
        default=[],
        metavar="CHAT",
        help="learn from these chats only, by name or id",
    )
    option(
        "--filter",
        choices=FILTERS,
        default="balanced",
        help="how replies are chosen (default: balanced)",
    )
    option(
        "--no-redact",
        action="store_true",
        help="keep phone numbers, e-mails and the like in the data set",
    )
    option(
        "--yes",
        action="store_true",
        help="confirm that the person named by --as agreed to be cloned",
    )
    option(
        "--dry-run",
        action="store_true",
        help="show what would happen and change nothing",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Import and show where every message went."""

    from chatclone.ingest import Request, ingest
    from importers.message import Person

    def confirm(person: Person) -> bool:
        if args.yes:
            return True
        if not sys.stdin.isatty():
            say(f"note: cloning {person.name}, who is not the owner of this export: make sure they agreed")
            return False
        answer = input(f"{person.name} is not the owner of this export. Did they agree to be cloned? [y/N] ")
        if answer.strip().casefold() not in ("y", "yes"):
            raise ChatcloneError(f"{person.name} did not agree", "clone somebody who does")
        return True

    status = Status()
    request = Request(
        paths=args.paths,
        platform=args.platform,
        me=args.me,
        clone_of=args.clone_of,
        chats=args.chats,
        filter=args.filter,
        redact=not args.no_redact,
        dry_run=args.dry_run,
    )
    done = ingest(
        request,
        home_of(args),
        slug_of(args),
        confirm=confirm,
        progress=lambda what, number: status.show(f"{what} … {number:,} messages"),
    )
    status.clear()
    for line in (*done.document["repairs"], *done.document["warnings"]):
        say(f"note: {line}")
    text = waterfall_text(done.document, done.data_set.report)
    if done.persona:
        text += f"\n\n{done.persona.name} is ready ({done.persona.slug}). Next: chatclone train --base starter"
    emit(args, done.document, text)
    return 0


def waterfall_text(document: dict[str, Any], report: "DataReport") -> str:
    """Return the waterfall of an import, as wide as the terminal."""
    from importers.report import waterfall

    messages = document["messages"]
    lines = waterfall(
        report,
        read=messages["read"],
        dropped=messages["dropped"],
        duplicates=messages["duplicates"],
        width=shutil.get_terminal_size().columns,
    )
    return "\n".join(lines)
