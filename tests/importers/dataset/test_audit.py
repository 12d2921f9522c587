"""An audit finds what would break a training or teach nonsense, in every form that pairs come in."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.dataset.audit import KINDS, Audit, audit
from importers.dataset.audit_text import audit_lines
from importers.dataset.instruction_sets import Pair, Wrong, read_pairs
from importers.dataset.report_text import columns
from importers.source import ImportFailure

SENTENCES = [f"This is sentence number {n} about thing {n * 7}, and it ends as one." for n in range(30)]


SYSTEM, REPLY = {"role": "system", "content": "s"}, {"role": "assistant", "content": "a"}


def pairs(*said: tuple[str, str]) -> Audit:
    return audit(Pair(row, prompt, reply, prompt) for row, (prompt, reply) in enumerate(said, start=1))


def kinds(*said: tuple[str, str]) -> dict[str, int]:
    return {kind: fault.count for kind, fault in pairs(*said).faults.items()}


def written(folder: Path, name: str, text: str) -> list[Pair | Wrong]:
    path = folder / name
    path.write_text(text, "utf-8")
    return list(read_pairs(path))


def rows(folder: Path, *documents: Any) -> list[Pair | Wrong]:
    return written(folder, "x.jsonl", "\n".join(json.dumps(document) for document in documents))


class TestForms:
    @pytest.mark.parametrize(
        "row",
        [
            {"messages": [SYSTEM, {"role": "user", "content": "q"}, REPLY]},
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, REPLY]},
            {"instruction": "q", "input": "", "output": "a"},
            {"prompt": "q", "completion": "a"},
            {"question": "q", "answer": "a", "subject": "x"},
        ],
    )  # fmt: skip
    def test_one_pair(self, row: dict[str, Any], tmp_path: Path) -> None:
        """The forms that data sets come in all give the same pair."""
        assert rows(tmp_path, row) == [Pair(1, "q", "a", "q")]
        assert written(tmp_path, "x.json", json.dumps([row])) == [Pair(1, "q", "a", "q")]

    def test_csv(self, tmp_path: Path) -> None:
        """A table's columns are known by their names, whatever parts them."""
        assert written(tmp_path, "x.csv", "\ufeffQuestion;Answer\nhow;so\n") == [Pair(1, "how", "so", "how")]
        (wrong,) = written(tmp_path, "x.csv", "question,answer\nhow,so,too\n")
        assert isinstance(wrong, Wrong)
        assert wrong.kind == "shape"

    def test_conversations(self, tmp_path: Path) -> None:
        """Each reply is a pair with all that was said before; what has weight 0 is none."""
        turns = [("user", "a", 1), ("assistant", "b", 0), ("user", "c", 1), ("assistant", "d", 1)]
        row = {"messages": [{"role": role, "content": text, "weight": weight} for role, text, weight in turns]}
        assert rows(tmp_path, row) == [Pair(1, "c", "d", "a\nb\nc")]

    @pytest.mark.parametrize(
        ("row", "kind", "what"),
        [
            ({"instruction": "q", "input": 1.5, "output": "a"}, "type", "input is a number"),
            ({"instruction": "q", "output": None}, "type", "output is missing"),
            ({"prompt": ["q"], "completion": "a"}, "type", "prompt is a list"),
            ({"text": "a"}, "shape", "it has text"),
            (["a"], "shape", "a list"),
            ({"messages": "hi"}, "type", "a text"),
            ({"messages": [{"role": "user", "content": "a"}]}, "roles", "nobody replies"),
            ({"messages": [{"role": "king", "content": "a"}]}, "roles", "not known"),
            ({"messages": [{"role": "user", "content": None}]}, "type", "content is missing"),
        ],
    )
    def test_wrong(self, row: Any, kind: str, what: str, tmp_path: Path) -> None:
        """What is wrong with a row is said in words."""
        (wrong,) = rows(tmp_path, row)
        assert isinstance(wrong, Wrong)
        assert wrong.kind == kind
        assert what in wrong.what

    def test_two_in_a_row(self, tmp_path: Path) -> None:
        """Two turns of one side in a row are a fault, and the replies are looked at all the same."""
        turns = [{"role": r, "content": t} for r, t in (("user", "a"), ("user", "b"), ("assistant", "c"))]
        assert [type(found) for found in rows(tmp_path, {"messages": turns})] == [Wrong, Pair]

    def test_broken_lines(self, tmp_path: Path) -> None:
        """A line that is not JSON is a fault of that line; a whole file that is none is an error."""
        first, second = written(tmp_path, "x.jsonl", '{"prompt": "q", "completion": "a"}\n{"prompt"\n')
        assert isinstance(first, Pair)
        assert isinstance(second, Wrong)
        assert (second.row, second.kind) == (2, "unreadable")
        with pytest.raises(ImportFailure, match="not JSON"):
            written(tmp_path, "x.json", "{")
        with pytest.raises(ImportFailure, match="no list"):
            written(tmp_path, "x.json", "3")
        with pytest.raises(ImportFailure, match="there is no file"):
            list(read_pairs(tmp_path / "nowhere.jsonl"))
        (tmp_path / "latin.csv").write_bytes("prompt,completion\né,ü".encode("latin-1"))
        with pytest.raises(ImportFailure, match="not readable"):
            list(read_pairs(tmp_path / "latin.csv"))


