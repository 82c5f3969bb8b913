"""Word lists and patterns written one line at a time."""

import re


def any_of(lines: str) -> str:
    """Return a pattern that matches any of the patterns that stand on lines of their own."""
    return "(?:" + "|".join(line.strip() for line in lines.strip().splitlines()) + ")"


def phrase(lines: str) -> re.Pattern[str]:
    """Return a pattern that finds any of the lines as whole words, in small letters or capitals."""
    return re.compile(rf"\b{any_of(lines)}\b", re.IGNORECASE)


def word_set(words: str) -> frozenset[str]:
    """Return the words of a text that lists them."""
    return frozenset(words.split())


def labelled(lines: str) -> list[tuple[str, str]]:
    """Return the label and the pattern of each line: "date [a-z]+" gives ("date", "[a-z]+")."""
    pairs = [line.split(maxsplit=1) for line in lines.strip().splitlines()]
    return [(label, pattern) for label, pattern in pairs]
