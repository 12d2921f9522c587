"""What a question asks for: its words in the forms that this memory holds, the time it names, and whom it is about.

English is stemmed in the index itself. A word of another language is looked up among the words of the index: all that
have its stem are its forms. Which languages a question is in, its script and its small words tell.
"""

import math
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from memory.store.vocabulary import Vocabulary, is_form
from memory.text.stemmer import ARABIC, ENGLISH, FRENCH, GERMAN, RUSSIAN, SPANISH, TURKISH, UZBEK, stem
from memory.text.stop_words import FIRST_PERSON, SECOND_PERSON, STOP_WORDS_OF
from memory.text.time_expressions import RELATIVE_WORDS, Span, asks_when, spans_of
from memory.text.tokenize import content_words, split_words, without_particle

COMMON_SHARE = 0.2
"""A word in more than this share of all passages says little; the question is about its other words."""
COMMON_AT_LEAST = 30
"""In a small memory a word is common only from this many passages on."""
MOST_WORDS = 24
"""Words of a long message that are searched for, the rarest of them."""
NAME_WORTH = 0.3
"""What the name of somebody who writes counts of what another word as rare would."""
_LATIN = (SPANISH, UZBEK, TURKISH, GERMAN, FRENCH)
_SCRIPTS = ((RUSSIAN, re.compile("[\u0400-\u04ff]")), (ARABIC, re.compile("[\u0600-\u06ff]")))
_LATIN_LETTER = re.compile("[a-z]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a question: the index terms that are its forms, and how many passages hold one of them.

    `worth` is how much it tells when a passage holds it. Whoever writes is seldom called by name, so
    that a writer's name is rare; yet it says whose lines are meant rather than which.
    """

    forms: frozenset[str]
    passages: int
    worth: float
    is_name: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A question as memory understands it.

    `words` are the rarest first; the `telling` ones are rare enough to find anything on their own. `total` is how many
    passages there are, `spans` the times it names, `about` the stems of all its words, by language, which
    names are looked for in.
    """

    words: tuple[Word, ...]
    telling: tuple[Word, ...]
    total: int
    spans: tuple[Span, ...]
    for_time: bool
    has_content: bool
    spoken: tuple[str, ...]
    languages: tuple[str, ...]

    def names(self, name: str) -> bool:
        """Tell whether the question names somebody, by first or last name, in any case of it."""
        for part in split_words(name):
            stems = {part} | {stem(part, language) for language in self.languages}
            for word in self.spoken:
                if any(is_form(word, root) for root in stems):
                    return True
        return False

    @property
    def says_you(self) -> bool:
        """Whether it speaks to somebody of themselves."""
        return not SECOND_PERSON.isdisjoint(self.spoken)

    @property
    def says_me(self) -> bool:
        """Whether who asks speaks of themselves."""
        return not FIRST_PERSON.isdisjoint(self.spoken)


def ask(connection: sqlite3.Connection, query: str, now: int) -> Question:
    """Return what to search for; `now` is the moment that "last summer" is counted from."""
    total = int(connection.execute("SELECT count(*) FROM passage").fetchone()[0])
    spoken = [without_particle(word) for word in split_words(query)]
    languages = languages_of(spoken)
    content = content_words(query)
    spans = spans_of(split_words(query), now)
    vocabulary = Vocabulary(connection)
    words: dict[frozenset[str], Word] = {}
    for word in content[: 4 * MOST_WORDS]:
        if spans and (word in RELATIVE_WORDS or word.isdecimal()):
            continue  # it is searched for as a time
        forms = vocabulary.forms(word, languages)
        if forms:
            held, is_name = min(total, sum(forms.values())), vocabulary.is_name(word, languages)
            worth = idf(total, held) * (NAME_WORTH if is_name else 1.0)
            words[frozenset(forms)] = Word(frozenset(forms), held, worth, is_name)
    limit = max(COMMON_AT_LEAST, math.ceil(total * COMMON_SHARE))
    rarest = sorted(words.values(), key=lambda word: (word.is_name, word.passages))[:MOST_WORDS]
    telling = [word for word in rarest if word.passages <= limit]
    only_names = all(word.is_name for word in telling)
    telling = [word for word in telling if only_names or not word.is_name]
    return Question(
        tuple(rarest), tuple(telling), total, spans, asks_when(spoken), bool(content), tuple(spoken), languages
    )


def idf(total: int, passages: int) -> float:
    """Return how telling it is that a passage holds what so many of all passages hold."""
    return math.log(1.0 + (total - passages + 0.5) / (passages + 0.5))


def languages_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the languages that folded words may be in: those of their scripts, and by their small words."""
    found = [language for language, script in _SCRIPTS if any(script.match(word) for word in words)]
    if any(_LATIN_LETTER.match(word) for word in words):
        votes = {language: sum(word in STOP_WORDS_OF[language] for word in words) for language in (ENGLISH, *_LATIN)}
        most = max(votes.values())
        found += [language for language, count in votes.items() if count == most]
    return tuple(found)
