"""What a question asks for: its content words with weights, and the kind of its answer."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast

from agents.engine.extractive.dimensions import dimension_of
from agents.engine.extractive.facts import FactKind
from agents.engine.extractive.patterns import labelled, word_set
from agents.engine.extractive.question_forms import FORMS
from agents.language.lexicon import LANGUAGES, Language, language_of
from agents.language.stems import Vocabulary, Word

AnswerKind = Literal[
    "person",
    "organisation",
    "time",
    "clock",
    "year",
    "duration",
    "frequency",
    "money",
    "percent",
    "quantity",
    "count",
    "place",
    "reason",
    "method",
    "definition",
    "yes_no",
    "thing",
]

_YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|can|could|may|must|shall|should|will|would|has|have|had|am|ist|sind|darf|kann|muss|"
    r"est-ce|¿?es|puede|può|is|mag|moet|pode)\b",
    re.IGNORECASE,
)
_VAGUE = word_set(
    "name number amount kind type way thing person people document text handbook according mention say state "
    "describe happen do get make give go become let put set use take place page section write specify give show "
    "exact exactly main general total available question answer information detail word term mean called call "
    "year date time day"
)
_ASKING = word_set(
    "which what many whose welche welcher welches viele quel quelle quels quelles combien qué cuál cuántos cuántas "
    "quale quali quanti quante welk hoeveel qual quais quantos quantas"
)
_CONDITION = re.compile(
    r"^\W*(?:when|if|where|while|before|after|because|once|in case|according to)\b[^?,]{1,200},\s+"
    r"(?=(?:\w+\s+){0,2}?(?:who|what|when|where|why|which|how|is|are|do|does|can|may|must)\b)",
    re.IGNORECASE,
)
_LONGEST_QUESTION = 4_000
_MOST_TERMS = 48
_WANTED: dict[AnswerKind, frozenset[FactKind]] = {
    "person": frozenset({"name"}),
    "organisation": frozenset({"name"}),
    "time": frozenset({"date", "time", "frequency", "duration"}),
    "clock": frozenset({"time", "date"}),
    "year": frozenset({"date"}),
    "duration": frozenset({"duration"}),
    "frequency": frozenset({"frequency", "duration"}),
    "money": frozenset({"money", "percent"}),
    "percent": frozenset({"percent", "number"}),
    "quantity": frozenset({"quantity", "percent", "money", "duration", "number"}),
    "count": frozenset({"number", "quantity", "duration", "percent"}),
    "place": frozenset({"name"}),
}


@dataclass(frozen=True)
class QuestionTerm:
    """A content word of a question."""

    stem: str
    text: str
    weight: float
    """1 for an ordinary word, more for names and numbers, less for words that any question may hold."""
    name: bool = False
    asked_for: bool = False
    """Whether it names what is asked for: "award" in "Which award did Quill receive?"."""


@dataclass(frozen=True)
class Question:
    """A question taken apart."""

    text: str
    kind: AnswerKind
    terms: tuple[QuestionTerm, ...]
    words: frozenset[str]
    """Every word, in lower case: what the question gives away cannot be its answer."""
    dimension: str = ""
    """What is measured, such as "length"; empty where any quantity may answer."""

    @property
    def wanted(self) -> frozenset[FactKind]:
        """Return the kinds of fact one of which the answer must hold; none where any words may answer."""
        return _WANTED.get(self.kind, frozenset())

    @property
    def measurable(self) -> bool:
        """Whether code can see if the answer is there: a number, a date, an organisation's name."""
        return bool(self.wanted) and self.kind not in ("person", "place")


def read_question(text: str, vocabulary: Vocabulary) -> Question:
    """Take a question apart; what stands behind 4,000 characters is not looked at."""
    text = " ".join(text[:_LONGEST_QUESTION].split())
    own = language_of(text)
    words = vocabulary.words(text)
    kind = answer_kind(text, own.name)
    return Question(
        text=text,
        kind=kind,
        dimension=dimension_of(text) if kind in ("quantity", "count") else "",
        terms=tuple(_terms(words, vocabulary, own)),
        words=frozenset(word.text.lower() for word in words),
    )


def answer_kind(text: str, language: str) -> AnswerKind:
    """Return what kind of answer a question wants, from its first question word."""
    best: tuple[int, int] | None = None
    kinds = _patterns(language)
    text = _CONDITION.sub("", text)
    for priority, (_, pattern) in enumerate(kinds):
        found = pattern.search(text[:_LONGEST_QUESTION])
        if found and (best is None or (found.start(), priority) < best):
            best = (found.start(), priority)
    opening = text.lstrip("¿ ")
    if _YES_NO.match(opening) and (best is None or best[0] > 0):
        return "yes_no"
    return kinds[best[1]][0] if best else "thing"


@lru_cache(maxsize=len(LANGUAGES))
def _patterns(language: str) -> tuple[tuple[AnswerKind, re.Pattern[str]], ...]:
    forms = labelled(FORMS[language])
    return tuple((cast("AnswerKind", kind), re.compile(rf"\b(?:{form})", re.IGNORECASE)) for kind, form in forms)


def _terms(words: list[Word], vocabulary: Vocabulary, own: Language) -> list[QuestionTerm]:
    vague = {vocabulary.stem(word) for word in _VAGUE}
    terms: dict[str, QuestionTerm] = {}
    asking = 0
    for position, word in enumerate(words):
        # The first two words behind "which", "what" or "how many" say what is asked for.
        asking = 3 if word.text.lower() in _ASKING else asking - 1
        function = word.function or (own != vocabulary.language and word.text.lower() in own.function_words)
        if function or word.stem in terms or len(terms) >= _MOST_TERMS:
            continue
        name = word.text[0].isdigit() or (position > 0 and word.text[0].isupper())
        weight = 0.35 if word.stem in vague else 1.3 if name else 1.0
        terms[word.stem] = QuestionTerm(word.stem, word.text, weight, name, asking > 0)
    return list(terms.values())
