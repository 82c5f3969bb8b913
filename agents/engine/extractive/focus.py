"""What a reading is to look for above all."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agents.engine.extractive.answers import names_person
from agents.engine.extractive.questions import QuestionTerm, read_question
from agents.engine.extractive.statements import Statement
from agents.engine.extractive.synonyms import matching_stems
from agents.language.stems import Vocabulary

Sign = Callable[[Statement, Vocabulary], bool]

_ALTERNATIVES = re.compile(r",|;|/|\b(?:and|or|as well as|und|oder|et|ou|y|e|en|of)\b", re.IGNORECASE)
_DUTY = re.compile(
    r"\b(?:shall|must|required|may not|ha(?:s|ve) to|responsible|muss|müssen|debe|doit|deve|moet)\b", re.IGNORECASE
)
_RISK = re.compile(
    r"\b(?:risk|danger\w*|hazard\w*|warning|poison\w*|explo\w+|injur\w+|never|nobody shall|forbidden|fail\w*)\b",
    re.IGNORECASE,
)
_SECTION, _SOFT = 0.6, 0.2
_WORDS_ALONE, _KIND_ALONE = 0.4, 0.15
_LOOKED_AT, _MOST_PARTS = 2_000, 12


def _facts(*kinds: str) -> Sign:
    return lambda statement, vocabulary: any(fact.kind in kinds for fact in statement.facts(vocabulary))


def _says(pattern: re.Pattern[str]) -> Sign:
    return lambda statement, _: bool(pattern.search(statement.text))


_QUANTITIES = ("quantity", "percent", "money", "duration")
_FORMS_OF_KINDS: tuple[tuple[str, Sign], ...] = (
    ("money|sums|geld|geldbeträge|argent|dinero|denaro", _facts("money")),
    ("dates?|timeline|chronology|years?|daten|termine|fechas?|datas?", _facts("date", "time")),
    (
        "deadlines?|time limits?|due dates?|fristen?|délais?|plazos?|scadenze|termijnen|prazos",
        _facts("date", "time", "duration"),
    ),
    ("periods?|durations?|intervals?|times", _facts("duration", "frequency", "time")),
    (
        r"figures?|numbers?|amounts?|quantit\w+|values?|measurements?|zahlen|chiffres|cifras|cifre|cijfers|números",
        _facts(*_QUANTITIES, "number"),
    ),
    ("names?|people|persons?|contacts?|namen|personen|noms?|personnes|nombres|nomi|nomes|pessoas", names_person),
    ("obligations?|dut(?:y|ies)|requirements?|rules?|pflichten|obligaciones|obblighi", _says(_DUTY)),
    ("risks?|dangers?|hazards?|warnings?|risiken|risques|riesgos|rischi", _says(_RISK)),
)
# What stands for a whole kind of thing: a statement fits by what it holds, not by these words.
_KINDS = tuple((re.compile(rf"(?:{words})$", re.IGNORECASE), sign) for words, sign in _FORMS_OF_KINDS)
# What such words are likely to come with, without being asked for by themselves.
_LIKELY = (
    (
        re.compile(r"prices?|costs?|fees?|payments?|penalt\w+|money|tariffs?|charges|fines", re.IGNORECASE),
        _facts("money", "percent"),
    ),
    (re.compile(r"limits?|thresholds?|tolerances?|maxim\w+|minim\w+", re.IGNORECASE), _facts(*_QUANTITIES)),
)
_MONEY = re.compile(r"\b(?:amounts?|sums?) of money\b", re.IGNORECASE)
_WHOLE = re.compile(
    r"\b(?:summari\w+|overview|documents?|text|paper|handbook|manual|contract|agreement|report|article|book|about|key|main|"
    r"points?|list|give|find|extract|show|short|brief|mention\w*|occurrences?|references?|important|roles?|everything|content\w*)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Wanted:
    """One thing that is looked for: its words, a sign of its kind, or both."""

    terms: tuple[tuple[float, Mapping[str, float]], ...]
    sign: Sign | None
    likely: Sign | None

    def match(self, statement: Statement, above: frozenset[str], vocabulary: Vocabulary) -> float:
        parts: list[float] = []
        if self.terms:
            share = sum(w * max(_held(statement.stems, f), _SECTION * _held(above, f)) for w, f in self.terms)
            parts.append(share / sum(weight for weight, _ in self.terms))
        if self.sign:
            parts.append(float(self.sign(statement, vocabulary)))
        score = sum(parts) / len(parts)
        if min(parts) == 0.0:
            # A kind alone is less than the words alone, where both were given.
            score = min(score, _KIND_ALONE if parts[0] == 0.0 else _WORDS_ALONE)
        return min(1.0, score * (1.0 - _SOFT) + _SOFT * self.likely(statement, vocabulary)) if self.likely else score


@dataclass(frozen=True)
class Focus:
    """Everything that a reading looks for; false where it looks for nothing in particular."""

    wanted: tuple[_Wanted, ...]
    named: bool
    """Whether it names anything, be it in the text or not."""
    vocabulary: Vocabulary

    def __bool__(self) -> bool:
        return self.named

    @classmethod
    def of(cls, focus: str | None, vocabulary: Vocabulary, statements: Sequence[Statement]) -> "Focus":
        """Take a focus apart at "and" and commas; words that no statement holds are left out."""
        known = {stem for statement in statements for stem in statement.stems}
        known |= {stem for above in {_above(s) for s in statements} for stem in vocabulary.terms(above)}
        text = _MONEY.sub("money", (focus or "")[:_LOOKED_AT])
        parts = [part.strip(" ?.!") for part in _ALTERNATIVES.split(text)]
        wanted = [_wanted(part, vocabulary, statements, known) for part in parts if part][:_MOST_PARTS]
        named = any(wanted) or bool(vocabulary.terms(_WHOLE.sub(" ", text)))
        return cls(tuple(one for one in wanted if one is not None), named, vocabulary)

    def match(self, statement: Statement) -> float:
        """Return how well a statement fits the focus, 0 to 1."""
        if not self.wanted:
            return 0.0
        above = frozenset(self.vocabulary.terms(_above(statement)))
        return max(one.match(statement, above, self.vocabulary) for one in self.wanted)


def _above(statement: Statement) -> str:
    """Return what stands above a statement: its headings, and the names of a row's columns."""
    return f"{statement.section} {statement.head}"


