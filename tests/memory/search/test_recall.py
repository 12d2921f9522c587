"""The right message comes up, in many languages, within the budget, or nothing does."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory.memory import Memory
from memory.passages import SESSION_GAP_SECONDS, Line

Said = Callable[..., Line]
DAY = 86_400
START = 1_683_540_000


def spread(said: Said, *texts: str) -> list[Line]:
    """Return one message a week, each a session and so a passage of its own."""
    return [said(n, text, when=START + 7 * DAY * n) for n, text in enumerate(texts)]


class TestFinding:
    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("whats your cat called", "my cats name is Pickles, he is called the admiral"),
            ("what do you do for work", "at work i tune pianos all day"),
            ("как зовут твоего кота?", "моя сестра назвала коту домик, кот доволен"),
            ("где ты работаешь", "моя работа в пекарне на углу"),
            ("고양이 이름이 뭐야?", "우리 고양이는 나비라고 해"),
            ("你的猫叫什么名字", "我家小猫的名字是米米"),
            ("どんな猫ですか", "黒い猫を飼っています"),
            ("mushugingizning ismi nima", "mushugim bugun sut ichdi"),
            ("¿cómo se llama tu perro?", "mi perro come zapatos"),
            ("do you remember the café?", "that cafe by the sea"),
        ],
    )
    def test_languages(self, memory: Memory, said: Said, question: str, answer: str) -> None:
        """A question finds the message that answers it, in other forms of its words."""
        others = [
            "we had soup again",
            "футбол был вчера",
            "비가 많이 왔어",
            "昨天下雨了",
            "kecha yomgir yogdi",
            "hoy llueve",
        ]
        memory.sync(spread(said, *others, answer))
        (best, *_) = memory.recall(question).hits
        assert best.text.endswith(answer)

    def test_a_month_is_searched_for(self, memory: Memory, said: Said) -> None:
        """`in june` finds what was said in June, though nobody wrote the word."""
        memory.sync(spread(said, *["soup"] * 5, "we climbed the tower"))
        assert "2023-06" in memory.recall("where did you go in june").hits[0].text

    def test_small_talk_finds_nothing(self, memory: Memory, said: Said) -> None:
        """A greeting shares no content word with anything, even where somebody greeted so before."""
        memory.sync(spread(said, "hey whats up", "hi how are you", "the cat sat"))
        for query in ("hey whats up", "", "??", "🐌", "xylophone quartet"):
            assert memory.recall(query).hits == ()

    def test_a_word_on_everybodys_lips_finds_nothing(self, memory: Memory, said: Said) -> None:
        """A word in most passages does not make a message worth recalling; a rare one beside it does."""
        memory.sync(spread(said, *[f"gremlin number {n}" for n in range(80)], "gremlin ate a lasagne"))
        assert memory.recall("gremlin").hits == ()
        assert [hit.text[11:] for hit in memory.recall("gremlin lasagne").hits] == ["Anna: gremlin ate a lasagne"]

    def test_a_name_finds_those_who_say_it(self, memory: Memory, said: Said) -> None:
        """Asked about a person, memory finds where others speak of them, not all that they said themselves."""
        memory.sync(
            [*spread(said, *[f"soup {n}" for n in range(80)]), said(99, "met Anna at the fair", who="Bo", chat="c2")]
        )
        assert [hit.text[11:] for hit in memory.recall("who is Anna").hits] == ["Bo: met Anna at the fair"]
        (best, *_) = memory.recall("what did Anna say about soup 7").hits
        assert best.text.endswith("Anna: soup 7")

    def test_hits_say_who_when_and_where(self, memory: Memory, said: Said) -> None:
        """A hit names its speakers, its chat and its first message's time, and shows a line a message."""
        memory.sync([said(1, "where is the cat"), said(2, "on the roof", who="Bo"), said(3, "again?")])
        (hit,) = memory.recall("cat").hits
        assert (hit.who, hit.chat, hit.when) == ("Anna, Bo", "chat c1", START + 60)
        assert hit.text == "2023-05-08 Anna: where is the cat\n2023-05-08 Bo: on the roof\n2023-05-08 Anna: again?"
        assert hit.score > 0

    def test_equal_matches_come_latest_first(self, memory: Memory, said: Said) -> None:
        """Recency breaks ties."""
        memory.sync(spread(said, "a lighthouse", "a lighthouse"))
        first, second = memory.recall("lighthouse").hits
        assert first.when > second.when

    @pytest.mark.parametrize(("question", "owner"), [("how old is your cat", "Anna"), ("how old is my cat", "Bo")])
    def test_whose_is_meant(self, memory: Memory, said: Said, question: str, owner: str) -> None:
        """`your` is of who is asked, `my` of who asks: what that one said comes first."""
        memory.sync([said(1, "that cat is old", who="Anna"), said(1, "that cat is old", who="Bo", chat="c2")])
        first, second = memory.recall(question, asked="Anna", asker="Bo").hits
        assert (first.who, second.who) == (owner, "Bo" if owner == "Anna" else "Anna")

    def test_scores_fall(self, memory: Memory, said: Said) -> None:
        """The first hit has the highest score, also where a longer line matches better than it is worth its words."""
        memory.sync(spread(said, "the cat " + "sat and sat " * 9 + "by the lake", "cat lake", "cat", "a lake " * 5))
        scores = [hit.score for hit in memory.recall("the cat by the lake").hits]
        assert len(scores) == 4
        assert scores == sorted(scores, reverse=True)


