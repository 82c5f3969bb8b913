"""From a finished run to the response that the user sees."""

from collections.abc import Sequence
from typing import Any

from agents.schema import Analysis, Answer, Coverage, Document, DocumentInfo, RouteReport, SessionInfo
from agents.supervisor.rendering import cite, to_claims, to_table
from agents.supervisor.run import GroundedClaim, Run
from agents.supervisor.scope import scope


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
