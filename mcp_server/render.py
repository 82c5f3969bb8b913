"""Responses as Markdown for a model or a person to read, within what hosts show of one result."""

from typing import TypeVar

from agents.language.tokens import estimate_tokens
from agents.schema import Response

RESULT_TOKENS = 24_000
"""Hosts cut what is longer than about 25,000 tokens, without a word."""

ResponseT = TypeVar("ResponseT", bound=Response)
_LISTS = ("citations", "claims", "table", "outline", "key_points")


def response_text(response: Response, *, go_on: str = "pass it as session_id to go on") -> str:
    """Return the response as Markdown that stands alone: the answer, then what is needed to go on."""
    session = response.session
    turns = pluralize(session.turns, "turn") + (
        f", {session.archived_turns} archived" if session.archived_turns else ""
    )
    lines = [response.markdown.rstrip(), "", "---", f"Session `{session.session_id}` ({turns}): {go_on}."]
    if response.progress is not None:
        done = f"{response.progress.fraction:.0%}"
        lines.append(f"Still running ({done}: {response.progress.message}). Make the same call again to get the rest.")
    if response.documents:
        lines.append("Documents: " + "; ".join(f"{one.title} (`{one.document_id}`)" for one in response.documents))
    lines += [_coverage_and_engine(response), *(f"Note: {warning}" for warning in response.warnings)]
    return "\n".join(lines)


def _coverage_and_engine(response: Response) -> str:
    engine = f"Engine: {response.engine.name}, {response.engine.model or 'no language model'}."
    coverage = response.coverage
    if not coverage.tokens_total:
        return engine
    skipped = f" (skipped: {'; '.join(coverage.skipped)})" if coverage.skipped else ""
    tokens = f"{coverage.tokens_read:,} of {coverage.tokens_total:,} tokens"
    return f"Read {tokens}, {coverage.pages_read:,} of {coverage.pages_total:,} pages{skipped}. {engine}"


def stopped_text(response: Response, seconds: float) -> str:
    """Return what to say of a response that is still running where the work ends with the caller's process."""
    progress = response.progress
    reached = f": {progress.message} ({progress.fraction:.0%})" if progress else ""
    return (
        f"Stopped after {seconds:g} s{reached}. Run the same command again to go on from what is finished, "
        "without --wait to wait for the end."
    )


def fit_to_limit(response: ResponseT, limit: int = RESULT_TOKENS) -> ResponseT:
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
            allowed = int(estimate_tokens(response.markdown) * min(limit / tokens, 0.9))
            response = response.model_copy(update={"markdown": truncate(response.markdown, allowed)})
            cut[name] = f"The Markdown was shortened to fit one result; {whole}."
        else:
            items: tuple[object, ...] = getattr(response, name)
            response = response.model_copy(update={name: items[: len(items) // 2]})
            cut[name] = f"{name} was shortened to {len(items) // 2} entries to fit one result; {whole}."
    return response.model_copy(update={"warnings": (*response.warnings, *cut.values())}) if cut else response


def truncate(markdown: str, limit: int = RESULT_TOKENS) -> str:
    """Return the Markdown, cut at the end of a paragraph where it holds more than about `limit` tokens."""
    tokens = estimate_tokens(markdown)
    if tokens <= limit:
        return markdown
    end = len(markdown) * limit // tokens
    paragraph = markdown.rfind("\n\n", end // 2, end)
    return markdown[: paragraph if paragraph > 0 else end].rstrip() + "\n\n…"


def _size(response: Response, name: str) -> int:
    return estimate_tokens(response.model_dump_json(include={name})) if hasattr(response, name) else 0


def pluralize(number: int, noun: str) -> str:
    """Return the number with its noun: "1 page", "1,200 pages"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
