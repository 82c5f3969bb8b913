"""Grounding: what code alone can check of a claim. No model takes part, so none can talk its way past."""

import re
from collections.abc import Iterable, Mapping, Sequence

from agents.documents.quotes import locate
from agents.engine.tasks.answering import Support
from agents.schema import Document
from agents.supervisor.state import GroundedClaim, Quote, Statement

MAX_QUOTE_WORDS = 60
_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"(?<![.!?:;\"'“(\[]\s)(?<!^)\b[A-ZÀ-Þ][\w'’-]{2,}", re.MULTILINE)
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
    """Judge a claim by its figures and names: each must stand in the quotes, or be computed from their figures."""
    quoted = " ".join(quote.located.quote for quote in quotes)
    if unsupported_figures(claim, quoted):
        return "not"
    context = " ".join([quoted, *(quote.document.title for quote in quotes)])
    if unsupported_names(claim, context):
        return "partly"
    return "supported"


def unsupported_figures(claim: str, quoted: str) -> set[str]:
    """Return the figures of a claim that neither stand in the quoted text nor follow from two of its figures."""
    stated = {_plain(figure): figure for figure in _FIGURE.findall(claim)}
    given = {_plain(figure) for figure in _FIGURE.findall(quoted)}
    missing = {plain: figure for plain, figure in stated.items() if plain not in given}
    if not missing:
        return set()
    computed = _computed(given)
    return {figure for plain, figure in missing.items() if _value(plain) not in computed}


def unsupported_names(claim: str, context: str) -> set[str]:
    """Return the capitalised words inside a claim that the context does not hold."""
    known = context.casefold()
    return {name for name in _NAME.findall(claim) if name.casefold() not in known}


def weaker(one: Support, other: Support) -> Support:
    """Return the weaker of two judgements."""
    return one if _ORDER.index(one) <= _ORDER.index(other) else other


def _plain(figure: str) -> str:
    """Write a figure without thousands separators: 1,000 and 1000 are the same."""
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", figure)


def _value(plain: str) -> float | None:
    try:
        return float(plain)
    except ValueError:
        return None


def _computed(figures: set[str]) -> set[float | None]:
    """Return sums, differences, products, ratios and percentages of any two figures."""
    values = sorted({value for figure in figures if (value := _value(figure)) is not None})[:24]
    results: set[float | None] = set()
    for a in values:
        for b in values:
            results |= {a + b, a - b, a * b}
            if b:
                results |= {round(a / b, digits) for digits in (0, 1, 2)}
                results |= {round(100 * a / b, digits) for digits in (0, 1)}
                results |= {round(100 * (a - b) / b, digits) for digits in (0, 1)}
    return results
