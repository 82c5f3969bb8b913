"""From a finished run to what the user sees: the response, and its Markdown with numbered citations.

The Markdown is written by code, so that the same claims give the same words every time.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agents.grounding.claims import GroundedClaim, Quote
from agents.schema import (
    Analysis,
    Answer,
    Citation,
    Claim,
    Coverage,
    Document,
    DocumentInfo,
    RouteReport,
    SessionInfo,
    TableRow,
)
from agents.supervisor.run import Run
from agents.supervisor.scope import scope

MAX_TABLE_ROWS = 200
"""Rows that the Markdown shows; the response's own table has all."""
SOURCES = "**Sources**"
_CITATION_MARK = re.compile(r"\[(\d+)\]")


def to_answer(run: Run, session: SessionInfo, opened: Sequence[Document] = ()) -> Answer:
    """Return the answer to the run's question.

    Args:
        run: A completed run.
        session: The session that the answer belongs to.
        opened: The documents as this caller opened them; a joined run was started with another caller's.
    """
    common = _common_fields(run, session, opened)
    return Answer(question=run.question, not_found=not common["claims"] and run.everything_read, **common)


def to_analysis(run: Run, session: SessionInfo, opened: Sequence[Document] = ()) -> Analysis:
    """Return the analysis of the run's documents; arguments as in `to_answer`."""
    claims = run.judgement.claims if run.judgement else ()
    citations = Citations(claims)
    return Analysis(
        mode=run.request.mode or "summary",
        focus=run.request.focus,
        key_points=tuple(claim.text for claim in claims if claim.kind == "point"),
        outline=run.outline,
        table=tuple(
            TableRow(item=claim.section or claim.kind, value=claim.text, citation=citations.ids(claim)[0])
            for claim in claims
            if claim.kind != "point"
        ),
        **_common_fields(run, session, opened),
    )


def _common_fields(run: Run, session: SessionInfo, opened: Sequence[Document]) -> dict[str, Any]:
    """Return the fields that an answer and an analysis share."""
    claims = run.judgement.claims if run.judgement else ()
    citations = Citations(claims)
    warnings = [f"{document.title}: {warning}" for document in run.request.documents for warning in document.warnings]
    return {
        "status": "complete",
        "markdown": run.judgement.markdown if run.judgement else "",
        "citations": citations.numbered,
        "claims": tuple(
            Claim(text=claim.text, citations=citations.ids(claim), supported=claim.support) for claim in claims
        ),
        "grounded": round(run.judgement.grounded, 3) if run.judgement else 0.0,
        "coverage": coverage(run),
        "route": RouteReport(kind=run.kind or "simple", reason=run.reason, agents=tuple(run.steps)),
        "session": session,
        "engine": run.engine.info,
        "usage": run.usage.model_copy(update={"seconds": run.budget.clock() - run.budget.started}),
        "documents": tuple(
            DocumentInfo(
                document_id=document.document_id,
                title=document.title,
                pages=len(document.pages),
                tokens=sum(run.tokens[document.document_id]),
                parsed=document.parsed,
            )
            for document in opened or run.request.documents
        ),
        "warnings": tuple(dict.fromkeys([*warnings, *run.warnings])),
    }


class Citations:
    """The quotes of claims, each once, numbered in the order in which they are first used."""

    def __init__(self, claims: Sequence[GroundedClaim]) -> None:
        quotes = {self._span(quote): quote for claim in claims for quote in claim.quotes}
        self._ids = {span: str(number) for number, span in enumerate(quotes, 1)}
        self.numbered = tuple(
            Citation(
                id=self._ids[span],
                document_id=quote.document.document_id,
                title=quote.document.title,
                page=quote.located.page,
                start=quote.located.start,
                end=quote.located.end,
                quote=quote.located.quote,
                verified=quote.located.verified,
            )
            for span, quote in quotes.items()
        )
        """The citations, by number."""

    def ids(self, claim: GroundedClaim) -> tuple[str, ...]:
        """Return the ids of a claim's citations."""
        return tuple(dict.fromkeys(self._ids[self._span(quote)] for quote in claim.quotes))

    def marks(self, claim: GroundedClaim) -> str:
        """Return a claim's citations as they stand in the text: "[1][3]"."""
        return "".join(f"[{number}]" for number in self.ids(claim))

    @staticmethod
    def _span(quote: Quote) -> tuple[str, int, int]:
        return quote.document.document_id, quote.located.start, quote.located.end


