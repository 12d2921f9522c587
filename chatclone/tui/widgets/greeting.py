"""What fills a conversation that has not begun."""

from textual.content import Content
from textual.widgets import Static

from chatclone.i18n.translate import tr


class Greeting(Static):
    """Says who is there, and that it is a clone."""

    def __init__(self, clone_name: str) -> None:
        hello = tr("Say hello to {name}.", name=clone_name)
        about = tr(
            "This is a clone: it writes the way {name} writes,\nand it runs on this computer only.", name=clone_name
        )
        text = Content.assemble((f"{hello}\n\n", "bold $accent"), (about, "$foreground 60%"))
        super().__init__(text)
