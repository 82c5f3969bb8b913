"""The commands that list what is kept, and forget it."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from agents.kept import Forgotten, Kept

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="Print the result, or the error, as JSON.")]
_SHOWN = 80
"""Characters of a session's first question."""


@app.command()
def sessions(as_json: Json = False) -> None:
    """List the sessions that are kept, the one last used first."""
    _list(sessions_text, as_json=as_json)


@app.command()
def documents(as_json: Json = False) -> None:
    """List the documents that are kept, and the files they were read from."""
    _list(documents_text, as_json=as_json)


@app.command()
def forget(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID | FILE ...]", help="Sessions and documents by their ids, or files that were read."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Forget every session and every document.")] = False,
    as_json: Json = False,
) -> None:
    """Delete sessions and documents from Readroom's data folder; the files themselves are left alone."""
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents import kept
        from agents.errors import RequestError
        from agents.settings import load_settings
        from mcp_server.last_session import forget_last

        if everything == bool(names):
            raise RequestError(
                "It is not said what to forget.", hint="Name sessions, documents or files, or give --all."
            )
        settings = load_settings()
        forgotten = asyncio.run(kept.forget(settings, names or []))
        forget_last(settings, forgotten.sessions)
        print_result(forgotten, forgotten_text(forgotten), as_json=as_json)


def sessions_text(found: "Kept") -> str:
    """Return the sessions as Markdown."""
    titles = {each.document_id: each.title for each in found.documents}
    lines = [
        f"- `{each.session_id}` last used {_when(each.used)}, {_count(each.turns, 'turn')}, "
        f"“{each.question[:_SHOWN]}”: " + ", ".join(titles.get(key, key) for key in each.document_ids)
        for each in found.sessions
    ]
    return "\n".join(lines) or "No session is kept."


def documents_text(found: "Kept") -> str:
    """Return the documents as Markdown."""
    lines = [
        f"- `{each.document_id}` {each.title}, {_count(each.pages, 'page')}, {each.characters:,} characters"
        + (f": {', '.join(each.paths)}" if each.paths else "")
        for each in found.documents
    ]
    return "\n".join(lines) or "No document is kept."


def forgotten_text(forgotten: "Forgotten") -> str:
    """Return what was forgotten as Markdown, and what still quotes it."""
    done = f"Forgotten: {_count(len(forgotten.sessions), 'session')}, {_count(len(forgotten.documents), 'document')}."
    lines = [done, "A server that runs keeps what it has read in its memory until it ends."]
    if forgotten.still_logged:
        lines.append("Another process has the data folder open: end it and run this again, for its log may hold them.")
    if forgotten.still_quoted_in:
        ids = " ".join(forgotten.still_quoted_in)
        lines.append(f"The answers of other sessions still quote what was forgotten: `readroom forget {ids}`")
    return "\n\n".join(lines)


def _list(text: "Callable[[Kept], str]", *, as_json: bool) -> None:
    from mcp_server.cli_output import exit_code, print_result

    with exit_code(as_json=as_json):
        import asyncio

        from agents import kept
        from agents.settings import load_settings

        found = asyncio.run(kept.kept(load_settings()))
        print_result(found, text(found), as_json=as_json)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _when(seconds: float) -> str:
    import datetime

    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
