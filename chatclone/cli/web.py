"""`chatclone --web`: the terminal app in a browser on this computer."""

import argparse
import sys
from importlib.util import find_spec

from chatclone.cli import open_app
from chatclone.cli.common_options import emit, home_of, say, slug_of
from chatclone.errors import MissingExtra, UsageError
from chatclone.personas import persona as personas


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options; `--port` is stored as `web_port`, since commands have a `--port` too."""
    parser.add_argument("--web", action="store_true", help="open the app in a browser on this computer")
    parser.add_argument("--port", dest="web_port", type=int, metavar="N", help="for --web (default: a free one)")


def run(args: argparse.Namespace) -> int:
    """Open the app in the terminal, or serve it until interrupted."""
    if not args.web:
        refuse_port(args)
        return open_app.run(args)
    if find_spec("textual_serve") is None:
        raise MissingExtra("the app in a browser", "web")
    from chatclone.tui.preferences import Preferences
    from chatclone.web.page_server import ADDRESS, listening, make_token, serve

    home, slug = home_of(args), slug_of(args)
    # Errors in the settings are reported here, not in the browser.
    Preferences(home)
    chosen = ["--persona", personas.find(home, slug).slug] if slug else []
    command = [sys.executable, "-m", "chatclone", "--home", str(home), *chosen]
    with listening(0 if args.web_port is None else args.web_port) as listener:
        token = make_token()
        url = f"http://{ADDRESS}:{listener.getsockname()[1]}/{token}/"
        emit(args, {"url": url}, url)
        sys.stdout.flush()  # a program that reads it from a pipe connects now
        say("Anybody with this address can read and write your chats. Press Ctrl+C to stop.")
        serve(command, listener, token)
    return 0


def refuse_command(args: argparse.Namespace) -> None:
    """Refuse `--web` before a command."""
    if args.web and args.run is not run:
        raise UsageError("--web opens the app and cannot be combined with a command", "chatclone --web")
    if args.run is not run:
        refuse_port(args)


def refuse_port(args: argparse.Namespace) -> None:
    """Refuse `--port` without `--web`."""
    if args.web_port is not None and not args.web:
        raise UsageError("--port without a command is for --web", "chatclone --web --port 8000")
