"""What was said, found again. Knows SQLite, FTS5, FAISS and an embedder; no export format, no model, no screen."""

PART_OF = "chatclone"
"""Tells this package from others of the same name; see `chatclone.cli.own_packages`."""
