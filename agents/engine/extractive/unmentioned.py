"""Words of a question that a document never uses: without a language model, what it asks for may not be there."""

from collections.abc import Iterable

from agents.engine.extractive.synonyms import synonyms
from agents.engine.extractive.words import Vocabulary

_SHORTEST = 4
"""Letters of a word that is looked for; shorter ones stand inside of others."""


def unmentioned(question: str, texts: Iterable[str]) -> tuple[str, ...]:
    """Return the content words of a question that no text holds in any form or by a known synonym.

    A word counts as held wherever its stem stands, also inside of another word: what is returned is surely not there.
    """
    held = [text.casefold() for text in texts]

    def stands(stem: str) -> bool:
        return any(form in text for text in held for form in (stem, *synonyms().get(stem, frozenset[str]())))

    words = (word for word in Vocabulary.of(question).words(question) if not word.function and word.text.isalpha())
    missing = (word.text for word in words if len(word.text) >= _SHORTEST and not stands(word.stem))
    return tuple(dict.fromkeys(missing))
