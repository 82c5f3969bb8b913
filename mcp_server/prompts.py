"""Prompts: requests that a user picks in a client and that lead a model to the tools."""

from typing import Annotated, Any

from mcp.server import MCPServer
from pydantic import Field

PathArgument = Annotated[str, Field(description="Absolute path of the document, or its document_id.")]


def add_prompts(server: MCPServer[Any]) -> None:
    """Register the prompts."""
    server.prompt(
        title="Summarise a document", description="Read a whole document and give its main points with page numbers."
    )(summarise_document)
    server.prompt(
        title="Compare two documents", description="Say what two documents share and where they differ, with quotes."
    )(compare_documents)
    server.prompt(
        title="Answer with quotes", description="Answer a question from a document, every statement with its quote."
    )(answer_with_quotes)
    server.prompt(
        title="Extract a table", description="Read a whole document and list what you name: figures, dates, duties."
    )(extract_table)


def summarise_document(document: PathArgument) -> str:
    """Return the request for a summary."""
    return (
        f"Call analyze_document with document={document!r} and mode='summary'. If status is 'running', make the same "
        "call again until it is complete. Give the main points in your own order of importance, each with its page, "
        "then say what share of the document was read."
    )


def compare_documents(
    document: PathArgument, other: Annotated[str, Field(description="Absolute path of the second document, or its id.")]
) -> str:
    """Return the request for a comparison."""
    return (
        f"Call analyze_document with document={document!r}, mode='comparison' and compare_with=[{other!r}]. If status "
        "is 'running', make the same call again until it is complete. Show the differences as a table with a quote "
        "and a page from each side, then what both share."
    )


def answer_with_quotes(
    document: PathArgument, question: Annotated[str, Field(description="What you want to know.")]
) -> str:
    """Return the request for an answer with quotes."""
    return (
        f"Call ask with question={question!r} and documents=[{document!r}]. Answer from the result alone: every "
        "statement with its quote and page. Say so if the result's not_found is true or its coverage is incomplete."
    )


def extract_table(
    document: PathArgument, focus: Annotated[str, Field(description="What to list, for example 'all deadlines'.")]
) -> str:
    """Return the request for an extraction."""
    return (
        f"Call analyze_document with document={document!r}, mode='extraction' and focus={focus!r}. If status is "
        "'running', make the same call again until it is complete. Show the result's table with the page of each row."
    )
