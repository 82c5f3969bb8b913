"""Verdict and Revise: whether quotes say what a claim says, judged by words, numbers, names and negations."""

import re
from collections.abc import Sequence

from agents.engine.extractive.facts import find_facts
from agents.engine.extractive.patterns import word_set
from agents.engine.extractive.statements import clean
from agents.engine.extractive.synonyms import stands_for
from agents.engine.extractive.words import Vocabulary
from agents.engine.tasks.answering import ClaimToJudge, Revise, ReviseResult, Support, Verdict, VerdictResult
from agents.sentences import split_sentences

_SUPPORTED, _PARTLY = 0.8, 0.5
_LONGEST_CLAIM = 400
_LOOKED_AT = 8_000
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


def verdict(task: Verdict) -> VerdictResult:
    """Judge every claim by its own quotes."""
    return VerdictResult(verdicts=tuple(_judge(claim) for claim in task.claims))


def revise(task: Revise) -> ReviseResult:
    """Return the sentence of the quotes that is nearest to the claim, in the document's own words."""
    sentences = [sentence for quote in task.claim.quotes for sentence in _sentences(quote)]
    if not sentences:
        return ReviseResult(text=task.claim.text)
    vocabulary = Vocabulary.of(" ".join(sentences)[:_LOOKED_AT])
    claim = set(vocabulary.terms(task.claim.text[:_LOOKED_AT]))
    best = max(sentences, key=lambda sentence: len(claim & set(vocabulary.terms(sentence))))
    return ReviseResult(text=_cut_at_word(best, _LONGEST_CLAIM))


def _judge(claim: ClaimToJudge) -> Support:
    quoted = " ".join(quote[:_LOOKED_AT] for quote in claim.quotes)
    text = claim.text[:_LOOKED_AT]
    vocabulary = Vocabulary.of(f"{quoted} {text}")
    wanted, given = vocabulary.terms(clean(text)), frozenset(vocabulary.terms(quoted))
    if not wanted or not given:
        return "not"
    if _numbers(text, vocabulary) - _numbers(quoted, vocabulary) or _contradicts(text, claim.quotes, vocabulary):
        return "not"
    share = sum(_is_given(term, given) for term in wanted) / len(wanted)
    if _names(text, vocabulary) - given:
        share = min(share, _SUPPORTED - 0.01)
    return "supported" if share >= _SUPPORTED else "partly" if share >= _PARTLY else "not"


def _is_given(term: str, given: frozenset[str]) -> float:
    if term in given:
        return 1.0
    return 0.8 if any(stands_for(term, other) for other in given) else 0.0


def _numbers(text: str, vocabulary: Vocabulary) -> set[str]:
    """Return the values of a text's numbers and its labels such as B2; a count written as a word is the same."""
    return {word.stem for word in vocabulary.words(text) if any(letter.isdigit() for letter in word.stem)}


def _names(text: str, vocabulary: Vocabulary) -> set[str]:
    facts = find_facts(text, vocabulary.language)
    return {stem for fact in facts if fact.kind == "name" for stem in vocabulary.terms(fact.text)}


def _contradicts(text: str, quotes: Sequence[str], vocabulary: Vocabulary) -> bool:
    """Whether the quoted sentence or clause nearest to a claim denies it, or says the opposite."""
    claim = {word.stem for word in vocabulary.words(text)}
    nearest, quoted, likeness = "", set[str](), -1.0
    for piece in _clauses(quotes):
        stems = {word.stem for word in vocabulary.words(piece)}
        alike = len(claim & stems) / (len(claim) + len(stems) or 1)
        if alike > likeness:
            nearest, quoted, likeness = piece, stems, alike
    if _negated(text, vocabulary) != _negated(nearest, vocabulary):
        return True
    return any(_opposed(claim, quoted, one, two) or _opposed(claim, quoted, two, one) for one, two in _OPPOSITES)


def _opposed(claim: set[str], quoted: set[str], one: frozenset[str], two: frozenset[str]) -> bool:
    return bool(claim & one and quoted & two) and not (claim & two or quoted & one)


def _negated(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a sentence denies: an odd number of negations, "no more than" and the like left out."""
    plain = re.sub(
        r"\b(?:no|not) (?:more|less|later|longer|fewer|earlier|greater|only|least)\b", "", text, flags=re.IGNORECASE
    )
    return sum(word.text.lower() in vocabulary.language.negations for word in vocabulary.words(plain)) % 2 == 1


def _sentences(text: str) -> list[str]:
    return [clean(text[start:end]) for start, end in split_sentences(text[:_LOOKED_AT])]


def _clauses(quotes: Sequence[str]) -> list[str]:
    """Return every sentence of the quotes, and every clause of each."""
    sentences = [sentence for quote in quotes for sentence in _sentences(quote)]
    return sentences + [clause for sentence in sentences for clause in _CLAUSE.split(sentence) if clause.strip()]


def _cut_at_word(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length + 1].rsplit(" ", 1)[0][:length]
