"""The pages of Telegram's HTML export: the files of each chat, and the pages about the account."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from importers.files import natural
from importers.message import NAMED, ChatKind
from importers.source import File, ImportFailure
from importers.telegram.html_message import DELETED, number_of
from importers.telegram.html_text import line_of

SUMMARY, LISTING = "export_results.html", "lists/chats.html"
"""The pages of an account about its owner and its chats."""
LARGEST_PAGE = 64 << 20
"""Bytes. A page holds 1000 messages of at most 4096 letters, so Telegram did not write a larger file."""
HEADER_BYTES = 1 << 18
"""Bytes that hold a page's heading and first messages."""

_PAGE = re.compile(r"(?:(.*)/)?messages(\d{0,9})\.html$")
_LISTED = re.compile(r"(?:\.\./)*(.+)/messages\d*\.html")
_KINDS: dict[str, ChatKind] = {"private": "personal", "bot": "bot", "group": "group", "channel": "channel"}


@dataclass(frozen=True)
class Pages:
    """The pages of one chat, by their numbers."""

    folder: str
    by_number: tuple[tuple[int, File], ...]

    @property
    def missing(self) -> list[int]:
        """The numbers of the pages that are missing before the last one."""
        numbers = {number for number, _ in self.by_number}
        return [number for number in range(1, max(numbers) + 1) if number not in numbers]


@dataclass(frozen=True)
class Listed:
    """A chat in an account's list."""

    kind: ChatKind
    own_only: bool


def chats_in(files: Mapping[str, File]) -> list[Pages]:
    """Return the chats of an export, in natural order; a page without a number is the first."""
    found: dict[str, dict[int, File]] = {}
    for name, file in files.items():
        if page := _PAGE.match(name):
            found.setdefault(page[1] or "", {}).setdefault(int(page[2] or 1), file)
    ordered = sorted(found.items(), key=lambda item: natural(item[0]))
    return [Pages(folder, tuple(sorted(pages.items(), key=lambda page: page[0]))) for folder, pages in ordered]


def parse(file: File) -> tuple[LexborHTMLParser, bool]:
    """Return a page and whether it is complete."""
    content = _content(file, LARGEST_PAGE + 1)
    if len(content) > LARGEST_PAGE:
        hint = "name the folder of one export, as Telegram wrote it"
        raise ImportFailure(
            "{name} is larger than {size} MB, too large for a page of a chat",
            hint,
            name=file.name,
            size=LARGEST_PAGE >> 20,
        )
    return LexborHTMLParser(content), content.rstrip().endswith(b"</html>")


def heading(page: LexborHTMLParser) -> str:
    """Return the chat's name, from a page's heading."""
    found = page.css_first("div.page_header .text")
    return (line_of(found) if found else "") or DELETED


def beginning(file: File) -> LexborHTMLParser:
    """Return the beginning of a page."""
    return LexborHTMLParser(_content(file, HEADER_BYTES))


def _content(file: File, size: int) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(size)
    except OSError as error:
        hint = "check the permissions of the file"
        why = error.strerror or error
        raise ImportFailure("{name} cannot be read: {why}", hint, name=file.name, why=why) from None


def chat_ids(chats: Iterable[Pages]) -> dict[str, str]:
    """Return an id for each chat's folder, made of its name; chats of one name add the id of their first message."""
    starts = {chat.folder: beginning(chat.by_number[0][1]) for chat in chats}
    names = {folder: heading(page) for folder, page in starts.items()}
    often = Counter(names.values())
    ids: dict[str, str] = {}
    for folder, page in starts.items():
        number = next((n for block in page.css("div.message.default") if (n := number_of(block)) is not None), 0)
        ids[folder] = f"{NAMED}{names[folder]}" + (f"/{number}" if often[names[folder]] > 1 else "")
    return ids


def account_name(files: Mapping[str, File]) -> str:
    """Return the name of the account's owner, from the summary; empty if unknown."""
    if SUMMARY not in files:
        return ""
    page, _ = parse(files[SUMMARY])
    return " ".join(line_of(value) for value in page.css("div.personal_info div.names div.value"))


def listing(files: Mapping[str, File]) -> dict[str, Listed]:
    """Return the chats in the account's list, by their folders."""
    found: dict[str, Listed] = {}
    if LISTING not in files:
        return found
    page, _ = parse(files[LISTING])
    for entry in page.css("a.entry"):
        place = _LISTED.match(entry.attributes.get("href") or "")
        texts = {
            part: line_of(node) for part in ("name", "info", "details_entry") if (node := entry.css_first(f".{part}"))
        }
        if place:
            kind = _KINDS.get(texts.get("info", ""), "group")
            if kind == "personal" and texts.get("name") in ("Saved messages", "Saved Messages"):
                kind = "saved"
            elif kind == "personal" and texts.get("name") == "Replies":
                kind = "bot"
            found[place[1]] = Listed(kind, "outgoing message" in texts.get("details_entry", ""))
    return found