class TestFaults:
    def test_clean(self) -> None:
        """Replies without faults have none."""
        found = pairs(*((f"what of {n}?", text) for n, text in enumerate(SENTENCES)))
        assert (found.faults, found.pairs, found.broken) == ({}, 30, 0)
        assert found.languages == {"en": 1.0}
        assert "No faults found." in audit_lines(found, "x")

    @pytest.mark.parametrize(
        ("prompt", "reply", "kind"),
        [
            ("what is it", "", "empty_reply"),
            ("", "something", "empty_prompt"),
            ("what is the capital of France", "What is the capital of France? Paris", "echo"),
            ("what is the capital of France", "the capital of France is what", "echo"),
            ("and then", "we went home and we went home and we went home and", "loop"),
            ("and then", "no no no no no no no no no", "loop"),
            ("wie geht es", "прiвет как дела", "mixed_word"),
            ("write to me", "sure, a.b@example.org", "personal"),
            ("and then", "we packed our things, left the house and,", "truncated"),
            ("some code", "here it is, one two three four five ```python", "truncated"),
        ],
    )
    def test_of_one_pair(self, prompt: str, reply: str, kind: str) -> None:
        """Each fault that a reply has by itself is found, and only that one."""
        assert kinds((prompt, reply)) == {kind: 1}

    @pytest.mark.parametrize(
        ("prompt", "reply"),
        [
            ("how are you", "how are you"),
            ("ok?", "ok ok ok"),
            ("и что", "да ничего особенного просто сижу дома и смотрю кино"),
            ("뭐해", "ㅋㅋㅋㅋㅋㅋㅋㅋ 아무것도 안해"),
            ("у тебя iPhone", "да, у меня iphone и macbook"),
        ],
    )
    def test_manner_is_no_fault(self, prompt: str, reply: str) -> None:
        """People repeat a greeting, laugh long, write without full stops and borrow words."""
        assert kinds((prompt, reply)) == {}

    def test_cut_off(self) -> None:
        """Where replies end as sentences do, one that does not was cut; so were many of the very same length."""
        said = [(f"what of {n}?", text) for n, text in enumerate(SENTENCES)]
        assert kinds(*said, ("and", "this one goes on for a while and then it just stops in")) == {"truncated": 1}
        cut = [
            (f"what of {n}?", f"{n:>2} {'a word or two and '.join(map(str, range(n, n + 40)))}"[:500]) for n in range(5)
        ]
        assert kinds(*cut)["truncated"] == 5

    def test_again(self) -> None:
        """The same pair again is a duplicate, the same question answered otherwise a contradiction."""
        asked = "who was the first man on the moon"
        found = kinds((asked, "Armstrong"), (asked, "armstrong "), (asked, "Gagarin"), ("hey", "yo"), ("hey", "hi"))
        assert found == {"duplicate": 1, "contradiction": 1}

    def test_other_script(self) -> None:
        """A Mongolian set with an English or Chinese answer in it."""
        said = [(f"энэ юу вэ {n}", f"энэ бол маш сайн зүйл юм {n}") for n in range(20)]
        assert kinds(*said, ("чи хаана байна вэ", "i am at home right now")) == {"other_script": 1}
        assert kinds(*said, ("чи хаана байна вэ", "我现在在家里")) == {"other_script": 1}

    def test_rows_and_examples(self) -> None:
        """The first rows are named, a few are shown, all are counted."""
        found = pairs(*((f"say {n}", "") for n in range(50)))
        fault = found.faults["empty_reply"]
        assert (fault.count, fault.rows, len(fault.examples)) == (50, list(range(1, 11)), 3)
        text = "\n".join(audit_lines(found, "x"))
        assert "✗ 50 × nothing to learn" in text
        assert "rows 1, 2, 3" in text
        assert found.to_dict()["broken"] == 50

    @given(st.lists(st.tuples(st.text(), st.text()), max_size=8))
    def test_any_text(self, said: list[tuple[str, str]]) -> None:
        """No text makes it fail, every fault is of a known kind, and no line is too wide."""
        found = pairs(*said)
        assert found.faults.keys() <= KINDS.keys()
        assert json.dumps(found.to_dict())
        assert all(columns(line) <= 80 for line in audit_lines(found, "x"))
