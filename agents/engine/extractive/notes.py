"""WindowNotes: what one window of a document says, in its own sentences.

A summary takes prose that stands alone: sentences near the window's centroid. An extraction takes whatever holds the
words of its focus, or else every figure, date and name.
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cache, cached_property
from itertools import zip_longest
from statistics import median, quantiles
from typing import NamedTuple

from agents.engine.extractive.salience import centrality, pick, vectors
from agents.engine.extractive.statements import Statement, read_statements, shortened, vocabulary_of
from agents.engine.tasks.reading import MAX_NOTE_CHARACTERS, NotesResult, WindowNotes
from agents.language.lexicon import ENGLISH, LANGUAGES, Language, alternatives, words_of
from agents.language.numbers import HAN_NUMERALS
from agents.language.sentences import ends_sentence, is_whole_sentence
from agents.language.stems import Vocabulary
from agents.schema import NoteKind, Passage


def window_notes(task: WindowNotes) -> NotesResult:
    """Note the sentences that stand for a window, the most important first; a focus decides what counts."""
    window = Window(task.evidence, task.focus)
    if task.mode != "extraction":
        found = window.points(task.most, whole=task.mode == "comparison")
    elif task.focus:
        found = window.matching(task.most)
    else:
        found = [each for _, each in window.facts((), task.most, whole=True)]
    return NotesResult.of(map(_text, found))


def _text(statement: Statement) -> str:
    """Return a statement in words, as far as it can be quoted."""
    whole = statement.quote == statement.slice
    return shortened(statement.text if whole else " ".join(statement.quote.split()), MAX_NOTE_CHARACTERS)


class NotedFact(NamedTuple):
    """A sentence of a window, what it is noted for, and how it stands in the text."""

    kind: NoteKind
    text: str
    quote: str


def window_facts(evidence: Sequence[Passage], noted: Collection[str], limit: int) -> list[NotedFact]:
    """Return the most central sentences with a figure, a date or a name, the kinds in turn, without those noted."""
    window = Window(evidence, None)
    found = window.facts(noted, limit, whole=False)
    return [NotedFact(kind, _text(each), each.quote) for kind, each in found]


_FIT, _FIGURE, _SHORT = 1.5, 0.15, 0.5
"""What a sentence is worth beside its centrality (at most 1), where it fits the focus in full, with an amount, a
percentage or a count; and less, with few words: benchmarks/results/summaries_without_a_model.md."""
_FEW_WORDS = 8
"""In so few words the most frequent one makes a sentence look central."""
_SHARE = 10
"""Of so many sentences one is noted, but in the window that begins a document: a list of references yields no notes."""
_FEW_SENTENCES = 8
"""With fewer nothing is usual in a window."""
_LEAST_PROSE = 3
"""Sentences. With fewer a window is a table or a list, of which all is looked at."""


class Window:
    """The statements of one window, and what is to be looked for in it."""

    def __init__(self, evidence: Sequence[Passage], focus: str | None) -> None:
        self._begins = bool(evidence) and not evidence[0].index
        """Whether its document begins with it."""
        self._vocabulary = vocabulary_of(evidence)
        self._terms = cache(self._vocabulary.terms)
        read = read_statements(evidence, self._vocabulary)
        # What recurs is a page's head or foot, or says nothing of its own; what ends in a colon only leads to more.
        counts = Counter(statement.text for statement in read)
        self._statements = [each for each in read if counts[each.text] < 3 and not each.text.endswith((":", "?"))]
        self._focus = read_focus(focus or "", self._vocabulary, [each.stems for each in self._statements])

    @cached_property
    def _alone(self) -> list[Statement]:
        """The sentences that say something by themselves."""
        prose = Prose(self._statements, self._vocabulary.language)
        return [each for each in self._statements if prose.stands_alone(each)]

    def points(self, limit: int, *, whole: bool) -> list[Statement]:
        """Return the sentences that stand for the window, best first; `whole` lets rows and fragments stand, too."""
        alone = {id(each) for each in self._alone}
        all_stand = len(self._alone) >= _LEAST_PROSE and not whole
        among = [each for each in self._statements if not all_stand or id(each) in alone]
        given = vectors([each.stems for each in among])
        scores = [
            central
            + _FIT * self._fit(each)
            + _FIGURE * ("figure" in kinds_of(each.text, self._vocabulary.language))
            - _SHORT * (len(each.words) < _FEW_WORDS)
            for central, each in zip(centrality(given), among, strict=True)
        ]
        most = limit if self._begins or whole else min(limit, len(self._alone) // _SHARE)
        return [among[index] for index in pick(scores, given, most)]

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
        """Return the statements that fit the focus best, at least by half, in the order of the text."""
        fits = [self._fit(each) for each in self._statements]
        best = sorted((index for index, each in enumerate(fits) if each >= 0.5), key=lambda index: -fits[index])[:limit]
        return [self._statements[index] for index in sorted(best)]

    def _fit(self, statement: Statement) -> float:
        stems = statement.stems.union(self._terms(statement.above))
        return fit(self._focus, stems, statement.text, self._vocabulary.language)


# Where words are parted by spaces no sentence begins in digits: it is the rest of one, or a line of a table.
_DIGITS_FIRST = re.compile(r"\d\S*\s")
# One without the other is part of a sentence.
_PAIRS = ("()", "[]", "“”", "「」")
_WORD_AND_COMMA = re.compile(r"\w+, ")


def _leans(text: str, language: Language) -> bool:
    """Whether a sentence leans on the one before: it begins with a pronoun, "and" and the like, or one word alone."""
    fields = (words_of("pronouns", language.name), words_of("connectives", language.name), _WORD_AND_COMMA)
    return any(first.match(text) for first in fields)


class Prose:
    """What tells a window's sentences from the headings, tables and lists that were read as sentences.

    Both limits come from the window's own sentences, so that they hold for every language.
    """

    def __init__(self, statements: Sequence[Statement], language: Language) -> None:
        self._language = language
        ending = [each for each in statements if each.form != "row" and ends_sentence(each.text)]
        ending = [each for each in ending if len(each.words) >= _FEW_WORDS]
        self._least_function_words, self._most_capitals = 0.0, 1.0
        if len(ending) >= _FEW_SENTENCES:
            self._least_function_words = 0.6 * quantiles(map(_function_words, ending), n=4)[2]
            self._most_capitals = (1.0 + median(map(_capitals, ending))) / 2

    def stands_alone(self, statement: Statement) -> bool:
        """Whether a statement is a whole sentence, is understood without those before it, and can be read at once.

        What begins with a quotation mark is a definition, or speech.
        """
        text = statement.text
        return (
            statement.form != "row"
            and len(text) <= MAX_NOTE_CHARACTERS
            and is_whole_sentence(text)
            and "://" not in text
            and not _DIGITS_FIRST.match(text)
            and not text.count('"') % 2
            and all(text.count(opening) == text.count(closing) for opening, closing in _PAIRS)
            and not _leans(text, self._language)
            and _function_words(statement) >= self._least_function_words
            and _capitals(statement) <= self._most_capitals
        )


def _function_words(statement: Statement) -> float:
    return sum(word.function for word in statement.words) / len(statement.words)


def _capitals(statement: Statement) -> float:
    """Return the share of the words of content, the first left out, that begin with a capital."""
    words = [word for word in statement.words[1:] if not word.function and word.text[0].isalpha()]
    return sum(word.text[0].isupper() for word in words) / len(words) if words else 0.0


_CAPITAL = "[A-ZÀ-ÖØ-ÞΑ-ΩА-Я]"
_YEAR = r"(?:1[5-9]|20)\d{2}"
_NUMBER = r"(?<![\w.,])\d{1,15}(?:[.,'’\u00a0]\d{3})*(?:[.,]\d+)?"
# Section 4.2, Form 941, and what begins a clause: no figures.
_LABEL = re.compile(
    rf"\b{_CAPITAL}[\w’'-]*\.?\s\(?\d[\d.]*(?:\(\w{{1,4}}\))*(?![\d,]|\s?[%‰])|^\(?\d+(?:\.\d+)*[.)]?\s(?=[A-Z])"
)
_AMOUNT = re.compile(
    rf"[$€£¥₩฿]\s?\d|{_NUMBER}\s?(?:[$€£¥₩฿%‰℃°元円원]|(?!{_YEAR})[^\W\d_]{{4}})|"
    r"\d[\d.,]*[千万萬億亿兆個个人社台件倍分時时間间米公里度]"
)
_NAME = re.compile(rf"(?<=[^.!?:\s] ){_CAPITAL}[\w’'-]+(?: (?:of|de|van|von|der|da|di|la))?(?: {_CAPITAL}[\w’'-]+)+")


@cache
def _date(name: str) -> re.Pattern[str]:
    months = "|".join(dict.fromkeys((*LANGUAGES[name]["months"], *ENGLISH["months"], *ENGLISH["short_months"])))
    return re.compile(
        rf"\b\d{{1,2}}(?:st|nd|rd|th|\.|er|º)?\s(?:(?:of|de|di)\s)?(?:{months})\b|\b(?:{months})\.?\s\d|"
        rf"\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{2,4}}\b|\b\d{{4}}-\d\d-\d\d\b|\d\s?[年月년월]|"
        rf"(?<![\d.,$€£]){_YEAR}(?![\d.,]\d|\d|\s?[%$€])",
        re.IGNORECASE,
    )


@cache
def _period(name: str) -> re.Pattern[str]:
    """Find so many days, weeks and the like: "within thirty (30) days", "a 12-month term"."""
    language = LANGUAGES[name]
    words = alternatives(each[field] for each in (language, ENGLISH) for field in ("units", "tens")).replace(".", "")
    units = alternatives((language["time_units"], ENGLISH["time_units"]))
    if language.unspaced:
        return re.compile(rf"[\d{HAN_NUMERALS}]\s?(?:{units})")
    return re.compile(rf"(?:\d|\b(?:{words}))\)?[\s-]+(?:[^\W\d_]+[\s-]+)?(?:{units})\b", re.IGNORECASE)


def kinds_of(text: str, language: Language) -> tuple[NoteKind, ...]:
    """Return what a sentence holds besides words: a figure, a date, a name, as far as form tells."""
    date = _date(language.name)
    held = _AMOUNT.search(_LABEL.sub("–", date.sub("–", text))), date.search(text), _NAME.search(text)
    return tuple(kind for kind, found in zip(_KINDS, held, strict=True) if found)


# Words of a focus that stand for a whole kind of thing, and are mostly not said themselves where such a thing is.
_KINDS: dict[NoteKind, re.Pattern[str]] = {
    "figure": words_of("figure_words"),
    "date": words_of("date_words"),
    "name": words_of("name_words"),
}
_SOUGHT: dict[str, re.Pattern[str]] = {**_KINDS, "period": words_of("deadline_words")}
_PARTING = re.compile(rf"[,;/、]|{words_of('between_places').pattern}", re.IGNORECASE)
_MAX_FOCUS_CHARACTERS = 2_000


Focus = Sequence[tuple[Mapping[str, float], frozenset[str]]]
"""What a reading looks for: of each part the weights of its stems, and the kinds of things that it names."""


def read_focus(text: str, vocabulary: Vocabulary, stems: Sequence[Collection[str]]) -> Focus:
    """Take a focus apart at commas and "and"; rare words weigh more (IDF), those that are not in the text most."""
    held = Counter(stem for each in stems for stem in each)

    def weigh(named: str) -> Mapping[str, float]:
        return {each: math.log(1.0 + (len(stems) + 1) / (1 + held[each])) for each in vocabulary.terms(named)}

    parts: list[tuple[Mapping[str, float], frozenset[str]]] = []
    for part in _PARTING.split(text[:_MAX_FOCUS_CHARACTERS]):
        kinds = frozenset(kind for kind, words in _SOUGHT.items() if words.search(part))
        weights = weigh(re.sub("|".join(words.pattern for words in _SOUGHT.values()), " ", part.lower()))
        if kinds or weights:
            parts.append((weights, kinds))
        # Unlike a date, a deadline may be called one where it is.
        if "period" in kinds:
            parts.append((weigh(part.lower()), frozenset()))
    return parts


def fit(focus: Focus, stems: Collection[str], text: str, language: Language) -> float:
    """Return how well a statement with these stems, above it or in it, fits one part of a focus, 0 to 1."""
    kinds: set[str] = set(kinds_of(text, language)) if any(wanted for _, wanted in focus) else set()
    if any("period" in wanted for _, wanted in focus) and _period(language.name).search(text):
        kinds.add("period")
    shares = [
        sum(weight for stem, weight in weights.items() if stem in stems) / sum(weights.values()) if weights else 1.0
        for weights, wanted in focus
        if not wanted or not wanted.isdisjoint(kinds)
    ]
    return max(shares, default=0.0)
