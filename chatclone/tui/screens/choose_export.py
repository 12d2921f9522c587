"""Choosing a chat export: a tree of files, a field for a path, and how to import."""

from collections.abc import Iterable
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, DirectoryTree, Input, Select, Static, Switch

from chatclone.errors import ChatcloneError
from chatclone.i18n.translate import mark, tr
from chatclone.ingest.import_run import Request
from chatclone.tui.screens.page import Page
from chatclone.tui.services.dropped_paths import read_paths
from chatclone.tui.services.journey import Journey
from chatclone.tui.widgets.export_file_tree import ExportTree

HOW_TO = mark(
    "Telegram Desktop: Settings, Advanced, Export Telegram data, format JSON. Choose its result.json, its folder or a "
    "zip of it; HTML exports work too."
)
FILTERS = (
    (mark("balanced: what says something"), "balanced"),
    (mark("strict: fewer, longer replies"), "strict"),
    (mark("none: every reply"), "none"),
)


class ImportScreen(Page):
    """Asks which export; `before` is a request that did not work, shown again with what was wrong."""

    heading = mark("Import chats")

    def __init__(self, journey: Journey, before: Request | None = None, error: Exception | None = None) -> None:
        super().__init__(journey)
        self._before = before
        self._error = error

    def body(self) -> Iterable[Widget]:
        """Return the hint, the field, the tree and the options."""
        before = self._before
        paths = " ".join(f'"{path}"' for path in before.paths) if before else ""
        yield Static(Content.styled(tr(HOW_TO), "$foreground 60%"), classes="hint")
        hint = tr("a path: type it, paste it, or drop the file here")
        yield Input(paths, placeholder=hint, id="path", compact=True)
        yield ExportTree(self.journey.start, id="tree")
        yield _Options(before)

    def buttons(self) -> Iterable[Button]:
        """Return what begins."""
        yield Button(tr("Import"), id="begin", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begin in the field, where a path can be pasted at once; show what went wrong before."""
        self.complain(self._error)
        self.query_one("#path").focus()

    @on(DirectoryTree.FileSelected)
    @on(DirectoryTree.DirectorySelected)
    def _chosen(self, event: DirectoryTree.FileSelected | DirectoryTree.DirectorySelected) -> None:
        self.query_one("#path", Input).value = str(event.path)

    @on(Input.Submitted)
    async def _submitted(self) -> None:
        await self.action_begin()

    async def action_begin(self) -> None:
        """Import what is named, if it is there."""
        try:
            request = self._request()
        except ChatcloneError as error:
            self.complain(error)
            self.query_one("#path").focus()
            return
        from chatclone.tui.screens.import_progress import ImportingScreen

        back = partial(ImportScreen, self.journey, request)
        self.app.switch_screen(ImportingScreen(self.journey, request, self.journey.home, back))

    def _request(self) -> Request:
        paths = read_paths(self.query_one("#path", Input).value)
        if not paths:
            raise ChatcloneError(tr("no export is chosen"), tr("choose a file in the tree, or paste its path"))
        if missing := [path for path in paths if not path.exists()]:
            raise ChatcloneError(
                tr("{path} does not exist", path=missing[0]), tr("Telegram calls its export result.json")
            )
        return Request(
            paths=paths,
            clone_of=self.query_one("#clone-of", Input).value.strip() or None,
            filter=str(self.query_one("#filter", Select).value),
            redact=self.query_one("#redact", Switch).value,
        )


class _Options(Vertical):
    """Whom to clone, which replies, and whether personal data becomes placeholders."""

    def __init__(self, before: Request | None) -> None:
        super().__init__(id="options")
        self._request = before or Request(paths=())

    def compose(self) -> ComposeResult:
        """Build a line for each."""
        with Horizontal():
            yield Static(tr("clone"))
            hint = tr("me (or somebody else's name)")
            yield Input(self._request.clone_of or "", placeholder=hint, id="clone-of", compact=True)
        with Horizontal():
            yield Static(tr("replies"))
            filters = [(tr(text), name) for text, name in FILTERS]
            yield Select(filters, value=self._request.filter, allow_blank=False, id="filter", compact=True)
        with Horizontal():
            yield Static(tr("hide phone numbers and the like"), classes="long")
            yield Switch(self._request.redact, id="redact")