def coverage(run: Run) -> Coverage:
    """Return exactly how much of the documents the engine has read."""
    outside = not run.request.mode and scope(run, run.question)
    why = "the question names others" if outside else "the search found them less relevant"
    pages_read = 0
    skipped: list[str] = []
    for document in run.request.documents:
        passages, read = run.passages[document.document_id], run.read[document.document_id]
        pages: set[int] = set()
        for passage in (passages[index] for index in read):
            pages.update(range(passage.page, document.page_at(max(passage.start, passage.end - 1)) + 1))
        pages_read += len(pages)
        if unread := len(passages) - len(read):
            skipped.append(f"{document.title}: {unread:,} of {len(passages):,} passages were not read, because {why}")
    return Coverage(
        tokens_total=run.total_tokens,
        tokens_read=_tokens_read(run),
        pages_total=sum(len(document.pages) for document in run.request.documents),
        pages_read=pages_read,
        windows=run.windows,
        skipped=tuple(skipped),
    )


def _tokens_read(run: Run) -> int:
    return sum(run.tokens[key][index] for key, indexes in run.read.items() for index in indexes)


def to_markdown(run: Run, claims: Sequence[GroundedClaim]) -> str:
    """Write the answer or the analysis, its sources, and the notes on the engine."""
    citations = Citations(claims)
    if not claims:
        parts = [_nothing_found(run)]
    elif run.kind == "whole_document":
        parts = _analysis_parts(run, claims, citations)
    else:
        parts = [_sentence(claim, citations) for claim in claims]
    if claims:
        documents = {document.document_id: document for document in run.request.documents}
        pages = (documents[citation.document_id].page_name(citation.page) for citation in citations.numbered)
        lines = (
            f"[{citation.id}] {citation.title}, {page}: “{_one_line(citation.quote)}”"
            for citation, page in zip(citations.numbered, pages, strict=True)
        )
        parts.append(f"{SOURCES}\n\n" + "\n".join(lines))
    parts.extend(f"_{note}_" for note in run.engine.info.notes)
    return "\n\n".join(parts)


def _nothing_found(run: Run) -> str:
    if run.missing_pages:
        return " ".join(run.missing_pages)
    if run.everything_read and not run.engine.info.generative:
        return (
            "No sentence was found that answers this in its own words. Everything was searched, but without a language "
            "model: the document may say it otherwise. Ask in the document's words."
        )
    if run.everything_read:
        return "The document does not say." if len(run.request.documents) == 1 else "The documents do not say."
    return (
        f"Nothing was found in the {_tokens_read(run):,} of {run.total_tokens:,} tokens that were read. "
        "That is not to say that the document does not say it: ask more narrowly, or analyse the whole document."
    )


def _analysis_parts(run: Run, claims: Sequence[GroundedClaim], citations: Citations) -> list[str]:
    """Return the title, the points section by section, and the table."""
    titles = " and ".join(document.title for document in run.request.documents)
    parts = [f"# {run.request.mode.capitalize()}: {titles}"] if run.request.mode else []
    points = [claim for claim in claims if claim.kind == "point"]
    for section, group in itertools.groupby(points, key=lambda claim: claim.section):
        lines = "\n".join(f"- {_sentence(claim, citations)}" for claim in group)
        parts.append(f"## {section}\n\n{lines}" if section else lines)
    if rows := [claim for claim in claims if claim.kind != "point"]:
        parts.append(_table(rows, citations))
    return parts


def _table(rows: Sequence[GroundedClaim], citations: Citations) -> str:
    lines = ["| Where | What | Source |", "|---|---|---|"]
    for claim in rows[:MAX_TABLE_ROWS]:
        where, what = (_one_line(text.replace("|", "\\|")) for text in (claim.section or claim.kind, claim.text))
        lines.append(f"| {where} | {what} | {citations.marks(claim)} |")
    if len(rows) > MAX_TABLE_ROWS:
        lines.append(
            f"\n{len(rows) - MAX_TABLE_ROWS} more rows are not shown: `readroom analyze FILE --mode extraction --json` "
            "gives all of them."
        )
    return "\n".join(lines)


def _sentence(claim: GroundedClaim, citations: Citations) -> str:
    doubt = " _(its quotes support this only in part)_" if claim.support == "partly" else ""
    return f"{claim.text} {citations.marks(claim)}{doubt}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def without_sources(markdown: str) -> str:
    """Return an answer's Markdown without its list of sources."""
    return markdown.partition(SOURCES)[0].strip()


def accept_rewritten(run: Run, message: str) -> None:
    """Show a rewritten message in place of the checked answer, if it has the same citations."""
    judgement = run.judgement
    if judgement is None or not message or message == judgement.markdown:
        return
    body, heading, sources = judgement.markdown.partition(SOURCES)
    rewritten = without_sources(message)
    if set(_CITATION_MARK.findall(rewritten)) == set(_CITATION_MARK.findall(body)):
        run.judgement = replace(judgement, markdown=f"{rewritten}\n\n{heading}{sources}")
    else:
        run.warnings.append("The rewritten answer lost citations, so the checked one is shown.")
