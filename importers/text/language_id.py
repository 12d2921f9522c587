"""Which languages somebody writes in, without a model: by script, by letters of one language only, by small words.

A reply counts for the language that most of its words speak for. One that no word speaks for (`ok`, a name) counts for
the language that leads among those written in its script; emoji and numbers count for none.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

NAMES = {
    "ar": "Arabic", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "fa": "Persian", "fr": "French",
    "he": "Hebrew", "hi": "Hindi", "hy": "Armenian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
    "ka": "Georgian", "kk": "Kazakh", "ko": "Korean", "mn": "Mongolian", "pl": "Polish", "pt": "Portuguese",
    "ru": "Russian", "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "uz": "Uzbek", "vi": "Vietnamese",
    "zh": "Chinese", "und": "not told",
}  # fmt: skip
"""ISO 639-1 codes to names for people."""

LEAST_SHARE, LEAST_REPLIES = 0.01, 2
"""A language, other than the leading one, of fewer replies than either is an accident and not listed."""

_SMALL_WORDS = {
    "en": "a i hey hi the and you is it that was for are with have this not but what be do just like i'm don't it's "
    "so my of to your me how yeah know would there when can if get we they at on in no yes he she his her from about "
    "going really think ok",
    "ru": "и не что я ты это как да нет но так мы вы он она они все уже если только когда есть был была тебе меня "
    "мне еще ещё там тут ну вот очень сегодня завтра спасибо привет хорошо ладно почему зачем где кто чтобы "
    "просто",
    "uk": "що не як так ти це та ні але ми ви він вона вони вже якщо тільки коли є був була тобі мене мені ще там "
    "тут дуже сьогодні завтра дякую привіт добре чому де хто щоб просто й і",
    "mn": "би чи юм байна байгаа шүү дээ энэ тэр надад чамд юу яаж хаана хэзээ өнөөдөр маргааш баярлалаа сайн тийм "
    "үгүй болно л нь бол гэж одоо гээд байх минь бид бас их за уу үү бэ вэ",
    "kk": "мен сен бұл және қалай жоқ иә не қайда бүгін ертең рахмет жақсы керек болады емес өте үшін",
    "uz": "men sen va bu uchun bilan emas bor yo'q nima qanday qachon bugun ertaga rahmat yaxshi kerak edi ekan "
    "lekin siz biz ular juda qayerda nega shu o'zi bo'ladi мен сен ва бу учун билан эмас бор йўқ нима қандай "
    "қачон бугун эртага раҳмат яхши керак эди экан лекин сиз биз жуда қаерда нега xop qilib",
    "id": "yang dan di ini itu aku kamu saya tidak nggak gak ga ada mau bisa sudah udah belum lagi sama juga kok "
    "dong sih apa kenapa gimana kapan besok hari nanti terima kasih banget deh aja buat dari ke dengan untuk "
    "kita",
    "es": "que de la el no es y en lo un una por con para los se te me mi qué cómo pero muy más está estoy gracias "
    "hola bueno sí hoy mañana porque cuando todo bien yo tú ya si",
    "pt": "que de o a não é e em um uma por com para os se te me mas muito mais está estou obrigado obrigada oi bom "
    "sim hoje amanhã porque quando tudo bem eu você já isso vou pra tá",
    "fr": "que de la le ne pas est et en les un une pour avec dans je tu il elle on ça c'est mais très plus merci "
    "salut oui non aujourd'hui demain quand tout bien moi toi vous j'ai t'as suis des du",
    "de": "ich du nicht das ist und die der ein eine mit für auf zu wir ihr sie es aber sehr mehr danke hallo ja "
    "nein heute morgen wann wo wie was alles gut mir dir mal noch auch schon hab bin kann",
    "it": "che di la il non è e un una per con sono ho hai mi ti ci ma molto più grazie ciao sì oggi domani perché "
    "quando tutto bene io tu anche come cosa della dai",
    "tr": "bir ve bu da de ne ben sen var yok çok için ama değil mi mı iyi nasıl bugün yarın teşekkürler evet hayır "
    "şimdi neden kadar gibi olur",
    "pl": "nie to i w na się że jest co jak ale tak do z ja ty mam masz bardzo dzięki cześć dzisiaj jutro kiedy "
    "gdzie już",
    "vi": "không là có và của tôi bạn anh em được gì này cho đi rồi thì mà với một",
    "ar": "في من على ما لا هذا هذه انا أنا انت أنت كيف ليش لماذا متى اليوم غدا بكرة شكرا نعم لكن مع عن هل يا الله "
    "إن كان أن إلى الى ماذا لك لي كل بس مش شو",
    "fa": "من تو این آن که به از را در و است نیست چی چرا کی کجا امروز فردا ممنون سلام خوب خیلی برای با هم میشه",
}
_LETTERS = {
    "uk": "іїєґ", "mn": "өү", "kk": "әңұһі", "uz": "ўҳ", "fa": "پچژگ", "es": "ñ¿", "pt": "ãõ", "de": "ß", "tr": "ğış",
    "pl": "ąęłżźśń", "vi": "ạảấầẩậắằẳẵặẹẻẽếềểễệịỉọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹđ",
}  # fmt: skip
"""Letters that speak for a language; several share some."""
_SPEAKING = frozenset("".join(_LETTERS.values()))
_SCRIPTS = (
    ("latin", "a", "ɏ"), ("greek", "Ͱ", "Ͽ"), ("cyrillic", "Ѐ", "ԯ"), ("armenian", "Ա", "֏"), ("hebrew", "א", "ת"),
    ("arabic", "ء", "ۿ"), ("devanagari", "ऀ", "ॿ"), ("thai", "ก", "๛"), ("georgian", "Ⴀ", "ჿ"), ("hangul", "ᄀ", "ᇿ"),
    ("latin", "Ḁ", "ỿ"), ("kana", "ぁ", "ヿ"), ("hangul", "ㄱ", "ㆎ"), ("han", "㐀", "鿿"), ("hangul", "가", "힣"),
)  # fmt: skip
_ONE_LANGUAGE = {
    "greek": "el", "armenian": "hy", "hebrew": "he", "devanagari": "hi", "thai": "th", "georgian": "ka", "hangul": "ko",
}  # fmt: skip
_LEADING = {"latin": "und", "cyrillic": "und", "arabic": "ar", "han": "zh", "kana": "ja"}
"""What a script without any evidence counts for."""

_UZBEK_LETTER = re.compile("[og]['‘’ʻʼ`]")

_FIRST_LETTERS = [first for _, first, _ in _SCRIPTS]


def script_of(word: str) -> str:
    """Return the script of a word's first letter, in lower case; empty where it has none."""
    for letter in word:
        if letter.isalpha():
            name, _, last = _SCRIPTS[max(bisect_right(_FIRST_LETTERS, letter) - 1, 0)]
            return name if letter <= last else "other"
    return ""


