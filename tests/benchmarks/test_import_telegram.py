"""The import benchmark's export is a whole one of every shape, and its figures are of runs that happened."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks.import_telegram import contenders, growth, measure, run, run_reader, table
from benchmarks.telegram_export import write_export
from importers.telegram.json_export import TelegramExport


class TestExport:
    def test_is_read_whole(self, tmp_path: Path) -> None:
        """All messages are there, in chats of both kinds, in the shapes that real exports have."""
        path = tmp_path / "result.json"
        write_export(path, 2000)
        assert json.loads(path.read_bytes())["personal_information"]["user_id"]
        export = TelegramExport(path)
        messages = list(export.messages())
        assert export.reading.read == 2000
        assert {chat.kind for chat in export.reading.chats.values()} == {"personal", "group"}
        assert any(m.reply_to for m in messages)
        assert any(m.forwarded for m in messages)
        assert any(m.edited_at for m in messages)
        assert {s.kind for m in messages for s in m.spans} == {"link", "mention"}
        assert {m.media.kind for m in messages if m.media} == {"photo", "voice", "sticker", "call"}
        alphabets = {chr(ord(letter) // 256) for m in messages for letter in m.text[:3]}
        assert len(alphabets) > 3

    def test_same_seed_same_file(self, tmp_path: Path) -> None:
        """A seed makes one export, another seed another."""
        paths = [tmp_path / name for name in "abc"]
        for path, seed in zip(paths, (1, 1, 2), strict=True):
            write_export(path, 100, seed)
        assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()


class TestMeasuring:
    def test_readers(self, tmp_path: Path) -> None:
        """Each reader runs in a process of its own and meets all messages; the table says so."""
        path = tmp_path / "export.json"
        write_export(path, 300)
        found, why = contenders(tmp_path, whole=False, chat_miner=False)
        chosen = {name: found[name] for name in ("json.load", "reading into Messages")}
        rows = measure(path, chosen, repeats=1)
        assert [row["messages"] for row in rows.values()] == [300, 300]
        assert all(row["peak_mb"] > 5 and row["seconds"] > 0 for row in rows.values())
        assert rows["json.load"]["ratio"] == 1
        grown = growth(tmp_path, {300: rows}, list(chosen), 1, 1)
        assert list(grown) == list(chosen)
        text = table(
            {"messages": 300, "megabytes": 1, "repeats": 1, "contenders": rows, "chat_miner": why, "growth": grown}
        )
        assert "| json.load | 1.00 |" in text
        assert "| chat-miner | not asked for |" in text

    def test_failure(self, tmp_path: Path) -> None:
        """What fails on the file stands in the table with its last words."""
        broken = [sys.executable, "-c", "raise SystemExit('no such chat')"]
        with pytest.raises(RuntimeError, match="no such chat"):
            run(broken)
        fine = [sys.executable, "-c", 'print(\'{"messages": 1, "wall": 1.0, "seconds": 2.0}\')']
        rows = measure(
            tmp_path,
            {"json.load": lambda path: run_reader(fine, path), "other": lambda path: run_reader(broken, path)},
            2,
        )
        assert rows["json.load"]["seconds"] == 2
        assert "no such chat" in rows["other"]["failed"]
