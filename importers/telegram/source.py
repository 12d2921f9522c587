"""Telegram as a source: the exports at a path, as `result.json` or as HTML pages.

A path may be a file of an export, its folder, a zip of it, or a folder with several exports.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from importers.files import ExportFiles, files_at, first_bytes, in_folder, is_zip, natural
from importers.source import Export, File, ImportFailure, Source
from importers.telegram.html_export import TelegramHtmlExport
from importers.telegram.html_pages import LISTING, SUMMARY
from importers.telegram.json_export import TelegramExport

HOW_TO_EXPORT = "in Telegram Desktop: chat menu, Export chat history, format JSON; then import its result.json"
EXPORT_FILE = "result.json"
"""The name of Telegram Desktop's JSON."""

_PAGE = re.compile(r"messages\d*\.html$")
_JSON_START = re.compile(rb"\{|\[\s*([\[{\]\"]|\d+\s*,|$)")
_HTML_START = re.compile(rb"<(!doctype html|html|!--)", re.IGNORECASE)

Opened = TelegramExport | TelegramHtmlExport | None
"""An export, or None for what Telegram did not write."""


def _detect(path: Path) -> bool:
    return bool(_exports(path))


def _read(path: Path) -> list[Export]:
    if exports := _exports(path):
        return exports
    raise ImportFailure("{path} is not a Telegram export", HOW_TO_EXPORT, path=path)


def _is_person(sender: str) -> bool:
    return not sender.startswith("channel")


TELEGRAM = Source("telegram", HOW_TO_EXPORT, _detect, _read, _is_person)


def _exports(path: Path) -> list[Export]:
    """Return the exports at a path; raises ImportFailure for one that is damaged."""
    if path.is_dir() or is_zip(path):
        return _in_files(files_at(path))
    export = _of_page(path) if _HTML_START.match(first_bytes(path)) else _json(path)
    return [] if export is None else [export]


def _in_files(files: ExportFiles) -> list[Export]:
    opened: dict[str, Opened] = {folder or files.place.name: _open(folder, files) for folder in _folders(files)}
    if not opened:
        # Users rename their exports.
        renamed = {name: file for name, file in files.files.items() if "/" not in name and name.endswith(".json")}
        opened = {name: _json(file, strict=len(renamed) == 1) for name, file in renamed.items()}
    exports = [export for export in opened.values() if export is not None]
    if not exports and files.left_out:
        raise ImportFailure(
            "{place} holds no {file} and no messages.html; {count} of its files lead out of it and were not read",
            "name the folder or the zip of an export",
            place=files.place,
            file=EXPORT_FILE,
            count=files.left_out,
        )
    if exports and (others := [name for name, export in opened.items() if export is None]):
        exports[0].notes.append(f"not Telegram exports, left out: {', '.join(others)}")
    return list(exports)


def _folders(files: ExportFiles) -> Iterator[str]:
    """Yield the folders with an export, outer ones first; folders inside one of them belong to that export."""
    parents = {str(parent) for name in files.files for parent in PurePosixPath(name).parents}
    found: list[str] = []
    for folder in sorted(parents, key=lambda name: (name != ".", name.count("/"), natural(name))):
        inside = any(known == "." or folder.startswith(f"{known}/") for known in found)
        place = "" if folder == "." else folder
        if not inside and (EXPORT_FILE in files.below(place) or _has_messages(_pages(files.below(place)))):
            found.append(folder)
            yield place


def _open(folder: str, files: ExportFiles) -> Opened:
    """Return the export in a folder; its JSON is preferred to the same messages in HTML."""
    below = files.below(folder)
    pages = _pages(below)
    if EXPORT_FILE not in below:
        return _html(pages)
    export = _json(below[EXPORT_FILE])
    if export is not None and _has_messages(pages):
        where = f" in {folder}" if folder else ""
        export.notes.append(f"{EXPORT_FILE}{where} was read, not the HTML beside it")
    return export


def _pages(below: Mapping[str, File]) -> dict[str, File]:
    """Return the pages of an export in a folder itself: those of a chat, or those of an account and its chats."""
    account = SUMMARY in below or LISTING in below
    return {
        name: file
        for name, file in below.items()
        if _PAGE.match(name)
        or name == SUMMARY
        or (account and (name == LISTING or (name.startswith("chats/") and _PAGE.search(name))))
    }


def _has_messages(pages: Mapping[str, File]) -> bool:
    return any(_PAGE.search(name) for name in pages)


def _of_page(path: Path) -> Opened:
    """Return the export that a page belongs to; any of its pages stands for the whole."""
    listed = f"{path.parent.name}/{path.name}" == LISTING
    if listed or _PAGE.match(path.name) or path.name == SUMMARY:
        files = in_folder(path.parent.parent if listed else path.parent)
        if "" in _folders(files):
            return _open("", files)
    return _html({"messages.html": path})


def _html(pages: Mapping[str, File]) -> TelegramHtmlExport | None:
    export = TelegramHtmlExport(pages)
    return export if export.recognise() else None


def _json(file: File, *, strict: bool = True) -> TelegramExport | None:
    """Return the export in a file, or None; one that is damaged raises ImportFailure only if `strict`."""
    try:
        if _JSON_START.match(first_bytes(file)):
            export = TelegramExport(file)
            return export if export.recognise() else None
        if file.name.endswith(".json"):
            hint = "export the chat again; a Telegram export in the format JSON is called {file}"
            raise ImportFailure("{name} is not JSON: line 1, column 1", hint, name=file.name, file=EXPORT_FILE)
    except ImportFailure:
        if strict:
            raise
    return None
