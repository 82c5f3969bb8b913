"""From a finished run to what the user sees: the response, with numbered citations."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from agents import markdown
from agents.engine.tasks.reading import ANY_FACT
from agents.escaping import one_line
from agents.grounding.claims import GroundedClaim, Judgement, Quote
from agents.schema import (
    MILLISECONDS,
    Analysis,
    Answer,
    Citation,
    Claim,
    Coverage,
    Document,
    DocumentInfo,
    RouteReport,
    SessionInfo,
)
from agents.supervisor.run import Request, Run
from agents.supervisor.state import Routed, State, all_evidence

ResponseT = TypeVar("ResponseT", Answer, Analysis)
_CITATION_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Completed:
    """A run that has come to its judgement, and what its agents have returned."""

    run: Run
    state: State


def to_response(completed: Completed) -> Answer | Analysis:
    """Return what a run has come to, for any caller and without the run, which holds whole documents."""
    session = SessionInfo(session_id="")
    return to_analysis(completed, session) if completed.run.request.mode else to_answer(completed, session)


def opened_by(response: ResponseT, opened: Sequence[Document], session_id: str) -> ResponseT:
    """Return a response as it is for one caller.

    Args:
        response: From `to_response`.
        opened: The documents as this caller opened them; a joined run was started with another caller's.
        session_id: This caller's session.
    """
    own = {document.document_id: document for document in opened}
    documents = tuple(
        each.model_copy(update={"title": own[each.document_id].title, "parsed": own[each.document_id].parsed})
        for each in response.documents
    )
    return response.model_copy(update={"documents": documents, "session": SessionInfo(session_id=session_id)})


def to_answer(completed: Completed, session: SessionInfo) -> Answer:
    """Return the answer to the run's question, which belongs to a session."""
    common = _common_fields(completed, session)
    run, state = completed.run, completed.state
    confidence = state["drafted"].confidence if common["claims"] else None
    return Answer(
        question=state["routed"].question,
        not_found=not common["claims"] and run.ledger.everything_read,
        confidence=confidence if confidence is None else round(confidence, 2),
        weak=state["judgement"].weak,
        closest=Citations(state["judgement"].closest).numbered,
        **common,
    )


def to_analysis(completed: Completed, session: SessionInfo) -> Analysis:
    """Return the analysis of the run's documents, which belongs to a session."""
    request = completed.run.request
    return Analysis(
        mode=request.mode or "summary",
        focus=focus(request),
        outline=completed.state["drafted"].outline,
        **_common_fields(completed, session),
    )


def _common_fields(completed: Completed, session: SessionInfo) -> dict[str, Any]:
    """Return the fields that an answer and an analysis share."""
    run, state = completed.run, completed.state
    judgement, routed = state["judgement"], state["routed"]
    citations = Citations.of_claims(judgement.claims)
    documents = run.request.documents
    warnings = [
        f"{document.title}: {warning}" if len(documents) > 1 else warning
        for document in documents
        for warning in document.warnings
    ]
    reasons = (routed.reason, *(each.reason for each in all_evidence(state)))
    return {
        "status": "complete",
        "markdown": judgement.markdown,
        "message": judgement.message,
        "citations": citations.numbered,
        "claims": citations.claims(judgement.claims),
        "grounded": round(judgement.grounded, 3),
        "coverage": coverage(run, routed),
        "route": RouteReport(
            kind=routed.kind, reason=" ".join(filter(None, dict.fromkeys(reasons))), agents=tuple(run.ledger.steps)
        ),
        "session": session,
        "engine": run.engine.info,
        "usage": run.ledger.usage.model_copy(
            update={"seconds": round(run.budget.clock() - run.budget.started, MILLISECONDS)}
        ),
        "documents": tuple(
            DocumentInfo(
                document_id=document.document_id,
                title=document.title,
                pages=len(document.pages),
                tokens=sum(run.texts.tokens[document.document_id]),
                parsed=document.parsed,
                pages_read=_runs(_pages_read(run, document)),
            )
            for document in documents
        ),
        "warnings": tuple(dict.fromkeys([*warnings, *run.ledger.warnings])),
    }


class Citations:
    """Quotes, each once, numbered in the order in which they are first used."""

    def __init__(self, used: Iterable[Quote]) -> None:
        quotes = {self._span(quote): quote for quote in used}
        self._ids = {span: str(number) for number, span in enumerate(quotes, 1)}
        self.numbered = tuple(
            Citation(
                id=self._ids[span],
                document_id=quote.document.document_id,
                title=quote.document.title,
                page=quote.located.page,
                place=_place(quote),
                start=quote.located.start,
                end=quote.located.end,
                quote=quote.located.quote,
                verified=quote.located.verified,
            )
            for span, quote in quotes.items()
        )
        """The citations, by number."""

    @classmethod
    def of_claims(cls, claims: Sequence[GroundedClaim]) -> "Citations":
        """Return the citations of claims."""
        return cls(quote for claim in claims for quote in claim.quotes)

    def claims(self, claims: Sequence[GroundedClaim]) -> tuple[Claim, ...]:
        """Return claims with the ids of their citations."""
        return tuple(
            Claim(
                text=claim.text,
                citations=tuple(dict.fromkeys(self._ids[self._span(quote)] for quote in claim.quotes)),
                supported=claim.support,
                kind=claim.kind,
                section=claim.section,
            )
            for claim in claims
        )

    @staticmethod
    def _span(quote: Quote) -> tuple[str, int, int]:
        return quote.document.document_id, quote.located.start, quote.located.end


