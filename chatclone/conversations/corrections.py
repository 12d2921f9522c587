"""What the person would have said instead: preference pairs in `dataset/corrections.jsonl`, one a line.

    {"prompt": [{"role": "user", "content": …}, …], "chosen": [{"role": "assistant", "content": …}],
     "rejected": [{"role": "assistant", "content": …}],
     "meta": {"id": …, "conversation": 3, "message": 17, "partner": "Anna", "memory": ["2023-11-14 Mira: …"],
              "corrected_at": 1795257000}}

This is TRL's conversational preference form of OpenAI messages. As in `train.jsonl` there is no system turn, messages
of one sender are one turn, and a line of a content is a bubble; `meta.memory` are the lines that the reply was given,
which `with_memory` puts back. A pair is known by its prompt and its rejected reply: correcting the same reply again
replaces what was chosen. The pairs are part of the data set and stay when their conversation goes.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chatclone.conversations.records import StoredMessage
from chatclone.conversations.store import ChatStore
from chatclone.errors import ChatcloneError
from chatclone.paths import ensure
from chatclone.prompt.render import ChatMessage, merge_roles
from chatclone.storage.atomic_files import write_atomically

FILE = "corrections.jsonl"
"""Its name in a persona's dataset folder."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A better reply to a conversation so far; `id` is the same for the same prompt and rejected reply."""

    id: str
    prompt: tuple[tuple[str, str], ...]
    """Role and content of each turn."""
    chosen: str
    rejected: str
    conversation: int
    message: int
    partner: str = ""
    memory: tuple[str, ...] = ()
    corrected_at: int = 0

    def line(self) -> dict[str, Any]:
        """Return the pair as it stands in the file."""
        return {
            "prompt": [{"role": role, "content": content} for role, content in self.prompt],
            "chosen": [{"role": "assistant", "content": self.chosen}],
            "rejected": [{"role": "assistant", "content": self.rejected}],
            "meta": {
                "id": self.id,
                "conversation": self.conversation,
                "message": self.message,
                "partner": self.partner,
                "memory": list(self.memory),
                "corrected_at": self.corrected_at,
            },
        }


def corrections(folder: Path) -> list[Correction]:
    """Return the pairs in a persona's dataset folder, oldest first; ChatcloneError for a line that is none."""
    path = folder / FILE
    if not path.exists():
        return []
    lines = path.read_text("utf-8").split("\n")
    return [_read(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def correct(store: ChatStore, folder: Path, reply: StoredMessage, better: str, now: float) -> Correction:
    """Store `better` as what should have stood instead of `reply`, in the place of an earlier correction of it."""
    better = better.strip()
    rejected = reply.text.strip()
    if reply.role != "assistant" or not rejected or reply.state == "writing":
        raise ChatcloneError("only a reply of the clone can be corrected", "choose one that has words")
    if not better or better == rejected:
        raise ChatcloneError("the better reply is empty or unchanged", "write what you would say instead")
    said = [ChatMessage(m.role, m.text) for m in store.branch(reply.id)[:-1] if m.text.strip()]
    prompt = tuple((str(turn.role), turn.content) for turn in merge_roles(said))
    if not prompt or prompt[-1][0] != "user":
        raise ChatcloneError("this reply answers nothing", "correct one that follows a message of yours")
    lines = [line for hit in sorted(reply.memory, key=lambda hit: hit.when) for line in hit.text.split("\n")]
    partner = reply.origin.partner if reply.origin else store.settings(reply.conversation).partner
    made = Correction(
        _id(prompt, rejected), prompt, better, rejected, reply.conversation, reply.id, partner, tuple(lines), int(now)
    )
    with store.alone():
        kept = [known for known in corrections(folder) if known.id != made.id]
        _write(folder, [*kept, made])
    return made


def undo(store: ChatStore, folder: Path, correction: str) -> Correction:
    """Take a pair out again, by its id; ChatcloneError where there is none."""
    with store.alone():
        known = corrections(folder)
        gone = next((one for one in known if one.id == correction), None)
        if gone is None:
            raise ChatcloneError("there is no such correction", "look in {path}", path=folder / FILE)
        _write(folder, [one for one in known if one is not gone])
    return gone


def forget_lines(folder: Path, lines: Collection[str]) -> None:
    """Remove recalled lines from the pairs that were made with them."""
    known = corrections(folder)
    kept = [replace(one, memory=tuple(line for line in one.memory if line not in lines)) for one in known]
    if kept != known:
        _write(folder, kept)


def correction_of(folder: Path, reply: StoredMessage) -> Correction | None:
    """Return the correction of a reply as it is now, if it has one."""
    return next(
        (c for c in corrections(folder) if (c.message, c.rejected) == (reply.id, reply.text.strip())),
        None,
    )


def _id(prompt: tuple[tuple[str, str], ...], rejected: str) -> str:
    content = json.dumps([prompt, rejected], ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _write(folder: Path, pairs: list[Correction]) -> None:
    text = "".join(json.dumps(pair.line(), ensure_ascii=False) + "\n" for pair in pairs)
    write_atomically(ensure(folder) / FILE, text)


def _read(path: Path, number: int, line: str) -> Correction:
    try:
        table = json.loads(line)
        meta = table["meta"]
        prompt = tuple((str(turn["role"]), str(turn["content"])) for turn in table["prompt"])
        (chosen,), (rejected,) = table["chosen"], table["rejected"]
        return Correction(
            str(meta["id"]), prompt, str(chosen["content"]), str(rejected["content"]), int(meta["conversation"]),
            int(meta["message"]), str(meta["partner"]), tuple(map(str, meta["memory"])), int(meta["corrected_at"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise ChatcloneError(
            "{path}, line {number} is not a preference pair: {error}",
            "fix or remove that line",
            path=path,
            number=number,
            error=repr(error),
        ) from error
