"""The pace at which bubbles arrive: a person sends one, writes the next, sends that."""

LONGEST_SECONDS = 2.0
"""No bubble is waited for longer."""
PAUSE_SECONDS = 0.35
"""What lies between two bubbles however short the second is."""
SECONDS_A_CHARACTER = 0.03
"""Somewhat faster than people type on a telephone, 38 words a minute (Palin et al. 2019): nobody likes to wait."""


def delay(line: str) -> float:
    """Return how many seconds a bubble comes after the one before it."""
    return min(LONGEST_SECONDS, PAUSE_SECONDS + SECONDS_A_CHARACTER * len(line))
