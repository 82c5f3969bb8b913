"""Responses as Markdown for a model or a person to read."""

from agents.escaping import as_markdown
from agents.schema import STARTING, Response

GO_ON = "pass it as session_id to go on; at a shell `readroom view` shows its quotes on their pages"
"""What a client may do with a session."""


def response_text(response: Response, *, go_on: str = GO_ON) -> str:
    """Return the response as Markdown that stands alone: the answer, then what is needed to go on."""
    session = response.session
    turns = pluralize(session.turns, "turn") + (
        f", {session.archived_turns} archived" if session.archived_turns else ""
    )
    lines = [response.markdown.rstrip(), "", "---"]
    if part := response.part:
        rest = f": for the next part make the same call with cursor `{response.next_cursor}`"
        of = f"Claims {part.first:,} to {part.last:,} of {part.total:,}"
        lines.append(f"{of}{rest if response.next_cursor else ', which is the end'}.")
    lines.append(f"Session `{session.session_id}` ({turns}): {go_on}.")
    if response.documents:
        lines.append(
            "Documents: " + "; ".join(f"{as_markdown(one.title)} (`{one.document_id}`)" for one in response.documents)
        )
    lines += [_coverage_and_engine(response), *(f"Note: {as_markdown(warning)}" for warning in response.warnings)]
    return "\n".join(lines)


def _coverage_and_engine(response: Response) -> str:
    if response.engine.name == STARTING:
        # No engine yet is not the one without a model.
        return "The engine is still starting."
    model = f", {as_markdown(response.engine.model)}" if response.engine.model else ""
    engine = f"Engine: {response.engine.name}{model}."
    coverage = response.coverage
    if not coverage.tokens_total:
        return engine
    if coverage.complete and coverage.pages_read == coverage.pages_total and not coverage.skipped:
        return f"Read whole: {coverage.tokens_total:,} tokens, {pluralize(coverage.pages_total, 'page')}. {engine}"
    skipped = f" (skipped: {as_markdown('; '.join(coverage.skipped))})" if coverage.skipped else ""
    tokens = f"{coverage.tokens_read:,} of {coverage.tokens_total:,} tokens"
    return f"Read {tokens}, {coverage.pages_read:,} of {coverage.pages_total:,} pages{skipped}. {engine}"


def stopped_text(response: Response, seconds: float) -> str:
    """Return what to say of a response that is still running where the work ends with the caller's process."""
    progress = response.progress
    reached = f": {as_markdown(progress.message)} ({progress.fraction:.0%})" if progress else ""
    return (
        f"Stopped after {seconds:g} s{reached}. Run the same command again to go on from what is finished, "
        "without --wait to wait for the end."
    )


def pluralize(number: int, noun: str) -> str:
    """Return the number with its noun: "1 page", "1,200 pages"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
