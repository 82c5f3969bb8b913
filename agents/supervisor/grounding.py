"""Grounding: what code alone can check of a claim. No model takes part, so none can talk its way past."""

import re
from collections.abc import Iterable, Mapping, Sequence

from agents.documents.quotes import locate
from agents.engine.extractive.languages import ENGLISH
from agents.engine.tasks.answering import Support
from agents.schema import Document
from agents.supervisor import contradictions
from agents.supervisor.state import GroundedClaim, Quote, Statement

MAX_QUOTE_WORDS = 60
MANY_SAME_WORDS = 6
"""Words shared around a figure from which on a claim is a copy of its quotes, which computes nothing."""
_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"(?<![.!?:;\"'“(\[]\s)(?<!^)\b[A-ZÀ-Þ][\w'’-]{2,}", re.MULTILINE)
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w'’-]+")
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_COMPUTING = re.compile(
    r"%|\b(?:together|totals?|sum|altogether|combined|in all|twice|times|double[sd]?|triple[sd]?|half|halves|percent"
    r"|per cent|percentage|ratio|average|mean|more|less|fewer|longer|shorter|higher|lower|older|younger|later|earlier"
    r"|between|difference|differs?|rose|rises?|rising|grew|grows?|increase[sd]?|fell|falls?|drop(?:s|ped)?|decrease[sd]?"
    r"|remain(?:s|ing)?|left|zusammen|insgesamt|mehr|weniger|prozent|unterschied|differenz|doppelt|total|ensemble|somme"
    r"|plus|moins|différence|pour cent|juntos|suma|más|menos|diferencia|por ciento)\b",
    re.IGNORECASE,
)
_UNITS = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety".split(),
        [*map(float, range(1, 20)), *map(float, range(20, 100, 10))],
        strict=True,
    )
)
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_NUMBER_WORD = "|".join(sorted([*_UNITS, *_SCALES, "hundred"], key=len, reverse=True))
_IN_WORDS = re.compile(rf"\b(?:{_NUMBER_WORD})(?:(?:\s+and\s+|[\s-]+)(?:{_NUMBER_WORD}))*\b")
_ORDER: tuple[Support, ...] = ("not", "partly", "supported")

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""By document id: the spans that the agent had read, where a quote is looked for first."""


def ground(statements: Iterable[Statement], documents: Sequence[Document], read: Spans) -> list[GroundedClaim]:
    """Locate every quote and check every claim's figures and names; a claim without a located quote is left out."""
    claims: list[GroundedClaim] = []
    for statement in statements:
        quotes = tuple(quote for text in statement.quotes if (quote := find(text, documents, read)))
        if quotes:
            support = check(statement.text, quotes)
            claims.append(GroundedClaim(statement.text, quotes, support, statement.section, statement.kind))
    return claims


def find(text: str, documents: Sequence[Document], read: Spans) -> Quote | None:
    """Locate a quote in the first document that has it, exact finds before fuzzy ones."""
    words = text.split()
    asked = text if len(words) <= MAX_QUOTE_WORDS else " ".join(words[:MAX_QUOTE_WORDS])
    found = [
        Quote(document, located)
        for document in documents
        if (located := locate(asked, document, read.get(document.document_id, ())))
    ]
    return max(found, key=lambda quote: quote.located.score, default=None)


def check(claim: str, quotes: Sequence[Quote]) -> Support:
    """Judge a claim by its figures, names and negations: each must stand in the quotes, or be computed from them."""
    quoted = " ".join(quote.located.quote for quote in quotes)
    if unsupported_figures(claim, quoted) or contradictions.denies(claim, quoted) or misplaced(claim, quoted):
        return "not"
    context = " ".join([quoted, *(quote.document.title for quote in quotes)])
    if (
        unsupported_names(claim, context)
        or _counts(claim) - _counts(quoted) - set(map(_value, _figures(quoted)))
        or contradictions.negates_alone(claim, quoted)
    ):
        return "partly"
    return "supported"


def unsupported_figures(claim: str, quoted: str) -> set[str]:
    """Return the figures of a claim that neither stand in the quoted text nor follow from two of its figures.

    A figure counts as computed only where the claim says that it is: "together", "more", "percent".
    """
    stated, given = _figures(claim), _figures(quoted).keys()
    counted = _counts(quoted)
    missing = {plain: figure for plain, figure in stated.items() if plain not in given and _value(plain) not in counted}
    if missing and _COMPUTING.search(claim):
        values = {value for plain in given if (value := _value(plain)) is not None} | counted
        computed = _computed(values)
        missing = {plain: figure for plain, figure in missing.items() if _value(plain) not in computed}
    return set(missing.values())


def unsupported_names(claim: str, context: str) -> set[str]:
    """Return the capitalised words inside a claim that are no words of the context."""
    known = {_singular(word) for word in _WORD.findall(context.casefold())}
    return {name for name in _NAME.findall(claim) if _singular(name.casefold()) not in known}


def misplaced(claim: str, quoted: str) -> bool:
    """Whether a figure or a name stands in a claim where its quotes have another, among the same words."""
    for said, held, around in contradictions.swaps(claim, quoted):
        figures, others = _figures(said).keys() | _counts(said), _figures(held).keys() | _counts(held)
        computed = around < MANY_SAME_WORDS and _COMPUTING.search(claim)
        if figures and others and not figures & others and not computed:
            return True
        names, known = _capitalised(said), _capitalised(held)
        if names and known and not names & known:
            return True
    return False


def weaker(one: Support, other: Support) -> Support:
    """Return the weaker of two judgements."""
    return one if _ORDER.index(one) <= _ORDER.index(other) else other


def _figures(text: str) -> dict[str, str]:
    """Return the figures of a text: in plain digits, and as they stand there."""
    return {_plain(figure): figure for figure in _FIGURE.findall(text)}


def _counts(text: str) -> set[float]:
    """Return the numbers that are written in words, "one" left out: it mostly counts nothing."""
    return {_number_in_words(found) for found in _IN_WORDS.findall(text.casefold()) if found != "one"}


def _number_in_words(words: str) -> float:
    whole = part = 0.0
    for word in re.split(r"[\s-]+", words):
        if word == "hundred":
            part = max(1.0, part) * 100
        elif word in _SCALES:
            whole, part = whole + max(1.0, part) * _SCALES[word], 0.0
        else:
            part += _UNITS.get(word, 0.0)
    return whole + part


def _capitalised(text: str) -> set[str]:
    """Return the words of a text that begin with a capital and are not small words at a sentence's beginning."""
    found = (word.casefold() for word in _CAPITALISED.findall(text))
    return {_singular(word) for word in found if word not in ENGLISH.function_words}


def _singular(word: str) -> str:
    return re.sub(r"(?:['’]s|s['’]?)$", "", word)


def _plain(figure: str) -> str:
    """Write a figure without thousands separators: 1,000 and 1000 are the same."""
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", figure)


def _value(plain: str) -> float | None:
    try:
        return float(plain)
    except ValueError:
        return None


def _computed(figures: set[float]) -> set[float | None]:
    """Return sums, differences, products, ratios and percentages of any two figures."""
    values = sorted(figures)[:24]
    results: set[float | None] = set()
    for a in values:
        for b in values:
            results |= {a + b, a - b, a * b}
            if b:
                results |= {round(a / b, digits) for digits in (0, 1, 2)}
                results |= {round(100 * a / b, digits) for digits in (0, 1)}
                results |= {round(100 * (a - b) / b, digits) for digits in (0, 1)}
    return results
