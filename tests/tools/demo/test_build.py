"""The demo export is what its texts make, and its owner never falls out of her manner."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from chatclone.paths import demo_export

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def hers() -> list[str]:
    """The plain texts that the owner wrote."""
    export: dict[str, Any] = json.loads(demo_export().read_text("utf-8"))
    owner = f"user{export['personal_information']['user_id']}"
    messages = [m for chat in export["chats"]["list"] for m in chat["messages"]]
    own = [m for m in messages if m.get("from_id") == owner and "forwarded_from" not in m]
    return [text for m in own if (text := "".join(part["text"] for part in m["text_entities"]))]


def test_built_from_its_texts(tmp_path: Path) -> None:
    """Building it again gives the same bytes."""
    command = [sys.executable, "-m", "tools.demo.build", "--out", str(tmp_path / "result.json")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert (tmp_path / "result.json").read_bytes() == demo_export().read_bytes()


def test_mistake_is_named(tmp_path: Path) -> None:
    """A mistake in a text is told with file and line."""
    script = (
        "from pathlib import Path; import tools.demo.build as b; "
        f"b.ChatReader(Path({str(tmp_path / 'theo.txt')!r})).read()"
    )
    (tmp_path / "theo.txt").write_text("@chat theo personal_chat\n== 2023-09-04\n10:00 nobody: hi\n", "utf-8")
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "theo.txt:3" in done.stderr


def test_manner(hers: list[str]) -> None:
    """No full stops, no ordinary capitals, her own laughter, and hardly a sentence twice."""
    assert len(hers) > 1000
    assert not [text for text in hers if text.endswith(".")]
    assert not [text for text in hers if re.match(r"[A-Z][a-z]", text)]
    assert not [text for text in hers if re.search(r"\b(lol|haha)\b", text)]
    repeated = sum(count - 1 for count in Counter(hers).values())
    assert repeated / len(hers) < 0.05


def test_nobody_real() -> None:
    """Phone numbers come from the range kept for fiction, addresses from the domains kept for examples."""
    text = demo_export().read_text("utf-8")
    assert all(
        "7700900" in n for n in re.findall(r"\+?\d{11,}", re.sub(r"[ ]", "", text)) if n.startswith(("+44", "07"))
    )
    assert not re.search(r"https?://(?!example\.(?:org|com))", text)