def is_small_word(word: str) -> bool:
    """Tell whether a word, in lower case, is one of the small ones of some language."""
    return word in _HINTS


class Languages:
    """Counts a person's replies by language; each word is looked at closely only the first time it is met."""

    def __init__(self) -> None:
        self.replies: Counter[str] = Counter()
        """Language code to the number of replies that a word speaks for."""
        self._unsure: Counter[str] = Counter()
        """Script to the number of replies that none does."""
        self._hints = dict(_HINTS)

    def meet(self, word: str) -> None:
        """Take note of what a new word, in lower case, speaks for."""
        if word not in self._hints and (spoken := _speaks_for(word)):
            self._hints[word] = spoken

    def add(self, words: Sequence[str]) -> None:
        """Count one reply of these words, in lower case and met before."""
        spoken = [hint for hint in map(self._hints.get, words) if hint]
        if not spoken:
            if script := next(filter(None, map(script_of, words)), ""):
                self._unsure[script] += 1
        elif len(spoken) == 1 or spoken.count(spoken[0]) == len(spoken):
            self.replies[spoken[0][0] if len(spoken[0]) == 1 else self._usual(spoken[0])] += 1
        else:
            votes: dict[str, float] = {}
            for hint in spoken:
                for language in hint:
                    votes[language] = votes.get(language, 0.0) + 1 / len(hint)
            most = max(votes.values())
            self.replies[self._usual([language for language, vote in votes.items() if vote == most])] += 1

    def shares(self) -> dict[str, float]:
        """Return the share of the replies with words that each language has, largest first."""
        counted = Counter(self.replies)
        for script, number in self._unsure.items():
            counted[self._leader(script)] += number
        total = counted.total()
        least = max(LEAST_REPLIES, LEAST_SHARE * total)
        ordered = counted.most_common()
        return {code: round(n / total, 3) for place, (code, n) in enumerate(ordered) if n >= least or not place}

    def _usual(self, languages: Iterable[str]) -> str:
        """Return that of several languages which this person writes most."""
        return max(languages, key=lambda language: self.replies[language])

    def _leader(self, script: str) -> str:
        if language := _ONE_LANGUAGE.get(script):
            return language
        written = [(number, code) for code, number in self.replies.items() if script in _SCRIPTS_OF.get(code, ())]
        return max(written)[1] if written else _LEADING.get(script, "und")


def _small_words() -> dict[str, tuple[str, ...]]:
    hints: dict[str, list[str]] = {}
    for language, listed in _SMALL_WORDS.items():
        for word in listed.split():
            hints.setdefault(word, []).append(language)
            if "'" in word:
                for apostrophe in "‘’ʻʼ":
                    hints.setdefault(word.replace("'", apostrophe), []).append(language)
    return {word: tuple(languages) for word, languages in hints.items()}


_HINTS = _small_words()


def _speaks_for(word: str) -> tuple[str, ...]:
    if word.isascii():
        return ()
    script = script_of(word)
    if language := _ONE_LANGUAGE.get(script):
        return (language,)
    if script in ("han", "kana"):
        return ("ja",) if script == "kana" else ("zh", "ja")
    # Uzbek writes o‘ and g‘ with one of several apostrophes.
    if script == "latin" and _UZBEK_LETTER.search(word):
        return ("uz",)
    if _SPEAKING.isdisjoint(word):
        return ()
    return tuple(language for language, letters in _LETTERS.items() if any(letter in word for letter in letters))


_SCRIPTS_OF = {
    language: {script_of(word) for word in listed.split()} - {""} for language, listed in _SMALL_WORDS.items()
} | {"zh": {"han"}, "ja": {"kana", "han"}}
