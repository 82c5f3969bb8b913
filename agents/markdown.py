"""Answers and analyses as Markdown.

It is written by code from the fields of a response, whole or in parts, so that the same claims give the same words
every time, and no mark stands without its source.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from agents.schema import Analysis, Answer, Citation, Claim, Mode, Response

SOURCES = "**Sources**"
CLOSEST = "**Closest passages**"
"""Above what comes nearest to an answer, where nothing is one."""
VERBATIM = "verbatim"
"""Of a source whose words are the claim's own: they are not repeated."""


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
        as_list: Whether the claims are a whole document's: an overview, points under headings, a table. Else each is a
            paragraph.
        closest: What comes nearest to an answer, where no claim stands.
        notes: What to know about the engine.
    """
    parts = [heading, *([message] if message else _statements(claims, as_list=as_list))]
    if claims:
        parts.append(f"{SOURCES}\n\n{_listed(citations, set() if message else set(_verbatim(claims, citations)))}")
    if closest:
        parts.append(f"{CLOSEST}\n\n{_listed(closest, set())}")
    return "\n\n".join([*filter(None, parts), *(f"_{note}_" for note in notes)])


def analysis_heading(mode: Mode, titles: Sequence[str], focus: str | None) -> str:
    """Return the lines above an analysis: what it is, and what was looked for."""
    heading = f"# {mode.capitalize()}: {' and '.join(titles)}"
    return f"{heading}\n\n{'Extracted' if mode == 'extraction' else 'Focus'}: {focus}" if focus else heading


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
        yield f"## {section}\n\n{lines}" if section else lines
    if rows := [claim for claim in claims if claim.kind not in ("overview", "point")]:
        yield _table(rows)


def _table(rows: Sequence[Claim]) -> str:
    """Return rows as a table; a row that stands where the one above it stands does not say so again."""
    lines, above = ["| Where | What | Source |", "|---|---|---|"], ""
    for claim in rows:
        where = claim.section or claim.kind
        said = "" if where == above else _cell(where)
        lines.append(f"| {said} | {_cell(claim.text)} | {_marks(claim)} |")
        above = where
    return "\n".join(lines)


def _sentence(claim: Claim) -> str:
    doubt = " _(its quotes support this only in part)_" if claim.supported == "partly" else ""
    return f"{claim.text} {_marks(claim)}{doubt}"


def _marks(claim: Claim) -> str:
    return "".join(f"[{number}]" for number in claim.citations)


def _verbatim(claims: Sequence[Claim], citations: Sequence[Citation]) -> Iterator[str]:
    """Yield the ids of the citations whose words a claim says: all that rests on them are the document's own words."""
    quotes = {each.id: _one_line(each.quote) for each in citations}
    used = Counter(number for claim in claims for number in claim.citations)
    for claim in claims:
        if used[claim.citations[0]] == len(claim.citations) == 1 and quotes[claim.citations[0]] == _one_line(
            claim.text
        ):
            yield claim.citations[0]


def _listed(citations: Iterable[Citation], verbatim: set[str]) -> str:
    """Return citations, a line each, under the title of their document."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in citations:
        words = VERBATIM if each.id in verbatim else f"“{_one_line(each.quote)}”"
        separator = ", " if each.id in verbatim else ": "
        line = f"[{each.id}] {each.place or f'page {each.page}'}{separator}{words}"
        groups.setdefault((each.document_id, each.title), []).append(line)
    return "\n\n".join("\n".join([f"{title}:", *lines]) for (_, title), lines in groups.items())


def _cell(text: str) -> str:
    return _one_line(text.replace("|", "\\|"))


def _one_line(text: str) -> str:
    return " ".join(text.split())