def _wanted(text: str, vocabulary: Vocabulary, statements: Sequence[Statement], known: set[str]) -> _Wanted | None:
    """Return what one part of a focus looks for, or nothing where no statement could fit."""
    likely = next((sign for pattern, sign in _LIKELY if pattern.search(text)), None)
    sign = next((sign for pattern, sign in _KINDS if pattern.search(text)), None)
    rest = next((pattern.sub("", text) for pattern, _ in _KINDS if pattern.search(text)), text)
    terms: list[tuple[float, Mapping[str, float]]] = []
    named = read_question(_WHOLE.sub(" ", rest), vocabulary).terms
    for term in named:
        found = matching_stems(term.stem, known)
        if any(stem in known for stem in found):
            held = sum(any(stem in statement.stems for stem in found) for statement in statements)
            terms.append((_weight(term, len(statements), held), found))
    # "Telephone numbers" are not any numbers where nobody speaks of telephones.
    return _Wanted(tuple(terms), sign, likely) if terms or (sign and not named) else None


def _weight(term: QuestionTerm, total: int, held: int) -> float:
    return term.weight * math.log(1.0 + (total + 1.0) / (1.0 + held))


def _held(stems: frozenset[str], found: Mapping[str, float]) -> float:
    return max((value for stem, value in found.items() if stem in stems), default=0.0)
