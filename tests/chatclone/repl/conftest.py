"""The plain chat is tested as the app is: in UTC and, unless a test says otherwise, in English."""

from tests.chatclone.tui.conftest import in_english, in_utc, store

__all__ = ["in_english", "in_utc", "store"]
