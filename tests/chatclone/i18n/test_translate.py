"""The app's texts: complete in every language, with the same placeholders, and none that goes around the table."""

import ast
import io
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatclone import config
from chatclone.conversations import ChatStore
from chatclone.errors import ChatcloneError
from chatclone.i18n import translate
from chatclone.i18n.dates import day_title, short_day
from chatclone.i18n.translate import CATEGORIES, chosen_language, elsewhere, number, tr, trn, use
from chatclone.repl.plain_chat import run_plain
from chatclone.tui.commands.command_table import COMMANDS, GROUPS
from chatclone.tui.preferences import Preferences
from chatclone.tui.screens.help import INDENT, WIDTH, HelpScreen
from chatclone.tui.services.menu import PLACES
from tests.chatclone.tui.pages import Rooms, loaded, persona_in, text_of
from tests.chatclone.tui.stage import NOW, app_with, awake
from tests.fakes import FakeEngine

PACKAGE = Path(translate.__file__).parents[1]
TABLES = {"command_table.py", "menu.py"}
"""Their rows are read from the tables themselves."""
TRANSLATIONS = [language for language in translate.languages() if language != translate.ENGLISH]
SINKS = {
    "Button", "ChatcloneError", "Checkbox", "ConfirmScreen", "Content", "Label", "Option", "Static", "SystemCommand",
    "UsageError", "_say", "assemble", "notify", "print", "say", "styled", "update",
}  # fmt: skip
"""What shows the texts it is called with."""
SHOWN_KEYWORDS = {"placeholder", "title", "label"}
SHOWN_ATTRIBUTES = {"border_title", "border_subtitle", "tooltip", "label"}
STYLE = re.compile(r"(bold|dim|italic|reverse|underline|\$\w+|\d+%|\s)+")
TYPED = re.compile(r"(chatclone|/\w+) ?[\w.{} ]*|\w+ = '.*'")
"""Commands and settings as they are typed in any language."""
SIGNS = {"Esc", "Enter", "on", "off"}
"""Names of keys and values, which are the same in every language."""
SENTENCE = re.compile(r"[A-Za-z]{2,},? [A-Za-z]{2,}")


def modules() -> list[Path]:
    """Return the modules whose texts are ours; what a browser shows has a place of its own."""
    return [p for room in ("tui", "repl", "i18n") for p in sorted((PACKAGE / room).rglob("*.py"))]


def called(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Yield the calls of functions with these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def constant(node: ast.expr) -> str | None:
    """Return the text that a node is, if it is one."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def used() -> tuple[set[str], set[tuple[str, str]]]:
    """Return every text of the code and the tables, and every counting one as its singular and plural."""
    plain = {text for c in COMMANDS for text in (c.title, c.description, c.argument) if text} | set(GROUPS)
    plain |= {text for place in PLACES for text in (place.title, place.about)}
    counted = set()
    for path in modules():
        tree = ast.parse(path.read_text("utf-8"))
        plain |= {text for call in called(tree, "tr", "mark") if (text := constant(call.args[0])) is not None}
        for call in called(tree, "trn"):
            one, other = constant(call.args[0]), constant(call.args[1])
            assert one and other, f"{path.name}:{call.lineno}: what is counted must be written out"
            counted.add((one, other))
    return plain, counted


def placeholders(template: str) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("language", TRANSLATIONS)
class TestTranslations:
    """Every translation, against the code."""

    def test_nothing_is_missing_or_left_over(self, language: str) -> None:
        """Texts that the code does not use are gone from the translation too."""
        plain, counted = used()
        translation = translate.read(language)
        assert set(translation.texts) ^ plain == set()
        assert set(translation.counted) ^ {other for _, other in counted} == set()
        assert all(translation.texts.values())

    def test_placeholders_agree(self, language: str) -> None:
        """A sentence says everything that the English one says; a form for one thing may leave its number out."""
        translation = translate.read(language)
        for english, translated in {**translation.texts, **elsewhere(language)}.items():
            assert placeholders(english) == placeholders(translated), english
        for english, forms in translation.counted.items():
            for form, translated in forms.items():
                missing = placeholders(english) ^ placeholders(translated)
                assert missing <= ({"count"} if form == "one" else set()), english

    def test_all_plurals_are_there(self, language: str) -> None:
        """Every category that a number can fall into has its form."""
        translation = translate.read(language)
        wanted = {translation.category(count) for count in (*range(201), 0.5)} | {"other"}
        for forms in translation.counted.values():
            assert set(forms) == wanted


class TestCode:
    """No text goes around the table."""

    @pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
    def test_nothing_shown_is_a_bare_text(self, path: Path) -> None:
        """Neither a sentence anywhere nor a word that is handed to a widget."""
        if path.name in TABLES:
            return
        tree = ast.parse(path.read_text("utf-8"))
        translated = {id(n) for call in called(tree, "tr", "trn", "mark", "tr_elsewhere") for n in ast.walk(call)}
        quiet = {id(n) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}
        quiet |= {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        quiet |= {id(n) for call in called(tree, "Binding", "cast", "log_failure") for n in ast.walk(call)}
        quiet |= {id(n) for node in ast.walk(tree) for n in _unseen(node)}
        shown = {id(n) for part in _shown(tree) for n in ast.walk(part)}
        bare = [
            f"{path.name}:{node.lineno}: {node.value!r}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in translated | quiet
            and _is_text(node.value, id(node) in shown)
        ]
        assert not bare


def _is_text(text: str, shown: bool) -> bool:
    if text in SIGNS or STYLE.fullmatch(text) or TYPED.fullmatch(text):
        return False
    return bool(SENTENCE.search(text)) or (shown and bool(re.search(r"[^\W\d_]{2,}", text)) and text[:1] not in "#.")


def _unseen(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what nobody reads: annotations, formats, comparisons, and commands with something put in."""
    for name in ("annotation", "returns", "format_spec"):
        if isinstance(part := getattr(node, name, None), ast.AST):
            yield from ast.walk(part)
    logs = isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "logger."))
    if isinstance(node, ast.Compare) or logs:
        yield from ast.walk(node)
    if isinstance(node, ast.JoinedStr) and (constant(node.values[0]) or "").startswith("/"):
        yield from ast.walk(node)


