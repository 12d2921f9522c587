"""The licence of a base model and what it restricts, from its card or its licence file.

The names are the hub's own (`license:` in a model card); each restriction is one sentence.
"""

import re
from dataclasses import dataclass
from pathlib import Path

UNKNOWN = "not stated"

_RESTRICTIONS: tuple[tuple[str, str], ...] = (
    (r"gemma", "Google's prohibited-use policy binds you, and whoever you give the adapter to"),
    (
        r"llama[- ]?3|llama[- ]?4",
        "Meta's acceptable-use policy binds you; what you share must say 'Built with Llama', in a name that begins "
        "with Llama",
    ),
    (r"llama", "Meta's acceptable-use policy binds you, and whoever you give the adapter to"),
    (r"research|(?:^|[-_ ])nc(?:[-_ ]|$)|non-?commercial", "not for commercial use"),
    (r"\brail\b|openrail", "its use restrictions bind you, and whoever you give the adapter to"),
    (r"^other$|unknown|not stated", "read it before you share the adapter"),
)
_FILES = ("LICENSE*", "LICENCE*", "license*", "USE_POLICY*", "NOTICE*")


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence by name, and what it restricts; empty if nothing is known."""

    name: str
    restriction: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.restriction}" if self.restriction else self.name


def licence_of(folder: Path) -> Licence:
    """Return the licence stated in a model's folder: in its card's front matter, else in its licence file."""
    name = _from_card(folder / "README.md") or _from_file(folder) or UNKNOWN
    return named(name)


def named(name: str) -> Licence:
    """Return the licence called `name` with what it restricts."""
    lowered = name.lower()
    found = (text for pattern, text in _RESTRICTIONS if re.search(pattern, lowered))
    return Licence(name, next(found, ""))


def _from_card(card: Path) -> str:
    """Return the licence in a model card's front matter; for `other` the name given beside it."""
    try:
        text = card.read_text("utf-8", errors="replace")
    except OSError:
        return ""
    front = re.match(r"\ufeff?---\s*\n(.*?)\n---", text, re.DOTALL)
    if not front:
        return ""
    fields = dict(re.findall(r"^(license(?:_name)?):[ \t]*['\"]?([^'\"\n]+?)['\"]?[ \t]*$", front[1], re.MULTILINE))
    own = str(fields.get("license", "")).strip()
    return str(fields.get("license_name", own)).strip() if own == "other" else own


def _from_file(folder: Path) -> str:
    """Return the first line of text of a licence file."""
    for pattern in _FILES:
        for path in sorted(folder.glob(pattern)):
            lines = path.read_text("utf-8", errors="replace").splitlines()
            if first := next((line.strip(" #*\t") for line in lines if line.strip(" #*\t")), ""):
                return first[:80]
    return ""
