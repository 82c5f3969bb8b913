"""Changing one thing in a sentence: what a model that lies, or slips, would write."""

import random
import re
from collections.abc import Callable
from pathlib import Path

from agents.language.sentences import split_sentences

Change = Callable[[str, random.Random], str | None]
HANDBOOK = (Path(__file__).parents[2] / "examples" / "station-handbook.md").read_text()


def sentences(text: str) -> list[str]:
    return [found for start, end in split_sentences(text) if 5 <= len((found := text[start:end]).split()) <= 60]


NAMES = sorted(
    {name for sentence in sentences(HANDBOOK) for name in re.findall(r"(?<=[a-z] )[A-Z][a-z]{3,}", sentence)}
)


def change_digit(sentence: str, chance: random.Random) -> str | None:
    places = [place for place, letter in enumerate(sentence) if letter in "0123456789"]
    if not places:
        return None
    place = chance.choice(places)
    other = chance.choice([digit for digit in "123456789" if digit != sentence[place]])
    return sentence[:place] + other + sentence[place + 1 :]


def change_negation(sentence: str, chance: random.Random) -> str | None:
    """Take a negation out, or put one in."""
    if denied := re.search(r"\b(?:not|never|cannot|without|[Nn]obody)\b", sentence):
        affirmed = {"cannot": "can", "without": "with", "Nobody": "Anybody", "nobody": "anybody"}.get(denied[0], "")
        return " ".join((sentence[: denied.start()] + affirmed + sentence[denied.end() :]).split())
    verbs = list(re.finditer(r"\b(?:is|are|shall|may|must|was|were|will|can|has)\b", sentence))
    if not verbs:
        return None
    end = chance.choice(verbs).end()
    return f"{sentence[:end]} {chance.choice(['not', 'never'])}{sentence[end:]}"


def change_name(sentence: str, chance: random.Random) -> str | None:
    held = [found for found in re.finditer(r"\b[A-Z][a-z]{3,}\b", sentence) if found[0] in NAMES]
    if not held:
        return None
    name = chance.choice(held)
    other = chance.choice([other for other in NAMES if other.casefold() not in sentence.casefold()])
    return sentence[: name.start()] + other + sentence[name.end() :]


def change_word(sentence: str, chance: random.Random) -> str:
    words = sentence.split(" ")
    words[chance.randrange(len(words))] = chance.choice(["banana", "quickly", "seldom", "the", "purple", "Wednesday"])
    return " ".join(words)


LIES = {"digit": change_digit, "negation": change_negation, "name": change_name}
