"""Rendering: claims become Markdown with numbered citations, word for word the same every time."""
# MERGED """From a finished run to the response that the user sees."""

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

MAX_ROWS_SHOWN = 200
SOURCES = "**Sources**"
_MARK = re.compile(r"\[(\d+)\]")


def cite(claims: Sequence[GroundedClaim]) -> tuple[Citation, ...]:
    """Number the quotes of the claims in the order in which they are first used."""
    quotes = dict.fromkeys(_key(quote) for claim in claims for quote in claim.quotes)
    by_key = {_key(quote): quote for claim in claims for quote in claim.quotes}
    return tuple(_citation(str(number), by_key[key]) for number, key in enumerate(quotes, 1))


def to_claims(claims: Sequence[GroundedClaim]) -> tuple[Claim, ...]:
    """Return the claims with the ids of their citations."""
    ids = _ids(claims)
    return tuple(Claim(text=claim.text, citations=_marks(claim, ids), supported=claim.support) for claim in claims)


def to_table(claims: Sequence[GroundedClaim]) -> tuple[TableRow, ...]:
    """Return the figures, dates, names and items among the claims."""
    ids = _ids(claims)
    return tuple(
        TableRow(item=claim.section or claim.kind, value=claim.text, citation=_marks(claim, ids)[0])
        for claim in claims
        if claim.kind != "point"
    )


def to_markdown(run: Run, claims: Sequence[GroundedClaim]) -> str:
    """Write the answer or the analysis, its sources, and what made it."""
    whole = run.kind == "whole_document"
    parts = [_nothing_found(run) if not claims else _analysis(run, claims) if whole else _answer(claims)]
    if claims:
        parts.append(f"{SOURCES}\n\n" + "\n".join(_source(citation) for citation in cite(claims)))
    parts.extend(f"_{note}_" for note in run.engine.info.notes)
    return "\n\n".join(parts)


def without_sources(markdown: str) -> str:
    """Return an answer without its list of sources."""
    return markdown.partition(SOURCES)[0].strip()


def accept_rewritten(run: Run, message: str) -> None:
    """Take a rewritten message as the answer only if it cites what the checked one cites, and nothing else."""
    judgement = run.judgement
    if judgement is None or not message or message == judgement.markdown:
        return
    body, heading, sources = judgement.markdown.partition(SOURCES)
    rewritten = without_sources(message)
    if set(_MARK.findall(rewritten)) == set(_MARK.findall(body)):
        run.judgement = replace(judgement, markdown=f"{rewritten}\n\n{heading}{sources}")
    else:
        run.warnings.append("The rewritten answer lost citations, so the checked one is shown.")


def _answer(claims: Sequence[GroundedClaim]) -> str:
    ids = _ids(claims)
    return "\n\n".join(_sentence(claim, ids) for claim in claims)


def _analysis(run: Run, claims: Sequence[GroundedClaim]) -> str:
    ids = _ids(claims)
    parts = [_title(run)] if run.request.mode else []
    points = [claim for claim in claims if claim.kind == "point"]
    for section, group in itertools.groupby(points, key=lambda claim: claim.section):
        lines = "\n".join(f"- {_sentence(claim, ids)}" for claim in group)
        parts.append(f"## {section}\n\n{lines}" if section else lines)
    if rows := [claim for claim in claims if claim.kind != "point"]:
        parts.append(_table(rows, ids))
    return "\n\n".join(parts)


def _title(run: Run) -> str:
    titles = " and ".join(document.title for document in run.request.documents)
    return f"# {str(run.request.mode).capitalize()}: {titles}"


def _table(rows: Sequence[GroundedClaim], ids: dict[tuple[str, int, int], str]) -> str:
    lines = ["| Where | What | Source |", "|---|---|---|"]
    for claim in rows[:MAX_ROWS_SHOWN]:
        marks = "".join(f"[{mark}]" for mark in _marks(claim, ids))
        lines.append(f"| {_cell(claim.section or claim.kind)} | {_cell(claim.text)} | {marks} |")
    if len(rows) > MAX_ROWS_SHOWN:
        lines.append(
            f"\n{len(rows) - MAX_ROWS_SHOWN} more rows are not shown: `readroom analyze FILE --mode extraction --json` "
            "gives all of them."
        )
    return "\n".join(lines)


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
    read = sum(run.tokens[key][index] for key, indexes in run.read.items() for index in indexes)
    return (
        f"Nothing was found in the {read:,} of {run.total_tokens:,} tokens that were read. "
        "That is not to say that the document does not say it: ask more narrowly, or analyse the whole document."
    )