class TestLimits:
    def test_overlapping_windows_are_one_hit(self, memory: Memory, said: Said) -> None:
        """Each message is shown, and counted, once."""
        memory.sync([said(n, f"cat {n}") for n in range(6)])
        result = memory.recall("cat", words=100)
        (hit,) = result.hits
        assert [line.split()[-1] for line in hit.text.split("\n")] == ["0", "1", "2", "3", "4", "5"]
        assert result.words == 6 * 4

    @pytest.mark.parametrize("words", [0, 1, 4, 7, 11, 20, 50])
    def test_the_budget_holds(self, memory: Memory, said: Said, words: int) -> None:
        """What is recalled is never longer than the budget, whatever it is."""
        memory.sync([said(n, "the cat sat " * (n % 5 + 1)) for n in range(30)])
        result = memory.recall("cat", words=words)
        assert result.words <= words
        assert result.words == sum(len(hit.text.split()) for hit in result.hits)

    def test_last_words_go_to_the_line_that_matches(self, memory: Memory, said: Said) -> None:
        """Where the window is too long for the budget, the message itself still comes."""
        memory.sync([said(1, "long " * 50), said(2, "the cat is Pickles"), said(3, "long " * 50)])
        assert [hit.text for hit in memory.recall("cat", words=20).hits] == ["2023-05-08 Anna: the cat is Pickles"]

    def test_what_is_in_the_prompt_is_left_out(self, memory: Memory, said: Said) -> None:
        """A message that stands in the prompt, alone or as a line of a turn, is not shown again, nor its company."""
        memory.sync([said(1, "my cat is Pickles"), said(2, "nice"), said(3, "the cat bites")])
        assert memory.recall("cat", exclude=["hello\nmy cat  is Pickles", "the cat bites"]).hits == ()
        (hit,) = memory.recall("cat", exclude={"my cat is Pickles"}).hits
        assert hit.text == "2023-05-08 Anna: the cat bites"

    def test_only_what_was_before(self, memory: Memory, said: Said) -> None:
        """With `before`, no message of that time or later is shown."""
        lines = spread(said, "cat one", "cat two", "cat three")
        memory.sync(lines)
        hits = memory.recall("cat", before=lines[1].when).hits
        assert [hit.when for hit in hits] == [lines[0].when]

    @given(query=st.text())
    @settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    def test_no_query_raises(self, memory: Memory, query: str) -> None:
        """Any text may be asked."""
        memory.add("the cat sat", START)
        memory.recall(query)

    @pytest.mark.parametrize(
        "query", ['"cat', "cat OR", "NEAR(cat dog)", "terms:cat", "cat* -dog ^x", "\ud83d cat", "\0"]
    )
    def test_search_syntax_is_text(self, memory: Memory, query: str) -> None:
        """FTS5's own operators mean nothing in a question."""
        memory.add("the cat sat", START)
        assert len(memory.recall(query).hits) == ("cat" in query)

    def test_long_messages_are_searched_for_by_their_rare_words(self, memory: Memory, said: Said) -> None:
        """A pasted page still finds what it is about."""
        memory.sync(spread(said, "a zeppelin flew by", *(["word" + chr(97 + n) for n in range(26)] * 2)))
        page = " ".join(f"word{chr(97 + n)}" for n in range(26)) + " zeppelin"
        assert any("zeppelin" in hit.text for hit in memory.recall(page, words=4000).hits)


def test_a_window_never_bridges_a_silence(memory: Memory, said: Said) -> None:
    """What is shown with a match was said in the same session."""
    memory.sync([said(1, "the cat", when=START), said(2, "hours later", when=START + SESSION_GAP_SECONDS + 1)])
    assert [hit.text for hit in memory.recall("cat").hits] == ["2023-05-08 Anna: the cat"]
