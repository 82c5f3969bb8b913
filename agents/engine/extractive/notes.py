"""What a reading is to look for above all."""
# MERGED """WindowNotes: what one window of a document holds, in its own sentences."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agents.engine.extractive.matching import ANAPHOR, matching_stems, names_person
from agents.engine.extractive.questions import QuestionTerm, read_question
from agents.engine.extractive.statements import Statement, read_statements, shortened
from agents.engine.extractive.textrank import cosine_similarity, key_words, pick, textrank
from agents.engine.tasks.reading import Note, NotesResult, WindowNotes
from agents.language.stems import Vocabulary
from agents.schema import Mode, NoteKind, Passage

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


_MOST_NOTES = 16
_MOST_COMPARED = 400
_FACTS: dict[Mode, int] = {"summary": 6, "detailed": 4, "comparison": 0, "extraction": 16}
"""How many notes are for facts beside the points."""
_LONGEST_NOTE, _LONGEST_QUOTE, _LONGEST_TOPIC = 300, 400, 120
_MOST_WORDS = 60
_FEWEST_TERMS = 3
_SAMPLE = 4_000
_CUE = re.compile(
    r"\b(?:purpose|aim|goal|important|main|mainly|must|shall|required|conclu\w+|result\w*|therefore|overall|total|increase\w*|"
    r"decrease\w*|limit\w*|responsible|agree\w*|means|consists?|wichtig|ziel|zweck|objectif|important|objetivo|scopo)\b",
    re.IGNORECASE,
)
_INTRODUCTION = re.compile(
    r"\b(?:purpose|scope|introduction|abstract|summary|overview|background|conclusions?|aims?|about|einleitung|zweck|"
    r"introduc\w+|resumen|résumé|objet|conclusiones|inleiding|samenvatting)\b[^>]*$",
    re.IGNORECASE,
)
_OPENING = 40
_SHORT, _LONG = 9, 45
# What a sentence is worth beside its centrality (at most 1.0).
_FIRST, _ABOUT_ITSELF, _HEADING, _CUE_WORTH, _LEANING, _AWKWARD, _FOCUS, _UNFOCUSED = (
    0.25,
    0.35,
    0.4,
    0.08,
    0.25,
    0.2,
    0.8,
    0.05,
)


@dataclass(frozen=True)
class _Candidate:
    statement: Statement
    kind: NoteKind
    score: float


def window_notes(task: WindowNotes) -> NotesResult:
    """Note the sentences that stand for a window, the weightiest first; a focus steers what counts."""
    vocabulary = Vocabulary.of(_sample(task.evidence))
    statements = _worth_noting(read_statements(task.evidence, vocabulary))
    focus = Focus.of(task.focus, vocabulary, statements)
    if task.mode == "extraction":
        chosen = _extracted(statements, focus, vocabulary)
    else:
        chosen = _summed_up(statements, focus, vocabulary, facts=_FACTS[task.mode])
    notes = tuple(_note(task.evidence, candidate) for candidate in chosen)
    return NotesResult(topic=_topic(task, statements), notes=notes)


