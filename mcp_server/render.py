"""Answers as the text that a model reads, within what hosts show of one result."""

from typing import TypeVar

from agents.schema import Response
from agents.tokens import estimate_tokens

RESULT_TOKENS = 24_000
"""Hosts cut what is longer than about 25,000 tokens, without a word."""

ResponseT = TypeVar("ResponseT", bound=Response)
_LISTS = ("citations", "claims", "table", "outline", "key_points")


def response_text(response: Response, *, go_on: str = "pass it as session_id to go on") -> str:
    """Return the response as Markdown that stands alone: the answer, then what is needed to go on."""
    lines = [response.markdown.rstrip(), "", "---", _session_line(response, go_on)]
    if response.progress is not None:
        done = f"{response.progress.fraction:.0%}"
        lines.append(f"Still running ({done}: {response.progress.message}). Make the same call again to get the rest.")
    if response.documents:
        lines.append("Documents: " + "; ".join(f"{one.title} (`{one.document_id}`)" for one in response.documents))
    lines += [_coverage_line(response), *(f"Note: {warning}" for warning in response.warnings)]
    return "\n".join(lines)


def fitted(response: ResponseT, limit: int = RESULT_TOKENS) -> ResponseT:
    """Return the response, shortened until its JSON holds at most about `limit` tokens.

    What is left out is named in `warnings`, with the resource that holds the whole text.
    """
    whole = f"the whole text is the resource readroom://sessions/{response.session.session_id}"
    cut: dict[str, str] = {}
    while (tokens := estimate_tokens(response.model_dump_json())) > limit:
        name = max((*_LISTS, "markdown"), key=lambda name: _size(response, name))
        if _size(response, name) < limit // 16:
            break
        if name == "markdown":
            response = response.model_copy(update={"markdown": _shortened(response.markdown, limit / tokens)})
            cut[name] = f"The Markdown was shortened to fit one result; {whole}."
        else:
            items: tuple[object, ...] = getattr(response, name)
            response = response.model_copy(update={name: items[: len(items) // 2]})
            cut[name] = f"{name} was shortened to {len(items) // 2} entries to fit one result; {whole}."
    return response.model_copy(update={"warnings": (*response.warnings, *cut.values())}) if cut else response


def _size(response: Response, name: str) -> int:
    return estimate_tokens(response.model_dump_json(include={name})) if hasattr(response, name) else 0


def _shortened(markdown: str, share: float) -> str:
    end = int(len(markdown) * min(share, 0.9))
    paragraph = markdown.rfind("\n\n", end // 2, end)
    return markdown[: paragraph if paragraph > 0 else end].rstrip() + "\n\n…"


def _session_line(response: Response, go_on: str) -> str:
    session = response.session
    turns = "1 turn" if session.turns == 1 else f"{session.turns} turns"
    archived = f", {session.archived_turns} archived" if session.archived_turns else ""
    return f"Session `{session.session_id}` ({turns}{archived}): {go_on}."


def _coverage_line(response: Response) -> str:
    coverage = response.coverage
    read = (
        f"Read {coverage.tokens_read:,} of {coverage.tokens_total:,} tokens, "
        f"{coverage.pages_read:,} of {coverage.pages_total:,} pages"
    )
    skipped = f" (skipped: {'; '.join(coverage.skipped)})" if coverage.skipped else ""
    engine = response.engine.name + (f", {response.engine.model}" if response.engine.model else ", no language model")
    return f"{read}{skipped}. Engine: {engine}."
