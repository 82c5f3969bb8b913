"""Words of a question that a document never uses: without a language model, what it asks for may not be there."""

import re
from collections.abc import Sequence

from agents.engine.extractive.synonyms import synonyms
from agents.language.stems import Vocabulary, Word

_ASKING = re.compile(
    r"\b(?:how|wie|hoe)\s+(?:long|high|large|many|much|often|old|far|fast|deep|heavy|soon|lange?|hoch|groß|viel\w*|oft|alt|"
    r"weit|schnell|tief|schwer|veel|vaak|oud)\b|\b(?:hello|thanks?|please|help|tell|know|find|bitte|danke|hallo)\b",
    re.IGNORECASE,
)
"""What only asks: no document need hold it."""
_SHORTEST = 4
"""Letters of a word that is looked for; shorter ones stand inside of others."""
_MOST_READ = 2_000_000
"""Characters of text whose words are compared, in a second; of longer texts nothing is said."""


def unmentioned(question: str, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the content words of a question that no text holds in any form, nor a known synonym of them.

    A word counts as held wherever it stands, also inside of another word: what is returned is surely not there.
    """
    question = _ASKING.sub(" ", question)
    held = [text.casefold() for text in texts]
    words = {
        word.text: word
        for word in Vocabulary.of(question).words(question)
        if not word.function and word.text.isalpha() and len(word.text) >= _SHORTEST
    }
    missing = [word for word in words.values() if not any(form in text for text in held for form in _forms(word))]
    if not missing or sum(map(len, texts)) > _MOST_READ:
        return ()
    # "Hold" stands nowhere in "held", and means the same.
    stems = {word.stem for text in texts for word in Vocabulary.of(text).words(text)}
    return tuple(word.text for word in missing if stems.isdisjoint(_forms(word)))


def _forms(word: Word) -> tuple[str, ...]:
    return word.text.casefold(), word.stem, *synonyms().get(word.stem, frozenset[str]())