def _sentence(claim: GroundedClaim, ids: dict[tuple[str, int, int], str]) -> str:
    marks = "".join(f"[{mark}]" for mark in _marks(claim, ids))
    doubt = " _(its quotes support this only in part)_" if claim.support == "partly" else ""
    return f"{claim.text} {marks}{doubt}"


def _source(citation: Citation) -> str:
    return f"[{citation.id}] {citation.title}, page {citation.page}: “{' '.join(citation.quote.split())}”"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _ids(claims: Sequence[GroundedClaim]) -> dict[tuple[str, int, int], str]:
    return {(c.document_id, c.start, c.end): c.id for c in cite(claims)}


def _marks(claim: GroundedClaim, ids: dict[tuple[str, int, int], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids[_key(quote)] for quote in claim.quotes))


def _key(quote: Quote) -> tuple[str, int, int]:
    return quote.document.document_id, quote.located.start, quote.located.end


def _citation(number: str, quote: Quote) -> Citation:
    return Citation(
        id=number,
        document_id=quote.document.document_id,
        title=quote.document.title,
        page=quote.located.page,
        start=quote.located.start,
        end=quote.located.end,
        quote=quote.located.quote,
        verified=quote.located.verified,
    )


def to_answer(run: Run, session: SessionInfo, opened: Sequence[Document] = ()) -> Answer:
    """Return the answer to the run's question.

    Args:
        run: A completed run.
        session: The session that the answer belongs to.
        opened: The documents as this caller opened them; a joined run was started with another caller's.
    """
    claims = _claims(run)
    return Answer(
        question=run.question,
        not_found=not claims and run.everything_read,
        **_common(run, session, opened or run.request.documents, claims),
    )


def to_analysis(run: Run, session: SessionInfo, opened: Sequence[Document] = ()) -> Analysis:
    """Return the analysis of the run's documents; arguments as in `to_answer`."""
    claims = _claims(run)
    return Analysis(
        mode=run.request.mode or "summary",
        focus=run.request.focus,
        key_points=tuple(claim.text for claim in claims if claim.kind == "point"),
        outline=run.outline,
        table=to_table(claims),
        **_common(run, session, opened or run.request.documents, claims),
    )


def coverage(run: Run) -> Coverage:
    """Return exactly how much of the documents the engine was given."""
    pages_read = {
        (key, page)
        for document in run.request.documents
        for key in (document.document_id,)
        for index in run.read[key]
        for page in _pages(run, key, index)
    }
    outside = not run.request.mode and scope(run, run.question)
    why = "the question names others" if outside else "the search found them less relevant"
    unread = [
        f"{document.title}: {left:,} of {len(run.passages[document.document_id]):,} passages were not read, "
        f"because {why}"
        for document in run.request.documents
        if (left := len(run.passages[document.document_id]) - len(run.read[document.document_id]))
    ]
    return Coverage(
        tokens_total=run.total_tokens,
        tokens_read=sum(run.tokens[key][index] for key, indexes in run.read.items() for index in indexes),
        pages_total=sum(len(document.pages) for document in run.request.documents),
        pages_read=len(pages_read),
        windows=run.windows,
        skipped=tuple(unread),
    )


def _pages(run: Run, document_id: str, index: int) -> range:
    """Return the numbers of the pages that a passage touches."""
    passage = run.passages[document_id][index]
    document = next(document for document in run.request.documents if document.document_id == document_id)
    return range(passage.page, document.page_at(max(passage.start, passage.end - 1)) + 1)


def _claims(run: Run) -> tuple[GroundedClaim, ...]:
    return run.judgement.claims if run.judgement else ()


def _common(
    run: Run, session: SessionInfo, opened: Sequence[Document], claims: tuple[GroundedClaim, ...]
) -> dict[str, Any]:
    warnings = [f"{document.title}: {warning}" for document in run.request.documents for warning in document.warnings]
    return {
        "status": "complete",
        "markdown": run.judgement.markdown if run.judgement else "",
        "citations": cite(claims),
        "claims": to_claims(claims),
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
            for document in opened
        ),
        "warnings": tuple(dict.fromkeys([*warnings, *run.warnings])),
    }
