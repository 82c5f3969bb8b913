"""Whether a sentence holds the kind of thing that a question asks for."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from agents.engine.extractive.dimensions import measures
from agents.engine.extractive.facts import Fact
from agents.engine.extractive.patterns import phrase
from agents.engine.extractive.phrases import INSTITUTIONS
from agents.engine.extractive.questions import AnswerKind, Question
from agents.engine.extractive.statements import Statement
from agents.engine.extractive.synonyms import stands_for
from agents.language.stems import Vocabulary

_ROLE = phrase(
    """
    (?:manager|leader|officer|chair(?:man|woman)?|director|president|minister|chemist|engineer|operator|technician)s?
    (?:nurse|doctor|deputy|supervisor|board|crew|team|committee|council|captain|driver|party|company|person|agent)s?
    (?:representative|secretary|inspector|owner|keeper|member|staff|author|king|queen|mayor|attendant|customer)s?
    (?:supplier|tenant|landlord|employer|employee|contractor|specialist)s?|nobody|anyone|everyone
    """
)
_REASON = phrase(
    """
    because|so that|in order to|due to|owing to|therefore|for (?:this|that|which) reason|lest|thanks to|caused by
    as a result|weil|damit|deshalb|denn|parce que|car|afin|porque|para que|perché|poiché|omdat|zodat|pois
    """
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
_BOUND = phrase(
    r"""
    at (?:most|least|the latest)|most|least|up to|limit\w*|max(?:imum)?|min(?:imum)?|not exceed|exceed\w*|fall below
    no (?:more|less|longer|later|fewer|greater) than|not be (?:more|less|longer|greater)
    largest|highest|smallest|lowest|longest|single|within|must|may|shall|allowed|permitted|never
    """
)
_BEFORE_PLACE = re.compile(r"\b(?:in|at|from|near|of|to|on|over|through)\s+(?:the\s+)?(?:[a-z]+\s)?$", re.IGNORECASE)
_DEFINITION_LENGTH = 400
_REACH = 40
_UNFIT, _IN_TABLE = 0.3, 0.8
_SIGNS: Mapping[AnswerKind, tuple[tuple[re.Pattern[str], float], ...]] = MappingProxyType(
    {
        "person": ((_ROLE, 0.5),),
        "time": ((_EVENT, 0.5),),
        "reason": ((_REASON, 1.0), (_PURPOSE, 0.4)),
        "place": ((_PLACE, 0.6),),
        "method": ((_METHOD, 0.6),),
    }
)


def holds_answer(statement: Statement, question: Question, vocabulary: Vocabulary) -> float:
    """Return how surely a statement holds the wanted kind of answer, 0 to 1; what the question says does not count."""
    if question.kind == "definition":
        return _defines(statement.text, question, vocabulary)
    signs = [weight for pattern, weight in _SIGNS.get(question.kind, ()) if pattern.search(statement.text)]
    facts = statement.facts(vocabulary) if question.wanted else []
    news = [fact for fact in facts if _is_news(fact, question, vocabulary)]
    fitting = [_fits(fact, statement, question, vocabulary) for fact in news]
    if statement.form == "row" and question.measurable and any(fact.kind == "number" for fact in facts):
        # The unit of a table's number stands in the head.
        fitting.append(_IN_TABLE)
    return max([*signs, *fitting], default=0.0)


def names_person(statement: Statement, vocabulary: Vocabulary) -> bool:
    """Whether a statement names somebody, as far as form tells: two capitalised words that are no institution."""
    facts = [fact for fact in statement.facts(vocabulary) if fact.kind == "name" and " " in fact.text]
    return any(_is_person(fact, statement.text) for fact in facts)


def sets_bound(text: str) -> bool:
    """Whether a text speaks of a limit, an obligation or an extreme."""
    return bool(_BOUND.search(text))


def _is_news(fact: Fact, question: Question, vocabulary: Vocabulary) -> bool:
    if fact.kind not in question.wanted:
        return False
    return any(word.text.lower() not in question.words for word in vocabulary.words(fact.text))


def _fits(fact: Fact, statement: Statement, question: Question, vocabulary: Vocabulary) -> float:
    """Return how well a fact of a wanted kind suits: a depth is not given in hours, a name behind "in" is no person."""
    if question.kind in ("person", "organisation", "place"):
        placed = bool(_BEFORE_PLACE.search(statement.text, max(0, fact.start - 24), fact.start))
        return 1.0 if placed == (question.kind == "place") else 0.4
    if question.dimension:
        return 1.0 if measures(fact.text, question.dimension) else _UNFIT
    if question.kind == "count":
        return 1.0 if _counts(fact, statement, question, vocabulary) else _UNFIT
    return 0.6 if fact.kind == "number" or (fact.kind == "duration" and question.kind == "time") else 1.0


def _counts(fact: Fact, statement: Statement, question: Question, vocabulary: Vocabulary) -> bool:
    """Whether a number counts what is asked for: it stands close before it, or in its place."""
    asked = [term.stem for term in question.terms if term.asked_for]
    behind = statement.text[fact.start : fact.end + _REACH]
    return not asked or any(stands_for(stem, found) for stem in asked for found in vocabulary.terms(behind))


def _is_person(fact: Fact, text: str) -> bool:
    words = fact.text.split()
    small = any(word[0].islower() for word in words)
    placed = _BEFORE_PLACE.search(text, max(0, fact.start - 24), fact.start)
    return (
        not small and len(words) <= 4 and not placed and not INSTITUTIONS.search(fact.text) and not fact.text.isupper()
    )


def _defines(text: str, question: Question, vocabulary: Vocabulary) -> float:
    """Return whether a text says what the question's words mean."""
    best = 0.0
    for found in _DEFINING.finditer(text[:_DEFINITION_LENGTH]):
        before = set(vocabulary.terms(text[max(0, found.start() - 60) : found.start()]))
        if all(term.stem in before for term in question.terms):
            best = max(best, 1.0 if found.start() < 80 else 0.6)
    return best
