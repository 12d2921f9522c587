"""Events: appended by a worker, read by anyone who watches."""

from pathlib import Path

from chatclone.training.events import EVENTS_FILE, EventLog, EventTail


def test_told_once(tmp_path: Path) -> None:
    """A watcher gets every event once, in order."""
    log, tail = EventLog(tmp_path), EventTail(tmp_path)
    assert tail.new() == []
    log.write("step", loss=2.5)
    log.write("eval", eval_loss=2.0)
    assert [(e["kind"], e.get("loss")) for e in tail.new()] == [("step", 2.5), ("eval", None)]
    assert tail.new() == []


def test_half_a_line_waits(tmp_path: Path) -> None:
    """A line that is still being written is read when it is whole."""
    tail = EventTail(tmp_path)
    with (tmp_path / EVENTS_FILE).open("a", encoding="utf-8") as file:
        file.write('{"kind": "st')
        file.flush()
        assert tail.new() == []
        file.write('ep"}\n')
    assert tail.new() == [{"kind": "step"}]


def test_begins_at_the_end(tmp_path: Path) -> None:
    """A run that goes on is not told its past again."""
    EventLog(tmp_path).write("step", loss=1.0)
    tail = EventTail(tmp_path)
    EventLog(tmp_path).write("done")
    assert [e["kind"] for e in tail.new()] == ["done"]
