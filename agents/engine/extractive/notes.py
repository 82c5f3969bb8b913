"""WindowNotes: what one window of a document says, in its own sentences.

A summary takes prose that stands alone: sentences near the window's centroid, and those that open the document or a
section. An extraction takes whatever holds the words of its focus, or else every figure, date and name.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import zip_longest
from statistics import median, quantiles
from typing import NamedTuple

from agents.engine.extractive.salience import centrality, pick, vectors
from agents.engine.extractive.statements import Statement, quotable, read_statements, shortened
from agents.engine.tasks.reading import MAX_NOTE_CHARACTERS, NotesResult, WindowNotes
from agents.language.lexicon import ENGLISH, LANGUAGES, Language
from agents.language.sentences import ends_sentence, is_whole_sentence
from agents.language.stems import Vocabulary, Word
from agents.schema import NoteKind, Passage


def window_notes(task: WindowNotes) -> NotesResult:
    """Note the sentences that stand for a window, the most important first; a focus decides what counts."""
    window = Window(task.evidence, task.focus)
    if task.mode != "extraction":
        return NotesResult.of(window.text(each) for each in window.points(task.most, whole=task.mode == "comparison"))
    if task.focus:
        return NotesResult.of(window.text_in_context(each) for each in window.matching(task.most))
    return NotesResult.of(window.text(each) for _, each in window.facts((), task.most, whole=True))


class NotedFact(NamedTuple):
    """A sentence of a window, what it is noted for, and how it stands in the text."""

    kind: NoteKind
    text: str
    quote: str


def window_facts(evidence: Sequence[Passage], noted: Collection[str], limit: int) -> list[NotedFact]:
    """Return the most central sentences with a figure, a date or a name, the kinds in turn, without those noted."""
    window = Window(evidence, None)
    found = window.facts(noted, limit, whole=False)
    return [NotedFact(kind, window.text(each), quotable(each, evidence)) for kind, each in found]


class Weights(NamedTuple):
    """What a sentence is worth beside its centrality (at most 1); `benchmarks/extracts.py --vary` measures each."""

    first: float = 0.2
    """The first of its section."""
    figure: float = 0.15
    """With an amount, a percentage or a count."""
    opening: float = 1.0
    """It says what the document is."""
    focus: float = 1.5
    """It fits the focus in full."""
    short: float = -0.5
    fragment: float = -0.5


WEIGHTS = Weights()
_FEW_WORDS = 8
"""In so few words the most frequent one makes a sentence look central."""
_SHARE = 10
"""Of so many sentences one is noted, but in the window that begins a document: a list of references yields no notes."""
_FEW_SENTENCES = 8
"""With fewer nothing is usual in a window."""
_LEAST_PROSE = 3
"""Sentences. With fewer a window is a table or a list, of which all is looked at."""
_BEGINNING = 100
"""Statements among which the one is sought that says what the document is."""
_SAMPLE_CHARACTERS = 200
"""Of each passage, for telling the language: a single passage may be a quotation or a table."""


class Window:
    """The statements of one window, and what is to be looked for in it."""

    def __init__(self, evidence: Sequence[Passage], focus: str | None, weights: Weights = WEIGHTS) -> None:
        self._evidence, self._weights = evidence, weights
        self._vocabulary = Vocabulary.of("\n".join(passage.text[:_SAMPLE_CHARACTERS] for passage in evidence))
        read = read_statements(evidence, self._vocabulary)
        # What recurs is a page's head or foot, or says nothing of its own; what ends in a colon only leads to more.
        counts = Counter(statement.text for statement in read)
        self._statements = [each for each in read if counts[each.text] < 3 and not each.text.endswith((":", "?"))]
        self._above: dict[str, frozenset[str]] = {}
        self._focus = Focus.of(focus, self._vocabulary, [each.stems for each in self._statements]) if focus else None

    @cached_property
    def _prose(self) -> "Prose":
        return Prose(self._statements, self._vocabulary.language)

    @cached_property
    def _alone(self) -> list[Statement]:
        """The sentences that say something by themselves, without those that a heading was read into."""
        return [each for each in self._statements if self._prose.stands_alone(each) and not self._is_headed(each)]

    def _is_headed(self, statement: Statement) -> bool:
        first, _, rest = self._evidence[statement.passage].text[statement.start : statement.end].partition("\n")
        return rest.lstrip()[:1].isupper() and _capitals(self._vocabulary.words(first)) == 1.0

    def points(self, limit: int, *, whole: bool) -> list[Statement]:
        """Return the sentences that stand for the window, best first; `whole` lets rows and fragments stand, too."""
        begins = bool(self._evidence) and not self._evidence[0].index
        opening = self._opening() if begins else None
        alone = {id(each) for each in (opening, *self._alone)}
        all_stand = len(self._alone) >= _LEAST_PROSE and not whole
        among = [each for each in self._statements if not all_stand or id(each) in alone]
        given, weights = vectors([each.stems for each in among]), self._weights
        scores = [
            central
            + weights.focus * self._fit(each)
            + weights.first * (before is None or before.section != each.section)
            + weights.figure * ("figure" in kinds_of(each.text, self._vocabulary.language))
            + weights.opening * (each is opening)
            + weights.short * (len(each.words) < _FEW_WORDS)
            + weights.fragment * (id(each) not in alone)
            for central, before, each in zip(centrality(given), [None, *among], among, strict=False)
        ]
        most = limit if begins or whole else min(limit, len(self._alone) // _SHARE)
        return [among[index] for index in pick(scores, given, most)]

    def _opening(self) -> Statement | None:
        """Return the sentence near the document's beginning that says what it is: with most of its title's words."""
        title = set(self._vocabulary.terms(self._evidence[0].title))
        sentences = [each for each in self._statements[:_BEGINNING] if self._prose.is_sentence(each)]
        best = max(sentences, key=lambda each: len(title & each.stems), default=None)
        return best if best and len(title & best.stems) > len(title) / 2 else None

    def facts(self, noted: Collection[str], limit: int, *, whole: bool) -> list[tuple[NoteKind, Statement]]:
        """Return the most central statements with a figure, a date or a name, the kinds in turn; as in `points`."""
        among = self._statements if whole or not self._alone else self._alone
        found: dict[NoteKind, list[tuple[NoteKind, Statement]]] = {kind: [] for kind in _KINDS}
        central = centrality(vectors([each.stems for each in among]))
        for _, statement in sorted(zip(central, among, strict=True), key=lambda pair: -pair[0]):
            kinds = kinds_of(statement.text, self._vocabulary.language)
            if kinds and statement.text not in noted:
                found[kinds[0]].append((kinds[0], statement))
        return [each for turn in zip_longest(*found.values()) for each in turn if each][:limit]

    def matching(self, limit: int) -> list[Statement]:
        """Return the statements that fit the focus best, in the order of the text."""
        fits = [(self._fit(each), -index) for index, each in enumerate(self._statements)]
        best = sorted((fit for fit in fits if fit[0] >= _HALF), reverse=True)[:limit]
        return [self._statements[index] for index in sorted(-negative for _, negative in best)]

    def _fit(self, statement: Statement) -> float:
        if self._focus is None:
            return 0.0
        kinds = kinds_of(statement.text, self._vocabulary.language) if self._focus.names_kinds else ()
        above = self._above.get(statement.above)
        if above is None:
            above = self._above[statement.above] = frozenset(self._vocabulary.terms(statement.above))
        return self._focus.match(statement.stems, above, kinds)

    def text(self, statement: Statement) -> str:
        """Return a statement in words, as far as it can be quoted."""
        quote = quotable(statement, self._evidence)
        whole = len(quote) == statement.end - statement.start
        return shortened(statement.text if whole else " ".join(quote.split()), MAX_NOTE_CHARACTERS)

    def text_in_context(self, statement: Statement) -> str:
        """Return a statement in words, behind the one before it where it leans on that and there is room."""
        text = self.text(statement)
        index = next(index for index, each in enumerate(self._statements) if each is statement)
        before = self._statements[index - 1] if index else statement
        both = f"{before.text} {text}"
        leans = before.passage == statement.passage and bool(_leaning(self._vocabulary.language.name).match(text))
        return both if leans and before is not statement and len(both) <= MAX_NOTE_CHARACTERS else text


# Where words are parted by spaces no sentence begins in digits: it is the rest of one, or a line of a table.
_DIGITS_FIRST = re.compile(r"\d\S*\s")
# One without the other is part of a sentence.
_PAIRS = ("()", "[]", "“”", "「」")
# What stands for something said before, or goes on from it, as the first word of a sentence.
_LEANING: Mapping[str, str] = {
    "English": r"its?|this|these|those|they|their|he|she|his|her|such|and|but|or|then|thus|therefore|hence|so",
    "German": r"er|sie|es|dies\w*|deren|dessen|seine?|ihre?|und|aber|oder|dann|daher|deshalb|so",
    "French": r"ils?|elles?|cel\w+|ceux|ce|cette|ces|et|mais|ou|donc|alors|ainsi",
    "Spanish": r"él|ellas?|ellos|est[aeo]s?|es[ao]s?|y|pero|o|entonces|así",
    "Italian": r"quest[aeio]|egli|ess[aieo]|lui|lei|e|ma|o|allora|quindi|così",
    "Portuguese": r"el[ae]s?|est[ae]s?|ess[ae]s?|isto|isso|e|mas|ou|então|assim",
    "Dutch": r"hij|zij|ze|het|deze|die|dit|dat|en|maar|of|dan|dus",
    "Chinese": r"[他她它其这那此该]\w*",
    "Japanese": r"(?:これ|それ|あれ|この|その|あの|彼|また)\w*",
    "Korean": r"(?:이는|그는|그녀|이것|그것|그러나)\w*",
}


@lru_cache(maxsize=len(LANGUAGES))
def _leaning(name: str) -> re.Pattern[str]:
    """Return what a sentence begins with that leans on the one before: such a word, or any word and a comma."""
    return re.compile(rf"(?:{_LEANING.get(name, '(?!)')})\b(?!-)|\w+, ", re.IGNORECASE)


class Prose:
    """What tells a window's sentences from the headings, tables and lists that were read as sentences.

    Both limits come from the window's own sentences, so that they hold for every language.
    """

    def __init__(self, statements: Sequence[Statement], language: Language) -> None:
        self._leaning = _leaning(language.name)
        ending = [each for each in statements if _ends(each) and len(each.words) >= _FEW_WORDS]
        self._least_function_words, self._most_capitals = 0.0, 1.0
        if len(ending) >= _FEW_SENTENCES:
            self._least_function_words = 0.6 * quantiles(map(_function_words, ending), n=4)[2]
            self._most_capitals = (1.0 + median(_capitals(each.words) for each in ending)) / 2

    def is_sentence(self, statement: Statement) -> bool:
        """Whether a statement is a whole sentence; what begins with a quotation mark is a definition, or speech."""
        text = statement.text
        return (
            statement.form != "row"
            and is_whole_sentence(text)
            and not _DIGITS_FIRST.match(text)
            and not text.count('"') % 2
            and all(text.count(opening) == text.count(closing) for opening, closing in _PAIRS)
            and _function_words(statement) >= self._least_function_words
        )

    def stands_alone(self, statement: Statement) -> bool:
        """Whether a statement is a sentence that is understood without those before it, and short enough to be read."""
        return (
            self.is_sentence(statement)
            and len(statement.text) <= MAX_NOTE_CHARACTERS
            and "://" not in statement.text
            and not self._leaning.match(statement.text)
            and _capitals(statement.words) <= self._most_capitals
        )


def _ends(statement: Statement) -> bool:
    return statement.form != "row" and ends_sentence(statement.text)


def _function_words(statement: Statement) -> float:
    return sum(word.function for word in statement.words) / len(statement.words)


def _capitals(words: Sequence[Word]) -> float:
    """Return the share of the words of content, the first left out, that begin with a capital."""
    capital = [word.text[0].isupper() for word in words[1:] if not word.function and word.text[0].isalpha()]
    return sum(capital) / len(capital) if capital else 0.0


_CAPITAL = "[A-ZÀ-ÖØ-ÞΑ-ΩА-Я]"
_YEAR = r"(?:1[5-9]|20)\d{2}"
_NUMBER = r"(?<![\w.,])\d{1,15}(?:[.,'’\u00a0]\d{3})*(?:[.,]\d+)?"
# Section 4.2, Form 941, and what begins a clause: no figures.
_LABEL = re.compile(
    rf"\b{_CAPITAL}[\w’'-]*\.?\s\(?\d[\d.]*(?:\(\w{{1,4}}\))*(?![\d,]|\s?[%‰])|^\(?\d+(?:\.\d+)*[.)]?\s(?=[A-Z])"
)
_FIGURE = re.compile(
    rf"[$€£¥₩฿]\s?\d|{_NUMBER}\s?(?:[$€£¥₩฿%‰℃°元円원]|(?!{_YEAR})[^\W\d_]{{4}})|"
    r"\d[\d.,]*[千万萬億亿兆個个人社台件倍分時时間间米公里度]"
)
_NAME = re.compile(rf"(?<=[^.!?:\s] ){_CAPITAL}[\w’'-]+(?: (?:of|de|van|von|der|da|di|la))?(?: {_CAPITAL}[\w’'-]+)+")


@lru_cache(maxsize=len(LANGUAGES))
def _date(name: str) -> re.Pattern[str]:
    months = "|".join(dict.fromkeys((*LANGUAGES[name].months, *ENGLISH.months, *ENGLISH.short_months)))
    return re.compile(
        rf"\b\d{{1,2}}(?:st|nd|rd|th|\.|er|º)?\s(?:(?:of|de|di)\s)?(?:{months})\b|\b(?:{months})\.?\s\d|"
        rf"\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b|\b\d{{4}}-\d\d-\d\d\b|\d\s?[年月년월]|"
        rf"(?<![\d.,$€£]){_YEAR}(?![\d.,]\d|\d|\s?[%$€])",
        re.IGNORECASE,
    )


def kinds_of(text: str, language: Language) -> tuple[NoteKind, ...]:
    """Return what a sentence holds besides words: a figure, a date, a name, as far as form tells."""
    date = _date(language.name)
    held = _FIGURE.search(_LABEL.sub("–", date.sub("–", text))), date.search(text), _NAME.search(text)
    kinds: tuple[NoteKind, ...] = ("figure", "date", "name")
    return tuple(kind for kind, found in zip(kinds, held, strict=True) if found)


# Words of a focus that stand for a whole kind of thing, and are mostly not said themselves where such a thing is.
_KINDS: dict[NoteKind, re.Pattern[str]] = {
    "figure": re.compile(
        r"\b(?:figures?|numbers?|amounts?|percentages?|money|prices?|costs?|zahlen|beträge|preise|kosten|chiffres|montants|"
        r"prix|coûts|cifras|importes|precios|costes|cifre|importi|prezzi|costi|cijfers|bedragen|prijzen|números|valores|"
        r"preços|custos)\b|数字|金额|金額|数値",
        re.IGNORECASE,
    ),
    "date": re.compile(
        r"\b(?:dates?|years?|daten|termine|jahre|années|fechas|años|anni|datums|jaren|datas|anos)\b|日期|日付|날짜",
        re.IGNORECASE,
    ),
    "name": re.compile(
        r"\b(?:names?|people|persons?|namen|personen|noms|personnes|nombres|personas|nomi|persone|nomes|pessoas)\b|"
        r"姓名|人名|名前|이름",
        re.IGNORECASE,
    ),
}


def _kinds_named(text: str) -> Iterator[NoteKind]:
    for kind, words in _KINDS.items():
        if words.search(text):
            yield kind


_PARTING = re.compile(r"[,;/、]|\b(?:and|or|und|oder|et|ou|y|o|e|en)\b", re.IGNORECASE)
_HALF = 0.5
_ABOVE = 0.6
"""What a word in a heading or a table's head counts, of one in the sentence."""
_MAX_FOCUS_CHARACTERS = 2_000


