"""Windows of three messages, cut at long silences."""

from collections.abc import Callable

from memory.passages import SESSION_GAP_SECONDS, Line, passages

Said = Callable[..., Line]


class TestPassages:
    def test_windows_overlap_by_two(self, said: Said) -> None:
        """Five messages in a row are three windows, each one message further."""
        windows = list(passages([said(n, f"m{n}") for n in range(5)]))
        assert [[line.text for line in w.lines] for w in windows] == [
            ["m0", "m1", "m2"],
            ["m1", "m2", "m3"],
            ["m2", "m3", "m4"],
        ]

    def test_a_short_session_is_one_window(self, said: Said) -> None:
        """One or two messages between long silences are a passage of their own, and no line is lost."""
        later = said(0, "x").when + 2 * SESSION_GAP_SECONDS
        lines = [said(0, "a"), said(1, "b"), said(2, "c", when=later)]
        assert [[line.text for line in w.lines] for w in passages(lines)] == [["a", "b"], ["c"]]

    def test_a_silence_as_long_as_the_gap_does_not_split(self, said: Said) -> None:
        """Only a silence longer than the gap ends a session."""
        lines = [said(0, "a", when=0), said(1, "b", when=100)]
        assert len(list(passages(lines, gap=100))) == 1
        assert len(list(passages(lines, gap=99))) == 2

    def test_no_lines_no_passages(self) -> None:
        """An empty chat has no passage."""
        assert list(passages([])) == []

    def test_text_has_date_and_speaker_and_stays_on_its_line(self, said: Said) -> None:
        """A message of several lines is shown on one, so that a line of a passage is a message."""
        (window,) = passages([said(0, "one\ntwo"), said(1, "three", who="Бек")])
        assert window.text == "2023-05-08 Anna: one two\n2023-05-08 Бек: three"
