"""Answers and analyses as Markdown.

It is written by code from the fields of a response, whole or in parts, so that the same claims give the same words
every time, and no mark stands without its source. What is not Readroom's own is escaped here (agents/escaping.py).
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agents.escaping import as_cell, as_markdown, one_line
from agents.schema import Analysis, Answer, Citation, Claim, Mode, Response

MAX_TITLES = 3
"""Documents that are named one by one; of an analysis of more, the sources name them."""
SOURCES = "**Sources**"
CLOSEST = "**Closest passages**"
"""Above what comes nearest to an answer, where nothing is one."""
WEAK = "_A weak match: the document may not answer this. What comes nearest:_"
"""Above claims that may miss the question."""
VERBATIM = "verbatim"
"""In a source, in place of words that are the claim's own."""


def to_markdown(response: Response) -> str:
    """Return a response, or a part of one, as Markdown."""
    heading = ""
    if isinstance(response, Analysis) and response.claims:
        heading = analysis_heading(response.mode, [each.title for each in response.documents], response.focus)
    return write(
        response.claims,
        response.citations,
        heading=heading,
        message=response.message,
        weak=isinstance(response, Answer) and response.weak,
        as_list=response.route is not None and response.route.kind == "whole_document",
        closest=response.closest if isinstance(response, Answer) else (),
        notes=response.engine.notes,
    )


def write(
    claims: Sequence[Claim],
    citations: Sequence[Citation],
    *,
    heading: str = "",
    message: str = "",
    weak: bool = False,
    as_list: bool = False,
    closest: Sequence[Citation] = (),
    notes: Sequence[str] = (),
) -> str:
    """Return claims with their sources as Markdown.

    Args:
        claims: What is said.
        citations: What the claims rest on.
        heading: Stands above everything.
        message: Is said in place of the claims.
        weak: Whether the claims may miss the question.
        as_list: Whether the claims are a whole document's: an overview, points under headings, a table. Else each is a
            paragraph.
        closest: What comes nearest to an answer, where no claim stands.
        notes: What to know about the engine.
    """
    said = [_lines(message)] if message else _statements(claims, as_list=as_list)
    parts = [heading, WEAK if weak else "", *said]
    if claims:
        parts.append(f"{SOURCES}\n\n{_listed(citations, {} if message else _words_said(claims))}")
    if closest:
        parts.append(f"{CLOSEST}\n\n{_listed(closest, {})}")
    return "\n\n".join([*filter(None, parts), *(f"_{as_markdown(note)}_" for note in notes)])


def analysis_heading(mode: Mode, titles: Sequence[str], focus: str | None) -> str:
    """Return the lines above an analysis: what it is, and what was looked for."""
    heading = f"# {mode.capitalize()}: {as_markdown(name_titles(titles))}"
    what = "Extracted" if mode == "extraction" else "Focus"
    return f"{heading}\n\n{what}: {as_markdown(focus)}" if focus else heading


def name_titles(titles: Sequence[str]) -> str:
    """Return the titles of a few documents, or of many how many they are."""
    return " and ".join(map(one_line, titles)) if len(titles) <= MAX_TITLES else f"{len(titles)} documents"


def without_sources(markdown: str) -> str:
    """Return an answer's Markdown without its list of sources, or of the closest passages."""
    return markdown.partition(SOURCES)[0].partition(CLOSEST)[0].strip()


def _statements(claims: Sequence[Claim], *, as_list: bool) -> Iterator[str]:
    if not as_list:
        yield from map(_sentence, claims)
        return
    if overview := [claim for claim in claims if claim.kind == "overview"]:
        yield " ".join(map(_sentence, overview))
    points = [claim for claim in claims if claim.kind == "point"]
    for section, group in itertools.groupby(points, key=lambda claim: claim.section):
        lines = "\n".join(f"- {_sentence(claim)}" for claim in group)
        yield f"## {as_markdown(section)}\n\n{lines}" if section else lines
    if rows := [claim for claim in claims if claim.kind not in ("overview", "point")]:
        yield _table(rows)


def _table(rows: Sequence[Claim]) -> str:
    """Return rows as a table; a row that stands where the one above it stands does not say so again."""
    lines, above = ["| Where | What | Source |", "|---|---|---|"], ""
    for claim in rows:
        where = claim.section or ("" if claim.kind == "item" else claim.kind)
        said = "" if where == above else _cell(where)
        lines.append(f"| {said} | {_cell(claim.text)} | {_marks(claim)} |")
        above = where
    return "\n".join(lines)


def _sentence(claim: Claim) -> str:
    doubt = " _(its quotes support this only in part)_" if claim.supported == "partly" else ""
    return f"{as_markdown(claim.text)} {_marks(claim)}{doubt}"


def _lines(message: str) -> str:
    """Return a message as Markdown: its lines stay, for a model may have written them."""
    return "\n".join(map(as_markdown, message.split("\n")))


def _marks(claim: Claim) -> str:
    return "".join(f"[{number}]" for number in claim.citations)


def _words_said(claims: Sequence[Claim]) -> Mapping[str, str]:
    """Return what is said by the one claim that rests on a citation and on no other, by the citation's id."""
    used = Counter(number for claim in claims for number in claim.citations)
    alone = (claim for claim in claims if len(claim.citations) == 1 and used[claim.citations[0]] == 1)
    return {claim.citations[0]: _single_spaced(claim.text) for claim in alone}


def _listed(citations: Iterable[Citation], said: Mapping[str, str]) -> str:
    """Return citations, a line each, under the title of their document.

    Args:
        citations: The citations.
        said: What the reader has read of a citation's words already, by its id.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for each in citations:
        quote = _unsaid(_single_spaced(each.quote), said.get(each.id, ""))
        line = f"[{each.id}] {as_markdown(each.place) or f'page {each.page}'}: {as_markdown(quote)}"
        groups.setdefault((each.document_id, each.title), []).append(line)
    return "\n\n".join("\n".join([f"{as_markdown(title)}:", *lines]) for (_, title), lines in groups.items())


def _unsaid(quote: str, said: str) -> str:
    """Return a quote in quotation marks, but VERBATIM for the greater part of it if that is `said` already."""
    # A claim may be the beginning of its quote.
    said = said.rstrip("… ")
    before, found, after = (part.strip() for part in quote.partition(said)) if said else ("", "", "")
    if 2 * len(found) <= len(quote):
        return f"“{quote}”"
    return ", then ".join(VERBATIM if part is found else f"“{part}”" for part in (before, found, after) if part)


def _cell(text: str) -> str:
    return as_cell(_single_spaced(text))


def _single_spaced(text: str) -> str:
    return " ".join(text.split())
