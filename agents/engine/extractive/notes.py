"""WindowNotes: what one window of a document holds, in its own sentences.

TextRank, the place of a sentence and its wording say how well it stands for its window; other sentences are noted for
their dates, figures and names. A focus is taken apart into targets, each of them words, a kind of thing, or both; it
biases the ranking, and in an extraction it alone decides.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agents.engine.extractive.facts import Fact, FactKind, find_facts
from agents.engine.extractive.statements import Statement, chapter, quotable, read_statements, shortened
from agents.engine.extractive.textrank import cosine_similarity, key_words, pick, textrank
from agents.engine.tasks.reading import MAX_NOTE_CHARACTERS, MAX_NOTES, NotesResult, WindowNotes
from agents.language.stems import Vocabulary
from agents.schema import NoteKind, Passage

_MAX_TOPIC_CHARS = 120
_SAMPLE_CHARS = 4_000


def window_notes(task: WindowNotes) -> NotesResult:
    """Note the sentences that stand for a window, the most important first; a focus decides what counts."""
    window = Window(task.evidence, task.focus)
    if task.mode != "extraction":
        chosen = window.points(task.most)
    elif window.focus:
        chosen = window.items()[: task.most]
    else:
        chosen = window.facts([], task.most)
    return NotesResult.of(found.text(task.evidence) for found in chosen)


def window_facts(evidence: Sequence[Passage], noted: Sequence[str], limit: int) -> tuple["NotedFact", ...]:
    """Return sentences that hold a date, a figure or a name, and are not noted yet, the kinds in turn.

    Args:
        evidence: The window.
        noted: The texts of the notes from it.
        limit: How many facts to return at most.
    """
    found = Window(evidence, None).facts(noted, limit)
    return tuple(NotedFact(each.kind, each.text(evidence), quotable(each.statement, evidence)) for each in found)


def window_topic(evidence: Sequence[Passage]) -> str:
    """Return the heading that most of a window stands under, else its most frequent words."""
    return shortened(Window(evidence, None).topic(), _MAX_TOPIC_CHARS) or "Text"


@dataclass(frozen=True)
class NotedFact:
    """A sentence of a window, what it is noted for, and how it stands in the text."""

    kind: NoteKind
    text: str
    quote: str


@dataclass(frozen=True)
class Candidate:
    """A statement that may be noted, what for, and how much it is worth."""

    statement: Statement
    kind: NoteKind
    score: float

    def text(self, evidence: Sequence[Passage]) -> str:
        """Return the statement in words, as far as it can be quoted."""
        quote = quotable(self.statement, evidence)
        whole = len(quote) == self.statement.end - self.statement.start
        return shortened(self.statement.text if whole else " ".join(quote.split()), MAX_NOTE_CHARACTERS)


_MAX_COMPARED = 400
_MIN_TERMS = 3
_MIN_WORDS, _MAX_WORDS = 9, 45
_CUE = re.compile(
    r"\b(?:purpose|aim|goal|important|main|mainly|must|shall|required|conclu\w+|result\w*|therefore|overall|total|increase\w*|"
    r"decrease\w*|limit\w*|responsible|agree\w*|means|consists?|wichtig|ziel|zweck|objectif|objetivo|scopo)\b",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    r"\b(?:purpose|scope|introduction|abstract|summary|overview|background|conclusions?|aims?|about|einleitung|zweck|"
    r"introduc\w+|resumen|résumé|objet|conclusiones|inleiding|samenvatting)\b[^>]*$",
    re.IGNORECASE,
)
# What a sentence is worth beside its centrality (at most 1.0).
_FIRST, _INTRODUCING, _HEADING, _CUED, _ANAPHORIC, _AWKWARD, _FOCUSED = 0.25, 0.35, 0.4, 0.08, 0.25, 0.2, 0.8
_UNFOCUSED = 0.05


class Window:
    """The statements of one window, and what is to be looked for in it."""

    def __init__(self, evidence: Sequence[Passage], focus: str | None) -> None:
        sample = evidence[len(evidence) // 2].text[:_SAMPLE_CHARS] if evidence else ""
        self._vocabulary = Vocabulary.of(sample)
        statements = read_statements(evidence, self._vocabulary)
        # What stands on many pages, what only announces, and what says too little is not worth a note.
        counts = Counter(statement.text for statement in statements)
        min_terms = _MIN_TERMS if len(statements) > MAX_NOTES else 1
        self._statements = [
            statement
            for statement in statements
            if counts[statement.text] < 3
            and len(statement.stems) >= min_terms
            and not statement.text.endswith(("?", ":"))
        ]
        self.focus = Focus.of(focus, self._vocabulary, self._statements)

    def points(self, limit: int) -> list[Candidate]:
        """Return the central sentences, best first, spread over the chapters."""
        prose = self._prose()
        similarity = cosine_similarity([statement.stems for statement in prose])
        fits = [self.focus.match(statement) for statement in prose]
        central = textrank(similarity, [_UNFOCUSED + fit for fit in fits] if self.focus else None)
        headings = {s.section: frozenset(self._vocabulary.terms(s.section)) for s in prose}
        scores = [
            central[index] + _FOCUSED * fits[index] + self._merit(prose, index, headings[statement.section])
            for index, statement in enumerate(prose)
        ]
        chapters = [chapter(statement.section) for statement in prose]
        return [Candidate(prose[index], "point", scores[index]) for index in pick(scores, similarity, limit, chapters)]

    def facts(self, noted: Sequence[str], limit: int) -> list[Candidate]:
        """Return sentences not yet noted that hold a date, a figure or a name, the kinds in turn."""
        known = set(noted)
        found: dict[NoteKind, list[Candidate]] = {"figure": [], "date": [], "name": []}
        for statement in self._statements:
            kind = None if statement.text in known else self._kind(statement)
            if kind is not None:
                score = self.focus.match(statement) - 0.002 * abs(len(statement.words) - 18)
                score -= 0.1 * (statement.form == "row") + _ANAPHORIC * _opens_with_anaphor(statement)
                found[kind].append(Candidate(statement, kind, score))
        for candidates in found.values():
            candidates.sort(key=lambda candidate: -candidate.score)
        chosen: list[Candidate] = []
        sections: Counter[str] = Counter()
        while len(chosen) < limit and any(found.values()):
            for candidates in found.values():
                if candidates and len(chosen) < limit:
                    best = range(min(8, len(candidates)))
                    place = min(best, key=lambda i: (sections[candidates[i].statement.section], i))
                    chosen.append(candidates.pop(place))
                    sections[chosen[-1].statement.section] += 1
        return chosen

    def items(self) -> list[Candidate]:
        """Return the statements that fit the focus best, in the order of the text."""
        scored = [Candidate(statement, "item", self.focus.match(statement)) for statement in self._statements]
        best = max((candidate.score for candidate in scored), default=0.0)
        matching = [candidate for candidate in scored if 0 < candidate.score >= 0.5 * best]
        order = sorted(range(len(matching)), key=lambda index: -matching[index].score)[:MAX_NOTES]
        return [matching[index] for index in sorted(order)]

    def topic(self) -> str:
        """Return the heading that most of the window stands under, else its most frequent words, else nothing."""
        counts: Counter[str] = Counter()
        for statement in self._statements:
            counts.update(dict.fromkeys((part for part in statement.section.split(" > ") if part), 1))
        if counts:
            widest = max(counts.values())
            title = [part for part, count in counts.items() if count == widest][-1]
            below = [part for part, count in counts.most_common(4) if count < widest]
            return f"{title}: {', '.join(below[:3])}" if len(below) > 1 and widest == len(self._statements) else title
        spelling = {
            word.stem: word.text.lower()
            for statement in self._statements
            for word in reversed(statement.words)
            if len(word.text) > 3
        }
        return ", ".join(key_words([statement.stems for statement in self._statements], spelling, 4))

    def _prose(self) -> list[Statement]:
        """Return the statements to compare with each other, at most 400: each section's first, and recurring words."""
        prose = [s for s in self._statements if s.form != "row" and "://" not in s.text] or self._statements
        if len(prose) <= _MAX_COMPARED:
            return prose
        counts = Counter(stem for statement in prose for stem in statement.stems)
        weight = [sum(counts[stem] for stem in s.stems) / (8.0 + len(s.stems)) for s in prose]
        first = set({s.section: index for index, s in reversed(list(enumerate(prose)))}.values())
        order = sorted(range(len(prose)), key=lambda i: (i not in first, -weight[i], i))
        return [prose[index] for index in sorted(order[:_MAX_COMPARED])]

    def _merit(self, statements: Sequence[Statement], index: int, heading: frozenset[str]) -> float:
        """Return what a sentence is worth for where it stands and how it is written."""
        statement = statements[index]
        words = len(statement.words)
        merit = _HEADING * len(statement.stems & heading) / (2.0 + len(heading))
        merit += _CUED * bool(_CUE.search(statement.text))
        if index == 0 or statements[index - 1].section != statement.section:
            merit += _FIRST + _INTRODUCING * bool(_INTRODUCTION.search(statement.section))
        merit -= _ANAPHORIC * _opens_with_anaphor(statement)
        # What begins in a small letter is the rest of a sentence that a column or a page has parted.
        awkward = (statement.form == "item", statement.text[0].islower(), words < _MIN_WORDS, words > _MAX_WORDS)
        return merit - _AWKWARD * sum(awkward)

    def _kind(self, statement: Statement) -> NoteKind | None:
        """Return what a statement is worth noting for beside its point."""
        kinds = {fact.kind for fact in _facts(statement, self._vocabulary)}
        if kinds & {"date", "time"}:
            return "date"
        if kinds & {"money", "percent", "quantity", "duration", "frequency"}:
            return "figure"
        return "name" if _names_person(statement, self._vocabulary) else None


