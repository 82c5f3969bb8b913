"""Words that a question and a document often use for the same thing."""
# MERGED """Whether a sentence holds the kind of thing that a question asks for."""
# MERGED """How well each statement of the evidence answers a question."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from agents.engine.extractive.facts import Fact
from agents.engine.extractive.phrases import INSTITUTIONS
from agents.engine.extractive.questions import AnswerKind, Question, QuestionTerm, measures
from agents.engine.extractive.statements import PARTIES, Statement
from agents.language.lexicon import phrase
from agents.language.stems import Vocabulary, Word

# How surely one word stands for another.
_SYNONYM, _SAME_ROOT = 0.6, 0.7
_SHORTEST_ROOT = 5

# Each line holds words of everyday English that can stand for one another in some sense.
_GROUPS = """
cost price fee charge pay payment tariff rate expense euro dollar pound cents expensive cheap
salary wage earn income
owe pay debt due
annual year annually
day daily
week weekly
month monthly
quarter quarterly
reduction discount rebate deduct credit
settle pay
light lit lamp
climb enter entry ascend
phone telephone call ring
replace change exchange renew swap substitute
succeed replace follow successor predecessor previous before
begin start commence launch open onset effect force
end finish stop expire terminate close cease lapse last
buy purchase order acquire procure bought
sell sale
build construct erect built make manufacture produce maker manufacturer
found establish create set formed founded
allow permit may authorise approve permission consent allowed agree can
forbid prohibit ban forbidden prohibited
maximum most highest limit upper exceed largest longest greatest record peak top
minimum least lowest smallest below shortest fewest
large big great size
small little minor
check inspect test examine verify control inspection
clean wash rinse flush cleaning
keep store hold retain held kept storage stored preserve
send deliver ship dispatch sent delivery transport carry
tell inform notify report announce notification told
happen occur cause result
responsible charge hands answer lead head chair manage manager leader run oversee supervise master director
job post role position
person people staff crew employee worker somebody
live inhabitant resident population reside people
document handbook manual agreement contract report text
teach train instruct training course
doctor nurse physician medical
ill sick sickness illness disease
hurt injure injury harm wounded injured
danger hazard risk dangerous
often frequency interval frequently every
distance far away apart
depth deep
height high tall altitude
width wide broad
weight weigh heavy kg tonnes
speed fast velocity quick
temperature hot cold warm degree °C
duration last take period lasting
quick soon promptly immediately fast
location located situated lie stand site
travel journey trip go sail
start commission commissioned installed service
electricity electric energy power
money fund finance budget financial
law legal statute regulation govern
court judge jurisdiction
sign signature signed
agree agreement
cancel terminate revoke withdraw
late delay overdue
penalty fine sanction
compensate compensation credit refund reimburse
repair mend fix maintain maintenance restore
break fail failure fault breakdown broken damage
reduce decrease fall drop lower decline cut
increase rise grow raise growth higher
use employ usage
need require necessary demand
get receive obtain
give provide supply grant
contain hold include consist comprise capacity fit
name call know
choose select pick elect chosen
reject refuse decline deny
visit guest visitor tourist
car vehicle road drive
ship boat vessel ferry
child children kid school pupil
marry married wife husband spouse
born birth
die death dead died killed
write author written wrote
win victory beat defeat
prize award medal
foreign international abroad
house home building
lorry truck vehicle
book reserve reservation
ticket admission entrance entry
close shut
city town capital
invent discover developed inventor
goal aim target purpose objective
reason cause because due
part component element piece
kind type sort form
vote elect election
warn warning alarm alert
password account login
backup copy
error mistake wrong
remove take delete discard throw dispose
guarantee warranty warrant
deadline due by
"""


@lru_cache(maxsize=1)
def synonyms() -> Mapping[str, frozenset[str]]:
    """Return, for each English stem in the groups, the stems that can stand for it."""
    from agents.language.lexicon import ENGLISH

    vocabulary = Vocabulary(ENGLISH)
    related: dict[str, set[str]] = {}
    for line in _GROUPS.split("\n"):
        stems = {vocabulary.stem(word) for word in line.split()}
        for stem in stems:
            related.setdefault(stem, set()).update(stems - {stem})
    return MappingProxyType({stem: frozenset(others) for stem, others in related.items()})


def matching_stems(wanted: str, known: Iterable[str]) -> dict[str, float]:
    """Return the known stems that can stand for the wanted one, and that one itself, each with how surely."""
    found = {stem: value for stem in known if (value := stands_for(wanted, stem))}
    return found | {wanted: 1.0}


def stands_for(wanted: str, stem: str) -> float:
    """Return how surely a stem stands for the wanted one, 0 to 1."""
    if stem == wanted:
        return 1.0
    if stem in synonyms().get(wanted, frozenset[str]()):
        return _SYNONYM
    return _SAME_ROOT if _same_root(stem, wanted) else 0.0


def _same_root(one: str, two: str) -> bool:
    """Whether two stems share their beginning, as "chemist" and "chemic" do."""
    if one[:_SHORTEST_ROOT] != two[:_SHORTEST_ROOT] or not one.isalpha():
        return False
    root = max(_SHORTEST_ROOT, max(len(one), len(two)) - 3)
    return one[:root] == two[:root]


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


# What a question's word is worth where it stands beside the statement instead of in it.
_ANTECEDENT, _SECTION, _LEAD, _NEIGHBOUR, _PASSAGE = 0.7, 0.75, 0.7, 0.4, 0.2
# What else counts, beside the share of the question's words (1.0).
_ANSWER, _LIMIT, _CLOSENESS, _WHOLE_PASSAGE, _RANK, _LENGTH = 0.35, 0.15, 0.12, 0.15, 0.012, 0.05
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
            score += _LIMIT * (wants_bound and sets_bound(statement.text)) - _LENGTH * math.log(len(statement.words))
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
