"""What other rooms say in the app: known in every language as far as it claims, and nothing that none says any more."""

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest

from chatclone.clone.saved_reply import explain
from chatclone.errors import ChatcloneError
from chatclone.i18n.error_text import explained_error, explained_text
from chatclone.i18n.translate import elsewhere, tr_elsewhere, use
from tests.chatclone.i18n.test_translate import PACKAGE, TRANSLATIONS, called, constant

IMPORTERS = PACKAGE.parent / "importers"
PRESETS = PACKAGE / "training" / "presets"
OUR_PRESETS = ("persona", "light", "strong", "demo")
CLAIMED = (
    "chatclone/conversations/corrections.py",
    "chatclone/conversations/document.py",
    "chatclone/conversations/listing.py",
    "chatclone/conversations/markdown.py",
    "chatclone/conversations/schema.py",
    "chatclone/conversations/chat_settings.py",
    "chatclone/conversations/store.py",
    "chatclone/conversations/file_formats.py",
    "chatclone/ingest/import_run.py",
    "chatclone/ingest/ownership.py",
    "chatclone/engines/choose.py",
    "chatclone/gguf/model_file.py",
    "chatclone/engines/token_loop.py",
    "chatclone/engines/hardware.py",
    "chatclone/training/plan.py",
    "importers/registry.py",
    "importers/files.py",
    "importers/owner.py",
    "importers/telegram/json_export.py",
    "importers/telegram/html_export.py",
    "importers/telegram/html_pages.py",
)
"""Modules all of whose errors have a translation."""
TYPED_HINT = re.compile(r"chatclone [\w ]+|pip install|there is \{\}$")
"""What is typed in any language, and a list of names, which the app says with words of its own."""


def form_of(node: ast.AST) -> str | None:
    """Return a text with `{}` for whatever is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(constant(part) or "{}" for part in node.values)
    return constant(node) if isinstance(node, ast.Constant) else None


def errors_of(tree: ast.AST) -> Iterator[str]:
    """Yield what errors say and have one try, names of texts followed to where they are given."""
    named: dict[str, list[ast.AST]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named.setdefault(node.targets[0].id, []).append(node.value)
    for call in called(tree, "ChatcloneError", "ImportFailure"):
        for argument in call.args:
            for value in named.get(argument.id, []) if isinstance(argument, ast.Name) else [argument]:
                for part in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                    if form := form_of(part):
                        yield form


def reasons_of(preset: str) -> list[str]:
    """Return why the settings of a preset are as they are."""
    table = tomllib.loads((PRESETS / f"{preset}.toml").read_text("utf-8"))
    return [setting["reason"] for setting in table.values()]


def listed(language: str) -> set[str]:
    """Return the texts of other rooms that a translation knows."""
    return {re.sub(r"\{.*?\}", "{}", text) for text in elsewhere(language)}


@pytest.mark.parametrize("language", TRANSLATIONS)
class TestTables:
    """Every translation, against the other rooms."""

    def test_texts_of_other_rooms_are_still_theirs(self, language: str) -> None:
        """What is listed as said elsewhere stands somewhere in the package."""
        said: set[str] = set()
        for path in [*PACKAGE.rglob("*.py"), *IMPORTERS.rglob("*.py")]:
            if path.parent.name != "tui":
                said |= {form for node in ast.walk(ast.parse(path.read_text("utf-8"))) if (form := form_of(node))}
        said |= {p.read_text("utf-8").split("\n")[0].lstrip("# ") for p in PRESETS.glob("*.toml")}
        said |= {part for form in said for part in form.split("\n")}
        said |= {reason for preset in OUR_PRESETS for reason in reasons_of(preset)}
        assert listed(language) <= said, listed(language) - said

    def test_errors_that_the_app_leads_to_are_known(self, language: str) -> None:
        """Every one, with what to try, of the rooms where a person's own files, words and choices go wrong."""
        missing = {
            f"{name}: {form}"
            for name in CLAIMED
            for form in errors_of(ast.parse((PACKAGE.parent / name).read_text("utf-8")))
            if form not in listed(language) and not TYPED_HINT.match(form)
        }
        assert not missing

    @pytest.mark.parametrize("preset", OUR_PRESETS)
    def test_reasons_of_a_plan_are_known(self, language: str, preset: str) -> None:
        """Of the presets that are offered to everybody; the others cite a single machine or paper."""
        assert set(reasons_of(preset)) <= listed(language)


class TestSaying:
    """One text at a time."""

    def test_what_other_rooms_say_is_known_by_its_form(self) -> None:
        """What is not known stays as it is."""
        assert tr_elsewhere("reading result.json") == "reading result.json"
        use("ru")
        assert tr_elsewhere("reading result.json") == "чтение result.json"
        assert tr_elsewhere("something new") == "something new"
        assert tr_elsewhere("a tiny base (8M parameters by its weights)") == "крошечная база (8M параметров по весам)"
        mistakes = "there is no setting rnk; there is no setting x y"
        assert tr_elsewhere(mistakes) == "нет настройки rnk; нет настройки x y"

    def test_an_error_of_another_room_is_said_in_it(self) -> None:
        """In two lines, wherever the app explains one."""
        use("ru")
        error = ChatcloneError("this reply was not cut off", "have it written again instead")
        said = "ошибка: этот ответ не был обрезан\nпопробуйте: пусть напишет заново"
        assert explained_error(error) == said
        assert explained_text(explain(error)) == said
