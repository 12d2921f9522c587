"""Small invented Telegram exports, as Telegram Desktop writes them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

OWNER, PARTNER = 111, 222
START = 1_700_000_000

TOPICS = (
    "bread", "rain", "trains", "the cat", "mondays", "soup", "bicycles", "moths", "the sea", "keys",
    "maps", "tea", "snow", "violins", "lemons", "stairs", "letters", "clocks", "boats", "geese",
)  # fmt: skip
QUESTIONS = ("What do you think of {}?", "Did you see anything about {} today?", "Tell me about {}, please.")
ANSWERS = (
    "honestly {} is a whole situation\nim not over it",
    "ok but {} saved my life once 🐌",
    "no thoughts about {} only toast",
)


def message(number: int, sender: int, text: str, **more: Any) -> dict[str, Any]:
    """Return one message; its time follows from its number, a session of six messages each day."""
    sent = START + (number // 6) * 86_400 + (number % 6) * 40
    name = {OWNER: "Mira Halloran", PARTNER: "Theo Marsh"}.get(sender, f"Person {sender}")
    return {
        "id": number,
        "type": "message",
        "date": datetime.fromtimestamp(sent, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(sent),
        "from": name,
        "from_id": f"user{sender}",
        "text": text,
        "text_entities": [{"type": "plain", "text": text}],
        **more,
    }


def conversation(pairs: int = 60) -> list[dict[str, Any]]:
    """Return `pairs` different questions of Theo's, each with an answer of Mira's."""
    messages = []
    for pair in range(pairs):
        topic, form = TOPICS[pair % len(TOPICS)], pair // len(TOPICS) % len(QUESTIONS)
        messages.append(message(2 * pair, PARTNER, QUESTIONS[form].format(topic)))
        messages.append(message(2 * pair + 1, OWNER, ANSWERS[form].format(topic)))
    return messages


def chat(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a personal chat with Theo."""
    return {"name": "Theo", "type": "personal_chat", "id": PARTNER, "messages": messages}


def account(*chats: dict[str, Any]) -> dict[str, Any]:
    """Return an account export of Mira's."""
    return {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": OWNER, "first_name": "Mira", "last_name": "Halloran"},
        "chats": {"about": "Chats", "list": list(chats)},
    }


def write(folder: Path, export: Any, name: str = "result.json") -> Path:
    """Write an export to a file and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(export, ensure_ascii=False, indent=1), "utf-8")
    return path


def small_export(folder: Path, pairs: int = 60) -> Path:
    """Write an account export of one chat with `pairs` questions and answers."""
    return write(folder, account(chat(conversation(pairs))))