def _place(quote: Quote) -> str:
    """Return what the quote's page is called, if that is not its number."""
    name = quote.document.page_name(quote.located.page)
    return "" if name == f"page {quote.located.page}" else name


def coverage(run: Run, routed: Routed) -> Coverage:
    """Return how much of the documents the engine has read."""
    why = "the question names others" if routed.named else "the search found them less relevant"
    tokens_read = run.ledger.tokens_read()
    skipped: list[str] = []
    for document in run.request.documents:
        total = sum(run.texts.tokens[document.document_id])
        if unread := total - tokens_read[document.document_id]:
            skipped.append(f"{document.title}: {unread:,} of {total:,} tokens were not read, because {why}")
    if run.request.others:
        skipped.append(f"{run.request.others:,} more documents were searched and not read: these match best")
    return Coverage(
        tokens_total=run.texts.total_tokens,
        tokens_read=sum(tokens_read.values()),
        pages_total=sum(len(document.pages) for document in run.request.documents),
        pages_read=sum(len(_pages_read(run, document)) for document in run.request.documents),
        windows=run.ledger.windows,
        skipped=tuple(skipped),
    )


def _pages_read(run: Run, document: Document) -> list[int]:
    """Return the pages of which something was read, in order: none without text, as blank ones are, or damaged ones."""
    pages: set[int] = set()
    for start, end in run.ledger.read_spans()[document.document_id]:
        pages.update(range(document.page_at(start), document.page_at(max(start, end - 1)) + 1))
    read = (page for page in document.pages if page.number in pages)
    return [page.number for page in read if document.text[page.start : page.end].strip()]


def _runs(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the first and the last of each run of numbers that follow one another."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        first = runs.pop()[0] if runs and runs[-1][1] == number - 1 else number
        runs.append((first, number))
    return tuple(runs)


def _tokens_read(run: Run) -> int:
    return sum(run.ledger.tokens_read().values())


def to_markdown(run: Run, routed: Routed, judgement: Judgement) -> str:
    """Write the judged answer or analysis, its sources, and the notes on the engine."""
    citations, request = Citations.of_claims(judgement.claims), run.request
    titles = [document.title for document in request.documents]
    return markdown.write(
        citations.claims(judgement.claims),
        citations.numbered,
        heading=markdown.analysis_heading(request.mode, titles, focus(request))
        if request.mode and judgement.claims
        else "",
        message=judgement.message,
        weak=judgement.weak,
        as_list=routed.kind == "whole_document",
        closest=Citations(judgement.closest).numbered,
        notes=run.engine.info.notes,
    )


def focus(request: Request) -> str | None:
    """Return what an analysis looks for: the caller's words, or what an extraction takes by itself."""
    return request.focus or (ANY_FACT if request.mode == "extraction" else None)


def nothing_said(run: Run, state: State) -> str:
    """Return what is said where no claim stands."""
    return _nothing_noted(run, state["drafted"].outline) if run.request.mode else _nothing_found(run, state["routed"])


def _nothing_found(run: Run, routed: Routed) -> str:
    if routed.missing_pages:
        return " ".join(routed.missing_pages)
    if run.ledger.everything_read and not run.engine.info.generative:
        return (
            "No sentence was found that answers this in its own words. Everything was searched, but without a language "
            "model: the document may say it otherwise. Ask in the document's words."
        )
    if run.ledger.everything_read:
        return "The document does not say." if len(run.request.documents) == 1 else "The documents do not say."
    if others := run.request.others:
        read = len(run.request.documents)
        return (
            f"No clear answer was found in the {read:,} of {read + others:,} documents whose passages match best. That "
            "is not to say that the others do not say it: name the document, or ask in its words."
        )
    return (
        f"No clear answer was found in the {_tokens_read(run):,} of {run.texts.total_tokens:,} tokens that were "
        "read. That is not to say that the document does not say it: ask more narrowly, or analyse the whole document."
    )


def _nothing_noted(run: Run, outline: Sequence[str]) -> str:
    """Return why an analysis is empty, and what its documents consist of: it never says what they do not say."""
    titles = markdown.name_titles([document.title for document in run.request.documents])
    if not run.texts.total_tokens:
        return f"There is nothing to analyse: no text was found in {titles}."
    read = f"{_tokens_read(run):,} of {run.texts.total_tokens:,} tokens of {titles} were read"
    if run.request.mode == "extraction":
        literal = "" if run.engine.info.generative else " Without a language model only the document's own words fit."
        return f"Nothing was found that fits “{one_line(focus(run.request) or '')}”: {read}.{literal}"
    parts = f" Its parts: {one_line('; '.join(outline))}." if outline else ""
    return f"Nothing was noted that stands in the text word for word: {read}.{parts}"


def accept_rewritten(completed: Completed, message: str) -> Completed:
    """Show a rewritten message in place of the checked answer, if it has the same citations."""
    run, state = completed.run, completed.state
    judgement = state["judgement"]
    if not message or message == judgement.markdown:
        return completed
    rewritten, said = (markdown.without_sources(text) for text in (message, judgement.markdown))
    if set(_CITATION_MARK.findall(rewritten)) != set(_CITATION_MARK.findall(said)):
        run.warn("The rewritten answer lost citations, so the checked one is shown.")
        return completed
    shown = replace(judgement, message=rewritten)
    shown = replace(shown, markdown=to_markdown(run, state["routed"], shown))
    return replace(completed, state={**state, "judgement": shown})
