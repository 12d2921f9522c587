"""The report tells where every reply went, survives JSON, and draws itself within the width."""

import json

from importers.redact import Redactor
from importers.report import DataReport, waterfall
from tests.importers.making import conversation, many_sessions
from tests.importers.making import data_set as made


class TestReport:
    def test_style_and_chats(self) -> None:
        """The report tells the manner before and after, and what each chat gave."""
        pairs = [(f"question {i}", "haha ok" if i % 2 else f"a thought of number {i} 🎉") for i in range(60)]
        report = made(many_sessions(pairs)).report.to_dict()
        before, after = report["style"]["before"], report["style"]["after"]
        assert (before["turns"], before["laughter_share"], before["emoji_share"]) == (60, 0.5, 0.5)
        assert after["turns"] == report["replies"]["trained"] < 60
        assert before["openers"][0][0] in ("haha", "a")
        assert any("laughter" in warning for warning in report["warnings"])
        (row,) = report["chats"]
        assert (row["name"], row["sessions"], row["replies"]) == ("Chat chat", 60, 60)
        assert json.dumps(report)

    def test_waterfall(self) -> None:
        """Every number of the account stands in the waterfall, within the width."""
        result = made(conversation(("me", "first words"), ("you", "hi"), ("me", "hey a@b.org")), redactor=Redactor())
        lines = waterfall(result.report, read=1205, dropped={"service": 1202}, width=70)
        text = "\n".join(lines)
        for part in ("read", "1,205", "- service", "1,202", "kept", "- no context", "trained", "Redacted  email 1"):
            assert part in text
        assert max(len(line) for line in lines) <= 70

    def test_waterfall_of_nothing(self) -> None:
        """No messages make an empty waterfall."""
        assert waterfall(made([]).report, read=0, dropped={})[0] == "Messages"

    def test_round_trip(self) -> None:
        """A report that was written as JSON draws the same waterfall."""
        report = made(conversation(("me", "first"), ("you", "hi"), ("me", "hey a@b.org")), redactor=Redactor()).report
        again = DataReport.from_dict(json.loads(json.dumps(report.to_dict())))
        assert waterfall(again, read=3, dropped={}) == waterfall(report, read=3, dropped={})
