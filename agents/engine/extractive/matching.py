"""How well each statement of the evidence answers a question."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.engine.extractive.answers import holds_answer, sets_bound
from agents.engine.extractive.questions import Question, QuestionTerm
from agents.engine.extractive.statements import PARTIES, Statement
from agents.engine.extractive.synonyms import matching_stems
from agents.language.stems import Vocabulary

# What a question's word is worth where it stands beside the statement instead of in it.
_ANTECEDENT, _SECTION, _LEAD, _NEIGHBOUR, _PASSAGE = 0.7, 0.75, 0.7, 0.4, 0.2
# What else counts, beside the share of the question's words (1.0).
_ANSWER, _BOUND, _CLOSENESS, _WHOLE_PASSAGE, _RANK, _LENGTH = 0.35, 0.15, 0.12, 0.15, 0.012, 0.05
# What gives somebody the name that is asked for says who that is, whatever else speaks of them.
_INTRODUCES = 1.0
_LOOKED_AT = 400
_NEARLY, _HELD = 0.6, 0.4

_OPENING = 40
ANAPHOR = re.compile(
    r"\b(?:[Ii]ts?|[Tt]his|[Tt]hese|[Tt]hose|[Tt]hey|[Tt]heir|[Tt]hem|[Hh]e|[Ss]he|[Hh]is|[Hh]er|[Hh]im|[Ss]uch|[Bb]oth|"
    r"That|Neither|Either|Otherwise|Therefore|Sie|Er|Es|Dies\w*|Ils?|Elles?|Cela|Est[eoa]|Quest[oa]|Dit|Deze)\b"
)


@dataclass(frozen=True, slots=True)
class Scored:
    """A statement and how well it answers."""

    index: int
    score: float
    coverage: float
    """Share of the question's weight that stands in the statement or, counted for less, around it."""
    answer: float
    """How surely it holds the kind of answer that is wanted, 0 to 1."""


