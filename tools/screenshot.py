"""Saves the README's picture, the real app on the demo persona: `python tools/screenshot.py FILE`."""

import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

from chatclone.cli.demo import prepare
from chatclone.clone.clone import open_clone
from chatclone.conversations import ChatStore
from chatclone.paths import home_directory
from chatclone.tui.screenshot import save_picture

MESSAGES = ("hey what are you up to", "I'm so tired", "what did you give theo for his birthday?")


def main(path: Path) -> None:
    """Prepare the demo persona as `chatclone demo` does, chat in a store of its own, and save the screen as an SVG."""
    home = home_directory() / "demo"
    persona = prepare(home)
    evening = datetime(2026, 11, 21, 21, 4).timestamp()
    file = persona.folder / "screenshot.sqlite"
    file.unlink(missing_ok=True)
    with closing(ChatStore.open(file, clock=lambda: evening)) as store:
        save_picture(persona, lambda: open_clone(persona, home), store, MESSAGES, path, clock=lambda: evening)
    file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
