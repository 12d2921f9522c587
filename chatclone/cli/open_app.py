"""`chatclone` without a command: the terminal app on the current persona."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from chatclone import config
from chatclone.cli.common_options import home_of, slug_of
from chatclone.errors import UsageError
from chatclone.personas import persona as personas

if TYPE_CHECKING:
    from chatclone.clone.clone import Clone


def run(args: argparse.Namespace) -> int:
    """Open the app; with no persona yet it opens on the welcome screen."""
    # Textual's variable for what draws the app in place of a terminal, as `--web` sets it.
    if "TEXTUAL_DRIVER" not in os.environ and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "the app needs a terminal",
            "chatclone chat --plain, or chatclone chat --once TEXT",
        )
    from chatclone.tui.run_app import run_app

    home = home_of(args)
    slug = slug_of(args) or config.load(home).current
    persona = personas.find(home, slug) if slug else None

    def open_it() -> "tuple[Clone, str]":
        from chatclone.clone.clone import open_clone

        assert persona is not None, "the welcome screen opens no clone"
        return open_clone(persona, home)

    run_app(persona, open_it, home)
    return 0
