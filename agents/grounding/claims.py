"""Claims and their quotes: each quote is located in a document, and each claim judged by what its quotes say."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, zip_longest

from agents.grounding import contradictions
from agents.grounding.figures import counts, figures, says_computed, unsupported_counts, unsupported_figures
from agents.grounding.normalization import bare_words
from agents.grounding.quotes import Located, locate
from agents.language.lexicon import ENGLISH
from agents.language.sentences import split_sentences
from agents.language.unspaced import join_lines, word_spans
from agents.schema import WEAKEST_FIRST, Document, NoteKind, Support

MIN_QUOTE_WORDS = 5
MAX_QUOTE_WORDS = 60
_MAX_SENTENCE_CHARACTERS = 1_400
"""Characters around a short quote in which its sentence is looked for."""
MANY_SAME_WORDS = 6
"""Words shared around a figure from which on a claim is a copy of its quotes, which computes nothing."""
_NAME = re.compile(r"(?<![.!?:;\"'“(\[]\s)(?<!^)(?<!\w['’-])\b[A-ZÀ-Þ][\w'’-]{2,}", re.MULTILINE)
_CAPITALISED = re.compile(r"\b[A-ZÀ-Þ][\w'’-]+")
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_LETTER = re.compile(r"[^\W\d_]")
_EXACTLY = re.compile(r"\d+(?:[.,:/-]\d+)*|\w+")

Spans = Mapping[str, Sequence[tuple[int, int]]]
"""By document id: the spans that the agent had read, where a quote is looked for first."""


@dataclass(frozen=True)
class UncheckedClaim:
    """One statement of a draft, as an agent wrote it, with the quotes it claims to rest on."""

    text: str
    quotes: tuple[str, ...]
    section: str = ""
    kind: NoteKind = "point"
    titles: tuple[str, ...] = ()
    """Of the documents that the quotes were taken from, in their order; empty where nobody noted them."""
    verbatim: bool = False
    """Whether code has put it together from its quotes, so that there is nothing to judge."""
    within: tuple[str, int, int] | None = None
    """The document's id and the span that the quotes were taken from, where that is known."""


