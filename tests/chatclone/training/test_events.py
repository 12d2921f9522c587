"""Events: appended by a worker, read by whoever follows the run."""

import json
import os
import threading
from pathlib import Path

import pytest

from chatclone.training.events import EVENTS_FILE, Begun, Done, Evaluated, EventLog, EventTail, Step, history


def test_told_once(tmp_path: Path) -> None:
    """A watcher gets every event once, in order."""
    log, tail = EventLog(tmp_path), EventTail(tmp_path)
    assert tail.new() == []
    log.write(Step(step=1, loss=2.5))
    log.write(Evaluated(step=1, eval_loss=2.0))
    assert [type(e) for e in tail.new()] == [Step, Evaluated]
    assert tail.new() == []


def test_one_hand_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the first of several processes writes events."""
    log = EventLog(tmp_path)
    monkeypatch.setenv("RANK", "1")
    log.write(Step(step=1))
    assert history(tmp_path) == []
    monkeypatch.setenv("RANK", "0")
    log.write(Step(step=1))
    assert [event.step for event in history(tmp_path) if isinstance(event, Step)] == [1]


def test_half_a_line_waits(tmp_path: Path) -> None:
    """A line that is still being written is read when it is complete."""
    tail = EventTail(tmp_path)
    with (tmp_path / EVENTS_FILE).open("a", encoding="utf-8") as file:
        file.write('{"kind": "st')
        file.flush()
        assert tail.new() == []
        file.write('ep", "step": 1}\n')
    assert tail.new() == [Step(step=1)]


def test_written_while_read(tmp_path: Path) -> None:
    """Events longer than a write buffer, written in pieces while somebody reads, arrive whole and in order."""
    tail, count = EventTail(tmp_path), 400
    path = tmp_path / EVENTS_FILE

    def write() -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in range(count):
            line = (json.dumps({"kind": "step", "step": number, "text": "x" * 900}) + "\n").encode()
            for start in range(0, len(line), 100):
                os.write(handle, line[start : start + 100])
        os.close(handle)

    writer = threading.Thread(target=write)
    writer.start()
    seen: list[int] = []
    while len(seen) < count:
        alive = writer.is_alive()
        fresh = [event.step for event in tail.new() if isinstance(event, Step)]
        assert fresh or alive
        seen += fresh
    writer.join()
    assert seen == list(range(count))


def test_begins_at_the_end(tmp_path: Path) -> None:
    """Following a resumed run starts after its earlier events."""
    EventLog(tmp_path).write(Step(step=1, loss=1.0))
    tail = EventTail(tmp_path)
    EventLog(tmp_path).write(Done())
    assert [type(e) for e in tail.new()] == [Done]


def test_history_of_a_resumed_run(tmp_path: Path) -> None:
    """Steps that a killed run took after its last checkpoint are left out: they were taken again."""
    log = EventLog(tmp_path)
    log.write(Begun(first_step=0, steps=4))
    for step in (1, 2, 3):
        log.write(Step(step=step, loss=1.0))
    with (tmp_path / EVENTS_FILE).open("a", encoding="utf-8") as file:
        file.write('{"kind": "st\n')
    log.write(Begun(first_step=2, steps=4))
    for step in (3, 4):
        log.write(Step(step=step, loss=0.5))
    assert [(e.step, e.loss) for e in history(tmp_path) if isinstance(e, Step)] == [
        (1, 1.0), (2, 1.0), (3, 0.5), (4, 0.5),
    ]  # fmt: skip
    assert history(tmp_path / "none") == []
