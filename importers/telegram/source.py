"""Telegram as a source: the exports at a path, as `result.json` or as HTML pages.

A path may be a file of an export, its folder, a zip of it, or a folder with several exports.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from importers.files import ExportFiles, files_at, first_bytes, in_folder, is_zip
from importers.source import Export, File, ImportFailure, Source
from importers.telegram.html_export import TelegramHtmlExport
from importers.telegram.html_pages import LISTING, SUMMARY
from importers.telegram.json_export import TelegramExport
from importers.telegram.locate import EXPORT_FILE, PAGE, Found, find

HOW_TO_EXPORT = "in Telegram Desktop: chat menu, Export chat history, format JSON; then import its result.json"

_JSON_START = re.compile(rb"\{|\[\s*([\[{\]\"]|\d+\s*,|$)")
_HTML_START = re.compile(rb"<(!doctype html|html|!--)", re.IGNORECASE)


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
    if _HTML_START.match(first_bytes(path)):
        export = _of_page(path)
    else:
        export = _json(path)
    return [] if export is None else [export]


def _in_files(files: ExportFiles) -> list[Export]:
    opened: Mapping[str, TelegramExport | TelegramHtmlExport | None]
    if found := find(files):
        opened = {export.folder or files.place.name: _open(export) for export in found}
    else:
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


def _open(found: Found) -> TelegramExport | TelegramHtmlExport | None:
    if found.json is None:
        return _html(found.pages or {})
    export = _json(found.json)
    if export is not None and found.other_form_ignored:
        where = f" in {found.folder}" if found.folder else ""
        export.notes.append(f"{EXPORT_FILE}{where} was read, not the HTML beside it")
    return export


def _of_page(path: Path) -> TelegramExport | TelegramHtmlExport | None:
    """Return the export that a page belongs to; any of its pages stands for the whole."""
    listed = f"{path.parent.name}/{path.name}" == LISTING
    if listed or PAGE.match(path.name) or path.name == SUMMARY:
        around = find(in_folder(path.parent.parent if listed else path.parent))
        if here := [export for export in around if not export.folder]:
            return _open(here[0])
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
