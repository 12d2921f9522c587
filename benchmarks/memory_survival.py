"""Kill -9 a process that writes to a memory, at random moments, and see that nothing acknowledged is lost.

    python benchmarks/memory_survival.py [--rounds 200] [--seed 1] [--json]

The writer adds notes, tells messages, edits and forgets them, and embeds each change, which also writes memory.faiss
again. It says what it begins and what is done. After every kill the same memory is opened: what was done must be
found, what was forgotten must not, what nobody ever began must not be there, the store must be sound, and the index
must hold exactly the vectors of the store. POSIX only.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

if __name__ == "__main__":  # else this script's own folder stands first, where `memory` is a script
    sys.path[0] = str(Path(__file__).parents[1])

import numpy as np

from memory.embedding.embedder import Identity
from memory.memory import Memory
from memory.passages import Line

KEYS = 12
"""Messages that are told, edited and forgotten over and over."""
LONGEST_SECONDS = 0.25
"""A writer lives at most so long after its first finished change."""


class WordsEmbedder:
    """Embeds words by their hash, so that embedding takes no time and needs no model."""

    identity = Identity("words", 32, 0)

    def embed_query(self, text: str) -> Any:
        """Return the vector of a question."""
        vector = np.zeros(32, np.float32)
        for word in text.split():
            vector += np.random.default_rng(zlib.crc32(word.encode())).standard_normal(32).astype(np.float32)
        return vector / np.linalg.norm(vector)

    def embed_passages(self, texts: Sequence[str]) -> Any:
        """Return the vectors of passages."""
        return np.stack([self.embed_query(text) for text in texts])

    def close(self) -> None:
        """Free nothing."""


def word(number: int) -> str:
    """Return a word of letters that stands for a number and is part of no other."""
    return "q" + "".join(chr(ord("a") + int(digit)) + "x" for digit in str(number)) + "z"


def line(key: int, number: int) -> Line:
    """Return message `key` as it was told the last time, a session of its own."""
    return Line(f"chatclone:1/{key}", "chatclone:1", "told", "you", 10**6 * key, f"told {word(number)}")


def say(message: list[Any]) -> None:
    """Write a line in one piece, or a kill could leave half of one."""
    os.write(1, json.dumps(message).encode() + b"\n")


def write(path: Path, seed: int, first: int) -> None:
    """Change the memory until killed; numbers of words begin at `first`."""
    chance, number = random.Random(seed), first
    with Memory.open(path, WordsEmbedder()) as memory:
        while True:
            number += 1
            key = chance.randrange(KEYS)
            change = chance.choice(["note", "tell", "tell", "forget"])
            say(["begin", change, key, number])
            match change:
                case "note":
                    memory.add(f"noted {word(number)}", number)
                case "tell":
                    memory.tell([line(key, number)])
                case _:
                    # A key that was forgotten stays out, so the next message takes another place in its chat.
                    memory.forget(key=f"chatclone:1/{key}")
            say(["done", change, key, number])


def serve_writers() -> None:
    """Fork a writer for every line of arguments on stdin: a fresh process without its imports' time."""
    for asked in sys.stdin:
        path, seed, first = json.loads(asked)
        child = os.fork()
        if not child:
            write(Path(path), seed, first)
        say(["pid", child])
        os.waitpid(child, 0)
        say(["ended"])


class Account:
    """What the writers said: what must be there, and what may be."""

    def __init__(self) -> None:
        self.notes: set[int] = set()
        self.told: dict[int, int] = {}
        self.buried: set[int] = set()
        self.unsure: dict[int, int | None] = {}
        """Keys that were being forgotten with nothing there to see it by, and what they were told since."""
        self.begun: tuple[str, int, int] | None = None
        self.number = 0

    def take(self, message: list[Any]) -> None:
        """Note what was begun or done."""
        state, change, key, number = message
        self.number = max(self.number, number)
        self.begun = (change, key, number) if state == "begin" else None
        if state == "done":
            self._settle(change, key, number)

    def _settle(self, change: str, key: int, number: int) -> None:
        if change == "note":
            self.notes.add(number)
        elif change == "forget":
            self.told.pop(key, None)
            self.unsure.pop(key, None)
            self.buried.add(key)
        elif key in self.unsure:
            self.unsure[key] = number
        elif key not in self.buried:
            self.told[key] = number

    def settle_begun(self, texts: set[str]) -> None:
        """Take over a change that was begun and not acknowledged, if the memory has it: all of it, or nothing."""
        if self.begun is not None:
            self._settle_last(*self.begun, texts)
        self.begun = None
        for key, number in list(self.unsure.items()):
            if number is not None:
                del self.unsure[key]
                if f"told {word(number)}" in texts:
                    self.told[key] = number
                else:
                    self.buried.add(key)

    def _settle_last(self, change: str, key: int, number: int, texts: set[str]) -> None:
        there = f"told {word(number)}" in texts or f"noted {word(number)}" in texts
        if there or (change == "forget" and key in self.told and f"told {word(self.told[key])}" not in texts):
            self._settle(change, key, number)
        elif change == "forget" and key not in self.told and key not in self.buried:
            self.unsure.setdefault(key, None)

    def expected(self) -> set[str]:
        """Return every text that must be there, and no other may."""
        return {f"told {word(n)}" for n in self.told.values()} | {f"noted {word(n)}" for n in self.notes}


