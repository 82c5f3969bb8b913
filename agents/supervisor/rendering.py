"""Rendering: claims become Markdown with numbered citations, word for word the same every time."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from agents.schema import Citation, Claim, TableRow
from agents.supervisor.run import GroundedClaim, Quote, Run

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
    if run.nowhere:
        return " ".join(run.nowhere)
    if run.everything_read and run.engine.info.name == "extractive":
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
