"""`chatclone import PATH...`: exports in, a persona ready to train."""

import argparse
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatclone.cli.common_options import Status, emit, home_of, say, slug_of
from chatclone.errors import UsageError
from importers.filters.chat_balance import SHARE

if TYPE_CHECKING:
    from importers.dataset.report import DataReport
    from importers.message import Person

FILTERS = ("balanced", "strict", "none")
LISTED = 20
"""People shown to choose from; the rest can be named."""
HOW = {
    "personal_information": "the export says so",
    "saved_messages": "the Saved Messages in it are yours",
    "chat_partner": "the other side of its personal chats",
}
"""What tells whose export it is, in words."""


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("import", parents=parents, help="turn chat exports into a persona")
    option = parser.add_argument
    option("paths", nargs="+", type=Path, metavar="PATH", help="an export's file, folder or zip; several are joined")
    written_by = "which program wrote it: %(choices)s (default: detected)"
    option("--from", dest="platform", metavar="PLATFORM", choices=Platforms(), help=written_by)
    option("--me", metavar="ID_OR_NAME", help="who you are in the export, where it does not say")
    option("--as", dest="clone_of", metavar="ID_OR_NAME", help="whom to clone (default: you)")
    option("--chats", nargs="+", default=[], metavar="CHAT", help="learn from these chats only, by name or id")
    option("--filter", choices=FILTERS, default="balanced", help="how replies are chosen (default: balanced)")
    option("--no-redact", action="store_true", help="keep phone numbers, e-mails and the like in the data set")
    pseudonyms = "other people's names become invented ones in the data set, the same for the same person"
    option("--pseudonyms", action="store_true", help=pseudonyms)
    share = f"the share of all trained replies that one chat may give (default: {100 * SHARE:.0f})"
    option("--chat-share", type=percent, default=SHARE, metavar="PERCENT", help=share)
    agreed = "say that the person named by --as agreed to be cloned; recorded with the date"
    option("--they-agreed", "--yes", dest="they_agreed", action="store_true", help=agreed)
    option("--dry-run", action="store_true", help="show what would happen and change nothing")
    parser.set_defaults(run=run)


class Platforms:
    """The names of all platforms, looked up only when they are needed: in the help and where `--from` is given."""

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        from importers.registry import names

        return iter(names())

    def __contains__(self, name: object) -> bool:
        """Tell whether a platform has this name."""
        return name in list(self)


def percent(typed: str) -> float:
    """Return a share, typed in percent."""
    percent = float(typed.removesuffix("%"))
    if not 1 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{typed} must be between 1 and 100 percent")
    return percent / 100


def run(args: argparse.Namespace) -> int:
    """Import and show where every message went."""

    from chatclone.ingest.import_run import Request, ingest

    if "" in (args.me, args.clone_of):
        raise UsageError("--me and --as need a name", "--me NAME, or --as NAME")
    status = Status()
    request = Request(
        paths=args.paths,
        platform=args.platform,
        me=args.me,
        clone_of=args.clone_of,
        chats=args.chats,
        filter=args.filter,
        redact=not args.no_redact,
        pseudonyms=args.pseudonyms,
        chat_share=args.chat_share,
        dry_run=args.dry_run,
    )
    done = ingest(
        request,
        home_of(args),
        slug_of(args),
        asking=Terminal(args.they_agreed),
        progress=lambda what, number: status.show(f"{what} … {number:,} messages"),
    )
    status.clear()
    for line in (*done.document["repairs"], *done.document["warnings"]):
        say(f"note: {line}")
    text = f"{who_text(done.document)}\n\n{waterfall_text(done.document, done.data_set.report)}"
    if done.persona:
        text += f"\n\n{done.persona.name} is ready ({done.persona.slug}). Next: chatclone train --base starter"
    emit(args, done.document, text)
    if done.persona:
        from chatclone.cli.memory import embed_with_bar

        say(embed_with_bar(done.persona))
    return 0


class Terminal:
    """Asks at the terminal, where there is one."""

    def __init__(self, they_agreed: bool) -> None:
        self._they_agreed = they_agreed
        self._there = sys.stdin.isatty() and sys.stderr.isatty()

    def who_are_you(self, candidates: Sequence[tuple["Person", int]]) -> "Person | None":
        """Show who wrote how much, and return whom the person names by number, name or id; None for an empty line."""
        from importers.dataset.report_text import counted
        from importers.owner import resolve
        from importers.source import ImportFailure

        if not self._there:
            return None
        say("\nThe export does not say who you are. These people wrote in it:")
        for number, (person, count) in enumerate(candidates[:LISTED], start=1):
            say(f"{number:>4}  {person.name}  ({counted(count, 'message')}, {person.id})")
        if len(candidates) > LISTED:
            say(f"      and {len(candidates) - LISTED:,} more")
        people, counts = {p.id: p for p, _ in candidates}, {p.id: count for p, count in candidates}
        while answer := _ask("Which of them are you? A number or a name: "):
            if answer.isdecimal() and 1 <= int(answer) <= min(len(candidates), LISTED):
                return candidates[int(answer) - 1][0]
            try:
                return resolve(answer, people, counts)
            except ImportFailure as failure:
                say(f"{failure.message}; {failure.hint}")
        return None

    def agreed(self, person: "Person", *, owner_known: bool) -> bool | None:
        """Ask whether somebody agreed to be cloned; None where nobody can be asked."""
        if self._they_agreed:
            return True
        if not self._there:
            return None
        about = "is not the owner of this export" if owner_known else "may not be you: this export does not say"
        return _ask(f"\n{person.name} {about}. Did they agree to be cloned? [y/N] ").casefold() in ("y", "yes")


def _ask(question: str) -> str:
    """Return what was typed after a question, which stands on stderr, as stdout is for the result."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def who_text(document: dict[str, Any]) -> str:
    """Return in words whose export it was, how that is known, who is cloned, and what was new."""
    owner, persona, messages = document["owner"], document["persona"], document["messages"]
    lines = []
    if owner:
        how = HOW.get(owner["how"], owner["how"])
        lines.append(f"You are {owner['name']} ({owner['id']}): {how}.")
    if not owner or owner["id"] != persona["id"]:
        lines.append(f"Cloning {persona['name']} ({persona['id']}).")
    if not messages["new"] and not messages["edited"]:
        lines.append(f"Nothing new: all {messages['read']:,} messages were imported before, and nothing has changed.")
    elif messages["duplicates"]:
        edits = f", {messages['edited']:,} of them edited since" if messages["edited"] else ""
        lines.append(f"{messages['new']:,} new messages; {messages['duplicates']:,} were there before{edits}.")
    return "\n".join(lines)


def waterfall_text(document: dict[str, Any], report: "DataReport") -> str:
    """Return the waterfall of an import, as wide as the terminal."""
    from importers.dataset.report import waterfall

    messages = document["messages"]
    lines = waterfall(
        report,
        read=messages["read"],
        dropped=messages["dropped"],
        duplicates=messages["duplicates"],
        width=shutil.get_terminal_size().columns,
    )
    return "\n".join(lines)