@dataclass(frozen=True)
class Sign:
    """What shows that a statement holds a kind of thing: a fact, a person's name, or the words of a pattern."""

    kinds: tuple[FactKind | Literal["person"], ...] = ()
    pattern: re.Pattern[str] | None = None

    def found_in(self, statement: Statement, vocabulary: Vocabulary) -> bool:
        """Whether a statement shows it."""
        if self.pattern:
            return bool(self.pattern.search(statement.text))
        if "person" in self.kinds:
            return _names_person(statement, vocabulary)
        return any(fact.kind in self.kinds for fact in _facts(statement, vocabulary))


_DUTY = re.compile(
    r"\b(?:shall|must|required|may not|ha(?:s|ve) to|responsible|muss|müssen|debe|doit|deve|moet)\b", re.IGNORECASE
)
_RISK = re.compile(
    r"\b(?:risk|danger\w*|hazard\w*|warning|poison\w*|explo\w+|injur\w+|never|nobody shall|forbidden|fail\w*)\b",
    re.IGNORECASE,
)
_QUANTITIES: tuple[FactKind, ...] = ("quantity", "percent", "money", "duration")
# Words that stand for a whole kind of thing: a statement fits by what it holds, not by these words.
_KINDS = tuple(
    (re.compile(rf"(?:{words})$", re.IGNORECASE), sign)
    for words, sign in (
        ("money|sums|geld|geldbeträge|argent|dinero|denaro", Sign(("money",))),
        ("dates?|timeline|chronology|years?|daten|termine|fechas?|datas?", Sign(("date", "time"))),
        (
            "deadlines?|time limits?|due dates?|fristen?|délais?|plazos?|scadenze|termijnen|prazos",
            Sign(("date", "time", "duration")),
        ),
        ("periods?|durations?|intervals?|times", Sign(("duration", "frequency", "time"))),
        (
            r"figures?|numbers?|amounts?|quantit\w+|values?|measurements?|zahlen|chiffres|cifras|cifre|cijfers|números",
            Sign((*_QUANTITIES, "number")),
        ),
        (
            "names?|people|persons?|contacts?|namen|personen|noms?|personnes|nombres|nomi|nomes|pessoas",
            Sign(("person",)),
        ),
        ("obligations?|dut(?:y|ies)|requirements?|rules?|pflichten|obligaciones|obblighi", Sign(pattern=_DUTY)),
        ("risks?|dangers?|hazards?|warnings?|risiken|risques|riesgos|rischi", Sign(pattern=_RISK)),
    )
)
# Words that are likely to come with a kind of thing, without asking for it alone.
_LIKELY = (
    (
        re.compile(r"prices?|costs?|fees?|payments?|penalt\w+|money|tariffs?|charges|fines", re.IGNORECASE),
        Sign(("money", "percent")),
    ),
    (re.compile(r"limits?|thresholds?|tolerances?|maxim\w+|minim\w+", re.IGNORECASE), Sign(_QUANTITIES)),
)
_MONEY = re.compile(r"\b(?:amounts?|sums?) of money\b", re.IGNORECASE)
# Words of a focus that name nothing in particular.
_UNSPECIFIC = re.compile(
    r"\b(?:summari\w+|overview|documents?|text|paper|handbook|manual|contract|agreement|report|article|book|about|key|main|"
    r"points?|list|give|find|extract|show|short|brief|mention\w*|occurrences?|references?|important|roles?|everything|content\w*)\b",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r",|;|/|\b(?:and|or|as well as|und|oder|et|ou|y|e|en|of)\b", re.IGNORECASE)
