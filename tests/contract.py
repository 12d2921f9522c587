"""What docs/contract.md promises of the JSON documents, for the tests that make such documents."""

import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "contract.md"
FREE = {"dropped", "untrained", "settings", "reasons", "ids"}
"""Objects whose keys depend on the data."""


def documented() -> dict[str, Any]:
    """Return the example document of each command, by the command as the page's heading names it."""
    found = re.findall(r"^### `([^`]+)`\n\n```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return {command: json.loads(example) for command, example in found}


def missing(example: Any, document: Any, path: str = "") -> list[str]:
    """Return the documented keys that a document lacks, and the values that have another type, by their path."""
    if isinstance(example, dict) and isinstance(document, dict):
        if path.rpartition(".")[2] in FREE:
            return []
        lacking = [f"{path}.{key}" for key in example if key not in document]
        both = [key for key in example if key in document]
        return lacking + [fault for key in both for fault in missing(example[key], document[key], f"{path}.{key}")]
    if isinstance(example, list) and isinstance(document, list):
        return missing(example[0], document[0], f"{path}[]") if example and document else []
    numbers = isinstance(example, int | float) and isinstance(document, int | float)
    same = numbers and isinstance(example, bool) == isinstance(document, bool)
    return [] if same or type(example) is type(document) else [f"{path}: {type(document).__name__}"]
