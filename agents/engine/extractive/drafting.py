"""Excerpts and RewriteAnswer: the sentences that answer a question, each as a claim with its exact quote.

Of long evidence only the passages that hold most of the question's words are read. `StatementRanker` scores every
statement in them by the question's words in and around it, and by whether it holds the wanted kind of answer. The best
become claims, unless too little of the question is covered for the text to answer it at all.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from agents.engine.extractive.decisions import split_question
from agents.engine.extractive.facts import Fact
from agents.engine.extractive.matching import best_match, matching_stems, stands_for
from agents.engine.extractive.particulars import Particulars
from agents.engine.extractive.questions import OFFICES, AnswerKind, Question, measures, read_question
from agents.engine.extractive.statements import PARTIES, Statement, clean, read_row, read_statements
from agents.engine.tasks.answering import Excerpt, Excerpts, ExcerptsResult, RewriteAnswer, RewriteAnswerResult
from agents.language.lexicon import phrase
from agents.language.section_references import strip_references, within_references
from agents.language.stems import Vocabulary
from agents.language.unspaced import count_words, word_spans
from agents.schema import Passage

_MAX_CLAIMS, _MAX_CLAIMS_OF_PARTS = 4, 6
_MAX_PARTS = 3
_MAX_PASSAGES = 24
# A part of a question is often put in words that the text does not use.
_MIN_CONFIDENCE, _MIN_CONFIDENCE_OF_PART = 0.9, 0.6
_SAMPLE_CHARS = 4_000


def excerpts(task: Excerpts) -> ExcerptsResult:
    """Answer from the evidence with its own sentences, the best first; with none where it does not answer."""
    sample = task.evidence[0].text[:_SAMPLE_CHARS] if task.evidence else ""
    vocabulary = Vocabulary.of(f"{sample} {task.question[:_SAMPLE_CHARS]}")
    asked = task.parts[:_MAX_PARTS] if len(task.parts) > 1 else split_question(task.question)[0]
    # A page or clause that the question names need not be named in the evidence that was taken from it.
    bare = [(strip_references(part) or part) if within_references(part, task.evidence) else part for part in asked]
    questions = [read_question(part, vocabulary) for part in bare]
    passages: Sequence[Passage] = task.evidence
    if len(passages) > _MAX_PASSAGES:
        each = _MAX_PASSAGES // len(questions)
        best = [passage for part in questions for passage in best_passages(task.evidence, part, vocabulary, each)]
        passages = tuple({(passage.document_id, passage.index): passage for passage in best}.values())
    statements = read_statements(passages, vocabulary)
    parts = [DraftedPart(passages, StatementRanker(statements, question, vocabulary)) for question in questions]
    several = len(parts) > 1
    sure = 0.0 if task.closest else _MIN_CONFIDENCE_OF_PART if several else _MIN_CONFIDENCE
    answers = [part.answers(sure) for part in parts]
    # The best of every part come first, then the second best of every part, and so on.
    chosen: dict[int, Excerpt] = {}
    for spans in itertools.zip_longest(*answers):
        for part, span in zip(parts, spans, strict=True):
            if span and span[1] not in chosen:
                chosen[span[1]] = part.claim(span)
    return ExcerptsResult(claims=tuple(chosen.values())[: _MAX_CLAIMS_OF_PARTS if several else _MAX_CLAIMS])


def rewrite_answer(task: RewriteAnswer) -> RewriteAnswerResult:
    """Return the message as it is: without a model, the document's own words are the best there are."""
    return RewriteAnswerResult(markdown=task.message)


_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_MAX_TERMS = 24


def best_passages(
    passages: Sequence[Passage], question: Question, vocabulary: Vocabulary, limit: int
) -> tuple[Passage, ...]:
    """Return the passages that hold most of a question's words, best first; rare words count for more.

    Takes time linear in the text: every distinct word of a passage is looked at once.
    """
    words = [set(_WORD.findall(f"{passage.heading} {passage.text}")) for passage in passages]
    stems = [frozenset(map(vocabulary.stem, of_passage)) for of_passage in words]
    known = frozenset[str]().union(*stems)
    scores = [0.0] * len(passages)
    for term in question.terms[:_MAX_TERMS]:
        matching = matching_stems(term.stem, known)
        held = [best_match(own, matching) for own in stems]
        weight = term.weight * math.log(1.0 + len(passages) / (1.0 + sum(value > 0.0 for value in held)))
        scores = [score + weight * value for score, value in zip(scores, held, strict=True)]
    order = sorted(range(len(passages)), key=lambda index: (-scores[index], index))
    return tuple(passages[index] for index in order[:limit])