class Evidence:
    """The statements found for a question, and how much each of its words tells among them."""

    def __init__(self, statements: Sequence[Statement], question: Question, vocabulary: Vocabulary) -> None:
        self.statements = statements
        self.question = question
        self.vocabulary = vocabulary
        counts: Counter[str] = Counter(stem for statement in statements for stem in statement.stems)
        above = {_above(statement) for statement in statements}
        self._sections = {text: frozenset(vocabulary.terms(text)) for text in above}
        known = counts.keys() | {stem for stems in self._sections.values() for stem in stems}
        self._matches = [matching_stems(term.stem, known) for term in question.terms]
        self._weights = [self._weight(term, counts) for term in question.terms]
        self._total = sum(self._weights) or 1.0
        own = [[_best(statement.stems, found) for found in self._matches] for statement in statements]
        self._direct = [self._with_antecedent(index, own) for index in range(len(own))]
        self._passages = self._best_of_passages()

    def rank(self) -> list[Scored]:
        """Return every statement with its score, best first."""
        wants_bound = sets_bound(self.question.text)
        scored: list[Scored] = []
        for index, statement in enumerate(self.statements):
            coverage = self._share(self._in_context(index))
            answer = holds_answer(statement, self.question, self.vocabulary)
            score = coverage + _ANSWER * answer + _CLOSENESS * self._closeness(index)
            score += _WHOLE_PASSAGE * self._share(self._passages[statement.passage]) - _RANK * statement.passage
            score += _INTRODUCES * self._introduces(statement)
            score += _BOUND * (wants_bound and sets_bound(statement.text)) - _LENGTH * math.log(len(statement.words))
            scored.append(Scored(index, score, coverage, answer))
        return sorted(scored, key=lambda found: (-found.score, found.index))

    def confidence(self, ranked: Sequence[Scored]) -> float:
        """Return how likely it is that the evidence answers the question at all, about 0 to 2.

        The words of the question that the best statement covers, and those that any passage holds; less where the
        kind of answer is missing, there or in all that comes near, or where the very thing asked for or a name is.
        """
        best = ranked[0]
        context = self._in_context(best.index)
        asked = [value for term, value in zip(self.question.terms, context, strict=True) if term.asked_for]
        named = [value for term, value in zip(self.question.terms, context, strict=True) if term.name]
        enough = _NEARLY * max(scored.coverage for scored in ranked)
        nowhere = self.question.measurable and all(s.answer < _HELD for s in ranked if s.coverage >= enough)
        missing = 0.4 * (bool(self.question.wanted) and best.answer < _HELD) + 0.4 * nowhere
        missing += 0.2 * (1.0 - max(asked, default=1.0)) + 0.4 * (1.0 - min(named, default=1.0))
        found = [max(values) for values in zip(*self._passages.values(), strict=True)]
        return best.coverage + self._share(found) - missing

    def _introduces(self, statement: Statement) -> bool:
        """Whether a statement gives the name to what is asked about, as in 'Pine Ltd (the "Supplier")'."""
        if not statement.roles:
            return False
        asked = {term.stem for term in self.question.terms}
        if len(statement.roles) > 1 and self.question.kind == "person" and self.vocabulary.stem(PARTIES) in asked:
            return True
        return bool(asked) and any(asked == set(self.vocabulary.terms(role)) for role in statement.roles)

    def _weight(self, term: QuestionTerm, counts: Counter[str]) -> float:
        total = len(self.statements)
        frequency = min(total, max(1, counts[term.stem]))
        return term.weight * math.log(1.0 + (total + 1.0) / max(1, frequency))

    def _share(self, values: Iterable[float]) -> float:
        return sum(weight * value for weight, value in zip(self._weights, values, strict=True)) / self._total

    def _best_of_passages(self) -> dict[int, list[float]]:
        """Return for each passage the best match of every term in it."""
        best: dict[int, list[float]] = {}
        for statement, direct in zip(self.statements, self._direct, strict=True):
            section = [0.8 * _best(self._sections[_above(statement)], found) for found in self._matches]
            known = best.get(statement.passage, [0.0] * len(direct))
            best[statement.passage] = [max(three) for three in zip(known, direct, section, strict=True)]
        return best

    def _with_antecedent(self, index: int, own: Sequence[list[float]]) -> list[float]:
        """Return a statement's matches, and those of the sentence before it where it begins with a pronoun."""
        if not self.leans_on_previous(index):
            return own[index]
        return [max(mine, _ANTECEDENT * before) for mine, before in zip(own[index], own[index - 1], strict=True)]

    def tells(self, word: str) -> bool:
        """Whether a word of the text stands for one of the question's."""
        stems = [found.stem for found in self.vocabulary.words(word)]
        return any(stem in found for stem in stems for found in self._matches)

    def leans_on_previous(self, index: int) -> bool:
        """Whether a statement is only understood together with the one before it."""
        return self.together(index, index - 1) and bool(ANAPHOR.search(self.statements[index].text[:_OPENING]))

    def together(self, index: int, other: int) -> bool:
        """Whether two statements stand under the same heading of the same passage."""
        if not 0 <= other < len(self.statements):
            return False
        one, two = self.statements[index], self.statements[other]
        return one.passage == two.passage and one.section == two.section

    def _in_context(self, index: int) -> list[float]:
        """Return the match of every term, the statement's surroundings counted for less."""
        statement = self.statements[index]
        section = self._sections[_above(statement)]
        lead = self._direct[statement.lead] if statement.lead >= 0 else None
        near = [self._direct[i] for i in (index - 1, index + 1) if self.together(index, i)]
        passage = self._passages[statement.passage]
        return [
            max(
                self._direct[index][term],
                _SECTION * _best(section, found),
                _LEAD * lead[term] if lead else 0.0,
                _NEIGHBOUR * max((direct[term] for direct in near), default=0.0),
                _PASSAGE * passage[term],
            )
            for term, found in enumerate(self._matches)
        ]

    def _closeness(self, index: int) -> float:
        """Return how many of the question's neighbouring words stand near each other here too, 0 to 1."""
        if len(self._matches) < 2:
            return 0.0
        places: list[list[int]] = [[] for _ in self._matches]
        content = [word.stem for word in self.statements[index].words if not word.function]
        for place, stem in enumerate(content[:_LOOKED_AT]):
            for term, found in enumerate(self._matches):
                if stem in found:
                    places[term].append(place)
        pairs = list(itertools.pairwise(places))
        near = sum(any(abs(a - b) <= 2 for a in first[:8] for b in second[:8]) for first, second in pairs)
        return near / len(pairs)


def _above(statement: Statement) -> str:
    """Return what stands above a statement: its headings, and its table's head."""
    return f"{statement.section} {statement.head}"


def _best(stems: frozenset[str], found: Mapping[str, float]) -> float:
    return max((value for stem, value in found.items() if stem in stems), default=0.0)
