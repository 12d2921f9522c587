"""Bring the gettext catalogues up to the texts in the code, and compile them: `make translations`.

Extracts what `tr`, `trn` and `mark` are called with, the texts of errors and messages, the table of commands, and the
reasons in the presets. New texts stay untranslated; texts that are gone are kept as comments, to be reworded from.
"""

import ast
import re
import string
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "chatclone" / "i18n" / "locale"
PRESETS = ROOT / "chatclone" / "training" / "presets"
OFFERED_PRESETS = ("persona", "light", "strong", "demo")
"""Presets whose reasons are translated; the others cite a machine or a paper."""
ONE_TEXT = ("tr", "mark", "Message")
TWO_TEXTS = ("ChatcloneError", "UsageError", "ImportFailure")
"""Calls whose first argument, or first two, are texts."""
WITHOUT_WORDS = re.compile(r"\W*|chatclone [\w ]+|pip install.*")


def shown_texts() -> set[str]:
    """Return the texts that the app's own screens and commands show."""
    from chatclone.tui.commands.command_table import COMMANDS, GROUPS
    from chatclone.tui.services.menu import PLACES

    texts = {text for c in COMMANDS for text in (c.title, c.description, c.argument) if text} | set(GROUPS)
    texts |= {text for place in PLACES for text in (place.title, place.about)}
    for tree in _trees("chatclone"):
        for call in _calls(tree, ("tr", "mark")):
            texts |= set(_texts(call.args[0], {}))
    return texts


def counted_texts() -> set[tuple[str, str]]:
    """Return the texts that count something, as singular and plural."""
    pairs = set()
    for tree in _trees("chatclone"):
        for call in _calls(tree, ("trn",)):
            one, other = (next(_texts(argument, {})) for argument in call.args[:2])
            pairs.add((one, other))
    return pairs


def message_texts() -> set[str]:
    """Return the templates of errors, progress and reasons, in all packages, and the texts of presets."""
    texts: set[str] = set()
    for tree in _trees("chatclone", "importers"):
        named = _named(tree)
        for names, count in ((("Message",), 1), (TWO_TEXTS, 2)):
            for call in _calls(tree, names):
                for argument in call.args[:count]:
                    texts |= set(_texts(argument, named))
    for path in PRESETS.glob("*.toml"):
        texts.add(path.read_text("utf-8").split("\n")[0].lstrip("# "))
        if path.stem in OFFERED_PRESETS:
            texts |= {setting["reason"] for setting in tomllib.loads(path.read_text("utf-8")).values()}
    return {text for text in texts if not WITHOUT_WORDS.fullmatch(re.sub(r"\{.*?\}", "", text))}


def extracted() -> Catalog:
    """Return the template of all catalogues."""
    template = Catalog(project="chatclone", fuzzy=False)
    for text in sorted(shown_texts() | message_texts()):
        template.add(text)
    for one, other in sorted(counted_texts()):
        template.add((one, other))
    return template


def read_catalogue(path: Path) -> Catalog:
    """Return a catalogue from its .po file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain="chatclone")


def read_entries(path: Path) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the translated entries of a .po file: the English text, or singular and plural, with its translations."""
    for entry in read_catalogue(path):
        texts = (entry.id,) if isinstance(entry.id, str) else tuple(entry.id)
        forms = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
        if entry.id and any(forms):
            yield texts, forms


def placeholders(text: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def update(path: Path) -> list[str]:
    """Bring one catalogue up to the code, compile it, and return the texts without a translation."""
    catalogue = read_catalogue(path)
    created = catalogue.creation_date
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.creation_date = created
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, sort_output=True)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)
    return [str(entry.id) for entry in catalogue if entry.id and not entry.string]


def _trees(*packages: str) -> Iterator[ast.Module]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ast.parse(path.read_text("utf-8"))


def _calls(tree: ast.AST, names: tuple[str, ...]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
            yield node


def _named(tree: ast.AST) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name, so that a text can be followed to where it is written."""
    named: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named.setdefault(node.targets[0].id, []).append(node.value)
    return named


def _texts(node: ast.expr, named: dict[str, list[ast.expr]]) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, named)
        yield from _texts(node.orelse, named)
    elif isinstance(node, ast.Name):
        for value in named.get(node.id, []):
            yield from _texts(value, {})


if __name__ == "__main__":
    for file in sorted(LOCALE.glob("*/LC_MESSAGES/chatclone.po")):
        missing = update(file)
        print(f"{file.parent.parent.name}: {len(missing)} texts without a translation", file=sys.stderr)
        print("\n".join(missing))