def _shown(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions that end on a screen; of styled pairs only the text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in SINKS:
                for part in node.args:
                    yield part.elts[0] if isinstance(part, ast.Tuple) and part.elts else part
            yield from (k.value for k in node.keywords if k.arg in SHOWN_KEYWORDS)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in SHOWN_ATTRIBUTES:
                    yield node.value


class TestSpeaking:
    """One text at a time."""

    def test_english_is_as_it_is_written(self) -> None:
        """Braces in what is put in are no placeholders."""
        assert tr("Copied.") == "Copied."
        assert tr("Saved as {path}", path="{name}") == "Saved as {name}"
        assert [trn("{count} token", "{count} tokens", n) for n in (1, 2)] == ["1 token", "2 tokens"]
        assert tr("reading {done:,} of {total:,} tokens…", done=10, total=1240) == "reading 10 of 1,240 tokens…"

    @pytest.mark.parametrize(
        ("count", "text"),
        [(0, "токенов"), (1, "токен"), (2, "токена"), (5, "токенов"), (11, "токенов"), (12, "токенов"), (21, "токен"),
         (22, "токена"), (111, "токенов"), (121, "токен"), (1.5, "токена")],
    )  # fmt: skip
    def test_russian_counts_as_russian_does(self, count: float, text: str) -> None:
        """CLDR's one, few, many and other."""
        use("ru")
        assert trn("{count} token", "{count} tokens", count).endswith(f" {text}")

    def test_numbers_are_written_as_the_language_does(self) -> None:
        """A comma before decimals and a space between thousands; what is no number keeps its signs."""
        use("ru")
        assert number(1234.5, ",.1f") == "1\u00a0234,5"
        assert tr("The adapter is applied at {strength:g}.", strength=0.5) == "Адаптер применяется с силой 0,5."
        assert tr("Saved as {path}", path="a.b,c.md") == "Сохранено: a.b,c.md"

    def test_days_have_their_names(self) -> None:
        """The month in the form that follows a day."""
        use("ru")
        assert day_title(NOW - 3 * 86400, NOW) == "Среда, 18 ноября"
        assert [short_day(NOW - days * 86400, NOW) for days in (3, 40)] == ["ср", "12 окт."]

    def test_two_forms(self) -> None:
        """Most languages of Europe."""
        assert [CATEGORIES["two-forms"](n) for n in (0, 1, 2, 1.5)] == ["other", "one", "other", "other"]


class TestChoosing:
    """config.toml, else the locale, else English."""

    @pytest.mark.parametrize(
        ("wanted", "environ", "language"),
        [
            ("ru", {"LANG": "en_US.UTF-8"}, "ru"),
            ("", {"LANG": "ru_RU.UTF-8"}, "ru"),
            ("", {"LC_ALL": "C", "LANG": "ru_RU.UTF-8"}, "en"),
            ("", {"LC_ALL": "", "LC_MESSAGES": "ru", "LANG": "en"}, "ru"),
            ("", {"LANG": "tlh_KL"}, "en"),
            ("", {}, "en"),
        ],
    )
    def test_the_first_that_says_something(self, wanted: str, environ: dict[str, str], language: str) -> None:
        """An empty variable says nothing."""
        assert chosen_language(wanted, environ) == language

    def test_a_wrong_language_is_said_before_the_app_begins(self, tmp_path: Path) -> None:
        """With those there are."""
        config.config_file(tmp_path).write_text('language = "xx"\n', "utf-8")
        with pytest.raises(ChatcloneError) as caught:
            Preferences(tmp_path)
        assert (caught.value.message, caught.value.hint) == ("there is no translation into 'xx'", "there is en, ru")

    def test_the_plain_chat_speaks_it_too(self, tmp_path: Path, store: ChatStore) -> None:
        """Commands keep their names, as they are typed."""
        config.config_file(tmp_path).write_text('language = "ru"\n', "utf-8")
        output = io.StringIO()
        started = loaded(Rooms(), persona_in(tmp_path), tmp_path)
        run_plain(started, store, io.StringIO("hi\n/set min_p x\n"), output, tmp_path)
        assert output.getvalue().splitlines()[0] == "Mira (клон): ok"
        assert "ошибка: min_p — число от 0 до 1, а не 'x'" in output.getvalue()

    async def test_the_help_is_in_it(self, store: ChatStore) -> None:
        """Every line fits beside what is typed."""
        use("ru")
        async with app_with(FakeEngine(), store).run_test(size=(80, 24)) as pilot:
            await awake(pilot)
            await pilot.press("f1")
            assert isinstance(pilot.app.screen, HelpScreen)
            shown = text_of(pilot.app)
            assert "Остановить ответ" in shown
            commands = [line for line in shown.splitlines() if line[INDENT - 18 : INDENT].startswith("/")]
            assert len(commands) > len(GROUPS)
            assert all(len(line) <= WIDTH and line[INDENT - 1] == " " for line in commands)
