"""Other people's names to pseudonyms: the same for the same person in every line and after every import.

A pseudonym is an invented name, made of syllables that no language's names are made of in this order, in the script of
the person's own name. It is a name and no placeholder such as `[person-1]`, since a model that learns from brackets
writes brackets; it is invented, so that it is no third person's; and it follows from the person's id alone, keyed with
the persona's, so that nothing has to be kept that would lead back.

Names are replaced where they are a name for certain: in the place of a speaker or partner, in a mention, and in the
text where one is written as a name is, with the endings that languages add. A name that is also a word (Will, Вера)
stays in lower case.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

from importers.message import Chat, Message, Person
from importers.privacy.common_words import COMMON_WORDS
from importers.privacy.redaction import Shown, replaced
from importers.text.language_id import script_of

_SYLLABLES = {
    "latin": ("b d f g k l m n p r s t v z".split(), "a e i o u".split()),
    "cyrillic": ("б д ф г к л м н п р с т в з".split(), "а е и о у".split()),
}
_HANGUL = ("ㄱㄴㄷㄹㅁㅂㅅㅈㅌㅍ", "ㅏㅓㅗㅜㅣ")
_HANGUL_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_HANGUL_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
SYLLABLES = 3

_WORD = re.compile(r"[^\W\d_]+")
_MENTION = re.compile(r"@\w{3,}")
_CYRILLIC_ENDINGS = frozenset(
    "а я у ю ы и е о й ь ой ей ою ею ом ем ам ям ами ями ах ях ов ев ка ку ки ке га ге гээ гаа ны ний "
    "нд ийн ын аас ээс тай той тэй ийг ыг".split()
)
_LATIN_ENDINGS = frozenset("s ga ka qa ni ning dan da lar jon xon bek im ngiz nya ku mu e u ya ye in un a i ım".split())
_HANGUL_ENDINGS = frozenset(
    "아 야 이 가 은 는 을 를 의 도 만 와 과 랑 이랑 한테 에게 께 님 씨 형 누나 언니 오빠 이가 이는 이도 "
    "이야 이한테 라고 이라고".split()
)
_ENDINGS = {"cyrillic": _CYRILLIC_ENDINGS, "latin": _LATIN_ENDINGS, "hangul": _HANGUL_ENDINGS}
_VOWELS_AT_END = "аяйьоеэу"
"""A Cyrillic name changes these at its end when it is declined."""
_SHORTEST = {"hangul": 2, "han": 2, "kana": 2}
_ALSO_WORDS = frozenset(
    "will mark may rose hope grace art bill joy faith sky star honey max drew chase guy rich rob pat sue jack jean "
    "dan gay ray dean frank grant art олег вера надежда любовь роман лев слава мира майя воля свет света рома "
    "nur gul bek bahor dan ana mar luz sol paz rosa".split()
)
"""Names that are words too; they are replaced only where they are written with a capital."""


class Pseudonyms:
    """The pseudonyms of everybody but the persona."""

    def __init__(self, people: Mapping[str, Person], persona: str) -> None:
        self._people, self._persona = people, persona
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()
        own = set(_parts(people[persona].name)) if persona in people else set()
        self._names: dict[str, list[str]] = {}
        for person in sorted(people):
            if person != persona:
                self.of(person)
                for part in dict.fromkeys(_parts(people[person].name)):
                    if part not in own:
                        self._names.setdefault(part, []).append(person)
        self._stems = {
            part.rstrip(_VOWELS_AT_END): part for part in self._names if script_of(part) == "cyrillic" and len(part) > 3
        }

    def of(self, person: str) -> str:
        """Return a person's pseudonym, or the persona's own name."""
        if person == self._persona:
            return self._people[person].name if person in self._people else person
        if person not in self._given:
            name = self._people[person].name if person in self._people else ""
            self._given[person] = self._invent(person, script_of(name.casefold()))
        return self._given[person]

    def of_chat(self, chat: Chat) -> str:
        """Return the name of a chat: its partner's pseudonym, or a group's name without the names in it."""
        if chat.kind == "personal" or chat.id in self._people:
            return self.of(chat.id)
        return self.hide(chat.name, chat.id)

    def hide(self, text: str, chat: str = "") -> str:
        """Return a text that is no message with pseudonyms for the names in it."""
        return replaced(text, list(self._found(text, chat)))

    def find(self, message: Message) -> list[Shown]:
        """Return where names stand in a message, in order and each with its pseudonym."""
        found: list[Shown] = []
        for span in message.spans:
            text = message.text[span.start : span.end]
            if span.kind == "mention" and not text.startswith("@"):
                found.append((span.start, span.end, self._mentioned(text, message.chat)))
        for start, end, shown in self._found(message.text, message.chat):
            if not any(start < other_end and other < end for other, other_end, _ in found):
                found.append((start, end, shown))
        return sorted(found)

    def _found(self, text: str, chat: str) -> Iterator[Shown]:
        mentions = [match.span() for match in _MENTION.finditer(text)] if "@" in text else []
        for start, end in mentions:
            if (shown := self._username(text[start + 1 : end])) is not None:
                yield start, end, f"@{shown}"
        last: tuple[int, int, str] | None = None
        for match in _WORD.finditer(text):
            named = None
            if not any(start <= match.start() < end for start, end in mentions):
                named = self._person(match[0], chat)
            if named is None:
                continue
            person, length = named
            end = match.start() + length
            # First and last name side by side are one person, named once.
            if last and last[2] == person and text[last[1] : match.start()] == " ":
                last = (last[0], end, person)
                continue
            if last:
                yield last[0], last[1], self.of(last[2])
            last = (match.start(), end, person)
        if last:
            yield last[0], last[1], self.of(last[2])

    def _person(self, word: str, chat: str) -> tuple[str, int] | None:
        """Return whom a word of a text names and how much of it is the name, or None."""
        part = word.casefold()
        known, length = (part, len(word)) if part in self._names else self._declined(part)
        if not known:
            return None
        if word[0].lower() == word[0] != word[0].upper() and (known in _ALSO_WORDS or known in COMMON_WORDS):
            return None
        return self._likeliest(known, chat), length

    def _declined(self, part: str) -> tuple[str, int]:
        """Return the name that a word is with an ending, and how much of the word the name is.

        A Cyrillic ending belongs to the name; those that other languages put behind a name go on behind a pseudonym.
        """
        script = script_of(part)
        endings = _ENDINGS.get(script, frozenset())
        for length in range(1, 4):
            stem, ending = part[:-length], part[-length:]
            if len(stem) < _SHORTEST.get(script, 3) or ending not in endings:
                continue
            if stem in self._names:
                return stem, len(part) if script == "cyrillic" else len(stem)
            if stem in self._stems:
                return self._stems[stem], len(part)
        return "", 0

    def _likeliest(self, part: str, chat: str) -> str:
        """Return the bearer of a name: the chat's partner if it is theirs, else whoever comes first."""
        bearers = self._names[part]
        return chat if chat in bearers else bearers[0]

    def _mentioned(self, text: str, chat: str) -> str:
        """Return the pseudonym of whom a mention by name means."""
        if self._persona in self._people and text.casefold() in self._people[self._persona].name.casefold():
            return text
        for part in _parts(text):
            if part in self._names:
                return self.of(self._likeliest(part, chat))
        return self.of(f"called {text.casefold()}")

    def _username(self, name: str) -> str | None:
        """Return the pseudonym of a username; None for what seems to be the persona's own."""
        folded = name.casefold()
        if self._persona in self._people:
            if any(part in folded for part in _parts(self._people[self._persona].name)):
                return None
        return self.of(f"@{folded}").casefold()

    def _invent(self, person: str, script: str) -> str:
        """Make a name out of an id; the next one where another person has it already."""
        for attempt in range(1000):
            seed = f"{person}\0{attempt}".encode("utf-8", "replace")
            key = self._persona.encode("utf-8", "replace")[:64]
            number = int.from_bytes(blake2b(seed, digest_size=8, key=key).digest())
            name = _spell(number, script)
            if name not in self._taken:
                break
        self._taken.add(name)
        return name


def _spell(number: int, script: str) -> str:
    """Return a number as syllables of a script; of one we have no syllables for, as Latin ones."""
    if script == "hangul":
        initials, vowels = _HANGUL
        blocks = []
        for _ in range(SYLLABLES):
            number, initial = divmod(number, len(initials))
            number, vowel = divmod(number, len(vowels))
            place = _HANGUL_INITIALS.index(initials[initial]) * 21 + _HANGUL_VOWELS.index(vowels[vowel])
            blocks.append(chr(0xAC00 + place * 28))
        return "".join(blocks)
    consonants, sounds = _SYLLABLES.get(script, _SYLLABLES["latin"])
    letters = []
    for _ in range(SYLLABLES):
        number, consonant = divmod(number, len(consonants))
        number, sound = divmod(number, len(sounds))
        letters.append(consonants[consonant] + sounds[sound])
    return "".join(letters).capitalize()


def _parts(name: str) -> Iterable[str]:
    """Return the parts of a name that are looked for in texts; of a Korean full name also the given name."""
    for part in _WORD.findall(name.casefold()):
        script = script_of(part)
        if len(part) >= _SHORTEST.get(script, 3):
            yield part
            if script == "hangul" and len(part) == 3:
                yield part[1:]
