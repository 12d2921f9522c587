"""`chatclone memory`: what is remembered, from the shell."""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chatclone.cli.common_options import Status, current_persona, emit, say
from chatclone.errors import ChatcloneError, UsageError

if TYPE_CHECKING:
    from chatclone.conversations.recalled_lines import Unwanted
    from chatclone.personas.persona import Persona
    from memory.search.recall import Hit

Parsers = list[argparse.ArgumentParser]
_LAST_DAY = date(9998, 12, 31)
"""There is a day after it."""
_MOST = 2**63 - 1
"""The largest number that SQLite takes."""
IMPORT_SECONDS = 60.0
"""How long an import embeds at most; the rest comes while one chats, or with `chatclone memory embed`."""


def add(commands: Any, parents: Parsers) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser("memory", parents=parents, help="search, list, add to, forget and check the memory")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
        one = verbs.add_parser(name, parents=parents, help=text)
        one.set_defaults(run=run)
        return one.add_argument

    option = verb("search", run_search, "show what is recalled for these words")
    option("query", nargs="+", metavar="WORD")
    option("--words", type=_count, default=400, metavar="N", help="the word budget (default: 400)")
    option("--lexical", action="store_true", help="search by words alone, without the embedding model")
    option = verb("add", run_add, "remember a note")
    option("text", nargs="+", metavar="WORD")
    option("--day", type=_day, metavar="DATE", help="recall it on that day, whatever the question: 2026-11-21")
    option("--today", action="store_true", help="recall it today, whatever the question")
    option = verb("list", run_list, "list what is remembered, newest first")
    option("--limit", type=_count, default=20, metavar="N", help="how many (default: 20)")
    option("--offset", type=_count, default=0, metavar="N", help="how many to skip")
    option = verb("show", run_show, "show a passage with the messages around it")
    option("id", type=_count, metavar="ID")
    _declare_forget(
        verb("forget", run_forget, "delete a passage, a message, a person, a chat or a span of days for good")
    )
    option = verb("rebuild", run_rebuild, "rebuild passages and indexes, or change the embedding model")
    option("--embedder", metavar="ID", help="a folder or hub id of a sentence-transformers model, auto, or none")
    option("--download", action="store_true", help="fetch that embedder, after saying how large it is")
    option("--yes", action="store_true", help="do not ask before fetching")
    verb("embed", run_embed, "embed all passages that have no vector yet; Ctrl+C keeps what is done")
    verb("check", run_check, "check the memory for damage")


def _declare_forget(option: Any) -> None:
    option("id", type=_count, nargs="?", metavar="ID", help="a passage: its messages")
    option("--message", metavar="KEY", help="one message, by the key that show --json gives")
    option("--person", metavar="NAME", help="everything somebody said, now and at any later import")
    option("--chat", metavar="NAME", help="a whole chat, by name or id, now and at any later import")
    option("--from", dest="since", type=_day, metavar="DATE", help="what was said from this day on")
    option("--to", dest="until", type=_day, metavar="DATE", help="what was said up to the end of this day")


def run_search(args: argparse.Namespace) -> int:
    """Show what a query recalls."""
    from chatclone.clone.clone import hit_document
    from chatclone.recall.persona_memory import open_memory

    query = " ".join(args.query)
    persona = current_persona(args)
    with open_memory(persona, "no" if args.lexical else "now") as memory:
        asker = next(iter(persona.partners), None)
        found = memory.recall(query, words=args.words, asked=persona.name, asker=asker)
        if memory.problem:
            say(f"note: {memory.problem}")
    hits = [hit_document(hit) for hit in found.hits]
    document = {"query": query, "hits": hits, "words": found.words, "ms": round(found.ms, 2)}
    text = "\n\n".join(f"[{h['id']}] {h['chat']}, score {h['score']:.2f}\n{h['text']}" for h in hits)
    emit(args, document, text or "nothing found")
    return 0


