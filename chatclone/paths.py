"""Where things lie on disk: pure functions from a home folder to paths, and one that creates folders."""

import os
from pathlib import Path

import platformdirs


def home_directory(override: str | Path | None = None) -> Path:
    """Return the home of all personas: `override`, else $CHATCLONE_HOME, else the platform's user data folder."""
    chosen = override or os.environ.get("CHATCLONE_HOME")
    return Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_data_dir("chatclone"))


def personas_directory(home: Path) -> Path:
    """Return the folder that holds one folder a persona."""
    return home / "personas"


def cache_directory(home: Path) -> Path:
    """Return the folder of things that can be made again: converter scripts, converted base models."""
    return home / "cache"


def log_file(home: Path) -> Path:
    """Return the log of the last run; it never holds what people wrote."""
    return home / "chatclone.log"


def starter_model() -> Path:
    """Return the folder of the built-in starter model, in the package."""
    return Path(__file__).parent / "starter" / "model"


def demo_export() -> Path:
    """Return the built-in demo export, in the package."""
    return Path(__file__).parent / "starter" / "demo" / "result.json"


def ensure(folder: Path) -> Path:
    """Create `folder` and its parents, readable by this user only, and return it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
