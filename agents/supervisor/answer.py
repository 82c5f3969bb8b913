"""From a finished run to what the user sees: the response, and its Markdown with numbered citations.

The Markdown is written by code, so that the same claims give the same words every time.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.engine.extractive.weights import WEAK_BELOW
from agents.engine.tasks.reading import ANY_FACT
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
from agents.supervisor.state import Routed, State, all_evidence

MAX_TABLE_ROWS = 200
"""Rows that the Markdown shows; the response's own table has all."""
SOURCES = "**Sources**"
CLOSEST = "**Closest passages**"
"""Above what comes nearest to an answer, where nothing is one."""
WEAK = "_A weak match: the document may not answer this. What comes nearest:_"
"""Above claims that may miss the question."""
_CITATION_MARK = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Completed:
    """A run that has come to its judgement, and what its agents have returned."""

    run: Run
    state: State


def to_answer(completed: Completed, session: SessionInfo, opened: Sequence[Document] = ()) -> Answer:
    """Return the answer to the run's question.

    Args:
        completed: The run.
        session: The session that the answer belongs to.
        opened: The documents as this caller opened them; a joined run was started with another caller's.
    """
    common = _common_fields(completed, session, opened)
    run, state = completed.run, completed.state
    confidence = state["drafted"].confidence if common["claims"] else None
    return Answer(
        question=state["routed"].question,
        not_found=not common["claims"] and run.ledger.everything_read,
        confidence=confidence if confidence is None else round(confidence, 2),
        weak=_is_weak(state),
        closest=Citations(state["judgement"].closest).numbered,
        **common,
    )


def to_analysis(completed: Completed, session: SessionInfo, opened: Sequence[Document] = ()) -> Analysis:
    """Return the analysis of the run's documents; arguments as in `to_answer`."""
    request, claims = completed.run.request, completed.state["judgement"].claims
    citations = Citations.of_claims(claims)
    return Analysis(
        mode=request.mode or "summary",
        focus=request.focus,
        key_points=tuple(claim.text for claim in claims if claim.kind == "point"),
        outline=completed.state["drafted"].outline,
        table=tuple(
            TableRow(item=claim.section or claim.kind, value=claim.text, citation=citations.ids(claim)[0])
            for claim in claims
            if claim.kind not in ("overview", "point")
        ),
        **_common_fields(completed, session, opened),
    )