def run_add(args: argparse.Namespace) -> int:
    """Remember a note."""
    from chatclone.recall.persona_memory import open_memory

    if args.today and args.day:
        raise UsageError("--today and --day exclude each other", "give one of them")
    text = " ".join(args.text)
    if not text.strip():
        raise UsageError("there is nothing to remember", "write the note after `memory add`")
    day = date.today() if args.today else args.day
    with open_memory(current_persona(args), "no") as memory:
        number = memory.add(text, int(time.time()), day)
    for_day = f" for {day.isoformat()}" if day else ""
    emit(args, {"id": number, "day": day.isoformat() if day else None}, f"remembered as {number}{for_day}")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """List passages."""
    from chatclone.clone.clone import hit_document
    from chatclone.recall.persona_memory import open_memory

    with open_memory(current_persona(args), "no") as memory:
        hits = [hit_document(hit) for hit in memory.list(limit=args.limit, offset=args.offset)]
    emit(args, hits, "\n\n".join(f"[{h['id']}] {h['chat']}\n{h['text']}" for h in hits))
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Show one passage with its surroundings, its own lines marked."""
    from chatclone.recall.persona_memory import open_memory

    with open_memory(current_persona(args), "no") as memory:
        found = memory.show(args.id)
    if found is None:
        raise ChatcloneError("there is no passage {id}", "chatclone memory list", id=args.id)
    own = found.passage.lines
    lines = [*found.before, *own, *found.after]
    document = [
        {"key": line.key, "when": line.when, "who": line.who, "text": line.text, "recalled": line in own}
        for line in lines
    ]
    text = "\n".join(f"{'>' if line in own else ' '} {line.day_and_time}  {line.who}: {line.text}" for line in lines)
    emit(args, document, text)
    return 0


def run_forget(args: argparse.Namespace) -> int:
    """Forget what is named, in memory; `chatclone forget` also takes it out of archive and data set."""
    from chatclone.conversations.recalled_lines import forget_recalled
    from chatclone.recall.persona_memory import is_known, open_memory
    from importers.dataset.report_text import counted

    meant = [args.id, args.message, args.person, args.chat, args.since, args.until]
    if all(value is None for value in meant):
        raise UsageError(
            "nothing was selected to forget", "give an ID, --message, --person, --chat, or --from and --to"
        )
    if any(isinstance(value, str) and not value.strip() for value in meant):
        raise UsageError("--person, --chat and --message need a value", "chatclone memory list shows names")
    span = None
    if args.since or args.until:
        span = (
            _start(args.since or date(1970, 1, 1)),
            _start(min(args.until or _LAST_DAY, _LAST_DAY) + timedelta(days=1)),
        )
        if span[0] >= span[1]:
            raise UsageError("--from is after --to", "swap them")
    persona = current_persona(args)
    with open_memory(persona, "no") as memory:
        # What was mistyped leaves nothing behind; a name may be of somebody to come.
        if args.message is not None and not is_known(persona, memory, args.message):
            raise ChatcloneError("there is no message {key}", "chatclone memory show ID --json", key=args.message)
        gone = memory.forget(passage=args.id, key=args.message, person=args.person, chat=args.chat, span=span)
    forget_recalled(persona.chats_file, persona.dataset_folder, recalled(args, persona))
    if not gone and args.id is not None:
        raise ChatcloneError("there is no passage {id}", "chatclone memory list", id=args.id)
    text = f"forgot {counted(gone, 'message')}; a trained adapter does not forget: train again"
    if not gone:
        text = "nothing matched, so nothing was removed; a later import leaves out what matches"
    emit(args, {"forgotten": gone}, text)
    return 0


def recalled(args: argparse.Namespace, persona: "Persona") -> "Unwanted":
    """Return which passages, recalled for replies, are forgotten by these arguments."""
    from contextlib import closing

    from chatclone.archive.archive import Archive
    from chatclone.conversations.recalled_lines import said_by, said_in
    from memory.memory import NOTES

    chats = {args.chat} - {None}
    if chats and persona.archive_file.exists():
        with closing(Archive(persona.archive_file)) as archive:
            chats |= {chat.name for _, chat in archive.chats() if chat.id == args.chat}
    by, within = said_by([args.person] if args.person else []), said_in(chats)

    def in_span(hit: "Hit") -> bool:
        if not (args.since or args.until) or hit.chat == NOTES:
            return False
        first, last = str(args.since or date.min), str(args.until or date.max)
        return any(first <= line[:10] <= last for line in hit.text.split("\n"))  # a line begins with its date

    return lambda hit: hit.id == args.id or by(hit) or within(hit) or in_span(hit)


def run_rebuild(args: argparse.Namespace) -> int:
    """Make the indexes again, with another embedder if one is named."""
    from chatclone.recall.embedder_choice import use_embedder
    from chatclone.recall.persona_memory import open_memory

    persona = current_persona(args)
    if args.download and not args.embedder:
        raise UsageError("--download fetches the model that --embedder names", "--embedder ID --download")
    if args.embedder:
        use_embedder(persona, args.embedder, _agree(args) if args.download else None)
    with open_memory(persona, "no") as memory:
        memory.rebuild()
        count = memory.count()
    far = embed_with_bar(persona)
    emit(args, {"passages": count, **_coverage(persona)}, f"rebuilt: {count:,} passages\n{far}")
    return 0


def run_embed(args: argparse.Namespace) -> int:
    """Embed everything that waits, however long it takes."""
    persona = current_persona(args)
    far = embed_with_bar(persona, seconds=None)
    emit(args, _coverage(persona), far)
    return 0


def run_check(args: argparse.Namespace) -> int:
    """Check the memory; problems are exit code 1."""
    from chatclone.recall.persona_memory import open_memory

    persona = current_persona(args)
    with open_memory(persona, "no") as memory:
        problems, count = memory.check(), memory.count()
    vectors = _coverage(persona)
    known = f", {vectors['embedded']:,} with vectors" + (
        f", {vectors['waiting']:,} not embedded yet: chatclone memory embed" if vectors["waiting"] else ""
    )
    text = "\n".join([*problems, "chatclone memory rebuild repairs this"] if problems else [])
    emit(args, {"passages": count, **vectors, "problems": problems}, text or f"sound: {count:,} passages{known}")
    return 1 if problems else 0


def embed_with_bar(persona: "Persona", seconds: float | None = IMPORT_SECONDS) -> str:
    """Embed what waits for so many seconds, with a line that shows how far it is, and say how far it came."""
    from chatclone.recall.persona_memory import embed

    status, started = Status(), time.monotonic()

    def show(done: int, total: int) -> None:
        left = (time.monotonic() - started) / done * (total - done)
        limit = "" if seconds is None or left < seconds else f", the rest after {seconds:.0f} s while you chat"
        status.show(f"embedding … {done:,} of {total:,} passages, {left:.0f} s left{limit}; Ctrl+C keeps what is done")

    try:
        return embed(persona, seconds, show)
    finally:
        status.clear()


def _coverage(persona: "Persona") -> dict[str, Any]:
    from chatclone.recall.persona_memory import open_memory

    with open_memory(persona, "no") as memory:
        covered = memory.coverage()
    return {"embedder": covered.model, "embedded": covered.embedded, "waiting": covered.waiting}


def _agree(args: argparse.Namespace) -> Callable[[str, int], bool]:
    """Return what asks before a model is fetched."""
    import sys

    def ask(model: str, size: int) -> bool:
        say(f"{model} is {size / 1e6:,.0f} MB, from the Hugging Face hub")
        if args.yes:
            return True
        if not sys.stdin.isatty():
            raise ChatcloneError("the download needs a confirmation", "add --yes")
        print("Fetch it? [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().casefold() in ("y", "yes")

    return ask


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} must be a date such as 2026-11-21") from None


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number, 0 or more")
    return number


def _start(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
