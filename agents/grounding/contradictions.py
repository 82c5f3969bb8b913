"""Where a claim says otherwise than its quotes: a negation too many or too few, something put in another's place.

Code can only see this in claims that keep to the words of their quotes; of freer ones the engine is the judge.
"""

import re
from collections.abc import Iterator
from difflib import Match, SequenceMatcher
from itertools import islice, pairwise

from agents.grounding.normalization import bare_words
from agents.language.lexicon import NEGATIONS, every
from agents.language.sentences import split_sentences
from agents.language.stems import Vocabulary
from agents.language.unspaced import pieces

MIN_SHARED_WORDS = 0.7
"""Share of a claim's content words that must stand in a sentence of its quotes for the two to be compared."""
_SCOPE = 2
"""Content words that a negation before them negates."""
_REACH = 4
"""Words behind a negation that do not count as affirmed."""
_MAX_SWAPPED_WORDS = 3
_LIMIT = re.compile(rf"(?:\b(?:{'|'.join(sorted(NEGATIONS))})|n['’]t) ({every('limits')})\b", re.IGNORECASE)
"""What looks like a negation and sets a limit: "no more than 5"."""
_NEGATING_PREFIX = re.compile(r"(?:un|in|im|il|ir|non|dis|mis|de|anti)(?=\w{3})|不(?=\w)")
_NO_DENIAL = re.compile(r"\b[Nn]o(?:\. ?(?=\d)|, )")


def denies(claim: str, quoted: str) -> bool:
    """Whether a claim negates what the sentence of the quotes nearest to it says, or says what that negates."""
    said, near = _nearest(claim, quoted)
    return bool(near) and all(said.opposes(held) for _, held in near)


def nearest_sentences(claim: str, quoted: str) -> list[str]:
    """Return the sentences of the quotes that share so many of a claim's words that the two can be compared."""
    return [sentence for sentence, _ in _nearest(claim, quoted)[1]]


def _nearest(claim: str, quoted: str) -> tuple["_Words", list[tuple[str, "_Words"]]]:
    """Return the words of a claim, and the sentences of the quotes nearest to it with theirs."""
    vocabulary = Vocabulary.of(f"{quoted} {claim}")
    said = _Words(claim, vocabulary)
    held = [(sentence, _Words(sentence, vocabulary)) for sentence in (quoted[a:b] for a, b in split_sentences(quoted))]
    least = MIN_SHARED_WORDS * len(said.content)
    return said, [(sentence, words) for sentence, words in held if len(said.content & words.content) >= least > 0]


def negates_alone(claim: str, quoted: str) -> bool:
    """Whether a claim negates something while its quotes, in the same language, negate nothing."""
    vocabulary = Vocabulary.of(quoted)
    if Vocabulary.of(claim).language is not vocabulary.language:
        return False
    return _Words(claim, vocabulary).negations > 0 == _Words(quoted, vocabulary).negations


def swaps(claim: str, quoted: str) -> Iterator[tuple[str, str, int]]:
    """Yield what stands in a claim in the place of other words of its quotes, and how many same words are around."""
    said, held = ([piece.group() for piece in pieces(text)] for text in (claim, quoted))
    blocks = SequenceMatcher(None, bare_words(said), bare_words(held), autojunk=False).get_matching_blocks()
    begin = Match(0, max(0, blocks[0].b - blocks[0].a), 0)
    for before, after in pairwise([begin, *blocks]):
        inside, there = said[before.a + before.size : after.a], held[before.b + before.size : after.b]
        around = before.size + after.size
        if inside and there and max(len(inside), len(there)) <= _MAX_SWAPPED_WORDS <= around:
            yield " ".join(inside), " ".join(there), around


class _Words:
    """The words of a claim or of a sentence, by what they affirm and what they negate."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        # "No more than 5" limits, "No. 5" counts and "no, it does" answers; none of them denies what follows.
        words = vocabulary.words(_LIMIT.sub(r" not\1", _NO_DENIAL.sub("", text)))
        self.texts = {word.text.lower() for word in words}
        self.content = {word.stem for word in words if not word.function}
        self.negations = sum(word.negation for word in words)
        if vocabulary.language.negates_before:
            words.reverse()
        self.negated = {
            stem
            for index, word in enumerate(words)
            if word.negation
            for stem in islice((behind.stem for behind in words[index + 1 :] if not behind.function), _SCOPE)
        }
        self.affirmed = {
            word.stem
            for index, word in enumerate(words)
            if not word.function and not any(before.negation for before in words[max(0, index - _REACH) : index])
        }

    def opposes(self, other: "_Words") -> bool:
        """Whether one of the two negates what the other affirms."""
        if self.content == other.content and self.negations != other.negations:
            return True
        if self.negated & other.affirmed - other.negated or other.negated & self.affirmed - self.negated:
            return True
        ours, theirs = self.texts - other.texts, other.texts - self.texts
        return _opposite_words(ours, theirs) or _opposite_words(theirs, ours)


def _opposite_words(ones: set[str], others: set[str]) -> bool:
    """Whether one word is another with a negating prefix, or one limits ("no more") where the other does not."""
    return any(
        without_negating_prefix(word) in others or (f"not{word}" in others and _LIMIT.fullmatch(f"not {word}"))
        for word in ones
    )


def without_negating_prefix(word: str) -> str | None:
    """Return the rest of a word in lower case that begins like a negated one ("able" of "unable"), else None."""
    prefix = _NEGATING_PREFIX.match(word)
    return word[prefix.end() :] if prefix else None
