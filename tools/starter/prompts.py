"""Prompts whose sampled replies go into the model card."""

from tools.starter.corpus import Sample

FACTS = ("I live in Tashkent.", "I have two cats.", "I play the drums.", "I work as a nurse.")
CAT = "2023-05-08 Theo: did you feed the cat\n2023-05-08 Mira: twice!! he is a liar"
MOVIE = "2023-05-08 Mira: I saw the new Star Wars movie yesterday, it was amazing"


def prompt(*turns: str, facts: tuple[str, ...] = (), memory: str = "", has_system: bool = True) -> Sample:
    """Return a chat of Theo with Mira, the clone, in which Theo writes first and last."""
    speakers = tuple((i % 2, turn) for i, turn in enumerate(turns))
    return Sample(("Theo", "Mira"), 1, ((), facts), speakers, has_system, memory)


PROMPTS: tuple[tuple[str, Sample], ...] = (
    ("facts", prompt("Hi! What do you do for a living?", facts=FACTS)),
    ("facts", prompt("do you have any pets?", facts=FACTS)),
    ("facts", prompt("hey, where do you live?", facts=FACTS)),
    ("facts", prompt("Hello, how are you?", "I'm good, thanks.", "Great. What are your hobbies?", facts=FACTS)),
    ("memory", prompt("what did you say about the cat?", memory=CAT)),
    ("memory", prompt("hey", "hi! what's up?", "have you seen any good movies lately?", memory=MOVIE)),
    ("turns", prompt("Did you watch the game?", "Yes, it was great.", "Who will win the Super Bowl?")),
    ("turns", prompt("what music do you like", "mostly rock and some pop", "who's your favorite?")),
    ("no system turn", prompt("have you ever seen harry potter?", has_system=False)),
    ("no system turn", prompt("haha ok\nso what are you doing this weekend", has_system=False)),
)
