"""`chatclone where`: what lies where."""

import argparse
from typing import Any

from chatclone import config
from chatclone.cli.common_options import emit, home_of, slug_of
from chatclone.config import config_file
from chatclone.paths import cache_directory, log_file, personas_directory


def add(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("where", parents=parents, help="show where everything lies")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the paths, whether or not they exist yet."""
    home = home_of(args)
    paths = {
        "home": home,
        "config": config_file(home),
        "personas": personas_directory(home),
        "cache": cache_directory(home),
        "log": log_file(home),
    }
    if slug := slug_of(args) or config.load(home).current:
        paths["persona"] = personas_directory(home) / slug
    emit(
        args,
        {k: str(v) for k, v in paths.items()},
        "\n".join(f"{k:<9} {v}" for k, v in paths.items()),
    )
    return 0