def _common_fields(completed: Completed, session: SessionInfo, opened: Sequence[Document]) -> dict[str, Any]:
    """Return the fields that an answer and an analysis share."""
    run, state = completed.run, completed.state
    judgement, routed = state["judgement"], state["routed"]
    citations = Citations.of_claims(judgement.claims)
    documents = opened or run.request.documents
    warnings = [f"{document.title}: {warning}" for document in documents for warning in document.warnings]
    reasons = (routed.reason, *(each.reason for each in all_evidence(state)))
    return {
        "status": "complete",
        "markdown": judgement.markdown,
        "citations": citations.numbered,
        "claims": tuple(
            Claim(text=claim.text, citations=citations.ids(claim), supported=claim.support)
            for claim in judgement.claims
        ),
        "grounded": round(judgement.grounded, 3),
        "coverage": coverage(run, routed),
        "route": RouteReport(
            kind=routed.kind, reason=" ".join(filter(None, dict.fromkeys(reasons))), agents=tuple(run.ledger.steps)
        ),
        "session": session,
        "engine": run.engine.info,
        "usage": run.ledger.usage.model_copy(update={"seconds": run.budget.clock() - run.budget.started}),
        "documents": tuple(
            DocumentInfo(
                document_id=document.document_id,
                title=document.title,
                pages=len(document.pages),
                tokens=sum(run.texts.tokens[document.document_id]),
                parsed=document.parsed,
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

    def ids(self, claim: GroundedClaim) -> tuple[str, ...]:
        """Return the ids of a claim's citations."""
        return tuple(dict.fromkeys(self._ids[self._span(quote)] for quote in claim.quotes))

    def marks(self, claim: GroundedClaim) -> str:
        """Return a claim's citations as they stand in the text: "[1][3]"."""
        return "".join(f"[{number}]" for number in self.ids(claim))

    @staticmethod
    def _span(quote: Quote) -> tuple[str, int, int]:
        return quote.document.document_id, quote.located.start, quote.located.end


def coverage(run: Run, routed: Routed) -> Coverage:
    """Return exactly how much of the documents the engine has read."""
    why = "the question names others" if routed.named else "the search found them less relevant"
    pages_read = 0
    skipped: list[str] = []
    for document in run.request.documents:
        passages, read = run.texts.passages[document.document_id], run.ledger.read[document.document_id]
        pages: set[int] = set()
        for passage in (passages[index] for index in read):
            pages.update(range(passage.page, document.page_at(max(passage.start, passage.end - 1)) + 1))
        pages_read += len(pages)
        if unread := len(passages) - len(read):
            skipped.append(f"{document.title}: {unread:,} of {len(passages):,} passages were not read, because {why}")
    return Coverage(
        tokens_total=run.texts.total_tokens,
        tokens_read=_tokens_read(run),
        pages_total=sum(len(document.pages) for document in run.request.documents),
        pages_read=pages_read,
        windows=run.ledger.windows,
        skipped=tuple(skipped),
    )


def _tokens_read(run: Run) -> int:
    return sum(run.texts.tokens[key][index] for key, indexes in run.ledger.read.items() for index in indexes)


def to_markdown(run: Run, state: State) -> str:
    """Write the judged answer or analysis, its sources, and the notes on the engine."""
    judgement, routed = state["judgement"], state["routed"]
    claims, citations = judgement.claims, Citations.of_claims(judgement.claims)
    if not claims:
        outline = state["drafted"].outline
        parts = [_nothing_noted(run, outline) if run.request.mode else _nothing_found(run, routed)]
    elif routed.kind == "whole_document":
        parts = _analysis_parts(run, claims, citations)
    else:
        parts = [WEAK] * _is_weak(state) + [_sentence(claim, citations) for claim in claims]
    if claims:
        parts.append(f"{SOURCES}\n\n{_listed(run, citations)}")
    if judgement.closest:
        parts.append(f"{CLOSEST}\n\n{_listed(run, Citations(judgement.closest))}")
    parts.extend(f"_{note}_" for note in run.engine.info.notes)
    return "\n\n".join(parts)


def _is_weak(state: State) -> bool:
    """Whether the claims were chosen by rule and hardly fit the question."""
    confidence = state["drafted"].confidence
    return bool(state["judgement"].claims) and confidence is not None and confidence < WEAK_BELOW


def _listed(run: Run, citations: Citations) -> str:
    """Return citations, a line each."""
    documents = {document.document_id: document for document in run.request.documents}
    pages = (documents[each.document_id].page_name(each.page) for each in citations.numbered)
    return "\n".join(
        f"[{each.id}] {each.title}, {page}: “{_one_line(each.quote)}”"
        for each, page in zip(citations.numbered, pages, strict=True)
    )


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
    return (
        f"No clear answer was found in the {_tokens_read(run):,} of {run.texts.total_tokens:,} tokens that were read. "
        "That is not to say that the document does not say it: ask more narrowly, or analyse the whole document."
    )


def _nothing_noted(run: Run, outline: Sequence[str]) -> str:
    """Return why an analysis is empty, and what its documents consist of: it never says what they do not say."""
    titles = " and ".join(document.title for document in run.request.documents)
    if not run.texts.total_tokens:
        return f"There is nothing to analyse: no text was found in {titles}."
    read = f"{_tokens_read(run):,} of {run.texts.total_tokens:,} tokens of {titles} were read"
    if run.request.mode == "extraction":
        return f"Nothing was found that fits “{run.request.focus or ANY_FACT}”: {read}."
    parts = f" Its parts: {'; '.join(outline)}." if outline else ""
    return f"Nothing was noted that stands in the text word for word: {read}.{parts}"


def _analysis_parts(run: Run, claims: Sequence[GroundedClaim], citations: Citations) -> list[str]:
    """Return the title, the overview, the points section by section, and the table."""
    titles = " and ".join(document.title for document in run.request.documents)
    parts = [f"# {run.request.mode.capitalize()}: {titles}"] if run.request.mode else []
    if overview := [claim for claim in claims if claim.kind == "overview"]:
        parts.append(" ".join(_sentence(claim, citations) for claim in overview))
    points = [claim for claim in claims if claim.kind == "point"]
    for section, group in itertools.groupby(points, key=lambda claim: claim.section):
        lines = "\n".join(f"- {_sentence(claim, citations)}" for claim in group)
        parts.append(f"## {section}\n\n{lines}" if section else lines)
    if rows := [claim for claim in claims if claim.kind not in ("overview", "point")]:
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
    """Return an answer's Markdown without its list of sources, or of the closest passages."""
    return markdown.partition(SOURCES)[0].partition(CLOSEST)[0].strip()


def accept_rewritten(completed: Completed, message: str) -> Completed:
    """Show a rewritten message in place of the checked answer, if it has the same citations."""
    judgement = completed.state["judgement"]
    if not message or message == judgement.markdown:
        return completed
    body, heading, sources = judgement.markdown.partition(SOURCES)
    rewritten = without_sources(message)
    if set(_CITATION_MARK.findall(rewritten)) != set(_CITATION_MARK.findall(body)):
        completed.run.warn("The rewritten answer lost citations, so the checked one is shown.")
        return completed
    shown = replace(judgement, markdown=f"{rewritten}\n\n{heading}{sources}")
    return replace(completed, state={**completed.state, "judgement": shown})