_MAX_FOCUS_CHARS, _MAX_TARGETS = 2_000, 12
_ABOVE, _LIKELIHOOD = 0.6, 0.2
_WORDS_ALONE, _KIND_ALONE = 0.4, 0.15


@dataclass(frozen=True)
class Focus:
    """Everything that a reading looks for; false where it looks for nothing in particular."""

    targets: tuple["Target", ...]
    specific: bool
    """Whether it names anything, be it in the text or not."""
    vocabulary: Vocabulary

    def __bool__(self) -> bool:
        return self.specific

    @classmethod
    def of(cls, focus: str | None, vocabulary: Vocabulary, statements: Sequence[Statement]) -> "Focus":
        """Take a focus apart at "and" and commas; words that no statement holds are left out."""
        known = {stem for statement in statements for stem in statement.stems}
        known |= {stem for above in {s.above for s in statements} for stem in vocabulary.terms(above)}
        text = _MONEY.sub("money", (focus or "")[:_MAX_FOCUS_CHARS])
        parts = [part.strip(" ?.!") for part in _SEPARATOR.split(text)]
        found = [Target.of(part, vocabulary, statements, known) for part in parts if part][:_MAX_TARGETS]
        targets = tuple(target for target in found if target)
        return cls(targets, bool(targets) or bool(vocabulary.terms(_UNSPECIFIC.sub(" ", text))), vocabulary)

    def match(self, statement: Statement) -> float:
        """Return how well a statement fits the focus, 0 to 1."""
        if not self.targets:
            return 0.0
        above = frozenset(self.vocabulary.terms(statement.above))
        return max(target.match(statement, above, self.vocabulary) for target in self.targets)


