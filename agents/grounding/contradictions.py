"""Where a claim says otherwise than its quotes: a negation too many or too few, something put in another's place.

Code can only see this in claims that keep to the words of their quotes; of freer ones the engine is the judge.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from itertools import pairwise

from agents.language.sentences import split_sentences
from agents.language.stems import Vocabulary, Word

LEAST_SHARED = 0.7
"""Share of a claim's content words that must stand in a sentence of its quotes for the two to be compared."""
_SCOPE = 2
_REACH = 4
_LONGEST_SWAP = 3
_SHORTENED = re.compile(r"n['’]t\b")
_LIMITS = ("more", "less", "later", "longer", "fewer", "earlier", "greater", "only", "least", "sooner")
_LIMIT = re.compile(rf"\b(?:no|not) ({'|'.join(_LIMITS)})\b", re.IGNORECASE)
_NO_DENIAL = re.compile(r"\b[Nn]o(?:\. ?(?=\d)|, )")
_NEGATING_PREFIX = re.compile(r"(?:un|in|im|il|ir|non|dis|mis)(?=\w{3})")


def denies(claim: str, quoted: str) -> bool:
    """Whether a claim negates what the sentence of the quotes nearest to it says, or says what that negates."""
    vocabulary = Vocabulary.of(f"{quoted} {claim}")
    said = _words(claim, vocabulary)
    content = _content(said)
    near = [
        held
        for start, end in split_sentences(quoted)
        if len(content & _content(held := _words(quoted[start:end], vocabulary))) >= LEAST_SHARED * len(content) > 0
    ]
    return bool(near) and all(_opposed(said, held, vocabulary) for held in near)


def negates_alone(claim: str, quoted: str) -> bool:
    """Whether a claim negates something while its quotes, in the same language, negate nothing."""
    vocabulary = Vocabulary.of(quoted)
    if Vocabulary.of(claim).language is not vocabulary.language:
        return False
    said, held = _words(claim, vocabulary), _words(quoted, vocabulary)
    return _negations(said, vocabulary) > 0 == _negations(held, vocabulary)


def swaps(claim: str, quoted: str) -> Iterator[tuple[str, str, int]]:
    """Yield what stands in a claim in the place of other words of its quotes, and how many same words are around."""
    said, held = claim.split(), quoted.split()
    one, other = ([bare(word).casefold() for word in words] for words in (said, held))
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    begin = Match(0, max(0, blocks[0].b - blocks[0].a), 0)
    for before, after in pairwise([begin, *blocks]):
        inside, there = said[before.a + before.size : after.a], held[before.b + before.size : after.b]
        around = before.size + after.size
        if inside and there and max(len(inside), len(there)) <= _LONGEST_SWAP <= around:
            yield " ".join(inside), " ".join(there), around


def _opposed(said: Sequence[Word], held: Sequence[Word], vocabulary: Vocabulary) -> bool:
    if _content(said) == _content(held) and _negations(said, vocabulary) != _negations(held, vocabulary):
        return True
    one, other = _negated(said, vocabulary), _negated(held, vocabulary)
    if one & _affirmed(held, vocabulary) - other or other & _affirmed(said, vocabulary) - one:
        return True
    texts, others = ({word.text.lower() for word in words} for words in (said, held))
    return _opposite(texts - others, others - texts) or _opposite(others - texts, texts - others)


def _opposite(ones: set[str], others: set[str]) -> bool:
    """Whether one word is another with a negating prefix, or one limits ("no more") where the other does not."""
    limited = any(word in ones and f"not{word}" in others for word in _LIMITS)
    return limited or any(_unprefixed(word) in others for word in ones)


def _negated(words: Sequence[Word], vocabulary: Vocabulary) -> set[str]:
    """Return the stems that a negation stands before: the next content words."""
    found: set[str] = set()
    for index, word in enumerate(words):
        if _is_negation(word, vocabulary):
            behind = [other.stem for other in words[index + 1 :] if not other.function]
            found.update(behind[:_SCOPE])
    return found


def _affirmed(words: Sequence[Word], vocabulary: Vocabulary) -> set[str]:
    """Return the stems of content words that no negation stands near before."""
    return {
        word.stem
        for index, word in enumerate(words)
        if not word.function
        and not any(_is_negation(before, vocabulary) for before in words[max(0, index - _REACH) : index])
    }


def _words(text: str, vocabulary: Vocabulary) -> list[Word]:
    # "No more than 5" limits, "No. 5" counts and "no, it does" answers; none of them denies what follows.
    plain = _LIMIT.sub(r"not\1", _NO_DENIAL.sub("", _SHORTENED.sub(" not", text)))
    return vocabulary.words(plain)


def _content(words: Sequence[Word]) -> set[str]:
    return {word.stem for word in words if not word.function}


def _negations(words: Sequence[Word], vocabulary: Vocabulary) -> int:
    return sum(_is_negation(word, vocabulary) for word in words)


def _is_negation(word: Word, vocabulary: Vocabulary) -> bool:
    return word.text.lower() in vocabulary.language.negations


def _unprefixed(word: str) -> str | None:
    prefix = _NEGATING_PREFIX.match(word)
    return word[prefix.end() :] if prefix else None


def bare(word: str) -> str:
    """Return a word without the marks around it."""
    return word.strip("\"'“”‘’.,;:!?…()[]|*_")