def _sample(evidence: Sequence[Passage]) -> str:
    return evidence[len(evidence) // 2].text[:_SAMPLE] if evidence else ""


def _worth_noting(statements: Sequence[Statement]) -> list[Statement]:
    """Leave out what stands on many pages, what only announces, and what says too little."""
    counts = Counter(statement.text for statement in statements)
    fewest = _FEWEST_TERMS if len(statements) > _MOST_NOTES else 1
    return [
        statement
        for statement in statements
        if counts[statement.text] < 3 and len(statement.stems) >= fewest and not statement.text.endswith(("?", ":"))
    ]


def _summed_up(statements: Sequence[Statement], focus: Focus, vocabulary: Vocabulary, facts: int) -> list[_Candidate]:
    """Return the central sentences as points, and beside them sentences for their figures, dates and names."""
    prose = _strongest([s for s in statements if s.form != "row"] or list(statements))
    alike = cosine_similarity([statement.stems for statement in prose])
    fits = [focus.match(statement) for statement in prose]
    central = textrank(alike, [_UNFOCUSED + fit for fit in fits] if focus else None)
    headings = {section: frozenset(vocabulary.terms(section)) for section in {s.section for s in prose}}
    scores = [
        central[index] + _FOCUS * fits[index] + _standing(prose, index, headings[statement.section])
        for index, statement in enumerate(prose)
    ]
    chapters = [statement.section.rpartition(" > ")[0] or statement.section for statement in prose]
    points = pick(scores, alike, _MOST_NOTES - facts, chapters)
    chosen = [_Candidate(prose[index], "point", scores[index]) for index in points]
    return (
        [*chosen, *_with_facts(statements, [prose[i] for i in points], focus, vocabulary, _MOST_NOTES - len(chosen))]
        if facts
        else chosen
    )


def _standing(statements: Sequence[Statement], index: int, heading: frozenset[str]) -> float:
    """Return what a sentence is worth for where it stands and how it is written."""
    statement = statements[index]
    words = len(statement.words)
    worth = _HEADING * len(statement.stems & heading) / (2.0 + len(heading)) + _CUE_WORTH * bool(
        _CUE.search(statement.text)
    )
    if index == 0 or statements[index - 1].section != statement.section:
        worth += _FIRST + _ABOUT_ITSELF * bool(_INTRODUCTION.search(statement.section))
    if ANAPHOR.search(statement.text[:_OPENING]):
        worth -= _LEANING
    return worth - _AWKWARD * ((statement.form == "item") + (words < _SHORT) + (words > _LONG))


def _strongest(statements: list[Statement]) -> list[Statement]:
    """Return at most 400 statements to compare with each other: those whose words recur most, in their order."""
    if len(statements) <= _MOST_COMPARED:
        return statements
    counts = Counter(stem for statement in statements for stem in statement.stems)
    weight = [sum(counts[s] for s in statement.stems) / (8.0 + len(statement.stems)) for statement in statements]
    first = {section: index for index, section in reversed(list(enumerate(s.section for s in statements)))}
    order = sorted(range(len(statements)), key=lambda i: (i not in first.values(), -weight[i], i))
    return [statements[index] for index in sorted(order[:_MOST_COMPARED])]


def _with_facts(
    statements: Sequence[Statement],
    noted: Sequence[Statement],
    focus: Focus,
    vocabulary: Vocabulary,
    limit: int,
) -> list[_Candidate]:
    """Return sentences not yet noted that hold a date, a figure or a name, the kinds in turn."""
    known = {id(statement) for statement in noted}
    found: dict[NoteKind, list[_Candidate]] = {"figure": [], "date": [], "name": []}
    for statement in statements:
        kind = None if id(statement) in known else _kind(statement, vocabulary)
        if kind is not None:
            score = focus.match(statement) - 0.002 * abs(len(statement.words) - 18) - 0.1 * (statement.form == "row")
            score -= _LEANING * bool(ANAPHOR.search(statement.text[:_OPENING]))
            found[kind].append(_Candidate(statement, kind, score))
    for candidates in found.values():
        candidates.sort(key=lambda candidate: -candidate.score)
    chosen: list[_Candidate] = []
    sections: Counter[str] = Counter()
    while len(chosen) < limit and any(found.values()):
        for candidates in found.values():
            if candidates and len(chosen) < limit:
                place = min(
                    range(min(8, len(candidates))), key=lambda i: (sections[candidates[i].statement.section], i)
                )
                chosen.append(candidates.pop(place))
                sections[chosen[-1].statement.section] += 1
    return chosen


def _kind(statement: Statement, vocabulary: Vocabulary) -> NoteKind | None:
    """Return what a statement is worth noting for beside its point."""
    kinds = [fact.kind for fact in statement.facts(vocabulary)]
    if "date" in kinds or "time" in kinds:
        return "date"
    if any(kind in kinds for kind in ("money", "percent", "quantity", "duration", "frequency")):
        return "figure"
    return "name" if names_person(statement, vocabulary) else None


def _extracted(statements: Sequence[Statement], focus: Focus, vocabulary: Vocabulary) -> list[_Candidate]:
    """Return every statement that the focus asks for; without one, those that hold facts."""
    if not focus:
        return _with_facts(statements, [], focus, vocabulary, _MOST_NOTES)
    scored = [(focus.match(statement), statement) for statement in statements]
    best = max((score for score, _ in scored), default=0.0)
    matching = [_Candidate(s, "item", score) for score, s in scored if score > 0 and score >= 0.5 * best]
    strongest = sorted(matching, key=lambda candidate: -candidate.score)[:_MOST_NOTES]
    return [candidate for candidate in matching if any(candidate is kept for kept in strongest)]


def _note(evidence: Sequence[Passage], candidate: _Candidate) -> Note:
    statement = candidate.statement
    passage = evidence[statement.passage].text
    end = _quote_end(passage, statement.start, statement.end)
    text = statement.text if end == statement.end else " ".join(passage[statement.start : end].split())
    return Note(kind=candidate.kind, text=shortened(text, _LONGEST_NOTE), quote=passage[statement.start : end])


def _quote_end(text: str, start: int, end: int) -> int:
    """Return where a quote of at most 60 words and 400 characters ends, at a word."""
    words = list(re.finditer(r"\S+", text[start:end]))[:_MOST_WORDS]
    fitting = [word.end() for word in words if word.end() <= _LONGEST_QUOTE]
    return start + (fitting[-1] if fitting else min(end - start, _LONGEST_QUOTE))


def _topic(task: WindowNotes, statements: Sequence[Statement]) -> str:
    """Return the heading that most of the window stands under, or its most frequent words."""
    counts: Counter[str] = Counter()
    for statement in statements:
        parts = [part for part in statement.section.split(" > ") if part]
        counts.update(dict.fromkeys(parts, 1))
    if counts:
        widest = max(counts.values())
        telling = [part for part, count in counts.items() if count == widest]
        below = [part for part, _ in counts.most_common(4) if part not in telling]
        title = telling[-1] if len(below) < 2 or widest < len(statements) else f"{telling[-1]}: {', '.join(below[:3])}"
        return shortened(title, _LONGEST_TOPIC)
    spelled = {
        word.stem: word.text.lower()
        for statement in statements
        for word in reversed(statement.words)
        if len(word.text) > 3
    }
    words = key_words([statement.stems for statement in statements], spelled, 4)
    return shortened(", ".join(words) or next(iter(task.outline), "") or "Text", _LONGEST_TOPIC)
