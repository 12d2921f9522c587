"""Chat exports in, conversations and a data set out. Knows no model, no database, no screen."""

PART_OF = "chatclone"
"""Tells this package from others of the same name; see `chatclone.cli.own_packages`."""
