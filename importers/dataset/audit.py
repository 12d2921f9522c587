"""A data set's faults, found before it is trained on: what would break the training, and what would teach nonsense.

Each fault of a row is counted under its kind, with the first rows that have it. Which kinds are worse than others is
told by `BREAKING`; the others are questions to a person, since chats repeat themselves and mix languages on purpose.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from importers.dataset.instruction_sets import Pair, Wrong
from importers.message import Message
from importers.privacy.redaction import Redactor
from importers.text.language_id import Languages, script_of
from importers.text.segmentation import beginning, words

KINDS = {
    "unreadable": "a line that is not JSON",
    "shape": "a row in no known form",
    "type": "a field that is not text",
    "roles": "turns out of order, or nobody replies",
    "empty_prompt": "a reply to nothing",
    "empty_reply": "nothing to learn",
    "duplicate": "the same prompt and reply again",
    "contradiction": "the same prompt, another reply",
    "echo": "a reply that repeats its prompt",
    "loop": "a reply that repeats itself",
    "truncated": "a reply that ends in the middle",
    "mixed_word": "letters of two alphabets in one word",
    "other_script": "a reply in another alphabet than its prompt and the data set",
    "personal": "personal data that is not replaced",
}
"""Kinds of faults, worst first, and what they are."""
BREAKING = frozenset({"unreadable", "shape", "type", "roles", "empty_prompt", "empty_reply"})
"""Kinds that the training stumbles over."""

ROWS, EXAMPLES = 10, 3
"""Rows named and shown for each kind."""
LONG_WORDS = 8
"""A reply of that many words can be seen to end in the middle, and a prompt of half as many to be the same one."""
ENDING_SHARE = 0.8
"""The share of long replies that end as sentences do, from which on one that does not was cut."""
ECHO = 0.8
LONGEST_LOOP, LOOPS = 24, 3
"""A reply repeats itself when up to that many words stand that often in a row, and are `LONG_WORDS` together."""
SAME_LENGTH, SAME_LENGTH_SHARE = 200, 0.01
"""Replies of at least that many characters that are all of the greatest length were cut there, if so many are."""

_ENDS = re.compile("[.!?…。！？؟।:)\\]}»”\"'`*~^☀-➿\U0001f000-\U0001fffd\ufe0f]\\s*$")
_BREAKS_OFF = re.compile(r"[,;(\[{«“-]\s*$")
_WORD_SCRIPTS = (("latin", "cyrillic"), ("latin", "greek"))


@dataclass
class Fault:
    """One kind of fault: how often, in which rows, and what the first of them look like."""

    count: int = 0
    rows: list[int] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def add(self, row: int, example: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.rows) < ROWS and row not in self.rows:
            self.rows.append(row)
        if len(self.examples) < EXAMPLES:
            self.examples.append(beginning(" ".join(example.split()), 16))


@dataclass
class Audit:
    """What was found in a data set."""

    rows: int = 0
    pairs: int = 0
    faults: dict[str, Fault] = field(default_factory=dict)
    languages: dict[str, float] = field(default_factory=dict)

    @property
    def broken(self) -> int:
        """How many faults the training would stumble over."""
        return sum(fault.count for kind, fault in self.faults.items() if kind in BREAKING)

    def to_dict(self) -> dict[str, Any]:
        """Return the audit as JSON has it."""
        return {
            "rows": self.rows,
            "pairs": self.pairs,
            "broken": self.broken,
            "faults": {
                kind: {"count": fault.count, "rows": fault.rows, "examples": fault.examples, "what": KINDS[kind]}
                for kind, fault in self.faults.items()
            },
            "languages": self.languages,
        }


def audit(found: Iterable[Pair | Wrong]) -> Audit:
    """Look at every row of a data set and at all of them together."""
    pairs: list[Pair] = []
    faults: dict[str, Fault] = defaultdict(Fault)
    rows: set[int] = set()
    for each in found:
        rows.add(each.row)
        if isinstance(each, Wrong):
            faults[each.kind].add(each.row, each.what)
        else:
            pairs.append(each)
    languages = Languages()
    script = _main_script(pair.reply for pair in pairs)
    ending = _usual_ending(pairs)
    for pair in pairs:
        said = words(pair.reply.casefold())
        languages.add(pair.reply)
        for kind in _single_faults(pair, said, script, ending):
            faults[kind].add(pair.row, pair.reply or pair.prompt)
    _repeated(pairs, faults)
    ordered = {kind: faults[kind] for kind in KINDS if kind in faults}
    return Audit(len(rows), len(pairs), ordered, languages.shares())


def _single_faults(pair: Pair, said: list[str], script: str, ending: "_Ending") -> list[str]:
    """Return the kinds of faults that a pair has by itself."""
    if not pair.reply:
        return ["empty_reply"]
    asked = words(pair.prompt.casefold())
    checks = {
        "empty_prompt": not pair.prompt,
        "echo": _echoes(pair, asked, said),
        "loop": _loops(said),
        "truncated": ending.is_cut(pair.reply, said),
        "mixed_word": any(map(_is_mixed, said)),
        "other_script": _is_foreign(asked, said, script),
        "personal": _is_personal(pair.reply),
    }
    return [kind for kind, applies in checks.items() if applies]


def _echoes(pair: Pair, asked: list[str], said: list[str]) -> bool:
    if len(asked) < LONG_WORDS // 2:
        return False
    if pair.reply.casefold().startswith(pair.prompt.casefold()):
        return True
    one, other = set(asked), set(said)
    return len(one & other) >= ECHO * len(one | other)


def _loops(said: list[str]) -> bool:
    for period in range(1, min(LONGEST_LOOP, len(said) // LOOPS) + 1):
        run = 0
        for word, earlier in zip(said[period:], said, strict=False):
            run = run + 1 if word == earlier else 0
            if run + period >= max(LOOPS * period, LONG_WORDS):
                return True
    return False


@dataclass(frozen=True)
class _Ending:
    """How long replies of this data set end."""

    as_sentences: bool
    length: int
    """Characters at which many replies were cut, or 0."""

    def is_cut(self, reply: str, said: list[str]) -> bool:
        if self.length and len(reply) == self.length:
            return True
        if len(said) < LONG_WORDS:
            return False
        if reply.count("```") % 2 or _BREAKS_OFF.search(reply):
            return True
        return self.as_sentences and not _ENDS.search(reply)


def _usual_ending(pairs: list[Pair]) -> _Ending:
    long = [pair.reply for pair in pairs if len(words(pair.reply)) >= LONG_WORDS]
    ended = sum(_ENDS.search(reply) is not None for reply in long)
    lengths = Counter(len(pair.reply) for pair in pairs)
    longest = max(lengths, default=0)
    piled = longest >= SAME_LENGTH and lengths[longest] >= max(3, SAME_LENGTH_SHARE * len(pairs))
    return _Ending(len(long) >= 10 and ended >= ENDING_SHARE * len(long), longest if piled else 0)


def _is_mixed(word: str) -> bool:
    """Tell whether a word has letters of two alphabets that look alike."""
    if word.isascii():
        return False
    scripts = {script_of(letter) for letter in word}
    return any(scripts >= set(pair) for pair in _WORD_SCRIPTS)


def _is_foreign(asked: list[str], said: list[str], script: str) -> bool:
    """Tell whether a reply is in another script than its prompt, which is in that of the data set."""
    if len(said) < LONG_WORDS // 2 or not asked:
        return False
    own = _main_script([" ".join(said)])
    return own != script and _main_script([" ".join(asked)]) == script


def _main_script(texts: Iterable[str]) -> str:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(map(script_of, words(text.casefold())))
    del counts[""]
    found = counts.most_common(1)
    return found[0][0] if found else ""


def _is_personal(text: str) -> bool:
    redactor = Redactor()
    redactor.find(Message("", 0, 0, "", text))
    return bool(redactor.counts.keys() - {"link"})


def _repeated(pairs: list[Pair], faults: dict[str, Fault]) -> None:
    """Count pairs that stand in the data set before, and prompts that are answered in another way there."""
    replies: dict[str, set[str]] = {}
    for pair in pairs:
        if not pair.reply or not pair.prompt:
            continue
        context, reply = _folded(pair.context), _folded(pair.reply)
        known = replies.setdefault(context, set())
        if reply in known:
            faults["duplicate"].add(pair.row, pair.reply)
        elif known and len(words(pair.prompt)) >= LONG_WORDS // 2:
            faults["contradiction"].add(pair.row, f"{pair.prompt} → {pair.reply}")
        known.add(reply)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
