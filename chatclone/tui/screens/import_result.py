"""What an import came to: whose it was, where every message went, what is worth a look, and some samples."""

from collections.abc import Iterable
from typing import Any

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from chatclone.i18n.translate import mark, tr, trn
from chatclone.ingest.import_run import Ingested
from chatclone.safe_text import visible
from chatclone.tui.screens.page import Page
from chatclone.tui.services.journey import Journey
from chatclone.tui.services.sample_lines import TRAINED, shown_samples

HOW = {
    "personal_information": mark("the export says so"),
    "saved_messages": mark("the Saved Messages in it are yours"),
    "chat_partner": mark("the other side of its personal chats"),
}
"""What tells whose export it is, in words."""


class ImportedScreen(Page):
    """Shows the account of an import and leads on to training."""

    heading = mark("Imported")
    esc = mark("menu")

    def __init__(self, journey: Journey, done: Ingested, note: str = "") -> None:
        super().__init__(journey)
        self._done = done
        self._note = note

    def body(self) -> Iterable[Widget]:
        """Return the account from top to bottom."""
        document = self._done.document
        yield Static(_who(document), classes="lead")
        remarks = [*document["repairs"], *document["warnings"], *([self._note] if self._note else [])]
        if remarks:
            yield Static(visible("\n".join(f"! {line}" for line in remarks)), classes="remarks", markup=False)
        yield Waterfall(self._done)
        name = document["persona"]["name"]
        yield Static(
            Content.assemble(
                (tr("Samples"), "bold"), (f"  {tr('{sign} is what is trained on', sign=TRAINED)}", "$foreground 60%")
            ),
            classes="lead",
        )
        yield Static(shown_samples([example.line() for example in self._done.data_set.train], name), id="samples")

    def buttons(self) -> Iterable[Button]:
        """Return where to go from here."""
        yield Button(tr("Train"), id="train", variant="primary", compact=True)
        yield Button(tr("Import more"), id="more", compact=True)

    def on_mount(self) -> None:
        """Offer the next step."""
        self.complain(None)
        self.query_one("#train").focus()

    async def action_train(self) -> None:
        """Go on to training."""
        await self.run_action("app.train")

    async def action_more(self) -> None:
        """Import another export."""
        await self.run_action("app.import")


class Waterfall(Static):
    """Where every message went, with bars, as wide as there is room."""

    def __init__(self, done: Ingested) -> None:
        super().__init__(classes="waterfall", markup=False)
        self._done = done

    def on_resize(self) -> None:
        """Draw it for this width."""
        from importers.dataset.report import waterfall

        messages = self._done.document["messages"]
        lines = waterfall(
            self._done.data_set.report,
            read=messages["read"],
            dropped=messages["dropped"],
            duplicates=messages["duplicates"],
            width=min(self.size.width, 110),
        )
        self.update(visible("\n".join(lines)))


def _who(document: dict[str, Any]) -> Content:
    """Return whose export it was, how that is known, who is cloned, and what there is to learn from."""
    owner, persona, messages, replies = (document[key] for key in ("owner", "persona", "messages", "replies"))
    lines = []
    if owner:
        how = tr(HOW.get(owner["how"], owner["how"]))
        lines.append(tr("You are {name}: {how}.", name=owner["name"], how=how))
    if not owner or owner["id"] != persona["id"]:
        lines.append(tr("Cloning {name}.", name=persona["name"]))
    if not messages["new"] and not messages["edited"]:
        nothing = trn(
            "Nothing new: the only message was imported before.",
            "Nothing new: all {count:,} messages were imported before.",
            messages["read"],
        )
        lines.append(nothing)
    parts = [
        trn("{count:,} message read", "{count:,} messages read", messages["read"]),
        trn(
            "{count:,} reply of {name} to learn from",
            "{count:,} replies of {name} to learn from",
            replies["trained"],
            name=persona["name"],
        ),
        trn("{count:,} passage to remember", "{count:,} passages to remember", document["memory"]["passages"]),
    ]
    lines.append("; ".join(parts) + ".")
    return Content(visible("\n".join(lines)))
