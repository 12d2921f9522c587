"""The app's texts: complete catalogues with the same placeholders, and no shown text without `tr`."""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatclone import config
from chatclone.clone.saved_reply import explain
from chatclone.conversations import ChatStore
from chatclone.errors import ChatcloneError
from chatclone.i18n import translate
from chatclone.i18n.dates import day_title, short_day
from chatclone.i18n.error_text import explained_error, explained_text
from chatclone.i18n.message import Message
from chatclone.i18n.translate import chosen_language, number, tr, tr_message, trn, use
from chatclone.repl.plain_chat import run_plain
from chatclone.tui.commands.command_table import GROUPS
from chatclone.tui.preferences import Preferences
from chatclone.tui.screens.help import INDENT, WIDTH, HelpScreen
from tests.chatclone.tui.pages import Rooms, loaded, persona_in, text_of
from tests.chatclone.tui.stage import NOW, app_with, awake
from tests.fakes import FakeEngine
from tools import translations

PACKAGE = Path(translate.__file__).parents[1]
TABLES = {"command_table.py", "menu.py"}
"""Their rows are read from the tables themselves."""
TRANSLATIONS = [language for language in translate.languages() if language != translate.ENGLISH]
TRANSLATED = ("tr", "trn", "mark", "tr_message", "ChatcloneError", "UsageError", "Message")
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


def catalogue_file(language: str) -> Path:
    """Return the text file of a language's catalogue."""
    return translate.FOLDER / language / "LC_MESSAGES" / "chatclone.po"


@pytest.mark.parametrize("language", TRANSLATIONS)
class TestCatalogues:
    """Every catalogue, against the code."""

    def test_complete(self, language: str) -> None:
        """The app's own texts have translations."""
        known = {texts[0] for texts, _ in translations.read_entries(catalogue_file(language))}
        wanted = translations.shown_texts() | {one for one, _ in translations.counted_texts()}
        assert not wanted - known, "run `make translations`, and translate what it names"

    def test_placeholders_agree(self, language: str) -> None:
        """A translation has the placeholders of the English text; the form for one may leave out its number."""
        for texts, forms in translations.read_entries(catalogue_file(language)):
            for place, form in enumerate(forms):
                missing = translations.placeholders(texts[-1]) ^ translations.placeholders(form)
                assert missing <= ({"count"} if len(texts) == 2 and place == 0 else set()), texts

    def test_all_plurals(self, language: str) -> None:
        """Every form of the language's plurals is there."""
        wanted = translations.read_catalogue(catalogue_file(language)).num_plurals
        for texts, forms in translations.read_entries(catalogue_file(language)):
            assert len(forms) == (wanted if len(texts) == 2 else 1) and all(forms), texts

    def test_compiled(self, language: str) -> None:
        """The compiled catalogue holds what the text file holds."""
        compiled = translate.read(language)
        for texts, forms in translations.read_entries(catalogue_file(language)):
            if len(texts) == 2:
                assert compiled.ngettext(texts[0], texts[1], 1) == forms[0]
            else:
                assert compiled.gettext(texts[0]) == forms[0]


class TestCode:
    """No text goes around the table."""

    @pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
    def test_nothing_shown_is_a_bare_text(self, path: Path) -> None:
        """Neither a sentence anywhere nor a word that is handed to a widget."""
        if path.name in TABLES:
            return
        tree = ast.parse(path.read_text("utf-8"))
        translated = {id(n) for call in called(tree, *TRANSLATED) for n in ast.walk(call)}
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

    def test_messages_are_translated_by_their_template(self) -> None:
        """Values are translated too where they are texts of the catalogue; an unknown text stays English."""
        use("ru")
        assert tr_message(Message("there is no setting {name}", name="rnk")) == "нет настройки rnk"
        assert tr_message(Message("something new {x}", x="Today")) == "something new Сегодня"
        error = ChatcloneError("this reply was not cut off", "Today")
        assert explained_error(error) == explained_text(explain(error))
        assert explained_error(error).startswith("ошибка: ")


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