def verify(path: Path, account: Account) -> list[str]:
    """Open the memory after a kill and return what is wrong with it."""
    wrong: list[str] = []
    with Memory.open(path, WordsEmbedder()) as memory:
        wrong += memory.check()
        shown = memory.list(limit=10**6)
        texts = {part.split(": ", 1)[1] for hit in shown for part in hit.text.split("\n")}
        account.settle_begun(texts)
        if lost := account.expected() - texts:
            wrong.append(f"lost: {sorted(lost)}")
        if ghosts := texts - account.expected():
            wrong.append(f"ghosts: {sorted(ghosts)}")
        memory.embed()
        with memory._look() as connection:
            stored = [row[0] for row in connection.execute("SELECT passage FROM vector ORDER BY passage")]
        embedding = memory._embedding
        assert embedding is not None and embedding._index is not None
        if embedding._index.ids().tolist() != stored or len(stored) != memory.count():
            wrong.append("the index does not hold the vectors of the store")
        for text in random.sample(sorted(account.expected()), min(5, len(account.expected()))):
            if not any(text in hit.text for hit in memory.recall(text.split()[1]).hits):
                wrong.append(f"not found: {text}")
    return wrong


def survive(rounds: int, seed: int, folder: Path) -> dict[str, Any]:
    """Kill a writer `rounds` times and return how many changes were acknowledged, and everything that was wrong."""
    chance, account, path = random.Random(seed), Account(), folder / "memory.sqlite"
    acknowledged, killed_inside, wrong = 0, 0, list[str]()
    command = [sys.executable, "-c", "from benchmarks.memory_survival import serve_writers; serve_writers()"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as writers:
        assert writers.stdin is not None and writers.stdout is not None
        for round_number in range(rounds):
            print(json.dumps([str(path), seed + round_number, account.number]), file=writers.stdin, flush=True)
            acknowledged += _one_life(writers.stdout, account, chance)
            killed_inside += account.begun is not None
            wrong += [f"round {round_number}: {what}" for what in verify(path, account)]
            if len(account.buried) == KEYS:  # everything is forgotten: a new memory, or there is nothing left to tell
                account, path = Account(), folder / f"memory-{round_number}.sqlite"
        writers.stdin.close()
    return {"rounds": rounds, "acknowledged": acknowledged, "killed_inside_a_change": killed_inside, "wrong": wrong}


def _one_life(output: IO[str], account: Account, chance: random.Random) -> int:
    """Listen to a writer, kill it at a random moment, and return how many changes it acknowledged."""
    messages = iter(lambda: json.loads(output.readline()), ["ended"])
    done, deadline, pid = 0, 0.0, 0
    for message in messages:
        if message[0] == "pid":
            pid = message[1]
            continue
        account.take(message)
        done += message[0] == "done"
        if not deadline and done:
            deadline = time.monotonic() + chance.random() * LONGEST_SECONDS
        if pid and deadline and time.monotonic() >= deadline:
            # Between two messages or in the middle of writing, as it comes.
            time.sleep(chance.random() * 0.01)
            os.kill(pid, signal.SIGKILL)
            pid = 0
    return done


def main() -> None:
    """Print the figures; exit code 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = survive(arguments.rounds, arguments.seed, Path(folder))
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        inside, done = result["killed_inside_a_change"], result["acknowledged"]
        print(f"{result['rounds']} kills, {inside} of them inside a change, {done} changes acknowledged")
        print("\n".join(result["wrong"]) or "nothing lost, nothing ghostly, every index right")
    sys.exit(1 if result["wrong"] else 0)


if __name__ == "__main__":
    main()
