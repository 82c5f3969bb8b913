"""Verdict and Revise: whether quotes say what a claim says.

A sentence is supported where the quotes hold most of its words, all of its numbers and names, and nothing near it that
denies it or says the opposite. `Particulars` asks the same of two sentences one of which is to stand for both.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.engine.extractive.facts import find_facts
from agents.engine.extractive.matching import stands_for
from agents.engine.extractive.statements import clean, shortened
from agents.engine.tasks.answering import ClaimToJudge, Revise, ReviseResult, Verdict, VerdictResult
from agents.language.lexicon import LIMIT, word_set
from agents.language.numbers import NUMBER_WORDS, NUMERALS
from agents.language.sentences import split_sentences
from agents.language.stems import Vocabulary
from agents.language.unspaced import join_lines
from agents.schema import WEAKEST_FIRST, Support

# Those with a value equal the number in digits. A word that another language reads otherwise only keeps apart.
_NUMERALS_WITHOUT_VALUE = NUMERALS - NUMBER_WORDS.keys()

_SUPPORTED, _PARTLY = 0.8, 0.5
_SYNONYM = 0.8
_MAX_CHARS, _MAX_CLAIM_CHARS, _MAX_REVISED_CHARS = 4_000, 2_000, 400


def verdict(task: Verdict) -> VerdictResult:
    """Judge every claim by its own quotes; a claim is supported as well as its weakest sentence."""
    return VerdictResult(verdicts=tuple(_judge(claim) for claim in task.claims))


def revise(task: Revise) -> ReviseResult:
    """Return the sentence of the quotes that shares most words with the claim, in the document's own words."""
    sentences = [sentence for quote in task.claim.quotes for sentence in _sentences(quote)]
    if not sentences:
        return ReviseResult(text=task.claim.text)
    vocabulary = Vocabulary.of(" ".join(sentences)[:_MAX_CHARS])
    claim = set(vocabulary.terms(task.claim.text[:_MAX_CHARS]))
    best = max(sentences, key=lambda sentence: len(claim & set(vocabulary.terms(sentence))))
    return ReviseResult(text=shortened(best, _MAX_REVISED_CHARS))


def _judge(claim: ClaimToJudge) -> Support:
    quotes = tuple(quote[:_MAX_CHARS] for quote in claim.quotes)
    text = claim.text[:_MAX_CLAIM_CHARS]
    quoted = QuotedText(quotes, Vocabulary.of(f"{' '.join(quotes)} {text}"))
    judged: list[Support] = [quoted.supports(sentence) for sentence in _sentences(text)]
    return min(judged, key=WEAKEST_FIRST.index) if judged else "not"


def _sentences(text: str) -> list[str]:
    return [clean(text[start:end]) for start, end in split_sentences(text[:_MAX_CHARS])]


_LABEL = re.compile(r"^(?:[^:.;]|\.(?=\S)){1,240}:\s+(?=\S+\s+\S+\s+\S+)")
_CLAUSE = re.compile(
    r"[,;:]\s|\b(?:and|but|whereas|while|although|und|aber|et|mais|y|pero|e|ma|en|maar)\b", re.IGNORECASE
)
_OPPOSITES = tuple(
    (word_set(one), word_set(other))
    for one, other in (
        (
            "more above over higher larger longer greater maximum most exceed later after rise increase grow",
            "less below under lower smaller shorter fewer minimum least earlier before fall decrease decline",
        ),
        ("always every all", "never none nobody nothing"),
        ("allow permit may can", "forbid prohibit ban"),
        ("open start begin accept approve win include", "close stop end reject refuse lose exclude"),
    )
)