@dataclass(frozen=True)
class Focus:
    """What a reading looks for: each part is the weights of its stems, and the kinds of things that it names."""

    parts: tuple[tuple[Mapping[str, float], frozenset[NoteKind]], ...]

    @classmethod
    def of(cls, text: str, vocabulary: Vocabulary, stems: Sequence[Collection[str]]) -> "Focus":
        """Take a focus apart at commas and "and"; rare words weigh more (IDF), those that are not in the text most."""
        held = Counter(stem for each in stems for stem in each)
        parts: list[tuple[Mapping[str, float], frozenset[NoteKind]]] = []
        for part in _PARTING.split(text[:_MAX_FOCUS_CHARACTERS]):
            kinds = frozenset(_kinds_named(part))
            named = vocabulary.terms(re.sub("|".join(words.pattern for words in _KINDS.values()), " ", part.lower()))
            weights = {stem: math.log(1.0 + (len(stems) + 1) / (1 + held[stem])) for stem in named}
            if kinds or weights:
                parts.append((weights, kinds))
        return cls(tuple(parts))

    @cached_property
    def names_kinds(self) -> bool:
        """Whether it names a kind of thing at all."""
        return any(kinds for _, kinds in self.parts)

    def match(self, stems: Collection[str], above: Collection[str], kinds: Collection[NoteKind]) -> float:
        """Return how well a statement fits, 0 to 1; `above` are the stems of its headings and its table's head."""

        def fit(weights: Mapping[str, float], wanted: frozenset[NoteKind]) -> float:
            held = sum(
                weight * (1.0 if stem in stems else _ABOVE * (stem in above)) for stem, weight in weights.items()
            )
            words = held / sum(weights.values()) if weights else 1.0
            return words * (1.0 if not wanted or wanted & set(kinds) else _HALF * bool(weights))

        return max((fit(*part) for part in self.parts), default=0.0)