_MAX_QUOTE_WORDS, _MIN_QUOTE_WORDS = 60, 5
_MIN_SHARE_OF_BEST = 0.65
_DUPLICATE = 0.8


class DraftedPart:
    """One part of the question and the quotes that answer it.

    A quote is a span of statements, the index of its first and of its last: two where the last leans on the one before.
    """

    def __init__(self, passages: Sequence[Passage], ranker: "StatementRanker") -> None:
        self._passages = passages
        self._ranker = ranker

    def answers(self, min_confidence: float) -> list[tuple[int, int]]:
        """Return the spans that answer the question, best first, none that repeats another."""
        ranked = self._ranker.rank()
        if not self._ranker.question.terms or not ranked or self._ranker.confidence(ranked) < min_confidence:
            return []
        chosen: list[tuple[int, int]] = []
        for scored in ranked[: 4 * _MAX_CLAIMS]:
            if len(chosen) == _MAX_CLAIMS or (chosen and scored.score < _MIN_SHARE_OF_BEST * ranked[0].score):
                break
            last = scored.index
            first = last - self._needs_previous(last)
            widened = next((place for place, (_, other) in enumerate(chosen) if other == first != last), None)
            if widened is not None:
                chosen[widened] = first, last
            elif not any(self._repeats((first, last), other) for other in chosen):
                chosen.append((first, last))
        return chosen

    def claim(self, span: tuple[int, int]) -> Excerpt:
        """Return a claim in the document's words; a table's row is quoted with its table's head."""
        statement = self._ranker.statements[span[1]]
        text = self._passages[statement.passage].text
        start, end = self._shortened(text, self._ranker.statements[span[0]].start, statement.end)
        quote = text[start:end]
        if statement.form == "row" and end == statement.end:
            head = (statement.head,) if statement.head else ()
            return Excerpt(text=read_row(quote, statement.head), quotes=(quote, *head))
        between = self._ranker.statements[span[0]].end - start
        if 0 < between < len(quote):
            return Excerpt(text=f"{clean(quote[:between])} {clean(quote[between:])}", quotes=(quote,))
        return Excerpt(text=clean(quote), quotes=(quote,))

    def _needs_previous(self, index: int) -> bool:
        """Whether a statement is quoted together with the one before it, in at most 60 words."""
        ranker, statement = self._ranker, self._ranker.statements[index]
        too_short = count_words(statement.text) < _MIN_QUOTE_WORDS and ranker.together(index, index - 1)
        if statement.form == "row" or not (too_short or ranker.leans_on_previous(index)):
            return False
        previous = ranker.statements[index - 1]
        text = self._passages[statement.passage].text[previous.start : statement.end]
        return previous.form != "row" and count_words(text) <= _MAX_QUOTE_WORDS

    def _repeats(self, one: tuple[int, int], two: tuple[int, int]) -> bool:
        """Whether two quotes overlap, or say nearly the same in other places, with the same figures and names."""
        if one[0] <= two[1] and two[0] <= one[1]:
            return True
        first, second = self._ranker.statements[one[1]], self._ranker.statements[two[1]]
        if len(first.stems & second.stems) < _DUPLICATE * max(len(first.stems), len(second.stems)):
            return False
        # Two versions of a contract differ in a figure: both are the answer.
        vocabulary = self._ranker.vocabulary
        return Particulars.of(first.text, vocabulary).agree(Particulars.of(second.text, vocabulary))

    def _shortened(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Return the 60 words of a slice that hold most of the question's words."""
        words = word_spans(text[start:end])
        if len(words) <= _MAX_QUOTE_WORDS:
            return start, end
        asked = (self._ranker.asks_about(text[start + first : start + last]) for first, last in words)
        matches = list(itertools.accumulate(asked, initial=0))
        windows = range(len(words) - _MAX_QUOTE_WORDS + 1)
        held = [matches[place + _MAX_QUOTE_WORDS] - matches[place] for place in windows]
        best = [place for place, count in enumerate(held) if count == max(held)]
        first = best[len(best) // 2]
        return start + words[first][0], start + words[first + _MAX_QUOTE_WORDS - 1][1]


# What a question's word is worth where it stands beside the statement instead of in it.
_ANTECEDENT, _SECTION, _SECTION_OF_PASSAGE, _LEAD, _NEIGHBOUR, _PASSAGE = 0.7, 0.75, 0.8, 0.7, 0.4, 0.2
# What else counts, beside the share of the question's words (1.0).
_ANSWER, _BOUND, _PROXIMITY, _WHOLE_PASSAGE, _RANK, _LENGTH = 0.35, 0.15, 0.12, 0.15, 0.012, 0.05
# A statement that introduces somebody by the name that is asked for answers "who is", whatever else speaks of them.
_INTRODUCTION = 1.0
_MAX_COMPARED_WORDS = 400
_COMPARABLE, _ANSWERED = 0.6, 0.4


@dataclass(frozen=True, slots=True)
class Scored:
    """A statement, by its index, and how well it answers."""

    index: int
    score: float
    coverage: float
    """Share of the question's weight that stands in the statement or, counted for less, around it."""
    answer: float
    """How surely it holds the kind of answer that is wanted, 0 to 1."""


class StatementRanker:
    """Ranks statements by how well they answer a question; a word of the question that few of them hold counts most."""

    def __init__(self, statements: Sequence[Statement], question: Question, vocabulary: Vocabulary) -> None:
        self.statements = statements
        self.question = question
        self.vocabulary = vocabulary
        counts: Counter[str] = Counter(stem for statement in statements for stem in statement.stems)
        self._sections = {
            above: frozenset(vocabulary.terms(above)) for above in {statement.above for statement in statements}
        }
        self._known = counts.keys() | {stem for stems in self._sections.values() for stem in stems}
        self._matching = [matching_stems(term.stem, self._known) for term in question.terms]
        total = len(statements)
        self._weights = [
            term.weight * math.log(1.0 + (total + 1.0) / max(1, min(total, counts[term.stem])))
            for term in question.terms
        ]
        if vocabulary.language.unspaced:
            self._weights = [
                0.0 if joins else weight for joins, weight in zip(self._joints(), self._weights, strict=True)
            ]
        self._total = sum(self._weights) or 1.0
        own = [[best_match(statement.stems, matching) for matching in self._matching] for statement in statements]
        self._direct = [self._with_antecedent(index, own) for index in range(total)]
        self._passages = self._best_of_passages()

    def _joints(self) -> list[bool]:
        """Return for each term whether it is only where two words of the question meet.

        In a script without spaces that is a pair of letters that stands nowhere, while those before and after it do.
        """
        texts = ["", *(term.text for term in self.question.terms), ""]
        # A word that any question may hold is one, whether or not it is found.
        found = [False, *(term.stem in self._known or term.weight < 1.0 for term in self.question.terms), False]
        return [
            before[-1:] == text[0] and text[-1] == after[:1] and found[place : place + 3] == [True, False, True]
            for place, (before, text, after) in enumerate(zip(texts, texts[1:], texts[2:], strict=False))
        ]

    def rank(self) -> list[Scored]:
        """Return every statement with its score, best first."""
        wants_bound = sets_bound(self.question.text)
        scored: list[Scored] = []
        for index, statement in enumerate(self.statements):
            coverage = self._share(self._in_context(index))
            answer = holds_answer(statement, self.question, self.vocabulary)
            score = coverage + _ANSWER * answer + _PROXIMITY * self._proximity(index)
            score += _WHOLE_PASSAGE * self._share(self._passages[statement.passage]) - _RANK * statement.passage
            score += _INTRODUCTION * self._introduces(statement)
            score += _BOUND * (wants_bound and sets_bound(statement.text)) - _LENGTH * math.log(len(statement.words))
            scored.append(Scored(index, score, coverage, answer))
        return sorted(scored, key=lambda found: (-found.score, found.index))

    def confidence(self, ranked: Sequence[Scored]) -> float:
        """Return how likely it is that any statement answers the question at all, about 0 to 2.

        The words of the question that the best statement covers, and those that any passage holds; less where the
        kind of answer is missing, there or in all that comes near, or where the very thing asked for or a name is.
        """
        best = ranked[0]
        context = self._in_context(best.index)
        asked = [value for term, value in zip(self.question.terms, context, strict=True) if term.asked_for]
        named = [value for term, value in zip(self.question.terms, context, strict=True) if term.name]
        near = _COMPARABLE * max(scored.coverage for scored in ranked)
        nowhere = self.question.verifiable and all(s.answer < _ANSWERED for s in ranked if s.coverage >= near)
        missing = 0.4 * (bool(self.question.wanted) and best.answer < _ANSWERED) + 0.4 * nowhere
        missing += 0.2 * (1.0 - max(asked, default=1.0)) + 0.4 * (1.0 - min(named, default=1.0))
        found = [max(values) for values in zip(*self._passages.values(), strict=True)]
        return best.coverage + self._share(found) - missing

    def asks_about(self, word: str) -> bool:
        """Whether a word of the text stands for one of the question's."""
        stems = [found.stem for found in self.vocabulary.words(word)]
        return any(stem in matching for stem in stems for matching in self._matching)

    def leans_on_previous(self, index: int) -> bool:
        """Whether a statement is only understood together with the one before it."""
        return self.together(index, index - 1) and self.statements[index].opens_with_anaphor

    def together(self, index: int, other: int) -> bool:
        """Whether two statements stand under the same heading of the same passage."""
        if not 0 <= other < len(self.statements):
            return False
        one, two = self.statements[index], self.statements[other]
        return one.passage == two.passage and one.section == two.section

    def _share(self, values: Iterable[float]) -> float:
        return sum(weight * value for weight, value in zip(self._weights, values, strict=True)) / self._total

    def _with_antecedent(self, index: int, own: Sequence[list[float]]) -> list[float]:
        """Return the matches of a statement, with those of the one before it where it opens with a pronoun."""
        if not self.leans_on_previous(index):
            return own[index]
        return [max(mine, _ANTECEDENT * before) for mine, before in zip(own[index], own[index - 1], strict=True)]

    def _best_of_passages(self) -> dict[int, list[float]]:
        """Return for each passage the best match of every term in it."""
        best: dict[int, list[float]] = {}
        for statement, direct in zip(self.statements, self._direct, strict=True):
            above = self._sections[statement.above]
            section = [_SECTION_OF_PASSAGE * best_match(above, matching) for matching in self._matching]
            known = best.get(statement.passage, [0.0] * len(direct))
            best[statement.passage] = [max(three) for three in zip(known, direct, section, strict=True)]
        return best

    def _in_context(self, index: int) -> list[float]:
        """Return the match of every term, the statement's surroundings counted for less."""
        statement = self.statements[index]
        section = self._sections[statement.above]
        lead = self._direct[statement.lead] if statement.lead >= 0 else None
        near = [self._direct[i] for i in (index - 1, index + 1) if self.together(index, i)]
        passage = self._passages[statement.passage]
        return [
            max(
                self._direct[index][term],
                _SECTION * best_match(section, matching),
                _LEAD * lead[term] if lead else 0.0,
                _NEIGHBOUR * max((direct[term] for direct in near), default=0.0),
                _PASSAGE * passage[term],
            )
            for term, matching in enumerate(self._matching)
        ]

    def _proximity(self, index: int) -> float:
        """Return the share of the question's neighbouring words that are at most two words apart here, 0 to 1."""
        if len(self._matching) < 2:
            return 0.0
        places: list[list[int]] = [[] for _ in self._matching]
        content = [word.stem for word in self.statements[index].words if not word.function]
        for place, stem in enumerate(content[:_MAX_COMPARED_WORDS]):
            for term, matching in enumerate(self._matching):
                if stem in matching:
                    places[term].append(place)
        pairs = list(itertools.pairwise(places))
        near = sum(any(abs(a - b) <= 2 for a in first[:8] for b in second[:8]) for first, second in pairs)
        return near / len(pairs)

    def _introduces(self, statement: Statement) -> bool:
        """Whether a statement gives the name to what is asked about, as in 'Pine Ltd (the "Supplier")'."""
        if not statement.roles:
            return False
        asked = {term.stem for term in self.question.terms}
        if len(statement.roles) > 1 and self.question.kind == "person" and self.vocabulary.stem(PARTIES) in asked:
            return True
        return bool(asked) and any(asked == set(self.vocabulary.terms(role)) for role in statement.roles)


_ROLE = phrase(
    rf"""
    (?:{OFFICES}|chair(?:man|woman)?|deputy|board|crew|team|committee|council|party|company|agent|staff|customer)s?
    (?:supplier|tenant|landlord|employer|employee|contractor|specialist)s?|nobody|anyone|everyone
    """
)
_REASON = phrase(
    """
    because|so that|in order to|due to|owing to|therefore|for (?:this|that|which) reason|lest|thanks to|caused by
    as a result|weil|damit|deshalb|denn|parce que|car|afin|porque|para que|perché|poiché|omdat|zodat|pois
    """
)
_REASON_UNSPACED = re.compile(
    "因为|因為|由于|由於|因此|所以|以便|以免|ため|ので|から[、だで]|때문|므로|위해|เพราะ|เนื่องจาก|เพื่อ"
)
_PURPOSE = re.compile(r"\b(?:since|as|to|for|whose|um|pour|para|per|om)\b|[;:]", re.IGNORECASE)
_PLACE = phrase(
    """
    in|at|on|near|beside|behind|below|above|between|opposite|inside|outside|under|over|next to|north|south|east|west
    from|to|im|am|bei|dans|à|sur|chez|en|nel|nella|presso|op|te|bij|na
    """
)
_EVENT = phrase("after|before|until|till|once|as soon as|when|if|during|since|within|nachdem|bevor|wenn|après|avant")
_METHOD = phrase("by|with|through|using|via|means of|first|then|after|durch|mit|par|avec|con|met|door|com")
_DEFINING = phrase(
    """
    means?|includes?|(?:is|are) (?:an?|the|any|all|either|one|those)|refers? to|stands? for|denotes?|is called|defined
    bedeutet|ist eine?|est une?|es una?|è una?|is een|é uma?
    """
)
_SIGNS: Mapping[AnswerKind, tuple[tuple[re.Pattern[str], float], ...]] = MappingProxyType(
    {
        "person": ((_ROLE, 0.5),),
        "time": ((_EVENT, 0.5),),
        "reason": ((_REASON, 1.0), (_REASON_UNSPACED, 1.0), (_PURPOSE, 0.4)),
        "place": ((_PLACE, 0.6),),
        "method": ((_METHOD, 0.6),),
    }
)
_MAX_DEFINITION_CHARS = 400
_COUNTED_CHARS = 40
_UNFIT, _IN_TABLE = 0.3, 0.8


def holds_answer(statement: Statement, question: Question, vocabulary: Vocabulary) -> float:
    """Return how surely a statement holds the wanted kind of answer, 0 to 1; what the question says does not count."""
    if question.kind == "definition":
        return _defines(statement.text, question, vocabulary)
    signs = [weight for pattern, weight in _SIGNS.get(question.kind, ()) if pattern.search(statement.text)]
    facts = statement.facts(vocabulary) if question.wanted else []
    new = [
        fact
        for fact in facts
        if fact.kind in question.wanted
        and any(word.text.lower() not in question.words for word in vocabulary.words(fact.text))
    ]
    fitting = [_fits(fact, statement, question, vocabulary) for fact in new]
    if statement.form == "row" and question.verifiable and any(fact.kind == "number" for fact in facts):
        # The unit of a table's number stands in the head.
        fitting.append(_IN_TABLE)
    return max([*signs, *fitting], default=0.0)


def _fits(fact: Fact, statement: Statement, question: Question, vocabulary: Vocabulary) -> float:
    """Return how well a fact of a wanted kind suits: a depth is not given in hours, a name after "in" is no person."""
    if question.kind in ("person", "organisation", "place"):
        return 1.0 if fact.follows_place_preposition(statement.text) == (question.kind == "place") else 0.4
    if question.dimension:
        return 1.0 if measures(fact.text, question.dimension) else _UNFIT
    if question.kind == "count":
        # A number counts what stands close after it, or in its place.
        asked = [term.stem for term in question.terms if term.asked_for]
        counted = vocabulary.terms(statement.text[fact.start : fact.end + _COUNTED_CHARS])
        return 1.0 if not asked or any(stands_for(stem, found) for stem in asked for found in counted) else _UNFIT
    return 0.6 if fact.kind == "number" or (fact.kind == "duration" and question.kind == "time") else 1.0


def _defines(text: str, question: Question, vocabulary: Vocabulary) -> float:
    """Return how surely a text says what the question's words mean."""
    best = 0.0
    for found in _DEFINING.finditer(text[:_MAX_DEFINITION_CHARS]):
        before = set(vocabulary.terms(text[max(0, found.start() - 60) : found.start()]))
        if all(term.stem in before for term in question.terms):
            best = max(best, 1.0 if found.start() < 80 else 0.6)
    return best


_BOUND_WORDS = phrase(
    r"""
    at (?:most|least|the latest)|most|least|up to|limit\w*|max(?:imum)?|min(?:imum)?|not exceed|exceed\w*|fall below
    no (?:more|less|longer|later|fewer|greater) than|not be (?:more|less|longer|greater)
    largest|highest|smallest|lowest|longest|single|within|must|may|shall|allowed|permitted|never
    """
)


def sets_bound(text: str) -> bool:
    """Whether a text speaks of a limit, an obligation or an extreme."""
    return bool(_BOUND_WORDS.search(text))