class QuotedText:
    """What the quotes of one claim say."""

    def __init__(self, quotes: Sequence[str], vocabulary: Vocabulary) -> None:
        text = " ".join(map(join_lines, quotes))
        sentences = [sentence for quote in quotes for sentence in _sentences(quote)]
        clauses = [clause for sentence in sentences for clause in _CLAUSE.split(sentence) if clause.strip()]
        self._vocabulary = vocabulary
        self._stems = frozenset(vocabulary.terms(text))
        self._numbers = numbers(text, vocabulary)
        self._pieces = {piece: self._all_stems(piece) for piece in [*sentences, *clauses]}

    def supports(self, sentence: str) -> Support:
        """Judge one sentence of the claim."""
        # A label before a colon, such as a document's title, is no part of what is said.
        text = _LABEL.sub("", sentence)
        terms = self._vocabulary.terms(text)
        if not terms or not self._stems:
            return "not"
        if numbers(text, self._vocabulary) - self._numbers or self._contradicts(text):
            return "not"
        held = [
            1.0 if term in self._stems else _SYNONYM * any(stands_for(term, stem) for stem in self._stems)
            for term in terms
        ]
        share = sum(held) / len(terms)
        facts = find_facts(text, self._vocabulary.language)
        names = {stem for fact in facts if fact.kind == "name" for stem in self._vocabulary.terms(fact.text)}
        if names - self._stems:
            share = min(share, _SUPPORTED - 0.01)
        return "supported" if share >= _SUPPORTED else "partly" if share >= _PARTLY else "not"

    def _contradicts(self, text: str) -> bool:
        """Whether the quoted sentence or clause nearest to a text denies it, or says the opposite."""
        claim = self._all_stems(text)
        if not self._pieces:
            return False
        nearest, said = max(
            self._pieces.items(), key=lambda piece: len(claim & piece[1]) / (len(claim) + len(piece[1]) or 1)
        )
        if negated(text, self._vocabulary) != negated(nearest, self._vocabulary):
            return True
        return any(
            claim & ours and said & theirs and not (claim & theirs or said & ours)
            for one, other in _OPPOSITES
            for ours, theirs in ((one, other), (other, one))
        )

    def _all_stems(self, text: str) -> frozenset[str]:
        return frozenset(word.stem for word in self._vocabulary.words(text))


def numbers(text: str, vocabulary: Vocabulary) -> set[str]:
    """Return the values of a text's numbers and its labels such as B2; a count written as a word is the same."""
    return {word.stem for word in vocabulary.words(text) if any(letter.isdigit() for letter in word.stem)}


def negated(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a sentence denies: an odd number of negations, "no more than" and the like left out."""
    return sum(word.negation for word in vocabulary.words(LIMIT.sub("", text))) % 2 == 1


@dataclass(frozen=True)
class Particulars:
    """What two sentences must have in common for one to stand for both."""

    figures: frozenset[str]
    named: frozenset[str]
    """The stems of its names and dates."""
    stems: frozenset[str]
    denied: bool

    @classmethod
    def of(cls, text: str, vocabulary: Vocabulary) -> "Particulars":
        """Return the particulars of a sentence."""
        words = vocabulary.words(text)
        found = [fact for fact in find_facts(text, vocabulary.language) if fact.kind in ("name", "date")]
        named = {
            word.stem
            for word in words
            if not word.function and any(fact.start <= word.start and word.end <= fact.end for fact in found)
        }
        # The word that opens a sentence may be a name as well. In German every noun has a capital, which tells nothing.
        if words and words[0].text[0].isupper() and not words[0].function and vocabulary.language.name != "German":
            named.add(words[0].stem)
        spelled = {word.text.lower() for word in words} & _NUMERALS_WITHOUT_VALUE
        stems = frozenset(word.stem for word in words)
        return cls(frozenset(numbers(text, vocabulary) | spelled), frozenset(named), stems, negated(text, vocabulary))

    def agree(self, other: "Particulars") -> bool:
        """Whether neither sentence holds a figure, a date, a name or a negation that the other lacks."""
        if self.figures != other.figures or self.denied != other.denied:
            return False
        return self.named <= other.stems and other.named <= self.stems
