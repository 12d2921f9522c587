"""A short part of the fuzz run: damaged exports are read or refused in words, and never half imported."""

import json
import random
import time
from pathlib import Path

import pytest

from tools.fuzz import telegram
from tools.fuzz.mutants import mutant, original
from tools.fuzz.telegram import Hang, fuzz, within


class TestFuzz:
    def test_mutants(self) -> None:
        """Of a few hundred mutants each is read or refused, and both happen."""
        found = fuzz(300, seed=7, imports=2)
        assert found.faults == []
        assert found.outcomes["refused"] > 30
        assert found.outcomes["read"] > 30
        assert found.outcomes["import refused"] + found.outcomes["imported"] == 2

    def test_same_seed_same_mutants(self) -> None:
        """A finding can be made again from its number."""
        assert mutant(random.Random("1/5")) == mutant(random.Random("1/5"))
        assert len({mutant(random.Random(f"1/{number}")) for number in range(20)}) > 10


class TestFindings:
    """The fuzzer finds planted errors."""

    def test_traceback(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Any exception except ImportFailure is a finding, with its place, and the mutant is kept."""
        monkeypatch.setattr(telegram, "open_exports", lambda path: 1 / 0)
        found = fuzz(2, seed=1, keep=tmp_path)
        assert [number for number, _ in found.faults] == [0, 1]
        assert "ZeroDivisionError" in found.faults[0][1]
        assert (tmp_path / "1.json").read_bytes() == mutant(random.Random("1/1"))

    def test_difference(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two readings of one file that differ are a finding."""
        monkeypatch.setattr(telegram, "singly", lambda path: ("read", ["something else"]))
        assert "Unequal" in fuzz(1, seed=1).faults[0][1]

    def test_hang(self) -> None:
        """A mutant that takes too long is interrupted."""
        with pytest.raises(Hang), within(0.05):
            time.sleep(30)

    def test_original_is_whole(self, tmp_path: Path) -> None:
        """The original of the mutants is an export that is read without a repair."""
        path = tmp_path / "result.json"
        path.write_text(original(), "utf-8")
        assert telegram.check(path) == "read"
        assert json.loads(original())["personal_information"]["user_id"] == 1
