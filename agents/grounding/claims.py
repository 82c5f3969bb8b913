"""Grounding: what code alone can check of a claim. No model takes part, so none can talk its way past."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, zip_longest

from agents.grounding import contradictions
from agents.grounding.figures import counts, figures, says_computed, uncounted, unsupported_figures
from agents.grounding.quotes import Located, locate
from agents.language.lexicon import ENGLISH
from agents.language.sentences import split_sentences
from agents.schema import Document, Support
from agents.supervisor.run import GroundedClaim, Quote, Statement

MIN_QUOTE_WORDS = 5
MAX_QUOTE_WORDS = 60
_LONGEST_SENTENCE = 1_400
"""Characters around a short quote in which its sentence is looked for."""
MANY_SAME_WORDS = 6
"""Words shared around a figure from which on a claim is a copy of its quotes, which computes nothing."""
_NAME = re.compile(r"(?<![.!?:;\"'“(\[]\s)(?<!^)\b[A-ZÀ-Þ][\w'’-]{2,}", re.MULTILINE)
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w'’-]+")
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_LETTER = re.compile(r"[^\W\d_]")
_EXACTLY = re.compile(r"\d+(?:[.,:/-]\d+)*|\w+")
_ORDER: tuple[Support, ...] = ("not", "partly", "supported")

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""By document id: the spans that the agent had read, where a quote is looked for first."""


def ground(statements: Iterable[Statement], documents: Sequence[Document], read: Spans) -> list[GroundedClaim]:
    """Locate every quote and check every claim's figures and names; a claim without a located quote is left out."""
    claims: list[GroundedClaim] = []
    for statement in statements:
        texts = zip_longest(statement.quotes, statement.titles)
        quotes = tuple(quote for text, title in texts if (quote := find(text, _first(title, documents), read)))
        if quotes:
            whole = statement.verbatim and len(quotes) == len(statement.quotes)
            support: Support = "supported" if whole else check(statement.text, quotes)
            claims.append(GroundedClaim(statement.text, quotes, support, statement.section, statement.kind, whole))
    return claims


def _first(title: str | None, documents: Sequence[Document]) -> list[Document]:
    """Put the document that a quote was taken from before those that may hold it too."""
    return sorted(documents, key=lambda document: document.title != title)


def find(text: str, documents: Sequence[Document], read: Spans) -> Quote | None:
    """Locate a quote in the first document that has it, exact finds before fuzzy ones.

    What has fewer than 5 words could stand anywhere: it is widened to the sentence, or the line, that holds it, of
    which 60 words are shown at most.
    """
    words = text.split()
    asked = text if len(words) <= MAX_QUOTE_WORDS else " ".join(words[:MAX_QUOTE_WORDS])
    found = [
        Quote(document, located if len(words) >= MIN_QUOTE_WORDS else _widened(located, document))
        for document in documents
        if (located := locate(asked, document, read.get(document.document_id, ())))
    ]
    return max(found, key=lambda quote: quote.located.score, default=None)


def _widened(located: Located, document: Document) -> Located:
    """Return a quote with the sentence around it, or with as many of its words as a quote may have."""
    base = max(0, located.start - _LONGEST_SENTENCE)
    around = document.text[base : located.end + _LONGEST_SENTENCE]
    words = [
        (base + start + word.start(), base + start + word.end())
        for start, end in split_sentences(around)
        if base + start < located.end and base + end > located.start
        for word in re.finditer(r"\S+", around[start:end])
    ]
    before = sum(end <= located.start for _, end in words)
    first = max(0, min(before - MAX_QUOTE_WORDS // 2, len(words) - MAX_QUOTE_WORDS))
    kept = words[first : first + MAX_QUOTE_WORDS]
    start, end = min(located.start, kept[0][0]), max(located.end, kept[-1][1])
    page = document.page_at(start)
    return located.model_copy(update={"start": start, "end": end, "quote": document.text[start:end], "page": page})


def check(claim: str, quotes: Sequence[Quote]) -> Support:
    """Judge a claim by its figures, names and negations: each must stand in the quotes, or be computed from them.

    A claim in the words of one whole quote says what that says.
    """
    if any(_EXACTLY.findall(claim) == _EXACTLY.findall(quote.located.quote) for quote in quotes):
        return "supported"
    quoted = " ".join(quote.located.quote for quote in quotes)
    titles = [quote.document.title for quote in quotes]
    if (
        unsupported_figures(without_figures_of_titles(claim, titles), quoted)
        or contradictions.denies(claim, quoted)
        or misplaced(claim, quoted)
    ):
        return "not"
    context = " ".join([quoted, *titles])
    if unsupported_names(claim, context) or uncounted(claim, quoted) or contradictions.negates_alone(claim, quoted):
        return "partly"
    return "supported"


def without_figures_of_titles(claim: str, titles: Sequence[str]) -> str:
    """Return a claim without the figures by which it names a document: "Loans 2023: ...", "the 2023 loans".

    A figure does so where it stands in a title, and in the claim beside another word of that title or within one.
    """
    known = {contradictions.bare(word).casefold() for title in titles for word in title.split()}
    naming = {word for word in known - {""} if word not in ENGLISH.function_words and not figures(word)}
    words = claim.split()
    plain = ["", *(contradictions.bare(word).casefold() for word in words), ""]
    around = zip(plain, plain[1:], plain[2:], strict=False)
    kept = (
        not (figures(word) and word in known and (_LETTER.search(word) or {before, after} & naming))
        for before, word, after in around
    )
    return " ".join(compress(words, kept))


def unsupported_names(claim: str, context: str) -> set[str]:
    """Return the capitalised words inside a claim that are no words of the context."""
    known = {_singular(word) for word in _WORD.findall(context.casefold())}
    return {name for name in _NAME.findall(claim) if _singular(name.casefold()) not in known}


def misplaced(claim: str, quoted: str) -> bool:
    """Whether a figure or a name stands in a claim where its quotes have another, among the same words."""
    for said, held, around in contradictions.swaps(claim, quoted):
        stated, given = _stated(said), _stated(held)
        computed = around < MANY_SAME_WORDS and says_computed(claim)
        if stated and given and not stated & given and not computed:
            return True
        names, known = _capitalised(said), _capitalised(held)
        if names and known and not names & known:
            return True
    return False


def weaker(one: Support, other: Support) -> Support:
    """Return the weaker of two judgements."""
    return one if _ORDER.index(one) <= _ORDER.index(other) else other


def _stated(text: str) -> set[str | float]:
    return {*figures(text), *counts(text)}


def _capitalised(text: str) -> set[str]:
    """Return the words of a text that begin with a capital and are not small words at a sentence's beginning."""
    found = (word.casefold() for word in _CAPITALISED.findall(text))
    return {_singular(word) for word in found if word not in ENGLISH.function_words}


def _singular(word: str) -> str:
    return re.sub(r"(?:['’]s|s['’]?)$", "", word)
