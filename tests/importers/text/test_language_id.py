"""Languages of chat replies: short ones follow the leading language of their script, unknown ones stay unknown."""

import pytest

from importers.text.language_id import Languages, script_of


def shares(*replies: str) -> dict[str, float]:
    found = Languages()
    for reply in replies:
        found.add(reply)
    return found.shares()


class TestLanguages:
    @pytest.mark.parametrize(
        ("language", "replies"),
        [
            ("en", ["so what do you think about it", "ok", "no idea honestly"]),
            ("ru", ["я не знаю что тебе сказать", "ага", "давай завтра"]),
            ("uk", ["ти де зараз", "дякую, що написала", "не знаю ще"]),
            ("ko", ["그래 알았어", "ㅋㅋㅋ", "내일 보자"]),
            ("ar", ["لا أعرف ماذا أقول لك", "تمام"]),
            ("fa", ["چطوری عزیزم، کجا هستی", "خوبم ممنون"]),
            ("uz", ["yo‘q, bugun kelolmayman", "rahmat", "qachon kelasan"]),
            ("uz", ["ҳозир бораман, ўзинг қалай", "раҳмат"]),
            ("mn", ["би маргааш уулзана шүү дээ", "за", "юу хийж байна"]),
            ("id", ["aku nggak bisa besok", "wkwk", "iya dong"]),
            ("es", ["no sé qué decirte", "mañana te cuento"]),
            ("tr", ["bugün çok yorgunum", "tamam"]),
            ("zh", ["我不知道", "好吧"]),
            ("ja", ["今日は行けないよ", "わかった"]),
            ("th", ["ไปไหนมา", "ไม่รู้"]),
            ("he", ["מה קורה", "לא יודע"]),
        ],
    )
    def test_one(self, language: str, replies: list[str]) -> None:
        """A person who writes one language writes that one."""
        assert shares(*replies) == {language: 1.0}

    def test_several(self) -> None:
        """Somebody who writes two has both, by their share of the replies."""
        assert shares(*["я сегодня не могу"] * 6, *["see you when i get there"] * 4) == {"ru": 0.6, "en": 0.4}

    def test_words_of_another_language(self) -> None:
        """A borrowed word or name does not make another language."""
        assert shares("я люблю python и you know who", "это просто wow", "я тут") == {"ru": 1.0}

    def test_nothing_to_tell(self) -> None:
        """Emoji, signs and numbers are no language."""
        assert shares("👍", "+", "12:30", "🎉🎉") == {}

    @pytest.mark.parametrize(
        ("language", "replies"),
        [
            ("nl", ["ik ben thuis met mijn broer", "waarom was je zo laat", "de kat ligt op de bank"]),
            ("fi", ["olen kotona veljen kanssa", "miksi olit niin myöhässä", "joo"]),
            ("hu", ["otthon vagyok a bátyámmal", "miért késtél ennyit", "jó"]),
            ("bg", ["вкъщи съм с брат ми", "защо закъсня толкова", "да"]),
            ("tl", ["nasa bahay ako kasama kapatid ko", "bakit ka late", "oo"]),
            ("kk", ["мен бүгін келе алмаймын", "қайдасың", "жақсы"]),
        ],
    )
    def test_less_common(self, language: str, replies: list[str]) -> None:
        """A language is told as itself, not as a more common one that shares some words."""
        assert shares(*replies) == {language: 1.0}

    def test_links_and_code_do_not_count(self) -> None:
        """Addresses, mentions, placeholders and code are no language."""
        links = ["https://www.exemplo.com.br/noticias/hoje-para-voce", "@joaosilva `para cada um`", "[link] [photo]"]
        assert shares("What is it?", "Where did you get that from?", *links) == {"en": 1.0}
        assert shares(*links) == {}

    def test_large(self) -> None:
        """Many replies are sampled evenly, so that a change of language half way shows."""
        russian = ["я сегодня не приду, очень устал", "да всё хорошо, а у тебя как дела?", "ну что ты такое говоришь"]
        replies = ["see you when i get there tomorrow"] * 4_500 + russian * 1_500
        assert shares(*replies) == pytest.approx({"en": 0.5, "ru": 0.5}, abs=0.02)

    def test_unknown(self) -> None:
        """What nothing speaks for is not called anything."""
        assert shares("xyz foo", "qwx") == {"und": 1.0}

    @pytest.mark.parametrize(
        ("word", "script"),
        [("abc", "latin"), ("šta", "latin"), ("где", "cyrillic"), ("ㅋㅋ", "hangul"), ("가", "hangul"), ("12", ""),
         ("哈", "han"), ("だ", "kana"), ("لا", "arabic"), ("ไป", "thai"), ("👍", "")],
    )  # fmt: skip
    def test_script(self, word: str, script: str) -> None:
        """A word's script is that of its first letter."""
        assert script_of(word) == script