@dataclass(frozen=True)
class Quote:
    """A located quote and the document it stands in."""

    document: Document
    located: Located

    def widened(self) -> "Quote":
        """Return the quote with the sentence around it, or with as many of its words as a quote may have."""
        text, located = self.document.text, self.located
        base = max(0, located.start - _MAX_SENTENCE_CHARACTERS)
        around = text[base : located.end + _MAX_SENTENCE_CHARACTERS]
        words = [
            (base + start + first, base + start + last)
            for start, end in split_sentences(around)
            if base + start < located.end and base + end > located.start
            for first, last in word_spans(around[start:end])
        ]
        before = sum(end <= located.start for _, end in words)
        first = max(0, min(before - MAX_QUOTE_WORDS // 2, len(words) - MAX_QUOTE_WORDS))
        shown = words[first : first + MAX_QUOTE_WORDS]
        start, end = min(located.start, shown[0][0]), max(located.end, shown[-1][1])
        changed = {"start": start, "end": end, "quote": text[start:end], "page": self.document.page_at(start)}
        return Quote(self.document, located.model_copy(update=changed))


@dataclass(frozen=True)
class GroundedClaim:
    """A statement, the quotes that were found for it, and whether they support it."""

    text: str
    quotes: tuple[Quote, ...]
    support: Support
    section: str = ""
    kind: NoteKind = "point"
    verbatim: bool = False


@dataclass(frozen=True)
class Judgement:
    """What validation left of a draft: the claims that stand, and how many there were."""

    claims: tuple[GroundedClaim, ...]
    drafted: int
    markdown: str
    closest: tuple[Quote, ...] = ()
    """What comes nearest to an answer, where no claim stands."""
    look: int = 1
    """Which look at the documents it judges."""
    message: str = ""
    """What is said in place of claims."""
    weak: bool = False
    """Whether the claims were chosen by rule and hardly fit the question."""

    @property
    def grounded(self) -> float:
        """Share of the drafted claims that stand fully supported, 0 to 1."""
        supported = sum(claim.support == "supported" for claim in self.claims)
        return supported / self.drafted if self.drafted else 0.0


def ground(unchecked: Iterable[UncheckedClaim], documents: Sequence[Document], read: Spans) -> list[GroundedClaim]:
    """Locate every quote and check every claim's figures and names; a claim without a located quote is left out."""
    claims: list[GroundedClaim] = []
    for claim in unchecked:
        near = {claim.within[0]: [claim.within[1:]]} if claim.within else read
        quotes: list[Quote] = []
        for text, title in zip_longest(claim.quotes, claim.titles):
            # The document that a quote was taken from comes before those that may hold it too.
            known = {title, claim.within and claim.within[0]}
            ordered = sorted(documents, key=lambda each, known=known: known.isdisjoint((each.title, each.document_id)))
            if quote := locate_in_documents(text, ordered, near):
                quotes.append(quote)
        if quotes:
            whole = claim.verbatim and len(quotes) == len(claim.quotes)
            support: Support = "supported" if whole else check(claim.text, quotes)
            claims.append(GroundedClaim(claim.text, tuple(quotes), support, claim.section, claim.kind, whole))
    return claims


def locate_in_documents(text: str, documents: Sequence[Document], read: Spans) -> Quote | None:
    """Locate a quote in the first document that has it, exact finds before fuzzy ones.

    What has fewer than 5 words could stand anywhere: it is widened to the sentence, or the line, that holds it, of
    which 60 words are shown at most.
    """
    words = word_spans(text)
    asked = text if len(words) <= MAX_QUOTE_WORDS else text[: words[MAX_QUOTE_WORDS - 1][1]]
    found = [
        Quote(document, located)
        for document in documents
        if (located := locate(asked, document, read.get(document.document_id, ())))
    ]
    best = max(found, key=lambda quote: quote.located.score, default=None)
    return best.widened() if best and len(words) < MIN_QUOTE_WORDS else best


def check(claim: str, quotes: Sequence[Quote]) -> Support:
    """Judge a claim by its figures, names and negations: each must stand in the quotes, or be computed from them.

    A claim in the words of one whole quote says what that says.
    """
    stated = _exactly(claim)
    if any(stated == _exactly(quote.located.quote) for quote in quotes):
        return "supported"
    quoted = " ".join(join_lines(quote.located.quote) for quote in quotes)
    titles = [quote.document.title for quote in quotes]
    if (
        unsupported_figures(without_figures_of_titles(claim, titles), quoted)
        or contradictions.denies(claim, quoted)
        or misplaced(claim, quoted)
    ):
        return "not"
    if (
        unsupported_names(claim, " ".join([quoted, *titles]))
        or unsupported_counts(claim, quoted)
        or contradictions.negates_alone(claim, quoted)
    ):
        return "partly"
    return "supported"


def without_figures_of_titles(claim: str, titles: Sequence[str]) -> str:
    """Return a claim without the figures by which it names a document: "Loans 2023: ...", "the 2023 loans".

    A figure does so where it stands in a title, and in the claim beside another word of that title or within one.
    """
    known = {word for title in titles for word in bare_words(title.split())}
    naming = {word for word in known - ENGLISH.function_words if _LETTER.search(word) and not figures(word)}
    words = claim.split()
    plain = ["", *bare_words(words), ""]
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
    """Whether a figure or a name stands in a claim where its quotes have another, among the same words.

    All of them together, or each that is near enough to compare: of "A costs 2" and "B costs 3", "A costs 3" has every
    word.
    """
    if _is_swapped(claim, quoted):
        return True
    near = contradictions.nearest_sentences(claim, quoted)
    return len(near) > 1 and all(_is_swapped(claim, sentence) for sentence in near)


def _is_swapped(claim: str, quoted: str) -> bool:
    for said, held, around in contradictions.swaps(claim, quoted):
        stated, given = ({*figures(text), *counts(text)} for text in (said, held))
        computed = around < MANY_SAME_WORDS and says_computed(claim)
        if stated and given and not stated & given and not computed:
            return True
        names, known = _capitalised(said), _capitalised(held)
        if names and known and not names & known:
            return True
    return False


def weaker(one: Support, other: Support) -> Support:
    """Return the weaker of two judgements."""
    return one if WEAKEST_FIRST.index(one) <= WEAKEST_FIRST.index(other) else other


def _exactly(text: str) -> list[str]:
    """Return all words and figures of a text; a line's end parts no words where no spaces are written."""
    return _EXACTLY.findall(join_lines(text))


def _capitalised(text: str) -> set[str]:
    """Return the words of a text that begin with a capital and are not small words at a sentence's beginning."""
    found = (word.casefold() for word in _CAPITALISED.findall(text))
    return {_singular(word) for word in found if word not in ENGLISH.function_words}


def _singular(word: str) -> str:
    return re.sub(r"(?:['’]s|s['’]?)$", "", word)
