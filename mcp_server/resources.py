"""Documents, sessions and the server's status as MCP resources."""

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import ContentBlock, ResourceLink

from agents.errors import DocumentError, ReadroomError, RequestError, SessionError
from agents.escaping import as_markdown, one_line
from agents.schema import Response
from mcp_server.lazy_assistant import LazyAssistant
from mcp_server.render import pluralize

MAX_LINKS = 3
"""Documents that one result links to."""
PART_CHARACTERS = 80_000
"""Longest text of one read, about 20,000 tokens."""


def add_resources(server: MCPServer[Any], lazy: LazyAssistant) -> None:
    """Register the resources; the URIs hold ids from earlier results, never paths."""

    async def document_page(document_id: str, page: int) -> str:
        with _readable_errors():
            return await (await lazy.get()).document_text(document_id, page)

    async def document_text(document_id: str, start: int = 0) -> str:
        with _readable_errors():
            text = await (await lazy.get()).document_text(document_id)
            return _part(text, start, document_uri(document_id))

    async def session(session_id: str, start: int = 0) -> str:
        with _readable_errors():
            transcript = await (await lazy.get()).transcript(session_id)
            return _part(transcript, start, session_uri(session_id))

    async def status() -> str:
        with _readable_errors():
            return (await (await lazy.get()).status()).model_dump_json(indent=2)

    server.resource(
        "readroom://documents/{document_id}/pages/{page}",
        title="One page of a document",
        description="The text of one page, slide or sheet, counted from 1, as the citations quote it.",
    )(document_page)
    server.resource(
        "readroom://documents/{document_id}/text{?start}",
        title="A document's text",
        description=f"The whole text, {PART_CHARACTERS:,} characters at a time, from the character `start`; the start "
        "and end of a citation count in it. The last line names the next part.",
    )(document_text)
    server.resource(
        "readroom://sessions/{session_id}{?start}",
        title="A session's transcript",
        description="Every question and its whole answer, oldest first, archived turns included.",
        mime_type="text/markdown",
    )(session)
    server.resource(
        "readroom://status",
        title="The server's status",
        description="Version, engine and why it was chosen, number of documents and sessions, data folder.",
        mime_type="application/json",
    )(status)


def document_uri(document_id: str) -> str:
    """Return the URI of a document's text."""
    return f"readroom://documents/{document_id}/text"


def session_uri(session_id: str) -> str:
    """Return the URI of a session's transcript."""
    return f"readroom://sessions/{session_id}"


def document_link(document_id: str, title: str, pages: int) -> ResourceLink:
    """Return a link to a document's text, for a result."""
    return ResourceLink(
        uri=document_uri(document_id),
        name=document_id,
        title=one_line(title),
        description=f"The text that was read, of {pluralize(pages, 'page')}.",
        mime_type="text/plain",
    )


def cited_links(response: Response) -> list[ContentBlock]:
    """Return links to the documents that a response cites most, for its reader to open."""
    cited = Counter(citation.document_id for citation in response.citations)
    documents = {document.document_id: document for document in response.documents}
    shown = (documents[key] for key, _ in cited.most_common(MAX_LINKS) if key in documents)
    return [document_link(each.document_id, each.title, each.pages) for each in shown]


def _part(text: str, start: int, uri: str) -> str:
    if start and not 0 <= start < len(text):
        raise ResourceNotFoundError(f"start is {start}, and the text has {len(text):,} characters. Count from 0.")
    end = start + PART_CHARACTERS
    return text[start:end] + (f"\n\n[Goes on at {uri}?start={end}]" if end < len(text) else "")


@contextmanager
def _readable_errors() -> Generator[None]:
    try:
        yield
    except (DocumentError, SessionError, RequestError) as error:
        raise ResourceNotFoundError(as_markdown(str(error))) from error
    except ReadroomError as error:
        raise ResourceError(as_markdown(str(error))) from error