@dataclass(frozen=True)
class Target:
    """One thing that is looked for: its words, a sign of its kind, or both."""

    terms: tuple[tuple[float, str], ...]
    """The weight of each word, and its stem."""
    sign: Sign | None
    likely: Sign | None

    @classmethod
    def of(cls, text: str, vocabulary: Vocabulary, statements: Sequence[Statement], known: set[str]) -> "Target | None":
        """Return what one part of a focus looks for, or nothing where no statement could fit."""
        likely = next((sign for pattern, sign in _LIKELY if pattern.search(text)), None)
        kind, sign = next((each for each in _KINDS if each[0].search(text)), (None, None))
        terms: list[tuple[float, str]] = []
        named = dict.fromkeys(vocabulary.terms(_UNSPECIFIC.sub(" ", kind.sub("", text) if kind else text)))
        for stem in named:
            if stem in known:
                held = sum(stem in statement.stems for statement in statements)
                terms.append((math.log(1.0 + (len(statements) + 1.0) / (1.0 + held)), stem))
        # "Telephone numbers" are not any numbers where nobody speaks of telephones.
        return cls(tuple(terms), sign, likely) if terms or (sign and not named) else None

    def match(self, statement: Statement, above: frozenset[str], vocabulary: Vocabulary) -> float:
        """Return how well a statement fits, 0 to 1; `above` are the stems of its headings and its table's head."""
        parts: list[float] = []
        if self.terms:
            held = (
                weight * max(float(stem in statement.stems), _ABOVE * (stem in above)) for weight, stem in self.terms
            )
            parts.append(sum(held) / sum(weight for weight, _ in self.terms))
        if self.sign:
            parts.append(float(self.sign.found_in(statement, vocabulary)))
        score = sum(parts) / len(parts)
        if min(parts) == 0.0:
            # A kind alone is worth less than the words alone, where both were given.
            score = min(score, _KIND_ALONE if parts[0] == 0.0 else _WORDS_ALONE)
        if self.likely:
            score = score * (1.0 - _LIKELIHOOD) + _LIKELIHOOD * self.likely.found_in(statement, vocabulary)
        return min(1.0, score)


_ANAPHOR = re.compile(
    r"\b(?:[Ii]ts?|[Tt]his|[Tt]hese|[Tt]hose|[Tt]hey|[Tt]heir|[Tt]hem|[Hh]e|[Ss]he|[Hh]is|[Hh]er|[Hh]im|[Ss]uch|[Bb]oth|"
    r"That|Neither|Either|Otherwise|Therefore|Sie|Er|Es|Dies\w*|Ils?|Elles?|Cela|Est[eoa]|Quest[oa]|Dit|Deze)\b"
)


def _opens_with_anaphor(statement: Statement) -> bool:
    return bool(_ANAPHOR.search(statement.text[:40]))


def _facts(statement: Statement, vocabulary: Vocabulary) -> list[Fact]:
    return find_facts(statement.text, vocabulary.language)


def _names_person(statement: Statement, vocabulary: Vocabulary) -> bool:
    return any(fact.is_person(statement.text) for fact in _facts(statement, vocabulary))
