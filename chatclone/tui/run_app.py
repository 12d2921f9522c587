"""The app from its start to its end, as a command runs it: what it is given, what it leaves, what its exit says.

Importing this loads no Textual: that is part of the way to the first paint, on which nothing is to be collected.
"""

import gc
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chatclone.paths import ensure
from chatclone.personas.persona import Persona
from chatclone.storage.log_file import log_to_file
from chatclone.tui.services.open_personas import CloneFactory, Opened

if TYPE_CHECKING:
    from chatclone.tui.app import ChatcloneApp

TURN_SECONDS = 0.0001
"""How long a thread may keep another one waiting for Python's lock.

An engine asks for it between two tokens: of the usual 5 ms, a model of 200 tokens/s loses a quarter of its speed.
"""


def run_app(persona: Persona | None, open_clone: CloneFactory, home: Path) -> None:
    """Run the app on a persona until it is left; `open_clone` loads the model and is called after the first paint.

    Until then the garbage collector is off: what imports make stays, and looking for garbage in it took a tenth of
    the time to the first paint. The app turns it on again.
    """
    log_to_file(ensure(home), logging.WARNING)
    gc.disable()
    try:
        from chatclone.tui.app import ChatcloneApp
        from chatclone.tui.preferences import Preferences
        from chatclone.tui.services.journey import Journey
        from chatclone.tui.terminal.alt_enter import teach_alt_enter

        teach_alt_enter()
        preferences, opened = Preferences(home), Opened()
        app = ChatcloneApp(persona, opened.keeping(open_clone), journey=Journey(home))
        app.opened, app.preferences = opened, preferences
        run(app)
    finally:
        gc.enable()


def run(app: "ChatcloneApp") -> None:
    """Run an app until it is left; while it draws, a model that writes gets its turn quickly."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        app.run()
    finally:
        sys.setswitchinterval(before)
        app.opened.close()
    if app.fault is not None:
        raise app.fault
    if app.return_code:  # a bug, whose traceback is on the screen by now
        raise SystemExit(app.return_code)
