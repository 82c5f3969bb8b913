"""Completion: documents by words of their names, pages and sessions, for prompts and resource templates."""

from typing import Any

from mcp.server import MCPServer
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from agents.errors import ReadroomError
from mcp_server.lazy_assistant import LazyAssistant

MOST_VALUES = 100
"""The protocol allows no more."""


def add_completion(server: MCPServer[Any], lazy: LazyAssistant) -> None:
    """Register the completion of every argument whose values the server knows."""

    @server.completion()
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        given = (context and context.arguments) or {}
        try:
            values = await _values(lazy, argument, given, ids=isinstance(ref, ResourceTemplateReference))
        except ReadroomError:
            # What is typed may not name anything yet.
            values = []
        return Completion(values=values[:MOST_VALUES], total=len(values), has_more=len(values) > MOST_VALUES)

    del complete


async def _values(lazy: LazyAssistant, argument: CompletionArgument, given: dict[str, str], *, ids: bool) -> list[str]:
    typed = argument.value.strip()
    if argument.name in ("document", "other", "document_id"):
        return await (await lazy.get_to_list()).complete_document(typed, ids=ids)
    assistant = await lazy.get()
    if argument.name == "session_id":
        sessions = (await assistant.stored()).sessions
        return [each.session_id for each in sessions if each.session_id.startswith(typed) or typed in each.question]
    if argument.name == "page" and (document_id := given.get("document_id")):
        return [number for number in await assistant.page_numbers(document_id) if number.startswith(typed)]
    return []
